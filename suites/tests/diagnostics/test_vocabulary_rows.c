/* The vocabulary against the rows of its tables: rows that hold nothing or look untrained, and tables that moved. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/numbers.h"
#include "findings/finding.h"
#include "fixtures.h"
#include "health/scan.h"
#include "run/subject.h"
#include "store/overlay.h"
#include "vocabulary_fixture.h"

static size_t places(const struct findings *findings, const char *name, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += !findings->items[i].summary && findings->items[i].verdict == verdict &&
                 strcmp(findings->items[i].check, name) == 0;
    return count;
}

static void expect_rows(struct made *made, enum verdict verdict, const char *what)
{
    struct subject subject = open_thinker();
    struct findings findings = check(&subject, &made->profile, NULL);
    expect_verdicts(&findings, VERDICT_PASS, verdict, what);
    findings_free(&findings);
    subject_free(&subject);
    free(made);
}

/* --- rows that hold nothing --- */

Test(vocabulary, a_zero_row_is_a_warning)
{
    struct subject subject = open_thinker();
    struct made *made = made_new(1);
    made->rms[700] = 0;
    struct findings findings = check(&subject, &made->profile, NULL);
    expect_verdicts(&findings, VERDICT_PASS, VERDICT_WARN, "zero");
    const struct finding *place = expect_place(&findings, "weights.embedding_rows", VERDICT_WARN, "(700)");
    cr_expect_eq(place->where.token, 700);
    cr_expect_str_eq(place->where.tensor, "model.embed_tokens.weight");
    cr_expect_eq(places(&findings, "weights.embedding_rows", VERDICT_WARN), 1);
    cr_expect_eq(summary(&findings, "weights.embedding_rows")->measured, 1);
    cr_expect(strstr(place->message, tokenizer_token(subject.tokenizer, 700)), "%s", place->message);
    findings_free(&findings);
    free(made);
    subject_free(&subject);
}

static struct made *made_zero(uint64_t first, uint64_t count, uint64_t step)
{
    struct made *made = made_new(1);
    for (uint64_t i = 0; i < count; i++)
        made->rms[first + i * step] = 0;
    return made;
}

Test(vocabulary, zero_rows_in_numbers)
{
    expect_rows(made_zero(400, 13, 1), VERDICT_WARN, "a block of 13");
    expect_rows(made_zero(400, 13, 20), VERDICT_WARN, "1 % of the vocabulary");
    expect_rows(made_zero(400, 15, 20), VERDICT_FAIL, "more than that");
    expect_rows(made_zero(177, 20, 1), VERDICT_WARN, "bytes that no text has");
    expect_rows(made_zero(1534, 2, 1), VERDICT_WARN, "added tokens");
    expect_rows(made_zero(1533, 1, 1), VERDICT_PASS, "padding");
    expect_rows(made_zero(TOKENS, SPARE, 1), VERDICT_PASS, "rows without a token");
    expect_rows(made_zero(TOKENS + 8, 8, 1), VERDICT_PASS, "some of them");
}

#define LARGE 4000
#define RESERVE 20

/* Of so many words, a block counts before their share does. Behind them, added tokens. */
static struct subject open_large(void)
{
    struct buffer text = {0};
    buffer_text(&text, "{\"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {");
    for (int i = 0; i < LARGE; i++)
        buffer_format(&text, "%s\"word%d\": %d", i ? ", " : "", i, i);
    buffer_text(&text, "}}, \"added_tokens\": [");
    for (int i = 0; i < RESERVE; i++)
        buffer_format(&text,
                      "%s{\"id\": %d, \"content\": \"<%d>\", \"single_word\": false, \"lstrip\": false, "
                      "\"rstrip\": false, \"normalized\": false, \"special\": false}",
                      i ? ", " : "", LARGE + i, i);
    buffer_text(&text, "], \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}}");
    cr_assert(!text.failed);
    write_text(scratch("large/tokenizer.json"), text.data);
    buffer_free(&text);
    write_text(scratch("large/tokenizer_config.json"), "{\"eos_token\": \"<0>\"}");
    return open_subject(&(struct subject_options){.model = GOLDEN "nano/llama", .tokenizer = scratch("large")});
}

