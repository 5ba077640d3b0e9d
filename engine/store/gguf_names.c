/* How GGUF files spell the tensors of the text model. */
#include <stdio.h>
#include <string.h>

#include "store/architecture.h"
#include "store/gguf_internal.h"

enum order {
    ORDER_PLAIN,
    ORDER_HEADS,    /* llama: the rows of each query head are interleaved ... */
    ORDER_KV_HEADS, /* ... and of each key head */
    ORDER_JOINED,   /* of both, with values behind them, which are not rotated (joined_rows.c) */
    ORDER_LIFTED,   /* a vector that is a matrix of one row in the original */
};

/* `from` up to ".weight" or ".bias", and behind "blk.N." in the rows of layers. */
static const struct name_row {
    bool of_layer;
    const char *from, *to;
    const char *single; /* of one expert: below "mlp.experts.E."; NULL: not of experts */
    enum order order;
} name_rows[] = {
#define NAMES_BEGIN(gguf, name) false, gguf, name, NULL
#define NAMES_LAYER(gguf, name) true, gguf, name, NULL
#define NAMES_EXPERT(gguf, name) true, gguf, "mlp.experts." name, name
#define NAMES_END(gguf, name) false, gguf, name, NULL
#define AS_ROW(id, scope, name, gguf, order, ...) {NAMES_##scope(gguf, name), ORDER_##order},
    WEIGHT_ROWS(AS_ROW)
#undef AS_ROW
    /* Joined, as the store cuts them (joined_rows.c). */
    {NAMES_LAYER("attn_qkv", "self_attn.qkv_proj.weight"), ORDER_JOINED},
    {NAMES_LAYER("ffn_gate_up", "mlp.gate_up_proj.weight"), ORDER_PLAIN},
};

/* What one architecture calls otherwise than the others. */
static const struct alias_row {
    const char *architecture, *from, *to;
} alias_rows[] = {
    {"seed_oss", "post_attention_norm", "ffn_norm"},
    {"gemma2", "post_attention_norm", "ffn_norm"},
    {"gemma2", "ffn_norm", "pre_ffw_norm"},
    {"gemma3", "post_attention_norm", "ffn_norm"},
    {"gemma3", "ffn_norm", "pre_ffw_norm"},
    {"gpt-oss", "post_attention_norm", "ffn_norm"},
    {"olmo2", "post_attention_norm", "ffn_norm"},
    {"exaone4", "post_attention_norm", "ffn_norm"},
    {"glm4", "post_ffw_norm", "post_mlp_norm"},
    {"glm4", "ffn_up", "ffn_gate_up"},
    {"chatglm", "ffn_up", "ffn_gate_up"},
    {"phi3", "ffn_up", "ffn_gate_up"},
};

/* Architectures whose converter interleaves the rows of query and key heads. */
static const char *const interleaved[] = {"llama", "mistral3", "granite", "smollm3", "arcee"};

static const struct name_row *row_find(bool of_layer, const char *stem, size_t size)
{
    for (size_t i = 0; i < sizeof name_rows / sizeof *name_rows; i++)
        if (name_rows[i].of_layer == of_layer && strlen(name_rows[i].from) == size &&
            memcmp(name_rows[i].from, stem, size) == 0)
            return &name_rows[i];
    return NULL;
}

/* Older files hold each expert by itself: "ffn_gate.3" in place of a part of "ffn_gate_exps". */
static const struct name_row *single_find(const char *stem, size_t size, unsigned *expert)
{
    static const char together[] = "_exps";
    char whole[64];
    int used = 0, end = 0;
    if (sscanf(stem, "%*[a-z_]%n.%6u%n", &used, expert, &end) != 1 || (size_t)end != size ||
        snprintf(whole, sizeof whole, "%.*s%s", used, stem, together) >= (int)sizeof whole)
        return NULL;
    const struct name_row *row = row_find(true, whole, strlen(whole));
    return row && row->single ? row : NULL;
}

/* Some are neither called weight nor bias: such a name is the whole. */
static int stem_size(const char *name, const char **ending)
{
    const char *own = strrchr(name, '.');
    bool usual = strcmp(own, ".weight") == 0 || strcmp(own, ".bias") == 0;
    *ending = usual ? *ending : "";
    return usual ? (int)(own - name) : (int)strlen(name);
}

/* What the architecture calls so, as the others call it. */
static const char *stem_usual(struct gguf_text architecture, const char *stem, size_t *size)
{
    for (size_t i = 0; i < sizeof alias_rows / sizeof *alias_rows; i++)
        if (gguf_text_is(architecture, alias_rows[i].architecture) && strlen(alias_rows[i].from) == *size &&
            memcmp(alias_rows[i].from, stem, *size) == 0) {
            *size = strlen(alias_rows[i].to);
            return alias_rows[i].to;
        }
    return stem;
}

