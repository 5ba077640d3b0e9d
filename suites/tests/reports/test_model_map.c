/* The picture of the model. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_fixtures.h"
#include "reports/model_map.h"

static void add_places(struct report *report, const char *check, const char *const *paths, const double *errors,
                       size_t count)
{
    struct finding *finding = failing(report, check, "Some are bad.");
    struct series *series = finding_series(finding, "places", "Places", "module", "", count);
    double *error = series_curve(series, "relative L2"), *limit = series_curve(series, "limit");
    for (size_t i = 0; i < count; i++) {
        series_label(series, i, paths[i]);
        error[i] = errors[i];
        limit[i] = 1e-6;
    }
}

static const struct map_cell *cell_at(const struct model_map *map, const char *column, const char *row)
{
    size_t columns = map->before + map->layers + map->behind;
    for (size_t i = 0; i < columns; i++)
        for (size_t k = 0; k < MAP_ROWS; k++)
            if (strcmp(map->columns[i].data, column) == 0 &&
                (row ? k < map->rows && strcmp(map->names[k].data, row) == 0 : k == 0))
                return &map->cells[i][k];
    cr_assert_fail("no cell %s, %s", column, row ? row : "");
    return NULL;
}

static const char *const paths[] = {"model.embed_tokens",
                                    "model.layers.0.input_layernorm",
                                    "model.layers.0.mlp",
                                    "model.layers.0",
                                    "model.layers.1.input_layernorm",
                                    "model.layers.1.mlp",
                                    "model.layers.1",
                                    "model.norm",
                                    "lm_head"};
static const double errors[] = {0, 5e-7, 5e-6, 1e-6, 9e-4, 1, NAN, 2e-7, 3e-7};

static void map_of(struct answered *answered, struct model_map *map)
{
    answer_of(answered);
    cr_assert(model_map_build(&answered->outline, map));
    struct buffer svg = {0};
    model_map_svg(map, &svg);
    model_map_legend(map, &svg);
    cr_expect_null(markup_fault(svg.data, true), "%s", markup_fault(svg.data, true));
    buffer_free(&svg);
}

Test(map, errors_are_told_by_how_far_they_are_beyond_their_limits)
{
    struct answered answered = {0};
    struct model_map map;
    double end_to_end[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    add_places(&answered.report, "layers.propagated", paths, end_to_end, 9);
    add_places(&answered.report, "layers.isolated", paths, errors, 9);
    map_of(&answered, &map);
    cr_expect(map.compared && map.measured);
    cr_expect_eq(map.before, 1);
    cr_expect_eq(map.layers, 2);
    cr_expect_eq(map.behind, 2);
    cr_expect_eq(cell_at(&map, "embed_tokens", NULL)->state, CELL_GOOD);
    cr_expect_eq(cell_at(&map, "0", "input_layernorm")->state, CELL_GOOD);
    cr_expect_eq(cell_at(&map, "0", "mlp")->state, CELL_OVER);
    cr_expect_eq(cell_at(&map, "0", "residual sum")->state, CELL_GOOD, "at the limit");
    cr_expect_eq(cell_at(&map, "1", "input_layernorm")->state, CELL_FAR);
    cr_expect_eq(cell_at(&map, "1", "mlp")->state, CELL_LOST);
    cr_expect_eq(cell_at(&map, "1", "residual sum")->state, CELL_LOST, "not finite");
    cr_expect_eq(cell_at(&map, "lm_head", NULL)->state, CELL_GOOD);
    model_map_free(&map);
    answered_free(&answered);
}

Test(map, what_is_absent_or_unsound_is_marked)
{
    struct answered answered = {0};
    struct model_map map;
    add_places(&answered.report, "layers.isolated", paths, errors, 9);
    struct finding *finding = failing(&answered.report, "inventory.absent", "Some are absent.");
    struct series *series = finding_series(finding, "experts", "Experts", "expert", "layer", 4);
    for (int layer = 0; layer < 2; layer++) {
        double *values = series_curve(series, layer ? "1" : "0");
        for (int expert = 0; expert < 4; expert++)
            values[expert] = layer && expert > 1 ? expert == 2 ? 0.5 : 0 : 1;
    }
    place_at(&answered.report, "inventory.absent", 1, -1, "model.layers.1.input_layernorm.weight");
    place_at(&answered.report, "inventory.absent", 1, 3, "model.layers.1.mlp.experts.3.up_proj.weight");
    failing(&answered.report, "weights.magnitude", "Some are odd.");
    place_at(&answered.report, "weights.magnitude", 0, -1, "model.layers.0.mlp.gate.weight");
    place_at(&answered.report, "weights.magnitude", 0, 2, "model.layers.0.mlp.experts.2.up_proj.weight");
    map_of(&answered, &map);
    cr_expect_eq(cell_at(&map, "1", "input_layernorm")->state, CELL_ABSENT);
    cr_expect_eq(cell_at(&map, "1", "mlp")->state, CELL_LOST, "what was measured tells more than an absent expert");
    cr_expect(cell_at(&map, "0", "mlp")->marked && cell_at(&map, "0", "mlp")->state == CELL_OVER);
    cr_assert_eq(map.expert_count, 4);
    cr_expect_eq(map.experts[0 * 4 + 2].state, CELL_UNSOUND);
    cr_expect_eq(map.experts[1 * 4 + 1].state, CELL_UNKNOWN);
    cr_expect_eq(map.experts[1 * 4 + 2].state, CELL_PARTLY);
    cr_expect_eq(map.experts[1 * 4 + 3].state, CELL_ABSENT);
    model_map_free(&map);
    answered_free(&answered);
}

/* A part of a module that is no row of its own is marked in the row that it is part of. */
Test(map, the_cause_is_outlined_where_its_weights_are)
{
    static const char *const labels[] = {"model.layers.1.mlp.gate.weight", "model.layers.0.mlp.experts.2-3",
                                         "lm_head.weight", "model.layers.1.mlp.experts.7-99999999999999999999",
                                         "model.layers.1.mlp.experts."};
    for (int possible = 0; possible < 2; possible++) {
        struct answered answered = {0};
        struct model_map map;
        add_places(&answered.report, "layers.isolated", paths, errors, 9);
        struct series *use =
            finding_series(failing(&answered.report, "layers.experts", "."), "expert-use", "", "", "", 8);
        series_curve(use, "layer 0")[2] = 1;
        failing(&answered.report, "cause", "It is known.");
        struct finding *cause = place_at(&answered.report, "cause", 1, -1, labels[0]);
        finding_fact_text(cause, "grade", possible ? "possible" : "proved");
        struct series *series = finding_series(cause, "cause", "Where", "tensors", "", 5);
        for (size_t i = 0; i < 5; i++)
            series_label(series, i, labels[i]);
        map_of(&answered, &map);
        cr_expect_eq(cell_at(&map, "1", "mlp")->cause, !possible);
        cr_expect_eq(cell_at(&map, "0", "mlp")->cause, !possible);
        cr_expect_eq(cell_at(&map, "lm_head", NULL)->cause, !possible);
        cr_expect_not(cell_at(&map, "0", "input_layernorm")->cause);
        for (size_t expert = 0; expert < 8; expert++) {
            cr_expect_eq(map.experts[expert].cause, !possible && (expert == 2 || expert == 3));
            cr_expect_eq(map.experts[8 + expert].cause, !possible && expert == 7);
        }
        struct buffer out = {0};
        model_map_svg(&map, &out);
        model_map_legend(&map, &out);
        cr_expect_eq(strstr(out.data, "layer 0, expert 2: an expert that compared tokens went through; the cause is "
                                      "here") != NULL,
                     !possible);
        cr_expect_eq(strstr(out.data, "</svg>the cause is here</li>") != NULL, !possible);
        cr_expect(strstr(out.data, "</svg>not compared (15 experts)</li>"), "%s", out.data);
        buffer_free(&out);
        model_map_free(&map);
        answered_free(&answered);
    }
}

