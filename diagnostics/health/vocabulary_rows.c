/* The rows of the tables against the tokens that have them.
 *
 * Rows that no token has were never trained: they keep what the initialisation and weight decay left, and where that
 * is told from trained rows by its size, it shows which other rows were not trained either. Small rows alone prove
 * nothing: in real models thousands of rare tokens have them, one here and one there, and added tokens that are kept
 * in reserve, and bytes that are no characters, have them in blocks (Land and Bartolo: Fishing for Magikarp, 2024).
 * Blocks of such rows that ordinary tokens have, and trained rows where no token is, do not come from training. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "health/vocabulary_kin.h"
#include "health/vocabulary_place.h"

#define RUN_MOST 16       /* rows in a row: damage comes in blocks, rare tokens do not */
#define ZERO_SHARE 0.01   /* of words: a failure, as is a run */
#define SMALL_RUN 64      /* a warning, as is the next: words that are rare may come one after the other */
#define SMALL_SHARE 0.05  /* of words; in real models up to 1 % were seen */
#define TRAINED_LEAST 64  /* rows that a spread can be told from */
#define NEVER_LEAST 8     /* rows that a cluster can be told from */
#define ZERO_LOG (-104.0) /* stands for log 0: below that of the smallest float */
#define SPREAD_LEAST 0.01 /* of logarithms */
#define APART 4.0         /* spreads between two clusters, and of a row outside its own */
#define MATCH_LEAST 0.95  /* of a block that moved */

struct cluster {
    double centre, spread; /* median and scaled median deviation of log rms */
    size_t count;
};

struct move {
    int64_t rows;          /* that the block of untrained rows lies below (-) its place, or above; 0: it does not */
    uint64_t first, count; /* where it lies */
    uint64_t trained;      /* rows that look trained and have no token */
    uint64_t words;        /* rows that look untrained and are of words */
};

/* One table on the way. */
struct table {
    struct vocabulary *vocabulary;
    const struct row_profile *profile;
    const unsigned char *kinds; /* [rows] */
    double *logs;               /* [rows]: NaN where the row is not finite */
    unsigned char *small;       /* [rows]: looks untrained */
    uint64_t *before;           /* [rows + 1]: how many of `small` come before */
    double *scratch;            /* [rows] */
    uint64_t words, rare, none;
    struct cluster trained, never;
    bool apart; /* the two can be told apart */
    uint64_t zero_words, zero_rare, nonfinite, zero_run;
    uint64_t small_words, small_run, small_at;
    struct move move;
    struct kin kin;
};

struct judged {
    enum verdict verdict;
    uint64_t lost; /* rows that are zero though a token has them, or not finite; both tables together */
    struct buffer text;
};

/* --- preparation --- */

static void table_free(struct table *table)
{
    free(table->logs);
    free(table->small);
    free(table->before);
    free(table->scratch);
}

static bool is_unused(const struct vocabulary *vocabulary, uint64_t row)
{
    for (size_t i = 0; i < vocabulary->unused.count; i++)
        if ((uint64_t)vocabulary->unused.data[i] == row)
            return true;
    return false;
}

static bool table_prepare(struct table *table)
{
    const struct row_profile *profile = table->profile;
    size_t rows = (size_t)profile->rows;
    table->kinds = table->vocabulary->kinds;
    table->logs = malloc((rows + 1) * sizeof *table->logs);
    table->small = calloc(rows + 1, sizeof *table->small);
    table->before = calloc(rows + 1, sizeof *table->before);
    table->scratch = malloc((rows + 1) * sizeof *table->scratch);
    if (!table->logs || !table->small || !table->before || !table->scratch)
        return error_memory(table->vocabulary->error, ROWS_CHECK);
    for (size_t row = 0; row < rows; row++) {
        double rms = (double)profile->rms[row];
        table->logs[row] = !isfinite(rms) ? NAN : rms > 0 ? log(rms) : ZERO_LOG;
        table->words += table->kinds[row] == KIND_WORD;
        table->rare += table->kinds[row] == KIND_RARE;
        table->none += table->kinds[row] == KIND_NONE;
    }
    return true;
}

/* --- rows that hold nothing --- */

