/* Every fault changes exactly what it says, and nothing else. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "values/values.h"

#define ROWS 6
#define COLUMNS 4
#define ELEMENTS (ROWS * COLUMNS)
#define VECTOR 7
#define TENSORS 8

static const char *const types[] = {"f32", "f16", "bf16"};
static struct store *base;
static struct model_config *config;

/* Values that all of the types hold: `first`, first + 1 ... */
static const char *counted(enum dtype dtype, int first, size_t count)
{
    static char bytes[TENSORS][ELEMENTS * 4];
    static int used;
    char *out = bytes[used++ % TENSORS];
    for (size_t i = 0; i < count; i++) {
        float value = (float)first + (float)i;
        narrow(dtype, &value, out + i * dtype_width(dtype), 1);
    }
    return out;
}

/* One matrix and a second of its kind in each type, and two vectors. */
static void make(void)
{
    struct error error = {0};
    scratch_make();
    struct plain_tensor tensors[TENSORS] = {
        {"model.f32.weight", "F32", "[6, 4]", counted(DTYPE_F32, 1, ELEMENTS), ELEMENTS * 4},
        {"model.f16.weight", "F16", "[6, 4]", counted(DTYPE_F16, 1, ELEMENTS), ELEMENTS * 2},
        {"model.bf16.weight", "BF16", "[6, 4]", counted(DTYPE_BF16, 1, ELEMENTS), ELEMENTS * 2},
        {"model.f32.other", "F32", "[6, 4]", counted(DTYPE_F32, 101, ELEMENTS), ELEMENTS * 4},
        {"model.f16.other", "F16", "[6, 4]", counted(DTYPE_F16, 101, ELEMENTS), ELEMENTS * 2},
        {"model.bf16.other", "BF16", "[6, 4]", counted(DTYPE_BF16, 101, ELEMENTS), ELEMENTS * 2},
        {"model.norm.weight", "BF16", "[7]", counted(DTYPE_BF16, 2, VECTOR), VECTOR * 2},
        {"model.proj.bias", "F32", "[7]", counted(DTYPE_F32, 2, VECTOR), VECTOR * 4},
    };
    write_tensors(scratch("model.safetensors"), tensors, TENSORS, NULL);
    base = open_store(scratch("model.safetensors"));
    config = config_read(ASSAY_SOURCE_DIR "/golden/nano/thinker/config.json", &error);
    cr_assert(config, "%s", error_text(&error));
}

static void clean(void)
{
    store_free(base);
    free(config);
    scratch_remove();
}

TestSuite(faults, .init = make, .fini = clean, .timeout = 60);

static struct store *broken(const char *const *specs, size_t count)
{
    struct error error = {0};
    struct store *faults = faults_over(base, config, NULL, specs, count, &error);
    cr_assert(faults, "%s", error_text(&error));
    return faults;
}

/* The whole tensor, widened; malloc'd. */
static float *widened(const struct store *store, const char *name)
{
    const struct tensor *tensor = store_find(store, name);
    cr_assert(tensor, "%s", name);
    size_t count = (size_t)(tensor->rows * tensor->columns);
    unsigned char *raw = values_of(store, name);
    float *values = calloc(count + 1, sizeof *values);
    widen(tensor->dtype, raw, values, count);
    free(raw);
    return values;
}

/* The same bytes, shape and dtype as in the store without faults, but for the two named (NULL: none). */
static void expect_others_same(const struct store *store, const char *a, const char *b)
{
    cr_expect_eq(store_count(store), store_count(base));
    for (size_t i = 0; i < store_text_count(base); i++) {
        const struct tensor *tensor = store_at(base, i);
        if ((a && strcmp(tensor->name, a) == 0) || (b && strcmp(tensor->name, b) == 0))
            continue;
        unsigned char *expected = values_of(base, tensor->name);
        cr_expect(store_find(store, tensor->name)->dtype == tensor->dtype);
        expect_values(store, tensor->name, expected, (size_t)tensor->bytes);
        cr_expect_not(store_altered(store, store_find(store, tensor->name)), "%s", tensor->name);
        free(expected);
    }
}

