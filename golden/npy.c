#include "golden/npy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_kind.h"
#include "base/numbers.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define HEADER_MAX 65536 /* numpy itself refuses above 10,000, unless told otherwise */

/* The header is a Python dictionary of three entries, in any order. */
struct parser {
    const char *path;
    const char *at;
    struct npy *npy;
    bool seen[3];
    struct error *error;
};

static bool wrong(const struct parser *parser, const char *expected)
{
    return error_set(parser->error, "%s: the .npy header is malformed at '%.20s': %s was expected", parser->path,
                     parser->at, expected);
}

static void skip_blanks(struct parser *parser)
{
    while (isspace((unsigned char)*parser->at))
        parser->at++;
}

static bool take(struct parser *parser, const char *token)
{
    skip_blanks(parser);
    size_t length = strlen(token);
    if (strncmp(parser->at, token, length) != 0)
        return false;
    parser->at += length;
    return true;
}

/* 'text' in either kind of quotes; no escapes occur. */
static bool take_string(struct parser *parser, char text[32])
{
    skip_blanks(parser);
    char quote = *parser->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(parser->at + 1, quote) : NULL;
    size_t length = end ? (size_t)(end - parser->at - 1) : 32;
    if (length >= 32)
        return wrong(parser, "a short text in quotes");
    memcpy(text, parser->at + 1, length);
    text[length] = '\0';
    parser->at = end + 1;
    return true;
}

static bool take_descr(struct parser *parser)
{
    char name[32];
    if (!take_string(parser, name))
        return false;
    parser->npy->dtype = dtype_of_numpy(name);
    if (parser->npy->dtype < DTYPE_COUNT)
        return true;
    return error_set(parser->error,
                     "%s: the array has values of type '%s'; '<f2', '<f4', '<f8', '<i4' or '<i8' was expected",
                     parser->path, name);
}

static bool take_order(struct parser *parser)
{
    if (take(parser, "False"))
        return true;
    if (take(parser, "True"))
        return error_set(parser->error,
                         "%s: the array is in Fortran order; C order was expected (numpy.ascontiguousarray makes it)",
                         parser->path);
    return wrong(parser, "True or False");
}

static bool take_extent(struct parser *parser)
{
    struct npy *npy = parser->npy;
    char digits[24];
    skip_blanks(parser);
    size_t length = strspn(parser->at, "0123456789");
    long long extent = 0;
    if (!length || length >= sizeof digits)
        return wrong(parser, "a whole number");
    memcpy(digits, parser->at, length);
    digits[length] = '\0';
    parser->at += length;
    if (npy->rank == NPY_RANK_MAX)
        return error_set(parser->error, "%s: the array has more than %d dimensions", parser->path, NPY_RANK_MAX);
    if (!number_parse(digits, 1, 1LL << 48, &extent) || !multiply_u64(npy->values, (uint64_t)extent, &npy->values))
        return error_set(parser->error,
                         "%s: the array has a dimension of %s, which is not from 1 to 2^48, or too many values",
                         parser->path, digits);
    npy->shape[npy->rank++] = (uint64_t)extent;
    return true;
}

static bool take_shape(struct parser *parser)
{
    bool more = true;
    if (!take(parser, "("))
        return wrong(parser, "a tuple");
    while (!take(parser, ")")) {
        if (!more)
            return wrong(parser, "a comma or the end of the tuple");
        if (!take_extent(parser))
            return false;
        more = take(parser, ",");
    }
    return true;
}

static const struct entry_row {
    const char *key;
    bool (*take)(struct parser *parser);
} entry_rows[] = {{"descr", take_descr}, {"fortran_order", take_order}, {"shape", take_shape}};

