/* The vocabulary against the rows of its tables: intact models, and every fault planted. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/numbers.h"
#include "fixtures.h"
#include "health/vocabulary.h"
#include "values/values.h"

#define GOLDEN ASSAY_SOURCE_DIR "/golden/"
#define THINKER GOLDEN "thinker-48"
#define TOKENS 1536 /* of its tokenizer: 1533 of the vocabulary, 3 added */
#define WORDS 1533
#define SPARE 64 /* rows without a token */
#define ROWS (TOKENS + SPARE)

static void make(void)
{
    scratch_make();
}

TestSuite(vocabulary, .init = make, .fini = scratch_remove, .timeout = 120);

static const struct tensor embed_tensor = {.name = "model.embed_tokens.weight", .file = "model.safetensors"};
static const struct tensor head_tensor = {.name = "lm_head.weight", .file = "model.safetensors"};

static struct subject open_subject(const struct subject_options *options)
{
    struct subject subject = {0};
    struct error error = {0};
    cr_assert(subject_open(options, &subject, &error), "%s", error_text(&error));
    return subject;
}

static struct subject open_thinker(void)
{
    return open_subject(&(struct subject_options){.model = THINKER});
}

static struct findings check(const struct subject *subject, const struct row_profile *embedding,
                             const struct row_profile *head)
{
    struct findings findings = {0};
    struct error error = {0};
    cr_assert(vocabulary_check(subject, embedding, head, &findings, &error), "%s", error_text(&error));
    return findings;
}

/* The summary of a check. */
static const struct finding *summary(const struct findings *findings, const char *name)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && strcmp(findings->items[i].check, name) == 0)
            return &findings->items[i];
    cr_assert_fail("no summary of %s", name);
    return NULL;
}

static size_t places(const struct findings *findings, const char *name, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += !findings->items[i].summary && findings->items[i].verdict == verdict &&
                 strcmp(findings->items[i].check, name) == 0;
    return count;
}

/* The first place of that verdict and check; its message has the words in it. */
static const struct finding *expect_place(const struct findings *findings, const char *name, enum verdict verdict,
                                          const char *words)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (!finding->summary && finding->verdict == verdict && strcmp(finding->check, name) == 0 &&
            strstr(finding->message, words))
            return finding;
    }
    for (size_t i = 0; i < findings->count; i++)
        fprintf(stderr, "%s %s: %s\n", findings->items[i].check, verdict_name(findings->items[i].verdict),
                findings->items[i].message);
    cr_assert_fail("no place of %s says '%s'", name, words);
    return NULL;
}

static double fact(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].number;
    return NAN;
}

static void expect_verdicts(const struct findings *findings, enum verdict ids, enum verdict rows, const char *what)
{
    const struct finding *first = summary(findings, "weights.vocabulary"),
                         *second = summary(findings, "weights.embedding_rows");
    cr_expect_eq(first->verdict, ids, "%s: %s", what, first->message);
    cr_expect_eq(second->verdict, rows, "%s: %s", what, second->message);
}

/* --- real tables --- */

static struct row_profile profile_of(const struct store *store, const char *name)
{
    struct row_profile profile = {.tensor = store_find(store, name)};
    if (!profile.tensor)
        return profile;
    struct error error = {0};
    size_t columns = (size_t)profile.tensor->columns;
    void *raw = malloc((size_t)profile.tensor->bytes + 64);
    float *wide = malloc((size_t)profile.tensor->rows * columns * sizeof *wide);
    profile.rows = profile.tensor->rows;
    profile.rms = malloc((size_t)profile.rows * sizeof *profile.rms);
    cr_assert(raw && wide && profile.rms && store_read(store, profile.tensor, raw, &error), "%s", error_text(&error));
    widen(profile.tensor->dtype, raw, wide, (size_t)profile.rows * columns);
    for (uint64_t row = 0; row < profile.rows; row++) {
        double sum = 0;
        for (size_t i = 0; i < columns; i++)
            sum += (double)wide[row * columns + i] * (double)wide[row * columns + i];
        profile.rms[row] = (float)sqrt(sum / (double)columns);
    }
    free(wide);
    free(raw);
    return profile;
}