/* However a reader cuts the rows, they are the same. */
static void expect_cuts_agree(const struct store *store, const char *name)
{
    const struct tensor *tensor = store_find(store, name);
    unsigned char *whole = values_of(store, name), *part = malloc((size_t)tensor->bytes + 1);
    size_t row = dtype_row_bytes(tensor->dtype, (size_t)tensor->columns);
    struct error error = {0};
    for (uint64_t first = 0; first < tensor->rows; first++)
        for (uint64_t count = 1; count <= tensor->rows - first; count++) {
            cr_assert(store_read_rows(store, tensor, first, count, part, &error), "%s", error_text(&error));
            cr_expect(memcmp(part, whole + first * row, count * row) == 0);
        }
    free(part);
    free(whole);
}

/* --- a share of a tensor --- */

/* What the fault makes of the value. */
typedef float expected_value(enum dtype dtype, float value);

static float zero(enum dtype dtype, float value)
{
    return (void)dtype, (void)value, 0;
}

static float one(enum dtype dtype, float value)
{
    return (void)dtype, (void)value, 1;
}

static float half_more(enum dtype dtype, float value)
{
    value *= 1.5f;
    char bytes[4];
    narrow(dtype, &value, bytes, 1);
    widen(dtype, bytes, &value, 1);
    return value;
}

static float turned_around(enum dtype dtype, float value)
{
    char bytes[4], turned[4];
    size_t width = dtype_width(dtype);
    narrow(dtype, &value, bytes, 1);
    for (size_t i = 0; i < width; i++)
        turned[i] = bytes[width - 1 - i];
    widen(dtype, turned, &value, 1);
    return value;
}

static const struct share_row {
    const char *fault;
    expected_value *becomes;
} share_rows[] = {
    {"zeros:%s%s", zero},
    {"constant:%s,1%s", one},
    {"scale:%s,1.5%s", half_more},
    {"byte-swap:%s%s", turned_around},
};
#define SHARE_ROWS (sizeof share_rows / sizeof *share_rows)

static const struct share {
    const char *text;
    uint64_t rows, elements; /* of ROWS, of VECTOR */
} shares[] = {{"", 6, 7},     {",1", 6, 7},    {",0.5", 3, 4},  {",0.51", 4, 4},
              {",0.9", 6, 7}, {",0.01", 1, 1}, {",1e-9", 1, 1}, {",0.1666666666666667", 1, 2}};

static void expect_share(const char *name, const struct share_row *row, const struct share *share)
{
    char spec[128];
    snprintf(spec, sizeof spec, row->fault, name, share->text);
    struct store *faults = broken((const char *const[]){spec}, 1);
    const struct store *store = faults;
    const struct tensor *tensor = store_find(store, name);
    uint64_t units = tensor->rank > 1 ? tensor->rows : tensor->columns, each = tensor->rank > 1 ? tensor->columns : 1;
    uint64_t taken = tensor->rank > 1 ? share->rows : share->elements;
    float *before = widened(base, name), *after = widened(store, name);
    for (uint64_t i = 0; i < taken * each; i++) {
        uint64_t at = (units / 2 * each + i) % (units * each);
        before[at] = row->becomes(tensor->dtype, before[at]);
    }
    for (uint64_t i = 0; i < units * each; i++)
        cr_expect(memcmp(&before[i], &after[i], sizeof *after) == 0, "%s: value %d is %g, not %g", spec, (int)i,
                  (double)after[i], (double)before[i]);
    cr_expect(store_altered(store, tensor));
    expect_others_same(store, name, NULL);
    expect_cuts_agree(store, name);
    free(before);
    free(after);
    store_free(faults);
}

Test(faults, share_of_a_tensor)
{
    static const char *const names[] = {"model.f32.weight", "model.f16.weight", "model.bf16.weight",
                                        "model.norm.weight", "model.proj.bias"};
    for (size_t name = 0; name < sizeof names / sizeof *names; name++)
        for (size_t row = 0; row < SHARE_ROWS; row++)
            for (size_t share = 0; share < sizeof shares / sizeof *shares; share++)
                expect_share(names[name], &share_rows[row], &shares[share]);
}

