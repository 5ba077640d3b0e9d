/* What a scan of weight health catches: every anomaly planted in one tensor of a real model, at full size and smaller
 * and smaller, and all intact models. Prints the smallest that is caught and what is claimed; fails when less is caught
 * than claimed, when another tensor is blamed, and when anything is said of an intact model.
 *
 *     health_table ROOT STEP      every STEP-th row of the table; SmolLM2 is looked for in ~/.cache/assay/smollm2
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "faults/fault.h"
#include "health/weights_health.h"

#define SIZES_MAX 8
#define TEXT 256

/* Sizes, the largest first: appended to the fault. */
static const char *const shares[SIZES_MAX] = {"", ",0.5", ",0.25", ",0.1", ",0.05", ",0.02"};
static const char *const factors[SIZES_MAX] = {",127", ",16", ",8", ",4", ",2.8", ",2", ",1.5"};
static const char *const fractions[SIZES_MAX] = {",0.00787", ",0.125", ",0.25", ",0.35", ",0.5", ",0.67"};
static const char *const whole[SIZES_MAX] = {""};

enum which { THINKER, SMOLLM2, MODELS };

/* "@" stands for the layer, "%" for the tensor. */
static const struct table_row {
    enum which model;
    const char *fault;
    const char *tensor; /* that must be named, and no other but `other` */
    const char *other;  /* that may be named too; NULL */
    const char *const *sizes;
    const char *claimed; /* the smallest that must be caught; NULL: none, and why not */
    const char *check;   /* that names it; at sizes below the whole another may */
} rows[] = {
#define Q "self_attn.q_proj.weight"
#define O "self_attn.o_proj.weight"
#define GATE "mlp.experts.5.gate_proj.weight"
#define DOWN "mlp.experts.5.down_proj.weight"
#define NORM "input_layernorm.weight"
    {THINKER, "nan:@%", Q, NULL, whole, "", "weights.finite"},
    {THINKER, "inf:@%", GATE, NULL, whole, "", "weights.finite"},
    {THINKER, "zeros:@%", Q, NULL, shares, ",0.05", "weights.constant"},
    {THINKER, "zeros:@%", GATE, NULL, shares, ",0.25", "weights.constant"},
    {THINKER, "zeros:@%", NORM, NULL, shares, "", "weights.constant"},
    {THINKER, "zero-page:@%", Q, NULL, whole, "", "weights.constant"},
    {THINKER, "constant:@%,1", Q, NULL, shares, ",0.05", "weights.constant"},
    {THINKER, "constant:@%,1", NORM, NULL, shares, "", "weights.constant"},
    {THINKER, "initialise:@%", NORM, NULL, shares, "", "weights.constant"},
    {THINKER, "initialise:@%", Q, NULL, shares, "", "weights.initialised"},
    {THINKER, "initialise:@%", GATE, NULL, shares, "", "weights.initialised"},
    {THINKER, "copy:@%,model.layers.21." Q, Q, "model.layers.21." Q, whole, "", "weights.identical"},
    {THINKER, "copy:@%,model.layers.20.mlp.experts.6.gate_proj.weight", GATE,
     "model.layers.20.mlp.experts.6.gate_proj.weight", whole, "", "weights.identical"},
    {THINKER, "byte-swap:@%", Q, NULL, shares, ",0.02", "weights.bytes"},
    {THINKER, "byte-swap:@%", GATE, NULL, shares, ",0.02", "weights.bytes"},
    {THINKER, "byte-swap:@%", NORM, NULL, shares, ",0.02", "weights.bytes"},
    {THINKER, "byte-swap:%", "lm_head.weight", NULL, shares, ",0.02", "weights.bytes"},
    {THINKER, "misread:@%", Q, NULL, whole, "", "weights.bytes"},
    {THINKER, "misread:@%", DOWN, NULL, whole, "", "weights.bytes"},
    {THINKER, "misread:@%", NORM, NULL, whole, "", "weights.bytes"},
    {THINKER, "misread:%", "model.embed_tokens.weight", NULL, whole, "", "weights.bytes"},
    {THINKER, "scale:@%", Q, NULL, factors, ",4", "weights.magnitude"},
    {THINKER, "scale:@%", Q, NULL, fractions, ",0.25", "weights.magnitude"},
    {THINKER, "scale:@%", GATE, NULL, factors, ",4", "weights.magnitude"},
    {THINKER, "scale:@%", DOWN, NULL, factors, ",2", "weights.magnitude"},
    {THINKER, "scale:@%", DOWN, NULL, fractions, ",0.5", "weights.magnitude"},
    {THINKER, "scale:@%", NORM, NULL, factors, ",4", "weights.magnitude"},
    {THINKER, "scale:%", "lm_head.weight", NULL, factors, ",127", "weights.magnitude"},
    {THINKER, "transpose:@%", Q, NULL, whole, "", "weights.structure"},
    {THINKER, "transpose:@%", GATE, NULL, whole, "", "weights.structure"},
    {THINKER, "shuffle:@%", Q, NULL, shares, "", "weights.structure"},
    {THINKER, "shuffle:@%", GATE, NULL, shares, "", "weights.structure"},
    {THINKER, "shuffle:@%", NORM, NULL, shares, "", "weights.structure"},
    /* Nothing was learned in these of most layers: values as random shuffled are as random. */
    {THINKER, "shuffle:@%", O, NULL, shares, NULL, "weights.structure"},
    {THINKER, "shuffle:@%", DOWN, NULL, shares, NULL, "weights.structure"},
    /* Eight neurons an expert are too few to tell their order. */
    {THINKER, "exchange-rows:@%,@mlp.experts.6.gate_proj.weight", GATE, NULL, shares, NULL, "weights.pairs"},
#undef Q
#undef O
#undef GATE
#undef DOWN
#undef NORM
#define Q "self_attn.q_proj.weight"
#define V "self_attn.v_proj.weight"
#define O "self_attn.o_proj.weight"
#define GATE "mlp.gate_proj.weight"
#define UP "mlp.up_proj.weight"
#define DOWN "mlp.down_proj.weight"
#define NORM "input_layernorm.weight"
    {SMOLLM2, "nan:@%", DOWN, NULL, whole, "", "weights.finite"},
    {SMOLLM2, "inf:@%", Q, NULL, whole, "", "weights.finite"},
    {SMOLLM2, "zeros:@%", Q, NULL, shares, ",0.02", "weights.constant"},
    {SMOLLM2, "zeros:@%", NORM, NULL, shares, ",0.25", "weights.constant"},
    {SMOLLM2, "zero-page:@%", DOWN, NULL, whole, "", "weights.constant"},
    {SMOLLM2, "constant:@%,1", UP, NULL, shares, ",0.02", "weights.constant"},
    {SMOLLM2, "constant:@%,1", NORM, NULL, shares, ",0.25", "weights.constant"},
    {SMOLLM2, "initialise:@%", Q, NULL, shares, "", "weights.initialised"},
    {SMOLLM2, "initialise:@%", UP, NULL, shares, ",0.1", "weights.initialised"},
    {SMOLLM2, "initialise:@%", DOWN, NULL, shares, "", "weights.initialised"},
    {SMOLLM2, "copy:@%,model.layers.13." UP, UP, "model.layers.13." UP, whole, "", "weights.identical"},
    /* Its numbers are 32 bits made of 4: swapped, next to zero, which in some rows only does not show. */
    {SMOLLM2, "byte-swap:@%", Q, NULL, whole, "", "weights.bytes"},
    {SMOLLM2, "byte-swap:@%", DOWN, NULL, whole, "", "weights.bytes"},
    {SMOLLM2, "byte-swap:@%", NORM, NULL, whole, "", "weights.bytes"},
    {SMOLLM2, "byte-swap:%", "model.embed_tokens.weight", NULL, whole, "", "weights.bytes"},
    {SMOLLM2, "misread:@%", Q, NULL, whole, "", "weights.bytes"},
    {SMOLLM2, "misread:@%", NORM, NULL, whole, "", "weights.bytes"},
    {SMOLLM2, "scale:@%", Q, NULL, factors, ",4", "weights.magnitude"},
    {SMOLLM2, "scale:@%", DOWN, NULL, factors, ",2", "weights.magnitude"},
    {SMOLLM2, "scale:@%", DOWN, NULL, fractions, ",0.5", "weights.magnitude"},
    {SMOLLM2, "scale:@%", NORM, NULL, factors, ",8", "weights.magnitude"},
    {SMOLLM2, "transpose:@%", Q, NULL, whole, "", "weights.structure"},
    {SMOLLM2, "transpose:@%", GATE, NULL, whole, "", "weights.structure"},
    {SMOLLM2, "transpose:@%", UP, NULL, whole, "", "weights.structure"},
    {SMOLLM2, "transpose:@%", DOWN, NULL, whole, "", "weights.structure"},
    {SMOLLM2, "transpose:@%", V, NULL, whole, "", "weights.structure"},
    {SMOLLM2, "transpose:@%", O, NULL, whole, "", "weights.structure"},
    {SMOLLM2, "shuffle:@%", Q, NULL, shares, "", "weights.structure"},
    {SMOLLM2, "shuffle:@%", UP, NULL, shares, ",0.1", "weights.structure"},
    {SMOLLM2, "shuffle:@%", DOWN, NULL, shares, "", "weights.structure"},
    {SMOLLM2, "permute-rows:@%", GATE, NULL, shares, ",0.1", "weights.pairs"},
    {SMOLLM2, "permute-rows:@%", UP, NULL, shares, ",0.1", "weights.pairs"},
    {SMOLLM2, "permute-rows:@%", DOWN, NULL, shares, "", "weights.pairs"},
    {SMOLLM2, "permute-rows:@%", O, "model.layers.12." V, shares, NULL, "weights.pairs"},
    {SMOLLM2, "exchange-rows:@%,model.layers.13." GATE, GATE, "model.layers.13." GATE, shares, ",0.1", "weights.pairs"},
    {SMOLLM2, "swap-tensors:@%,model.layers.13." UP, UP, "model.layers.13." UP, whole, "", "weights.pairs"},
    /* Heads have much in common: their rows in another order fit nearly as well. */
    {SMOLLM2, "permute-rows:@%", Q, NULL, shares, NULL, "weights.pairs"},
};
#define ROWS (sizeof rows / sizeof *rows)