static void expect_intact(const char *model, const char *source)
{
    struct subject subject = open_subject(&(struct subject_options){.model = model, .source = source});
    struct row_profile embedding = profile_of(subject.store, embed_tensor.name),
                       head = profile_of(subject.store, head_tensor.name);
    cr_assert(embedding.rms);
    struct findings findings = check(&subject, &embedding, head.rms ? &head : NULL);
    expect_verdicts(&findings, VERDICT_PASS, VERDICT_PASS, model);
    cr_expect_eq(findings.count, 2);
    findings_free(&findings);
    free(embedding.rms);
    free(head.rms);
    subject_free(&subject);
}

Test(vocabulary, intact_models_give_no_alarm)
{
    static const char *const names[] = {"llama",        "mixtral", "qwen2",     "qwen2_moe",
                                        "qwen2_window", "qwen3",   "qwen3_moe", "thinker"};
    char path[512];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, GOLDEN "nano/%s", names[i]);
        expect_intact(path, NULL);
    }
    expect_intact(GOLDEN "nano/thinker-extraction", GOLDEN "nano/thinker");
    expect_intact(THINKER, NULL);
}

Test(vocabulary, intact_real_model_gives_no_alarm)
{
    static const char *const files[] = {"model", "gguf/SmolLM2-135M-Instruct.Q4_1.gguf"};
    char path[512];
    const char *home = getenv("HOME");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/.cache/assay/smollm2/%s", home ? home : "", files[i]);
        if (!file_exists(path))
            cr_skip_test("%s is not there", path);
        expect_intact(path, NULL);
    }
    /* a tokenizer in a file of weights, over a configuration that names no special tokens */
    struct subject subject = open_subject(&(struct subject_options){.model = GOLDEN "nano/llama", .tokenizer = path});
    float rms[1] = {1};
    struct findings findings =
        check(&subject, &(struct row_profile){.tensor = &embed_tensor, .rms = rms, .rows = 1}, NULL);
    cr_expect_str_eq(summary(&findings, "weights.vocabulary")->facts[5].text,
                     "'<|im_end|>' (2), named by the tokenizer only");
    findings_free(&findings);
    subject_free(&subject);
}

/* --- made tables --- */

static double chance(uint64_t *state)
{
    *state += MIX_STEP;
    return (double)(mix_u64(*state) >> 11) * 0x1p-53;
}

static double gauss(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += chance(state);
    return sum;
}

/* As real tables are: trained rows around 0.1, spread by a fifth, with tails; untrained ones around a tenth of that,
 * spread by a twentieth. */
struct made {
    float rms[ROWS];
    struct row_profile profile;
};

static float trained_rms(uint64_t *state)
{
    double z = gauss(state);
    return (float)(0.1 * exp(0.2 * (chance(state) < 0.05 ? 2.5 * z : z)));
}

static float spare_rms(uint64_t *state)
{
    return (float)(0.01 * exp(0.05 * gauss(state)));
}

static struct made *made_new(uint64_t seed)
{
    struct made *made = malloc(sizeof *made);
    cr_assert(made);
    for (size_t row = 0; row < ROWS; row++)
        made->rms[row] = row < TOKENS ? trained_rms(&seed) : spare_rms(&seed);
    made->profile = (struct row_profile){.tensor = &embed_tensor, .rms = made->rms, .rows = ROWS};
    return made;
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

Test(vocabulary, made_tables_give_no_alarm)
{
    struct subject subject = open_thinker();
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct made *made = made_new(seed * 1000003);
        for (size_t i = 0; i < 40; i++) /* rare tokens that were hardly seen, and the added ones, which never were */
            made->rms[mix_u64(seed * 100 + i) % WORDS] = spare_rms(&seed);
        for (size_t row = WORDS; row < TOKENS && seed % 2; row++)
            made->rms[row] = spare_rms(&seed);
        struct findings findings = check(&subject, &made->profile, NULL);
        cr_assert_eq(findings.count, 2);
        expect_verdicts(&findings, VERDICT_PASS, VERDICT_PASS, "seed");
        cr_expect_geq(fact(&findings.items[1], "embedding_untrained"), 20);
        findings_free(&findings);
        free(made);
    }
    subject_free(&subject);
}

