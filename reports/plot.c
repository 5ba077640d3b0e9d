#include "reports/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "reports/process.h"
#include "reports/svg.h"
#include "reports/text.h"

#define SECONDS 20.0     /* for one plot */
#define SECONDS_ALL 60.0 /* for all that fail or crawl */
#define SVG_MAXIMUM ((size_t)32 << 20)
#define POINTS_DRAWN 4000        /* of a curve; more are joined */
#define POINTS_WITH_TOOLTIP 1500 /* of a plot */
#define POINTS_WITH_MARKS 6000
#define CELLS_AS_SHAPES 4096 /* of a heatmap; more become one image */
#define CELLS_DRAWN ((size_t)4 << 20)
#define DRAWABLE 1e200 /* larger is clipped: gnuplot's own arithmetic must not overflow */

struct plotter plotter_new(void)
{
    const char *program = getenv("ASSAY_GNUPLOT");
    return (struct plotter){.program = program && *program ? program : "gnuplot", .seconds_left = SECONDS_ALL};
}

void plotter_free(struct plotter *plotter)
{
    free(plotter->why);
    *plotter = (struct plotter){0};
}

bool curve_is_reference(const struct curve *curve)
{
    return strcmp(curve->name, "limit") == 0 || strcmp(curve->name, "noise") == 0 || strcmp(curve->name, "gold") == 0;
}

/* A value axis: what is drawn, and how many values are not drawn as they are. */
struct axis {
    bool log;
    double low, high;
    double floor; /* log: where zero and less is drawn */
    size_t finite, infinite, absent, below;
};

static void axis_see(struct axis *axis, double value)
{
    if (isnan(value)) {
        axis->absent++;
    } else if (isinf(value)) {
        axis->infinite++;
    } else {
        axis->finite++;
        if (axis->log && value < 1 / DRAWABLE) {
            axis->below++;
            return;
        }
        double clipped = fmax(-DRAWABLE, fmin(DRAWABLE, value));
        axis->low = fmin(axis->low, clipped);
        axis->high = fmax(axis->high, clipped);
    }
}

/* Whole decades, so that every tick is one; a decade more for what lies at the lower edge. */
static void axis_round_log(struct axis *axis)
{
    double low = floor(log10(axis->low)), high = ceil(log10(axis->high));
    if (axis->below)
        low -= 1;
    if (!(high > low))
        high = low + 1;
    axis->low = axis->floor = pow(10, low);
    axis->high = pow(10, high);
}

static void axis_round_linear(struct axis *axis)
{
    if (axis->low > 0 && axis->low < axis->high / 2)
        axis->low = 0;
    double pad = (axis->high - axis->low) * 0.05;
    if (!(pad > 0))
        pad = axis->high != 0 ? fabs(axis->high) * 0.1 : 1;
    axis->high += pad;
    axis->low -= axis->low == 0 ? 0 : pad;
}

static struct axis axis_of(const struct series *series, bool log)
{
    struct axis axis = {.log = log, .low = INFINITY, .high = -INFINITY};
    for (size_t curve = 0; curve < series->curve_count; curve++)
        for (size_t i = 0; i < series->curves[curve].count && i < series->points; i++)
            axis_see(&axis, isfinite(series->x[i]) ? series->curves[curve].values[i] : NAN);
    if (log && !(axis.high > 0))
        return axis_of(series, false); /* nothing positive: no log axis */
    if (axis.finite && axis.log)
        axis_round_log(&axis);
    else if (axis.finite)
        axis_round_linear(&axis);
    return axis;
}

static double axis_clip(const struct axis *axis, double value)
{
    if (axis->log && value < axis->floor)
        return axis->floor;
    return fmax(-DRAWABLE, fmin(DRAWABLE, value));
}

static void note(struct buffer *notes, size_t count, const char *one, const char *many)
{
    if (count)
        buffer_format(notes, "%s%zu %s.", notes->size ? " " : "", count, count == 1 ? one : many);
}

static void axis_notes(const struct axis *axis, bool asked_log, struct buffer *notes)
{
    note(notes, axis->absent, "value is absent or not a number and leaves a gap",
         "values are absent or not a number and leave gaps");
    note(notes, axis->infinite, "value is infinite and leaves a gap", "values are infinite and leave gaps");
    note(notes, axis->below, "value is zero or less and is drawn at the lower edge",
         "values are zero or less and are drawn at the lower edge");
    if (asked_log && !axis->log && axis->finite)
        buffer_format(notes, "%sNo value is above zero, so the axis is linear.", notes->size ? " " : "");
}

