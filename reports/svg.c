#include "reports/svg.h"

#include <stdlib.h>
#include <string.h>

#include "reports/text.h"

struct adopter {
    const struct series *series;
    size_t number;
    struct buffer *out;
    const char *end;
    bool good;
};

/* Handles what stands at `at`, which begins with the rule's text; returns where to go on. */
typedef const char *rule_apply(struct adopter *adopter, const char *at);

/* Behind the next `text`; NULL text not found fails the whole. */
static const char *behind(struct adopter *adopter, const char *at, const char *text)
{
    const char *found = memmem(at, (size_t)(adopter->end - at), text, strlen(text));
    if (!found)
        adopter->good = false;
    return found ? found + strlen(text) : adopter->end;
}

static const char *drop_title(struct adopter *adopter, const char *at)
{
    return behind(adopter, at, "</title>");
}

static const char *drop_description(struct adopter *adopter, const char *at)
{
    return behind(adopter, at, "</desc>");
}

static const char *refuse(struct adopter *adopter, const char *at)
{
    (void)at;
    adopter->good = false;
    return adopter->end;
}

static const char *drop_id(struct adopter *adopter, const char *at)
{
    return behind(adopter, behind(adopter, at, "=\""), "\"");
}

static const char *id_own(struct adopter *adopter, const char *at)
{
    const char *quote = at + strcspn(at, "#'");
    buffer_append(adopter->out, at, (size_t)(quote - at));
    /* up to and with the sign (') or the two signs ('#) in front of the name */
    size_t signs = *quote == '\'' && quote[1] == '#' ? 2 : 1;
    buffer_append(adopter->out, quote, signs);
    buffer_format(adopter->out, "plot%zu-", adopter->number);
    return quote + signs;
}

/* A whole number behind `lead`; moves *at behind it. */
static bool scan(const char **at, const char *lead, size_t *value)
{
    size_t length = strlen(lead);
    if (strncmp(*at, lead, length) != 0)
        return false;
    char *end = NULL;
    *value = strtoull(*at + length, &end, 10);
    bool found = end != *at + length;
    *at = end;
    return found;
}

static const char *ink(struct adopter *adopter, const char *at)
{
    size_t red, green, blue;
    if (!scan(&at, "rgb(", &red) || !scan(&at, ",", &green) || !scan(&at, ",", &blue) || *at != ')')
        return refuse(adopter, at);
    static const char *const names[] = {"", "currentColor", "var(--grid)", "var(--reference)"};
    if (red == 1 && green == 1 && blue >= 1 && blue <= 3)
        buffer_text(adopter->out, names[blue]);
    else if (red == 2 && green == 2)
        buffer_format(adopter->out, "var(--c%zu)", blue);
    else
        buffer_format(adopter->out, "rgb(%zu,%zu,%zu)", red, green, blue);
    return at + 1;
}

static const char *drop_colour(struct adopter *adopter, const char *at)
{
    return behind(adopter, behind(adopter, at, "=\""), "\"");
}

static const char *black_stroke(struct adopter *adopter, const char *at)
{
    buffer_text(adopter->out, "stroke='currentColor'");
    return behind(adopter, at, "'black'");
}

static const char *black_fill(struct adopter *adopter, const char *at)
{
    buffer_text(adopter->out, "fill=\"currentColor\"");
    return behind(adopter, at, "\"black\"");
}

/* gnuplot leaves many groups empty. */
static const char *group(struct adopter *adopter, const char *at)
{
    static const char empty[] = "\n</g>";
    const char *tag_end = behind(adopter, at, ">");
    if ((size_t)(adopter->end - tag_end) >= sizeof empty && strncmp(tag_end, empty, sizeof empty - 1) == 0)
        return tag_end + sizeof empty - 1 + (tag_end[sizeof empty - 1] == '\n');
    buffer_text(adopter->out, "<g");
    return at + 2;
}

size_t svg_label_length(const struct series *series)
{
    return series->kind == SERIES_STEPS ? 52 : 26;
}

void series_place(struct buffer *out, const struct series *series, size_t point)
{
    if (series->labels && series->labels[point])
        buffer_text(out, series->labels[point]);
    else
        number_append(out, series->x[point]);
}

