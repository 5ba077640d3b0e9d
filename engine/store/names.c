/* The one place that knows how checkpoints spell tensor names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/store_internal.h"

/* The first row whose prefix fits decides. Text model: `to` replaces the prefix; NULL: another component. */
static const struct prefix_row {
    const char *from;
    const char *to;
} prefix_rows[] = {
    {"thinker.audio_tower.", NULL},
    {"thinker.visual.", NULL},
    {"thinker.model.audio_tower.", NULL}, /* as transformers 5 saves it anew */
    {"thinker.model.visual.", NULL},
    {"talker.", NULL},
    {"code2wav.", NULL},
    {"token2wav.", NULL},
    {"audio_tower.", NULL},
    {"visual.", NULL},
    {"vision_tower.", NULL},
    {"multi_modal_projector.", NULL},
    {"model.visual.", NULL},
    {"model.vision_tower.", NULL},
    {"model.audio_tower.", NULL},
    {"model.multi_modal_projector.", NULL},
    {"model.vision_model.", NULL}, /* Idefics3, SmolVLM */
    {"model.connector.", NULL},
    {"model.image_newline", NULL},
    {"image_newline", NULL},
    {"model.text_model.", "model."},
    {"thinker.model.language_model.", "model."},
    {"thinker.lm_head.", "lm_head."},
    {"thinker.model.", "model."},
    {"model.language_model.", "model."},
    {"language_model.model.", "model."},
    {"language_model.lm_head.", "lm_head."},
    /* as a model that answers questions has it */
    {"transformer.embed_tokens.", "model.embed_tokens."},
    {"transformer.layers.", "model.layers."},
    {"transformer.norm.", "model.norm."},
    {"model.", "model."},
    {"lm_head.", "lm_head."},
    /* a base model saved without its head, and the embedding of an extraction */
    {"embed_tokens.", "model.embed_tokens."},
    {"layers.", "model.layers."},
    {"norm.", "model.norm."},
};

/* Spellings inside the name; each occurs once at most. */
static const struct infix_row {
    const char *from;
    const char *to;
} infix_rows[] = {
    {".block_sparse_moe.", ".mlp."},                                       /* mixtral, granitemoe */
    {".mlp.e_score_correction_bias", ".mlp.gate.e_score_correction_bias"}, /* minimax_m2 */
    {".mlp.shared_experts.", ".mlp.shared_expert."},
    {".mlp.router.layer.weight", ".mlp.gate.weight"},
    {".self_attn.query_layernorm.", ".self_attn.q_norm."}, /* hunyuan */
    {".self_attn.key_layernorm.", ".self_attn.k_norm."},
    {".w1.weight", ".gate_proj.weight"},
    {".w2.weight", ".down_proj.weight"},
    {".w3.weight", ".up_proj.weight"},
};

/* Fused experts: one tensor [experts, ...] that holds `parts` projections side by side. */
static const struct fused_row {
    const char *suffix;
    const char *parts[2]; /* NULL: one part only */
} fused_rows[] = {
    {".mlp.experts.gate_up_proj", {"gate_proj", "up_proj"}},
    {".mlp.experts.gate_up_proj.weight", {"gate_proj", "up_proj"}},
    {".mlp.experts.down_proj", {"down_proj", NULL}},
    {".mlp.experts.down_proj.weight", {"down_proj", NULL}},
    {".mlp.experts.gate_proj.weight", {"gate_proj", NULL}}, /* GGUF */
    {".mlp.experts.up_proj.weight", {"up_proj", NULL}},     /* GGUF */
    {".mlp.input_linear.weight", {"gate_proj", "up_proj"}}, /* granitemoe */
    {".mlp.output_linear.weight", {"down_proj", NULL}},
    {".mlp.switch_mlp.gate_proj.weight", {"gate_proj", NULL}}, /* MLX */
    {".mlp.switch_mlp.up_proj.weight", {"up_proj", NULL}},
    {".mlp.switch_mlp.down_proj.weight", {"down_proj", NULL}},
};

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))
#define EXPERTS_MAX 4096 /* of a layer; the most in use are 512. Each becomes a tensor of the store */