Test(vocabulary, a_block_of_zero_rows_fails)
{
    static const struct {
        int first, count, step;
        enum verdict verdict;
    } rows[] = {{0, 15, 1, VERDICT_WARN},
                {0, 16, 1, VERDICT_FAIL},
                {0, 40, 3, VERDICT_WARN},
                {0, 41, 3, VERDICT_FAIL},
                {LARGE, RESERVE, 1, VERDICT_WARN}};
    struct subject subject = open_large();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float rms[LARGE + RESERVE];
        for (int row = 0; row < LARGE + RESERVE; row++)
            rms[row] = 1 + (float)(row % 10) / 10;
        for (int k = 0; k < rows[i].count; k++)
            rms[rows[i].first + k * rows[i].step] = 0;
        struct row_profile profile = {.tensor = &embed_tensor, .rms = rms, .rows = LARGE + RESERVE};
        struct findings findings = check(&subject, &profile, NULL);
        expect_verdicts(&findings, VERDICT_PASS, rows[i].verdict, "large");
        cr_expect_eq(fact(summary(&findings, "weights.embedding_rows"), "embedding_zero"), rows[i].count);
        findings_free(&findings);
    }
    subject_free(&subject);
}

/* Words that no merge makes. */
Test(vocabulary, tokens_that_no_text_becomes)
{
    size_t size = 0;
    struct buffer words = {0};
    for (int i = 0; i < RESERVE; i++)
        buffer_format(&words, "\"qzxq%d\": %d,", i, WORDS + i);
    char *tokenizer = read_bytes(THINKER "/tokenizer.json", &size);
    write_after(scratch("u/tokenizer.json"), tokenizer, "\"vocab\": {", words.data);
    free(tokenizer);
    buffer_free(&words);
    write_text(scratch("u/tokenizer_config.json"), ENDS);
    struct subject subject =
        open_subject(&(struct subject_options){.model = GOLDEN "nano/llama", .tokenizer = scratch("u")});
    struct made *made = made_zero(WORDS, RESERVE, 1);
    struct findings findings = check(&subject, &made->profile, NULL);
    expect_verdicts(&findings, VERDICT_PASS, VERDICT_WARN, "never produced");
    cr_expect_eq(fact(summary(&findings, "weights.vocabulary"), "tokens_never_produced"), RESERVE);
    cr_expect_eq(fact(summary(&findings, "weights.vocabulary"), "tokens"), TOKENS + RESERVE);
    findings_free(&findings);
    free(made);
    subject_free(&subject);
}

Test(vocabulary, the_head_is_judged_too)
{
    struct subject subject = open_thinker();
    struct made *embedding = made_new(1), *head = made_zero(300, 32, 1);
    head->profile.tensor = &head_tensor;
    struct findings findings = check(&subject, &embedding->profile, &head->profile);
    expect_verdicts(&findings, VERDICT_PASS, VERDICT_FAIL, "head");
    const struct finding *finding = summary(&findings, "weights.embedding_rows");
    cr_expect_eq(fact(finding, "head_zero"), 32);
    cr_expect_eq(fact(finding, "embedding_zero"), 0);
    const struct finding *place = expect_place(&findings, "weights.embedding_rows", VERDICT_FAIL, "32 rows of");
    cr_expect_str_eq(place->where.tensor, "lm_head.weight");
    findings_free(&findings);
    findings = check(&subject, NULL, &head->profile);
    expect_verdicts(&findings, VERDICT_PASS, VERDICT_FAIL, "head alone");
    findings_free(&findings);
    free(embedding);
    free(head);
    subject_free(&subject);
}

