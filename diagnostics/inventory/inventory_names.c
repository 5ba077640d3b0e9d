#include "inventory/inventory_names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"

#define WORDS_MAX 24
#define WORD_BYTES 24
#define NUMBERS_MAX 6
#define KEY_BYTES 96
#define VOCABULARY_MAX 128 /* of the names that configurations call for */
#define BUCKET_MAX 64      /* names of the same numbers that are looked at: a layer has twenty */
#define NEAR_MAX 1024      /* names of the same words */

#define GAP 0.4         /* a word too many, or too few */
#define FILLER_GAP 0.1  /* one that says little */
#define SHAPE_FITS -0.1 /* added to a distance */
#define SHAPE_OTHER 0.25
#define NUMBERS_OTHER 0.3
#define NEAR_ENOUGH 0.5

/* A name in words and numbers: "model.layers.3.mlp.gate.weight". */
struct words {
    char items[WORDS_MAX][WORD_BYTES];
    size_t count;
    long numbers[NUMBERS_MAX];
    size_t number_count;
};

/* What other implementations call the same. */
static const struct synonym_row {
    const char *word;
    const char *means[2];
} synonym_rows[] = {
    {"gamma", {"weight", NULL}},
    {"beta", {"bias", NULL}},
    {"kernel", {"weight", NULL}},
    {"scale", {"weight", NULL}},
    {"w1", {"gate", "proj"}},
    {"w2", {"down", "proj"}},
    {"w3", {"up", "proj"}},
    {"wq", {"q", "proj"}},
    {"wk", {"k", "proj"}},
    {"wv", {"v", "proj"}},
    {"wo", {"o", "proj"}},
    {"query", {"q", "proj"}},
    {"key", {"k", "proj"}},
    {"value", {"v", "proj"}},
    {"attention", {"self", "attn"}},
    {"ffn", {"mlp", NULL}},
    {"feedforward", {"mlp", NULL}},
    {"moe", {"mlp", NULL}},
    {"router", {"gate", NULL}},
    {"wte", {"embed", "tokens"}},
    {"embedding", {"embed", "tokens"}},
    {"embeddings", {"embed", "tokens"}},
    {"expert", {"experts", NULL}},
    {"layer", {"layers", NULL}},
    {"block", {"layers", NULL}},
    {"blocks", {"layers", NULL}},
    {"blk", {"layers", NULL}},
    {"h", {"layers", NULL}},
    {"output", {"lm", "head"}},
    {"rmsnorm", {"layernorm", NULL}},
    {"ln", {"layernorm", NULL}},
};

static const char *const fillers[] = {"model",   "thinker",  "transformer", "module",
                                      "decoder", "language", "base",        "text"};

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static void word_put(struct words *words, const char *word)
{
    if (words->count < WORDS_MAX)
        snprintf(words->items[words->count++], WORD_BYTES, "%s", word);
}

/* A piece between separators: a number, a word, or a word with its number ("layer3", but not "w1"). */
static void piece_put(struct words *words, const char *piece, size_t size)
{
    char word[WORD_BYTES] = {0};
    size_t letters = size;
    while (letters > 0 && isdigit((unsigned char)piece[letters - 1]))
        letters--;
    bool number = letters < size && (letters == 0 || letters > 2) && size - letters <= 9;
    size_t length = number ? letters : size;
    for (size_t i = 0; i < length && i < sizeof word - 1; i++)
        word[i] = (char)tolower((unsigned char)piece[i]);
    const struct synonym_row *row = synonym_rows;
    while (row < synonym_rows + COUNT(synonym_rows) && strcmp(row->word, word) != 0)
        row++;
    if (row < synonym_rows + COUNT(synonym_rows)) {
        word_put(words, row->means[0]);
        if (row->means[1])
            word_put(words, row->means[1]);
    } else if (length) {
        word_put(words, word);
    }
    if (number && words->number_count < NUMBERS_MAX)
        words->numbers[words->number_count++] = strtol(piece + letters, NULL, 10);
}

static void name_split(const char *name, struct words *words)
{
    static const char separators[] = "._-/: ";
    *words = (struct words){0};
    while (*name) {
        size_t size = strcspn(name, separators);
        if (size)
            piece_put(words, name, size);
        name += size;
        name += strspn(name, separators);
    }
}

/* Numbers first .. last - 1 as a key. */
static size_t numbers_key(const struct words *words, size_t first, size_t last, char key[KEY_BYTES])
{
    size_t size = 0;
    key[size++] = '#';
    for (size_t i = first; i < last; i++)
        size += (size_t)snprintf(key + size, KEY_BYTES - size, "%ld.", words->numbers[i]);
    return size;
}