static bool take_entry(struct parser *parser)
{
    char key[32];
    if (!take_string(parser, key))
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(key, entry_rows[i].key) != 0)
            continue;
        if (parser->seen[i])
            return error_set(parser->error, "%s: \"%s\" occurs twice in the .npy header", parser->path, key);
        parser->seen[i] = true;
        return take(parser, ":") ? entry_rows[i].take(parser) : wrong(parser, "a colon");
    }
    return error_set(parser->error, "%s: \"%s\" in the .npy header; descr, fortran_order and shape were expected",
                     parser->path, key);
}

static bool parse_header(const char *path, const char *text, struct npy *npy, struct error *error)
{
    struct parser parser = {.path = path, .at = text, .npy = npy, .error = error};
    bool more = true;
    if (!take(&parser, "{"))
        return wrong(&parser, "a dictionary");
    while (!take(&parser, "}")) {
        if (!more)
            return wrong(&parser, "a comma or the end of the dictionary");
        if (!take_entry(&parser))
            return false;
        more = take(&parser, ",");
    }
    skip_blanks(&parser);
    if (*parser.at)
        return wrong(&parser, "nothing more");
    for (size_t i = 0; i < 3; i++)
        if (!parser.seen[i])
            return error_set(error, "%s: no \"%s\" in the .npy header", path, entry_rows[i].key);
    return true;
}

/* The header's text, NUL-terminated; `*end` is where the values begin. */
static bool read_header(const char *path, FILE *file, char *text, uint64_t *end, struct error *error)
{
    unsigned char lead[12] = {0};
    bool good = fread(lead, 1, 8, file) == 8 && memcmp(lead, MAGIC, MAGIC_SIZE) == 0;
    if (!good)
        return error_set(error, "%s: is no .npy file: it does not begin with the magic number", path);
    if (lead[6] < 1 || lead[6] > 3 || lead[7])
        return error_set(error, "%s: is of .npy version %d.%d; 1.0, 2.0 and 3.0 are read", path, lead[6], lead[7]);
    size_t width = lead[6] == 1 ? 2 : 4;
    if (fread(lead + 8, 1, width, file) != width)
        return error_set(error, "%s: the .npy header is cut short", path);
    uint32_t size = (uint32_t)lead[8] | (uint32_t)lead[9] << 8 | (uint32_t)lead[10] << 16 | (uint32_t)lead[11] << 24;
    if (size > HEADER_MAX)
        return error_set(error, "%s: the .npy header has %u bytes; at most %d are read", path, size, HEADER_MAX);
    if (fread(text, 1, size, file) != size)
        return error_set(error, "%s: the .npy header is cut short: %u bytes were expected", path, size);
    text[size] = '\0';
    if (memchr(text, '\0', size))
        return error_set(error, "%s: the .npy header holds a zero byte", path);
    *end = 8 + width + size;
    return true;
}

bool npy_open_within(const char *path, uint64_t from, uint64_t size, struct npy *npy, struct error *error)
{
    uint64_t bytes = 0;
    *npy = (struct npy){.values = 1};
    int descriptor = file_open(path, NULL, error);
    if (descriptor < 0)
        return false;
    FILE *file = fdopen(descriptor, "rb");
    if (!file)
        close(descriptor);
    char *text = malloc(HEADER_MAX + 1);
    bool good = file && from <= INT64_MAX && fseeko(file, (off_t)from, SEEK_SET) == 0;
    good = (good || error_errno(error, "%s", path)) && (text || error_memory(error, path)) &&
           read_header(path, file, text, &npy->offset, error) && parse_header(path, text, npy, error);
    if (file)
        fclose(file);
    free(text);
    if (good && (!multiply_u64(npy->values, dtype_bits(npy->dtype) / 8, &bytes) || npy->offset > size ||
                 bytes != size - npy->offset))
        good = error_set(error,
                         "%s: the header promises %llu values of %u bytes each from byte %llu on, but the file has "
                         "%llu bytes (truncated? get it again)",
                         path, (unsigned long long)npy->values, dtype_bits(npy->dtype) / 8,
                         (unsigned long long)npy->offset, (unsigned long long)size);
    npy->offset += from;
    return good;
}

