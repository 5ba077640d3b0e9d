#include "text/normalizer.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "text/accents.h"
#include "text/part.h"
#include "text/pattern.h"
#include "text/precompiled.h"
#include "text/unicode_form.h"
#include "text/utf8.h"

#define STEPS_MOST 64

struct normalizer_step {
    const struct normalizer_type *type;
    char *content;
    struct pattern *pattern;
    bool left, right;
    bool single; /* a literal of one character becomes one character */
    struct precompiled *map;
};

/* Appends the result to `out`; `*changed` = false where the text stays. */
typedef bool normalizer_verb(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                             size_t size, struct buffer *out, bool *changed, struct error *error);

struct normalizer_type {
    const char *name;
    normalizer_verb *apply;
    enum unicode_form form;
    const char *content; /* the member that holds the content */
    bool pattern;        /* has a "pattern" */
    bool sides;          /* has "strip_left" and "strip_right" */
    bool map;            /* has a "precompiled_charsmap" */
};

/* A tokenizer file is untrusted: its steps may make a text so much longer, and no more, and all that they write on the
 * way is bounded, too. The most that Unicode makes of a character is eleven bytes of one, and of the spaces among them
 * a Replace may make three each. */
#define GROWTH_MOST 16
#define WRITTEN_MOST 64
#define GROWTH_LEAST ((size_t)1 << 16)

static bool step_written(const struct buffer *out, struct error *error)
{
    return !out->failed ||
           error_set(error, "normalizer: out of memory, or a text that grows to more than %zu bytes", out->maximum);
}

static bool apply_form(struct normalizer *normalizer, const struct normalizer_step *step, const char *text, size_t size,
                       struct buffer *out, bool *changed, struct error *error)
{
    return unicode_normalize(step->type->form, &normalizer->forms, text, size, out, changed, error);
}

/* Pairs of Unicode 16 and 17, for an ICU that is older. */
static uint32_t lower_of(uint32_t code)
{
    static const struct {
        uint32_t first, last, lower;
    } later[] = {
        {0x1C89, 0x1C89, 0x1C8A},    {0xA7CB, 0xA7CB, 0x264},     {0xA7CC, 0xA7CC, 0xA7CD}, {0xA7CE, 0xA7CE, 0xA7CF},
        {0xA7D2, 0xA7D2, 0xA7D3},    {0xA7D4, 0xA7D4, 0xA7D5},    {0xA7DA, 0xA7DA, 0xA7DB}, {0xA7DC, 0xA7DC, 0x19B},
        {0x10D50, 0x10D65, 0x10D70}, {0x16EA0, 0x16EB8, 0x16EBB},
    };
    for (size_t i = 0; code >= 0x1C89 && i < sizeof later / sizeof *later; i++)
        if (code >= later[i].first && code <= later[i].last)
            return later[i].lower + (code - later[i].first);
    return (uint32_t)u_tolower((UChar32)code);
}

/* Character by character, without context (a final sigma is no special case), as Rust's char::to_lowercase. */
static bool apply_lowercase(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                            size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer, (void)step;
    for (size_t at = 0; at < size;) {
        uint32_t code = utf8_next(text, &at);
        if (code == 0x130)
            buffer_text(out, "i\xCC\x87");
        else
            utf8_append(out, lower_of(code));
    }
    *changed = true;
    return step_written(out, error);
}

static bool apply_prepend(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                          size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer;
    *changed = size > 0;
    if (size > 0) {
        buffer_text(out, step->content);
        buffer_append(out, text, size);
    }
    return step_written(out, error);
}

static bool apply_replace(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                          size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer;
    return pattern_replace(step->pattern, step->content, text, size, out, changed, error) && step_written(out, error);
}

/* White space at the ends. */
static bool apply_strip(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                        size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer;
    size_t start = 0, end = size;
    for (size_t at = 0; step->left && at < size && u_isUWhiteSpace((UChar32)utf8_next(text, &at));)
        start = at;
    for (size_t at = size; step->right && at > start && u_isUWhiteSpace((UChar32)utf8_previous(text, &at));)
        end = at;
    *changed = end - start < size;
    if (*changed)
        buffer_append(out, text + start, end - start);
    return step_written(out, error);
}