static size_t words_key(const struct words *words, char key[WORDS_MAX * WORD_BYTES])
{
    size_t size = 0;
    for (size_t i = 0; i < words->count; i++)
        size += (size_t)snprintf(key + size, WORDS_MAX * WORD_BYTES - size, "%s.", words->items[i]);
    return size;
}

/* Absent names in buckets. */
struct index {
    const struct census *census;
    size_t *items; /* absent, in order */
    size_t count;
    unsigned char (*words)[WORDS_MAX]; /* [count]: vocabulary */
    unsigned char *word_counts;
    char vocabulary[VOCABULARY_MAX][WORD_BYTES];
    size_t vocabulary_count;
    struct names keys;     /* owns those of both maps */
    struct map by_numbers; /* first of the bucket */
    struct map by_words;
    size_t *next_number, *next_word; /* [count]; SIZE_MAX: the last */
    size_t *last_number, *last_word; /* [count]: of the bucket that begins here */
};

static unsigned char vocabulary_find(struct index *index, const char *word)
{
    size_t i = 0;
    while (i < index->vocabulary_count && strcmp(index->vocabulary[i], word) != 0)
        i++;
    if (i == index->vocabulary_count && i < VOCABULARY_MAX - 1)
        snprintf(index->vocabulary[index->vocabulary_count++], WORD_BYTES, "%s", word);
    return (unsigned char)i;
}

static bool bucket_add(struct index *index, struct map *map, const char *key, size_t size, size_t at, size_t *next,
                       size_t *last)
{
    size_t first = map_find(map, key, size);
    next[at] = SIZE_MAX;
    if (first != MAP_ABSENT) {
        next[last[first]] = at;
        last[first] = at;
        return true;
    }
    last[at] = at;
    return names_add(&index->keys, key) && map_add(map, index->keys.items[index->keys.count - 1], size, at, NULL);
}

static bool index_add(struct index *index, size_t item)
{
    struct words words;
    char key[WORDS_MAX * WORD_BYTES];
    size_t at = index->count++;
    name_split(index->census->items[item].expected->name, &words);
    index->items[at] = item;
    index->word_counts[at] = (unsigned char)words.count;
    for (size_t i = 0; i < words.count; i++)
        index->words[at][i] = vocabulary_find(index, words.items[i]);
    size_t size = numbers_key(&words, 0, words.number_count, key);
    if (!bucket_add(index, &index->by_numbers, key, size, at, index->next_number, index->last_number))
        return false;
    size = words_key(&words, key);
    return bucket_add(index, &index->by_words, key, size, at, index->next_word, index->last_word);
}

static void index_free(struct index *index)
{
    free(index->items);
    free(index->words);
    free(index->word_counts);
    free(index->next_number);
    free(index->next_word);
    free(index->last_number);
    free(index->last_word);
    map_free(&index->by_numbers);
    map_free(&index->by_words);
    names_free(&index->keys);
}

static bool index_make(const struct census *census, struct index *index)
{
    size_t absent = census->absent + 1;
    *index = (struct index){.census = census};
    index->items = malloc(absent * sizeof *index->items);
    index->words = malloc(absent * sizeof *index->words);
    index->word_counts = malloc(absent);
    index->next_number = malloc(absent * sizeof *index->next_number);
    index->next_word = malloc(absent * sizeof *index->next_word);
    index->last_number = malloc(absent * sizeof *index->last_number);
    index->last_word = malloc(absent * sizeof *index->last_word);
    bool good = index->items && index->words && index->word_counts && index->next_number && index->next_word &&
                index->last_number && index->last_word;
    for (size_t i = 0; good && i < census->count; i++)
        if (census->items[i].absent)
            good = index_add(index, i);
    return good;
}

/* Levenshtein's distance over the longer length: 0 the same, 1 nothing in common. */
static double word_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    return m + n ? (double)text_distance(a, b) / (double)(m > n ? m : n) : 0;
}

static double gap_cost(const char *word)
{
    for (size_t i = 0; i < COUNT(fillers); i++)
        if (strcmp(fillers[i], word) == 0)
            return FILLER_GAP;
    return GAP;
}

/* One extra tensor, and how far its words are from those of the vocabulary. */
struct query {
    const struct tensor *tensor;
    struct words words;
    double far[WORDS_MAX][VOCABULARY_MAX];
    double gaps[WORDS_MAX];
};