Test(map, without_gold_there_is_what_is_absent)
{
    struct answered answered = {0};
    struct model_map map;
    answered.report.subject.layers = 3;
    failing(&answered.report, "inventory.absent", "Some are absent.");
    place_at(&answered.report, "inventory.absent", 1, -1, "model.layers.1.self_attn.q_proj.weight");
    place_at(&answered.report, "inventory.absent", 2, 7, "model.layers.2.mlp.experts.7.up_proj.weight");
    place_at(&answered.report, "inventory.absent", -1, -1, "lm_head.weight");
    map_of(&answered, &map);
    cr_expect_not(map.measured);
    cr_expect_eq(cell_at(&map, "1", "self_attn.q_proj")->state, CELL_ABSENT);
    cr_expect_eq(cell_at(&map, "2", "mlp.experts")->state, CELL_PARTLY);
    cr_expect_eq(cell_at(&map, "lm_head", NULL)->state, CELL_ABSENT);
    model_map_free(&map);
    answered_free(&answered);
}

Test(map, there_is_none_where_nothing_is_known)
{
    struct answered answered = {0};
    struct model_map map;
    answered.report.subject.layers = 48;
    failing(&answered.report, "config.gold", "It is another one.");
    answer_of(&answered);
    cr_expect_not(model_map_build(&answered.outline, &map));
    answered_free(&answered);
}

