/* What is behind the colon of a fault. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "faults/fault_internal.h"

#define NUMBER_MAX (1LL << 60)

/* A part of the text, or of the grammar. */
struct piece {
    const char *text;
    size_t length;
};

/* --- the kinds of words --- */

/* The tensor that the name is, or ends in one only: "layers.3.mlp.gate.weight". */
static const struct tensor *named_tensor(const struct fault_site *site, struct piece name, struct error *error)
{
    char whole_name[FAULT_TEXT];
    snprintf(whole_name, sizeof whole_name, "%.*s", (int)name.length, name.text);
    const struct tensor *found = name.length < sizeof whole_name ? store_find(site->below, whole_name) : NULL;
    if (found)
        return found;
    for (size_t i = 0; i < store_text_count(site->below); i++) {
        const struct tensor *tensor = store_at(site->below, i);
        size_t whole = strlen(tensor->name);
        if (whole < name.length || strncmp(tensor->name + whole - name.length, name.text, name.length) != 0)
            continue;
        if (whole == name.length || tensor->name[whole - name.length - 1] != '.')
            continue;
        if (found) {
            error_set(error, "fault %s: both '%s' and '%s' end in '%.*s'", site->spec, found->name, tensor->name,
                      (int)name.length, name.text);
            return NULL;
        }
        found = tensor;
    }
    if (!found)
        error_set(error, "fault %s: %s has no tensor '%.*s'", site->spec, store_path(site->below), (int)name.length,
                  name.text);
    return found;
}

/* False, perhaps with the reason: the piece is no such thing. */
typedef bool take_piece(const struct fault_site *site, struct piece piece, void *out, struct error *error);

static bool take_tensor(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    return (*(const struct tensor **)out = named_tensor(site, piece, error)) != NULL;
}

static bool whole_number(struct piece piece, long long minimum, long long maximum, long long *value)
{
    char text[24] = {0};
    if (piece.length >= sizeof text)
        return false;
    memcpy(text, piece.text, piece.length);
    return number_parse(text, minimum, maximum, value);
}

static bool take_index(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    long long value = 0;
    (void)site, (void)error;
    if (!whole_number(piece, 0, NUMBER_MAX, &value))
        return false;
    *(uint64_t *)out = (uint64_t)value;
    return true;
}

static bool take_shift(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    (void)site, (void)error;
    return whole_number(piece, -NUMBER_MAX, NUMBER_MAX, out);
}

static bool take_number(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    char text[64] = {0}, *end = NULL;
    (void)site, (void)error;
    if (!piece.length || piece.length >= sizeof text)
        return false;
    memcpy(text, piece.text, piece.length);
    double value = strtod(text, &end);
    *(double *)out = value;
    return !*end && isfinite(value);
}

static bool take_share(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    return take_number(site, piece, out, error) && *(double *)out > 0 && *(double *)out <= 1;
}

/* A number below `count`. */
static bool take_below(const struct fault_site *site, struct piece piece, int count, const char *what, int *out,
                       struct error *error)
{
    long long value = 0;
    if (!whole_number(piece, 0, count - 1, &value))
        return error_set(error, "fault %s: '%.*s' is no %s; the model has %d", site->spec, (int)piece.length,
                         piece.text, what, count);
    *out = (int)value;
    return true;
}

static bool take_layer(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    return take_below(site, piece, site->config->layers, "layer", out, error);
}

static bool take_expert(const struct fault_site *site, struct piece piece, void *out, struct error *error)
{
    return take_below(site, piece, site->config->experts, "expert", out, error);
}

static const struct word {
    const char *name;
    take_piece *take; /* NULL: a list that the fault reads itself */
    size_t at;        /* in the arguments */
    const char *is;
} words[] = {
    {"TENSOR", take_tensor, offsetof(struct fault_arguments, tensor), "a tensor"},
    {"FROM", take_tensor, offsetof(struct fault_arguments, other), "a tensor"},
    {"OTHER", take_tensor, offsetof(struct fault_arguments, other), "a tensor"},
    {"FACTOR", take_number, offsetof(struct fault_arguments, number), "a finite number"},
    {"VALUE", take_number, offsetof(struct fault_arguments, number), "a finite number"},
    {"SHARE", take_share, offsetof(struct fault_arguments, share), "a number above 0 and up to 1"},
    {"ROWS", take_index, offsetof(struct fault_arguments, numbers[0]), "a whole number"},
    {"ROW", take_index, offsetof(struct fault_arguments, numbers[0]), "a whole number"},
    {"COLUMN", take_index, offsetof(struct fault_arguments, numbers[1]), "a whole number"},
    {"PAGE", take_index, offsetof(struct fault_arguments, numbers[0]), "a whole number"},
    {"A", take_index, offsetof(struct fault_arguments, numbers[0]), "a whole number"},
    {"B", take_index, offsetof(struct fault_arguments, numbers[1]), "a whole number"},
    {"N", take_shift, offsetof(struct fault_arguments, shift), "a whole number"},
    {"LAYER", take_layer, offsetof(struct fault_arguments, layer), "a layer"},
    {"EXPERT", take_expert, offsetof(struct fault_arguments, expert), "an expert"},
    {"LAYERS", NULL, 0, "a list of layers"},
    {"NAMES", NULL, 0, "a tensor, or several with *"},
    {"LAYERS/EXPERTS", NULL, 0, "a list of layers and one of experts"},
};
#define WORDS (sizeof words / sizeof *words)
#define PIECES_MAX 4 /* of a text, one more than any grammar has words is enough to tell that it has too many */

