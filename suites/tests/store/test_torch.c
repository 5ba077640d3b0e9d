/* PyTorch checkpoints: what torch.save wrote (suites/data/torch, scripts/make_torch_cases.py), and pickles and archives
 * that nobody would write but to break a reader. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fixtures.h"
#include "store/store.h"
#include "store_fixtures.h"

#define DATA ASSAY_SOURCE_DIR "/suites/data/torch/"
#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static void make(void)
{
    scratch_make();
}

TestSuite(torch, .init = make, .fini = scratch_remove, .timeout = 120);

static void expect_same(const char *path, const char *wanted_path)
{
    struct store *store = open_store(path), *wanted = open_store(wanted_path);
    cr_expect_eq(store_count(store), store_count(wanted));
    for (size_t i = 0; i < store_count(wanted); i++) {
        const struct tensor *expected = store_at(wanted, i), *tensor = store_find(store, expected->name);
        cr_assert(tensor, "%s: %s is absent", path, expected->name);
        cr_expect(tensor_same_kind(tensor, expected), "%s: %s", path, expected->name);
        unsigned char *right = values_of(wanted, expected->name);
        expect_values(store, expected->name, right, (size_t)expected->bytes);
        free(right);
    }
    store_free(store);
    store_free(wanted);
}

Test(torch, every_type_and_layout_is_what_torch_saves_as_safetensors)
{
    expect_same(DATA "trainer.pt", DATA "trainer.safetensors");
    expect_same(DATA "trainer-4.pt", DATA "trainer.safetensors");
    struct store *store = open_store(DATA "trainer.pt");
    cr_expect_str_eq(store_format(store), "torch");
    const struct tensor *columns = store_find(store, "columns");
    cr_assert(columns && columns->transposed);
    float rows[3][5], one[5];
    cr_expect(store_read(store, columns, rows, NULL) && store_read_rows(store, columns, 1, 1, one, NULL));
    cr_expect_arr_eq(rows[1], one, sizeof one);
    cr_expect_eq(store_find(store, "again")->offset, store_find(store, "torch.float32")->offset);
    store_free(store);
}

Test(torch, what_is_no_checkpoint_is_refused_by_what_it_is)
{
    expect_not_opened(DATA "object.pt", "calls for argparse.Namespace");
    expect_not_opened(DATA "script.pt", "calls for __torch__.torch.nn.modules.linear.Linear");
    expect_not_opened(DATA "legacy.pt", "is a PyTorch file of the kind before version 1.6");
    expect_not_opened(DATA "view.pt", "tensor 'weight': it is a view of a larger tensor");
    expect_not_opened(DATA "list.pt", "no dictionary of tensors");
}

Test(torch, no_beginning_of_a_file_is_read)
{
    size_t size = 0;
    char *whole = read_bytes(DATA "trainer.pt", &size);
    for (size_t cut = 4; cut < size; cut += 131) {
        write_bytes(scratch("cut.pt"), whole, cut);
        expect_not_opened(scratch("cut.pt"), "");
    }
    free(whole);
}

/* --- archives --- */

struct part {
    const char *name, *data;
    size_t size;
};

/* What may be wrong with an archive. */
struct damage {
    unsigned method;       /* of the first part */
    uint32_t more_size;    /* of the last part, in the directory */
    uint32_t shift;        /* of the first part, in the directory */
    uint16_t more_entries; /* at the end */
    const char *comment;   /* behind the end */
    uint16_t wide;         /* bytes of the fields of 64 bits that stand for the numbers in the directory, 24 if right */
};

static void put(struct buffer *out, uint64_t value, size_t width)
{
    for (; width--; value >>= 8)
        buffer_char(out, (char)value);
}

static void put_part(struct buffer *out, const struct part *part, unsigned method, uint32_t size, size_t extra)
{
    put(out, method, 2);
    put(out, 0, 8); /* time, date, checksum */
    put(out, size, 4);
    put(out, size, 4);
    put(out, strlen(part->name), 2);
    put(out, extra, 2);
}