/* As SentencePiece's nmt_nfkc begins: controls go, and what counts as white space becomes a space. */
static bool apply_nmt(struct normalizer *normalizer, const struct normalizer_step *step, const char *text, size_t size,
                      struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer, (void)step;
    static const struct {
        uint32_t first, last;
        const char *becomes;
    } rows[] = {
        {0x1, 0x8, ""},        {0x9, 0xA, " "},       {0xB, 0xB, ""},        {0xC, 0xD, " "},
        {0xE, 0x1F, ""},       {0x7F, 0x7F, ""},      {0x8F, 0x8F, ""},      {0x9F, 0x9F, ""},
        {0x1680, 0x1680, " "}, {0x200B, 0x200F, " "}, {0x2028, 0x2029, " "}, {0x2581, 0x2581, " "},
        {0xFEFF, 0xFEFF, " "}, {0xFFFD, 0xFFFD, " "},
    };
    for (size_t at = 0; at < size;) {
        size_t start = at, row = 0;
        uint32_t code = utf8_next(text, &at);
        while (row < sizeof rows / sizeof *rows && (code < rows[row].first || code > rows[row].last))
            row++;
        if (row < sizeof rows / sizeof *rows)
            buffer_text(out, rows[row].becomes);
        else
            buffer_append(out, text + start, at - start);
    }
    *changed = true;
    return step_written(out, error);
}

/* SentencePiece's own map of texts. */
static bool apply_precompiled(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                              size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer;
    *changed = true;
    return precompiled_apply(step->map, text, size, out, error) && step_written(out, error);
}

/* Leaves out, or writes another text for, what the verb says so of. */
typedef bool character_verb(struct buffer *out, uint32_t code);

static bool apply_each(const char *text, size_t size, character_verb *verb, struct buffer *out, bool *changed,
                       struct error *error)
{
    *changed = true;
    for (size_t at = 0; at < size;) {
        uint32_t code = utf8_next(text, &at);
        if (!verb(out, code))
            utf8_append(out, code);
    }
    return step_written(out, error);
}

static bool apply_clean(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                        size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer, (void)step;
    return apply_each(text, size, bert_clean, out, changed, error);
}

static bool apply_chinese(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                          size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer, (void)step;
    return apply_each(text, size, bert_chinese, out, changed, error);
}

static bool apply_bert_accents(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                               size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer, (void)step;
    return apply_each(text, size, bert_accent, out, changed, error);
}

static bool apply_accents(struct normalizer *normalizer, const struct normalizer_step *step, const char *text,
                          size_t size, struct buffer *out, bool *changed, struct error *error)
{
    (void)normalizer, (void)step;
    return apply_each(text, size, combining_mark, out, changed, error);
}

static const struct normalizer_type types[] = {
    {.name = "NFC", .apply = apply_form, .form = FORM_NFC},
    {.name = "NFD", .apply = apply_form, .form = FORM_NFD},
    {.name = "NFKC", .apply = apply_form, .form = FORM_NFKC},
    {.name = "NFKD", .apply = apply_form, .form = FORM_NFKD},
    {.name = "Lowercase", .apply = apply_lowercase},
    {.name = "Prepend", .apply = apply_prepend, .content = "prepend"},
    {.name = "Replace", .apply = apply_replace, .content = "content", .pattern = true},
    {.name = "Strip", .apply = apply_strip, .sides = true},
    {.name = "StripAccents", .apply = apply_accents},
    {.name = "Nmt", .apply = apply_nmt},
    {.name = "Precompiled", .apply = apply_precompiled, .map = true},
};

/* What a BertNormalizer does, in this order, each if its key says so. */
static const struct bert_row {
    const char *key;
    struct normalizer_type type;
} bert_rows[] = {
    {"clean_text", {.name = "BertNormalizer", .apply = apply_clean}},
    {"handle_chinese_chars", {.name = "BertNormalizer", .apply = apply_chinese}},
    {"strip_accents", {.name = "BertNormalizer", .apply = apply_form, .form = FORM_NFD}},
    {"strip_accents", {.name = "BertNormalizer", .apply = apply_bert_accents}},
    {"lowercase", {.name = "BertNormalizer", .apply = apply_lowercase}},
};