/* Experts that are not at their rows; not every pair can be told apart, so a share of pairs. */
static const int expert_layers[] = {1, 9, 21, 33, 45};
#define PAIRS_CLAIMED 0.4

static const char *const layer_of[MODELS] = {[THINKER] = "model.layers.20.", [SMOLLM2] = "model.layers.12."};

static int failures;

static void fail(const char *what, const char *subject)
{
    printf("FAIL %s: %s\n", subject, what);
    failures++;
}

/* "@" and "%" put in; `size` appended. */
static void spell(char out[TEXT], const struct table_row *row, const char *form, const char *size)
{
    size_t at = 0;
    for (const char *from = form; *from && at < TEXT - 1; from++) {
        const char *put = *from == '@' ? layer_of[row->model] : *from == '%' ? row->tensor : NULL;
        int length = put ? snprintf(out + at, TEXT - at, "%s", put) : (int)(out[at] = *from, 1);
        at += (size_t)length < TEXT - at ? (size_t)length : TEXT - 1 - at;
    }
    snprintf(out + at, TEXT - at, "%s", size);
}

/* The places that the scan tells of the model with the fault (NULL: as it is). False: it cannot be scanned. */
static bool scan_places(struct subject *subject, const char *fault, struct pool *pool, struct findings *findings)
{
    struct error error = {0};
    struct subject broken = *subject;
    struct store *faults = NULL;
    bool good =
        !fault || (faults = faults_over(subject->store, subject->config, &(struct fault_means){0}, &fault, 1, &error));
    if (faults)
        broken.store = faults;
    good = good && weights_check_health(&broken, pool, findings, &error);
    if (!good)
        fail(error_text(&error), fault ? fault : store_path(subject->store));
    store_free(faults);
    error_clear(&error);
    return good;
}

