#include "golden/named_arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/numbers.h"
#include "base/wording.h"
#include "golden/golden_make.h"

#define BATCH_MAX 4096
#define NAMED_MAX 4

static void array_free(struct named_array *array)
{
    free(array->name);
    free(array->file);
}

bool named_push(struct named_arrays *arrays, const struct named_array *array, struct error *error)
{
    if (array->name && array->file && array_push(arrays->items, arrays->count, arrays->capacity, *array))
        return true;
    array_free(&(struct named_array){.name = array->name, .file = array->file});
    return error_memory(error, "arrays");
}

void named_free(struct named_arrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++)
        array_free(&arrays->items[i]);
    free(arrays->items);
    *arrays = (struct named_arrays){0};
}

bool named_move(struct named_arrays *to, struct named_arrays *arrays, struct error *error)
{
    bool good = true;
    for (size_t i = 0; i < arrays->count; i++) {
        if (good)
            good = named_push(to, &arrays->items[i], error);
        else
            array_free(&arrays->items[i]);
    }
    free(arrays->items);
    *arrays = (struct named_arrays){0};
    return good;
}

static bool is_ids(const char *name)
{
    struct spelling spelling = {.kind = SPELLED_PATH};
    struct buffer buffer = {0};
    bool ids = spelling_of(name, &buffer, &spelling) && spelling.kind == SPELLED_IDS;
    buffer_free(&buffer);
    return ids;
}

/* Of ids that are not alone in their file: length of what stands before their own name, "CASE/", or "CASE." as
 * dictionaries in a dictionary give; 0: they are, or the name is no ids'. */
static size_t case_lead(const char *name)
{
    const char *base = path_base(name), *dot = strrchr(base, '.');
    if (base > name && is_ids(base))
        return (size_t)(base - name);
    return dot > base && is_ids(dot + 1) ? (size_t)(dot + 1 - name) : 0;
}

/* Moves those whose names begin with `lead`, which is cut. */
static bool take_group(struct named_arrays *arrays, struct named_arrays *group, const char *lead, size_t size,
                       struct error *error)
{
    size_t kept = 0;
    bool good = true;
    for (size_t i = 0; i < arrays->count; i++) {
        struct named_array *array = &arrays->items[i];
        if (!good || strncmp(array->name, lead, size) != 0) {
            arrays->items[kept++] = *array;
            continue;
        }
        memmove(array->name, array->name + size, strlen(array->name + size) + 1);
        good = named_push(group, array, error);
    }
    arrays->count = kept;
    return good;
}

bool named_split(struct named_arrays *arrays, struct named_arrays *group, char **id, struct error *error)
{
    bool ids = false;
    for (size_t i = 0; i < arrays->count; i++) {
        const char *name = arrays->items[i].name;
        size_t length = case_lead(name);
        ids = ids || is_ids(name);
        if (!length)
            continue;
        char *lead = strndup(name, length);
        bool good = (lead && (*id = strndup(name, length - 1))) || error_memory(error, name);
        good = good && take_group(arrays, group, lead, strlen(lead), error);
        free(lead);
        return good;
    }
    return ids && named_move(group, arrays, error);
}

/* What the ids, and the mask of padding, say of all arrays. */
struct batch {
    struct golden *golden;
    const char *where;
    struct error *error;
    size_t first_case;   /* of the dump: those of the batch follow */
    size_t count;        /* sequences */
    size_t tokens;       /* of each, padding included */
    size_t *begin;       /* [count]: where the tokens of each begin, */
    size_t unbatched;    /* arrays of which a batch axis of 1 was dropped */
    size_t doubles;      /* arrays of float64 */
    bool bfloat16, half; /* some are */
    struct buffer left;  /* names of arrays that are left out, the first ones */
    size_t left_out;
};

static uint64_t width_of(const struct named_array *array)
{
    return dtype_bits(array->dtype) / 8;
}

/* The one array of that kind; NULL where there is none, or, with the error, where there are several. */
static const struct named_array *find_kind(const struct named_arrays *arrays, enum spelled kind, bool *good,
                                           struct error *error)
{
    const struct named_array *found = NULL;
    struct buffer buffer = {0};
    for (size_t i = 0; *good && i < arrays->count; i++) {
        struct spelling spelling;
        *good = spelling_of(arrays->items[i].name, &buffer, &spelling) || error_memory(error, arrays->items[i].file);
        if (!*good || spelling.kind != kind)
            continue;
        if (found)
            *good = error_set(error, "%s: '%s' and '%s' both give the same thing: leave one of them out",
                              arrays->items[i].file, found->name, arrays->items[i].name);
        found = &arrays->items[i];
    }
    buffer_free(&buffer);
    return *good ? found : NULL;
}

