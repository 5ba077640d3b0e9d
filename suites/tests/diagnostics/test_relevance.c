/* Relation of texts to their prompts: the numbers against a straight computation, the order of what is told, bad input,
 * broken judges; and with a real model, where it is installed, how often it is right. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "judge_fixture.h"
#include "run/generate.h"
#include "texts/relevance.h"

#define GOLDEN ASSAY_SOURCE_DIR "/golden/"
#define DATA ASSAY_SOURCE_DIR "/suites/data/"

/* The engine is counted: the linker sends its calls here. */
static size_t rows_run;
bool __real_model_forward(struct model *model, const struct sequence *sequences, size_t count,
                          const struct probe *probe, struct error *error);
bool __wrap_model_forward(struct model *model, const struct sequence *sequences, size_t count,
                          const struct probe *probe, struct error *error);

bool __wrap_model_forward(struct model *model, const struct sequence *sequences, size_t count,
                          const struct probe *probe, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        rows_run += sequences[i].count;
    return __real_model_forward(model, sequences, count, probe, error);
}

static void measure(struct subject *judge, const struct relevance_pair *pairs, size_t count,
                    const struct relevance_options *options, struct relevance *out)
{
    struct error error = {0};
    cr_assert(relevance_measure(judge, pairs, count, options, out, &error), "%s", error_text(&error));
}

static void expect_error(struct subject *judge, const struct relevance_pair *pair, const char *words)
{
    struct error error = {0};
    struct relevance out;
    cr_assert(!relevance_measure(judge, pair, 1, &(struct relevance_options){0}, &out, &error));
    cr_assert(strstr(error_text(&error), words), "\"%s\" does not say \"%s\"", error_text(&error), words);
    error_clear(&error);
}

/* From the corpus of thinker-48; each continues no prompt but its own. */
static const struct relevance_pair pairs[] = {
    {"The capital of France is", " Paris."},
    {"The opposite of hot is", " cold."},
    {"2 + 2 =", " 4\n9 + 5 = 14"},
    {"A young cow is called", " a calf."},
    {"Anna: Good morning, Ben. Where is my red", " lamp?\nBen: Your red lamp is near the big tree, Anna."},
    {"Heute ging Maria an den Fluss.", " Dort sah sie eine kleine Katze. Maria mochte sie."},
    {"今天，小明去了公园。", "在公园，小明看见了一本旧书。小明想买这本旧书。"},
    {"Once upon a time",
     " there was a kind boy called Felix. He lived near the station, and one rainy day he went there alone. There he "
     "met a green mouse."},
};
#define PAIRS (sizeof pairs / sizeof *pairs)

/* Bits of the tokens of a text by a straight computation. */
struct straight {
    size_t from;        /* the first token that counts */
    size_t count;       /* of all */
    double bits, after; /* of those, and of those from RELEVANCE_LATE tokens on */
};

static struct straight straight_ids(struct subject *judge, const struct ids *ids, size_t from)
{
    struct straight straight = {.from = from, .count = ids->count};
    double *bits = calloc(ids->count + 1, sizeof *bits);
    cr_assert(bits);
    straight_each(judge, ids, bits);
    for (size_t i = from; i < ids->count; i++) {
        straight.bits += bits[i];
        straight.after += i >= from + RELEVANCE_LATE ? bits[i] : 0;
    }
    free(bits);
    return straight;
}

static struct straight straight_bits(struct subject *judge, const char *before, const char *text)
{
    struct error error = {0};
    struct ids ids = {0};
    cr_assert(tokenizer_encode(judge->tokenizer, before, strlen(before), false, &ids, &error));
    size_t from = ids.count;
    cr_assert(tokenizer_encode(judge->tokenizer, text, strlen(text), false, &ids, &error));
    struct straight straight = straight_ids(judge, &ids, from);
    ids_free(&ids);
    return straight;
}

static void expect_near(const char *what, const char *text, double a, double b)
{
    cr_assert(fabs(a - b) < 1e-4, "%s of \"%s\": %.9g, not %.9g", what, text, a, b);
}

