/* Every fault changes exactly what it says, and nothing else: the order of values, rows of routers, kinds of files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "faults_fixture.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "values/values.h"

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
        cr_expect_null(faults_over(base, config, &(struct fault_means){0}, absent + i, 1, &error), "%s", absent[i]);
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
        struct store *here = broken(specs, 1),
                     *there = faults_over(plain, config, &(struct fault_means){0}, specs, 1, &error);
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
        cr_expect_not(faults_over(base, config, &(struct fault_means){0}, &meaningless[i], 1, &error));
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