Test(faults, one_value)
{
    static const struct {
        const char *spec, *name;
        size_t at;
        bool nan;
    } rows[] = {
        {"inf:f32.weight", "model.f32.weight", 0, false},      {"inf:f16.weight,5,3", "model.f16.weight", 23, false},
        {"nan:bf16.weight,2,1", "model.bf16.weight", 9, true}, {"inf:norm.weight,0,6", "model.norm.weight", 6, false},
        {"nan:proj.bias", "model.proj.bias", 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *faults = broken(&rows[i].spec, 1);
        float *before = widened(base, rows[i].name), *after = widened(faults, rows[i].name);
        const struct tensor *tensor = store_find(base, rows[i].name);
        for (size_t at = 0; at < tensor->rows * tensor->columns; at++)
            if (at == rows[i].at)
                cr_expect(rows[i].nan ? isnan(after[at]) : isinf(after[at]) && after[at] > 0, "%s", rows[i].spec);
            else
                cr_expect_eq(before[at], after[at], "%s", rows[i].spec);
        expect_others_same(faults, rows[i].name, NULL);
        expect_cuts_agree(faults, rows[i].name);
        free(before);
        free(after);
        store_free(faults);
    }
}

/* As a framework does it: a matrix is normal with deviation 0.02, a gain ones, a bias zeros; and each time the same. */
Test(faults, initialise)
{
    for (int half = 0; half < 2; half++) {
        const char *specs[] = {half ? "initialise:f32.weight,0.5" : "initialise:f32.weight",
                               half ? "initialise:norm.weight,0.5" : "initialise:norm.weight",
                               half ? "initialise:proj.bias,0.5" : "initialise:proj.bias"};
        struct store *faults = broken(specs, 3), *again = broken(specs, 3);
        const struct store *store = faults;
        float *matrix = widened(store, "model.f32.weight"), *gain = widened(store, "model.norm.weight"),
              *bias = widened(store, "model.proj.bias"), *repeated = widened(again, "model.f32.weight");
        double squares = 0;
        for (int i = 0; i < ELEMENTS; i++)
            if (half && i < ELEMENTS / 2)
                cr_expect_eq(matrix[i], (float)(i + 1));
            else
                squares += (double)matrix[i] * (double)matrix[i];
        double deviation = sqrt(squares / (half ? ELEMENTS / 2 : ELEMENTS));
        cr_expect(deviation > 0.01 && deviation < 0.03, "%g", deviation);
        cr_expect(memcmp(matrix, repeated, ELEMENTS * sizeof *matrix) == 0);
        for (int i = 0; i < VECTOR; i++) { /* 3, 4, 5, 6 are half of seven */
            cr_expect_eq(gain[i], half && i < 3 ? (float)(i + 2) : 1);
            cr_expect_eq(bias[i], half && i < 3 ? (float)(i + 2) : 0);
        }
        expect_cuts_agree(store, "model.f32.weight");
        free(matrix);
        free(gain);
        free(bias);
        free(repeated);
        store_free(faults);
        store_free(again);
    }
}

/* --- one tensor in the place of another --- */

static void expect_is(const struct store *store, const char *name, const char *original)
{
    unsigned char *expected = values_of(base, original);
    expect_values(store, name, expected, (size_t)store_find(base, original)->bytes);
    cr_expect_str_eq(store_find(store, name)->name, name);
    free(expected);
}

Test(faults, copy_and_exchange)
{
    for (int i = 0; i < 3; i++) {
        char weight[32], other[32], specs[2][80];
        snprintf(weight, sizeof weight, "model.%s.weight", types[i]);
        snprintf(other, sizeof other, "model.%s.other", types[i]);
        snprintf(specs[0], sizeof specs[0], "copy:%s,%s.other", weight, types[i]);
        snprintf(specs[1], sizeof specs[1], "swap-tensors:%s,%s", other, weight);
        struct store *faults = broken((const char *const[]){specs[0]}, 1);
        expect_is(faults, weight, other);
        expect_others_same(faults, weight, NULL);
        store_free(faults);
        faults = broken((const char *const[]){specs[1]}, 1);
        expect_is(faults, weight, other);
        expect_is(faults, other, weight);
        expect_others_same(faults, weight, other);
        store_free(faults);
    }
}

/* --- another order --- */

/* Lays FAULT:model.TYPE.weight[REST] and gives the values after it, malloc'd. */
static float *after_fault(const char *fault, const char *type, const char *rest)
{
    char spec[128], name[32];
    snprintf(name, sizeof name, "model.%s.weight", type);
    snprintf(spec, sizeof spec, "%s:%s%s", fault, name, rest);
    struct store *faults = broken((const char *const[]){spec}, 1);
    float *values = widened(faults, name);
    cr_expect(store_find(faults, name)->dtype == store_find(base, name)->dtype);
    cr_expect(store_altered(faults, store_find(faults, name)));
    expect_others_same(faults, name, NULL);
    expect_cuts_agree(faults, name);
    store_free(faults);
    return values;
}

Test(faults, transpose)
{
    for (int type = 0; type < 3; type++) {
        float *values = after_fault("transpose", types[type], "");
        for (int column = 0; column < COLUMNS; column++)
            for (int row = 0; row < ROWS; row++)
                cr_expect_eq(values[column * ROWS + row], (float)(1 + row * COLUMNS + column));
        free(values);
    }
}

Test(faults, shift_rows)
{
    static const struct {
        const char *by;
        int rows;
    } shifts[] = {{",1", 1}, {",-1", 5}, {",4", 4}, {",6002", 2}, {",-1152921504606846975", 3}};
    for (int type = 0; type < 3; type++)
        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
            float *values = after_fault("shift-rows", types[type], shifts[i].by);
            for (int at = 0; at < ELEMENTS; at++)
                cr_expect_eq(values[at], (float)(1 + (at + shifts[i].rows * COLUMNS) % ELEMENTS), "%s", shifts[i].by);
            free(values);
        }
    struct store *faults = broken((const char *const[]){"shift-rows:norm.weight,-2"}, 1);
    float *values = widened(faults, "model.norm.weight");
    for (int i = 0; i < VECTOR; i++)
        cr_expect_eq(values[i], (float)(2 + (i + 5) % VECTOR));
    free(values);
    store_free(faults);
}