/* One finding for each block of zero rows that tokens have. */
static bool add_zero_block(struct table *table, uint64_t first, uint64_t count, enum verdict verdict)
{
    char label[TOKEN_LABEL], last[TOKEN_LABEL];
    const struct tokenizer *tokenizer = table->vocabulary->subject->tokenizer;
    struct finding *place = vocabulary_place(table->vocabulary, ROWS_CHECK, verdict, (int)first, table->profile);
    if (!place)
        return false;
    finding_measured(place, (double)count, "rows");
    if (count == 1)
        finding_message(place, "The row of token %s in '%s' is zero.", token_label(tokenizer, (int)first, label),
                        table->profile->tensor->name);
    else
        finding_message(place, "%llu rows of '%s' are zero, from that of token %s to that of %s.",
                        (unsigned long long)count, table->profile->tensor->name,
                        token_label(tokenizer, (int)first, label),
                        token_label(tokenizer, (int)(first + count - 1), last));
    return true;
}

static bool is_lost(const struct table *table, uint64_t row, enum kind kind)
{
    return table->kinds[row] == kind && table->logs[row] <= ZERO_LOG && !is_unused(table->vocabulary, row);
}

static uint64_t lost_run(const struct table *table, uint64_t row, enum kind kind)
{
    uint64_t end = row;
    while (end < table->profile->rows && is_lost(table, end, kind))
        end++;
    return end - row;
}

static void count_zeros(struct table *table)
{
    for (uint64_t row = 0; row < table->profile->rows; row++) {
        uint64_t run = lost_run(table, row, KIND_WORD);
        table->zero_run = run > table->zero_run ? run : table->zero_run;
        table->zero_words += run;
        table->zero_rare += is_lost(table, row, KIND_RARE);
        row += run ? run - 1 : 0;
    }
}

static bool zeros_fail(const struct table *table)
{
    return table->zero_run >= RUN_MOST || (double)table->zero_words > ZERO_SHARE * (double)table->words;
}

/* Tokens that the model may never have seen: their zero rows are a warning however many they are. */
static bool add_zeros(struct table *table)
{
    enum verdict verdict = zeros_fail(table) ? VERDICT_FAIL : VERDICT_WARN;
    size_t places = 0;
    for (uint64_t row = 0; row < table->profile->rows; row++) {
        enum kind kind = table->kinds[row];
        uint64_t run = kind == KIND_NONE ? 0 : lost_run(table, row, kind);
        if (run && places++ < NAMED_MAX && !add_zero_block(table, row, run, kind == KIND_WORD ? verdict : VERDICT_WARN))
            return false;
        row += run ? run - 1 : 0;
    }
    return true;
}

static bool add_nonfinite(struct table *table)
{
    for (uint64_t row = 0; row < table->profile->rows; row++) {
        char label[TOKEN_LABEL];
        if (!isnan(table->logs[row]) || table->nonfinite++ >= NAMED_MAX)
            continue;
        struct finding *place = vocabulary_place(table->vocabulary, ROWS_CHECK, VERDICT_FAIL, (int)row, table->profile);
        if (!place)
            return false;
        finding_message(place, "The row of token %s in '%s' has values that are not finite.",
                        token_label(table->vocabulary->subject->tokenizer, (int)row, label),
                        table->profile->tensor->name);
    }
    return true;
}

/* --- trained and untrained rows --- */

/* Reorders the values. */
static struct cluster cluster_of(double *values, size_t count)
{
    struct cluster cluster = {.count = count};
    if (!count)
        return cluster;
    cluster.centre = doubles_median(values, count);
    for (size_t i = 0; i < count; i++)
        values[i] = fabs(values[i] - cluster.centre);
    double spread = 1.4826 * doubles_median(values, count); /* of Gaussian values: the standard deviation */
    cluster.spread = spread > SPREAD_LEAST ? spread : SPREAD_LEAST;
    return cluster;
}

/* Of the rows of a kind whose logs are `least` to `most` away from `centre`. */
static struct cluster cluster_of_kind(const struct table *table, enum kind kind, double centre, double least,
                                      double most)
{
    size_t count = 0;
    for (uint64_t row = 0; row < table->profile->rows; row++) {
        double distance = fabs(table->logs[row] - centre);
        if (table->kinds[row] == kind && distance >= least && distance <= most)
            table->scratch[count++] = table->logs[row];
    }
    return cluster_of(table->scratch, count);
}

/* Of the rows in a block that look untrained. */
static struct cluster cluster_of_block(const struct table *table, uint64_t first, uint64_t end)
{
    size_t count = 0;
    for (uint64_t row = first; row < end; row++)
        if (table->small[row])
            table->scratch[count++] = table->logs[row];
    return cluster_of(table->scratch, count);
}