Test(vocabulary, rows_that_are_not_finite_fail)
{
    struct made *made = made_new(1);
    made->rms[3] = NAN;
    expect_rows(made, VERDICT_FAIL, "NaN");
    made = made_new(1);
    made->rms[TOKENS + 1] = INFINITY;
    expect_rows(made, VERDICT_FAIL, "infinite");
    made = made_new(1);
    for (size_t row = 0; row < ROWS; row++)
        made->rms[row] = NAN;
    expect_rows(made, VERDICT_FAIL, "all NaN");
    made = made_new(1);
    for (size_t row = 0; row < ROWS; row++)
        made->rms[row] = 0;
    expect_rows(made, VERDICT_FAIL, "all zero");
}

/* --- rows that look untrained --- */

static struct made *made_small(uint64_t first, uint64_t count, uint64_t step)
{
    uint64_t seed = 5;
    struct made *made = made_new(1);
    for (uint64_t i = 0; i < count; i++)
        made->rms[first + i * step] = spare_rms(&seed);
    return made;
}

Test(vocabulary, blocks_of_untrained_rows_are_a_warning)
{
    expect_rows(made_small(400, 12, 1), VERDICT_PASS, "a short block");
    expect_rows(made_small(400, 63, 1), VERDICT_PASS, "a shorter one");
    expect_rows(made_small(400, 64, 1), VERDICT_WARN, "as many as have no token, which look as untrained");
    expect_rows(made_small(0, 60, 20), VERDICT_PASS, "scattered");
    expect_rows(made_small(0, 100, 15), VERDICT_WARN, "too many of them");
}

/* --- tables that moved --- */

/* Row i becomes row i + rows, round the end. */
static struct made *made_moved(uint64_t seed, int rows)
{
    struct made *made = made_new(seed);
    float *from = malloc(sizeof made->rms);
    cr_assert(from);
    memcpy(from, made->rms, sizeof made->rms);
    for (int row = 0; row < ROWS; row++)
        made->rms[(row + rows + ROWS) % ROWS] = from[row];
    free(from);
    return made;
}

static void expect_moved(struct made *made, int rows, enum verdict verdict)
{
    char words[64];
    struct subject subject = open_thinker();
    struct findings findings = check(&subject, &made->profile, NULL);
    expect_verdicts(&findings, VERDICT_PASS, verdict, "moved");
    snprintf(words, sizeof words, "looks moved by %d rows", rows);
    const struct finding *place = expect_place(&findings, "weights.embedding_rows", verdict, words);
    cr_expect_eq(place->measured, rows);
    cr_expect_eq(place->where.token, TOKENS + rows);
    cr_expect_eq(fact(summary(&findings, "weights.embedding_rows"), "embedding_moved"), rows);
    findings_free(&findings);
    subject_free(&subject);
    free(made);
}

Test(vocabulary, a_moved_table_is_named)
{
    expect_moved(made_moved(1, -1), -1, VERDICT_WARN);
    expect_moved(made_moved(2, -5), -5, VERDICT_WARN);
    expect_moved(made_moved(3, -20), -20, VERDICT_FAIL);
    expect_moved(made_moved(4, -32), -32, VERDICT_FAIL);
    expect_moved(made_moved(5, -50), -50, VERDICT_FAIL);
    expect_moved(made_moved(6, -100), -100, VERDICT_FAIL); /* where no token is, all rows look trained */
    expect_moved(made_moved(7, -1000), -1000, VERDICT_FAIL);
}

Test(vocabulary, a_table_pushed_up_is_a_warning)
{
    expect_moved(made_moved(8, 10), 10, VERDICT_WARN); /* or ten tokens more were trained */
    uint64_t seed = 8;
    struct made *made = made_new(8);
    for (size_t row = TOKENS; row < TOKENS + 7; row++)
        made->rms[row] = trained_rms(&seed);
    expect_rows(made, VERDICT_PASS, "a few tokens more");
}