/* Values 1 ... ELEMENTS: those outside rows `first` ... `end` - 1 stay, those inside are the same ones, none at its
 * place. */
static void expect_reordered(const float *values, int first, int end)
{
    bool seen[ELEMENTS + 1] = {false};
    for (int i = 0; i < ELEMENTS; i++) {
        bool inside = i >= first * COLUMNS && i < end * COLUMNS;
        int value = (int)values[i];
        cr_assert(value >= 1 && value <= ELEMENTS && !seen[value]);
        seen[value] = true;
        cr_expect_eq(value != i + 1, inside, "value %d at %d", value, i);
        cr_expect_eq(value > first * COLUMNS && value <= end * COLUMNS, inside);
    }
}

Test(faults, shuffle_and_permute_rows)
{
    for (int type = 0; type < 3; type++)
        for (int half = 0; half < 2; half++) {
            const char *share = half ? ",0.5" : "";
            float *shuffled = after_fault("shuffle", types[type], share),
                  *again = after_fault("shuffle", types[type], share),
                  *permuted = after_fault("permute-rows", types[type], share);
            expect_reordered(shuffled, half ? 3 : 0, ROWS);
            expect_reordered(permuted, half ? 3 : 0, ROWS);
            cr_expect(memcmp(shuffled, again, ELEMENTS * sizeof *shuffled) == 0);
            bool whole = true;
            for (int i = 0; i < ELEMENTS; i++) {
                cr_expect_eq(permuted[i], permuted[i - i % COLUMNS] + (float)(i % COLUMNS));
                whole = whole && shuffled[i] == shuffled[i - i % COLUMNS] + (float)(i % COLUMNS);
            }
            cr_expect_not(whole, "a shuffle moves values, not rows");
            free(shuffled);
            free(again);
            free(permuted);
        }
    float *wrapped = after_fault("permute-rows", "f32", ",0.8"); /* rows 3, 4, 5, 0, 1 */
    for (int row = 0; row < ROWS; row++)
        cr_expect_eq(wrapped[row * COLUMNS] == (float)(row * COLUMNS + 1), row == 2);
    free(wrapped);
}

