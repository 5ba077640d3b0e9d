#include "text/pretokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "text/metaspace.h"
#include "text/part.h"
#include "text/pattern.h"
#include "text/utf8.h"

#define STEPS_MOST 64

enum step_kind { STEP_SPLIT, STEP_PREFIX_SPACE, STEP_BYTES, STEP_METASPACE };

enum split_behavior { SPLIT_REMOVED, SPLIT_ISOLATED, SPLIT_WITH_PREVIOUS, SPLIT_WITH_NEXT, SPLIT_CONTIGUOUS };

struct pretokenizer_step {
    enum step_kind kind;
    struct pattern *pattern;
    enum split_behavior behavior;
    bool invert;
    struct metaspace metaspace;
    struct buffer scratch;
};

static const char *const behavior_names[] = {
    [SPLIT_REMOVED] = "Removed",
    [SPLIT_ISOLATED] = "Isolated",
    [SPLIT_WITH_PREVIOUS] = "MergedWithPrevious",
    [SPLIT_WITH_NEXT] = "MergedWithNext",
    [SPLIT_CONTIGUOUS] = "Contiguous",
};

#define GPT2_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* char::is_numeric of Rust, which is one Unicode version ahead. */
#define NUMERIC_PATTERN "[\\p{N}\\x{11DE0}-\\x{11DE9}\\x{16FF4}-\\x{16FF6}]"

/* The regex crate's \w and \s. */
#define WORD_CLASS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}"
#define WORDS_PATTERN "[" WORD_CLASS "]+|[^" WORD_CLASS "\\s]+"

/* The unicode_categories crate stopped at Unicode 8; what became punctuation since then is left out. */
#define PUNCTUATION_PATTERN                                                                                            \
    "(?![\\x{61d}\\x{9fd}\\x{a76}\\x{c77}\\x{c84}\\x{1b4e}\\x{1b4f}\\x{1b7d}-\\x{1b7f}\\x{2e43}-\\x{2e4f}\\x{2e52}-"   \
    "\\x{2e5d}"                                                                                                        \
    "\\x{10d6e}\\x{10ead}\\x{10f55}-\\x{10f59}\\x{10f86}-\\x{10f89}\\x{113d4}\\x{113d5}\\x{113d7}\\x{113d8}"           \
    "\\x{1144b}-\\x{1144f}\\x{1145a}\\x{1145b}\\x{1145d}\\x{11660}-\\x{1166c}\\x{116b9}\\x{1183b}\\x{11944}-\\x{"      \
    "11946}"                                                                                                           \
    "\\x{119e2}\\x{11a3f}-\\x{11a46}\\x{11a9a}-\\x{11a9c}\\x{11a9e}-\\x{11aa2}\\x{11b00}-\\x{11b09}\\x{11be1}"         \
    "\\x{11c41}-\\x{11c45}\\x{11c70}\\x{11c71}\\x{11ef7}\\x{11ef8}\\x{11f43}-\\x{11f4f}\\x{11fff}\\x{12ff1}\\x{12ff2}" \
    "\\x{16d6d}-\\x{16d6f}\\x{16e97}-\\x{16e9a}\\x{16fe2}\\x{1e5ff}\\x{1e95e}\\x{1e95f}])"                             \
    "[!-\\/:-@\\[-`\\{-~\\p{P}\\x{166d}\\x{111c9}]"

/* Loading */

static struct pretokenizer_step *step_add(struct pretokenizer *pretokenizer, enum step_kind kind, const char *where,
                                          struct error *error)
{
    if (pretokenizer->count >= STEPS_MOST) {
        error_set(error, "%s: more than %d pre-tokenizers", where, STEPS_MOST);
        return NULL;
    }
    if (!array_grow(pretokenizer->steps, pretokenizer->count, pretokenizer->capacity)) {
        error_memory(error, where);
        return NULL;
    }
    struct pretokenizer_step *step = &pretokenizer->steps[pretokenizer->count++];
    *step = (struct pretokenizer_step){.kind = kind};
    return step;
}

