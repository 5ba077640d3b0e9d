#include "golden/spelling.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "model/probe.h"

/* A name is held against these in small letters, its words joined by "_" whatever joined them: "Hidden-States.3" is
 * hidden_states and the number 3, which stands for "#". */
static const struct spelling_row {
    const char *words;
    enum spelled kind;
    const char *path; /* NULL: it depends on the number, or is no path */
} spelling_rows[] = {
    {"ids", SPELLED_IDS, NULL},
    {"input_ids", SPELLED_IDS, NULL},
    {"token_ids", SPELLED_IDS, NULL},
    {"tokens", SPELLED_IDS, NULL},
    {"attention_mask", SPELLED_MASK, NULL},
    {"logits", SPELLED_PATH, "lm_head"},
    {"lm_logits", SPELLED_PATH, "lm_head"},
    {"output_logits", SPELLED_PATH, "lm_head"},
    /* of transformers: behind the final norm */
    {"last_hidden_state", SPELLED_PATH, "model.norm"},
    {"norm", SPELLED_PATH, "model.norm"},
    {"final_norm", SPELLED_PATH, "model.norm"},
    {"ln_f", SPELLED_PATH, "model.norm"},
    {"embedding", SPELLED_PATH, "model.embed_tokens"},
    {"embeddings", SPELLED_PATH, "model.embed_tokens"},
    {"embed", SPELLED_PATH, "model.embed_tokens"},
    {"embed_tokens", SPELLED_PATH, "model.embed_tokens"},
    {"input_embeds", SPELLED_PATH, "model.embed_tokens"},
    {"inputs_embeds", SPELLED_PATH, "model.embed_tokens"},
    {"hidden_states", SPELLED_STATES, NULL},
    {"hidden_states#", SPELLED_STATE, NULL},
    {"hidden_state#", SPELLED_STATE, NULL},
    {"hidden#", SPELLED_STATE, NULL},
    {"hs#", SPELLED_STATE, NULL},
    {"h#", SPELLED_LAYER, NULL},
    {"layer#", SPELLED_LAYER, NULL},
    {"layers#", SPELLED_LAYER, NULL}, /* layers.3 is a path */
    {"block#", SPELLED_LAYER, NULL},
    {"blocks#", SPELLED_LAYER, NULL},
    {"decoder_layer#", SPELLED_LAYER, NULL},
    {"layer_output#", SPELLED_LAYER, NULL},
    {"after_layer#", SPELLED_LAYER, NULL},
};

/* What may stand behind a number. */
static const char *const endings[] = {"out", "output", "hidden", "hidden_state", "hidden_states"};

/* What wrappers put before a module's path, one around the other, and what stands there instead. */
static const struct prefix_row {
    const char *from, *to;
} prefix_rows[] = {
    {"_orig_mod.", ""},
    {"module.", ""},
    {"base_model.model.", ""},
    {"thinker.", ""},
    {"model.language_model.", "model."},
    {"language_model.model.", "model."},
    {"language_model.lm_head", "lm_head"},
    {"model.model.", "model."},
};

/* What a path of this project begins with; of modules hooked within the model alone "model." is not there. */
static const char *const roots[] = {"model.", "lm_head"};
static const char *const inner_roots[] = {"layers."};

#define NUMBER_MAX 100000

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static bool begins_any(const char *text, const char *const *with, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_begins_with(text, with[i]))
            return true;
    return false;
}

const char *spelling_unwrapped(const char *name, struct buffer *buffer)
{
    const char *lead = "";
    buffer_free(buffer);
    for (size_t i = 0; !*lead && i < COUNT(prefix_rows); i++) {
        if (text_begins_with(name, prefix_rows[i].from)) {
            name += strlen(prefix_rows[i].from);
            lead = prefix_rows[i].to;
        }
    }
    buffer_format(buffer, "%s%s", lead, name);
    return buffer->data;
}

/* A name taken apart: "hidden_states", 3 and "out" of "Hidden-States.3.out". */
struct words {
    char key[64]; /* holds both */
    const char *behind;
    int number; /* -1: none */
};

