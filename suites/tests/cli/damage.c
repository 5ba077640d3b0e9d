/* Makes damaged copies of a checkpoint, an extraction or a golden dump, for tests of the command line.
 *
 *     damage [--layout] IN OUT EDIT...
 *
 * IN is a folder with safetensors files or one such file. OUT is a file when it ends in ".safetensors"; else a folder
 * that gets one model.safetensors with all tensors, or with --layout every file under its own name. What else lies in
 * IN (config.json, tokenizer) is copied, except for an index that would no longer be true. A TENSOR is a whole name or
 * an unambiguous end of one ("layers.1.input_layernorm.weight"), whatever the prefix; for other components the whole
 * name.
 *
 *     drop T                     scale T FACTOR             row T ROW FACTOR          zero T
 *     nan T ROW COLUMN           inf T ROW COLUMN           swap A B                  swaprows T A B
 *     rename T NAME              shape T 3,4                dtype T I8                cast (T | all) (F32 | BF16 | F16)
 *     fuse LAYER (plain | transposed)                       meta KEY VALUE            unmeta KEY
 *     submeta KEY FROM TO: replaces the first occurrence of FROM in the text of KEY
 *
 * scale and row store what they change as F32, so that no rounding hides a small damage. A shape that needs more values
 * than there are gets zeros. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/safetensors.h"
#include "values/values.h"

#define TENSORS_MAX 4096
#define FILES_MAX 1024

struct item {
    struct safetensors_entry entry; /* name owned */
    unsigned char *data;
    size_t file;
    bool changed;
};

static struct {
    struct item items[TENSORS_MAX];
    size_t count;
    char *files[FILES_MAX]; /* relative names of the safetensors files */
    cJSON *metadata[FILES_MAX];
    size_t file_count;
    char *others[FILES_MAX]; /* of all other files */
    size_t other_count;
    bool metadata_changed;
} model;

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "damage: %s: %s\n", what, detail);
    exit(2);
}

static void try(bool good, const struct error *error)
{
    if (!good)
        fail("failed", error_text(error));
}

static void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);
    if (!copy)
        fail("out of memory", "data");
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Reading */

static void read_file(const char *path, const char *relative)
{
    struct safetensors file = {0};
    struct buffer bytes = {0};
    struct error error = {0};
    try(safetensors_open(path, &file, &error), &error);
    try(file_read(path, (size_t)1 << 30, &bytes, &error), &error);
    if (model.file_count == FILES_MAX || model.count + file.count > TENSORS_MAX)
        fail(path, "too many files or tensors");
    for (size_t i = 0; i < file.count; i++) {
        struct item *item = &model.items[model.count++];
        item->entry = file.entries[i];
        item->entry.name = strdup(file.entries[i].name);
        item->data = copy_of(bytes.data + file.entries[i].offset, (size_t)file.entries[i].bytes);
        item->file = model.file_count;
    }
    model.files[model.file_count] = strdup(relative);
    model.metadata[model.file_count++] = file.metadata ? cJSON_Duplicate(file.metadata, true) : NULL;
    safetensors_free(&file);
    buffer_free(&bytes);
}

static void read_folder(const char *root, const char *below)
{
    char *folder = *below ? path_join(root, below) : strdup(root);
    struct names names = {0};
    struct error error = {0};
    try(folder_list(folder, &names, &error), &error);
    for (size_t i = 0; i < names.count; i++) {
        char *relative = *below ? path_join(below, names.items[i]) : strdup(names.items[i]);
        char *path = path_join(root, relative);
        if (file_is_folder(path))
            read_folder(root, relative);
        else if (ends_with(relative, ".safetensors"))
            read_file(path, relative);
        else if (model.other_count < FILES_MAX)
            model.others[model.other_count++] = strdup(relative);
        free(relative);
        free(path);
    }
    names_free(&names);
    free(folder);
}

/* Finding and values */

static bool is_end_of(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return ends_with(name, end) && (length == tail || name[length - tail - 1] == '.' || name[length - tail - 1] == '/');
}