/* --- cases --- */

/* [tokens] or [batch, tokens]. */
static bool ids_shape(struct batch *batch, const struct named_array *ids)
{
    char shape[TENSOR_SHAPE_TEXT];
    if (ids->rank < 1 || ids->rank > 2)
        return error_set(batch->error,
                         "%s: the token ids '%s' have %d dimensions, %s; [tokens] or [batch, tokens] was expected",
                         ids->file, ids->name, ids->rank, shape_text(ids->shape, ids->rank, shape));
    uint64_t count = ids->rank == 2 ? ids->shape[0] : 1, tokens = ids->shape[ids->rank - 1];
    if (!count || count > BATCH_MAX || !tokens || tokens > GOLDEN_IDS_MAX)
        return error_set(batch->error,
                         "%s: the token ids have shape %s; 1 to %zu tokens in 1 to %d sequences were expected",
                         ids->file, shape_text(ids->shape, ids->rank, shape), GOLDEN_IDS_MAX, BATCH_MAX);
    batch->count = (size_t)count;
    batch->tokens = (size_t)tokens;
    return true;
}

/* Which tokens of a sequence are no padding: `*begin`, and `*count` of them. */
static bool mask_row(struct batch *batch, const struct named_array *mask, size_t row, size_t *begin, size_t *count)
{
    size_t width = (size_t)width_of(mask), size = batch->tokens * width, end = 0, set = 0;
    char *raw = malloc(size + 1);
    int descriptor = file_open(mask->file, NULL, batch->error);
    bool good = descriptor >= 0 && (raw || error_memory(batch->error, mask->file)) &&
                file_read_at(descriptor, mask->file, mask->offset + row * size, raw, size, batch->error);
    for (size_t token = 0; good && token < batch->tokens; token++) {
        bool counts = false;
        for (size_t i = 0; i < width; i++)
            counts = counts || raw[token * width + i];
        if (counts && !set++)
            *begin = token;
        end = counts ? token + 1 : end;
    }
    *count = set;
    if (good && (!set || end - *begin != set))
        good = error_set(batch->error,
                         "%s: '%s' masks tokens of sequence %zu that stand between others, or all; only padding at the "
                         "ends can be masked",
                         mask->file, mask->name, row);
    if (descriptor >= 0)
        close(descriptor);
    free(raw);
    return good;
}

/* Case ids name folders: a slash or a dot in front, and they would lie elsewhere. */
static void make_harmless(char *id)
{
    if (*id == '.')
        *id = '-';
    for (; *id; id++)
        *id = *id == '/' ? '-' : *id;
}

static bool add_case(struct batch *batch, const char *id, const struct named_array *ids, const struct named_array *mask,
                     size_t row)
{
    struct ids list = {0};
    struct buffer name = {0};
    size_t count = batch->tokens;
    buffer_format(&name, batch->count > 1 ? "%s-%zu" : "%s", id, row);
    if (!name.failed)
        make_harmless(name.data);
    bool good = (!name.failed || error_memory(batch->error, batch->where)) &&
                (!mask || mask_row(batch, mask, row, &batch->begin[row], &count)) &&
                golden_read_ids(ids->file, ids->offset + (row * batch->tokens + batch->begin[row]) * width_of(ids),
                                ids->dtype, count, &list, batch->error) &&
                golden_add_case(batch->golden, name.data, &list, batch->error);
    ids_free(&list);
    buffer_free(&name);
    return good;
}

static bool add_cases(struct batch *batch, const char *id, const struct named_arrays *arrays)
{
    bool good = true;
    const struct named_array *ids = find_kind(arrays, SPELLED_IDS, &good, batch->error);
    const struct named_array *mask = find_kind(arrays, SPELLED_MASK, &good, batch->error);
    char shape[TENSOR_SHAPE_TEXT];
    if (good && !ids)
        return error_set(batch->error, "%s: the token ids are absent: add an array named ids or input_ids",
                         batch->where);
    if (!good || !ids_shape(batch, ids))
        return false;
    if (mask && !tensor_same_shape(mask, ids))
        return error_set(batch->error, "%s: '%s' has shape %s; that of the token ids was expected", mask->file,
                         mask->name, shape_text(mask->shape, mask->rank, shape));
    batch->first_case = batch->golden->case_count;
    batch->begin = calloc(batch->count, sizeof *batch->begin);
    good = batch->begin || error_memory(batch->error, batch->where);
    for (size_t row = 0; good && row < batch->count; row++)
        good = add_case(batch, id, ids, mask, row);
    return good;
}

