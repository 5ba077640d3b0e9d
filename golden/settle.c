/* What a dump's own names mean beside what it is compared with: which layer a number is, and whether the last layer's
 * output is that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden_make.h"
#include "golden/last_state.h"

/* --- numbers --- */

static const char layer_lead[] = "model.layers.";

/* The layer that a path lies in, `*rest` being what follows its number; -1: in none. */
static int path_layer(const char *path, const char **rest)
{
    char *end = NULL;
    if (strncmp(path, layer_lead, sizeof layer_lead - 1) != 0)
        return -1;
    const char *digits = path + sizeof layer_lead - 1;
    long layer = strspn(digits, "0123456789") ? strtol(digits, &end, 10) : -1;
    *rest = end;
    return layer >= 0 && layer < CONFIG_LAYERS_MAX && (!*end || *end == '.') ? (int)layer : -1;
}

static bool is_output(const char *path)
{
    const char *rest = "";
    return path_layer(path, &rest) < 0 || !*rest;
}

/* The number by which a tensor is called, if it is of that kind; -1: of another, or of none. */
static int number_of(const struct golden *golden, size_t index, enum spelled kind)
{
    const char *rest;
    if (golden->places[index].spelled != kind)
        return -1;
    return kind == SPELLED_PATH ? path_layer(golden->tensors[index].path, &rest) : golden->places[index].number;
}

/* The numbers of all tensors of a kind. */
struct series {
    bool zero; /* 0 is among them */
    int most;  /* -1: there are none */
    int least;
};

static struct series series_of(const struct golden *golden, enum spelled kind)
{
    struct series series = {.most = -1};
    for (size_t i = 0; i < golden->tensor_count; i++) {
        int number = number_of(golden, i, kind);
        series.zero = series.zero || number == 0;
        if (number >= 0 && (series.most < 0 || number < series.least))
            series.least = number;
        series.most = number > series.most ? number : series.most;
    }
    return series;
}

/* How a kind is called in messages, and what its numbers count from where nothing tells. */
static const struct counting_row {
    enum spelled kind;
    const char *name;
    int first;    /* number of layer 0 */
    bool certain; /* that is a convention; else a number alone does not tell */
} counting_rows[] = {
    {SPELLED_PATH, "model.layers.", 0, true},
    {SPELLED_STATE, "hidden_states.", 1, true}, /* of transformers: 0 is the embedding */
    {SPELLED_LAYER, "layer_", 0, false},
};

/* Does what is called 0 hold the embeddings of the token ids? `*is` stays as it was where that cannot be seen. */
static bool zero_is_embedding(const struct golden *golden, enum spelled kind, const struct golden_beside *beside,
                              bool *is, struct error *error)
{
    bool tested = false;
    for (size_t i = 0; beside->store && i < golden->tensor_count && !tested; i++) {
        const struct golden_tensor *tensor = &golden->tensors[i];
        if (number_of(golden, i, kind) != 0 || tensor->kind != GOLDEN_VALUES || !is_output(tensor->path))
            continue;
        bool same;
        if (!state_is_embedding(golden, tensor, beside->store, &tested, &same, error))
            return false;
        *is = tested ? same : *is;
    }
    return true;
}

/* The number of layer 0. */
static bool count_from(const struct golden *golden, const struct counting_row *row, const struct series *series,
                       const struct golden_beside *beside, int *first, struct error *error)
{
    /* counted from 0, there would be a layer more than the model has */
    bool more = beside->layers > 0 && series->most == beside->layers, embedding = row->first;
    *first = row->first;
    if (series->zero && beside->apart && row->kind == SPELLED_STATE)
        return true;
    if (series->zero) {
        if (more && row->kind != SPELLED_PATH) {
            *first = 1;
            return true;
        }
        if (row->kind == SPELLED_PATH && !more)
            return true;
        if (!zero_is_embedding(golden, row->kind, beside, &embedding, error))
            return false;
        *first = embedding;
        return true;
    }
    if (more)
        *first = 1;
    if (more || row->certain || !beside->layers)
        return true;
    return error_set(error,
                     "%s: %s%d to %s%d may be counted from 0 or from 1, and the %d layers of the model do not tell "
                     "which: call them model.layers.N, where model.layers.0 is the output of the first layer",
                     golden->path, row->name, series->least, row->name, series->most, beside->layers);
}

/* --- paths --- */

/* The path by which tensor `index` is compared, where layer 0 has the number `first`. */
static bool path_of(const struct golden *golden, size_t index, int number, int first, bool apart, struct buffer *out)
{
    const char *rest = "";
    if (golden->places[index].spelled == SPELLED_PATH)
        path_layer(golden->tensors[index].path, &rest);
    if (number < first)
        return buffer_format(
            out, "%s%s", apart && golden->places[index].spelled == SPELLED_STATE ? "model.input" : "model.embed_tokens",
            rest);
    return buffer_format(out, "%s%d%s", layer_lead, number - first, rest);
}

static bool rename_tensor(struct golden *golden, size_t index, const char *path, struct error *error)
{
    struct buffer name = {0};
    const char *id = golden->cases[golden->tensors[index].case_index].id;
    buffer_format(&name, "%s/%s", id, path);
    char *taken = buffer_take(&name);
    if (!taken)
        return error_memory(error, golden->path);
    free(golden->places[index].name);
    golden->places[index].name = taken;
    golden->tensors[index].path = taken + strlen(id) + 1;
    return true;
}

