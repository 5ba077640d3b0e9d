/* Does it say the same again and again? Tandem runs of characters, repeated n-grams of words. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uscript.h>

#include "base/numbers.h"
#include "quality/text_measure.h"

#define UNIT_MOST 48
#define TURNS_LEAST 4
#define COVER_TURNS 3
#define COVER_LENGTH 8

/* The characters of a view that can loop: white space as one space, no code and no tables. */
struct folded {
    uint32_t *codes;
    size_t *glyphs; /* where they stand */
    size_t count;
};

static bool folded_new(struct folded *folded, const struct view *view)
{
    size_t most = view->last - view->first;
    folded->codes = malloc((most + 1) * sizeof *folded->codes);
    folded->glyphs = malloc((most + 1) * sizeof *folded->glyphs);
    if (!folded->codes || !folded->glyphs)
        return false;
    for (size_t i = view->first; i < view->last; i++) {
        const struct glyph *glyph = &view->passage->glyphs[i];
        bool space = glyph->kind == GLYPH_SPACE;
        if (glyph->part == PART_CODE || glyph->part == PART_TABLE)
            continue;
        if (space && (!folded->count || folded->codes[folded->count - 1] == ' '))
            continue;
        folded->codes[folded->count] = space ? ' ' : glyph->code;
        folded->glyphs[folded->count++] = i;
    }
    return true;
}

static void folded_free(struct folded *folded)
{
    free(folded->codes);
    free(folded->glyphs);
}

/* Gets every maximal run of at least COVER_TURNS equal units: places first .. first + length - 1. */
typedef bool run_visit(void *context, const struct folded *folded, size_t first, size_t length, size_t unit);

static bool runs_each(const struct folded *folded, run_visit *visit, void *context)
{
    for (size_t unit = 1; unit <= UNIT_MOST; unit++) {
        size_t same = 0;
        for (size_t i = unit; i <= folded->count; i++) {
            if (i < folded->count && folded->codes[i] == folded->codes[i - unit]) {
                same++;
                continue;
            }
            if (same + unit >= COVER_LENGTH && same + unit >= COVER_TURNS * unit &&
                !visit(context, folded, i - same - unit, same + unit, unit))
                return false;
            same = 0;
        }
    }
    return true;
}

struct loops {
    double longest;
    unsigned char *covered;
};

static bool loops_visit(void *context, const struct folded *folded, size_t first, size_t length, size_t unit)
{
    struct loops *loops = context;
    (void)folded;
    if (length >= TURNS_LEAST * unit)
        loops->longest = fmax(loops->longest, (double)length);
    memset(loops->covered + first, 1, length);
    return true;
}

static void measure_loops(struct measuring *measuring)
{
    struct folded folded = {0};
    struct loops loops = {0};
    double covered = 0, *metrics = measuring->metrics;
    bool good = folded_new(&folded, measuring->view) && (loops.covered = calloc(folded.count + 1, 1));
    measuring->memory = measuring->memory || !good;
    if (good && folded.count) {
        runs_each(&folded, loops_visit, &loops);
        for (size_t i = 0; i < folded.count; i++)
            covered += loops.covered[i];
        metrics[METRIC_LOOP_LENGTH] = loops.longest;
        metrics[METRIC_LOOP_SHARE] = loops.longest / (double)folded.count;
        metrics[METRIC_LOOP_COVERED] = covered / (double)folded.count;
    }
    free(loops.covered);
    folded_free(&folded);
}

/* Words of a view as numbers; Han and kana one by one, for their words are a matter of opinion. */
struct units {
    uint64_t *hashes;
    double *lengths; /* characters */
    size_t count;
};

static void add_unit(struct units *units, uint64_t hash, size_t length)
{
    units->hashes[units->count] = hash;
    units->lengths[units->count++] = (double)length;
}

