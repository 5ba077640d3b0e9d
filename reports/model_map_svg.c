/* The picture of a model map. Drawn here and not by gnuplot: it is the answer's own, so it has to be there wherever a
 * report can be written, and each of its cells tells what it is. */
#include <math.h>
#include <stdio.h>

#include "base/wording.h"
#include "reports/answer.h"
#include "reports/model_map.h"
#include "reports/text.h"

#define WIDTH 1000
#define GUTTER 176 /* for names of rows */
#define ROW 15
#define ASIDE 20 /* at most, of a column that is no layer */
#define APART 4
#define TOP 14  /* for names of what is no layer */
#define AXIS 20 /* for numbers of layers */
#define EXPERTS_LEAST 64
#define EXPERTS_MOST 256

static const char cause_says[] = "the cause is here";
static const char *const state_says[CELL_STATES] = {[CELL_NONE] = "the layer has none, or gold holds none",
                                                    [CELL_UNKNOWN] = "not compared",
                                                    [CELL_USED] = "an expert that compared tokens went through",
                                                    [CELL_GOOD] = "within its limit",
                                                    [CELL_OVER] = "up to 10 times its limit",
                                                    [CELL_FAR] = "up to 1,000 times its limit",
                                                    [CELL_LOST] = "more than 1,000 times its limit",
                                                    [CELL_UNSOUND] = "its values look wrong",
                                                    [CELL_PARTLY] = "a part of it is absent",
                                                    [CELL_ABSENT] = "absent"};

/* Sizes in units of the view. */
struct frame {
    const struct model_map *map;
    struct buffer *out;
    size_t columns;
    double wide;  /* a layer */
    double aside; /* a column that is no layer */
    double top;   /* of the experts */
    double experts;
};

static double left_of(const struct frame *frame, size_t column)
{
    size_t before = frame->map->before, layers = frame->map->layers;
    double left = GUTTER + frame->aside * (double)(column < before ? column : before);
    if (column >= before) /* a little apart */
        left += APART + frame->wide * (double)(column - before < layers ? column - before : layers);
    if (column >= before + layers)
        left += APART + frame->aside * (double)(column - before - layers);
    return left;
}