/* The cost of making the one list of words the other, over the length of the wanted one. */
static double names_distance(const struct index *index, const struct query *query, size_t at)
{
    double row[WORDS_MAX + 1];
    size_t wanted = index->word_counts[at];
    const unsigned char *words = index->words[at];
    row[0] = 0;
    for (size_t k = 0; k < wanted; k++)
        row[k + 1] = row[k] + gap_cost(index->vocabulary[words[k]]);
    for (size_t i = 0; i < query->words.count; i++) {
        double corner = row[0];
        row[0] += query->gaps[i];
        for (size_t k = 0; k < wanted; k++) {
            double changed = corner + query->far[i][words[k]];
            corner = row[k + 1];
            double dropped = corner + query->gaps[i], added = row[k] + gap_cost(index->vocabulary[words[k]]);
            row[k + 1] = fmin(changed, fmin(dropped, added));
        }
    }
    return row[wanted] / (double)(wanted ? wanted : 1);
}

static void consider(const struct index *index, const struct query *query, size_t at, double distance,
                     struct misname *best)
{
    const struct expected *expected = index->census->items[index->items[at]].expected;
    distance += tensor_same_shape(query->tensor, expected) ? SHAPE_FITS : SHAPE_OTHER;
    if (distance < best->distance)
        *best = (struct misname){query->tensor, index->items[at], distance};
}

/* All that have these numbers. */
static void search_numbers(const struct index *index, const struct query *query, size_t first, size_t last,
                           struct misname *best)
{
    char key[KEY_BYTES];
    size_t at = map_find(&index->by_numbers, key, numbers_key(&query->words, first, last, key));
    for (size_t seen = 0; at != MAP_ABSENT && seen < BUCKET_MAX; seen++, at = index->next_number[at])
        consider(index, query, at, names_distance(index, query, at), best);
}

/* Those of the same words whose numbers are nearest. */
static void search_words(const struct index *index, const struct query *query, struct misname *best)
{
    char key[WORDS_MAX * WORD_BYTES];
    size_t at = map_find(&index->by_words, key, words_key(&query->words, key)), nearest = MAP_ABSENT;
    long least = 0;
    for (size_t seen = 0; at != MAP_ABSENT && seen < NEAR_MAX; seen++, at = index->next_word[at]) {
        const struct expected *expected = index->census->items[index->items[at]].expected;
        const long numbers[2] = {expected->layer, expected->expert};
        long away = 0;
        for (size_t i = 0; i < 2 && i < query->words.number_count; i++)
            away += labs(numbers[i] - query->words.numbers[i]) * (i ? 1 : 1000);
        if (nearest == MAP_ABSENT || away < least) {
            nearest = at;
            least = away;
        }
    }
    if (nearest != MAP_ABSENT)
        consider(index, query, nearest, NUMBERS_OTHER, best);
}

static void query_find(const struct index *index, const struct tensor *tensor, struct query *query,
                       struct misname *best)
{
    query->tensor = tensor;
    name_split(tensor->name, &query->words);
    for (size_t i = 0; i < query->words.count; i++) {
        query->gaps[i] = gap_cost(query->words.items[i]);
        for (size_t k = 0; k < index->vocabulary_count; k++)
            query->far[i][k] = word_distance(query->words.items[i], index->vocabulary[k]);
    }
    size_t numbers = query->words.number_count;
    *best = (struct misname){.distance = NEAR_ENOUGH};
    search_numbers(index, query, 0, numbers, best);
    if (!best->tensor)
        search_words(index, query, best);
    /* a number too many: before ("model2.layers"), or behind ("norm_1") */
    if (!best->tensor && numbers > 1)
        search_numbers(index, query, 0, numbers - 1, best);
    if (!best->tensor && numbers > 1)
        search_numbers(index, query, 1, numbers, best);
}

/* Where two names differ, from point to point: how long the beginning is that they share, and what each has behind it,
 * before the end that they share. */
struct renaming {
    size_t begin, found, wanted;
};

static struct renaming renaming_of(const char *found, const char *wanted)
{
    size_t begin = 0, m = strlen(found), n = strlen(wanted);
    for (size_t i = 0; found[i] && found[i] == wanted[i]; i++)
        begin = found[i] == '.' ? i + 1 : begin;
    size_t tail = 0; /* also from a point on, or all that is left of one */
    for (size_t i = 1; i <= m - begin && i <= n - begin && found[m - i] == wanted[n - i]; i++)
        if ((i == m - begin || found[m - i - 1] == '.') && (i == n - begin || wanted[n - i - 1] == '.'))
            tail = i;
    return (struct renaming){begin, m - tail - begin, n - tail - begin};
}

/* "'gamma' for 'weight'" */
static void renaming_text(const char *found, const char *wanted, struct buffer *out)
{
    struct renaming renaming = renaming_of(found, wanted);
    size_t begin = renaming.begin, extra = renaming.found, lacking = renaming.wanted;
    extra -= extra > 0 && found[begin + extra - 1] == '.';
    lacking -= lacking > 0 && wanted[begin + lacking - 1] == '.';
    if (!lacking)
        buffer_format(out, "'%.*s' too many", (int)extra, found + begin);
    else if (!extra)
        buffer_format(out, "'%.*s' left out", (int)lacking, wanted + begin);
    else
        buffer_format(out, "'%.*s' for '%.*s'", (int)extra, found + begin, (int)lacking, wanted + begin);
}

