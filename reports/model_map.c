#include "reports/model_map.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"

/* Where a path lies: "model.layers.3.mlp.gate" is "mlp.gate" of layer 3. */
struct map_place {
    const char *name; /* points into the path */
    size_t length;
    int layer; /* -1: of none */
};

static struct map_place place_of(const char *path)
{
    static const char layers[] = "layers.";
    const char *at = strstr(path, layers);
    size_t digits = at ? strspn(at + sizeof layers - 1, "0123456789") : 0;
    struct map_place place = {.name = path, .layer = -1};
    if (digits && digits < 6) {
        place.layer = atoi(at + sizeof layers - 1);
        place.name = at + sizeof layers - 1 + digits;
        place.name += *place.name == '.';
    } else if (strncmp(path, "model.", 6) == 0) {
        place.name = path + 6;
    }
    static const char *const endings[] = {".weight", ".bias"};
    place.length = strlen(place.name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (place.length > ending && strcmp(place.name + place.length - ending, endings[i]) == 0)
            place.length -= ending;
    }
    return place;
}

/* A name without what stands behind its first number: "mlp.experts" of "mlp.experts.76.gate_proj". */
static size_t kind_length(const char *name, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        if (name[i] == '.' && isdigit((unsigned char)name[i + 1]))
            return i;
    return length;
}

/* What gold shows behind the norm that follows it has that norm's row. */
static const struct {
    const char *name, *row, *label;
} shown_rows[] = {{"self_attn.q_proj", "self_attn.q_norm", "self_attn.q_proj, q_norm"},
                  {"self_attn.k_proj", "self_attn.k_norm", "self_attn.k_proj, k_norm"}};
#define SHOWN_ROWS (sizeof shown_rows / sizeof *shown_rows)

const char *model_map_label(const struct model_map *map, size_t row)
{
    for (size_t i = 0; i < SHOWN_ROWS; i++)
        if (strcmp(map->names[row].data, shown_rows[i].row) == 0)
            return shown_rows[i].label;
    return map->names[row].data;
}

static size_t shown_find(const struct model_map *map, const char *name, size_t length)
{
    for (size_t i = 0; i < SHOWN_ROWS; i++)
        if (strlen(shown_rows[i].name) == length && memcmp(shown_rows[i].name, name, length) == 0)
            for (size_t row = 0; row < map->rows; row++)
                if (strcmp(map->names[row].data, shown_rows[i].row) == 0)
                    return row;
    return map->rows;
}

/* The row that the name is of: its own, or that of the module it lies in; `rows`: none. */
static size_t row_find(const struct model_map *map, const char *name, size_t length)
{
    size_t best = shown_find(map, name, length), longest = 0;
    if (best < map->rows)
        return best;
    for (size_t row = 0; row < map->rows; row++) {
        const struct buffer *own = &map->names[row];
        bool in = own->size <= length && memcmp(own->data, name, own->size) == 0 &&
                  (own->size == length || name[own->size] == '.');
        if (in && own->size > longest) {
            longest = own->size;
            best = row;
        }
    }
    return best;
}

static const char whole_layer[] = "whole layer";

/* `exactly`: a module that contains it is not enough. `rows`: there is no room for another. */
static size_t row_take(struct model_map *map, const char *name, size_t length, bool exactly)
{
    if (!length) {
        name = whole_layer;
        length = sizeof whole_layer - 1;
    }
    size_t row = row_find(map, name, length);
    if (row < map->rows && (!exactly || map->names[row].size == length))
        return row;
    if (!exactly)
        length = kind_length(name, length);
    if (map->rows == MAP_ROWS || length > 60)
        return map->rows;
    row = map->next < map->rows && !map->cells ? map->next : map->rows;
    memmove(map->names + row + 1, map->names + row, (map->rows - row) * sizeof *map->names);
    map->names[row] = (struct buffer){0};
    buffer_append(&map->names[row], name, length);
    map->rows++;
    return row;
}

