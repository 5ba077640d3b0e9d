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
    {"mtp.", NULL}, /* further tokens, of qwen3_next */
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
    {"transformer.word_embeddings.", "model.embed_tokens."}, /* falcon */
    {"transformer.wte.", "model.embed_tokens."},             /* gpt2 */
    {"transformer.wpe.", "model.embed_positions."},
    {"transformer.h.", "model.layers."},
    {"transformer.ln_f.", "model.norm."},
    {"gpt_neox.embed_in.", "model.embed_tokens."},
    {"gpt_neox.layers.", "model.layers."},
    {"gpt_neox.final_layer_norm.", "model.norm."},
    {"model.", "model."},
    {"lm_head.", "lm_head."},
    {"embed_out.", "lm_head."}, /* gpt_neox */
    /* a base model saved without its head, and the embedding of an extraction */
    {"embed_tokens.", "model.embed_tokens."},
    {"layers.", "model.layers."},
    {"norm.", "model.norm."},
    {"embed_in.", "model.embed_tokens."}, /* gpt_neox */
    {"final_layer_norm.", "model.norm."},
    {"word_embeddings.", "model.embed_tokens."}, /* falcon */
    {"wte.", "model.embed_tokens."},             /* gpt2 */
    {"wpe.", "model.embed_positions."},
    {"h.", "model.layers."},
    {"ln_f.", "model.norm."},
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
    {".mlp.router.", ".mlp.gate."},                        /* gpt_oss */
    {".self_attn.query_layernorm.", ".self_attn.q_norm."}, /* hunyuan */
    {".self_attn.key_layernorm.", ".self_attn.k_norm."},
    {".attention.query_key_value.", ".self_attn.query_key_value."}, /* gpt_neox */
    {".attention.dense.", ".self_attn.o_proj."},
    {".self_attention.query_key_value.", ".self_attn.query_key_value."}, /* falcon */
    {".self_attention.dense.", ".self_attn.o_proj."},
    {".ln_attn.", ".input_layernorm."},
    {".ln_mlp.", ".post_attention_layernorm."},
    {".mlp.dense_h_to_4h.", ".mlp.up_proj."},
    {".mlp.dense_4h_to_h.", ".mlp.down_proj."},
    {".attn.c_attn.", ".self_attn.c_attn."}, /* gpt2 */
    {".attn.c_proj.", ".self_attn.o_proj."},
    {".ln_1.", ".input_layernorm."},
    {".ln_2.", ".post_attention_layernorm."},
    {".mlp.c_fc.", ".mlp.up_proj."}, /* gpt2, starcoder2 */
    {".mlp.c_proj.", ".mlp.down_proj."},
    {".w1.weight", ".gate_proj.weight"},
    {".w2.weight", ".down_proj.weight"},
    {".w3.weight", ".up_proj.weight"},
};

#define GATE_UP ".mlp.experts.gate_up_proj"
#define GATE_UP_BIAS ".mlp.experts.gate_up_proj_bias"

/* Fused experts: one tensor [experts, ...] that holds `parts` projections side by side, or their biases. Rows of the
 * two lie in turn where the layer has a tensor of the other suffix. */
static const struct fused_row {
    const char *suffix;
    const char *parts[2];   /* NULL: one part only */
    const char *in_turn_by; /* NULL: they never do */
    bool biases;
} fused_rows[] = {
    {GATE_UP, {"gate_proj", "up_proj"}, GATE_UP_BIAS, false},
    {GATE_UP_BIAS, {"gate_proj", "up_proj"}, GATE_UP_BIAS, true}, /* gpt_oss */
    {".mlp.experts.down_proj_bias", {"down_proj", NULL}, NULL, true},
    {".mlp.experts.gate_proj.bias", {"gate_proj", NULL}, NULL, true}, /* GGUF, MLX */
    {".mlp.experts.up_proj.bias", {"up_proj", NULL}, NULL, true},
    {".mlp.experts.down_proj.bias", {"down_proj", NULL}, NULL, true},
    {".mlp.experts.gate_up_proj.weight", {"gate_proj", "up_proj"}, NULL, false},
    {".mlp.experts.down_proj", {"down_proj", NULL}, NULL, false},
    {".mlp.experts.down_proj.weight", {"down_proj", NULL}, NULL, false},
    {".mlp.experts.gate_proj.weight", {"gate_proj", NULL}, NULL, false}, /* GGUF */
    {".mlp.experts.up_proj.weight", {"up_proj", NULL}, NULL, false},     /* GGUF */
    {".mlp.input_linear.weight", {"gate_proj", "up_proj"}, NULL, false}, /* granitemoe */
    {".mlp.output_linear.weight", {"down_proj", NULL}, NULL, false},
    {".mlp.switch_mlp.gate_proj.weight", {"gate_proj", NULL}, NULL, false}, /* MLX */
    {".mlp.switch_mlp.up_proj.weight", {"up_proj", NULL}, NULL, false},
    {".mlp.switch_mlp.down_proj.weight", {"down_proj", NULL}, NULL, false},
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
    bool biases = strcmp(projection + length, ".bias") == 0;
    if (!biases && strcmp(projection + length, ".weight") != 0)
        return false;
    for (size_t i = 0; i < COUNT(fused_rows); i++)
        for (size_t part = 0; part < 2 && fused_rows[i].parts[part]; part++) {
            const char *fits = fused_rows[i].parts[part];
            if (biases != fused_rows[i].biases || strlen(fits) != length || strncmp(fits, projection, length) != 0 ||
                nth--)
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
    const struct fused_row *row = tensor->other ? NULL : fused_row_named(tensor->name);
    return row && tensor->rank == (row->biases ? 2 : 3) ? row : NULL;
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
        if (fused_rows[i].biases || !fused_rows[i].parts[1] == !row->parts[1])
            continue;
        int length = snprintf(name, sizeof name, "%.*s%s", stem, tensor->name, fused_rows[i].suffix);
        size_t found = map_find(fused, name, (size_t)length);
        if (found != MAP_ABSENT)
            return &store->tensors[found];
    }
    return NULL;
}