/* The tensor of that whole name, else the only one that ends so; those of other components by the whole name only. */
static struct item *find(const char *name)
{
    struct item *found = NULL;
    size_t matches = 0;
    for (size_t i = 0; i < model.count; i++)
        if (strcmp(model.items[i].entry.name, name) == 0)
            return &model.items[i];
    for (size_t i = 0; i < model.count; i++) {
        const char *whole = model.items[i].entry.name;
        if (!is_end_of(whole, name) || strstr(whole, "audio_tower.") || strstr(whole, "visual.") ||
            strncmp(whole, "talker.", 7) == 0 || strncmp(whole, "code2wav.", 9) == 0)
            continue;
        found = &model.items[i];
        matches++;
    }
    if (matches != 1)
        fail(matches ? "ambiguous tensor" : "no tensor", name);
    return found;
}

static size_t number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (!*text || *end)
        fail("not a number", text);
    return (size_t)value;
}

static size_t count_of(const struct item *item)
{
    size_t count = 1;
    for (int i = 0; i < item->entry.rank; i++)
        count *= (size_t)item->entry.shape[i];
    return count;
}

static size_t columns_of(const struct item *item)
{
    return item->entry.rank > 1 ? count_of(item) / (size_t)item->entry.shape[0] : count_of(item);
}

static float widen_one(enum dtype dtype, const unsigned char *data, size_t index)
{
    uint32_t bits = 0;
    uint16_t half;
    float value;
    if (dtype == DTYPE_F32) {
        memcpy(&value, data + 4 * index, 4);
        return value;
    }
    memcpy(&half, data + 2 * index, 2);
    bits = (uint32_t)half << 16;
    memcpy(&value, &bits, 4);
    if (dtype == DTYPE_BF16)
        return value;
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    value = exponent == 31  ? (mantissa ? NAN : INFINITY)
            : exponent == 0 ? ldexpf((float)mantissa, -24)
                            : ldexpf((float)(mantissa + 1024), exponent - 25);
    return half & 0x8000 ? -value : value;
}

static void make_f32(struct item *item)
{
    size_t count = count_of(item);
    float *values = malloc((count ? count : 1) * sizeof *values);
    if (!values || !dtype_width(item->entry.dtype))
        fail("cannot widen", item->entry.name);
    for (size_t i = 0; i < count; i++)
        values[i] = widen_one(item->entry.dtype, item->data, i);
    free(item->data);
    item->data = (unsigned char *)values;
    item->entry.dtype = DTYPE_F32;
    item->entry.bytes = count * sizeof *values;
    item->changed = true;
}

static void multiply(struct item *item, size_t first, size_t count, const char *factor)
{
    make_f32(item);
    float *values = (float *)(void *)item->data;
    for (size_t i = first; i < first + count; i++)
        values[i] = (float)((double)values[i] * strtod(factor, NULL));
}

/* What the new dtype and shape need, from the bytes that there are. */
static void resize(struct item *item)
{
    size_t bytes = count_of(item) * dtype_bits(item->entry.dtype) / 8;
    unsigned char *data = calloc(bytes ? bytes : 1, 1);
    if (!data)
        fail("out of memory", item->entry.name);
    memcpy(data, item->data, bytes < item->entry.bytes ? bytes : (size_t)item->entry.bytes);
    free(item->data);
    item->data = data;
    item->entry.bytes = bytes;
    item->changed = true;
}

/* The edits */

static void edit_drop(char **words)
{
    struct item *item = find(words[0]);
    for (size_t i = 0; i < model.count; i++)
        if (model.items[i].file == item->file)
            model.items[i].changed = true;
    free(item->entry.name);
    free(item->data);
    memmove(item, item + 1, (model.count - (size_t)(item - model.items) - 1) * sizeof *item);
    model.count--;
}

static void edit_scale(char **words)
{
    struct item *item = find(words[0]);
    multiply(item, 0, count_of(item), words[1]);
}

static void edit_row(char **words)
{
    struct item *item = find(words[0]);
    size_t columns = item->entry.rank > 1 ? columns_of(item) : 1;
    multiply(item, number(words[1]) * columns, columns, words[2]);
}

static void edit_zero(char **words)
{
    struct item *item = find(words[0]);
    memset(item->data, 0, (size_t)item->entry.bytes);
    item->changed = true;
}