static void expect_same(const char *text, const struct relevance *a, const struct relevance *b)
{
    const double of_a[] = {a->bits_own, a->bits_alone, a->evidence, a->contrast, a->margin, a->share},
                 of_b[] = {b->bits_own, b->bits_alone, b->evidence, b->contrast, b->margin, b->share};
    for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++)
        expect_near("a value", text, of_a[i], of_b[i]);
    cr_assert_eq(a->rank, b->rank);
    cr_assert_eq(a->others, b->others);
    cr_assert_eq(a->tokens, b->tokens);
}

Test(relevance, numbers_are_those_of_a_straight_computation)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    struct relevance out[PAIRS];
    double longest = 0;
    measure(&judge, pairs, PAIRS, &(struct relevance_options){.others = PAIRS - 1}, out);
    for (size_t i = 0; i < PAIRS; i++) {
        const char *text = pairs[i].text;
        char before[256];
        double bits[PAIRS], best = -INFINITY, sum = 0;
        size_t worse = 0;
        for (size_t k = 0; k < PAIRS; k++) {
            snprintf(before, sizeof before, "%s%s", pairs[k].prompt, text[0] == ' ' ? "" : "\n");
            bits[k] = straight_bits(&judge, before, text).bits;
        }
        for (size_t k = 0; k < PAIRS; k++) {
            if (k == i)
                continue;
            best = fmax(best, bits[k]);
            sum += exp2(bits[k]);
            worse += bits[k] < bits[i];
        }
        snprintf(before, sizeof before, "%s%s", pairs[i].prompt, text[0] == ' ' ? "" : "\n");
        struct straight own = straight_bits(&judge, before, text);
        double alone = straight_bits(&judge, "\n", text).bits, tokens = (double)(own.count - own.from);
        expect_near("bits", text, out[i].bits_own, bits[i]);
        expect_near("bits alone", text, out[i].bits_alone, alone);
        expect_near("evidence", text, out[i].evidence, bits[i] - alone);
        expect_near("margin", text, out[i].margin, bits[i] - best);
        expect_near("contrast", text, out[i].contrast, bits[i] - log2(sum / (double)(PAIRS - 1)));
        expect_near("share", text, out[i].share, (double)worse / (double)(PAIRS - 1));
        expect_near("bits for each byte", text, out[i].bits_per_byte, -bits[i] / (double)strlen(text));
        expect_near("bits for each token", text, out[i].bits_per_token, -bits[i] / tokens);
        cr_assert_eq(out[i].rank, PAIRS - worse);
        cr_assert_eq(out[i].others, PAIRS - 1);
        cr_assert_eq(out[i].tokens, own.count - own.from);
        cr_assert_eq(out[i].bytes, strlen(text));
        cr_assert(!out[i].cut);
        longest = fmax(longest, tokens);
        if (tokens > RELEVANCE_LATE)
            expect_near("late bits", text, out[i].bits_per_token_late, -own.after / (tokens - RELEVANCE_LATE));
        else
            cr_assert(isnan(out[i].bits_per_token_late));
    }
    cr_assert(longest > RELEVANCE_LATE, "a text with late tokens is among them");
    subject_free(&judge);
}

Test(relevance, own_prompts_are_best_and_those_of_others_are_not)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    struct relevance_pair crossed[PAIRS];
    struct relevance out[PAIRS];
    struct relevance_options options = {.continues = true}; /* as the corpus has it */
    measure(&judge, pairs, PAIRS, &options, out);
    for (size_t i = 0; i < PAIRS; i++) {
        cr_assert_eq(out[i].rank, 1, "\"%s\" has rank %zu", pairs[i].text, out[i].rank);
        cr_assert(out[i].evidence > 3 && out[i].contrast > 3 && out[i].margin > 0 && out[i].share == 1);
        cr_assert_eq(out[i].others, RELEVANCE_OTHERS, "distractors fill up");
        cr_assert(!relevance_lost(&out[i]));
        crossed[i] = (struct relevance_pair){pairs[(i + 3) % PAIRS].prompt, pairs[i].text};
    }
    measure(&judge, crossed, PAIRS, &options, out);
    for (size_t i = 0; i < PAIRS; i++) {
        cr_assert(out[i].rank > 1, "\"%s\" after \"%s\"", crossed[i].text, crossed[i].prompt);
        cr_assert(out[i].margin < 0 && out[i].share < 1);
        cr_assert_eq(relevance_lost(&out[i]), out[i].tokens >= RELEVANCE_TOKENS_LEAST, "\"%s\"", crossed[i].text);
    }
    subject_free(&judge);
}