/* <text>T3T</text>: the name of place 3. */
static const char *mark_text(struct adopter *adopter, const char *at)
{
    static const char close[] = "</text>";
    char kind = at[6];
    char *after = NULL;
    size_t index = strtoull(at + 7, &after, 10);
    bool mark = after != at + 7 && *after == kind && strncmp(after + 1, close, sizeof close - 1) == 0;
    size_t count = kind == 'T' ? adopter->series->points : adopter->series->curve_count;
    if (!mark || index >= count)
        return refuse(adopter, at);
    struct buffer name = {0};
    if (kind == 'T')
        series_place(&name, adopter->series, index);
    else
        buffer_text(&name, adopter->series->curves[index].name);
    buffer_text(adopter->out, "<text>");
    text_append_short(adopter->out, TEXT_MARKUP, name.data, svg_label_length(adopter->series));
    buffer_text(adopter->out, close);
    buffer_free(&name);
    return after + sizeof close;
}

/* A point with a tooltip for a script that is not there: becomes a <title>, which needs none. */
static const char *tooltip(struct adopter *adopter, const char *at)
{
    const struct series *series = adopter->series;
    const char *mark = behind(adopter, at, "(evt,'");
    size_t curve, point;
    const char *rest = behind(adopter, mark, "</title>");
    if (!adopter->good || !scan(&mark, "P", &curve) || !scan(&mark, "_", &point) || curve >= series->curve_count ||
        point >= series->points)
        return refuse(adopter, at);
    struct buffer text = {0};
    buffer_format(&text, "%s, %s ", series->curves[curve].name, series->x_label);
    series_place(&text, series, point);
    buffer_text(&text, ": ");
    number_append(&text, series->curves[curve].values[point]);
    buffer_text(adopter->out, "<g><title>");
    text_append_short(adopter->out, TEXT_MARKUP, text.data, 200);
    buffer_text(adopter->out, "</title>");
    buffer_free(&text);
    return rest;
}

static const struct {
    const char *begins;
    rule_apply *apply;
} rules[] = {
    {"<script", refuse},
    {"onmouse", refuse},
    {"<title>", drop_title},
    {"<desc>", drop_description},
    {"<g onmousemove=", tooltip},
    {"<g fill=\"none\"", group},
    {"<text>T", mark_text},
    {"<text>R", mark_text},
    {" id=\"gnuplot_", drop_id},
    {" id='", id_own},
    {"xlink:href='#", id_own},
    {"rgb(", ink},
    {" color=\"black\"", drop_colour},
    {" color=\"white\"", drop_colour},
    {"stroke='black'", black_stroke},
    {"fill=\"black\"", black_fill},
};

static const char *rule_or_copy(struct adopter *adopter, const char *at)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strncmp(at, rules[i].begins, strlen(rules[i].begins)) == 0)
            return rules[i].apply(adopter, at);
    buffer_char(adopter->out, *at);
    return at + 1;
}

static void root_append(struct buffer *out, const struct series *series, const char *view, size_t length)
{
    buffer_text(out, "<svg role=\"img\" viewBox=\"");
    buffer_append(out, view, length);
    buffer_text(out, "\" aria-label=\"");
    text_append_short(out, TEXT_MARKUP, series->title, 300);
    buffer_text(out, ": ");
    text_append_short(out, TEXT_MARKUP, series->y_label, 100);
    buffer_text(out, " over ");
    text_append_short(out, TEXT_MARKUP, series->x_label, 100);
    buffer_format(out, ", %zu curves. The values are in the table that follows.\">", series->curve_count);
}

bool svg_adopt(const char *svg, size_t size, const struct series *series, size_t number, struct buffer *out)
{
    size_t before = out->size;
    struct adopter adopter = {series, number, out, svg + size, true};
    const char *at = behind(&adopter, svg, "<svg");
    const char *view = behind(&adopter, at, "viewBox=\"");
    size_t length = adopter.good ? strspn(view, "0123456789. ") : 0;
    at = behind(&adopter, at, ">");
    behind(&adopter, at, "</svg>");
    if (!adopter.good || memchr(svg, '\0', size))
        return false;
    root_append(out, series, view, length);
    while (at < adopter.end && adopter.good)
        at = rule_or_copy(&adopter, at);
    adopter.good = adopter.good && !out->failed;
    if (!adopter.good && out->data) {
        out->size = before;
        out->data[before] = '\0';
    }
    return adopter.good;
}