static void put_special(char **words, bool nan)
{
    struct item *item = find(words[0]);
    size_t at = number(words[1]) * columns_of(item) + number(words[2]);
    uint32_t f32 = nan ? 0x7FC00000 : 0x7F800000;
    uint16_t bf16 = nan ? 0x7FC0 : 0x7F80, f16 = nan ? 0x7E00 : 0x7C00;
    if (at >= count_of(item))
        fail("no such place", item->entry.name);
    if (item->entry.dtype == DTYPE_F32)
        memcpy(item->data + 4 * at, &f32, 4);
    else
        memcpy(item->data + 2 * at, item->entry.dtype == DTYPE_BF16 ? &bf16 : &f16, 2);
    item->changed = true;
}

static void edit_nan(char **words)
{
    put_special(words, true);
}

static void edit_inf(char **words)
{
    put_special(words, false);
}

static void edit_swap(char **words)
{
    struct item *a = find(words[0]), *b = find(words[1]);
    if (a->entry.bytes != b->entry.bytes || a->entry.dtype != b->entry.dtype)
        fail("cannot swap different sizes", words[0]);
    unsigned char *data = a->data;
    a->data = b->data;
    b->data = data;
    a->changed = b->changed = true;
}

static void edit_swap_rows(char **words)
{
    struct item *item = find(words[0]);
    size_t width = columns_of(item) * dtype_bits(item->entry.dtype) / 8;
    unsigned char *a = item->data + number(words[1]) * width, *b = item->data + number(words[2]) * width;
    unsigned char *row = copy_of(a, width);
    memcpy(a, b, width);
    memcpy(b, row, width);
    free(row);
    item->changed = true;
}

static void edit_rename(char **words)
{
    struct item *item = find(words[0]);
    free(item->entry.name);
    item->entry.name = strdup(words[1]);
    item->changed = true;
}

static void edit_shape(char **words)
{
    struct item *item = find(words[0]);
    item->entry.rank = 0;
    for (char *at = words[1]; *at; at += *at == ',')
        item->entry.shape[item->entry.rank++] = strtoull(at, &at, 10);
    resize(item);
}

static void edit_dtype(char **words)
{
    struct item *item = find(words[0]);
    if (!dtype_parse(words[1], &item->entry.dtype))
        fail("no dtype", words[1]);
    resize(item);
}

/* Rounds to nearest, ties to even, where the type is shorter. */
static void cast(struct item *item, enum dtype dtype)
{
    size_t count = count_of(item);
    make_f32(item);
    if (dtype == DTYPE_F32)
        return;
    float *values = copy_of(item->data, count * sizeof(float));
    narrow(dtype, values, item->data, count);
    free(values);
    item->entry.dtype = dtype;
    resize(item);
}

static void edit_cast(char **words)
{
    enum dtype dtype;
    if (!dtype_parse(words[1], &dtype) || !dtype_width(dtype))
        fail("cannot cast to", words[1]);
    if (strcmp(words[0], "all") != 0)
        cast(find(words[0]), dtype);
    for (size_t i = 0; strcmp(words[0], "all") == 0 && i < model.count; i++)
        cast(&model.items[i], dtype);
}

/* Takes out the tensor of an expert; NULL when there is no such expert. */
static struct item *expert_item(const char *layer, size_t expert, const char *projection)
{
    char end[128];
    snprintf(end, sizeof end, "layers.%s.mlp.experts.%zu.%s.weight", layer, expert, projection);
    for (size_t i = 0; i < model.count; i++)
        if (is_end_of(model.items[i].entry.name, end))
            return &model.items[i];
    return NULL;
}

/* Copies matrix [rows, columns] to where it belongs in the fused tensor: as it is, or transposed, `wide` values in a
 * row there. */
static void fuse_copy(const struct item *from, unsigned char *to, size_t wide, bool transposed)
{
    size_t rows = (size_t)from->entry.shape[0], columns = (size_t)from->entry.shape[1];
    size_t width = dtype_width(from->entry.dtype);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            memcpy(to + width * (transposed ? c * wide + r : r * wide + c), from->data + width * (r * columns + c),
                   width);
}