/* --- tensors --- */

/* How an array lies: [stacked, batch, rows, width]. */
struct layout {
    size_t stacked; /* hidden states that it holds */
    size_t rows;    /* tokens, or 1: the last */
    uint64_t width; /* values in a row */
};

/* False: it has no row for each token, nor, of logits, one for the last. */
static bool layout_of(struct batch *batch, const struct named_array *array, const struct spelling *spelling,
                      struct layout *layout)
{
    int at = 0;
    *layout = (struct layout){.stacked = 1, .rows = batch->tokens, .width = 1};
    if (spelling->kind == SPELLED_STATES)
        layout->stacked = at < array->rank ? (size_t)array->shape[at++] : 0;
    bool flat =
        batch->count > 1 && at < array->rank && array->shape[at] == batch->count * batch->tokens; /* as routers are */
    if (batch->count > 1 && !flat && !(at < array->rank && array->shape[at++] == batch->count))
        return false;
    int dropped = at;
    while (batch->count == 1 && at + 1 < array->rank && array->shape[at] == 1 &&
           (batch->tokens > 1 || array->shape[at + 1] == 1))
        at++;
    batch->unbatched += at > dropped;
    bool logits = spelling->path && strcmp(spelling->path, "lm_head") == 0;
    if (flat || (at < array->rank && array->shape[at] == batch->tokens))
        at++;
    else if (logits && (at + 1 == array->rank || (at + 2 == array->rank && array->shape[at] == 1)))
        layout->rows = 1;
    else
        return false;
    for (; at < array->rank; at++)
        if (!multiply_u64(layout->width, array->shape[at], &layout->width))
            return false;
    return layout->stacked && layout->width && layout->width < (uint64_t)1 << 32;
}

static bool is_readable(enum dtype dtype)
{
    return dtype_width(dtype) || dtype == DTYPE_F64 || dtype == DTYPE_I32 || dtype == DTYPE_I64;
}

static bool is_weight(const char *name)
{
    return text_ends_with(name, ".weight") || text_ends_with(name, ".bias");
}

/* What arithmetic made the values is not told: float32, unless some are stored in less. */
static bool note_dtype(struct batch *batch, const struct named_array *array)
{
    enum dtype dtype = array->dtype;
    batch->doubles += dtype == DTYPE_F64;
    batch->half = batch->half || dtype == DTYPE_F16;
    batch->bfloat16 = batch->bfloat16 || dtype == DTYPE_BF16;
    return is_readable(dtype) ||
           error_set(batch->error, "%s: '%s' has dtype %s; F32, F64, F16, BF16, I32 or I64 was expected", array->file,
                     array->name, dtype_name(dtype));
}

/* Of one sequence. `number`: of the hidden state or layer. */
static bool add_tensor(struct batch *batch, const struct named_array *array, const struct spelling *spelling,
                       const struct layout *layout, size_t row, size_t stack)
{
    size_t tokens = batch->golden->cases[batch->first_case + row].public.count;
    bool last = layout->rows == 1 && batch->tokens > 1, stacked = spelling->kind == SPELLED_STATES;
    size_t begin = last ? 0 : batch->begin[row];
    struct golden_tensor tensor = {.case_index = batch->first_case + row,
                                   .first = last ? tokens - 1 : 0,
                                   .rows = last ? 1 : tokens,
                                   .width = (size_t)layout->width,
                                   .noise = NAN};
    uint64_t rows_before = (stack * batch->count + row) * layout->rows + begin;
    struct golden_place place = {.file = strdup(array->file),
                                 .dtype = array->dtype,
                                 .offset = array->offset + rows_before * layout->width * width_of(array),
                                 .spelled = stacked ? SPELLED_STATE : spelling->kind,
                                 .number = stacked ? (int)stack : spelling->number};
    struct buffer path = {0};
    buffer_format(&path, stacked ? "%s.%zu" : "%s", spelling->path ? spelling->path : array->name, stack);
    bool good = place.file && !path.failed;
    if (last && batch->begin[row] + tokens < batch->tokens) { /* that of padding */
        free(place.file);
        good = good &&
               golden_note(batch->golden, batch->error, "the logits of case %s are those of padding, and are left out",
                           batch->golden->cases[tensor.case_index].id);
    } else if (good) {
        good = golden_add_tensor(batch->golden, &tensor, path.data, place, batch->error);
    } else {
        free(place.file);
        error_memory(batch->error, array->file);
    }
    buffer_free(&path);
    return good;
}