/* The column of what lies in no layer; SIZE_MAX: it has none. */
static size_t aside_find(const struct model_map *map, const struct map_place *place)
{
    size_t count = map->before + map->layers + map->behind;
    for (size_t i = 0; i < count; i++)
        if ((i < map->before || i >= map->before + map->layers) && map->columns[i].size == place->length &&
            memcmp(map->columns[i].data, place->name, place->length) == 0)
            return i;
    return SIZE_MAX;
}

static struct map_cell *cell_of(struct model_map *map, const char *path, bool exactly)
{
    struct map_place place = place_of(path);
    if (place.layer < 0) {
        size_t column = aside_find(map, &place);
        return column == SIZE_MAX ? NULL : &map->cells[column][0];
    }
    size_t row = row_take(map, place.name, place.length, exactly);
    if (row >= map->rows || (size_t)place.layer >= map->layers)
        return NULL;
    return &map->cells[map->before + (size_t)place.layer][row];
}

static enum cell_state state_of(double error, double limit)
{
    double ratio = error / limit;
    if (error <= limit)
        return CELL_GOOD;
    return ratio <= 10 ? CELL_OVER : ratio <= 1000 ? CELL_FAR : CELL_LOST;
}

static void cell_compare(struct map_cell *cell, double error, double limit)
{
    enum cell_state state = state_of(error, limit);
    bool worse = isnan(cell->limit) || !(error / limit <= cell->error / cell->limit);
    if (worse) {
        cell->error = error;
        cell->limit = limit;
    }
    if (state > cell->state)
        cell->state = state;
}

static const double *curve_named(const struct series *series, const char *name)
{
    for (size_t i = 0; i < series->curve_count; i++)
        if (strcmp(series->curves[i].name, name) == 0 && series->curves[i].count >= series->points)
            return series->curves[i].values;
    return NULL;
}

static bool alone(const struct finding *finding)
{
    return strcmp(finding->check, "layers.isolated") == 0;
}

/* The next series of that name of a summary, from `*at` on; moves it behind. NULL: there is none. */
static const struct series *series_next(const struct outline *outline, const char *name, size_t *at,
                                        const struct finding **of)
{
    while (*at < outline->count) {
        const struct finding *head = outline->checks[(*at)++].head;
        for (size_t i = 0; i < head->series_count; i++)
            if (strcmp(head->series[i].name, name) == 0) {
                *of = head;
                return &head->series[i];
            }
    }
    return NULL;
}

/* Calls for each path with what was measured there: of modules alone where there are such. */
static void compared_each(const struct outline *outline, struct model_map *map,
                          void (*see)(struct model_map *map, const char *path, double error, double limit))
{
    const struct series *series;
    const struct finding *of;
    for (size_t at = 0; (series = series_next(outline, "places", &at, &of));)
        map->compared = map->compared || alone(of);
    for (size_t at = 0; (series = series_next(outline, "places", &at, &of));) {
        const double *error = curve_named(series, "relative L2"), *limit = curve_named(series, "limit");
        if (!error || !limit || !series->labels || alone(of) != map->compared)
            continue;
        for (size_t i = 0; i < series->points; i++)
            if (series->labels[i])
                see(map, series->labels[i], error[i], limit[i]);
    }
}

static void see_layer(struct model_map *map, int layer)
{
    map->cut = map->cut || layer >= MAP_COLUMNS - 16;
    layer = layer < MAP_COLUMNS - 16 ? layer : MAP_COLUMNS - 17;
    if (layer >= 0 && (size_t)layer >= map->layers)
        map->layers = (size_t)layer + 1;
}

static void see_extent(struct model_map *map, const char *path, double error, double limit)
{
    (void)error;
    (void)limit;
    struct map_place place = place_of(path);
    see_layer(map, place.layer);
    if (place.layer < 0)
        return;
    /* Behind what came before it in its layer: paths come in the order of the pass. */
    if (place.layer != map->last_layer)
        map->next = 0;
    map->last_layer = place.layer;
    map->next = row_take(map, place.name, place.length, true) + 1;
}