static bool split_add(struct pretokenizer *pretokenizer, const char *where, const char *regex,
                      enum split_behavior behavior, bool invert, struct error *error)
{
    struct pretokenizer_step *step = step_add(pretokenizer, STEP_SPLIT, where, error);
    if (!step)
        return false;
    step->behavior = behavior;
    step->invert = invert;
    step->pattern = pattern_new(where, regex, false, error);
    return step->pattern != NULL;
}

static bool required_bool(const cJSON *json, const char *where, const char *type, const char *key, bool *value,
                          struct error *error)
{
    if (!json_member(json, key))
        return error_set(error, "%s: pre-tokenizer %s has no \"%s\"", where, type, key);
    return json_get_bool(json, where, key, value, error);
}

static bool behavior_load(const cJSON *json, const char *where, enum split_behavior *behavior, struct error *error)
{
    const char *name = NULL;
    if (!json_get_string(json, where, "behavior", &name, error))
        return false;
    for (size_t i = 0; name && i < sizeof behavior_names / sizeof *behavior_names; i++) {
        if (strcmp(behavior_names[i], name) == 0) {
            *behavior = (enum split_behavior)i;
            return true;
        }
    }
    return error_set(error, "%s: split behavior \"%.100s\" is not supported", where, name ? name : "");
}

static bool load_split(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error)
{
    struct pretokenizer_step *step = step_add(pretokenizer, STEP_SPLIT, where, error);
    if (!step || !behavior_load(json, where, &step->behavior, error) ||
        !required_bool(json, where, "Split", "invert", &step->invert, error))
        return false;
    step->pattern = pattern_load(where, json, error);
    return step->pattern != NULL;
}

static bool load_byte_level(struct pretokenizer *pretokenizer, const char *where, const cJSON *json,
                            struct error *error)
{
    bool prefix_space = false, regex = true;
    if (!required_bool(json, where, "ByteLevel", "add_prefix_space", &prefix_space, error) ||
        !json_get_bool(json, where, "use_regex", &regex, error))
        return false;
    if (pretokenizer->byte_level)
        return error_set(error, "%s: a second pre-tokenizer ByteLevel is not supported", where);
    pretokenizer->byte_level = true;
    if (prefix_space && !step_add(pretokenizer, STEP_PREFIX_SPACE, where, error))
        return false;
    if (regex && !split_add(pretokenizer, where, GPT2_PATTERN, SPLIT_ISOLATED, false, error))
        return false;
    return step_add(pretokenizer, STEP_BYTES, where, error) != NULL;
}

static bool load_digits(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error)
{
    bool single = false;
    return required_bool(json, where, "Digits", "individual_digits", &single, error) &&
           split_add(pretokenizer, where, NUMERIC_PATTERN, single ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, false, error);
}

static bool load_punctuation(struct pretokenizer *pretokenizer, const char *where, const cJSON *json,
                             struct error *error)
{
    enum split_behavior behavior = SPLIT_ISOLATED;
    return (!json_member(json, "behavior") || behavior_load(json, where, &behavior, error)) &&
           split_add(pretokenizer, where, PUNCTUATION_PATTERN, behavior, false, error);
}

static bool load_whitespace(struct pretokenizer *pretokenizer, const char *where, const cJSON *json,
                            struct error *error)
{
    (void)json;
    return split_add(pretokenizer, where, WORDS_PATTERN, SPLIT_REMOVED, true, error);
}

static bool load_whitespace_split(struct pretokenizer *pretokenizer, const char *where, const cJSON *json,
                                  struct error *error)
{
    (void)json;
    return split_add(pretokenizer, where, "\\s", SPLIT_REMOVED, false, error);
}

static bool load_bert(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error)
{
    return load_whitespace_split(pretokenizer, where, json, error) &&
           split_add(pretokenizer, where, PUNCTUATION_PATTERN, SPLIT_ISOLATED, false, error);
}