static struct item fused_item(const char *layer, const char *const *parts, size_t part_count, size_t experts,
                              bool transposed)
{
    const struct item *first = expert_item(layer, 0, parts[0]);
    size_t rows = (size_t)first->entry.shape[0], columns = (size_t)first->entry.shape[1];
    size_t width = dtype_width(first->entry.dtype), one = part_count * rows * columns * width;
    struct item fused = {.entry = {.dtype = first->entry.dtype, .rank = 3, .bytes = experts * one}, .changed = true};
    fused.file = first->file;
    fused.entry.shape[0] = experts;
    fused.entry.shape[transposed ? 2 : 1] = part_count * rows;
    fused.entry.shape[transposed ? 1 : 2] = columns;
    fused.data = malloc(experts * one);
    size_t stem = (size_t)(strstr(first->entry.name, ".experts.") - first->entry.name);
    size_t length = stem + strlen(".experts.gate_up_proj") + 1;
    fused.entry.name = malloc(length);
    if (!fused.data || !fused.entry.name)
        fail("out of memory", layer);
    snprintf(fused.entry.name, length, "%.*s.experts.%s", (int)stem, first->entry.name,
             part_count == 2 ? "gate_up_proj" : parts[0]);
    for (size_t expert = 0; expert < experts; expert++)
        for (size_t part = 0; part < part_count; part++)
            fuse_copy(expert_item(layer, expert, parts[part]),
                      fused.data + expert * one + part * width * (transposed ? rows : rows * columns),
                      transposed ? part_count * rows : columns, transposed);
    return fused;
}

static void edit_fuse(char **words)
{
    static const char *const parts[] = {"gate_proj", "up_proj", "down_proj"};
    bool transposed = strcmp(words[1], "transposed") == 0;
    size_t experts = 0;
    while (expert_item(words[0], experts, "gate_proj"))
        experts++;
    if (!experts)
        fail("no experts in layer", words[0]);
    struct item gate_up = fused_item(words[0], parts, 2, experts, transposed);
    struct item down = fused_item(words[0], parts + 2, 1, experts, transposed);
    for (size_t expert = 0; expert < experts; expert++)
        for (size_t part = 0; part < 3; part++)
            edit_drop(&expert_item(words[0], expert, parts[part])->entry.name);
    if (model.count + 2 > TENSORS_MAX)
        fail("too many tensors", words[0]);
    model.items[model.count++] = gate_up;
    model.items[model.count++] = down;
}

static cJSON *metadata_for_edit(void)
{
    model.metadata_changed = true;
    if (!model.metadata[0])
        model.metadata[0] = cJSON_CreateObject();
    return model.metadata[0];
}

static void edit_meta(char **words)
{
    cJSON *metadata = metadata_for_edit();
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, words[0]);
    cJSON_AddStringToObject(metadata, words[0], words[1]);
}

static void edit_unmeta(char **words)
{
    cJSON_DeleteItemFromObjectCaseSensitive(metadata_for_edit(), words[0]);
}

static void edit_submeta(char **words)
{
    const cJSON *old = cJSON_GetObjectItemCaseSensitive(metadata_for_edit(), words[0]);
    const char *at = cJSON_IsString(old) ? strstr(old->valuestring, words[1]) : NULL;
    struct buffer text = {0};
    if (!at)
        fail("not in the metadata", words[1]);
    buffer_append(&text, old->valuestring, (size_t)(at - old->valuestring));
    buffer_format(&text, "%s%s", words[2], at + strlen(words[1]));
    edit_meta((char *[]){words[0], text.data});
    buffer_free(&text);
}

static const struct edit_row {
    const char *name;
    int words;
    void (*edit)(char **words);
} edit_rows[] = {
    {"drop", 1, edit_drop},     {"scale", 2, edit_scale}, {"row", 3, edit_row},       {"zero", 1, edit_zero},
    {"nan", 3, edit_nan},       {"inf", 3, edit_inf},     {"swap", 2, edit_swap},     {"swaprows", 3, edit_swap_rows},
    {"rename", 2, edit_rename}, {"shape", 2, edit_shape}, {"dtype", 2, edit_dtype},   {"cast", 2, edit_cast},
    {"fuse", 2, edit_fuse},     {"meta", 2, edit_meta},   {"unmeta", 1, edit_unmeta}, {"submeta", 3, edit_submeta},
};

