/* Inside reports/: the model as one picture, layers across, modules down, and beneath it the experts of each layer. */
#ifndef ASSAY_REPORTS_MODEL_MAP_H
#define ASSAY_REPORTS_MODEL_MAP_H

#include "reports/outline.h"

#define MAP_ROWS 40     /* kinds of modules shown */
#define MAP_COLUMNS 400 /* layers, and what is before and behind them */

/* What a place is, the worst that is known of it. */
enum cell_state {
    CELL_NONE,    /* gold has nothing there, as of a module that the layer has not */
    CELL_UNKNOWN, /* nothing was compared there */
    CELL_USED,    /* an expert that compared tokens went through */
    CELL_GOOD,    /* within the limit */
    CELL_OVER,    /* up to 10 times the limit */
    CELL_FAR,     /* up to 1,000 times */
    CELL_LOST,    /* beyond that, or not finite */
    CELL_UNSOUND, /* a check of files or values fails there */
    CELL_PARTLY,  /* an expert of which a part is absent */
    CELL_ABSENT,
    CELL_STATES
};

struct map_cell {
    enum cell_state state;
    bool marked;               /* values are unsound there, whatever else is known */
    bool cause;                /* weights there are a cause, proved or likely */
    double error, limit;       /* NaN: not compared */
    const struct finding *why; /* the place that says most of it; NULL: none */
};

/* Filled from a report: series "places" of relative errors and limits by module path, places with a layer, and the
 * series "experts" (1 there, 0 absent) and "expert-use" (tokens) whose curves are layers. */
struct model_map {
    struct buffer names[MAP_ROWS]; /* "self_attn"; the layer as a whole is "whole layer", or "residual sum" */
    size_t rows;
    struct buffer columns[MAP_COLUMNS]; /* "embed_tokens", "0", "1" ..., "norm", "lm_head" */
    size_t before, layers, behind;      /* how many columns are what */
    struct map_cell (*cells)[MAP_ROWS]; /* [columns]; what is no layer has one in row 0; owned */
    struct map_expert {
        enum cell_state state;
        bool cause;
    } * experts; /* [layers][expert_count]; NULL: none */
    size_t expert_count;
    size_t next;    /* while rows are found: where the next new one goes */
    int last_layer; /* and the layer of the last */
    bool cut;       /* there are more layers than it has room for */
    bool measured;  /* something was compared with gold */
    bool compared;  /* each module was fed gold's input; else errors are end to end */
};

/* False: there is nothing to draw, or no memory; then there is nothing to free. */
bool model_map_build(const struct outline *outline, struct model_map *map);
void model_map_free(struct model_map *map);

/* Appends the picture as an <svg> element, its colours the page's variables --m<state>. */
void model_map_svg(const struct model_map *map, struct buffer *out);
/* Appends what its colours mean, as an HTML list of the states that occur. */
/* What a row is called for people: of its modules, the name that gold shows them under and what it shows with them. */
const char *model_map_label(const struct model_map *map, size_t row);
void model_map_legend(const struct model_map *map, struct buffer *out);

#endif
