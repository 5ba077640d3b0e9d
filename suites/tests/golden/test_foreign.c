/* Dumps that other tools write, byte by byte: what is right is read, everything else is refused with its name. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "golden/golden.h"
#include "golden/logits_base.h"
#include "golden/npy.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))
#define DATA ASSAY_SOURCE_DIR "/suites/data/foreign/"

static void make(void)
{
    scratch_make();
}

TestSuite(npy, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(base, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(tree, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(llama_debug, .init = make, .fini = scratch_remove, .timeout = 60);

static void expect_refused(const char *path, const char *named, const char *needle)
{
    struct error error = {0};
    struct golden *golden = golden_open(path, &error);
    cr_expect(!golden, "%s was accepted; \"%s\" was expected", path, needle);
    cr_expect(golden || strstr(error_text(&error), needle), "\"%s\" is not in: %s", needle, error_text(&error));
    cr_expect(golden || strstr(error_text(&error), named), "%s is not named in: %s", named, error_text(&error));
    golden_free(golden);
    error_clear(&error);
}

static struct golden *open_golden(const char *path)
{
    struct error error = {0};
    struct golden *golden = golden_open(path, &error);
    cr_assert(golden, "%s", error_text(&error));
    return golden;
}

/* Reads every row of every tensor; what is wrong there must be an error, never a crash. */
static void read_all(const struct golden *golden)
{
    for (size_t i = 0; i < golden_tensor_count(golden); i++) {
        const struct golden_tensor *tensor = golden_tensor_at(golden, i);
        struct error error = {0};
        float *values = malloc(tensor->rows * tensor->width * sizeof *values);
        cr_assert(values);
        golden_read_rows(golden, tensor, 0, tensor->rows, values, &error);
        error_clear(&error);
        free(values);
    }
}

/* Every file that a flipped byte or a cut makes of this one, at `step` apart, is refused or read, and nothing else. */
static void expect_sturdy(const char *open, const char *path, size_t step)
{
    size_t size = 0;
    char *bytes = read_bytes(path, &size);
    for (size_t at = 0; at < size; at += step) {
        char kept = bytes[at];
        bytes[at] = (char)(kept ^ (char)(1 << at % 8));
        write_bytes(path, bytes, size);
        struct golden *golden = golden_open(open, NULL);
        if (golden)
            read_all(golden);
        golden_free(golden);
        bytes[at] = kept;
        write_bytes(path, bytes, at);
        cr_expect(!golden_open(open, NULL), "%s cut to %zu bytes was accepted", path, at);
    }
    write_bytes(path, bytes, size);
    free(bytes);
}

/* --- .npy --- */

static void write_npy(const char *path, int major, const char *header, const void *data, size_t size)
{
    char bytes[4096] = "\x93NUMPY";
    size_t length = strlen(header), lead = major == 1 ? 10 : 12;
    bytes[6] = (char)major;
    bytes[8] = (char)(length & 0xFF);
    bytes[9] = (char)(length >> 8);
    memcpy(bytes + lead, header, length);
    memcpy(bytes + lead + length, data, size);
    write_bytes(path, bytes, lead + length + size);
}

#define HEADER(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }\n"

static const int64_t ids[] = {3, 1};
static const float six[] = {1, 2, 3, 4, 5, 6};

static const char *write_folder(void)
{
    write_npy(scratch("f/ids.npy"), 1, HEADER("<i8", "(2,)"), ids, sizeof ids);
    write_npy(scratch("f/model.norm.npy"), 1, HEADER("<f4", "(1, 2, 3)"), six, sizeof six);
    return scratch("f");
}