static bool name_replace(char *name, size_t size, const char *from, const char *to)
{
    char *at = strstr(name, from);
    if (!at)
        return true;
    size_t tail = strlen(at + strlen(from)) + 1;
    if ((size_t)(at - name) + strlen(to) + tail > size)
        return false;
    memmove(at + strlen(to), at + strlen(from), tail);
    memcpy(at, to, strlen(to));
    return true;
}

bool name_canonical(const char *disk_name, char *out, size_t size, bool *other)
{
    const char *to = "", *rest = disk_name;
    *other = false;
    for (size_t i = 0; i < COUNT(prefix_rows); i++) {
        size_t length = strlen(prefix_rows[i].from);
        if (strncmp(disk_name, prefix_rows[i].from, length) != 0)
            continue;
        *other = !prefix_rows[i].to;
        to = prefix_rows[i].to ? prefix_rows[i].to : prefix_rows[i].from;
        rest = disk_name + length;
        break;
    }
    int length = snprintf(out, size, "%s%s", to, rest);
    if (length < 0 || (size_t)length >= size)
        return false;
    for (size_t i = 0; !*other && i < COUNT(infix_rows); i++)
        if (!name_replace(out, size, infix_rows[i].from, infix_rows[i].to))
            return false;
    return true;
}

bool name_fused(const char *name, size_t nth, char *out, size_t size)
{
    static const char words[] = ".mlp.experts.";
    const char *at = strstr(name, words), *projection = at ? at + strlen(words) : NULL;
    size_t digits = at ? strspn(projection, "0123456789") : 0;
    if (!digits || projection[digits] != '.')
        return false;
    projection += digits + 1;
    size_t length = strcspn(projection, ".");
    if (strcmp(projection + length, ".weight") != 0)
        return false;
    for (size_t i = 0; i < COUNT(fused_rows); i++)
        for (size_t part = 0; part < 2 && fused_rows[i].parts[part]; part++) {
            const char *fits = fused_rows[i].parts[part];
            if (strlen(fits) != length || strncmp(fits, projection, length) != 0 || nth--)
                continue;
            int written = snprintf(out, size, "%.*s%s", (int)(at - name), name, fused_rows[i].suffix);
            return written > 0 && (size_t)written < size;
        }
    return false;
}

static const struct fused_row *fused_row_named(const char *name)
{
    for (size_t i = 0; i < COUNT(fused_rows); i++)
        if (text_ends_with(name, fused_rows[i].suffix))
            return &fused_rows[i];
    return NULL;
}

bool name_is_fused(const char *name)
{
    return fused_row_named(name);
}

static const struct fused_row *fused_row_of(const struct tensor *tensor)
{
    return !tensor->other && tensor->rank == 3 ? fused_row_named(tensor->name) : NULL;
}

/* Two orientations occur: gate_up [E, 2I, H] with down [E, H, I], as linear layers store them, and gate_up [E, H, 2I]
 * with down [E, I, H]. The pair tells which, whatever the sizes: down's last axis is I in the first, H in the second.
 */
static bool fused_is_transposed(const struct tensor *gate_up, const struct tensor *down)
{
    return gate_up && down && gate_up->shape[1] == down->shape[2] && gate_up->shape[2] == 2 * down->shape[1];
}

/* The fused tensor of the same layer with the other suffix. `fused` finds fused tensors by their names. */
static const struct tensor *fused_partner(const struct store *store, const struct map *fused,
                                          const struct tensor *tensor, const struct fused_row *row)
{
    int stem = (int)(strlen(tensor->name) - strlen(row->suffix));
    for (size_t i = 0; i < COUNT(fused_rows); i++) {
        char name[FUSED_NAME];
        if (!fused_rows[i].parts[1] == !row->parts[1])
            continue;
        int length = snprintf(name, sizeof name, "%.*s%s", stem, tensor->name, fused_rows[i].suffix);
        size_t found = map_find(fused, name, (size_t)length);
        if (found != MAP_ABSENT)
            return &store->tensors[found];
    }
    return NULL;
}