Test(vocabulary, a_moved_table_whose_spare_rows_are_zero)
{
    struct made *made = made_new(9);
    for (size_t row = 0; row < ROWS; row++)
        made->rms[row] = row >= TOKENS - 30 && row < ROWS - 30 ? 0 : 0.1f * (1 + (float)(row % 7) / 10);
    expect_moved(made, -30, VERDICT_FAIL);
}

/* A trained model's rows, with spare ones behind them. */
Test(vocabulary, a_real_table_that_moved)
{
    struct subject subject = open_thinker();
    struct row_profile profiles[2] = {profile_of(subject.store, embed_tensor.name),
                                      profile_of(subject.store, head_tensor.name)};
    for (size_t i = 0; i < 2; i++) {
        uint64_t seed = 3;
        struct made *made = made_new(1);
        memcpy(made->rms, profiles[i].rms, TOKENS * sizeof(float));
        for (size_t row = TOKENS; row < ROWS; row++)
            made->rms[row] = spare_rms(&seed);
        struct findings findings = check(&subject, &made->profile, NULL);
        expect_verdicts(&findings, VERDICT_PASS, VERDICT_PASS, "in its place");
        findings_free(&findings);
        memmove(made->rms, made->rms + 200, (ROWS - 200) * sizeof(float));
        memcpy(made->rms + ROWS - 200, profiles[i].rms, 200 * sizeof(float));
        expect_moved(made, -200, VERDICT_FAIL);
        free(profiles[i].rms);
    }
    subject_free(&subject);
}

#define MOVES 4

/* The same with a real vocabulary, and spare rows of a size between those of rare tokens. */
Test(vocabulary, a_real_model_that_moved)
{
    static const int64_t moves[MOVES] = {0, -3, -100, -5000};
    static const enum verdict verdicts[MOVES] = {VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_FAIL};
    char path[512];
    const char *home = getenv("HOME");
    snprintf(path, sizeof path, "%s/.cache/assay/smollm2/model", home ? home : "");
    if (!file_exists(path))
        cr_skip_test("%s is not there", path);
    struct subject subject = open_subject(&(struct subject_options){.model = path});
    struct row_profile real = profile_of(subject.store, embed_tensor.name);
    size_t spare = 256, rows = (size_t)real.rows + spare;
    float *grown = malloc(rows * sizeof *grown), *moved = malloc(rows * sizeof *moved);
    cr_assert(grown && moved && real.rms);
    memcpy(grown, real.rms, (size_t)real.rows * sizeof *grown);
    for (uint64_t row = real.rows, seed = 1; row < rows; row++)
        grown[row] = 3 * spare_rms(&seed);
    for (size_t i = 0; i < MOVES; i++) {
        for (size_t row = 0; row < rows; row++)
            moved[(row + rows + (size_t)moves[i]) % rows] = grown[row];
        struct row_profile profile = {.tensor = &embed_tensor, .rms = moved, .rows = rows};
        struct findings findings = check(&subject, &profile, NULL);
        expect_verdicts(&findings, VERDICT_PASS, verdicts[i], "moved");
        cr_expect_eq(fact(summary(&findings, "weights.embedding_rows"), "embedding_moved"), moves[i]);
        findings_free(&findings);
    }
    free(moved);
    free(grown);
    free(real.rms);
    subject_free(&subject);
}

/* A table in which words with and without a blank before them are alike by that share, every row `rows` behind its
 * place. */
static float *made_table(const struct tokenizer *tokenizer, size_t columns, int rows, double alike)
{
    size_t count = TOKENS * columns;
    float *made = malloc(count * sizeof *made), *moved = malloc(count * sizeof *moved);
    cr_assert(made && moved);
    for (size_t i = 0; i < count; i++)
        made[i] = (float)(double)(mix_u64(i + 1) >> 40) * 0x1p-24f - 0.5f;
    for (int id = 0; id < TOKENS; id++) {
        const char *text = tokenizer_token(tokenizer, id);
        for (int other = 0; text && strncmp(text, "\xC4\xA0", 2) == 0 && other < TOKENS; other++) {
            const char *word = tokenizer_token(tokenizer, other);
            for (size_t c = 0; word && strcmp(word, text + 2) == 0 && c < columns; c++)
                made[(size_t)id * columns + c] = (float)(alike * (double)made[(size_t)other * columns + c] +
                                                         (1 - alike) * (double)made[(size_t)id * columns + c]);
        }
    }
    for (int id = 0; id < TOKENS; id++)
        memcpy(moved + (size_t)((id + rows + TOKENS) % TOKENS) * columns, made + (size_t)id * columns,
               columns * sizeof *made);
    free(made);
    return moved;
}