Test(npy, reads_every_version_dtype_and_batch_axis)
{
    static const double doubles[] = {1, 2, 3, 4, 5, 6};
    static const uint16_t halves[] = {0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600};
    static const int32_t whole[] = {1, 2, 3, 4, 5, 6};
    const struct {
        int major;
        const char *header;
        const void *data;
        size_t size;
    } rows[] = {{1, HEADER("<f4", "(1, 2, 3)"), six, sizeof six},
                {2, HEADER("<f4", "(2, 3)"), six, sizeof six},
                {3, "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}", six, sizeof six},
                {1, HEADER("<f8", "(2, 3)"), doubles, sizeof doubles},
                {1, HEADER("<f2", "(2, 3, 1)"), halves, sizeof halves},
                {1, HEADER("<i4", "(2, 3)"), whole, sizeof whole}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *folder = write_folder();
        write_npy(scratch("f/model.norm.npy"), rows[i].major, rows[i].header, rows[i].data, rows[i].size);
        struct golden *golden = open_golden(folder);
        const struct golden_tensor *norm = golden_find(golden, 0, "model.norm");
        float row[3] = {0};
        cr_assert(norm && norm->rows == 2 && norm->width == 3 && !norm->first && isnan(norm->noise), "row %zu", i);
        cr_assert(golden_case_at(golden, 0)->count == 2 && golden_case_at(golden, 0)->ids[0] == 3);
        cr_assert(golden_read_rows(golden, norm, 1, 1, row, NULL));
        cr_expect(fabsf(row[0] - 4) + fabsf(row[1] - 5) + fabsf(row[2] - 6) < 1e-6f, "row %zu", i);
        golden_free(golden);
    }
}

Test(npy, a_folder_of_folders_holds_a_case_each)
{
    write_folder();
    write_npy(scratch("f/two/input_ids.npy"), 1, HEADER("<i4", "(1, 1)"), (const int32_t[]){7}, 4);
    write_npy(scratch("f/two/model.language_model.norm.npy"), 1, HEADER("<f4", "(1, 3)"), six, 12);
    struct golden *golden = open_golden(scratch("f"));
    cr_assert(golden_case_count(golden) == 2);
    cr_expect_str_eq(golden_case_at(golden, 1)->id, "two");
    cr_expect(golden_find(golden, 1, "model.norm") && golden_find(golden, 0, "model.norm"));
    golden_free(golden);
    write_npy(scratch("f/three/model.norm.npy"), 1, HEADER("<f4", "(1, 3)"), six, 12);
    expect_refused(scratch("f"), "f/three", "add an array named ids or input_ids");
}

Test(npy, refuses_malformed_headers)
{
    static const struct {
        const char *header, *needle;
    } rows[] = {{"", "dictionary"},
                {"[]", "dictionary"},
                {"{", "quotes"},
                {"{}", "no \"descr\""},
                {HEADER(">f4", "(2, 3)"), "'<f4'"},
                {HEADER("<f4", "(2, 4)"), "promises"},
                {HEADER("<f4", "(2, 2)"), "promises"},
                {HEADER("<f4", "(3, 2)"), "2 tokens"},
                {HEADER("<f4", "(6,)"), "2 tokens"},
                {HEADER("<f4", "()"), "promises"},
                {HEADER("<f4", "(0, 3)"), "dimension"},
                {HEADER("<f4", "(-2, 3)"), "whole number"},
                {HEADER("<f4", "(4294967296, 4294967296, 4294967296)"), "dimension"},
                {HEADER("<f4", "(99999999999999999999999999)"), "whole number"},
                {HEADER("<f4", "(281474976710656, 3)"), "promises"},
                {HEADER("<f4", "(2 3)"), "comma"},
                {HEADER("<f4", "(1, 1, 1, 1, 1, 1, 1, 2, 3)"), "8 dimensions"},
                {HEADER("<f4", "2"), "tuple"},
                {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", "Fortran"},
                {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "True or False"},
                {"{'descr': '<f4', 'descr': '<f4', 'shape': (2, 3)}", "twice"},
                {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}", "quotes"},
                {"{'descr': '<f4', 'order': False, 'shape': (2, 3)}", "fortran_order"},
                {"{'descr' '<f4', 'fortran_order': False, 'shape': (2, 3)}", "colon"},
                {"{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}", "comma"},
                {HEADER("<f4", "(2, 3)") "x", "nothing more"}};
    const char *folder = write_folder();
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_npy(scratch("f/model.norm.npy"), 1, rows[i].header, six, sizeof six);
        expect_refused(folder, "f/model.norm.npy", rows[i].needle);
    }
    write_npy(scratch("f/model.norm.npy"), 4, HEADER("<f4", "(2, 3)"), six, sizeof six);
    expect_refused(folder, "f/model.norm.npy", "version 4.0");
    write_bytes(scratch("f/model.norm.npy"), "\x93NUMPY\x02\0\xff\xff\xff\xff{", 13);
    expect_refused(folder, "f/model.norm.npy", "4294967295 bytes");
    write_bytes(scratch("f/model.norm.npy"), "PK\3\4 NUMPY", 10);
    expect_refused(folder, "f/model.norm.npy", "is a zip archive");
    write_bytes(scratch("f/model.norm.npy"), "\x93NUMPX\1", 7);
    expect_refused(folder, "f/model.norm.npy", "magic");
}

