#include "reports/ascii_map.h"

#include <math.h>
#include <string.h>

#include "reports/text.h"

#define WIDTH 64
#define ROWS 24
#define NAME 12

bool map_is(const struct series *series)
{
    if (series->kind != SERIES_HEATMAP || !series->points || !series->curve_count)
        return false;
    for (size_t row = 0; row < series->curve_count; row++)
        for (size_t i = 0; i < series->curves[row].count; i++)
            if (!(series->curves[row].values[i] >= 0 && series->curves[row].values[i] <= 1))
                return false;
    return true;
}

/* Several places in one character: all there, none, or some. */
static void row_text(const struct curve *curve, size_t each, char text[WIDTH + 1])
{
    size_t size = 0;
    for (size_t first = 0; first < curve->count && size < WIDTH; first += each, size++) {
        double least = 1, most = 0;
        for (size_t i = first; i < curve->count && i < first + each; i++) {
            least = fmin(least, curve->values[i]);
            most = fmax(most, curve->values[i]);
        }
        text[size] = (char)(least >= 1 ? '#' : most <= 0 ? '.' : '+');
    }
    text[size] = '\0';
}

static bool same_row(const struct curve *a, const struct curve *b)
{
    return a->count == b->count && memcmp(a->values, b->values, a->count * sizeof *a->values) == 0;
}

static bool whole_row(const struct curve *curve)
{
    for (size_t i = 0; i < curve->count; i++)
        if (curve->values[i] < 1)
            return false;
    return true;
}

static void append_row(struct buffer *out, const struct series *series, size_t first, size_t last, size_t each)
{
    char text[WIDTH + 1];
    struct buffer name = {0};
    text_append_short(&name, TEXT_PLAIN, series->curves[first].name, NAME / 2);
    if (last > first) {
        buffer_char(&name, '-');
        text_append_short(&name, TEXT_PLAIN, series->curves[last].name, NAME / 2);
    }
    row_text(&series->curves[first], each, text);
    buffer_format(out, "    %*s %s\n", NAME, name.data ? name.data : "", text);
    buffer_free(&name);
}

void map_append(struct buffer *out, const struct series *series)
{
    size_t each = (series->points + WIDTH - 1) / WIDTH, shown = 0, more = 0;
    for (size_t row = 0, last; row < series->curve_count; row = last + 1) {
        last = row;
        while (last + 1 < series->curve_count && same_row(&series->curves[row], &series->curves[last + 1]))
            last++;
        if (whole_row(&series->curves[row]))
            continue;
        if (!shown) {
            buffer_text(out, "    ");
            text_append_short(out, TEXT_PLAIN, series->y_label, NAME);
            buffer_text(out, "s with gaps; # there, + in part, . absent");
            if (each > 1)
                buffer_format(out, "; %zu ", each);
            if (each > 1)
                text_append_short(out, TEXT_PLAIN, series->x_label, NAME);
            buffer_text(out, each > 1 ? "s each\n" : "\n");
        }
        if (shown++ < ROWS)
            append_row(out, series, row, last, each);
        else
            more++;
    }
    if (more)
        buffer_format(out, "    %*s and %zu more\n", NAME, "", more);
}