/* Is the tensor named, by that check (NULL: by any)? `*elsewhere` counts what else is told. */
static bool is_named(const struct findings *findings, const char *tensor, const char *other, const char *check,
                     size_t *elsewhere)
{
    bool named = false;
    *elsewhere = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        const char *where = finding->where.tensor ? finding->where.tensor : "";
        if (finding->summary || finding->verdict == VERDICT_PASS || finding->verdict == VERDICT_SKIP)
            continue;
        if (strcmp(where, tensor) == 0)
            named = named || !check || strcmp(finding->check, check) == 0;
        else if (!other || strcmp(where, other) != 0)
            ++*elsewhere;
    }
    return named;
}

static void try_row(const struct table_row *row, struct subject *subject, struct pool *pool)
{
    char tensor[TEXT], fault[TEXT];
    bool must = row->claimed != NULL, all = true;
    const char *smallest = NULL;
    size_t alarms = 0;
    spell(tensor, row, strchr(row->fault, '@') && row->fault[strcspn(row->fault, ":") + 1] == '@' ? "@%" : "%", "");
    for (int i = 0; i < SIZES_MAX && row->sizes[i] && all; i++) {
        struct findings findings = {0};
        size_t elsewhere;
        spell(fault, row, row->fault, row->sizes[i]);
        if (!scan_places(subject, fault, pool, &findings))
            return;
        bool named =
            is_named(&findings, tensor, row->other, i || row->sizes == factors ? NULL : row->check, &elsewhere);
        if (must && !named)
            fail("is not caught", fault);
        alarms += elsewhere;
        must = must && strcmp(row->sizes[i], row->claimed) != 0;
        all = named || must;
        smallest = named ? row->sizes[i] : smallest;
        findings_free(&findings);
    }
    if (alarms)
        fail("others are blamed", fault);
    spell(fault, row, row->fault, "");
    printf("%-9s %-20s %-70.70s %-12s %-12s\n", row->model == THINKER ? "thinker" : "SmolLM2", row->check, fault,
           !smallest   ? "none"
           : *smallest ? smallest + 1
                       : "whole",
           !row->claimed   ? "none"
           : *row->claimed ? row->claimed + 1
                           : "whole");
}