Test(npy, refuses_what_are_no_token_ids)
{
    static const struct {
        const char *header, *needle;
        int64_t values[2];
    } rows[] = {{HEADER("<i8", "(2,)"), "-1, is no token id", {1, -1}},
                {HEADER("<i8", "(2,)"), "2147483648, is no token id", {2147483648, 1}},
                {HEADER("<f8", "(2,)"), "dtype F64", {0, 0}},
                {HEADER("<i8", "(1, 1, 2)"), "[batch, tokens]", {1, 1}}};
    const char *folder = write_folder();
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_npy(scratch("f/ids.npy"), 1, rows[i].header, rows[i].values, sizeof rows[i].values);
        expect_refused(folder, "f/ids.npy", rows[i].needle);
    }
}

/* A zip archive of one file, stored as it is: APPNOTE.TXT 6.3. `method`: 0, or what it says in place of it. */
static const char *write_npz(const char *name, const void *data, uint32_t size, uint16_t method)
{
    struct buffer out = {0};
    uint16_t length = (uint16_t)strlen(name), zero = 0, one = 1, version = 20;
    uint32_t none = 0;
    for (int part = 0; part < 2; part++) {
        buffer_append(&out, part ? "PK\1\2\x14\0" : "PK\3\4", part ? 6 : 4);
        buffer_append(&out, &version, 2);
        buffer_append(&out, &zero, 2);
        buffer_append(&out, &method, 2);
        buffer_append(&out, &none, 4); /* when */
        buffer_append(&out, &none, 4); /* checksum */
        buffer_append(&out, &size, 4);
        buffer_append(&out, &size, 4);
        buffer_append(&out, &length, 2);
        buffer_append(&out, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", part ? 16 : 2); /* extra ... where it lies */
        buffer_append(&out, name, length);
        if (!part)
            buffer_append(&out, data, size);
    }
    uint32_t at = 30u + length + size, directory = 46u + length;
    buffer_append(&out, "PK\5\6\0\0\0\0", 8);
    buffer_append(&out, &one, 2);
    buffer_append(&out, &one, 2);
    buffer_append(&out, &directory, 4);
    buffer_append(&out, &at, 4);
    buffer_append(&out, &zero, 2);
    write_bytes(scratch("z/states.npz"), out.data, out.size);
    buffer_free(&out);
    return scratch("z/states.npz");
}

Test(npy, a_member_of_an_npz_is_an_array)
{
    size_t size = 0;
    write_folder();
    char *bytes = read_bytes(scratch("f/model.norm.npy"), &size);
    write_npz("last_hidden_state.npy", bytes, (uint32_t)size, 0);
    write_npy(scratch("z/ids.npy"), 1, HEADER("<i8", "(2,)"), ids, sizeof ids);
    struct golden *golden = open_golden(scratch("z"));
    const struct golden_tensor *norm = golden_find(golden, 0, "model.norm");
    float row[3] = {0};
    cr_assert(norm && norm->rows == 2 && golden_read_rows(golden, norm, 1, 1, row, NULL));
    cr_expect(fabsf(row[0] - 4) + fabsf(row[2] - 6) < 1e-6f);
    golden_free(golden);
    expect_sturdy(scratch("z"), scratch("z/states.npz"), 1);
    expect_refused(write_npz("logits.npy", bytes, (uint32_t)size, 0), "z/states.npz", "the token ids are absent");
    expect_refused(write_npz("logits.npy", bytes, (uint32_t)size, 8), "z/states.npz", "'logits.npy' is compressed");
    expect_refused(write_npz("logits.npy", bytes, (uint32_t)size - 1, 0), "z/states.npz", "promises 6 values");
    free(bytes);
}

static const char *write_batch(void)
{
    static const int64_t rows[] = {7, 8, 9, 5, 6, 0}, mask[] = {1, 1, 1, 1, 1, 0};
    static const float norm[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, last[] = {1, 2, 3, 4};
    static const double states[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    write_npy(scratch("b/input_ids.npy"), 1, HEADER("<i8", "(2, 3)"), rows, sizeof rows);
    write_npy(scratch("b/attention_mask.npy"), 1, HEADER("<i8", "(2, 3)"), mask, sizeof mask);
    write_npy(scratch("b/model.norm.npy"), 1, HEADER("<f4", "(2, 3, 2)"), norm, sizeof norm);
    write_npy(scratch("b/logits.npy"), 1, HEADER("<f4", "(2, 2)"), last, sizeof last);
    write_npy(scratch("b/hidden_states.npy"), 1, HEADER("<f8", "(2, 2, 3, 1)"), states, sizeof states);
    return scratch("b");
}

Test(npy, a_batch_is_a_case_for_each_sequence_without_its_padding)
{
    struct golden *golden = open_golden(write_batch());
    struct golden_beside beside = {0};
    float row[2] = {0};
    cr_assert(golden_settle(golden, &beside, NULL));
    cr_assert(golden_case_count(golden) == 2 && golden_case_at(golden, 0)->count == 3);
    const struct golden_case *second = golden_case_at(golden, 1);
    cr_assert(second->count == 2 && second->ids[0] == 5 && second->ids[1] == 6);
    cr_expect_str_eq(second->id, "case-1");
    const struct golden_tensor *norm = golden_find(golden, 1, "model.norm");
    cr_assert(norm && norm->rows == 2 && norm->width == 2 && golden_read_rows(golden, norm, 1, 1, row, NULL));
    cr_expect(fabsf(row[0] - 9) + fabsf(row[1] - 10) < 1e-6f);
    const struct golden_tensor *logits = golden_find(golden, 0, "lm_head");
    cr_assert(logits && logits->first == 2 && logits->rows == 1 && golden_read_rows(golden, logits, 0, 1, row, NULL));
    cr_expect(fabsf(row[0] - 1) + fabsf(row[1] - 2) < 1e-6f);
    cr_expect(!golden_find(golden, 1, "lm_head")); /* that of a token of padding */
    const struct golden_tensor *layer = golden_find(golden, 1, "model.layers.0");
    cr_assert(layer && layer->rows == 2 && layer->width == 1 && golden_read_rows(golden, layer, 1, 1, row, NULL));
    cr_expect(fabsf(row[0] - 11) < 1e-6f);
    cr_expect(golden_find(golden, 0, "model.embed_tokens"));
    golden_free(golden);
}

Test(npy, refuses_a_batch_that_does_not_fit)
{
    static const int64_t holes[] = {1, 0, 1, 1, 1, 0}, none[] = {1, 1, 1, 0, 0, 0};
    write_batch();
    write_npy(scratch("b/attention_mask.npy"), 1, HEADER("<i8", "(2, 3)"), holes, sizeof holes);
    expect_refused(scratch("b"), "b/attention_mask.npy", "that stand between others, or all");
    write_npy(scratch("b/attention_mask.npy"), 1, HEADER("<i8", "(2, 3)"), none, sizeof none);
    expect_refused(scratch("b"), "b/attention_mask.npy", "of sequence 1");
    write_npy(scratch("b/attention_mask.npy"), 1, HEADER("<i8", "(6,)"), none, sizeof none);
    expect_refused(scratch("b"), "b/attention_mask.npy", "that of the token ids was expected");
    write_batch();
    write_npy(scratch("b/model.norm.npy"), 1, HEADER("<f4", "(1, 3, 2)"), six, sizeof six);
    expect_refused(scratch("b"), "b/model.norm.npy", "3 tokens of each sequence of the batch");
    write_batch();
    write_npy(scratch("b/ids.npy"), 1, HEADER("<i8", "(2,)"), ids, sizeof ids);
    expect_refused(scratch("b"), "ids.npy", "'ids' and 'input_ids' both give the same thing");
    const char *folder = write_folder();
    write_npy(scratch("f/hidden_states.npy"), 1, HEADER("<f4", "(1, 2, 3)"), six, sizeof six);
    expect_refused(folder, "f/hidden_states.npy", "its name does not say which");
}

Test(npy, what_is_of_no_token_is_left_out_and_told)
{
    const char *folder = write_folder();
    write_npy(scratch("f/attentions.0.npy"), 1, HEADER("<f4", "(1, 6, 1)"), six, sizeof six);
    struct golden *golden = open_golden(folder);
    cr_assert(golden_tensor_count(golden) == 1 && golden_note_count(golden) == 2);
    cr_expect_str_eq(golden_note_at(golden, 0), "batch axes of 1 are dropped");
    cr_expect_str_eq(golden_note_at(golden, 1), "attentions.0 [1, 6, 1]: left out, without a row for each token");
    golden_free(golden);
}

Test(npy, flipped_and_cut_files)
{
    const char *folder = write_folder();
    expect_sturdy(folder, scratch("f/model.norm.npy"), 1);
    expect_sturdy(folder, scratch("f/ids.npy"), 1);
}

/* --- base files --- */

static const int window_ids[2][6] = {{0, 1, 2, 3, 4, 5}, {6, 5, 4, 3, 2, 1}};

static float logit(size_t window, size_t token, size_t id)
{
    return (float)id * -4.5f + (float)token + (float)window * 0.25f;
}

static const char *write_base(size_t skipped)
{
    const char *path = scratch("base.kld");
    const int *ids_of[2] = {window_ids[0], window_ids[1]};
    struct error error = {0};
    struct logits_base *base = logits_base_create(path, 6, 7, 2, ids_of, &error);
    cr_assert(base, "%s", error_text(&error));
    for (size_t row = 0; row < 12; row++) {
        float logits[7];
        for (size_t id = 0; id < 7; id++)
            logits[id] = logit(row / 6, row % 6, id);
        cr_assert(row == skipped || logits_base_put(base, row / 6, row % 6, logits, &error));
    }
    cr_expect(logits_base_commit(base, &error) == (skipped > 11));
    error_clear(&error);
    return path;
}

Test(base, what_is_written_is_read_to_half_a_step)
{
    struct golden *golden = open_golden(write_base(12));
    cr_assert(golden_case_count(golden) == 2 && golden_tensor_count(golden) == 2);
    for (size_t window = 0; window < 2; window++) {
        const struct golden_case *item = golden_case_at(golden, window);
        const struct golden_tensor *tensor = golden_find(golden, window, "lm_head");
        cr_assert(tensor && tensor->kind == GOLDEN_LOG_PROBABILITIES && tensor->first == 3 && tensor->rows == 2 &&
                  tensor->width == 7);
        cr_expect(item->count == 6 && memcmp(item->ids, window_ids[window], sizeof window_ids[window]) == 0);
        for (size_t row = 0; row < 2; row++) {
            float values[7];
            double sum = 0;
            cr_assert(golden_read_rows(golden, tensor, row, 1, values, NULL));
            for (size_t id = 0; id < 7; id++)
                sum += exp((double)logit(window, 3 + row, id) - (double)logit(window, 3 + row, 0));
            for (size_t id = 0; id < 7; id++) {
                double exact = (double)logit(window, 3 + row, id) - (double)logit(window, 3 + row, 0) - log(sum);
                double off = fabs((double)values[id] - fmax(exact, -16 - log(sum)));
                cr_expect(off <= 16.0 / 65535 / 2 + 2e-6, "window %zu row %zu id %zu: off by %g", window, row, id, off);
            }
        }
    }
    golden_begin_windows(golden, 2);
    cr_expect(golden_case_at(golden, 1)->ids[0] == 2 && golden_case_at(golden, 1)->ids[1] == 5);
    golden_free(golden);
}

Test(base, a_row_that_never_came_leaves_no_file)
{
    size_t size = 0;
    write_base(12);
    char *bytes = read_bytes(scratch("base.kld"), &size);
    write_text(scratch("base.kld"), "old");
    write_base(9);
    char *now = read_bytes(scratch("base.kld"), &size);
    cr_expect(size == 3);
    free(bytes);
    free(now);
}

Test(base, refuses_what_its_header_belies)
{
    static const struct {
        size_t at;
        int32_t value;
        const char *needle;
    } rows[] = {{8, 0, "at least"},          {8, -6, "at least"},         {8, 2, "at least"},
                {8, 7, "the file has"},      {12, 0, "at least"},         {12, -7, "at least"},
                {12, 9, "the file"},         {16, 0, "at least"},         {16, -2, "at least"},
                {16, 1, "the file"},         {16, 3, "the file"},         {8, INT32_MAX, "the file"},
                {12, INT32_MAX, "the file"}, {16, INT32_MAX, "the file"}, {20, -1, "no token id"}};
    size_t size = 0;
    const char *path = write_base(12);
    char *bytes = read_bytes(path, &size);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char kept[4];
        memcpy(kept, bytes + rows[i].at, 4);
        memcpy(bytes + rows[i].at, &rows[i].value, 4);
        write_bytes(path, bytes, size);
        expect_refused(path, path, rows[i].needle);
        memcpy(bytes + rows[i].at, kept, 4);
    }
    write_bytes(path, bytes, size);
    expect_sturdy(path, path, 1);
    free(bytes);
}

Test(base, a_row_without_a_finite_scale_is_an_error_when_it_is_read)
{
    size_t size = 0;
    const char *path = write_base(12);
    char *bytes = read_bytes(path, &size);
    float nan = NAN, values[7];
    struct error error = {0};
    memcpy(bytes + 20 + 48, &nan, 4);
    write_bytes(path, bytes, size);
    struct golden *golden = open_golden(path);
    cr_expect(!golden_read_rows(golden, golden_tensor_at(golden, 0), 0, 1, values, &error));
    cr_expect(strstr(error_text(&error), "make the file again") && strstr(error_text(&error), path));
    golden_free(golden);
    error_clear(&error);
    free(bytes);
}

Test(base, flipped_and_cut_files_of_the_original)
{
    size_t size = 0;
    char *bytes = read_bytes(DATA "base.kld", &size);
    write_bytes(scratch("original.kld"), bytes, size);
    expect_sturdy(scratch("original.kld"), scratch("original.kld"), 199);
    free(bytes);
}

/* --- debug trees --- */

#define NODE(path, rest) "{\"module_path\": \"M." path "\", " rest "}"
#define VALUE(shape, content)                                                                                          \
    "{\"shape\": \"torch.Size(" shape ")\", \"dtype\": \"torch.float32\", " content ", \"mean\": "                     \
    "\"tensor(3.5000e+00)\", \"std\": \"tensor(1.8708e+00)\", \"min\": \"tensor(1.)\", \"max\": \"tensor(6.)\"}"
#define IDS                                                                                                            \
    "\"inputs\": {\"args\": [], \"kwargs\": {\"input_ids\": {\"shape\": \"torch.Size([1, 2])\", \"dtype\": "           \
    "\"torch.int64\", \"value\": [\"tensor([[3,\", \"  1]], device='cuda:0')\"]}}}"

static const char *write_tree(const char *inputs, const char *children)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"module_path\": \"M\", %s, \"children\": [%s]}", inputs, children);
    write_text(scratch("t/M_debug_tree_FULL_TENSORS.json"), text);
    write_tensors(scratch("t/norm.safetensors"), &(struct plain_tensor){"data", "F32", "[1,2,3]", six, sizeof six}, 1,
                  NULL);
    return scratch("t");
}

