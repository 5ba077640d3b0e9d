/* The vocabulary against the rows of its tables: intact models, tokens without a row, special tokens. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/numbers.h"
#include "findings/finding.h"
#include "fixtures.h"
#include "health/scan.h"
#include "run/subject.h"
#include "vocabulary_fixture.h"

static void make(void)
{
    scratch_make();
}

TestSuite(vocabulary, .init = make, .fini = scratch_remove, .timeout = 120);

/* --- real tables --- */

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
    {"\"eos_token_id\": \"1535\",", "", NULL, ENDS, VERDICT_FAIL, "\"eos_token_id\" in config.json is not a number"},
    /* at odds */
    {"\"eos_token_id\": 1540,", "", NULL, NULL, VERDICT_WARN, "is 1540, an id that no token of the tokenizer has"},
    {"\"eos_token_id\": 1533,", "", NULL, ENDS, VERDICT_WARN,
     "eos_token is '<|im_end|>' (1535), but \"eos_token_id\" in config.json is '<|endoftext|>' (1533)."},
    {"\"eos_token_id\": 1535,", "", "{\"eos_token_id\": [1533, 1534]}", ENDS, VERDICT_WARN,
     "in generation_config.json is '<|endoftext|>' (1533) and others"},
    {"\"eos_token_id\": 1535, \"pad_token_id\": 0,", "", NULL, "{\"pad_token\": \"<|endoftext|>\"}", VERDICT_WARN,
     "pad_token is '<|endoftext|>' (1533), but"},
    {"", "", NULL, "{\"eos_token\": \"</s>\"}", VERDICT_WARN, "eos_token is '</s>', which is not in its vocabulary"},
    {"", "", NULL, NULL, VERDICT_WARN, "No file names the token that ends a text"},
    {"\"eos_token_id\": -1,", "", "{}", "{\"eos_token\": null}", VERDICT_WARN, "what is generated ends"},
    {"\"is_causal\": false,", "", NULL, NULL, VERDICT_PASS, NULL}, /* writes no text */
    {"\"eos_token_id\": 1535,", "", "[", ENDS, VERDICT_WARN, "generation_config.json"},
};

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