static void put_row(struct buffer *out, const struct part *part, uint64_t local, uint64_t size, struct damage damage)
{
    buffer_append(out, "PK\1\2\x14\0\x14\0\0\0", 10);
    put_part(out, part, damage.method, damage.wide ? UINT32_MAX : (uint32_t)size, damage.wide ? 4 + damage.wide : 0);
    put(out, 0, 10); /* comment, disk, attributes */
    put(out, damage.wide ? UINT32_MAX : local, 4);
    buffer_text(out, part->name);
    if (damage.wide) {
        const uint64_t numbers[] = {size, size, local};
        put(out, 1, 2);
        put(out, damage.wide, 2);
        buffer_append(out, numbers, damage.wide);
    }
}

static const char *write_archive(const struct part *parts, size_t count, struct damage damage)
{
    struct buffer out = {0}, directory = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t local = out.size;
        damage.method = i ? 0 : damage.method;
        buffer_append(&out, "PK\3\4\x14\0\0\0", 8);
        put_part(&out, &parts[i], damage.method, (uint32_t)parts[i].size, 0);
        buffer_text(&out, parts[i].name);
        buffer_append(&out, parts[i].data, parts[i].size);
        put_row(&directory, &parts[i], local + (i ? 0 : damage.shift),
                parts[i].size + (i + 1 == count ? damage.more_size : 0), damage);
    }
    uint64_t at = out.size;
    buffer_append(&out, directory.data, directory.size);
    buffer_append(&out, "PK\5\6\0\0\0\0", 8);
    put(&out, count, 2);
    put(&out, count + damage.more_entries, 2);
    put(&out, directory.size, 4);
    put(&out, at, 4);
    put(&out, damage.comment ? strlen(damage.comment) : 0, 2);
    buffer_text(&out, damage.comment ? damage.comment : "");
    const char *path = scratch("made.pt");
    write_bytes(path, out.data, out.size);
    buffer_free(&out);
    buffer_free(&directory);
    return path;
}

/* --- pickles --- */

static const float values[6] = {1, 2, 3, 4, 5, 6};

#define TEXT1(character) "X\1\0\0\0" character
#define STORAGE_OF(class, key, count) "(X\7\0\0\0storagectorch\n" class "\n" TEXT1(key) TEXT1("c") "K" count "tQ"
#define STORAGE STORAGE_OF("FloatStorage", "0", "\6")
#define TENSOR_AT(storage, offset, shape, strides)                                                                     \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K" offset shape strides "\x89}tR"
#define MATRIX "K\2K\3\x86"
#define ROWS "K\3K\1\x86"
#define TENSOR TENSOR_AT(STORAGE, "\0", MATRIX, ROWS)
#define ONE(value) "\x80\2}" TEXT1("w") value "s."
#define PICKLE(text) text, sizeof(text) - 1