#define NORM NODE("model.norm", "\"outputs\": " VALUE("[1, 2, 3]", "\"value\": \"./norm.safetensors\""))

Test(tree, reads_values_statistics_and_what_layers_take)
{
    const char *path = write_tree(
        IDS, NODE("model.layers.1",
                  "\"inputs\": {\"args\": [" VALUE("[1, 2, 3]", "\"value\": [\"...\"]") "]}, \"children\": [" NODE(
                      "model.layers.1.self_attn.o_proj",
                      "\"outputs\": [" VALUE("[2, 3]", "\"value\": \"./norm.safetensors\"") "]") "]") ", " NORM);
    /* the o_proj's file has another shape */
    expect_refused(path, "norm.safetensors", "shape");
    path = write_tree(
        IDS, NODE("model.layers.1",
                  "\"inputs\": {\"args\": [" VALUE("[1, 2, 3]", "\"value\": [\"...\"]") "]}, \"children\": [" NODE(
                      "model.layers.1.self_attn.o_proj",
                      "\"outputs\": [" VALUE("[1, 2, 3]", "\"value\": \"./norm.safetensors\"") "]") "]") ", " NORM);
    struct golden *golden = open_golden(path);
    const struct golden_tensor *layer = golden_find(golden, 0, "model.layers.0"),
                               *attention = golden_find(golden, 0, "model.layers.1.self_attn"),
                               *norm = golden_find(golden, 0, "model.norm");
    float row[3];
    cr_assert(layer && attention && norm && golden_case_at(golden, 0)->count == 2);
    cr_expect(golden_case_at(golden, 0)->ids[0] == 3 && golden_case_at(golden, 0)->ids[1] == 1);
    cr_expect(layer->kind == GOLDEN_STATISTICS && norm->kind == GOLDEN_VALUES && norm->width == 3);
    cr_expect(!golden_read_rows(golden, layer, 0, 1, row, NULL));
    cr_expect(golden_read_rows(golden, attention, 1, 1, row, NULL) && fabsf(row[2] - 6) < 1e-6f);
    const struct golden_statistics *statistics = golden_statistics(golden, layer);
    cr_expect(fabs(statistics->mean.value - 3.5) + fabs(statistics->mean.half - 5e-5) < 1e-12);
    cr_expect(fabs(statistics->least.value - 1) + fabs(statistics->least.half - 0.5) < 1e-12);
    golden_free(golden);
}