/* The rule, on numbers made for it. */
Test(relevance, when_a_relation_is_lost)
{
    const struct {
        size_t tokens, others;
        double evidence, contrast;
        bool lost;
    } rows[] = {
        {8, 8, 3, 3, false},      {8, 8, 2.9, 30, true}, {8, 8, 30, 2.9, true}, {7, 8, -9, -9, false},
        {99, 0, NAN, NAN, false}, {8, 1, NAN, 30, true}, {8, 1, 30, NAN, true}, {256, 16, -40, -50, true},
    };
    struct relevance all[sizeof rows / sizeof *rows];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        all[i] = (struct relevance){.tokens = rows[i].tokens,
                                    .others = rows[i].others,
                                    .evidence = rows[i].evidence,
                                    .contrast = rows[i].contrast,
                                    .share = rows[i].lost ? 0.25 : 1,
                                    .rank = rows[i].lost ? 2 : 1};
        cr_assert_eq(relevance_lost(&all[i]), rows[i].lost, "row %zu", i);
    }
    struct relevance_total total = relevance_total(all, 4);
    cr_assert(total.texts == 3 && total.first == 1 && total.lost == 2 && total.share == 0.5);
    cr_assert(fabs(total.evidence - 35.9 / 3) < 1e-9);
    cr_assert(isnan(relevance_total(all + 4, 1).share) && isnan(relevance_total(all, 0).evidence));
}

Test(relevance, neither_order_nor_company_matters)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    struct relevance_pair backwards[PAIRS], more[2 * PAIRS];
    struct relevance out[PAIRS], turned[PAIRS], joined[2 * PAIRS];
    for (size_t i = 0; i < PAIRS; i++) {
        backwards[i] = pairs[PAIRS - 1 - i];
        more[2 * i] = pairs[i];
        more[2 * i + 1] = (struct relevance_pair){pairs[i].prompt, pairs[(i + 1) % PAIRS].text};
    }
    struct relevance_options options = {.others = 3}; /* so that they are chosen */
    measure(&judge, pairs, PAIRS, &options, out);
    measure(&judge, backwards, PAIRS, &options, turned);
    measure(&judge, more, 2 * PAIRS, &options, joined);
    for (size_t i = 0; i < PAIRS; i++) {
        cr_assert_eq(out[i].others, 3);
        expect_same(pairs[i].text, &out[i], &turned[PAIRS - 1 - i]);
        expect_same(pairs[i].text, &out[i], &joined[2 * i]);
    }
    subject_free(&judge);
}

Test(relevance, nothing_is_run_twice)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    struct relevance_pair twice[2 * PAIRS];
    struct relevance out[2 * PAIRS];
    struct relevance_options options = {.others = PAIRS - 1};
    for (size_t i = 0; i < PAIRS; i++)
        twice[i] = twice[i + PAIRS] = pairs[i];
    rows_run = 0;
    measure(&judge, pairs, PAIRS, &options, out);
    size_t once = rows_run;
    rows_run = 0;
    measure(&judge, twice, 2 * PAIRS, &options, out);
    cr_assert(once > 0 && rows_run == once, "%zu rows, then %zu", once, rows_run);
    /* every text is there with all prompts already */
    for (size_t i = 0; i < PAIRS; i++)
        twice[i + PAIRS].prompt = pairs[(i + 1) % PAIRS].prompt;
    rows_run = 0;
    measure(&judge, twice, 2 * PAIRS, &options, out);
    cr_assert_eq(rows_run, once, "%zu rows, then %zu", once, rows_run);
    for (size_t i = 0; i < PAIRS; i++)
        cr_assert_eq(out[i].others, PAIRS - 1, "the same prompt is no other");
    subject_free(&judge);
}