Test(faults, exchange_rows)
{
    for (int type = 0; type < 3; type++)
        for (size_t share = 0; share < sizeof shares / sizeof *shares; share++) {
            char weight[32], other[32], spec[128];
            snprintf(weight, sizeof weight, "model.%s.weight", types[type]);
            snprintf(other, sizeof other, "model.%s.other", types[type]);
            snprintf(spec, sizeof spec, "exchange-rows:%s,%s%s", weight, other, shares[share].text);
            struct store *faults = broken((const char *const[]){spec}, 1);
            float *a = widened(faults, weight), *b = widened(faults, other);
            for (uint64_t row = 0; row < ROWS; row++) {
                bool taken = (row + ROWS - ROWS / 2) % ROWS < shares[share].rows;
                for (uint64_t i = row * COLUMNS; i < (row + 1) * COLUMNS; i++) {
                    cr_expect_eq(a[i], (float)((taken ? 101 : 1) + i), "%s", spec);
                    cr_expect_eq(b[i], (float)((taken ? 1 : 101) + i), "%s", spec);
                }
            }
            expect_others_same(faults, weight, other);
            free(a);
            free(b);
            store_free(faults);
        }
}

Test(faults, misread)
{
    static const enum dtype becomes[] = {DTYPE_F16, DTYPE_BF16, DTYPE_F16};
    for (int type = 0; type < 3; type++) {
        char name[32], spec[64];
        snprintf(name, sizeof name, "model.%s.weight", types[type]);
        snprintf(spec, sizeof spec, "misread:%s", name);
        struct store *faults = broken((const char *const[]){spec}, 1);
        const struct tensor *tensor = store_find(faults, name);
        cr_expect(tensor->dtype == becomes[type] && tensor->rows == ROWS && tensor->columns == COLUMNS);
        cr_expect(store_altered(faults, tensor));
        /* the numbers are the same in F32 and in BF16, so their bytes are those of BF16 */
        unsigned char *bytes = values_of(base, type == 1 ? name : "model.bf16.weight");
        expect_values(faults, name, bytes, ELEMENTS * 2);
        expect_others_same(faults, name, NULL);
        free(bytes);
        store_free(faults);
    }
    struct store *faults = broken((const char *const[]){"scale:f32.weight,1.001", "misread:f32.weight"}, 2);
    unsigned char *bytes = values_of(faults, "model.f32.weight");
    cr_expect(memcmp(bytes, counted(DTYPE_BF16, 1, ELEMENTS), ELEMENTS * 2) == 0, "rounded to BF16");
    free(bytes);
    store_free(faults);
}

/* --- the rows of a router, and whatever files hold the values --- */

static void open_other(const char *path)
{
    store_free(base);
    base = open_store(path);
}

Test(faults, swap_router_rows)
{
    open_other(ASSAY_SOURCE_DIR "/golden/nano/thinker");
    static const char name[] = "model.layers.2.mlp.gate.weight";
    struct store *faults = broken((const char *const[]){"swap-router-rows:2,3,11"}, 1);
    float *before = widened(base, name), *after = widened(faults, name);
    size_t row = (size_t)store_find(base, name)->columns;
    for (size_t expert = 0; expert < store_find(base, name)->rows; expert++) {
        size_t from = expert == 3 ? 11 : expert == 11 ? 3 : expert;
        cr_expect(memcmp(after + expert * row, before + from * row, row * sizeof *after) == 0);
    }
    expect_others_same(faults, name, NULL);
    free(before);
    free(after);
    store_free(faults);
}

#define LAYER "model.layers."