/* The row of the name, and the canonical name; a name that no row fits stays as it is. */
static const struct name_row *name_translate(struct gguf_text architecture, const char *name, char *out, size_t size)
{
    unsigned layer = 0, expert = 0;
    int used = 0;
    bool of_layer = sscanf(name, "blk.%6u.%n", &layer, &used) == 1 && used;
    const char *stem = of_layer ? name + used : name, *ending = strrchr(stem, '.');
    bool known = ending && (strcmp(ending, ".weight") == 0 || strcmp(ending, ".bias") == 0);
    size_t length = known ? (size_t)(ending - stem) : 0;
    stem = stem_usual(architecture, stem, &length);
    const struct name_row *row = known ? row_find(of_layer, stem, length) : NULL;
    const struct name_row *single = known && of_layer && !row ? single_find(stem, length, &expert) : NULL;
    const char *to = single ? single->single : row ? row->to : NULL;
    int stem_length = to ? stem_size(to, &ending) : 0;
    if (single)
        snprintf(out, size, "model.layers.%u.mlp.experts.%u.%.*s%s", layer, expert, stem_length, to, ending);
    else if (!row)
        snprintf(out, size, "%s", name);
    else if (of_layer)
        snprintf(out, size, "model.layers.%u.%.*s%s", layer, stem_length, to, ending);
    else
        snprintf(out, size, "%.*s%s", stem_length, to, ending);
    return single ? single : row;
}

/* NULL: it is none of them. */
static const char *interleaved_find(struct gguf_text architecture)
{
    for (size_t i = 0; i < sizeof interleaved / sizeof *interleaved; i++)
        if (gguf_text_is(architecture, interleaved[i]))
            return interleaved[i];
    return NULL;
}

/* The converter of llama models lays the rows of each query and key head so that neighbours are rotated together:
 * first of the first half, first of the second half, second of the first half ... */
static bool order_heads(const struct gguf *metadata, struct gguf_text architecture, enum order order,
                        struct tensor *tensor, struct error *error)
{
    uint64_t heads = 0, kv_heads, rows = tensor->shape[0];
    char count[64], kv_count[64];
    const char *name = interleaved_find(architecture);
    if (!name)
        return true;
    snprintf(count, sizeof count, "%s.attention.head_count", name);
    snprintf(kv_count, sizeof kv_count, "%s.attention.head_count_kv", name);
    if (!gguf_get_whole(metadata, count, UINT32_MAX, &heads, error))
        return false;
    kv_heads = heads;
    if (order != ORDER_HEADS && !gguf_get_whole(metadata, kv_count, UINT32_MAX, &kv_heads, error))
        return false;
    heads = order == ORDER_HEADS ? heads : order == ORDER_KV_HEADS ? kv_heads : heads + 2 * kv_heads;
    if (!heads || tensor->rank > 2 || rows % (2 * heads) || (tensor->rank == 1 && dtype_block(tensor->dtype) > 1))
        return error_set(error, "%s: the rows of tensor '%s' cannot be divided among %llu heads", tensor->file,
                         tensor->disk_name, (unsigned long long)heads);
    tensor->interleaved = rows / heads;
    return true;
}

/* Tensors that are part of the configuration. */
static bool is_of_rope(const char *name)
{
    static const char *const names[] = {"rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool gguf_name_tensor(struct store *store, const struct gguf *metadata, const struct gguf_tensor *from,
                      struct tensor *tensor, struct error *error)
{
    char name[640];
    struct gguf_text architecture = {0};
    if (!gguf_get_text(metadata, "general.architecture", &architecture, error))
        return false;
    const struct name_row *row = name_translate(architecture, from->name, name, sizeof name);
    tensor->dtype = from->dtype;
    tensor->rank = from->rank;
    memcpy(tensor->shape, from->shape, sizeof tensor->shape);
    tensor->offset = from->offset;
    tensor->disk_name = store_string(store, from->name);
    tensor->name = store_string(store, name);
    tensor->other = is_of_rope(from->name);
    if (!tensor->name || !tensor->disk_name)
        return error_memory(error, from->name);
    if (row && row->order == ORDER_LIFTED && tensor->rank == 1) {
        tensor->rank = 2;
        tensor->shape[1] = tensor->shape[0];
        tensor->shape[0] = 1;
    }
    if (!row || row->order == ORDER_PLAIN || row->order == ORDER_LIFTED)
        return true;
    return order_heads(metadata, architecture, row->order, tensor, error);
}