/* False: none of the table's, being too long, or having no words before its number, or two numbers. */
static bool take_words(const char *name, struct words *out)
{
    size_t size = 0;
    *out = (struct words){.number = -1, .behind = ""};
    for (; *name; name++) {
        bool letter = isalnum((unsigned char)*name);
        if (size + 2 > sizeof out->key)
            return false;
        if (letter || (size && out->key[size - 1] != '_'))
            out->key[size++] = letter ? (char)tolower((unsigned char)*name) : '_';
    }
    while (size && out->key[size - 1] == '_')
        out->key[--size] = '\0';
    size_t digits = strcspn(out->key, "0123456789");
    if (!digits || !out->key[digits])
        return digits;
    char *end;
    long number = strtol(out->key + digits, &end, 10);
    out->number = number < NUMBER_MAX ? (int)number : -1;
    out->behind = end + (*end == '_');
    out->key[digits - (out->key[digits - 1] == '_')] = '\0';
    return number < NUMBER_MAX && !strpbrk(end, "0123456789");
}

static bool row_fits(const struct spelling_row *row, const struct words *words)
{
    size_t size = strcspn(row->words, "#");
    bool numbered = row->words[size], ends = !*words->behind;
    for (size_t i = 0; !ends && i < COUNT(endings); i++)
        ends = strcmp(words->behind, endings[i]) == 0;
    return ends && numbered == (words->number >= 0) && strlen(words->key) == size &&
           strncmp(words->key, row->words, size) == 0;
}

/* The row of the table; NULL: none. */
static const struct spelling_row *row_of(const char *name, struct words *words)
{
    for (size_t i = 0; take_words(name, words) && i < COUNT(spelling_rows); i++)
        if (row_fits(&spelling_rows[i], words))
            return &spelling_rows[i];
    return NULL;
}

/* Is it where the forward pass shows what it computes, in any layer? */
static bool is_point(const char *path)
{
    static const char lead[] = "model.layers.";
    bool inside = text_begins_with(path, lead);
    const char *rest = path + (inside ? sizeof lead - 1 : 0);
    rest += inside ? strspn(rest, "0123456789") : 0;
    for (int i = 0; i < POINT_COUNT; i++)
        if (point_in_layer((enum point)i) == inside && strcmp(rest, point_rows[i].path) == 0)
            return true;
    return false;
}

/* Whoever hooks modules calls what they give "model.norm.output". */
static void cut_ending(struct buffer *path)
{
    static const char *const outputs[] = {".output", ".out"};
    for (size_t i = 0; i < COUNT(outputs); i++) {
        size_t size = strlen(outputs[i]);
        if (path->size > size && strcmp(path->data + path->size - size, outputs[i]) == 0)
            path->data[path->size -= size] = '\0';
    }
}

bool spelling_of(const char *name, struct buffer *buffer, struct spelling *out)
{
    struct words words;
    struct buffer path = {0};
    const char *bare = spelling_unwrapped(name, buffer);
    if (!bare)
        return false;
    bool whole = begins_any(bare, roots, COUNT(roots)), inner = begins_any(bare, inner_roots, COUNT(inner_roots));
    const struct spelling_row *row = whole || inner ? NULL : row_of(bare, &words);
    if (row) {
        *out = (struct spelling){.kind = row->kind, .number = words.number, .path = row->path, .known = true};
        return true;
    }
    if (!buffer_format(&path, "%s%s", inner ? roots[0] : "", bare))
        return false;
    if (whole || inner)
        cut_ending(&path);
    buffer_free(buffer);
    *buffer = path;
    *out = (struct spelling){.kind = SPELLED_PATH, .number = -1, .path = buffer->data, .known = is_point(buffer->data)};
    return true;
}

bool spelling_is_gold(const char *name)
{
    struct words words;
    struct buffer buffer = {0};
    const char *bare = spelling_unwrapped(name, &buffer);
    const struct spelling_row *row = bare ? row_of(bare, &words) : NULL;
    buffer_free(&buffer);
    return row && (row->kind == SPELLED_IDS || row->kind == SPELLED_STATE || row->kind == SPELLED_STATES ||
                   (row->path && strcmp(row->path, "lm_head") == 0));
}