static bool step_load(struct normalizer_step *step, const char *where, const cJSON *json, struct error *error)
{
    const char *content = NULL;
    if (step->type->content) {
        if (!json_get_string(json, where, step->type->content, &content, error))
            return false;
        if (!content)
            return error_set(error, "%s: normalizer %s has no \"%s\"", where, step->type->name, step->type->content);
        step->content = strdup(content);
        if (!step->content)
            return error_memory(error, where);
    }
    if (step->type->sides) {
        if (!json_member(json, "strip_left") || !json_member(json, "strip_right"))
            return error_set(error, "%s: normalizer Strip has no \"%s\"", where,
                             json_member(json, "strip_left") ? "strip_right" : "strip_left");
        if (!json_get_bool(json, where, "strip_left", &step->left, error) ||
            !json_get_bool(json, where, "strip_right", &step->right, error))
            return false;
    }
    if (step->type->map) {
        if (!json_get_string(json, where, "precompiled_charsmap", &content, error))
            return false;
        step->map = precompiled_load(where, content ? content : "", error);
        return step->map != NULL;
    }
    if (step->type->pattern) {
        const cJSON *literal = json_member(json_member(json, "pattern"), "String");
        step->single = cJSON_IsString(literal) && utf8_single(literal->valuestring) && utf8_single(content);
        step->pattern = pattern_load(where, json, error);
    }
    return !step->type->pattern || step->pattern;
}

static struct normalizer_step *step_add(struct normalizer *normalizer, const struct normalizer_type *type,
                                        const char *where, struct error *error)
{
    if (array_push(normalizer->steps, normalizer->count, normalizer->capacity, (struct normalizer_step){.type = type}))
        return &normalizer->steps[normalizer->count - 1];
    error_memory(error, where);
    return NULL;
}

/* Accents go where small letters are asked for, unless the file says. */
static bool bert_load(struct normalizer *normalizer, const char *where, const cJSON *json, struct error *error)
{
    bool accents = true;
    if (!json_get_bool(json, where, "lowercase", &accents, error))
        return false;
    for (size_t i = 0; i < sizeof bert_rows / sizeof *bert_rows; i++) {
        bool wanted = strcmp(bert_rows[i].key, "strip_accents") == 0 ? accents : true;
        if (!json_get_bool(json, where, bert_rows[i].key, &wanted, error) ||
            (wanted && !step_add(normalizer, &bert_rows[i].type, where, error)))
            return false;
    }
    return true;
}

static bool part_take(void *context, const char *name, const char *where, const cJSON *json, struct error *error)
{
    struct normalizer *normalizer = context;
    if (strcmp(name, "BertNormalizer") == 0)
        return bert_load(normalizer, where, json, error);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) != 0)
            continue;
        struct normalizer_step *step = step_add(normalizer, &types[i], where, error);
        return step && step_load(step, where, json, error);
    }
    return error_set(error, "%s: normalizer type \"%.100s\" is not supported", where, name);
}

bool normalizer_load(struct normalizer *normalizer, const char *where, const cJSON *json, struct error *error)
{
    static const struct part_kind kind = {"normalizer", "normalizers", "more than ", " normalizers", STEPS_MOST};
    return !json || parts_load(&kind, where, json, &normalizer->count, part_take, normalizer, error);
}

const char *normalizer_moves(const struct normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->count; i++)
        if (!normalizer->steps[i].single)
            return normalizer->steps[i].type->name;
    return NULL;
}

void normalizer_free(struct normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->count; i++) {
        free(normalizer->steps[i].content);
        pattern_free(normalizer->steps[i].pattern);
        precompiled_free(normalizer->steps[i].map);
    }
    free(normalizer->steps);
    unicode_scratch_free(normalizer->forms);
    buffer_free(&normalizer->scratch[0]);
    buffer_free(&normalizer->scratch[1]);
}

void normalizer_begin(struct normalizer *normalizer, size_t size)
{
    for (size_t i = 0; i < normalizer->count; i++)
        pattern_allow(normalizer->steps[i].pattern, size);
}

bool normalizer_apply(struct normalizer *normalizer, const char *text, size_t size, const char **result,
                      size_t *result_size, struct error *error)
{
    size_t next = 0, most = GROWTH_LEAST + GROWTH_MOST * size, left = 4 * GROWTH_LEAST + WRITTEN_MOST * size;
    for (size_t i = 0; i < normalizer->count; i++) {
        struct buffer *out = &normalizer->scratch[next];
        bool changed = false;
        out->size = 0;
        out->failed = false;
        out->maximum = most < left ? most : left;
        if (!normalizer->steps[i].type->apply(normalizer, &normalizer->steps[i], text, size, out, &changed, error))
            return false;
        if (!changed)
            continue;
        text = out->data ? out->data : "";
        size = out->size;
        left -= size;
        next = 1 - next;
    }
    *result = text;
    *result_size = size;
    return true;
}