/* 1, 2 or 5 times a power of ten, about `count` of which make up the range. */
static double nice_step(double range, double count)
{
    double raw = range / count, power = pow(10, floor(log10(raw)));
    double mantissa = raw / power;
    return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 5 ? 5 : 10);
}

static size_t name_length(const struct series *series, size_t point)
{
    struct buffer name = {0};
    series_place(&name, series, point);
    size_t length = 0;
    for (size_t i = 0; i < name.size; i++)
        length += (name.data[i] & 0xC0) != 0x80;
    buffer_free(&name);
    size_t most = svg_label_length(series);
    return length < most ? length : most + 1;
}

/* Ticks with names: place marks, at most `maximum` of them. */
static void named_ticks(struct buffer *script, const struct series *series, bool by_index, size_t maximum)
{
    size_t stride = (series->points + maximum - 1) / maximum, longest = 0;
    const char *comma = "";
    buffer_text(script, "set xtics (");
    for (size_t i = 0; i < series->points; i += stride) {
        if (!isfinite(series->x[i]))
            continue;
        size_t length = name_length(series, i);
        longest = length > longest ? length : longest;
        buffer_format(script, "%s'" MARK_X "' %.17g", comma, i, by_index ? (double)i : series->x[i]);
        comma = ", ";
    }
    buffer_text(script, ")\n");
    size_t shown = (series->points + stride - 1) / stride;
    if (longest * shown <= 90)
        return;
    buffer_text(script, "set xtics rotate by 35 right\n");
    buffer_format(script, "set bmargin %.1f\nset lmargin %.1f\n", 1.1 + 0.2 * (double)longest,
                  fmax(9, 0.8 * (double)name_length(series, 0)));
}

static void head(struct buffer *script, int height)
{
    buffer_format(script, "set terminal svg size 820,%d dynamic noenhanced font 'sans-serif,13' rounded\n", height);
    buffer_text(
        script,
        "set encoding utf8\nset decimalsign '.'\nunset key\nset tics nomirror\nset bmargin 1.6\nset tmargin 0.8\n"
        "set border 3 lc rgb '" INK_AXIS "'\nset xtics textcolor rgb '" INK_AXIS "'\n"
        "set ytics textcolor rgb '" INK_AXIS "'\nset cbtics textcolor rgb '" INK_AXIS "'\n");
}

/* One data block of a curve: x, y and the mark of the tooltip; an empty line where the curve has a gap. Where there are
 * more points than can be seen, each drawn one is the largest of its neighbourhood. Returns the points written. */
static size_t curve_data(struct buffer *script, const struct series *series, size_t index, const struct axis *axis)
{
    const struct curve *curve = &series->curves[index];
    size_t count = curve->count < series->points ? curve->count : series->points;
    size_t stride = (count + POINTS_DRAWN - 1) / POINTS_DRAWN, written = 0;
    bool gap = true;
    buffer_format(script, "$d%zu << EOD\n", index);
    for (size_t first = 0; first < count; first += stride) {
        size_t best = SIZE_MAX;
        for (size_t i = first; i < count && i < first + stride; i++)
            if (isfinite(curve->values[i]) && isfinite(series->x[i]) && fabs(series->x[i]) < DRAWABLE &&
                (best == SIZE_MAX || curve->values[i] > curve->values[best]))
                best = i;
        if (best != SIZE_MAX) {
            buffer_format(script, "%.17g %.17g " MARK_POINT "\n", series->x[best], axis_clip(axis, curve->values[best]),
                          index, best);
            written++;
        } else if (!gap) {
            buffer_char(script, '\n');
        }
        gap = best == SIZE_MAX;
    }
    buffer_text(script, "EOD\n");
    return written;
}

static void curve_draw(struct buffer *script, const struct series *series, size_t index, size_t total)
{
    static const int points[PLOT_COLOURS] = {7, 5, 9, 13, 11, 7, 5, 9};
    if (curve_is_reference(&series->curves[index])) {
        buffer_format(script, "$d%zu using 1:2 with lines dt 2 lw 1.4 lc rgb '" INK_REFERENCE "'", index);
        return;
    }
    unsigned colour = (unsigned)(index % PLOT_COLOURS);
    size_t dash = index / PLOT_COLOURS % 4 + 1;
    buffer_format(script, "$d%zu using 1:2 with lines dt %zu lw 1.8 lc rgb '" INK_CURVE "'", index, dash, colour);
    if (total <= POINTS_WITH_TOOLTIP)
        buffer_format(script, ", $d%zu using 1:2:3 with labels hypertext point pt %d ps 0.45 lc rgb '" INK_CURVE "'",
                      index, points[colour], colour);
    else if (total <= POINTS_WITH_MARKS)
        buffer_format(script, ", $d%zu using 1:2 with points pt %d ps 0.2 lc rgb '" INK_CURVE "'", index,
                      points[colour], colour);
}