bool npy_open(const char *path, struct npy *npy, struct error *error)
{
    struct error met = {0};
    uint64_t size = 0;
    return (file_size(path, &size, &met) && npy_open_within(path, 0, size, npy, &met)) ||
           file_kind_error(path, FILE_NUMPY, &met, error);
}

/* Version 1.0; the header is padded with blanks to a multiple of 64 bytes, and ends with a line feed. */
static bool append_header(struct file_writer *writer, const char *descr, size_t rows, size_t width, struct error *error)
{
    struct buffer header = {0};
    buffer_append(&header, MAGIC "\x01\x00\x00\x00", 10);
    buffer_format(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,", descr, rows);
    if (width)
        buffer_format(&header, " %zu", width);
    buffer_text(&header, "), }");
    while ((header.size + 1) % 64)
        buffer_char(&header, ' ');
    buffer_char(&header, '\n');
    bool good = !header.failed || error_memory(error, "npy");
    if (good) {
        header.data[8] = (char)((header.size - 10) & 0xFF);
        header.data[9] = (char)((header.size - 10) >> 8);
        good = file_append(writer, header.data, header.size, error);
    }
    buffer_free(&header);
    return good;
}

static bool end_file(struct file_writer *writer, bool good, struct error *error)
{
    if (good)
        return file_commit(writer, error);
    file_discard(writer);
    return false;
}

static bool write_ids(const char *folder, const struct golden_case *golden_case, struct error *error)
{
    char *path = path_join(folder, "ids.npy");
    struct file_writer *writer = path ? file_create(path, error) : NULL;
    bool good = (path || error_memory(error, folder)) && writer &&
                append_header(writer, "<i4", golden_case->count, 0, error) &&
                file_append(writer, golden_case->ids, golden_case->count * sizeof *golden_case->ids, error);
    free(path);
    return writer && end_file(writer, good, error);
}

#define BLOCK_VALUES ((size_t)1 << 20)

static bool write_tensor(const char *folder, const struct golden *golden, const struct golden_tensor *tensor,
                         struct error *error)
{
    struct buffer path = {0};
    size_t some = BLOCK_VALUES / tensor->width + 1;
    float *values = malloc((some < tensor->rows ? some : tensor->rows) * tensor->width * sizeof *values);
    buffer_format(&path, "%s/%s.npy", folder, tensor->path);
    bool good = (values && !path.failed) || error_memory(error, folder);
    struct file_writer *writer = good ? file_create(path.data, error) : NULL;
    good = writer && append_header(writer, "<f4", tensor->rows, tensor->width, error);
    for (size_t row = 0; good && row < tensor->rows; row += some) {
        size_t count = tensor->rows - row < some ? tensor->rows - row : some;
        good = golden_read_rows(golden, tensor, row, count, values, error) &&
               file_append(writer, values, count * tensor->width * sizeof *values, error);
    }
    buffer_free(&path);
    free(values);
    return writer && end_file(writer, good, error);
}

static bool write_case(const struct golden *golden, size_t index, const char *folder, struct error *error)
{
    const struct golden_case *golden_case = golden_case_at(golden, index);
    char *own = path_join(folder, golden_case->id);
    bool good = (own || error_memory(error, folder)) && folder_make(own, error) && write_ids(own, golden_case, error);
    for (size_t i = 0; good && i < golden_tensor_count(golden); i++) {
        const struct golden_tensor *tensor = golden_tensor_at(golden, i);
        if (tensor->case_index == index)
            good = write_tensor(own, golden, tensor, error);
    }
    free(own);
    return good;
}

bool npy_write(const struct golden *golden, const char *folder, struct error *error)
{
    for (size_t i = 0; i < golden_case_count(golden); i++)
        if (!write_case(golden, i, folder, error))
            return false;
    return true;
}
