/* The plots, each with its legend and its values as a table. */
#include <math.h>
#include <string.h>

#include "base/wording.h"
#include "reports/html_page.h"
#include "reports/svg.h"
#include "reports/text.h"

#define FIGURES_SHOWN 60 /* of a question */
#define CELLS_SHOWN 20000
#define LEGEND_SHOWN 64

static void legend_key(struct page *page, const struct curve *curve, size_t index)
{
    /* the marks of plot.c, in the same order */
    static const char *const marks[PLOT_COLOURS] = {"<circle cx=\"15\" cy=\"6\" r=\"3.5\"/>",
                                                    "<rect x=\"11.8\" y=\"2.8\" width=\"6.4\" height=\"6.4\"/>",
                                                    "<path d=\"M15 1.5 19 9H11z\"/>",
                                                    "<path d=\"M15 1.5 19.5 6 15 10.5 10.5 6z\"/>",
                                                    "<path d=\"M15 10.5 19 3H11z\"/>",
                                                    "<circle cx=\"15\" cy=\"6\" r=\"3.5\"/>",
                                                    "<rect x=\"11.8\" y=\"2.8\" width=\"6.4\" height=\"6.4\"/>",
                                                    "<path d=\"M15 1.5 19 9H11z\"/>"};
    static const char *const dashes[] = {"", "7 4", "2 3", "7 3 2 3"};
    bool reference = curve_is_reference(curve);
    size_t colour = index % PLOT_COLOURS;
    page_raw(page, "<svg aria-hidden=\"true\" viewBox=\"0 0 30 12\"><path d=\"M0 6h30\" stroke-width=\"2\" stroke=\"");
    if (reference)
        page_raw(page, "var(--reference)\" stroke-dasharray=\"5 4\"/></svg>");
    else
        buffer_format(page->out, "var(--c%zu)\" stroke-dasharray=\"%s\"/><g fill=\"var(--c%zu)\">%s</g></svg>", colour,
                      dashes[index / PLOT_COLOURS % 4], colour, marks[colour]);
}

static void legend(struct page *page, const struct series *series)
{
    if (series->curve_count < 2)
        return;
    page_raw(page, "<ul class=\"legend\">\n");
    for (size_t i = 0; i < series->curve_count && i < LEGEND_SHOWN; i++) {
        page_raw(page, "<li>");
        legend_key(page, &series->curves[i], i);
        text_append_short(page->out, TEXT_MARKUP, series->curves[i].name, 80);
        page_raw(page, "</li>\n");
    }
    if (series->curve_count > LEGEND_SHOWN)
        buffer_format(page->out, "<li>and %zu more</li>\n", series->curve_count - LEGEND_SHOWN);
    page_raw(page, "</ul>\n");
}

static void axis_name(struct page *page, const char *kind, const char *name)
{
    if (!name || !*name)
        return;
    buffer_format(page->out, "<p class=\"axis %s\">", kind);
    text_append_short(page->out, TEXT_MARKUP, name, 200);
    page_raw(page, "</p>\n");
}

static void value_row(struct page *page, const struct series *series, size_t point)
{
    struct buffer name = {0};
    series_place(&name, series, point);
    page_raw(page, "<tr><th scope=\"row\">");
    text_append_short(page->out, TEXT_MARKUP, name.data, 200);
    page_raw(page, "</th>");
    buffer_free(&name);
    for (size_t i = 0; i < series->curve_count; i++) {
        const struct curve *curve = &series->curves[i];
        page_raw(page, "<td class=\"n\">");
        if (point < curve->count && !isnan(curve->values[point]))
            number_append(page->out, curve->values[point]);
        page_raw(page, "</td>");
    }
    page_raw(page, "</tr>\n");
}

static void values(struct page *page, const struct series *series, bool open)
{
    size_t rows = CELLS_SHOWN / (series->curve_count + 1);
    rows = rows < series->points ? rows : series->points;
    buffer_format(page->out,
                  "<details%s><summary>Values</summary>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">",
                  open ? " open" : "");
    text_append_short(page->out, TEXT_MARKUP, series->x_label, 100);
    page_raw(page, "</th>");
    for (size_t i = 0; i < series->curve_count && rows; i++) {
        page_raw(page, "<th scope=\"col\" class=\"n\">");
        text_append_short(page->out, TEXT_MARKUP, series->curves[i].name, 80);
        page_raw(page, "</th>");
    }
    page_raw(page, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < rows; i++)
        value_row(page, series, i);
    page_raw(page, "</tbody></table></div>\n");
    if (rows < series->points)
        buffer_format(page->out, "<p class=\"note\">%zu more rows are in report.json.</p>\n", series->points - rows);
    page_raw(page, "</details>\n");
}