static const struct word *word_of(struct piece piece)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strlen(words[i].name) == piece.length && strncmp(words[i].name, piece.text, piece.length) == 0)
            return &words[i];
    return NULL;
}

/* --- the text --- */

/* The pieces between the separators, of which several in a row are one in a grammar. */
static size_t grammar_pieces(const char *grammar, struct piece pieces[PIECES_MAX], size_t *required)
{
    size_t count = 0;
    *required = SIZE_MAX;
    while (*grammar && count < PIECES_MAX) {
        pieces[count++] = (struct piece){grammar, strcspn(grammar, ",[]")};
        grammar += pieces[count - 1].length;
        size_t separators = strspn(grammar, ",[]");
        if (*grammar == '[')
            *required = count;
        grammar += separators;
    }
    *required = *required < count ? *required : count;
    return count;
}

static size_t text_pieces(const char *text, struct piece pieces[PIECES_MAX])
{
    size_t count = 0;
    while (count < PIECES_MAX) {
        pieces[count++] = (struct piece){text, strcspn(text, ",")};
        text += pieces[count - 1].length;
        if (!*text++)
            break;
    }
    return count;
}

bool fault_arguments_take(const struct fault_site *site, const char *grammar, const char *text,
                          struct fault_arguments *arguments, struct error *error)
{
    struct piece names[PIECES_MAX], pieces[PIECES_MAX];
    size_t required, most = grammar_pieces(grammar, names, &required);
    *arguments = (struct fault_arguments){.text = text, .share = 1};
    if (!most || !word_of(names[0])->take)
        return true;
    size_t count = text_pieces(text, pieces);
    if (count != required && count != most)
        return error_set(error, "fault %s: %s was expected", site->spec, grammar);
    for (size_t i = 0; i < count; i++) {
        const struct word *word = word_of(names[i]);
        if (!word->take(site, pieces[i], (char *)arguments + word->at, error))
            return error_set(error, "fault %s: %s was expected, where %s is %s, not '%.*s'", site->spec, grammar,
                             word->name, word->is, (int)pieces[i].length, pieces[i].text);
    }
    return true;
}

bool fault_are_two(const struct fault_site *site, const struct fault_arguments *arguments, uint64_t count,
                   const char *what, struct error *error)
{
    const uint64_t *numbers = arguments->numbers;
    return (numbers[0] < count && numbers[1] < count && numbers[0] != numbers[1]) ||
           error_set(error, "fault %s: two %s below %llu were expected", site->spec, what, (unsigned long long)count);
}

/* --- lists --- */

/* One number or a range at `*text`; `*text` is set behind it. */
static bool take_range(const char **text, long long *first, long long *last)
{
    const char *at = *text;
    for (int i = 0; i < 2; i++) {
        size_t digits = strspn(at, "0123456789");
        char number[12] = {0};
        if (!digits || digits >= sizeof number)
            return false;
        memcpy(number, at, digits);
        if (!number_parse(number, 0, 1 << 30, i ? last : first))
            return false;
        at += digits;
        if (!i && *at != '-') {
            *last = *first;
            break;
        }
        at += !i;
    }
    *text = at;
    return *first <= *last;
}

const char *fault_indices(const struct fault_site *site, const char *text, const char *what, int count, bool *marks,
                          struct error *error)
{
    for (;;) {
        long long first = 0, last = 0;
        const char *begin = text;
        if (!take_range(&text, &first, &last) || (*text && *text != ',' && *text != '/')) {
            error_set(error, "fault %s: a list of %ss such as 1,5,9-12 was expected at '%.20s'", site->spec, what,
                      begin);
            return NULL;
        }
        if (last >= count) {
            error_set(error, "fault %s: there is no %s %lld; the model has %d", site->spec, what, last, count);
            return NULL;
        }
        for (long long i = first; i <= last; i++)
            marks[i] = true;
        if (*text != ',')
            return text;
        text++;
    }
}

bool fault_layers(const struct fault_site *site, const char *text, bool layers[CONFIG_LAYERS_MAX], struct error *error)
{
    const char *end = fault_indices(site, text, "layer", site->config->layers, layers, error);
    return end && (!*end || error_set(error, "fault %s: '%s' after the list of layers", site->spec, end));
}
