/* Every fault changes exactly what it says, and nothing else: shares, single values, tensors, bad arguments. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "faults_fixture.h"
#include "store_fixtures.h"
#include "values/values.h"

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

/* --- what cannot be --- */

/* Each row is a fault, and what is said of it. */
static void expect_named(const char *const (*rows)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error error = {0};
        struct store *faults = faults_over(base, config, &(struct fault_means){0}, &rows[i][0], 1, &error);
        cr_expect(!faults, "%s", rows[i][0]);
        cr_expect(strstr(error_text(&error), "fault ") && strstr(error_text(&error), rows[i][0]) &&
                      strstr(error_text(&error), rows[i][1]),
                  "%s: %s", rows[i][0], error_text(&error));
        error_clear(&error);
        store_free(faults);
    }
}

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
    };
    expect_named(rows, sizeof rows / sizeof *rows);
}

Test(faults, bad_tensors_and_orders_name_the_fault)
{
    static const char *const rows[][2] = {
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
    expect_named(rows, sizeof rows / sizeof *rows);
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

/* As often as one likes, several at a time; what lies below is freed with the top (the address sanitizer tells). */
Test(faults, are_laid_over_a_subject_again_and_again)
{
    static const char *const first[] = {"nan:f32.weight,1,1", "swap-tensors:f32.weight,f32.other"};
    static const char *const second[] = {"scale:f32.other,2", "scale:f32.other,-1"};
    struct subject subject = {.base = base, .store = base, .config = config};
    struct error error = {0};
    cr_assert(faults_lay(&subject, NULL, 0, first, 2, &error) && faults_lay(&subject, NULL, 0, second, 2, &error), "%s",
              error_text(&error));
    float *other = widened(subject.store, "model.f32.other");
    cr_expect(isnan(other[5]) && other[6] == -14);
    free(other);
    store_free(subject.store);
}