Test(tree, refuses_what_leads_astray)
{
    static const struct {
        const char *inputs, *children, *needle;
    } rows[] = {
        {IDS, "1", "module_path"},
        {IDS, "{}", "module_path"},
        {"\"inputs\": null", NORM, "token ids are absent"},
        {"\"inputs\": {\"args\": [{\"shape\": \"torch.Size([1, 9])\", \"dtype\": \"torch.int64\", \"value\": "
         "[\"tensor([[3, ..., 1]])\"]}]}",
         NORM, "abridged"},
        {"\"inputs\": {\"args\": [{\"shape\": \"torch.Size([1, 3])\", \"dtype\": \"torch.int64\", \"value\": "
         "[\"tensor([[3, 1]])\"]}]}",
         NORM, "2 token ids"},
        {"\"inputs\": {\"args\": [{\"shape\": \"torch.Size([2, 2])\", \"dtype\": \"torch.int64\", \"value\": "
         "[\"tensor([[3, 1], [3, 1]])\"]}]}",
         NORM, "batch of several"},
        {"\"inputs\": {\"args\": [{\"shape\": \"torch.Size([1, 2])\", \"dtype\": \"torch.int64\", \"value\": "
         "\"./norm.safetensors\"}]}",
         NORM, "shape"},
        {IDS, NODE("model.norm", "\"outputs\": " VALUE("[1, 2, 3]", "\"value\": \"../t/norm.safetensors\"")),
         "beside the tree"},
        {IDS, NODE("model.norm", "\"outputs\": " VALUE("[1, 2, 3]", "\"value\": \"/etc/passwd\"")), "beside the tree"},
        {IDS, NODE("model.norm", "\"outputs\": " VALUE("[1, 2, 3]", "\"value\": \"./absent.safetensors\"")),
         "absent.safetensors"}};
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refused(write_tree(rows[i].inputs, rows[i].children), "t/", rows[i].needle);
    expect_sturdy(write_tree(IDS, NORM), scratch("t/M_debug_tree_FULL_TENSORS.json"), 7);
    expect_sturdy(write_tree(IDS, NORM), scratch("t/norm.safetensors"), 7);
}