static void see_aside(struct model_map *map, const char *path, double error, double limit)
{
    (void)error;
    (void)limit;
    struct map_place place = place_of(path);
    size_t count = map->before + map->layers + map->behind;
    if (place.layer >= 0 || !place.length || place.length > 60 || aside_find(map, &place) != SIZE_MAX ||
        map->behind + map->before >= 12)
        return;
    bool first = memmem(place.name, place.length, "embed", 5) != NULL;
    if (first) {
        memmove(map->columns + 1, map->columns, count * sizeof *map->columns);
        map->columns[0] = (struct buffer){0};
    }
    buffer_append(&map->columns[first ? 0 : count], place.name, place.length);
    map->before += first;
    map->behind += !first;
}

static void see_error(struct model_map *map, const char *path, double error, double limit)
{
    map->measured = true;
    struct map_cell *cell = cell_of(map, path, true);
    if (cell)
        cell_compare(cell, error, limit);
}

/* A place that fails, of which the path is known; NULL: it has none. */
static const char *path_of(const struct finding *place)
{
    if (place->verdict != VERDICT_FAIL)
        return NULL;
    return place->where.tensor ? place->where.tensor : place->where.module;
}

/* The tensor is all that its row stands for, as a norm's gain is. */
static bool is_whole(const struct model_map *map, const char *path)
{
    struct map_place place = place_of(path);
    size_t row = row_find(map, place.name, place.length);
    return place.layer < 0 || (row < map->rows && map->names[row].size == place.length);
}

static void fault_take(struct model_map *map, const struct finding *place)
{
    bool gone = text_begins_with(place->check, "inventory.absent"), values = text_begins_with(place->check, "weights.");
    bool measured = alone(place) && place->has_measured && place->has_limit;
    struct map_cell *cell = gone || values || measured ? cell_of(map, path_of(place), false) : NULL;
    if (!cell)
        return;
    bool expert = place->where.expert >= 0;
    map->measured = map->measured || measured;
    map->compared = map->compared || measured;
    if (measured)
        cell_compare(cell, place->measured, place->limit);
    if (values) {
        cell->marked = true;
        if (cell->state <= CELL_UNKNOWN)
            cell->state = CELL_UNSOUND;
    }
    bool partly = expert || !is_whole(map, path_of(place));
    if (gone && (!partly || cell->state <= CELL_UNKNOWN))
        cell->state = partly ? CELL_PARTLY : CELL_ABSENT;
    if (!cell->why || (gone && !expert))
        cell->why = place;
}

/* What a failing place does to the layers there are, and to what stands beside them. */
static void faults_each(const struct outline *outline, struct model_map *map,
                        void (*see)(struct model_map *map, const struct finding *place))
{
    for (size_t i = 0; i < outline->count; i++)
        for (size_t k = 0; k < outline->checks[i].place_count; k++)
            if (path_of(outline->checks[i].places[k]))
                see(map, outline->checks[i].places[k]);
}

static void fault_extent(struct model_map *map, const struct finding *place)
{
    see_layer(map, place->where.layer);
}

static void fault_aside(struct model_map *map, const struct finding *place)
{
    if (text_begins_with(place->check, "inventory.absent") || text_begins_with(place->check, "weights."))
        see_aside(map, path_of(place), NAN, NAN);
}

static struct map_expert *expert_at(const struct model_map *map, size_t layer, size_t expert)
{
    return &map->experts[layer * map->expert_count + expert];
}