Test(vocabulary, tokens_without_a_row_fail)
{
    struct subject subject = open_thinker();
    struct made *made = made_new(1);
    made->profile.rows = 1500;
    struct findings findings = check(&subject, &made->profile, NULL);
    const struct finding *finding = summary(&findings, "weights.vocabulary");
    cr_expect_eq(finding->verdict, VERDICT_FAIL);
    /* 36 tokens, and eos (2) and pad of generation_config.json */
    cr_expect_eq(finding->measured, 39);
    cr_expect(strstr(finding->message, "(1500)"), "%s", finding->message);
    const struct finding *place =
        expect_place(&findings, "weights.vocabulary", VERDICT_FAIL, "Token '<|im_end|>' (1535)");
    cr_expect_eq(place->where.token, 1535);
    cr_expect_str_eq(place->where.tensor, "model.embed_tokens.weight");
    cr_expect_str_eq(place->where.file, "model.safetensors");
    expect_place(&findings, "weights.vocabulary", VERDICT_FAIL, "\"eos_token_id\" in generation_config.json is 1535");
    findings_free(&findings);
    /* of two tables the shorter one counts */
    struct row_profile head = {.tensor = &head_tensor, .rms = made->rms, .rows = TOKENS - 1};
    made->profile.rows = ROWS;
    findings = check(&subject, &made->profile, &head);
    expect_place(&findings, "weights.vocabulary", VERDICT_FAIL, "no row in 'lm_head.weight', which has 1535");
    findings_free(&findings);
    free(made);
    subject_free(&subject);
}

/* --- special tokens --- */

struct special_case {
    const char *config;     /* members put in front of those of the text model */
    const char *outer;      /* members put in front of those of the whole */
    const char *generation; /* generation_config.json; NULL: none */
    const char *tokenizer;  /* tokenizer_config.json; NULL: none */
    enum verdict verdict;
    const char *words; /* of a place; NULL: there is none */
};

#define ENDS "{\"eos_token\": \"<|im_end|>\"}"

static const struct special_case special_cases[] = {
    {"", "", NULL, ENDS, VERDICT_PASS, NULL},
    {"\"eos_token_id\": 1535,", "", NULL, ENDS, VERDICT_PASS, NULL},
    {"\"eos_token_id\": 1535,", "", NULL, NULL, VERDICT_PASS, NULL},
    {"", "\"eos_token_id\": [1533, 1535],", NULL, ENDS, VERDICT_PASS, NULL},
    {"\"eos_token_id\": 1533,", "", "{\"eos_token_id\": [1535, 1533]}", ENDS, VERDICT_PASS, NULL},
    {"\"pad_token_id\": -1,", "", NULL, ENDS, VERDICT_PASS, NULL},
    {"\"pad_token_id\": null,", "", NULL, "{\"eos_token\": {\"content\": \"<|im_end|>\"}, \"bos_token\": null}",
     VERDICT_PASS, NULL},
    /* no row */
    {"\"eos_token_id\": 1600,", "", NULL, ENDS, VERDICT_FAIL,
     "\"eos_token_id\" in config.json is 1600, which is no row"},
    {"", "", "{\"bos_token_id\": 151643, \"eos_token_id\": 1535}", ENDS, VERDICT_FAIL,
     "\"bos_token_id\" in generation_config.json is 151643"},
    {"", "", "{\"eos_token_id\": [1535, 1e300]}", ENDS, VERDICT_FAIL, "is 1.0000000000000001e+300, which is no row"},
    {"\"unk_token_id\": -2,", "", NULL, ENDS, VERDICT_FAIL, "\"unk_token_id\" in config.json is -2"},
    {"\"unk_token_id\": 1.5,", "", NULL, ENDS, VERDICT_FAIL, "\"unk_token_id\" in config.json is 1.5"},
    {"\"eos_token_id\": \"1535\",", "", NULL, ENDS, VERDICT_FAIL, "\"eos_token_id\" in config.json is no number"},
    /* at odds */
    {"\"eos_token_id\": 1540,", "", NULL, NULL, VERDICT_WARN, "is 1540, an id that no token of the tokenizer has"},
    {"\"eos_token_id\": 1533,", "", NULL, ENDS, VERDICT_WARN,
     "eos_token is '<|im_end|>' (1535), but \"eos_token_id\" in config.json is '<|endoftext|>' (1533)."},
    {"\"eos_token_id\": 1535,", "", "{\"eos_token_id\": [1533, 1534]}", ENDS, VERDICT_WARN,
     "in generation_config.json is '<|endoftext|>' (1533) and others"},
    {"\"eos_token_id\": 1535, \"pad_token_id\": 0,", "", NULL, "{\"pad_token\": \"<|endoftext|>\"}", VERDICT_WARN,
     "pad_token is '<|endoftext|>' (1533), but"},
    {"", "", NULL, "{\"eos_token\": \"</s>\"}", VERDICT_WARN, "eos_token is '</s>', which is not in its vocabulary"},
    {"", "", NULL, NULL, VERDICT_PASS, NULL},
    {"\"eos_token_id\": -1,", "", "{}", "{\"eos_token\": null}", VERDICT_PASS, NULL},
    {"", "", NULL, "{\"eos_token\": ", VERDICT_WARN, "What it says of special tokens is unknown"},
    {"\"eos_token_id\": 1535,", "", "[", ENDS, VERDICT_WARN, "generation_config.json"},
};