static void x_range(struct buffer *script, const struct series *series)
{
    double low = INFINITY, high = -INFINITY;
    bool whole = true;
    for (size_t i = 0; i < series->points; i++) {
        if (!isfinite(series->x[i]) || fabs(series->x[i]) >= DRAWABLE)
            continue;
        low = fmin(low, series->x[i]);
        high = fmax(high, series->x[i]);
        whole = whole && series->x[i] == floor(series->x[i]);
    }
    if (!(high >= low))
        low = high = 0;
    double pad = high > low ? (high - low) * 0.015 : 0.5;
    buffer_format(script, "set xrange [%.17g:%.17g]\n", low - pad, high + pad);
    if (series->labels)
        named_ticks(script, series, false, 24);
    else if (high > low)
        buffer_format(script, "set xtics %.17g\n", fmax(nice_step(high - low, 12), whole ? 1 : 0));
}

static void line_script(struct buffer *script, const struct series *series, const struct axis *axis)
{
    head(script, 330);
    x_range(script, series);
    buffer_text(script, "set grid ytics lt 1 lw 1 lc rgb '" INK_GRID "'\n");
    if (axis->log)
        buffer_text(script, "set logscale y\nset format y '%.0te%T'\n");
    buffer_format(script, "set yrange [%.17g:%.17g]\n", axis->low, axis->high);
    size_t total = 0;
    for (size_t i = 0; i < series->curve_count; i++)
        total += curve_data(script, series, i, axis);
    const char *comma = "plot ";
    for (size_t i = 0; i < series->curve_count; i++) {
        bool drawn = false;
        for (size_t k = 0; k < series->curves[i].count && k < series->points && !drawn; k++)
            drawn = isfinite(series->curves[i].values[k]) && isfinite(series->x[k]);
        if (!drawn)
            continue;
        buffer_text(script, comma);
        curve_draw(script, series, i, total);
        comma = ", \\\n  ";
    }
    buffer_char(script, '\n');
}

static void heatmap_rows(struct buffer *script, const struct series *series)
{
    size_t stride = (series->curve_count + 31) / 32, longest = 0;
    buffer_text(script, "set ytics (");
    for (size_t row = 0; row < series->curve_count; row += stride) {
        size_t length = strlen(series->curves[row].name);
        longest = length > longest ? length : longest;
        buffer_format(script, "%s'" MARK_CURVE "' %zu", row ? ", " : "", row, row);
    }
    longest = longest > svg_label_length(series) ? svg_label_length(series) + 1 : longest;
    buffer_format(script, ")\nset lmargin %.1f\n", fmax(5, 2.5 + 0.9 * (double)longest));
}

static void heatmap_script(struct buffer *script, const struct series *series, const struct axis *axis)
{
    size_t rows = series->curve_count;
    head(script, rows < 8 ? 220 : rows > 48 ? 780 : (int)(rows * 14 + 108));
    buffer_text(script, "set palette maxcolors 64 defined (0 '#440154', 1 '#414487', 2 '#2a788e', 3 '#22a884', "
                        "4 '#7ad151', 5 '#fde725')\nset colorbox noborder\nset border 0\n");
    if (axis->log)
        buffer_text(script, "set logscale cb\nset format cb '%.0te%T'\n");
    buffer_format(script, "set cbrange [%.17g:%.17g]\nset yrange [%zu.5:-0.5]\nset xrange [-0.5:%zu.5]\n", axis->low,
                  axis->high, rows - 1, series->points - 1);
    named_ticks(script, series, true, 24);
    heatmap_rows(script, series);
    buffer_text(script, "$m << EOD\n");
    for (size_t row = 0; row < rows; row++) {
        const struct curve *curve = &series->curves[row];
        for (size_t i = 0; i < series->points; i++) {
            if (i < curve->count && isfinite(curve->values[i]))
                buffer_format(script, "%.9g ", axis_clip(axis, curve->values[i]));
            else
                buffer_text(script, "NaN ");
        }
        buffer_char(script, '\n');
    }
    bool shapes = rows * series->points <= CELLS_AS_SHAPES;
    buffer_format(script, "EOD\nplot $m matrix with image%s\n", shapes ? " pixels" : "");
}