/* The difference that most have. */
static bool take_renaming(const struct census *census, struct misnames *misnames)
{
    struct map map = {0};
    struct names texts = {0};
    size_t *counts = calloc(misnames->count + 1, sizeof *counts), most = 0;
    bool good = counts;
    for (size_t i = 0; good && i < misnames->count; i++) {
        struct buffer text = {0};
        size_t found = MAP_ABSENT;
        renaming_text(misnames->items[i].tensor->name, census->items[misnames->items[i].item].expected->name, &text);
        good = text.data && names_add(&texts, text.data);
        const char *key = good ? texts.items[texts.count - 1] : "";
        good = good && map_add(&map, key, strlen(key), texts.count - 1, &found);
        found = found == MAP_ABSENT ? texts.count - 1 : found;
        if (good && ++counts[found] > counts[most])
            most = found;
        buffer_free(&text);
    }
    if (good && misnames->count > 1 && counts[most] * 2 > misnames->count)
        good = asprintf(&misnames->renaming, "%s in %s%zu of them", texts.items[most],
                        counts[most] == misnames->count ? "all " : "", counts[most]) > 0;
    free(counts);
    map_free(&map);
    names_free(&texts);
    return good;
}

/* Another tensor that nothing calls for has what is renamed as well, and the one that it would be is there: then both
 * stand beside each other, and it is another component ("vision_encoder.layers.0 ..." beside "model.layers.0 ..."). */
static bool is_beside(const struct census *census, const struct tensor *const *extra, size_t count,
                      const struct misname *misname)
{
    const char *found = misname->tensor->name, *wanted = census->items[misname->item].expected->name;
    struct renaming renaming = renaming_of(found, wanted);
    size_t lead = renaming.begin + renaming.found;
    for (size_t i = 0; lead && i < count; i++) {
        struct buffer name = {0};
        if (strncmp(extra[i]->name, found, lead) != 0)
            continue;
        buffer_format(&name, "%.*s%s", (int)(renaming.begin + renaming.wanted), wanted, extra[i]->name + lead);
        size_t at = name.failed ? MAP_ABSENT : map_find(&census->set.by_name, name.data, name.size);
        buffer_free(&name);
        if (at != MAP_ABSENT && !census->items[at].absent)
            return true;
    }
    return false;
}

/* The same, each lead of a name looked for once; a component's has no numbers in it. False: out of memory. */
static bool find_beside(const struct census *census, const struct tensor *const *extra, size_t count,
                        const struct misname *misname, struct map *known, bool *beside)
{
    const char *found = misname->tensor->name;
    struct renaming renaming = renaming_of(found, census->items[misname->item].expected->name);
    size_t lead = renaming.begin + renaming.found;
    *beside = false;
    if (strcspn(found, "0123456789") < lead)
        return true;
    size_t at = map_find(known, found, lead);
    *beside = at == MAP_ABSENT ? is_beside(census, extra, count, misname) : at > 0;
    return at != MAP_ABSENT || map_add(known, found, lead, *beside, NULL);
}

/* Those that are of another component are no misnamed ones. */
static bool drop_beside(const struct census *census, const struct tensor *const *extra, size_t count,
                        struct misnames *misnames)
{
    struct map known = {0};
    size_t kept = 0;
    bool good = true;
    for (size_t i = 0; good && i < misnames->count; i++) {
        bool beside = false;
        good = find_beside(census, extra, count, &misnames->items[i], &known, &beside);
        if (!beside)
            misnames->items[kept++] = misnames->items[i];
    }
    misnames->count = kept;
    map_free(&known);
    return good;
}

bool misnames_find(const struct census *census, const struct tensor *const *extra, size_t count,
                   struct misnames *misnames)
{
    struct index index = {0};
    struct query *query = malloc(sizeof *query);
    *misnames = (struct misnames){0};
    if (!count || !census->absent) {
        free(query);
        return true;
    }
    bool good = query && index_make(census, &index);
    for (size_t i = 0; good && i < count; i++) {
        struct misname best;
        query_find(&index, extra[i], query, &best);
        if (!best.tensor)
            continue;
        good = array_push(misnames->items, misnames->count, misnames->capacity, best);
    }
    good = good && drop_beside(census, extra, count, misnames) && (!misnames->count || take_renaming(census, misnames));
    index_free(&index);
    free(query);
    return good;
}

void misnames_free(struct misnames *misnames)
{
    free(misnames->items);
    free(misnames->renaming);
    *misnames = (struct misnames){0};
}