/* What is named as a cause, and is more than possible. */
static void causes_each(const struct outline *outline, struct model_map *map,
                        void (*see)(struct model_map *map, const char *path))
{
    for (size_t i = 0; i < outline->count; i++)
        for (size_t k = 0; k < outline->checks[i].place_count; k++) {
            const struct finding *place = outline->checks[i].places[k];
            const char *grade = finding_fact_named(place, "grade");
            if (!grade || (strcmp(grade, "proved") != 0 && strcmp(grade, "likely") != 0))
                continue;
            for (size_t s = 0; s < place->series_count; s++)
                for (size_t point = 0; point < place->series[s].points; point++)
                    if (strcmp(place->series[s].name, "cause") == 0 && place->series[s].labels &&
                        place->series[s].labels[point])
                        see(map, place->series[s].labels[point]);
        }
}

static void cause_aside(struct model_map *map, const char *path)
{
    see_aside(map, path, NAN, NAN);
}

static void cause_take(struct model_map *map, const char *path)
{
    struct map_cell *cell = cell_of(map, path, false);
    if (cell)
        cell->cause = true;
}

/* Of "model.layers.3.mlp.experts.76-127", or "....experts.76.up_proj.weight". */
static void cause_expert(struct model_map *map, const char *path)
{
    static const char experts[] = "experts.";
    const char *at = strstr(path, experts);
    int layer = place_of(path).layer;
    if (!at || layer < 0 || (size_t)layer >= map->layers)
        return;
    char *end;
    at += sizeof experts - 1;
    if (!isdigit((unsigned char)*at))
        return;
    size_t first = strtoul(at, &end, 10), last = first;
    if (*end == '-')
        last = strtoul(end + 1, NULL, 10);
    for (size_t expert = first; expert <= last && expert < map->expert_count; expert++)
        expert_at(map, (size_t)layer, expert)->cause = true;
}

static void fault_expert(struct model_map *map, const struct finding *place)
{
    int layer = place->where.layer, expert = place->where.expert;
    if (!text_begins_with(place->check, "weights.") || layer < 0 || expert < 0 || (size_t)layer >= map->layers ||
        (size_t)expert >= map->expert_count)
        return;
    enum cell_state *state = &expert_at(map, (size_t)layer, (size_t)expert)->state;
    if (*state < CELL_UNSOUND)
        *state = CELL_UNSOUND;
}

/* The layer that a curve is of: of "layer 3", or "3". */
static int curve_layer(const struct curve *curve)
{
    const char *digits = curve->name + strcspn(curve->name, "0123456789");
    long long layer;
    return number_parse(digits, 0, MAP_COLUMNS, &layer) ? (int)layer : -1;
}

static void experts_take(struct model_map *map, const struct series *series, bool use)
{
    for (size_t i = 0; i < series->curve_count; i++) {
        const struct curve *curve = &series->curves[i];
        int layer = curve_layer(curve);
        if (layer < 0 || (size_t)layer >= map->layers)
            continue;
        for (size_t expert = 0; expert < curve->count && expert < map->expert_count; expert++) {
            double value = curve->values[expert];
            enum cell_state state = use                          ? (value > 0 ? CELL_USED : CELL_UNKNOWN)
                                    : value >= 1 || isnan(value) ? CELL_UNKNOWN
                                    : value > 0                  ? CELL_PARTLY
                                                                 : CELL_ABSENT;
            enum cell_state *known = &expert_at(map, (size_t)layer, expert)->state;
            *known = state > *known ? state : *known;
        }
    }
}

/* Layers of a mixture that have no router, where others have one, have no experts either. */
static void experts_of_none(struct model_map *map)
{
    static const char router[] = "mlp.gate";
    size_t row = 0, routers = 0;
    while (row < map->rows && strcmp(map->names[row].data, router) != 0)
        row++;
    for (size_t layer = 0; row < map->rows && layer < map->layers; layer++)
        routers += map->cells[map->before + layer][row].state > CELL_NONE;
    for (size_t layer = 0; routers && layer < map->layers; layer++) {
        bool none = map->cells[map->before + layer][row].state == CELL_NONE;
        for (size_t expert = 0; none && expert < map->expert_count; expert++)
            none = expert_at(map, layer, expert)->state == CELL_UNKNOWN && !expert_at(map, layer, expert)->cause;
        for (size_t expert = 0; none && expert < map->expert_count; expert++)
            expert_at(map, layer, expert)->state = CELL_NONE;
    }
}