static int apply(int count, char **words)
{
    for (size_t i = 0; i < sizeof edit_rows / sizeof *edit_rows; i++) {
        if (strcmp(edit_rows[i].name, words[0]) != 0)
            continue;
        if (count <= edit_rows[i].words)
            fail("too few words for", words[0]);
        edit_rows[i].edit(words + 1);
        return edit_rows[i].words + 1;
    }
    fail("no such edit", words[0]);
    return 0;
}

/* Writing */

/* All tensors when `file` is FILES_MAX, else those of that file. */
static void write_file(const char *path, size_t file)
{
    struct safetensors_entry *entries = calloc(model.count + 1, sizeof *entries);
    struct error error = {0};
    size_t count = 0, at = 0;
    for (size_t i = 0; entries && i < model.count; i++)
        if (file == FILES_MAX || model.items[i].file == file)
            entries[count++] = model.items[i].entry;
    const cJSON *metadata = model.metadata[file == FILES_MAX ? 0 : file];
    struct safetensors_writer *writer = safetensors_create(path, entries, count, metadata, &error);
    try(writer != NULL, &error);
    for (size_t i = 0; i < model.count; i++)
        if (file == FILES_MAX || model.items[i].file == file)
            try(safetensors_put(writer, at++, 0, model.items[i].data, (size_t)model.items[i].entry.bytes, &error),
                &error);
    try(safetensors_commit(writer, &error), &error);
    free(entries);
}

static void copy_file(const char *from, const char *to)
{
    struct buffer bytes = {0};
    struct error error = {0};
    try(file_read(from, (size_t)1 << 30, &bytes, &error) && file_write(to, bytes.data, bytes.size, &error), &error);
    buffer_free(&bytes);
}

/* OUT/relative, after making the folders in between. */
static char *place_for(const char *out, const char *relative)
{
    struct error error = {0};
    char *path = path_join(out, relative), *slash = strrchr(path, '/');
    *slash = '\0';
    try(folder_make(path, &error), &error);
    *slash = '/';
    return path;
}

static bool file_changed(size_t file)
{
    for (size_t i = 0; i < model.count; i++)
        if (model.items[i].file == file && model.items[i].changed)
            return true;
    return model.metadata_changed;
}

static void write_folder(const char *in, const char *out, bool layout)
{
    for (size_t i = 0; i < model.other_count; i++) {
        if (!layout && ends_with(model.others[i], ".index.json"))
            continue;
        char *from = path_join(in, model.others[i]), *to = place_for(out, model.others[i]);
        copy_file(from, to);
        free(from);
        free(to);
    }
    for (size_t i = 0; layout && i < model.file_count; i++) {
        char *from = path_join(in, model.files[i]), *to = place_for(out, model.files[i]);
        if (file_changed(i))
            write_file(to, i);
        else
            copy_file(from, to);
        free(from);
        free(to);
    }
    if (!layout) {
        char *to = place_for(out, "model.safetensors");
        write_file(to, FILES_MAX);
        free(to);
    }
}

static void free_all(void)
{
    for (size_t i = 0; i < model.count; i++) {
        free(model.items[i].entry.name);
        free(model.items[i].data);
    }
    for (size_t i = 0; i < model.file_count; i++) {
        free(model.files[i]);
        cJSON_Delete(model.metadata[i]);
    }
    for (size_t i = 0; i < model.other_count; i++)
        free(model.others[i]);
}

int main(int argc, char **argv)
{
    bool layout = argc > 1 && strcmp(argv[1], "--layout") == 0;
    int at = layout ? 2 : 1;
    if (argc < at + 2)
        fail("usage", "damage [--layout] IN OUT EDIT...");
    const char *in = argv[at], *out = argv[at + 1];
    if (file_is_folder(in))
        read_folder(in, "");
    else
        read_file(in, path_base(in));
    for (at += 2; at < argc;)
        at += apply(argc - at, argv + at);
    if (ends_with(out, ".safetensors"))
        write_file(out, FILES_MAX);
    else
        write_folder(in, out, layout);
    free_all();
    return 0;
}