static void try_experts(struct subject *subject, struct pool *pool, int pairs)
{
    int caught = 0, tried = 0;
    for (size_t i = 0; i < sizeof expert_layers / sizeof *expert_layers; i++)
        for (int k = 0; k < pairs; k++, tried++) {
            char fault[TEXT];
            struct findings findings = {0};
            size_t wrong = 0;
            int a = (17 * k + 3) % 128, b = (29 * k + 70) % 128;
            snprintf(fault, sizeof fault, "swap-experts:%d,%d,%d", expert_layers[i], a, b);
            if (!scan_places(subject, fault, pool, &findings))
                return;
            bool both = true;
            for (size_t f = 0; f < findings.count; f++) {
                const struct finding *finding = &findings.items[f];
                if (finding->summary || finding->verdict != VERDICT_FAIL)
                    continue;
                wrong++;
                both = both && strcmp(finding->check, "weights.router") == 0 &&
                       finding->where.layer == expert_layers[i] &&
                       (finding->where.expert == a || finding->where.expert == b);
            }
            if (wrong && (wrong != 2 || !both))
                fail("others are blamed", fault);
            caught += wrong == 2;
            findings_free(&findings);
        }
    printf("%-9s %-20s %-70s %d of %d\n", "thinker", "weights.router", "swap-experts, in layers that were trained",
           caught, tried);
    if (caught < PAIRS_CLAIMED * tried)
        fail("fewer exchanged experts are caught than claimed", "swap-experts");
}

static bool open_model(const char *path, struct subject *subject)
{
    struct error error = {0};
    bool good = subject_open(&(struct subject_options){.model = path}, subject, &error);
    if (!good)
        fail(error_text(&error), path);
    error_clear(&error);
    return good;
}

static void try_intact(const char *path, struct pool *pool)
{
    struct subject subject = {0};
    struct findings findings = {0};
    if (open_model(path, &subject) && scan_places(&subject, NULL, pool, &findings)) {
        size_t alarms;
        is_named(&findings, "", "", NULL, &alarms);
        printf("%-100.100s %zu alarms\n", path, alarms);
        if (alarms || findings_verdict(&findings) != VERDICT_PASS)
            fail("an alarm in an intact model", path);
    }
    findings_free(&findings);
    subject_free(&subject);
}

int main(int argc, char **argv)
{
    static const char *const bundled[] = {"thinker-48", "nano/llama",     "nano/mixtral",
                                          "nano/qwen2", "nano/qwen2_moe", "nano/qwen2_window",
                                          "nano/qwen3", "nano/qwen3_moe", "nano/thinker"};
    static const char *const smollm2[] = {"model", "gguf/SmolLM2-135M-Instruct.Q4_1.gguf"};
    if (argc != 3)
        return 2;
    size_t step = (size_t)atoi(argv[2]);
    struct error error = {0};
    struct pool *pool = pool_new(0, &error);
    char path[PATH_MAX], model[MODELS][PATH_MAX];
    snprintf(model[THINKER], sizeof *model, "%s/golden/thinker-48", argv[1]);
    snprintf(model[SMOLLM2], sizeof *model, "%s/.cache/assay/smollm2/model", getenv("HOME") ? getenv("HOME") : "");
    for (size_t i = 0; i < sizeof bundled / sizeof *bundled; i++) {
        snprintf(path, sizeof path, "%s/golden/%s", argv[1], bundled[i]);
        try_intact(path, pool);
    }
    for (size_t i = 0; i < 2 && file_exists(model[SMOLLM2]); i++) {
        snprintf(path, sizeof path, "%s/.cache/assay/smollm2/%s", getenv("HOME"), smollm2[i]);
        try_intact(path, pool);
    }
    printf("\n%-9s %-20s %-70s %-12s %-12s\n", "model", "check", "planted", "smallest", "claimed");
    for (int which = 0; which < MODELS; which++) {
        struct subject subject = {0};
        if (!file_exists(model[which])) {
            printf("%s is not there: its rows are left out\n", model[which]);
            continue;
        }
        bool good = open_model(model[which], &subject);
        for (size_t i = 0; good && i < ROWS; i += step)
            if (rows[i].model == (enum which)which)
                try_row(&rows[i], &subject, pool);
        if (good && which == THINKER)
            try_experts(&subject, pool, step > 1 ? 1 : 8);
        subject_free(&subject);
    }
    pool_free(pool);
    error_clear(&error);
    printf("%d failures\n", failures);
    return failures ? 1 : 0;
}