Test(relevance, texts_and_prompts_that_are_not_there)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    const struct relevance_pair odd[] = {
        {"The capital of France is", ""},
        {"The capital of France is", NULL},
        {"", " Paris is the capital of France, and that is all."},
        {NULL, " Paris is the capital of France, and that is all."},
        {"The capital of France is", "."},
        {"  \n", " Paris."},
        {"اليوم ذهب أحمد إلى الحديقة.", "\xff\xfe\x80"},
    };
    struct relevance out[7];
    measure(&judge, odd, 7, &(struct relevance_options){0}, out);
    for (size_t i = 0; i < 4; i++) {
        cr_assert(isnan(out[i].bits_own) && isnan(out[i].evidence) && isnan(out[i].contrast) && isnan(out[i].share));
        cr_assert(!out[i].rank && !out[i].others && !relevance_lost(&out[i]));
        cr_assert_eq(out[i].tokens > 0, i >= 2);
        cr_assert_eq(isfinite(out[i].bits_alone) && isfinite(out[i].bits_per_byte), i >= 2);
    }
    cr_assert(fabs(out[2].bits_per_token + out[2].bits_alone / (double)out[2].tokens) < 1e-9);
    cr_assert_eq(out[4].tokens, 1);
    for (size_t i = 4; i < 7; i++)
        cr_assert(isfinite(out[i].evidence) && out[i].rank && out[i].others == RELEVANCE_OTHERS, "%zu", i);
    measure(&judge, odd, 0, &(struct relevance_options){0}, out);
    measure(&judge, odd, 2, &(struct relevance_options){0}, out);
    cr_assert(!out[0].tokens && !out[1].tokens);
    /* more others than there are prompts */
    measure(&judge, pairs, 1, &(struct relevance_options){.others = SIZE_MAX}, out);
    size_t distractors;
    relevance_distractors(&distractors);
    cr_assert_eq(out[0].others, distractors);
    subject_free(&judge);
}

Test(relevance, long_texts_are_judged_by_their_beginning)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    const char *prompt = pairs[7].prompt, *text = pairs[7].text;
    struct relevance_pair both[] = {{prompt, text}, {prompt, " there was"}};
    struct relevance out[2];
    measure(&judge, both, 2, &(struct relevance_options){.tokens = 2}, out);
    cr_assert(out[0].cut && out[0].tokens == 2 && out[0].bytes == strlen(" there was"), "%zu tokens, %zu bytes",
              out[0].tokens, out[0].bytes);
    cr_assert(!out[1].cut);
    expect_same(text, &out[0], &out[1]);
    subject_free(&judge);
}

/* A line break goes between unless white space is there, or the text is known to go on. */
Test(relevance, what_goes_between)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, NULL);
    const struct {
        const char *prompt, *text, *before;
        bool continues;
    } rows[] = {
        {"The capital of France is", "Paris.", "The capital of France is\n", false},
        {"The capital of France is", " Paris.", "The capital of France is", false},
        {"The capital of France is ", "Paris.", "The capital of France is ", false},
        {"The capital of France is", "Paris.", "The capital of France is", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relevance out;
        measure(&judge, &(struct relevance_pair){rows[i].prompt, rows[i].text}, 1,
                &(struct relevance_options){.continues = rows[i].continues}, &out);
        expect_near("bits", rows[i].before, out.bits_own, straight_bits(&judge, rows[i].before, rows[i].text).bits);
    }
    subject_free(&judge);
}