/* In a table that moved, trained rows are among those that no token has: only the others form the cluster. */
static void find_clusters(struct table *table)
{
    table->trained = cluster_of_kind(table, KIND_WORD, 0, 0, HUGE_VAL);
    double centre = table->trained.centre, far = APART * table->trained.spread;
    table->never = cluster_of_kind(table, KIND_NONE, centre, far, HUGE_VAL);
    double distance = fabs(table->never.centre - centre);
    table->never = cluster_of_kind(table, KIND_NONE, table->never.centre, 0, distance / 2);
    table->apart = table->trained.count >= TRAINED_LEAST && table->never.count >= NEVER_LEAST &&
                   distance >= APART * (table->trained.spread + table->never.spread);
}

static void count_small(struct table *table)
{
    for (uint64_t row = 0; row < table->profile->rows; row++)
        table->before[row + 1] = table->before[row] + table->small[row];
}

static void mark_near_never(struct table *table)
{
    double half = fabs(table->never.centre - table->trained.centre) / 2;
    double reach = APART * table->never.spread > 0.1 ? APART * table->never.spread : 0.1;
    reach = reach < half ? reach : half;
    for (uint64_t row = 0; row < table->profile->rows; row++)
        table->small[row] = fabs(table->logs[row] - table->never.centre) <= reach;
    count_small(table);
}

/* Rows that are far below (sign -1) or above the trained ones. */
static void mark_far(struct table *table, int sign)
{
    double least = APART * table->trained.spread;
    for (uint64_t row = 0; row < table->profile->rows; row++)
        table->small[row] = sign * (table->logs[row] - table->trained.centre) > least;
    count_small(table);
}

static void find_small_run(struct table *table)
{
    uint64_t run = 0;
    for (uint64_t row = 0; row < table->profile->rows; row++) {
        bool small = table->small[row] && table->kinds[row] == KIND_WORD && table->logs[row] > ZERO_LOG;
        run = small ? run + 1 : 0;
        table->small_words += small;
        if (run > table->small_run) {
            table->small_run = run;
            table->small_at = row + 1 - run;
        }
    }
}

/* --- a table that moved --- */

/* The longest block of rows that no token has. */
static uint64_t never_block(const struct table *table, uint64_t *first)
{
    uint64_t longest = 0, run = 0;
    for (uint64_t row = 0; row < table->profile->rows; row++) {
        run = table->kinds[row] == KIND_NONE ? run + 1 : 0;
        if (run > longest) {
            longest = run;
            *first = row + 1 - run;
        }
    }
    return longest;
}

/* Rows that look untrained in [first, end), less those that do not. */
static int64_t block_score(const struct table *table, uint64_t first, uint64_t end)
{
    return 2 * (int64_t)(table->before[end] - table->before[first]) - (int64_t)(end - first);
}

static uint64_t count_kind(const struct table *table, uint64_t first, uint64_t end, enum kind kind)
{
    uint64_t count = 0;
    for (uint64_t row = first; row < end; row++)
        count += table->small[row] && table->kinds[row] == kind;
    return count;
}

static uint64_t count_trained(const struct table *table, uint64_t first, uint64_t end)
{
    uint64_t count = 0;
    for (uint64_t row = first; row < end; row++)
        count += !table->small[row] && fabs(table->logs[row] - table->trained.centre) <= APART * table->trained.spread;
    return count;
}

/* The place where a block of that many untrained rows fits best, its end perhaps pushed out of the table. The score of
 * its own place, less than a whole block, has to be beaten, and as many rows as the block moved have to look trained
 * there. */
static struct move find_move(const struct table *table)
{
    uint64_t own = 0, rows = table->profile->rows, count = never_block(table, &own), at = own;
    if (count < NEVER_LEAST)
        return (struct move){0};
    int64_t best = block_score(table, own, own + count);
    for (uint64_t first = 0; first + NEVER_LEAST <= rows; first++) {
        uint64_t end = first + count < rows ? first + count : rows;
        int64_t score = block_score(table, first, end);
        if (score > best) {
            best = score;
            at = first;
        }
    }
    uint64_t end = at + count < rows ? at + count : rows, distance = at > own ? at - own : own - at;
    struct move move = {.rows = (int64_t)at - (int64_t)own,
                        .first = at,
                        .count = end - at,
                        .trained = count_trained(table, own, own + count),
                        .words = count_kind(table, at, end, KIND_WORD)};
    uint64_t vacated = distance < count ? distance : count;
    bool fits = (double)(table->before[end] - table->before[at]) >= MATCH_LEAST * (double)(end - at);
    bool moved = at != own && fits && move.trained && (double)move.trained >= 0.9 * (double)vacated;
    return moved ? move : (struct move){0};
}