static bool add_array(struct batch *batch, const struct named_array *array, const struct spelling *spelling)
{
    struct layout layout;
    char shape[TENSOR_SHAPE_TEXT];
    struct golden *golden = batch->golden;
    shape_text(array->shape, array->rank, shape);
    bool fits = layout_of(batch, array, spelling, &layout);
    if (is_weight(array->name) || (!spelling->known && !(fits && is_readable(array->dtype)))) {
        if (batch->left_out++ < NAMED_MAX)
            buffer_format(&batch->left, "%s%s %s", batch->left_out > 1 ? ", " : "", array->name, shape);
        return true;
    }
    if (!fits)
        return error_set(batch->error, "%s: '%s' has shape %s; a row for each of the %zu tokens%s was expected",
                         array->file, array->name, shape, batch->tokens,
                         batch->count > 1 ? " of each sequence of the batch" : "");
    if (spelling->kind == SPELLED_STATES && layout.stacked == 1)
        return error_set(batch->error,
                         "%s: '%s' is one hidden state, and its name does not say which: hidden_states.0 is the output "
                         "of the embedding, hidden_states.N that of layer N - 1",
                         array->file, array->name);
    bool renamed = spelling->kind == SPELLED_PATH && !text_ends_with(spelling->path, array->name) &&
                   !text_ends_with(array->name, spelling->path) && !strstr(array->name, "language_model.");
    bool good = note_dtype(batch, array) &&
                (!renamed || golden_note(golden, batch->error, "%s is %s", array->name, spelling->path));
    if (good && layout.rows == 1 && batch->tokens > 1)
        good = golden_note(golden, batch->error, "%s has one row, which is that of the last token", array->name);
    for (size_t stack = 0; good && stack < layout.stacked; stack++)
        for (size_t row = 0; good && row < batch->count; row++)
            good = add_tensor(batch, array, spelling, &layout, row, stack);
    return good;
}

static bool tell(const struct batch *batch)
{
    struct golden *golden = batch->golden;
    const char *more = batch->left_out > NAMED_MAX ? " and others" : "";
    if (batch->half && strcmp(golden->dtype, dtype_torch(DTYPE_BF16)) != 0)
        golden->dtype = dtype_torch(DTYPE_F16);
    if (batch->bfloat16)
        golden->dtype = dtype_torch(DTYPE_BF16);
    return (batch->count == 1 ||
            golden_note(golden, batch->error, "each of the %zu sequences of the batch is a case", batch->count)) &&
           (!batch->unbatched || golden_note(golden, batch->error, "batch axes of 1 are dropped")) &&
           (!batch->left_out || golden_note(golden, batch->error, "%s%s: left out, without a row for each token",
                                            batch->left.data ? batch->left.data : "", more)) &&
           (!batch->doubles || golden_note(golden, batch->error, "float64 is read as float32"));
}

static bool lie_in_rows(const struct named_arrays *arrays, struct error *error)
{
    for (size_t i = 0; i < arrays->count; i++)
        if (arrays->items[i].columns)
            return error_set(
                error, "%s: '%s' is stored column by column: make it contiguous before it is saved (.contiguous())",
                arrays->items[i].file, arrays->items[i].name);
    return true;
}

bool named_add(struct golden *golden, const char *id, const char *where, const struct named_arrays *arrays,
               struct error *error)
{
    struct batch batch = {.golden = golden, .where = where, .error = error};
    struct buffer buffer = {0};
    bool good = lie_in_rows(arrays, error) && add_cases(&batch, id, arrays);
    for (size_t i = 0; good && i < arrays->count; i++) {
        struct spelling spelling;
        good = spelling_of(arrays->items[i].name, &buffer, &spelling) || error_memory(error, where);
        if (good && spelling.kind != SPELLED_IDS && spelling.kind != SPELLED_MASK)
            good = add_array(&batch, &arrays->items[i], &spelling);
    }
    good = good && tell(&batch);
    buffer_free(&buffer);
    buffer_free(&batch.left);
    free(batch.begin);
    return good;
}