Test(tree, a_summary_takes_its_ids_from_beside_it)
{
    size_t size = 0;
    static const char summary[] = "M_debug_tree_SUMMARY.json";
    write_tree("\"inputs\": null", NODE("model.norm", "\"outputs\": " VALUE("[1, 2, 3]", "\"x\": 1")));
    char *bytes = read_bytes(scratch("t/M_debug_tree_FULL_TENSORS.json"), &size);
    write_bytes(scratch("t/%s", summary), bytes, size);
    expect_refused(scratch("t/%s", summary), summary, "M_debug_tree_FULL_TENSORS.json" + 1);
    write_tree(IDS, NORM);
    golden_free(open_golden(scratch("t/%s", summary)));
    write_npy(scratch("u/ids.npy"), 1, HEADER("<i8", "(2,)"), ids, sizeof ids);
    write_bytes(scratch("u/%s", summary), bytes, size);
    struct golden *golden = open_golden(scratch("u/%s", summary));
    cr_expect(golden_find(golden, 0, "model.norm")->kind == GOLDEN_STATISTICS);
    golden_free(golden);
    free(bytes);
}

/* --- llama-debug --- */

Test(llama_debug, takes_the_ids_from_either_file)
{
    const char *path = scratch("llamacpp-m.bin");
    write_bytes(path, six, sizeof six);
    expect_refused(path, path, "put llamacpp-m-tokens.bin or llamacpp-m-prompt.txt");
    static const char *const prompts[][2] = {
        {"prompt: a\nn_tokens: 2\n", "no line"},
        {"prompt: a\nn_tokens: 2\ntoken ids: \n", "no token ids"},
        {"prompt: a\nn_tokens: 2\ntoken ids: 1, x\n", "'x"},
        {"prompt: a\nn_tokens: 2\ntoken ids: 1, -4\n", "no token id"},
        {"prompt: a\nn_tokens: 2\ntoken ids: 99999999999999999999\n", "no token id"}};
    for (size_t i = 0; i < COUNT(prompts); i++) {
        write_text(scratch("llamacpp-m-prompt.txt"), prompts[i][0]);
        expect_refused(path, "llamacpp-m-prompt.txt", prompts[i][1]);
    }
    write_text(scratch("llamacpp-m-prompt.txt"), "prompt: a\ntoken ids: 9\nn_tokens: 2\ntoken ids: 1, 4\n");
    struct golden *golden = open_golden(path);
    const struct golden_tensor *tensor = golden_find(golden, 0, "lm_head");
    cr_assert(tensor && tensor->first == 1 && tensor->rows == 1 && tensor->width == 6);
    cr_expect(golden_case_at(golden, 0)->count == 2 && golden_case_at(golden, 0)->ids[1] == 4);
    golden_free(golden);
    write_bytes(scratch("llamacpp-m-tokens.bin"), (const int32_t[]){1, 2, 3}, 12);
    golden = open_golden(path);
    cr_expect(golden_case_at(golden, 0)->count == 3 && golden_find(golden, 0, "lm_head")->first == 2);
    golden_free(golden);
    write_bytes(scratch("llamacpp-m-tokens.bin"), "12345", 5);
    expect_refused(path, "llamacpp-m-tokens.bin", "5 bytes");
    expect_refused(scratch("llamacpp-m-tokens.bin"), "llamacpp-m-tokens.bin", "does not hold the logits");
    write_bytes(scratch("llamacpp-m-tokens.bin"), "", 0);
    expect_refused(path, "llamacpp-m-tokens.bin", "0 token ids");
    write_bytes(scratch("llamacpp-m-tokens.bin"), (const int32_t[]){-1}, 4);
    expect_refused(path, "llamacpp-m-tokens.bin", "-1");
    write_bytes(scratch("llamacpp-m-tokens.bin"), (const int32_t[]){1}, 4);
    write_bytes(path, six, 23);
    expect_refused(path, path, "23 bytes");
    write_bytes(path, six, 0);
    expect_refused(path, path, "0 bytes");
}