static void drawing(struct page *page, const struct series *series, const struct buffer *svg)
{
    bool steps = series->kind == SERIES_STEPS;
    if (series->kind == SERIES_LINE)
        legend(page, series);
    axis_name(page, "y", steps ? series->x_label : series->y_label);
    page_raw(page, "<div class=\"plot\">");
    buffer_append(page->out, svg->data, svg->size);
    page_raw(page, "</div>\n");
    axis_name(page, "x", steps ? series->y_label : series->x_label);
}

/* How to read a figure, by the name of its series: what its axes are, what good and what bad looks like. */
static const struct {
    const char *series, *how;
} how_rows[] = {
    {"routing-overlap", "End to end: of the experts that gold sends a token to, the share that the model sends it to "
                        "as well, as a mean over all compared tokens of a layer. At 1 every token goes where gold "
                        "sends it; near-ties count as equal. If the share falls at a layer and stays low, the input of "
                        "the routers is wrong from there on; if it falls in one layer alone, that router is wrong."},
    {"error-per-layer", "Each line is a kind of module, each point its worst error in that layer. Good lines stay "
                        "below the dashed limit; what lies above it is wrong. End to end, what follows the first such "
                        "layer gets a wrong input from it; fed with golden input, the error is the module's own."},
    {"places", "A row for each module that was compared: how far its output is from gold's, beside its limit and the "
               "noise that gold itself has. A good row has a relative L2 error below its limit and a cosine of 1; a "
               "bad one is beyond its limit, or has values that are not finite."},
    {"damage",
     "From above: how far the answers are from gold, then what is left as one cause after the other is undone. A long "
     "bar is a cause that costs much; if the last bar ends at 0, the causes explain all of it."},
    {"cause", "A row for each tensor that the cause touches; experts that follow one another share a row. These are "
              "the tensors to repair."},
    {"expert-use", "A row is a layer, a column an expert, its colour how many compared tokens went through it. Good is "
                   "a picture in which every expert has some. An expert that no token went through was not tested."},
    {"kl-per-position",
     "Each line is a case: how far the answer at each position is from gold's. Near 0 it is the same answer. A peak is "
     "a single token; a rise that lasts is an error that is carried on to later tokens."},
    {"nll-along-text", "From left to right the text, upwards the mean surprise of its tokens: 0 nats is certain, and a "
                       "guess costs the logarithm of the vocabulary's size. Good is a line that varies around one low "
                       "level; bad is one that rises along the text, or that stays as high as a guess."},
    {"entropy-per-step",
     "Each line is a text that the model wrote, each point how undecided it was at that token: 0 nats is certain, a "
     "flat distribution has the logarithm of the vocabulary's size. Good lines go up and down well below that. One "
     "that stays near it is guessing; one that falls to 0 and stays there repeats itself."},
    {"experts-by-domain",
     "A row for each kind of text. Good: other kinds use other experts than English does, a cosine below 1, and the "
     "perplexity is about the same without the experts that the first half of the text does not use. Bad: a perplexity "
     "far above that of the other kinds, or one that rises much without those experts."},
    {"answers", "A row is a case, a column a layer, its colour the log-probability of the case's answer if the model "
                "ended there; 0 is certain. Good rows end near 0 in the last layers. One that never comes near 0, or "
                "leaves it again, loses the answer where the colour changes."},
    {"rank", "The layers from left to right, upwards the rank that the answer would have if the model ended there: 1 "
             "is the most likely token. Good lines reach 1 towards the last layers and run along gold's dashed one, if "
             "there is gold. Where the two part, the layer computes something else."},
    {"log-probability", "The layers from left to right, upwards the log-probability that the answer would have if the "
                        "model ended there: 0 is certain. Good lines rise towards 0 in the last layers and run along "
                        "gold's dashed one, if there is gold. Where the two part, the layer computes something else."},
    {"tokens", "A row for each layer: the token that the model would write if it ended there, how probable it is, and "
               "gold's token where that is another. Good rows end with the answer. From the first row on that has "
               "another token than gold, the layers compute something else."},
    {"experts", "A row is a layer, a column an expert, its colour whether its tensors are there. Good is a picture of "
                "1 throughout. A row at 0 is a layer without experts, a column at 0 an expert that no layer has."},
    {"tokens-per-layer", "The layers from left to right, upwards the share of tokens that the router sends to at least "
                         "one expert that is absent. At 0 no token loses anything. Near 1 nearly every token loses a "
                         "part of what the layer computes, and the layers after it are given the error."},
    {"what-can-be-told",
     "A row for each kind of weight: how many tensors there are, how many can be compared with their like in other "
     "layers, and, where scales are judged, from which factor on a wrong one would be seen. Good rows can compare all "
     "their tensors and see small factors; of the others a pass says little."},
    {"experts-at-their-rows",
     "The layers from left to right, upwards experts: how many can be recognised by the inputs to which they respond, "
     "and how many of these are at the router's row that asks for them. Good: the two lines are one. Where the second "
     "is lower, experts or rows of the router are in another order; where both are at 0, nothing can be told."},
    {"worst-tensors", "A row for each of the tensors that differ most from the original's, the worst first. Good "
                      "values are 0, or what rounding to the data type costs. A tensor that is far above the others "
                      "was changed; an error about 1 or more is another tensor."},
};