static const struct pickle_case {
    const char *pickle;
    size_t size;
    const char *says; /* NULL: it is read, with the one tensor [2, 3] */
} pickle_cases[] = {
    {PICKLE(ONE(TENSOR)), NULL},
    {PICKLE("\x80\2}(" TEXT1("n") "N" TEXT1("w") TENSOR TEXT1("l") "]u."), NULL},
    {PICKLE("\x80\2ccollections\nOrderedDict\n)R" TEXT1("w") TENSOR "s}" TEXT1("m") "K\1sb."), NULL},
    {PICKLE("\x80\2}" TEXT1("w") "ctorch._utils\n_rebuild_parameter\n(" TENSOR "\x89}tRs."), NULL},
    {PICKLE("\x80\2(" TEXT1("w") TENSOR "d."), NULL},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", MATRIX, "K\1K\2\x86"))), NULL}, /* in columns */
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\1", MATRIX, ROWS))), "ends after its storage does"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", "K\3K\3\x86", ROWS))), "ends after its storage does"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", MATRIX, "K\1K\4\x86"))), "ends after its storage does"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", MATRIX, "K\0K\1\x86"))), "view of a larger tensor"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", MATRIX, "K\3\x85"))), "strides of another rank"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", "J\xff\xff\xff\xffK\3\x86", ROWS))), "no whole number"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", "(KKKKKKKKKKKKKKKKKKt", ROWS))), "no tuple of at most 8 numbers"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", "\x8a\x08\0\0\0\0\0\0\0\x40K\x10\x86", ROWS))), "overflows"},
    {PICKLE(ONE(TENSOR_AT(STORAGE, "\0", "K\2K\3\x86", "K\1\x8a\x08\0\0\0\0\0\0\0\x40\x86"))), "overflow"},
    {PICKLE(ONE(TENSOR_AT(STORAGE_OF("FloatStorage", "1", "\6"), "\0", MATRIX, ROWS))),
     "storage is not in the archive"},
    {PICKLE(ONE(TENSOR_AT(STORAGE_OF("FloatStorage", "0", "\7"), "\0", MATRIX, ROWS))), "should hold 7 values of F32"},
    {PICKLE(ONE(TENSOR_AT(STORAGE_OF("HalfStorage", "0", "\6"), "\0", MATRIX, ROWS))), "should hold 6 values of F16"},
    {PICKLE(ONE(TENSOR_AT(STORAGE_OF("ComplexFloatStorage", "0", "\6"), "\0", MATRIX, ROWS))),
     "torch.ComplexFloatStorage"},
    {PICKLE(ONE(TENSOR_AT("K\1", "\0", MATRIX, ROWS))), "its storage is not described"},
    {PICKLE(ONE("ctorch._utils\n_rebuild_tensor_v2\n)R")), "it is not described"},
    {PICKLE("\x80\2}K\1\x85" TENSOR "s."), "cannot be part of a tensor's name"},
    {PICKLE("\x80\2}X\2\0\0\0a\xff" TENSOR "s."), "cannot be part of a tensor's name"},
    {PICKLE("\x80\2cos\nsystem\nX\4\0\0\0true\x85R."), "calls for os.system, which is not among the few names"},
    {PICKLE("\x80\4X\2\0\0\0osX\6\0\0\0system\x93."), "calls for os.system"},
    {PICKLE("\x80\2cos system\nsystem\n."), "a name is malformed"},
    {PICKLE("\x80\2K\1K\2R."), "calls what cannot be called"},
    {PICKLE("\x80\2ccollections\nOrderedDict\n]\x85R."), "a step calls OrderedDict with arguments"},
    {PICKLE("\x80\2K\1}b."), "attributes to what is no dictionary"},
    {PICKLE("\x80\2."), "more or less than one value"},
    {PICKLE("\x80\2}}."), "more or less than one value"},
    {PICKLE("\x80\2(."), "more or less than one value"},
    {PICKLE("\x80\2}.}"), "something follows its end"},
    {PICKLE("\x80\2}"), "ends within a step"},
    {PICKLE("\x80\2X\xff\xff\xff\xff"
            "ab"),
     "ends within a step"},
    {PICKLE("\x80\2t."), "lacks its mark"},
    {PICKLE("\x80\2(u."), "items to what is no list or dictionary"},
    {PICKLE("\x80\2}(K\1u."), "items to what is no list or dictionary"},
    {PICKLE("\x80\2(K\1d."), "a key lacks its value"},
    {PICKLE("\x80\2K\1s."), "lacks the value that it works on"},
    {PICKLE("\x80\2]K\1K\2s."), "an item to what is no list or dictionary"},
    {PICKLE("\x80\2h\1."), "never stored"},
    {PICKLE("\x80\2q\0."), "stores a value where there is none"},
    {PICKLE("\x80\2}r\xff\xff\xff\xff."), "stores more values than any model has"},
    {PICKLE("\x80\2\x8a\x09\0\0\0\0\0\0\0\0\1."), "more than 64 bits"},
    {PICKLE("\x80\6}."), "protocol 6"},
    {PICKLE("\x80\2\x81."), "a step that data does not need (0x81 at byte 2)"},
    {PICKLE("\x80\2]."), "no dictionary of tensors"},
    {PICKLE("\x80\2}."), "holds no tensor"},
    {PICKLE("\x80\2}q\0" TEXT1("a") "h\0s."), "holds no tensor"}, /* a dictionary that holds itself */
    {PICKLE(ONE("]]]]]]]]]]]]]]]]]]aaaaaaaaaaaaaaaaa")), "nests more than 16 deep"},
};