static bool units_new(struct units *units, const struct view *view)
{
    const struct passage *passage = view->passage;
    size_t most = view->last - view->first + 1;
    units->hashes = malloc(most * sizeof *units->hashes);
    units->lengths = malloc(most * sizeof *units->lengths);
    if (!units->hashes || !units->lengths)
        return false;
    for (size_t i = view->word_first; i < view->word_last; i++) {
        const struct word *word = &passage->words[i];
        if (word->part == PART_CODE || word->part == PART_TABLE)
            continue;
        if (word->script != USCRIPT_HAN)
            add_unit(units, word->hash, word->last - word->first);
        for (size_t g = word->first; word->script == USCRIPT_HAN && g < word->last; g++)
            add_unit(units, passage->glyphs[g].code, 1);
    }
    return true;
}

static void units_free(struct units *units)
{
    free(units->hashes);
    free(units->lengths);
}

struct gram {
    uint64_t hash;
    size_t at;
};

static int gram_compare(const void *a, const void *b)
{
    const struct gram *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

/* All n-grams, equal ones side by side, each in the order of the text. NULL: out of memory. */
static struct gram *grams_new(const struct units *units, size_t n, size_t *count)
{
    *count = units->count >= n ? units->count - n + 1 : 0;
    struct gram *grams = malloc((*count + 1) * sizeof *grams);
    for (size_t i = 0; grams && i < *count; i++) {
        uint64_t hash = 0;
        for (size_t k = 0; k < n; k++)
            hash = mix_u64(hash + units->hashes[i + k]);
        grams[i] = (struct gram){hash, i};
    }
    if (grams)
        qsort(grams, *count, sizeof *grams, gram_compare);
    return grams;
}

struct gram_facts {
    double distinct;  /* share of different n-grams */
    double top;       /* share of the most frequent one, of all n-grams */
    double top_text;  /* share of characters in it */
    double duplicate; /* share of characters in n-grams that occurred before */
};

static bool gram_facts(const struct units *units, size_t n, struct gram_facts *facts)
{
    size_t count, different = 0, most = 0;
    double top_text = 0, total = 0, repeated = 0;
    struct gram *grams = grams_new(units, n, &count);
    unsigned char *covered = calloc(units->count + 1, 1);
    *facts = (struct gram_facts){NAN, NAN, NAN, NAN};
    for (size_t i = 0, end; grams && covered && i < count; i = end) {
        double length = 0;
        for (end = i + 1; end < count && grams[end].hash == grams[i].hash; end++)
            memset(covered + grams[end].at, 1, n);
        for (size_t k = 0; k < n; k++)
            length += units->lengths[grams[i].at + k];
        different++;
        most = end - i > most ? end - i : most;
        top_text = end - i > 1 ? fmax(top_text, length * (double)(end - i)) : top_text;
    }
    for (size_t i = 0; grams && covered && i < units->count; i++) {
        total += units->lengths[i];
        repeated += covered[i] ? units->lengths[i] : 0;
    }
    if (count && total > 0)
        *facts = (struct gram_facts){(double)different / (double)count, (double)most / (double)count, top_text / total,
                                     repeated / total};
    bool good = grams && covered;
    free(grams);
    free(covered);
    return good;
}

static void measure_words(struct measuring *measuring)
{
    struct units units = {0};
    struct gram_facts facts[6];
    double *metrics = measuring->metrics, run = 1, longest = 0;
    bool good = units_new(&units, measuring->view);
    static const int sizes[] = {1, 2, 5};
    for (size_t i = 0; good && i < sizeof sizes / sizeof *sizes; i++)
        good = gram_facts(&units, (size_t)sizes[i], &facts[sizes[i]]);
    measuring->memory = measuring->memory || !good;
    for (size_t i = 0; good && i < units.count; i++) {
        run = i && units.hashes[i] == units.hashes[i - 1] ? run + 1 : 1;
        longest = fmax(longest, run);
    }
    if (good && units.count) {
        metrics[METRIC_WORDS] = (double)units.count;
        metrics[METRIC_WORD_RUN] = longest;
        metrics[METRIC_WORD_RUN_SHARE] = longest / (double)units.count;
        metrics[METRIC_DISTINCT1] = facts[1].distinct;
        metrics[METRIC_DISTINCT2] = facts[2].distinct;
        metrics[METRIC_DUPLICATE5] = facts[5].duplicate;
        metrics[METRIC_TOP1] = facts[1].top;
        metrics[METRIC_TOP2GRAM] = facts[2].top_text;
    }
    if (good && !units.count)
        metrics[METRIC_WORDS] = 0;
    units_free(&units);
}

#define PIECE 6

/* Pieces of 6 letters in a row, without regard to words: what glued words repeat. */
static void measure_pieces(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    struct units units = {.hashes = malloc((view->last - view->first + 1) * sizeof *units.hashes)};
    size_t count = 0;
    for (size_t i = view->first; units.hashes && i < view->last; i++)
        if (view->passage->glyphs[i].kind == GLYPH_LETTER && view->passage->glyphs[i].part <= PART_LIST)
            units.hashes[units.count++] = view->passage->glyphs[i].code;
    struct gram *grams = units.hashes ? grams_new(&units, PIECE, &count) : NULL;
    double again = 0;
    for (size_t i = 1; grams && i < count; i++)
        again += grams[i].hash == grams[i - 1].hash;
    measuring->memory = measuring->memory || !grams;
    if (count >= 30)
        measuring->metrics[METRIC_PIECES] = again / (double)count;
    free(grams);
    free(units.hashes);
}

static int hash_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* "def def", "the the": different words; "merrily, merrily, merrily" is one. */
static void measure_doubled(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const struct word *words = view->passage->words;
    size_t count = view->word_last - view->word_first, found = 0;
    double doubled = 0;
    uint64_t *hashes = malloc((count + 1) * sizeof *hashes);
    for (size_t i = view->word_first + 1; hashes && i < view->word_last; i++)
        if (words[i].kind == WORD_LETTERS && words[i].hash == words[i - 1].hash && words[i].script != USCRIPT_HAN &&
            words[i].last - words[i].first >= 2)
            hashes[found++] = words[i].hash;
    measuring->memory = measuring->memory || !hashes;
    if (hashes)
        qsort(hashes, found, sizeof *hashes, hash_compare);
    for (size_t i = 0; hashes && i < found; i++)
        doubled += !i || hashes[i] != hashes[i - 1];
    measuring->metrics[METRIC_DOUBLED] = doubled;
    if (count > 0)
        measuring->metrics[METRIC_DOUBLED_SHARE] = doubled / (double)count;
    free(hashes);
}

/* "1.", "2.", "-": lines that announce something and hold nothing. */
static void measure_items(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const struct glyph *glyphs = view->passage->glyphs;
    double run = 0, longest = 0;
    for (size_t i = view->first, end; i < view->last; i = end + 1) {
        size_t digits = 0, symbols = 0, others = 0;
        for (end = i; end < view->last && glyphs[end].code != '\n'; end++) {
            digits += glyphs[end].kind == GLYPH_DIGIT;
            symbols += glyphs[end].code < 128 && glyphs[end].code && strchr(".-*+):#", (int)glyphs[end].code) != NULL;
            others += glyphs[end].kind != GLYPH_SPACE;
        }
        bool item = symbols > 0 && symbols <= 2 && digits <= 3 && digits + symbols == others &&
                    glyphs[i].part != PART_CODE && glyphs[i].part != PART_TABLE;
        run = item ? run + 1 : others ? 0 : run;
        longest = fmax(longest, run);
    }
    measuring->metrics[METRIC_EMPTY_ITEMS] = longest;
}

/* What a line says but for its numbers; 0: nothing. A row of a table without anything in it is one. */
static uint64_t line_key(const struct glyph *glyphs, size_t first, size_t last)
{
    uint64_t key = 1;
    size_t letters = 0, bars = 0, digits = 0, others = 0;
    for (size_t i = first; i < last; i++) {
        const struct glyph *glyph = &glyphs[i];
        digits += glyph->kind == GLYPH_DIGIT;
        if (glyph->kind == GLYPH_SPACE || glyph->kind == GLYPH_DIGIT)
            continue;
        letters += glyph->kind == GLYPH_LETTER;
        bars += glyph->code == '|';
        others += glyph->code != '|';
        key = mix_u64(key ^ glyph->code);
    }
    return letters >= 2 || (bars >= 2 && !others && !digits) ? key : 0;
}

/* Lines of code and of tables, too. */
static void measure_same_lines(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    const struct glyph *glyphs = view->passage->glyphs;
    double run = 0, most = 0;
    size_t from = view->first, longest = 0;
    uint64_t before = 0;
    for (size_t i = view->first, end; i < view->last; i = end + 1) {
        end = passage_line_end(view->passage, i, view->last);
        bool blank = true;
        for (size_t k = i; blank && k < end; k++)
            blank = glyphs[k].kind == GLYPH_SPACE;
        if (blank)
            continue;
        uint64_t key = line_key(glyphs, i, end);
        bool same = key && key == before;
        run = same ? run + 1 : 1;
        from = same ? from : i;
        before = key;
        if (key && run > most) {
            most = run;
            longest = end - from;
        }
    }
    measuring->metrics[METRIC_SAME_LINES] = most;
    if (view->last > view->first)
        measuring->metrics[METRIC_SAME_LINES_SHARE] = (double)longest / (double)(view->last - view->first);
}

static void measure_again(struct measuring *measuring)
{
    const struct view *view = measuring->view;
    double again = 0, ink = 0;
    for (size_t i = view->first; i < view->last; i++) {
        bool prints = view->passage->glyphs[i].kind != GLYPH_SPACE;
        ink += prints;
        again += prints && view->passage->again[i];
    }
    if (ink > 0)
        measuring->metrics[METRIC_AGAIN] = again / ink;
}

void repetition_measure(struct measuring *measuring)
{
    measure_again(measuring);
    measure_loops(measuring);
    measure_words(measuring);
    measure_doubled(measuring);
    measure_items(measuring);
    measure_same_lines(measuring);
    measure_pieces(measuring);
}

struct run_marks {
    const struct passage *passage;
    struct marks *marks;
};

static bool run_mark(void *context, const struct folded *folded, size_t first, size_t length, size_t unit)
{
    struct run_marks *run = context;
    (void)unit;
    return marks_add(run->marks, run->passage->glyphs[folded->glyphs[first]].at,
                     glyph_end(run->passage, folded->glyphs[first + length - 1]), DIAGNOSE_REPETITION);
}

/* Words that stand in a repeated n-gram, from the second time on. */
static bool mark_grams(const struct view *view, size_t n, struct marks *marks)
{
    const struct passage *passage = view->passage;
    struct units units = {0};
    size_t count = 0, words = view->word_last - view->word_first;
    bool good = (units.hashes = malloc((words + 1) * sizeof *units.hashes));
    for (size_t i = 0; good && i < words; i++)
        units.hashes[units.count++] = passage->words[view->word_first + i].hash;
    struct gram *grams = good ? grams_new(&units, n, &count) : NULL;
    good = grams;
    for (size_t i = 1; good && i < count; i++) {
        const struct word *first = &passage->words[view->word_first + grams[i].at];
        if (grams[i].hash == grams[i - 1].hash)
            good = marks_add(marks, passage->glyphs[first->first].at, glyph_end(passage, (first + n - 1)->last - 1),
                             DIAGNOSE_REPETITION);
    }
    free(grams);
    free(units.hashes);
    return good;
}

bool repetition_mark(const struct view *view, struct marks *marks)
{
    struct folded folded = {0};
    struct run_marks run = {view->passage, marks};
    bool good = folded_new(&folded, view) && runs_each(&folded, run_mark, &run) && mark_grams(view, 3, marks);
    folded_free(&folded);
    return good;
}