/* A bar for each place, one beneath the other: their names are long. */
static void steps_script(struct buffer *script, const struct series *series, const struct axis *axis)
{
    const struct curve *from = &series->curves[0], *to = &series->curves[1];
    size_t longest = 0;
    head(script, (int)(series->points * 34 + 60));
    buffer_format(script, "set border 1\nset yrange [%zu.5:-0.5]\nset xrange [%.17g:%.17g]\nset ytics scale 0 (",
                  series->points - 1, fmin(axis->low, 0), axis->high);
    for (size_t i = 0; i < series->points; i++) {
        size_t length = name_length(series, i);
        longest = length > longest ? length : longest;
        buffer_format(script, "%s'" MARK_X "' %zu", i ? ", " : "", i, i);
    }
    buffer_format(script, ")\nset lmargin %.1f\nset grid xtics lt 1 lw 1 lc rgb '" INK_GRID "'\n$d << EOD\n",
                  2.5 + 0.85 * (double)longest);
    for (size_t i = 0; i < series->points; i++)
        if (i < from->count && i < to->count && isfinite(from->values[i]) && isfinite(to->values[i]))
            buffer_format(script, "%zu %.17g %.17g " MARK_POINT "\n", i, axis_clip(axis, from->values[i]),
                          axis_clip(axis, to->values[i]), (size_t)1, i);
    buffer_text(script, "EOD\nset style fill solid 0.75 noborder\n"
                        "plot $d using (($2+$3)/2):1:2:3:($1-0.32):($1+0.32) with boxxyerror lc rgb '");
    buffer_format(script, INK_CURVE, 0u);
    buffer_format(script, "', $d using 3:1:4 with labels hypertext point pt 7 ps 0.6 lc rgb '" INK_CURVE "'\n", 1u);
}

/* Why a series has no plot whatever gnuplot can do; NULL: it can have one. */
static const char *plot_obstacle(const struct series *series, const struct axis *axis)
{
    if (!axis->finite)
        return "There is no finite value to draw.";
    if (series->kind == SERIES_HEATMAP && series->curve_count > CELLS_DRAWN / series->points)
        return "There are too many values to draw.";
    if (series->curve_count > 1000 && series->kind == SERIES_LINE)
        return "There are too many curves to draw.";
    if (series->kind == SERIES_STEPS && (series->curve_count != 2 || series->points > 64))
        return "These steps cannot be drawn.";
    return NULL;
}

static bool plot_draw(struct plotter *plotter, const struct buffer *script, const struct series *series, size_t number,
                      struct buffer *svg, struct error *error)
{
    struct buffer drawn = {.maximum = SVG_MAXIMUM};
    const char *const arguments[] = {plotter->program, "-d", NULL}; /* -d: no start-up file of the user */
    double seconds = fmin(SECONDS, plotter->seconds_left), started = clock_seconds();
    bool good = !script->failed || error_memory(error, "the plot");
    good = good && (seconds > 0 || error_set(error, "%s took too long before", plotter->program));
    good = good && process_run(arguments, script->data, script->size, seconds, &drawn, error);
    good = good && (svg_adopt(drawn.data ? drawn.data : "", drawn.size, series, number, svg) ||
                    error_set(error, "%s wrote no SVG that can be used", plotter->program));
    plotter->seconds_left -= clock_seconds() - started;
    buffer_free(&drawn);
    return good;
}

bool plot_svg(struct plotter *plotter, const struct series *series, size_t number, struct buffer *svg,
              struct buffer *notes)
{
    struct axis axis = axis_of(series, series->log_y && series->kind != SERIES_STEPS);
    const char *obstacle = plot_obstacle(series, &axis);
    if (obstacle) {
        buffer_text(notes, obstacle);
        return false;
    }
    struct buffer script = {0};
    struct error error = {0};
    if (series->kind == SERIES_HEATMAP)
        heatmap_script(&script, series, &axis);
    else if (series->kind == SERIES_STEPS)
        steps_script(&script, series, &axis);
    else
        line_script(&script, series, &axis);
    bool good = plot_draw(plotter, &script, series, number, svg, &error);
    if (good)
        axis_notes(&axis, series->log_y && series->kind != SERIES_STEPS, notes);
    else
        buffer_format(notes, "There is no plot: %s.", error_text(&error));
    if (!good && !plotter->why)
        plotter->why = strdup(error_text(&error));
    error_clear(&error);
    buffer_free(&script);
    return good;
}