Test(vocabulary, words_with_and_without_a_blank_tell_of_a_single_row)
{
    static const struct {
        int rows;
        double alike;
        enum verdict verdict;
    } rows[] = {{0, 0.7, VERDICT_PASS}, {1, 0.7, VERDICT_FAIL}, {-1, 0.7, VERDICT_FAIL}, {8, 0.7, VERDICT_FAIL},
                {0, 0, VERDICT_PASS},   {1, 0, VERDICT_PASS}, /* nothing is alike anywhere: not known */
                {40, 0.7, VERDICT_PASS} /* farther than it looks */};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct subject subject = open_thinker();
        struct error error = {0};
        const struct tensor *old = store_find(subject.store, embed_tensor.name);
        float *values = made_table(subject.tokenizer, (size_t)old->columns, rows[i].rows, rows[i].alike);
        struct store *overlay = overlay_new(subject.store, &error);
        cr_assert(overlay && overlay_replace(overlay, old->name, DTYPE_F32, 2, old->shape, values, &error), "%s",
                  error_text(&error));
        subject_cover(&subject, overlay);
        struct row_profile profile = profile_of(subject.store, embed_tensor.name);
        struct findings findings = check(&subject, &profile, NULL);
        expect_verdicts(&findings, VERDICT_PASS, rows[i].verdict, "pairs of words");
        cr_expect_eq(fact(summary(&findings, "weights.embedding_rows"), "embedding_moved"),
                     rows[i].verdict == VERDICT_FAIL ? rows[i].rows : 0);
        if (rows[i].verdict == VERDICT_FAIL)
            expect_place(&findings, "weights.embedding_rows", VERDICT_FAIL, "words with and without a blank");
        findings_free(&findings);
        subject_free(&subject);
        free(profile.rms);
        free(values);
    }
}

/* --- nothing to compare --- */

Test(vocabulary, what_is_missing_is_a_skip_with_a_reason)
{
    struct subject subject = open_thinker();
    struct findings findings = check(&subject, NULL, NULL);
    expect_verdicts(&findings, VERDICT_SKIP, VERDICT_SKIP, "no table");
    cr_expect(strstr(findings.items[0].message, "neither an embedding nor a head"));
    findings_free(&findings);
    subject_free(&subject);
    subject = open_subject(&(struct subject_options){.model = GOLDEN "nano/thinker-extraction",
                                                     .config = GOLDEN "nano/thinker/config.json"});
    struct made *made = made_new(1);
    findings = check(&subject, &made->profile, NULL);
    expect_verdicts(&findings, VERDICT_SKIP, VERDICT_SKIP, "no tokenizer");
    cr_expect(strstr(findings.items[1].message, "no tokenizer"), "%s", findings.items[1].message);
    findings_free(&findings);
    free(made);
    subject_free(&subject);
}

Test(vocabulary, tiny_tables)
{
    struct subject subject = open_thinker();
    float one[1] = {1};
    struct row_profile profile = {.tensor = &embed_tensor, .rms = one, .rows = 1};
    for (profile.rows = 0; profile.rows <= 1; profile.rows++) {
        struct findings findings = check(&subject, &profile, NULL);
        expect_verdicts(&findings, VERDICT_FAIL, VERDICT_PASS, "tiny");
        findings_free(&findings);
    }
    subject_free(&subject);
}