static const char *how_to_read(const struct series *series)
{
    size_t row = 0, rows = sizeof how_rows / sizeof *how_rows;
    while (row < rows && strcmp(how_rows[row].series, series->name) != 0)
        row++;
    return row < rows ? how_rows[row].how : NULL;
}

static void figure(struct page *page, const struct finding *finding, const struct series *series)
{
    struct buffer svg = {0}, notes = {0};
    bool wanted = series->kind != SERIES_TABLE && series->points && series->curve_count;
    bool drawn = wanted && plot_svg(&page->plotter, series, page->figures, &svg, &notes);
    page->figures++;
    page_raw(page, "<figure>\n<figcaption>");
    text_append_short(page->out, TEXT_MARKUP, series->title && *series->title ? series->title : series->name, 300);
    page_raw(page, "<span class=\"id\">");
    text_append_short(page->out, TEXT_MARKUP, finding->check, 120);
    page_raw(page, "</span>");
    if (how_to_read(series))
        buffer_format(page->out, "<span class=\"how\">%s</span>", how_to_read(series));
    page_raw(page, "</figcaption>\n");
    if (drawn)
        drawing(page, series, &svg);
    page_note(page, notes.data);
    values(page, series, !drawn);
    page_raw(page, "</figure>\n");
    buffer_free(&svg);
    buffer_free(&notes);
}

/* One to be shown: of a check as a whole, or of the worst of its places. */
static bool is_shown(const struct page *page, size_t index)
{
    const struct finding *const *ranked = page->outline->ranked;
    const struct finding *before = index ? ranked[index - 1] : NULL;
    return ranked[index]->summary || !before || before->summary || !finding_same_check(before, ranked[index]);
}

/* What is drawn of checks as a whole, what is drawn of places, and what is a table. */
enum figure_class { FIGURE_WHOLE, FIGURE_PLACE, FIGURE_TABLE, FIGURE_CLASSES };

static enum figure_class class_of(const struct finding *finding, const struct series *series)
{
    return series->kind == SERIES_TABLE ? FIGURE_TABLE : finding->summary ? FIGURE_WHOLE : FIGURE_PLACE;
}

/* Writes the figures of the question, class by class: those from number `from` to `to` - 1, up to class `last`. Returns
 * how many there are. */
static size_t figures_each(struct page *page, enum question question, enum figure_class last, size_t from, size_t to)
{
    const struct findings *findings = &page->outline->report->findings;
    size_t count = 0;
    for (int class = 0; class <= (int)last; class ++)
        for (size_t i = 0; i < findings->count; i++) {
            const struct finding *finding = page->outline->ranked[i];
            if (!finding->series_count || check_words(finding->check)->question != question || !is_shown(page, i))
                continue;
            for (size_t k = 0; k < finding->series_count; k++)
                if ((int)class_of(finding, &finding->series[k]) == class) {
                    if (count >= from && count < to)
                        figure(page, finding, &finding->series[k]);
                    count++;
                }
        }
    return count;
}

void page_figures(struct page *page, enum question question, bool open)
{
    size_t first = open && figures_each(page, question, FIGURE_WHOLE, 0, 1) ? 1 : 0;
    size_t count = figures_each(page, question, FIGURE_TABLE, 0, 0);
    size_t shown = count < FIGURES_SHOWN ? count : FIGURES_SHOWN;
    if (shown <= first)
        return;
    buffer_format(page->out, "<details><summary>%zu %sfigure%s or table%s</summary>\n", shown - first,
                  first ? "more " : "", text_plural(shown - first), text_plural(shown - first));
    figures_each(page, question, FIGURE_TABLE, first, shown);
    page_raw(page, "</details>\n");
    if (count > shown)
        buffer_format(page->out, "<p class=\"note\">%zu more series are in report.json.</p>\n", count - shown);
}