static void text_at(struct buffer *out, double x, double y, const char *anchor, const char *text)
{
    buffer_format(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    text_append_short(out, TEXT_MARKUP, text, 26);
    buffer_text(out, "</text>");
}

/* The beginning of a cell, up to what it says. */
static void rect_open(struct buffer *out, enum cell_state state, double x, double y, double width, double height)
{
    buffer_format(out, "<rect class=\"m%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>", (int)state,
                  x, y, width, height);
}

static void rect_close(struct buffer *out)
{
    buffer_text(out, "</title></rect>\n");
}

static void cell_says(struct buffer *out, const struct map_cell *cell)
{
    struct buffer text = {0};
    if (!isnan(cell->limit)) {
        buffer_text(&text, ": error ");
        digits_append(&text, cell->error);
        buffer_text(&text, ", limit ");
        digits_append(&text, cell->limit);
    }
    if (cell->why && cell->state != CELL_GOOD && (cell->state >= CELL_UNSOUND || cell->marked)) {
        buffer_text(&text, ": ");
        buffer_text(&text, cell->why->message ? cell->why->message : cell->why->check);
    }
    if (!text.size)
        buffer_format(&text, ": %s", state_says[cell->state]);
    if (cell->cause)
        buffer_format(&text, "; %s", cause_says);
    text_append_short(out, TEXT_MARKUP, text.data, 200);
    buffer_free(&text);
}

/* Layers in a row that have nothing to tell are one cell. */
static bool joins(const struct map_cell *a, const struct map_cell *b)
{
    return a->state == b->state && a->state <= CELL_GOOD && !a->marked && !b->marked && !a->cause && !b->cause;
}

static void mark_unsound(const struct frame *frame, double x, double y, double wide, double height)
{
    buffer_format(frame->out, "<circle class=\"mu\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", x + wide / 2,
                  y + height / 2, fmin(wide, ROW) * 0.28);
}

static void row_draw(const struct frame *frame, size_t row)
{
    const struct model_map *map = frame->map;
    double y = TOP + (double)row * ROW;
    size_t end = map->before + map->layers;
    text_at(frame->out, GUTTER - 6, y + ROW - 4, "end", model_map_label(map, row));
    for (size_t first = map->before, last; first < end; first = last + 1) {
        const struct map_cell *cell = &map->cells[first][row];
        for (last = first; last + 1 < end && joins(cell, &map->cells[last + 1][row]);)
            last++;
        double x = left_of(frame, first);
        if (cell->state == CELL_NONE && !cell->marked && !cell->cause)
            continue;
        rect_open(frame->out, cell->state, x, y, frame->wide * (double)(last - first + 1) - 0.6, ROW - 1);
        buffer_format(frame->out, last > first ? "layers %zu-%zu, " : "layer %zu, ", first - map->before,
                      last - map->before);
        text_append_short(frame->out, TEXT_MARKUP, model_map_label(map, row), 60);
        if (last > first)
            buffer_format(frame->out, ": %s", state_says[cell->state]);
        else
            cell_says(frame->out, cell);
        rect_close(frame->out);
        if (cell->marked)
            mark_unsound(frame, x, y, frame->wide, ROW - 1);
    }
}

static void aside_draw(const struct frame *frame, size_t column)
{
    const struct map_cell *cell = &frame->map->cells[column][0];
    double height = (double)(frame->map->rows ? frame->map->rows : 1) * ROW - 1;
    rect_open(frame->out, cell->state, left_of(frame, column), TOP, frame->aside - 0.6, height);
    text_append_short(frame->out, TEXT_MARKUP, frame->map->columns[column].data, 60);
    cell_says(frame->out, cell);
    rect_close(frame->out);
    if (cell->marked)
        mark_unsound(frame, left_of(frame, column), TOP, frame->aside, height);
}

/* Above their columns: of those in front from the left, of those behind from the right. */
static void aside_names(const struct frame *frame)
{
    const struct model_map *map = frame->map;
    struct buffer names[2] = {0};
    for (size_t i = 0; i < frame->columns; i++) {
        bool behind = i >= map->before + map->layers;
        if (i < map->before || behind)
            buffer_format(&names[behind], "%s%s", names[behind].size ? ", " : "", map->columns[i].data);
    }
    if (names[0].data)
        text_at(frame->out, GUTTER, TOP - 4, "start", names[0].data);
    if (names[1].data)
        text_at(frame->out, WIDTH, TOP - 4, "end", names[1].data);
    for (size_t i = 0; i < 2; i++)
        buffer_free(&names[i]);
}

/* Where the cause is has an outline, drawn over all else: one around neighbours. */
static void outline_draw(const struct frame *frame, double x, double y, double width, double height)
{
    buffer_format(frame->out, "<rect class=\"mc\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", x, y,
                  width, height);
}

static void causes_draw(const struct frame *frame)
{
    const struct model_map *map = frame->map;
    size_t end = map->before + map->layers;
    for (size_t row = 0; row < map->rows; row++)
        for (size_t first = map->before, last; first < end; first = last + 1) {
            last = first;
            if (!map->cells[first][row].cause)
                continue;
            while (last + 1 < end && map->cells[last + 1][row].cause)
                last++;
            outline_draw(frame, left_of(frame, first), TOP + (double)row * ROW,
                         frame->wide * (double)(last - first + 1) - 0.6, ROW - 1);
        }
    for (size_t i = 0; i < frame->columns; i++)
        if ((i < map->before || i >= end) && map->cells[i][0].cause)
            outline_draw(frame, left_of(frame, i), TOP, frame->aside - 0.6,
                         (double)(map->rows ? map->rows : 1) * ROW - 1);
}

#define OUTLINE_LEAST 5 /* or one expert of many could not be seen */

static void expert_causes_draw(const struct frame *frame, size_t layer)
{
    const struct model_map *map = frame->map;
    const struct map_expert *all = map->experts + layer * map->expert_count;
    double each = frame->experts / (double)map->expert_count, x = left_of(frame, map->before + layer);
    for (size_t first = 0, last; first < map->expert_count; first = last + 1) {
        last = first;
        if (!all[first].cause)
            continue;
        while (last + 1 < map->expert_count && all[last + 1].cause)
            last++;
        double height = each * (double)(last - first + 1), more = fmax(0, OUTLINE_LEAST - height);
        outline_draw(frame, x, frame->top + each * (double)first - more / 2, frame->wide - 0.6, height + more);
    }
}

static void experts_draw(const struct frame *frame, size_t layer)
{
    const struct model_map *map = frame->map;
    const struct map_expert *all = map->experts + layer * map->expert_count;
    double each = frame->experts / (double)map->expert_count, x = left_of(frame, map->before + layer);
    for (size_t first = 0, last; first < map->expert_count; first = last + 1) {
        enum cell_state state = all[first].state;
        for (last = first;
             last + 1 < map->expert_count && all[last + 1].state == state && all[last + 1].cause == all[first].cause;)
            last++;
        if (state == CELL_UNKNOWN && !all[first].cause)
            continue; /* the ground is that colour */
        rect_open(frame->out, state, x, frame->top + each * (double)first, frame->wide - 0.6,
                  fmax(each * (double)(last - first + 1), 0.4));
        buffer_format(frame->out, "layer %zu, expert%s %zu", layer, last > first ? "s" : "", first);
        if (last > first)
            buffer_format(frame->out, "-%zu", last);
        buffer_format(frame->out, ": %s%s%s", state_says[state], all[first].cause ? "; " : "",
                      all[first].cause ? cause_says : "");
        rect_close(frame->out);
    }
}

static void layer_numbers(const struct frame *frame, double y)
{
    size_t layers = frame->map->layers, step = layers <= 16 ? 1 : layers <= 64 ? 4 : layers <= 128 ? 8 : 16;
    text_at(frame->out, GUTTER - 6, y, "end", "layer number");
    for (size_t i = 0; i < layers; i += step) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        text_at(frame->out, left_of(frame, frame->map->before + i) + frame->wide / 2, y, "middle", number);
    }
}