/* Where the rows without a token look trained, nothing tells what untrained rows look like: then the block has to be
 * of words, far from all others and alike, and little outside it may be like it. */
static struct move find_move_far(struct table *table)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        mark_far(table, sign);
        struct move move = find_move(table);
        if (!move.rows)
            continue;
        table->never = cluster_of_block(table, move.first, move.first + move.count);
        mark_near_never(table);
        move = find_move(table);
        uint64_t rows = table->profile->rows, end = move.first + move.count;
        uint64_t others = table->before[rows] - (table->before[end] - table->before[move.first]);
        if (move.rows && move.count >= RUN_MOST && move.words * 2 >= move.count &&
            others <= move.count / 2 + rows / 1000)
            return move;
    }
    return (struct move){0};
}

/* A few trained rows behind the last token tell of tokens that were dropped as well as of a table pushed up. */
static bool is_push_small(const struct move *move)
{
    return move->rows > 0 && move->trained < NEVER_LEAST;
}

static enum verdict move_verdict(const struct move *move)
{
    return !move->rows                                                  ? VERDICT_PASS
           : move->trained >= NEVER_LEAST && move->words >= NEVER_LEAST ? VERDICT_FAIL
                                                                        : VERDICT_WARN;
}

static bool add_move(struct table *table)
{
    const struct move *move = &table->move;
    enum verdict verdict = move_verdict(move);
    char label[TOKEN_LABEL];
    if (verdict == VERDICT_PASS)
        return true;
    struct finding *place = vocabulary_place(table->vocabulary, ROWS_CHECK, verdict, (int)move->first, table->profile);
    if (!place)
        return false;
    finding_measured(place, (double)move->rows, "rows moved");
    finding_message(place,
                    "'%s' looks moved by %lld rows against the vocabulary: %llu rows from that of token %s on look "
                    "untrained, and %llu rows that no token has look trained.",
                    table->profile->tensor->name, (long long)move->rows, (unsigned long long)move->count,
                    token_label(table->vocabulary->subject->tokenizer, (int)move->first, label),
                    (unsigned long long)move->trained);
    return true;
}

/* What pairs of words tell of a move that the block of untrained rows does not. */
static bool add_kin(struct table *table)
{
    const struct kin *kin = &table->kin;
    if (table->move.rows || !kin->rows)
        return true;
    struct finding *place = vocabulary_place(table->vocabulary, ROWS_CHECK, VERDICT_FAIL, 0, table->profile);
    if (!place)
        return false;
    finding_measured(place, kin->rows, "rows moved");
    finding_message(place,
                    "'%s' is moved by %d row%s against the vocabulary: words with and without a blank before them have "
                    "rows that are alike there (mean cosine %.2f of %zu pairs), and not in their places (%.2f).",
                    table->profile->tensor->name, kin->rows, abs(kin->rows) == 1 ? "" : "s", kin->elsewhere, kin->pairs,
                    kin->own);
    return true;
}

static int64_t rows_moved(const struct table *table)
{
    return table->move.rows ? table->move.rows : table->kin.rows;
}

static bool small_warn(const struct table *table)
{
    return !table->move.rows &&
           (table->small_run >= SMALL_RUN || (double)table->small_words > SMALL_SHARE * (double)table->words);
}

static bool add_small(struct table *table)
{
    char label[TOKEN_LABEL];
    if (!small_warn(table))
        return true;
    struct finding *place =
        vocabulary_place(table->vocabulary, ROWS_CHECK, VERDICT_WARN, (int)table->small_at, table->profile);
    if (!place)
        return false;
    finding_measured(place, (double)table->small_words, "rows");
    finding_message(place,
                    "%llu rows of '%s' are as large as those that no token has, and look untrained; the longest block "
                    "is %llu rows from that of token %s on.",
                    (unsigned long long)table->small_words, table->profile->tensor->name,
                    (unsigned long long)table->small_run,
                    token_label(table->vocabulary->subject->tokenizer, (int)table->small_at, label));
    return true;
}

static void look(struct table *table)
{
    find_clusters(table);
    if (table->apart) {
        mark_near_never(table);
        table->move = find_move(table);
        if (is_push_small(&table->move))
            table->move = (struct move){0};
        if (table->never.count * 2 >= table->none)
            find_small_run(table);
    } else if (table->trained.count >= TRAINED_LEAST) {
        table->move = find_move_far(table);
    }
}

/* --- the verdict --- */