/* How the parts lie in a fused tensor. */
enum { LIES_TRANSPOSED = 1, LIES_IN_TURN = 2 };

/* The place of one expert's matrix: `each` rows of the `packed` axis, the first of them row `begin`. */
static void view_matrix(struct tensor *view, const struct tensor *whole, uint64_t expert, uint64_t each, uint64_t begin)
{
    uint64_t element = dtype_bits(whole->dtype) / 8; /* of a plain type, as are all that are transposed */
    uint64_t line = dtype_row_bytes(whole->dtype, whole->shape[2]);
    view->rank = 2;
    view->shape[0] = view->rows = each;
    view->shape[1] = view->columns = view->transposed ? whole->shape[1] : whole->shape[2];
    view->bytes = view->transposed ? view->rows * view->columns * element : view->rows * line;
    view->held = view->every_other ? 2 * view->bytes - line : view->bytes;
    view->stride = line;
    view->offset = whole->offset + expert * whole->shape[1] * line + begin * (view->transposed ? element : line);
    view_move(view, expert * whole->shape[1] + begin);
}

/* ... of its biases: so many values, the first of them value `begin`. */
static void view_vector(struct tensor *view, const struct tensor *whole, uint64_t expert, uint64_t each, uint64_t begin)
{
    uint64_t element = dtype_bits(whole->dtype) / 8;
    view->rank = 1;
    view->rows = 1;
    view->shape[0] = view->columns = each;
    view->bytes = view->stride = each * element;
    view->held = view->every_other ? 2 * view->bytes - element : view->bytes;
    view->offset = whole->offset + (expert * whole->shape[1] + begin) * element;
}

/* The axis that the parts share. */
static uint64_t packed_rows(const struct tensor *whole, const struct fused_row *row, int lies)
{
    return row->biases || !(lies & LIES_TRANSPOSED) ? whole->shape[1] : whole->shape[2];
}

static bool fused_cut(struct store *store, size_t index, const struct fused_row *row, int lies, struct error *error)
{
    const struct tensor whole = store->tensors[index];
    uint64_t parts = row->parts[1] ? 2 : 1, each = packed_rows(&whole, row, lies) / parts;
    bool in_turn = parts > 1 && lies & LIES_IN_TURN;
    int stem = (int)(strlen(whole.name) - strlen(row->suffix));
    for (uint64_t expert = 0; expert < whole.shape[0]; expert++) {
        for (uint64_t part = 0; part < parts; part++) {
            char name[FUSED_NAME];
            struct tensor view = whole;
            view.transposed = lies & LIES_TRANSPOSED;
            view.every_other = in_turn;
            (row->biases ? view_vector : view_matrix)(&view, &whole, expert, each, in_turn ? part : part * each);
            snprintf(name, sizeof name, "%.*s.mlp.experts.%llu.%s.%s", stem, whole.name, (unsigned long long)expert,
                     row->parts[part], row->biases ? "bias" : "weight");
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

static bool fused_is_in_turn(const struct map *fused, const struct tensor *tensor, const struct fused_row *row)
{
    char name[FUSED_NAME];
    int stem = (int)(strlen(tensor->name) - strlen(row->suffix));
    if (!row->in_turn_by)
        return false;
    int length = snprintf(name, sizeof name, "%.*s%s", stem, tensor->name, row->in_turn_by);
    return map_find(fused, name, (size_t)length) != MAP_ABSENT;
}

/* How each fused tensor lies; looked up before the first is cut, for cutting renames them. */
static bool fused_look(const struct store *store, unsigned char *lies)
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
        const struct tensor *partner = row->biases ? NULL : fused_partner(store, &fused, tensor, row);
        bool turned = row->parts[1] ? fused_is_transposed(tensor, partner) : fused_is_transposed(partner, tensor);
        /* put together, it is as linear layers store it; and values of blocks have no places of their own */
        turned = turned && !tensor->assembly && dtype_block(tensor->dtype) == 1;
        lies[i] = (turned ? LIES_TRANSPOSED : 0) | (fused_is_in_turn(&fused, tensor, row) ? LIES_IN_TURN : 0);
    }
    map_free(&fused);
    return good;
}

bool names_cut_fused(struct store *store, struct error *error)
{
    size_t count = store->count;
    unsigned char *lies = calloc(count + 1, sizeof *lies);
    bool good = (lies && fused_look(store, lies)) || error_memory(error, store->path);
    for (size_t i = 0; good && i < count; i++) {
        const struct tensor *tensor = &store->tensors[i];
        const struct fused_row *row = fused_row_of(tensor);
        if (!row || !tensor->bytes || dtype_bits(tensor->dtype) % 8 != 0 ||
            (row->biases && dtype_block(tensor->dtype) > 1) ||
            (row->parts[1] && packed_rows(tensor, row, lies[i]) % 2 != 0))
            continue;
        if (tensor->shape[0] > EXPERTS_MAX)
            good = error_set(error, "%s: tensor '%s' holds %llu experts; at most %d are allowed", tensor->file,
                             tensor->disk_name, (unsigned long long)tensor->shape[0], EXPERTS_MAX);
        else
            good = fused_cut(store, i, row, lies[i], error);
    }
    free(lies);
    return good;
}

bool store_name_is_other(const char *name)
{
    char canonical[TENSOR_NAME_MAX];
    bool other = false;
    return name_canonical(name, canonical, sizeof canonical, &other) && other;
}