/* One at most: several could each double the words of a text. */
static bool load_metaspace(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error)
{
    struct metaspace metaspace = {0};
    if (!metaspace_load(&metaspace, where, "pre-tokenizer Metaspace", json, error))
        return false;
    if (pretokenizer->metaspace || pretokenizer->byte_level)
        return error_set(error, "%s: a pre-tokenizer Metaspace behind a %s is not supported", where,
                         pretokenizer->metaspace ? "Metaspace" : "ByteLevel");
    struct pretokenizer_step *step = step_add(pretokenizer, STEP_METASPACE, where, error);
    if (!step)
        return false;
    step->metaspace = metaspace;
    pretokenizer->metaspace = true;
    pretokenizer->first = metaspace.scheme == PREPEND_FIRST;
    if (!metaspace.split)
        return true;
    step = step_add(pretokenizer, STEP_SPLIT, where, error);
    if (!step)
        return false;
    step->behavior = SPLIT_WITH_NEXT;
    step->pattern = pattern_new(where, metaspace.space, true, error);
    return step->pattern != NULL;
}

static const struct {
    const char *name;
    bool (*load)(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error);
} types[] = {
    {"Split", load_split},           {"ByteLevel", load_byte_level},
    {"Digits", load_digits},         {"Punctuation", load_punctuation},
    {"Whitespace", load_whitespace}, {"WhitespaceSplit", load_whitespace_split},
    {"Metaspace", load_metaspace},   {"BertPreTokenizer", load_bert},
};

static bool part_take(void *context, const char *name, const char *where, const cJSON *json, struct error *error)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].load(context, where, json, error);
    return error_set(error, "%s: pre-tokenizer type \"%.100s\" is not supported", where, name);
}

bool pretokenizer_load(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error)
{
    static const struct part_kind kind = {"pre-tokenizer", "pretokenizers", "pre-tokenizers nested more than ", " deep",
                                          STEPS_MOST};
    return !json || parts_load(&kind, where, json, NULL, part_take, pretokenizer, error);
}

void pretokenizer_free(struct pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->count; i++) {
        pattern_free(pretokenizer->steps[i].pattern);
        buffer_free(&pretokenizer->steps[i].scratch);
    }
    free(pretokenizer->steps);
}

/* Running: a text goes through step after step, each piece of one being the text of the next. */

struct run {
    struct pretokenizer *pretokenizer;
    const char *start; /* of what nothing is before; NULL: something is. Only splits come before a Metaspace */
    pretokenizer_word *word;
    void *context;
    struct error *error;
};

struct piece {
    size_t start;
    size_t end;
};

static bool run_step(struct run *run, size_t index, const char *text, size_t size);

/* Joins the matches and gaps of one split into pieces. */
struct joiner {
    struct run *run;
    size_t index; /* of the next step */
    const char *text;
    enum split_behavior behavior;
    bool previous; /* whether the last span was a match */
    bool pending;  /* `piece` is not handed out yet */
    struct piece piece;
};

static bool joiner_flush(struct joiner *joiner)
{
    struct piece piece = joiner->piece;
    bool pending = joiner->pending;
    joiner->pending = false;
    return !pending || piece.start == piece.end ||
           run_step(joiner->run, joiner->index, joiner->text + piece.start, piece.end - piece.start);
}

static bool joiner_add(struct joiner *joiner, struct piece span, bool match)
{
    bool join = false;
    switch (joiner->behavior) {
    case SPLIT_REMOVED:
        if (match)
            return true;
        break;
    case SPLIT_ISOLATED:
        break;
    case SPLIT_CONTIGUOUS:
        join = match == joiner->previous;
        break;
    case SPLIT_WITH_PREVIOUS:
        join = match && !joiner->previous;
        break;
    case SPLIT_WITH_NEXT:
        join = !match && joiner->previous;
        break;
    }
    joiner->previous = match;
    if (join && joiner->pending) {
        joiner->piece.end = span.end;
        return true;
    }
    if (!joiner_flush(joiner))
        return false;
    joiner->piece = span;
    joiner->pending = true;
    return true;
}

static bool run_split(struct run *run, size_t index, const char *text, size_t size)
{
    const struct pretokenizer_step *step = &run->pretokenizer->steps[index];
    struct joiner joiner = {.run = run, .index = index + 1, .text = text, .behavior = step->behavior};
    struct pattern_cursor cursor = {.pattern = step->pattern, .text = text, .size = size};
    struct piece match = {0, 0};
    size_t done = 0;
    int found = 0;
    while ((found = pattern_next(&cursor, &match.start, &match.end, run->error)) > 0) {
        if (match.start > done && !joiner_add(&joiner, (struct piece){done, match.start}, step->invert))
            return false;
        if (!joiner_add(&joiner, match, !step->invert))
            return false;
        done = match.end;
    }
    if (found == 0 && done < size && !joiner_add(&joiner, (struct piece){done, size}, step->invert))
        return false;
    return found == 0 && joiner_flush(&joiner);
}