/* Of what a tokenizer's template puts before a text and after it, the judge reads the first only. */
Test(relevance, begins_as_the_template_does)
{
    const struct {
        const char *tokenizer;
        int special;
        size_t before;
    } rows[] = {{DATA "gguf/vocab-llama-bpe.gguf", 397, 1}, {DATA "gguf/vocab-default.gguf", 398, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct subject judge = judge_open(GOLDEN "nano/llama", rows[i].tokenizer, NULL);
        struct error error = {0};
        struct ids ids = {0};
        struct relevance out;
        cr_assert(tokenizer_encode(judge.tokenizer, "", 0, true, &ids, &error));
        cr_assert(ids.count == 1 && ids.data[0] == rows[i].special);
        ids.count = rows[i].before;
        cr_assert(tokenizer_encode(judge.tokenizer, "ab", 2, false, &ids, &error));
        size_t from = ids.count;
        cr_assert(tokenizer_encode(judge.tokenizer, " a", 2, false, &ids, &error));
        measure(&judge, &(struct relevance_pair){"ab", " a"}, 1, &(struct relevance_options){.others = 1}, &out);
        expect_near("bits", rows[i].tokenizer, out.bits_own, straight_ids(&judge, &ids, from).bits);
        ids_free(&ids);
        subject_free(&judge);
    }
}

Test(relevance, judges_that_cannot_judge_are_named_errors)
{
    struct error error = {0};
    struct subject judge;
    struct subject_options bare = {.model = GOLDEN "nano/thinker-extraction",
                                   .config = GOLDEN "nano/thinker/config.json"};
    cr_assert(subject_open(&bare, &judge, &error), "%s", error_text(&error));
    expect_error(&judge, &pairs[0], "nano/thinker-extraction: no tokenizer");
    subject_free(&judge);
    judge = judge_open(GOLDEN "nano/llama", GOLDEN "thinker-48", NULL);
    expect_error(&judge, &pairs[0], "nano/llama: token ");
    subject_free(&judge);
    judge = judge_open(GOLDEN "thinker-48", NULL, "nan:model.norm.weight,0,0");
    expect_error(&judge, &pairs[0], "thinker-48: the probability that it gives a token of \" Paris.\" is not finite");
    subject_free(&judge);
}

/* Mean bits for each token; `*first`: how many texts have rank 1. */
static double judge_bits(const char *fault, size_t *first)
{
    struct subject judge = judge_open(GOLDEN "thinker-48", NULL, fault);
    struct relevance out[PAIRS];
    measure(&judge, pairs, PAIRS, &(struct relevance_options){.continues = true}, out);
    double bits = 0;
    *first = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        *first += out[i].rank == 1;
        bits += out[i].bits_per_token / PAIRS;
    }
    subject_free(&judge);
    return bits;
}

/* A judge that is broken is seen in what it says of texts that belong to their prompts. */
Test(relevance, a_broken_judge_finds_no_relation)
{
    size_t first, first_broken;
    double bits = judge_bits(NULL, &first), broken = judge_bits("swap-layers:1,46", &first_broken);
    cr_assert(first == PAIRS && first_broken < PAIRS, "%zu and %zu of %zu first", first, first_broken, PAIRS);
    cr_assert(broken > 2 * bits, "%.3g and %.3g bits for each token", bits, broken);
}

/* With a real model. */

#define SMOLLM2_FILE "gguf/SmolLM2-135M-Instruct.Q4_1.gguf"