/* Puts the tensors under their new names. Of two that have come to be one module's the second goes, if it says the
 * same. */
static bool index_again(struct golden *golden, struct error *error)
{
    size_t kept = 0;
    bool good = true;
    map_free(&golden->tensor_of);
    for (size_t i = 0; i < golden->tensor_count; i++) {
        size_t twice = MAP_ABSENT;
        const char *name = golden->places[i].name;
        bool same = false;
        if (good && !map_add(&golden->tensor_of, name, strlen(name), kept, &twice))
            good = error_memory(error, golden->path);
        if (good && twice != MAP_ABSENT) {
            good = states_same(golden, &golden->tensors[twice], golden, &golden->tensors[i], &same, error) &&
                   (same || error_set(error, "%s: two arrays that differ are both read as '%s': leave one of them out",
                                      golden->path, name)) &&
                   golden_note(golden, error, "%s is there twice, with the same values", golden->tensors[i].path);
        }
        if (same) {
            golden_place_free(&golden->places[i]);
            continue;
        }
        golden->tensors[kept] = golden->tensors[i];
        golden->places[kept++] = golden->places[i];
    }
    golden->tensor_count = kept;
    return good;
}

static bool note_counting(struct golden *golden, const struct counting_row *row, const struct series *series, int first,
                          bool apart, struct error *error)
{
    if (row->kind == SPELLED_PATH && !first)
        return true;
    const char *zero = !series->zero || !first               ? ""
                       : apart && row->kind == SPELLED_STATE ? ", 0 being what the first layer reads"
                                                             : ", 0 being the embedding";
    if (first)
        return golden_note(golden, error, "%sN is the output of layer N - 1%s", row->name, zero);
    return golden_note(golden, error, "%sN is the output of layer N, counted from 0", row->name);
}

static bool settle_numbers(struct golden *golden, const struct counting_row *row, const struct golden_beside *beside,
                           bool *renamed, struct error *error)
{
    struct series series = series_of(golden, row->kind);
    int first = 0;
    if (series.most < 0)
        return true;
    if (!count_from(golden, row, &series, beside, &first, error))
        return false;
    bool good = note_counting(golden, row, &series, first, beside->apart, error);
    for (size_t i = 0; good && i < golden->tensor_count; i++) {
        struct buffer path = {0};
        int number = number_of(golden, i, row->kind);
        if (number < 0 || (row->kind == SPELLED_PATH && !first))
            continue;
        good = (path_of(golden, i, number, first, beside->apart, &path) || error_memory(error, golden->path)) &&
               rename_tensor(golden, i, path.data, error);
        *renamed = true;
        buffer_free(&path);
    }
    return good;
}

/* --- the last layer --- */

static int last_layer(const struct golden *golden, const struct golden_beside *beside)
{
    const char *rest;
    int most = beside->layers - 1;
    for (size_t i = 0; !beside->layers && i < golden->tensor_count; i++) {
        int layer = path_layer(golden->tensors[i].path, &rest);
        most = layer > most ? layer : most;
    }
    return most;
}

/* Of the tensors of that kind and path: are all of them behind the norm, and why? */
static bool all_normed(const struct golden *golden, enum spelled kind, const char *path,
                       const struct golden_beside *beside, bool *all, const char **why, struct error *error)
{
    *all = false;
    for (size_t i = 0; i < golden->tensor_count; i++) {
        const struct golden_tensor *state = &golden->tensors[i];
        if (golden->places[i].spelled != kind || state->kind != GOLDEN_VALUES || strcmp(state->path, path) != 0)
            continue;
        if (!state_is_normed(golden, state, beside, all, why, error))
            return false;
        if (!*all)
            return true;
    }
    return true;
}

static bool settle_last(struct golden *golden, enum spelled kind, const struct golden_beside *beside, bool *renamed,
                        struct error *error)
{
    char path[64];
    const char *why = NULL;
    bool all;
    snprintf(path, sizeof path, "%s%d", layer_lead, last_layer(golden, beside));
    if (!all_normed(golden, kind, path, beside, &all, &why, error))
        return false;
    if (!all)
        return true;
    for (size_t i = 0; i < golden->tensor_count; i++)
        if (golden->places[i].spelled == kind && strcmp(golden->tensors[i].path, path) == 0 &&
            !rename_tensor(golden, i, "model.norm", error))
            return false;
    *renamed = true;
    return golden_note(golden, error,
                       "%s comes after the final norm, as the last of transformers' hidden_states does (%s), so it is "
                       "compared with model.norm",
                       path, why);
}

bool golden_settle(struct golden *golden, const struct golden_beside *beside, struct error *error)
{
    bool renamed = false, good = true;
    for (size_t i = 0; good && i < sizeof counting_rows / sizeof *counting_rows; i++)
        good = settle_numbers(golden, &counting_rows[i], beside, &renamed, error);
    for (size_t i = 0; good && i < sizeof counting_rows / sizeof *counting_rows; i++)
        good = settle_last(golden, counting_rows[i].kind, beside, &renamed, error);
    good = good && (!renamed || index_again(golden, error));
    if (!good)
        map_free(&golden->tensor_of); /* of names that are no more */
    return good;
}