static bool fused_cut(struct store *store, size_t index, const struct fused_row *row, bool transposed,
                      struct error *error)
{
    const struct tensor whole = store->tensors[index];
    uint64_t parts = row->parts[1] ? 2 : 1;
    uint64_t element = dtype_bits(whole.dtype) / 8; /* of a plain type, as are all that are transposed */
    uint64_t line = dtype_row_bytes(whole.dtype, whole.shape[2]);
    uint64_t packed = transposed ? whole.shape[2] : whole.shape[1]; /* the axis that the parts share */
    uint64_t each = packed / parts;
    int stem = (int)(strlen(whole.name) - strlen(row->suffix));
    for (uint64_t expert = 0; expert < whole.shape[0]; expert++) {
        for (uint64_t part = 0; part < parts; part++) {
            char name[FUSED_NAME];
            struct tensor view = whole;
            view.rank = 2;
            view.shape[0] = view.rows = each;
            view.shape[1] = view.columns = transposed ? whole.shape[1] : whole.shape[2];
            view.bytes = transposed ? view.rows * view.columns * element : view.rows * line;
            view.held = view.bytes;
            view.stride = line;
            view.transposed = transposed;
            view.offset = whole.offset + expert * whole.shape[1] * line + part * each * (transposed ? element : line);
            view_move(&view, expert * whole.shape[1] + part * each);
            snprintf(name, sizeof name, "%.*s.mlp.experts.%llu.%s.weight", stem, whole.name, (unsigned long long)expert,
                     row->parts[part]);
            view.name = store_string(store, name);
            bool first = expert == 0 && part == 0;
            if (!view.name)
                return error_memory(error, whole.name);
            if (first)
                store->tensors[index] = view;
            else if (!store_add(store, &view, error))
                return false;
        }
    }
    return true;
}

/* Whether each fused tensor is transposed; looked up before the first is cut, for cutting renames them. */
static bool fused_orientations(const struct store *store, bool *transposed)
{
    struct map fused = {0};
    bool good = true;
    for (size_t i = 0; good && i < store->count; i++)
        if (fused_row_of(&store->tensors[i]))
            good = map_add(&fused, store->tensors[i].name, strlen(store->tensors[i].name), i, NULL);
    for (size_t i = 0; good && fused.count && i < store->count; i++) {
        const struct tensor *tensor = &store->tensors[i];
        const struct fused_row *row = fused_row_of(tensor);
        if (!row)
            continue;
        const struct tensor *partner = fused_partner(store, &fused, tensor, row);
        transposed[i] = row->parts[1] ? fused_is_transposed(tensor, partner) : fused_is_transposed(partner, tensor);
    }
    map_free(&fused);
    return good;
}

bool names_cut_fused(struct store *store, struct error *error)
{
    size_t count = store->count;
    bool *transposed = calloc(count ? count : 1, sizeof *transposed);
    bool good = (transposed && fused_orientations(store, transposed)) || error_memory(error, store->path);
    for (size_t i = 0; good && i < count; i++) {
        const struct tensor *tensor = &store->tensors[i];
        const struct fused_row *row = fused_row_of(tensor);
        transposed[i] = transposed[i] && !tensor->assembly; /* put together, it is as linear layers store it */
        uint64_t packed = row ? (transposed[i] ? tensor->shape[2] : tensor->shape[1]) : 0;
        if (!row || !tensor->bytes || dtype_bits(tensor->dtype) % 8 != 0 || (row->parts[1] && packed % 2 != 0))
            continue;
        if (tensor->shape[0] > EXPERTS_MAX)
            good = error_set(error, "%s: tensor '%s' holds %llu experts; at most %d are allowed", tensor->file,
                             tensor->disk_name, (unsigned long long)tensor->shape[0], EXPERTS_MAX);
        else
            good = fused_cut(store, i, row, transposed[i], error);
    }
    free(transposed);
    return good;
}

bool store_name_is_other(const char *name)
{
    char canonical[TENSOR_NAME_MAX];
    bool other = false;
    return name_canonical(name, canonical, sizeof canonical, &other) && other;
}