/* Where scripts/fetch_smollm2 puts it; skips the test, and says so, where it has not. */
static const char *smollm2(void)
{
    static char path[4096];
    const char *folder = getenv("ASSAY_SMOLLM2"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (folder)
        snprintf(path, sizeof path, "%s/" SMOLLM2_FILE, folder);
    else
        snprintf(path, sizeof path, "%s%s/assay/smollm2/" SMOLLM2_FILE,
                 cache  ? cache
                 : home ? home
                        : "",
                 cache ? "" : "/.cache");
    if (!file_exists(path)) {
        fprintf(stderr, "SKIPPED: no %s; scripts/fetch_smollm2 --gguf-only gets it\n",
                path); /* a warning of Criterion's would fail the run */
        cr_skip_test("no %s", path);
    }
    return path;
}

/* Texts of a sentence or more, eleven languages, code, tables (a third of them but for ASSAY_NIGHTLY): at least 95 % of
 * the comparisons with another prompt are won by the own one (measured: all), and a text that is given the prompt of
 * another loses it. */
Test(smollm2, own_prompts_win, .timeout = 600)
{
    struct subject judge = judge_open(smollm2(), NULL, NULL);
    struct error error = {0};
    struct buffer text = {0};
    struct relevance_pair own[64], crossed[64];
    struct relevance out[64];
    cJSON *lines[64];
    size_t count = 0, at = 0, step = getenv("ASSAY_NIGHTLY") ? 1 : 3;
    cr_assert(file_read(DATA "quality/pairs.jsonl", 1 << 20, &text, &error), "%s", error_text(&error));
    for (size_t line = 0; at < text.size && count < 64; line++) {
        size_t size = strcspn(text.data + at, "\n");
        const char *start = text.data + at;
        at += size + 1;
        if (line % step)
            continue;
        lines[count] = json_parse("pairs.jsonl", start, size, &error);
        cr_assert(lines[count], "%s", error_text(&error));
        own[count] = (struct relevance_pair){0};
        cr_assert(json_get_string(lines[count], "pairs.jsonl", "prompt", &own[count].prompt, &error));
        cr_assert(json_get_string(lines[count], "pairs.jsonl", "text", &own[count].text, &error));
        count++;
    }
    cr_assert_eq(count, 48 / step);
    measure(&judge, own, count, &(struct relevance_options){0}, out);
    struct relevance_total total = relevance_total(out, count);
    printf("%zu texts: %.1f %% of the comparisons won, %zu without relation\n", total.texts, 100 * total.share,
           total.lost);
    cr_assert(total.texts * 6 >= count * 5 && total.share >= 0.95 && total.lost * 20 <= total.texts);
    /* every other text, after the prompt of the one seven further on */
    size_t half = count / 2;
    for (size_t i = 0; i < half; i++)
        crossed[i] = (struct relevance_pair){own[(2 * i + 7) % count].prompt, own[2 * i].text};
    measure(&judge, crossed, half, &(struct relevance_options){.others = 4}, out);
    total = relevance_total(out, half);
    printf("%zu with prompts of others: %zu found out\n", total.texts, total.lost);
    cr_assert(total.texts * 3 >= half * 2 && total.lost * 10 >= total.texts * 7);
    for (size_t i = 0; i < count; i++)
        cJSON_Delete(lines[i]);
    buffer_free(&text);
    subject_free(&judge);
}

#define WRITTEN 10
#define WRITTEN_TOKENS 40

/* What the model writes, sampled, with a fault laid over it. */
static void write_texts(const char *fault, char **prompts, struct generation *generations)
{
    struct error error = {0};
    struct subject subject = judge_open(smollm2(), NULL, fault);
    struct generation_request request = {
        .prompts = prompts,
        .count = WRITTEN,
        .most = WRITTEN_TOKENS,
        .sampler = {.temperature = 0.7, .top_k = 50, .top_p = 1, .repetition_penalty = 1},
        .seed = 0};
    cr_assert(subject_load(&subject, &error), "%s", error_text(&error));
    cr_assert(generate(&subject, &request, generations, &error), "%s", error_text(&error));
    subject_free(&subject);
}

/* What it writes while it is well follows from the prompts; what it writes with two layers exchanged does not. */
Test(smollm2, a_broken_model_loses_the_thread, .timeout = 600)
{
    struct error error = {0};
    const char *const faults[] = {NULL, "swap-layers:1,28"};
    struct subject judge = judge_open(smollm2(), NULL, NULL);
    cJSON *list = json_read(DATA "quality/prompts.json", 1 << 20, &error);
    cr_assert(list && cJSON_GetArraySize(list) >= WRITTEN, "%s", error_text(&error));
    char *prompts[WRITTEN];
    for (int i = 0; i < WRITTEN; i++)
        prompts[i] = cJSON_GetArrayItem(list, i)->valuestring;
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
        struct generation generations[WRITTEN] = {0};
        struct relevance_pair written[WRITTEN];
        struct relevance out[WRITTEN];
        write_texts(faults[k], prompts, generations);
        for (size_t i = 0; i < WRITTEN; i++)
            written[i] = (struct relevance_pair){prompts[i], generations[i].text};
        measure(&judge, written, WRITTEN, &(struct relevance_options){.continues = true}, out);
        struct relevance_total total = relevance_total(out, WRITTEN);
        printf("%s: %zu of %zu texts without relation, %.1f %% of the comparisons won\n",
               faults[k] ? faults[k] : "intact", total.lost, total.texts, 100 * total.share);
        cr_assert(total.texts >= 8);
        cr_assert(faults[k] ? total.lost * 10 >= total.texts * 7 && total.share < 0.8
                            : total.lost * 10 <= total.texts && total.share > 0.95);
        generations_free(generations, WRITTEN);
    }
    cJSON_Delete(list);
    subject_free(&judge);
}
