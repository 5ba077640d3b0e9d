#include "health/vocabulary_kin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define AWAY_MOST 8
#define PLACES (2 * AWAY_MOST + 1)
#define PAIRS_LEAST 32
#define PAIRS_MOST 256
#define LETTERS_LEAST 2
#define ALIKE_LEAST 0.2
#define OTHERS_MOST 0.25 /* of the best */

struct pairs {
    int (*ids)[2]; /* with a blank, and without */
    size_t count, capacity;
};

/* Behind what stands for a blank, in the alphabet of bytes or of SentencePiece; NULL: it does not begin so. */
static const char *behind_blank(const char *text)
{
    static const char *const blanks[] = {"\xC4\xA0", "\xE2\x96\x81"};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (strncmp(text, blanks[i], strlen(blanks[i])) == 0 && strlen(text) >= strlen(blanks[i]) + LETTERS_LEAST)
            return text + strlen(blanks[i]);
    return NULL;
}

static bool is_word(const struct tokenizer_entry *entry, uint64_t rows)
{
    return !entry->added && entry->id >= 0 && (uint64_t)entry->id < rows;
}

static bool take_pairs(const struct tokenizer *tokenizer, uint64_t rows, struct pairs *pairs)
{
    struct map words = {0};
    bool good = true;
    for (size_t i = 0; good && i < tokenizer_count(tokenizer); i++) {
        struct tokenizer_entry entry = tokenizer_at(tokenizer, i);
        good = !is_word(&entry, rows) || map_add(&words, entry.text, strlen(entry.text), (size_t)entry.id, NULL);
    }
    for (size_t i = 0; good && i < tokenizer_count(tokenizer); i++) {
        struct tokenizer_entry entry = tokenizer_at(tokenizer, i);
        const char *word = is_word(&entry, rows) ? behind_blank(entry.text) : NULL;
        size_t found = word ? map_find(&words, word, strlen(word)) : MAP_ABSENT;
        good = found == MAP_ABSENT || (array_grow(pairs->ids, pairs->count, pairs->capacity));
        if (good && found != MAP_ABSENT) {
            pairs->ids[pairs->count][0] = entry.id;
            pairs->ids[pairs->count++][1] = (int)found;
        }
    }
    map_free(&words);
    return good;
}

/* No more than PAIRS_MOST, from all over the vocabulary. */
static void thin_pairs(struct pairs *pairs)
{
    size_t most = pairs->count < PAIRS_MOST ? pairs->count : PAIRS_MOST;
    for (size_t i = 0; i < most; i++) {
        size_t from = i * pairs->count / most;
        pairs->ids[i][0] = pairs->ids[from][0];
        pairs->ids[i][1] = pairs->ids[from][1];
    }
    pairs->count = most;
}

struct row_reader {
    const struct store *store;
    const struct tensor *tensor;
    void *raw;
    float *rows[2];
    double *mean;
    struct error *error;
};

static bool reader_begin(struct row_reader *reader)
{
    size_t columns = (size_t)reader->tensor->columns;
    reader->raw = malloc(dtype_row_bytes(reader->tensor->dtype, columns) + 1);
    reader->mean = calloc(columns + 1, sizeof *reader->mean);
    for (int i = 0; i < 2; i++)
        reader->rows[i] = malloc((columns + 1) * sizeof *reader->rows[i]);
    return (reader->raw && reader->mean && reader->rows[0] && reader->rows[1]) ||
           error_memory(reader->error, ROWS_CHECK);
}

static void reader_end(struct row_reader *reader)
{
    free(reader->raw);
    free(reader->mean);
    free(reader->rows[0]);
    free(reader->rows[1]);
}

/* Both rows of a pair, so many rows away; `*inside` false: there are none. */
static bool read_pair(struct row_reader *reader, const int ids[2], int away, bool *inside)
{
    const struct tensor *tensor = reader->tensor;
    *inside = true;
    for (int i = 0; i < 2; i++)
        *inside = *inside && ids[i] + away >= 0 && (uint64_t)(ids[i] + away) < tensor->rows;
    for (int i = 0; *inside && i < 2; i++)
        if (!store_read_wide(reader->store, tensor, (uint64_t)(ids[i] + away), 1, reader->raw, reader->rows[i],
                             reader->error))
            return false;
    return true;
}

/* What all rows share tells nothing of two of them. */
static bool take_mean(struct row_reader *reader, const struct pairs *pairs)
{
    bool inside;
    for (size_t i = 0; i < pairs->count; i++) {
        if (!read_pair(reader, pairs->ids[i], 0, &inside))
            return false;
        for (size_t c = 0; inside && c < (size_t)reader->tensor->columns; c++)
            reader->mean[c] += ((double)reader->rows[0][c] + (double)reader->rows[1][c]) / 2;
    }
    for (size_t c = 0; c < (size_t)reader->tensor->columns; c++)
        reader->mean[c] /= (double)pairs->count;
    return true;
}

static double cosine_of(const struct row_reader *reader)
{
    double both = 0, squares[2] = {0};
    for (size_t c = 0; c < (size_t)reader->tensor->columns; c++) {
        double a = (double)reader->rows[0][c] - reader->mean[c], b = (double)reader->rows[1][c] - reader->mean[c];
        both += a * b;
        squares[0] += a * a;
        squares[1] += b * b;
    }
    double cosine = both / sqrt(squares[0] * squares[1]);
    return isfinite(cosine) ? cosine : 0;
}

static bool alike_at(struct row_reader *reader, const struct pairs *pairs, int away, double *alike)
{
    size_t count = 0;
    *alike = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        bool inside;
        if (!read_pair(reader, pairs->ids[i], away, &inside))
            return false;
        *alike += inside ? cosine_of(reader) : 0;
        count += inside;
    }
    *alike = count >= PAIRS_LEAST ? *alike / (double)count : 0;
    return true;
}

/* Sets `rows` where the pairs are alike in one other place only. */
static void judge_places(const double alike[PLACES], struct kin *kin)
{
    int best = 0;
    bool only = true;
    for (int i = 1; i < PLACES; i++)
        best = alike[i] > alike[best] ? i : best;
    for (int i = 0; i < PLACES; i++)
        only = only && (i == best || alike[i] <= OTHERS_MOST * alike[best]);
    kin->own = alike[AWAY_MOST];
    kin->elsewhere = alike[best];
    kin->rows = only && alike[best] >= ALIKE_LEAST ? best - AWAY_MOST : 0;
}

bool vocabulary_kin(const struct vocabulary *vocabulary, const struct row_profile *table, struct kin *kin)
{
    const struct store *store = vocabulary->subject->store;
    struct row_reader reader = {.store = store, .tensor = table->tensor, .error = vocabulary->error};
    struct pairs pairs = {0};
    double alike[PLACES] = {0};
    *kin = (struct kin){0};
    if (store_find(store, table->tensor->name) != table->tensor || !table->tensor->columns ||
        !dtype_computes(table->tensor->dtype))
        return true;
    bool good =
        take_pairs(vocabulary->subject->tokenizer, table->rows, &pairs) || error_memory(vocabulary->error, ROWS_CHECK);
    thin_pairs(&pairs);
    if (good && pairs.count >= PAIRS_LEAST) {
        kin->pairs = pairs.count;
        good = reader_begin(&reader) && take_mean(&reader, &pairs);
        for (int i = 0; good && i < PLACES; i++)
            good = alike_at(&reader, &pairs, i - AWAY_MOST, &alike[i]);
        judge_places(alike, kin);
        reader_end(&reader);
    }
    free(pairs.ids);
    return good;
}