static enum verdict table_verdict(const struct table *table)
{
    enum verdict move = move_verdict(&table->move);
    if (table->nonfinite || zeros_fail(table) || move == VERDICT_FAIL || table->kin.rows)
        return VERDICT_FAIL;
    bool warn = table->zero_words || table->zero_rare || small_warn(table) || move == VERDICT_WARN;
    return warn ? VERDICT_WARN : VERDICT_PASS;
}

static void describe(const struct table *table, struct buffer *out)
{
    uint64_t tokens = table->words + table->rare, lost = table->zero_words + table->zero_rare;
    buffer_format(out, "%s'%s': ", out->size ? "; " : "", table->profile->tensor->name);
    if (!lost && !table->nonfinite)
        buffer_format(out, "each of %llu tokens has a row that holds something", (unsigned long long)tokens);
    if (lost)
        buffer_format(out, "%llu of %llu tokens have a row of zeros", (unsigned long long)lost,
                      (unsigned long long)tokens);
    if (table->nonfinite)
        buffer_format(out, "%s%llu rows are not finite", lost ? ", " : "", (unsigned long long)table->nonfinite);
    if (rows_moved(table))
        buffer_format(out, ", the table looks moved by %lld rows", (long long)rows_moved(table));
    else if (table->apart)
        buffer_format(out, ", and %llu look like the %llu that no token has", (unsigned long long)table->small_words,
                      (unsigned long long)table->none);
    else if (table->none)
        buffer_format(out, ", and %llu that no token has cannot be told from them", (unsigned long long)table->none);
}

/* "embedding_zero", "head_zero" ... */
static void add_facts(const struct table *table, const char *name, struct finding *finding)
{
    const struct {
        const char *what;
        double value;
    } facts[] = {
        {"tokens", (double)(table->words + table->rare)},
        {"without_token", (double)table->none},
        {"zero", (double)(table->zero_words + table->zero_rare)},
        {"nonfinite", (double)table->nonfinite},
        {"untrained", table->apart ? (double)table->small_words : NAN},
        {"moved", (double)rows_moved(table)},
        {"trained_rms", table->trained.count ? exp(table->trained.centre) : NAN},
        {"without_token_rms", table->apart ? exp(table->never.centre) : NAN},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct buffer full = {0};
        if (!isnan(facts[i].value) && buffer_format(&full, "%s_%s", name, facts[i].what))
            finding_fact(finding, full.data, facts[i].value);
        buffer_free(&full);
    }
}

static bool judge_table(struct vocabulary *vocabulary, size_t which, size_t at, struct judged *judged)
{
    static const char *const names[] = {"embedding", "head"};
    struct table table = {.vocabulary = vocabulary, .profile = vocabulary->tables[which]};
    bool good = table_prepare(&table);
    if (good) {
        count_zeros(&table);
        look(&table);
        good = vocabulary_kin(vocabulary, table.profile, &table.kin) && add_nonfinite(&table) && add_zeros(&table) &&
               add_move(&table) && add_kin(&table) && add_small(&table);
    }
    if (good) {
        static const int weight[] = {[VERDICT_PASS] = 0, [VERDICT_WARN] = 1, [VERDICT_FAIL] = 2, [VERDICT_SKIP] = 0};
        enum verdict verdict = table_verdict(&table);
        judged->verdict = weight[verdict] > weight[judged->verdict] ? verdict : judged->verdict;
        judged->lost += table.zero_words + table.zero_rare + table.nonfinite;
        add_facts(&table, names[which], &vocabulary->findings->items[at]);
        describe(&table, &judged->text);
    }
    table_free(&table);
    return good;
}

bool vocabulary_rows(struct vocabulary *vocabulary)
{
    struct judged judged = {.verdict = VERDICT_PASS};
    size_t at = vocabulary->findings->count;
    if (!findings_add(vocabulary->findings, ROWS_CHECK))
        return error_memory(vocabulary->error, ROWS_CHECK);
    bool good = true;
    for (size_t i = 0; i < 2 && good; i++)
        good = !vocabulary->tables[i] || judge_table(vocabulary, i, at, &judged);
    if (good) {
        struct finding *finding = &vocabulary->findings->items[at];
        finding_measured(finding, (double)judged.lost, "rows lost");
        finding_limit(finding, 0, "a token that occurs in texts was trained, so its row holds something");
        finding->verdict = judged.verdict;
        finding_message(finding, "%s.", judged.text.data ? judged.text.data : "");
    }
    buffer_free(&judged.text);
    return good;
}