/* Paths come from files. */
Test(map, any_path_can_be_drawn)
{
    struct answered answered = {0};
    char endless[3000];
    memset(endless, 'w', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const char *const odd[] = {"model.layers.99999999999999999999.mlp",
                               "model.layers.399.mlp",
                               "model.layers.-1.mlp",
                               "layers.",
                               "layers.5",
                               "",
                               ".",
                               "model.",
                               ".weight",
                               "model.layers.2..weight",
                               "model.layers.2.</title><script>",
                               "\xff\xfe",
                               endless,
                               "model.layers.3.mlp"};
    enum { ODD = sizeof odd / sizeof *odd };
    double values[ODD];
    for (size_t i = 0; i < ODD; i++)
        values[i] = i % 3 ? 1 : INFINITY;
    add_places(&answered.report, "layers.isolated", odd, values, ODD);
    failing(&answered.report, "inventory.absent", "Some are absent.");
    for (int i = 0; i < 3 * ODD; i++)
        place_at(&answered.report, i % 2 ? "inventory.absent" : "weights.finite", i * 1000 - 1, i - 1, odd[i % ODD]);
    for (int i = 0; i < 100; i++) {
        char name[80];
        snprintf(name, sizeof name, "model.layers.%d.kind_%d.weight", i, i);
        place_at(&answered.report, "weights.finite", i, -1, name);
    }
    struct rendered rendered = render(&answered.report);
    assert_harmless(rendered.files[HTML]);
    rendered_free(&rendered);
    struct model_map map;
    map_of(&answered, &map);
    model_map_free(&map);
    answered_free(&answered);
}

Test(map, thousands_of_experts_stay_small)
{
    struct answered answered = {0};
    struct model_map map;
    struct finding *finding = findings_add(&answered.report.findings, "layers.experts");
    finding->verdict = VERDICT_WARN;
    struct series *series = finding_series(finding, "expert-use", "Use", "expert", "layer", 6144);
    for (int layer = 0; layer < 48; layer++) {
        char name[20];
        snprintf(name, sizeof name, "layer %d", layer);
        double *values = series_curve(series, name);
        for (int expert = 0; expert < 6144; expert++)
            values[expert] = expert % 97 != layer;
    }
    answered.report.subject.layers = 48;
    failing(&answered.report, "inventory.absent", "One is absent.");
    place_at(&answered.report, "inventory.absent", 1, -1, "model.layers.1.input_layernorm.weight");
    answer_of(&answered);
    cr_assert(model_map_build(&answered.outline, &map));
    struct buffer svg = {0};
    model_map_svg(&map, &svg);
    cr_expect_lt(svg.size, 1000000);
    cr_expect_gt(svg.size, 100000);
    buffer_free(&svg);
    model_map_free(&map);
    answered_free(&answered);
}

/* Of a place that gold shows behind a norm, the norm's row has it. */
Test(map, a_projection_is_shown_where_gold_shows_it)
{
    static const char *const modules[] = {"model.layers.0.self_attn.q_norm", "model.layers.0.self_attn"};
    static const double wrong[] = {1, 1e-9};
    struct answered answered = {0};
    struct model_map map;
    struct buffer out = {0};
    add_places(&answered.report, "layers.isolated", modules, wrong, 2);
    struct finding *cause = place_at(&answered.report, "cause", 0, -1, "model.layers.0.self_attn.q_proj.weight");
    finding_fact_text(cause, "grade", "proved");
    series_label(finding_series(cause, "cause", "Where", "tensors", "", 1), 0,
                 "model.layers.0.self_attn.q_proj.weight");
    map_of(&answered, &map);
    cr_expect(cell_at(&map, "0", "self_attn.q_norm")->cause);
    cr_expect_not(cell_at(&map, "0", "self_attn")->cause);
    model_map_svg(&map, &out);
    cr_expect(strstr(out.data, ">self_attn.q_proj, q_norm</text>"));
    buffer_free(&out);
    model_map_free(&map);
    answered_free(&answered);
}