static bool experts_build(const struct outline *outline, struct model_map *map)
{
    static const char *const names[] = {"experts", "expert-use"};
    const struct series *series;
    const struct finding *of;
    for (size_t name = 0; name < 2; name++)
        for (size_t at = 0; (series = series_next(outline, names[name], &at, &of));)
            if (series->points > map->expert_count && series->points <= 65536)
                map->expert_count = series->points;
    if (!map->expert_count || !map->layers)
        return true;
    if (!(map->experts = calloc(map->layers * map->expert_count, sizeof *map->experts)))
        return false;
    for (size_t i = 0; i < map->layers * map->expert_count; i++)
        map->experts[i].state = CELL_UNKNOWN;
    for (size_t name = 0; name < 2; name++)
        for (size_t at = 0; (series = series_next(outline, names[name], &at, &of));)
            experts_take(map, series, name == 1);
    faults_each(outline, map, fault_expert);
    causes_each(outline, map, cause_expert);
    experts_of_none(map);
    return true;
}

static bool cells_build(const struct outline *outline, struct model_map *map)
{
    size_t count = map->before + map->layers + map->behind;
    if (!count || !(map->cells = calloc(count, sizeof *map->cells)))
        return false;
    for (size_t i = 0; i < count; i++)
        for (size_t row = 0; row < MAP_ROWS; row++)
            map->cells[i][row].error = map->cells[i][row].limit = NAN;
    compared_each(outline, map, see_error);
    faults_each(outline, map, fault_take);
    causes_each(outline, map, cause_take);
    for (size_t i = 0; !map->measured && i < count; i++)
        for (size_t row = 0; row < MAP_ROWS; row++)
            if (map->cells[i][row].state == CELL_NONE)
                map->cells[i][row].state = CELL_UNKNOWN;
    return true;
}

static bool anything_known(const struct model_map *map)
{
    size_t count = map->before + map->layers + map->behind;
    for (size_t i = 0; i < count; i++)
        for (size_t row = 0; row < MAP_ROWS; row++)
            if (map->cells[i][row].state > CELL_UNKNOWN)
                return true;
    for (size_t i = 0; map->experts && i < map->layers * map->expert_count; i++)
        if (map->experts[i].state > CELL_USED)
            return true;
    return false;
}

/* Fed gold's parts, a layer as a whole is nothing but their sum: that it is right does not say that they are. */
static void name_sum(struct model_map *map)
{
    for (size_t row = 0; row < map->rows; row++)
        if (map->names[row].data && strcmp(map->names[row].data, whole_layer) == 0) {
            buffer_free(&map->names[row]);
            buffer_text(&map->names[row], "residual sum");
        }
}

bool model_map_build(const struct outline *outline, struct model_map *map)
{
    *map = (struct model_map){0};
    see_layer(map, outline->report->subject.layers - 1);
    map->last_layer = -1;
    compared_each(outline, map, see_extent);
    map->next = map->rows;
    faults_each(outline, map, fault_extent);
    for (size_t i = 0; i < map->layers; i++)
        buffer_format(&map->columns[i], "%zu", i);
    compared_each(outline, map, see_aside);
    faults_each(outline, map, fault_aside);
    causes_each(outline, map, cause_aside);
    if (cells_build(outline, map) && experts_build(outline, map) && anything_known(map)) {
        if (map->compared)
            name_sum(map);
        return true;
    }
    model_map_free(map);
    return false;
}

void model_map_free(struct model_map *map)
{
    for (size_t i = 0; i < MAP_ROWS; i++)
        buffer_free(&map->names[i]);
    for (size_t i = 0; i < MAP_COLUMNS; i++)
        buffer_free(&map->columns[i]);
    free(map->cells);
    free(map->experts);
    *map = (struct model_map){0};
}