static bool run_prefix_space(struct run *run, size_t index, const char *text, size_t size)
{
    struct buffer *scratch = &run->pretokenizer->steps[index].scratch;
    if (text[0] == ' ')
        return run_step(run, index + 1, text, size);
    scratch->size = 0;
    if (!buffer_char(scratch, ' ') || !buffer_append(scratch, text, size))
        return error_memory(run->error, "pre-tokenizer");
    return run_step(run, index + 1, scratch->data, scratch->size);
}

/* From here on pieces are in the byte-level alphabet. As nothing comes behind it nearly always, the last step does
 * without. */
static bool run_bytes(struct run *run, size_t index, const char *text, size_t size)
{
    struct buffer *scratch = &run->pretokenizer->steps[index].scratch;
    if (index + 1 == run->pretokenizer->count)
        return run->word(run->context, text, size, run->error);
    scratch->size = 0;
    if (!byte_level_text(text, size, scratch))
        return error_memory(run->error, "pre-tokenizer");
    return run_step(run, index + 1, scratch->data, scratch->size);
}

static bool run_metaspace(struct run *run, size_t index, const char *text, size_t size)
{
    struct buffer *scratch = &run->pretokenizer->steps[index].scratch;
    const struct metaspace *metaspace = &run->pretokenizer->steps[index].metaspace;
    size_t length = strlen(metaspace->space);
    bool there = text[0] == ' ' || (size >= length && memcmp(text, metaspace->space, length) == 0);
    bool prepend = metaspace->scheme == PREPEND_ALWAYS || (metaspace->scheme == PREPEND_FIRST && text == run->start);
    scratch->size = 0;
    if (prepend && !there)
        buffer_text(scratch, metaspace->space);
    for (size_t at = 0; at < size;) {
        const char *space = memchr(text + at, ' ', size - at);
        size_t end = space ? (size_t)(space - text) : size;
        buffer_append(scratch, text + at, end - at);
        if (space)
            buffer_text(scratch, metaspace->space);
        at = end + (space != NULL);
    }
    return scratch->failed ? error_memory(run->error, "pre-tokenizer")
                           : run_step(run, index + 1, scratch->data, scratch->size);
}

/* A piece behind the last step. With a ByteLevel it is in that alphabet: run_bytes came before, and was not the last.
 */
static bool run_word(struct run *run, const char *text, size_t size)
{
    if (!run->pretokenizer->byte_level)
        return run->word(run->context, text, size, run->error);
    struct buffer bytes = {0};
    bool good = byte_level_bytes(text, size, &bytes) || error_memory(run->error, "pre-tokenizer");
    good = good && run->word(run->context, bytes.data, bytes.size, run->error);
    buffer_free(&bytes);
    return good;
}

static bool run_step(struct run *run, size_t index, const char *text, size_t size)
{
    static bool (*const kinds[])(struct run *, size_t, const char *, size_t) = {
        [STEP_SPLIT] = run_split,
        [STEP_PREFIX_SPACE] = run_prefix_space,
        [STEP_BYTES] = run_bytes,
        [STEP_METASPACE] = run_metaspace,
    };
    if (index == run->pretokenizer->count)
        return run_word(run, text, size);
    return kinds[run->pretokenizer->steps[index].kind](run, index, text, size);
}

void pretokenizer_begin(struct pretokenizer *pretokenizer, size_t size)
{
    for (size_t i = 0; i < pretokenizer->count; i++)
        pattern_allow(pretokenizer->steps[i].pattern, size);
}

bool pretokenizer_apply(struct pretokenizer *pretokenizer, const char *text, size_t size, bool first,
                        pretokenizer_word *word, void *context, struct error *error)
{
    struct run run = {
        .pretokenizer = pretokenizer, .start = first ? text : NULL, .word = word, .context = context, .error = error};
    return size == 0 || run_step(&run, 0, text, size);
}