static void experts_part(const struct frame *frame)
{
    const struct model_map *map = frame->map;
    buffer_format(frame->out, "<rect class=\"m1\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                  left_of(frame, map->before), frame->top, frame->wide * (double)map->layers - 0.6, frame->experts);
    for (size_t layer = 0; layer < map->layers; layer++)
        experts_draw(frame, layer);
    for (size_t layer = 0; layer < map->layers; layer++)
        expert_causes_draw(frame, layer);
    size_t names = map->expert_count < 5 ? map->expert_count : 5;
    for (size_t i = 0; i < names; i++) {
        size_t expert = names > 1 ? i * (map->expert_count - 1) / (names - 1) : 0;
        char name[40];
        snprintf(name, sizeof name, i ? "%zu" : "expert %zu", expert);
        text_at(frame->out, GUTTER - 6,
                frame->top + 9 + (frame->experts - 10) * (double)i / (double)(names > 1 ? names - 1 : 1), "end", name);
    }
}

void model_map_svg(const struct model_map *map, struct buffer *out)
{
    struct frame frame = {.map = map, .out = out, .columns = map->before + map->layers + map->behind};
    double aside = (double)(map->before + map->behind), room = WIDTH - GUTTER - 2 * APART;
    frame.aside = fmin(ASIDE, room / (double)frame.columns);
    frame.wide = map->layers ? (room - frame.aside * aside) / (double)map->layers : 0;
    double rows = TOP + (double)(map->rows ? map->rows : 1) * ROW;
    frame.top = map->rows || map->before + map->behind ? rows + AXIS : 0;
    if (map->experts)
        frame.experts = fmax(EXPERTS_LEAST, fmin(EXPERTS_MOST, 2 * (double)map->expert_count));
    double height = frame.top + frame.experts + (map->experts && frame.top == 0 ? AXIS : 0);
    buffer_format(out,
                  "<svg class=\"map\" role=\"img\" viewBox=\"0 0 %d %.0f\" aria-label=\"The model: %zu layer%s across, "
                  "%zu kind%s of modules down",
                  WIDTH, height, map->layers, text_plural(map->layers), map->rows, text_plural(map->rows));
    if (map->experts)
        buffer_format(out, ", and beneath them the %zu experts of each layer", map->expert_count);
    buffer_text(out, ". What fails is listed in the sections that follow.\">\n");
    for (size_t row = 0; row < map->rows; row++)
        row_draw(&frame, row);
    for (size_t i = 0; i < frame.columns; i++)
        if (i < map->before || i >= map->before + map->layers)
            aside_draw(&frame, i);
    causes_draw(&frame);
    aside_names(&frame);
    layer_numbers(&frame, frame.top ? rows + 13 : height - 5);
    if (map->experts)
        experts_part(&frame);
    buffer_text(out, "</svg>\n");
}

void model_map_legend(const struct model_map *map, struct buffer *out)
{
    bool seen[CELL_STATES] = {false}, rows[CELL_STATES] = {false}, marked = false, cause = false;
    size_t experts[CELL_STATES] = {0}, columns = map->before + map->layers + map->behind;
    for (size_t i = 0; i < columns; i++)
        for (size_t row = 0; row < (i < map->before || i >= map->before + map->layers ? 1 : map->rows); row++) {
            seen[map->cells[i][row].state] = rows[map->cells[i][row].state] = true;
            marked = marked || map->cells[i][row].marked;
            cause = cause || map->cells[i][row].cause;
        }
    for (size_t i = 0; map->experts && i < map->layers * map->expert_count; i++) {
        seen[map->experts[i].state] = true;
        experts[map->experts[i].state]++;
        cause = cause || map->experts[i].cause;
    }
    buffer_text(out, "<ul class=\"legend\">\n");
    for (int state = CELL_NONE; state < CELL_STATES; state++) {
        if (!seen[state])
            continue;
        buffer_format(out,
                      "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"m%d\" width=\"12\" "
                      "height=\"12\"/></svg>%s",
                      state, state_says[state]);
        if (experts[state] && !rows[state] && state != CELL_NONE && state != CELL_USED) {
            buffer_text(out, " (");
            grouped_append(out, (unsigned long)experts[state]);
            buffer_format(out, " expert%s)", text_plural(experts[state]));
        }
        buffer_text(out, "</li>\n");
    }
    if (marked)
        buffer_format(out,
                      "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><circle class=\"mu\" cx=\"6\" cy=\"6\" "
                      "r=\"4\"/></svg>%s</li>\n",
                      state_says[CELL_UNSOUND]);
    if (cause)
        buffer_format(out,
                      "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"mc\" x=\"1\" y=\"1\" "
                      "width=\"10\" height=\"10\"/></svg>%s</li>\n",
                      cause_says);
    buffer_text(out, "</ul>\n");
}