Test(torch, pickles)
{
    for (size_t i = 0; i < COUNT(pickle_cases); i++) {
        const struct pickle_case *row = &pickle_cases[i];
        const struct part parts[] = {{"a/data.pkl", row->pickle, row->size},
                                     {"a/data/0", (const char *)values, sizeof values}};
        const char *path = write_archive(parts, 2, (struct damage){0});
        if (row->says) {
            expect_not_opened(path, row->says);
            continue;
        }
        struct store *store = open_store(path);
        const struct tensor *tensor = store_find(store, "w");
        cr_assert(store_count(store) == 1 && tensor && tensor->rank == 2 && tensor->shape[1] == 3, "row %zu", i);
        float read[6];
        cr_expect(store_read(store, tensor, read, NULL), "row %zu", i);
        cr_expect(read[0] == 1 && read[1] == (tensor->transposed ? 3 : 2) && read[5] == 6, "row %zu", i);
        store_free(store);
    }
}

#define LEVELS 14
#define EACH 200

/* Tuples of tuples, each two hundred times in the next: to walk every way through them would take for ever. */
Test(torch, a_tuple_in_many_places_is_walked_once)
{
    static const char before[] = "\x80\2}" TEXT1("w") TENSOR "s" TEXT1("l");
    struct buffer pickle = {0};
    buffer_append(&pickle, before, sizeof before - 1);
    for (int i = 0; i < LEVELS; i++)
        buffer_char(&pickle, '(');
    buffer_append(&pickle, "]q\0", 3);
    for (char i = 0; i < LEVELS; i++) {
        for (int k = 0; k < EACH; k++)
            buffer_append(&pickle, (char[]){'h', i}, 2);
        buffer_append(&pickle, (char[]){'t', 'q', (char)(i + 1)}, 3);
    }
    buffer_text(&pickle, "s.");
    const struct part parts[] = {{"a/data.pkl", pickle.data, pickle.size},
                                 {"a/data/0", (const char *)values, sizeof values}};
    struct store *store = open_store(write_archive(parts, 2, (struct damage){0}));
    cr_expect_eq(store_count(store), 1);
    store_free(store);
    buffer_free(&pickle);
}

Test(torch, archives)
{
    static const struct {
        struct damage damage;
        const char *says; /* NULL: it is read */
    } rows[] = {
        {{.comment = "PK\5\6 a comment"}, NULL},
        {{.wide = 24}, NULL},
        {{.wide = 16}, "lacks its 64-bit numbers"},
        {{.wide = 24, .more_size = 1u << 31}, "overlaps the archive's directory"},
        {{.method = 8}, "'a/data.pkl' is compressed or encrypted"},
        {{.more_size = 1}, "'a/data/0' (25 bytes from byte"},
        {{.more_size = 1u << 31}, "overlaps the archive's directory"},
        {{.shift = 1}, "is not where the directory says"},
        {{.shift = 1u << 31}, "ends before its directory says"},
        {{.more_entries = 1}, "impossible size"},
    };
    static const char pickle[] = ONE(TENSOR);
    struct part parts[] = {
        {"a/data.pkl", PICKLE(pickle)}, {"a/data/0", (const char *)values, sizeof values}, {"a/byteorder", "big", 3}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *path = write_archive(parts, 2, rows[i].damage);
        if (rows[i].says)
            expect_not_opened(path, rows[i].says);
        else
            store_free(open_store(path));
    }
    expect_not_opened(write_archive(parts, 3, (struct damage){0}), "its values are in big-endian order");
    parts[2] = (struct part){"a/byteorder", "little", 6};
    store_free(open_store(write_archive(parts, 3, (struct damage){0})));
    parts[2] = parts[1];
    expect_not_opened(write_archive(parts, 3, (struct damage){0}), "two entries are called 'a/data/0'");
    expect_not_opened(write_archive(parts + 1, 1, (struct damage){0}), "a zip archive without data.pkl");
}