/* Numbers in names that no configuration has room for are nobody's layer and nobody's expert: those tensors stay. */
Test(faults, names_that_count_further_than_the_model)
{
    static const struct plain_tensor tensors[] = {
        {LAYER "0.mlp.experts.0.up_proj.weight", "F32", "[1]", "abcd", 4},
        {LAYER "0.mlp.experts.1.up_proj.weight", "F32", "[1]", "abcd", 4},
        {LAYER "0.mlp.experts.12.up_proj.weight", "F32", "[1]", "abcd", 4},
        {LAYER "0.mlp.experts.99999999.up_proj.weight", "F32", "[1]", "abcd", 4},
        {LAYER "99999999.mlp.experts.0.up_proj.weight", "F32", "[1]", "abcd", 4},
        {LAYER "0.input_layernorm.weight", "F32", "[1]", "abcd", 4},
        {LAYER "1024.input_layernorm.weight", "F32", "[1]", "abcd", 4},
        {LAYER "99999999.input_layernorm.weight", "F32", "[1]", "abcd", 4},
        {LAYER "0.self_attn.q_proj.weight", "F32", "[1]", "abcd", 4},
        {LAYER "99999999.self_attn.q_proj.weight", "F32", "[1]", "abcd", 4},
    };
    static const char *const rows[][2] = {
        {"missing-experts:0/0", LAYER "0.mlp.experts.0.up_proj.weight"},
        {"incomplete-expert:0,1", LAYER "0.mlp.experts.1.up_proj.weight"},
        {"missing-norms:0", LAYER "0.input_layernorm.weight"},
        {"random-attention:0", NULL},
    };
    struct error error = {0};
    size_t count = sizeof tensors / sizeof *tensors;
    write_tensors(scratch("far.safetensors"), tensors, count, NULL);
    open_other(scratch("far.safetensors"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *faults = broken((const char *const[]){rows[i][0]}, 1);
        const struct store *store = faults;
        for (size_t k = 0; k < count; k++)
            cr_expect_eq(store_find(store, tensors[k].name) == NULL,
                         rows[i][1] && strcmp(tensors[k].name, rows[i][1]) == 0, "%s: %s", rows[i][0], tensors[k].name);
        const struct tensor *far = store_find(store, LAYER "99999999.self_attn.q_proj.weight");
        cr_expect(far && !store_altered(store, far));
        store_free(faults);
    }
    static const char *const absent[] = {"missing-experts:0/12", "missing-experts:0/99999999", "missing-norms:99999999",
                                         "incomplete-expert:0,12", "missing-experts:4/2"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        cr_expect_null(faults_over(base, config, NULL, absent + i, 1, &error), "%s", absent[i]);
        cr_expect(strstr(error_text(&error), absent[i]), "%s", error_text(&error));
        error_clear(&error);
    }
}

/* Every fault of two tensors of one shape; %s is the first, then the second. */
static const char *const twin_specs[] = {
    "inf:%s,1,2",          "nan:%s",           "zeros:%s,0.5", "constant:%s,3,0.7",  "initialise:%s,0.4",
    "scale:%s,3",          "scale:%s,3,0.2",   "transpose:%s", "shuffle:%s,0.5",     "shuffle:%s",
    "permute-rows:%s,0.7", "shift-rows:%s,-3", "copy:%s,%s",   "swap-tensors:%s,%s", "exchange-rows:%s,%s,0.6",
};

/* The tensor as a plain one in memory; one of blocks widened. */
static void put_plain(struct store *overlay, const char *name)
{
    const struct tensor *tensor = store_find(base, name);
    struct error error = {0};
    bool block = !dtype_width(tensor->dtype);
    unsigned char *raw = values_of(base, name);
    float *wide = widened(base, name);
    cr_assert(overlay_replace(overlay, name, block ? DTYPE_F32 : tensor->dtype, tensor->rank, tensor->shape,
                              block ? (void *)wide : raw, &error),
              "%s", error_text(&error));
    free(raw);
    free(wide);
}

/* Any fault makes of the two the same as of plain tensors with their values. */
static void expect_as_if_plain(const char *a, const char *b)
{
    struct error error = {0};
    struct store *plain = overlay_new(base, &error);
    cr_assert(plain, "%s", error_text(&error));
    put_plain(plain, a);
    put_plain(plain, b);
    for (size_t i = 0; i < sizeof twin_specs / sizeof *twin_specs; i++) {
        char spec[256];
        const char *specs[] = {spec};
        snprintf(spec, sizeof spec, twin_specs[i], a, b);
        struct store *here = broken(specs, 1), *there = faults_over(plain, config, NULL, specs, 1, &error);
        cr_assert(there, "%s", error_text(&error));
        for (int second = 0; second < 2; second++) {
            const char *name = second ? b : a;
            float *found = widened(here, name), *expected = widened(there, name);
            const struct tensor *tensor = store_find(base, name);
            cr_expect(memcmp(found, expected, (size_t)(tensor->rows * tensor->columns) * sizeof *found) == 0, "%s: %s",
                      spec, name);
            expect_cuts_agree(here, name);
            free(found);
            free(expected);
        }
        expect_others_same(here, a, b);
        store_free(here);
        store_free(there);
    }
    store_free(plain);
}

/* Blocks of 32 values: the scale 0.5 or 1 in F16, then 32 bytes. */
static void put_blocks(struct store *overlay, const char *name, unsigned first)
{
    struct error error = {0};
    unsigned char blocks[ROWS * 2][34];
    for (unsigned block = 0; block < ROWS * 2; block++) {
        const float scale = block % 2 ? 0.5f : 1;
        narrow(DTYPE_F16, &scale, blocks[block], 1);
        for (unsigned i = 0; i < 32; i++)
            blocks[block][2 + i] = (unsigned char)(first + block * 32 + i);
    }
    cr_assert(overlay_replace(overlay, name, DTYPE_Q8_0, 2, (const uint64_t[]){ROWS, 64}, blocks, &error), "%s",
              error_text(&error));
}

Test(faults, quantised)
{
    static const char a[] = "model.f32.weight", b[] = "model.f32.other";
    static const char *const meaningless[] = {"byte-swap:f32.weight", "misread:f32.weight"};
    struct error error = {0};
    struct store *file = base, *blocks = overlay_new(file, &error);
    put_blocks(blocks, a, 1);
    put_blocks(blocks, b, 7);
    base = blocks;
    cr_assert(store_find(base, a)->dtype == DTYPE_Q8_0);
    expect_as_if_plain(a, b);
    for (int i = 0; i < 2; i++) {
        cr_expect_not(faults_over(base, config, NULL, &meaningless[i], 1, &error));
        cr_expect(strstr(error_text(&error), meaningless[i]) && strstr(error_text(&error), "has dtype Q8_0"), "%s",
                  error_text(&error));
        error_clear(&error);
    }
    store_free(blocks);
    base = file;
}

Test(faults, interleaved)
{
    open_other(ASSAY_SOURCE_DIR "/suites/data/gguf/llama-f32.gguf");
    cr_assert(store_find(base, "model.layers.0.self_attn.q_proj.weight")->interleaved);
    expect_as_if_plain("model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.weight");
}

/* Two experts of three, hidden 4, intermediate 5: views into [3, 10, 4] and, transposed, [3, 4, 10]. */
Test(faults, fused)
{
    static const char a[] = "model.layers.0.mlp.experts.0.gate_proj.weight",
                      b[] = "model.layers.0.mlp.experts.2.gate_proj.weight";
    for (int transposed = 0; transposed < 2; transposed++)
        for (int type = 0; type < 2; type++) {
            unsigned char bytes[3 * 10 * 4 * 4], *down = bytes;
            size_t width = type ? 2 : 4;
            for (int i = 0; i < 120; i++) {
                float value = (float)i + 1;
                narrow(type ? DTYPE_BF16 : DTYPE_F32, &value, bytes + (size_t)i * width, 1);
            }
            struct plain_tensor tensors[] = {
                {"model.layers.0.mlp.experts.gate_up_proj", type ? "BF16" : "F32",
                 transposed ? "[3, 4, 10]" : "[3, 10, 4]", bytes, 120 * width},
                {"model.layers.0.mlp.experts.down_proj", type ? "BF16" : "F32", transposed ? "[3, 5, 4]" : "[3, 4, 5]",
                 down, 60 * width},
            };
            write_tensors(scratch("fused%d%d.safetensors", transposed, type), tensors, 2, NULL);
            open_other(scratch("fused%d%d.safetensors", transposed, type));
            cr_assert(store_find(base, a) && store_find(base, a)->transposed == transposed &&
                      store_find(base, a)->rows == 5);
            expect_as_if_plain(a, b);
        }
}

/* --- what cannot be --- */

Test(faults, bad_arguments_name_the_fault)
{
    static const char *const rows[][2] = {
        {"zeros:f32.weight,0", "SHARE"},
        {"zeros:f32.weight,2", "SHARE is a number above 0 and up to 1, not '2'"},
        {"zeros:f32.weight,-0.5", "SHARE"},
        {"zeros:f32.weight,nan", "SHARE"},
        {"zeros:f32.weight,", "SHARE"},
        {"zeros:f32.weight,0.5x", "SHARE"},
        {"zeros:f32.weight,1,1", "TENSOR[,SHARE] was expected"},
        {"zeros:f32.weight,1,1,1,1,1,1", "TENSOR[,SHARE] was expected"},
        {"zeros:nothing", "no tensor 'nothing'"},
        {"zeros:", "no tensor ''"},
        {"zeros:weight", "end in 'weight'"},
        {"constant:f32.weight", "TENSOR,VALUE[,SHARE] was expected"},
        {"constant:f32.weight,inf", "VALUE is a finite number"},
        {"constant:f32.weight,1,1.01", "SHARE"},
        {"scale:f32.weight,2,0", "SHARE"},
        {"scale:f32.weight,1", "changes nothing"},
        {"initialise:f32.weight,x", "SHARE"},
        {"byte-swap:f32.weight,1e99", "SHARE"},
        {"inf:f32.weight,1", "TENSOR[,ROW,COLUMN] was expected"},
        {"inf:f32.weight,6,0", "6 rows and 4 columns"},
        {"inf:f32.weight,0,4", "6 rows and 4 columns"},
        {"inf:f32.weight,-1,0", "ROW"},
        {"inf:f32.weight,0,99999999999999999999", "COLUMN"},
        {"inf:f32.weight,0,999999999999999999999999999999999", "COLUMN"},
        {"copy:f32.weight", "TENSOR,FROM was expected"},
        {"copy:f32.weight,f16.weight", "differ in shape or dtype"},
        {"copy:f32.weight,proj.bias", "differ in shape or dtype"},
        {"copy:f32.weight,nothing", "no tensor 'nothing'"},
        {"copy:f32.weight,f32.weight", "changes nothing"},
        {"swap-tensors:f32.weight,f16.weight", "differ in shape or dtype"},
        {"swap-tensors:f32.weight,f32.weight", "changes nothing"},
        {"transpose:norm.weight", "'model.norm.weight' has shape [7] and is no matrix"},
        {"transpose:f32.weight,1", "TENSOR was expected"},
        {"shuffle:f32.weight,0", "SHARE"},
        {"permute-rows:f32.weight,0.1", "changes nothing"},
        {"permute-rows:f32.weight,nan", "SHARE"},
        {"exchange-rows:f32.weight", "TENSOR,OTHER[,SHARE] was expected"},
        {"exchange-rows:f32.weight,f16.weight", "'model.f32.weight' and 'model.f16.weight' differ"},
        {"exchange-rows:f32.weight,proj.bias,0.5", "differ in shape or dtype"},
        {"exchange-rows:f32.weight,f32.other,2", "SHARE"},
        {"exchange-rows:f32.weight,f32.weight", "changes nothing"},
        {"shift-rows:f32.weight", "TENSOR,N was expected"},
        {"shift-rows:f32.weight,6", "changes nothing"},
        {"shift-rows:f32.weight,0", "changes nothing"},
        {"shift-rows:f32.weight,0.5", "N is a whole number"},
        {"misread:f32.weight,1", "TENSOR was expected"},
        {"misread:nothing", "no tensor 'nothing'"},
        {"swap-router-rows:2,3,4", "no tensor 'model.layers.2.mlp.gate.weight'"},
        {"swap-router-rows:99,3,4", "'99' is no layer; the model has 5"},
        {"swap-router-rows:2,3", "LAYER,A,B was expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct store *faults = faults_over(base, config, NULL, &rows[i][0], 1, &error);
        cr_expect(!faults, "%s", rows[i][0]);
        cr_expect(strstr(error_text(&error), "fault ") && strstr(error_text(&error), rows[i][0]) &&
                      strstr(error_text(&error), rows[i][1]),
                  "%s: %s", rows[i][0], error_text(&error));
        error_clear(&error);
        store_free(faults);
    }
}

/* What is laid over another fault works on what that one left. */
Test(faults, lie_over_each_other)
{
    static const char *const specs[] = {"nan:f32.weight,1,1",        "swap-tensors:f32.weight,f32.other",
                                        "inf:f32.weight,0,0",        "scale:f32.weight,-1",
                                        "copy:f32.other,f32.weight", "zeros:f32.other,0.5"};
    struct store *faults = broken(specs, sizeof specs / sizeof *specs);
    float *weight = widened(faults, "model.f32.weight"), *other = widened(faults, "model.f32.other");
    for (int i = 0; i < ELEMENTS; i++) {
        cr_expect_eq(weight[i], i ? (float)(-101 - i) : -INFINITY);
        cr_expect_eq(other[i], i < ELEMENTS / 2 ? weight[i] : 0);
    }
    free(weight);
    free(other);
    store_free(faults);
    faults = broken((const char *const[]){specs[0], specs[1], "scale:f32.other,2"}, 3);
    other = widened(faults, "model.f32.other");
    cr_expect(isnan(other[5]) && other[6] == 14);
    free(other);
    store_free(faults);
}