static void write_after(const char *path, const char *text, const char *place, const char *put)
{
    const char *at = strstr(text, place) + strlen(place);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fprintf(file, "%.*s%s%s", (int)(at - text), text, put, at) > 0 && fclose(file) == 0);
}

Test(vocabulary, special_tokens)
{
    size_t size = 0;
    char *config = read_bytes(THINKER "/config.json", &size), *tokenizer = read_bytes(THINKER "/tokenizer.json", &size);
    for (size_t i = 0; i < sizeof special_cases / sizeof *special_cases; i++) {
        const struct special_case *row = &special_cases[i];
        const char *path = scratch("%zu/config.json", i), *outer = scratch("%zu/outer.json", i);
        write_after(outer, config, "{", row->outer);
        char *text = read_bytes(outer, &size);
        write_after(path, text, "\"text_config\": {", row->config);
        free(text);
        write_bytes(scratch("%zu/tokenizer.json", i), tokenizer, strlen(tokenizer));
        if (row->generation)
            write_text(scratch("%zu/generation_config.json", i), row->generation);
        if (row->tokenizer)
            write_text(scratch("%zu/tokenizer_config.json", i), row->tokenizer);
        struct subject subject =
            open_subject(&(struct subject_options){.model = THINKER, .config = path, .tokenizer = scratch("%zu", i)});
        struct made *made = made_new(1);
        struct findings findings = check(&subject, &made->profile, NULL);
        const struct finding *finding = summary(&findings, "weights.vocabulary");
        cr_expect_eq(finding->verdict, row->verdict, "case %zu: %s", i, finding->message);
        if (row->words)
            expect_place(&findings, "weights.vocabulary", row->verdict, row->words);
        else
            cr_expect_eq(findings.count, 2, "case %zu", i);
        findings_free(&findings);
        free(made);
        subject_free(&subject);
    }
    free(tokenizer);
    free(config);
}

Test(vocabulary, older_files_and_weights_name_special_tokens_too)
{
    size_t size = 0;
    char *config = read_bytes(GOLDEN "nano/llama/config.json", &size);
    write_text(scratch("t/config.json"), config);
    free(config);
    char *tokenizer = read_bytes(THINKER "/tokenizer.json", &size);
    write_text(scratch("t/tokenizer.json"), tokenizer);
    free(tokenizer);
    write_text(scratch("t/special_tokens_map.json"), "{\"eos_token\": {\"content\": \"<|im_start|>\"}}");
    const char *path = scratch("t/tokenizer.json"); /* named by its file */
    struct subject subject = open_subject(
        &(struct subject_options){.model = GOLDEN "nano/llama", .config = scratch("t/config.json"), .tokenizer = path});
    struct made *made = made_new(1);
    struct findings findings = check(&subject, &made->profile, NULL);
    expect_verdicts(&findings, VERDICT_PASS, VERDICT_PASS, "special_tokens_map.json");
    cr_expect_str_eq(summary(&findings, "weights.vocabulary")->facts[5].text,
                     "'<|im_start|>' (1534), named by the tokenizer only");
    findings_free(&findings);
    free(made);
    subject_free(&subject);
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
    write_text(scratch("large/tokenizer_config.json"), "{\"eos_token\": \"word0\"}");
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
