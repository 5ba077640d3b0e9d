/* What surprises a judge: token by token against a straight computation, where tokens and sentences end, judges that
 * know too little, and bad ones. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge_fixture.h"
#include "texts/witness.h"

#define JUDGE ASSAY_SOURCE_DIR "/golden/thinker-48"

static const char story[] =
    "Once upon a time there was a kind boy called Felix. He lived near the station, and one rainy "
    "day he went there alone.\nHeute ging Maria an den Fluss. 今天，小明去了公园。在公园，小明看见"
    "了一本旧书。 The end";

static struct subject open_loaded(const char *fault)
{
    struct error error = {0};
    struct subject judge = judge_open(JUDGE, NULL, fault);
    cr_assert(subject_load(&judge, &error), "%s", error_text(&error));
    return judge;
}

static struct surprise read_one(struct subject *judge, const char *text, size_t size)
{
    struct error error = {0};
    struct surprise out = {0};
    const struct witness_text one = {text, size};
    cr_assert(witness_read(judge, &one, 1, &out, &error), "%s", error_text(&error));
    return out;
}

/* Bits of tokens from .. to - 1 of the text after a line break and those from `before` on. */
static void expect_straight(struct subject *judge, const struct ids *tokens, size_t before, size_t from, size_t to,
                            const float *bits)
{
    struct error error = {0};
    struct ids ids = {0};
    cr_assert(tokenizer_encode(judge->tokenizer, "\n", 1, false, &ids, &error));
    size_t lead = ids.count + from - before;
    cr_assert(ids_append(&ids, tokens->data + before, to - before));
    double *straight = calloc(ids.count, sizeof *straight);
    cr_assert(straight);
    straight_each(judge, &ids, straight);
    for (size_t i = from; i < to; i++)
        cr_assert(fabs(straight[lead + i - from] + (double)bits[i]) < 2e-4, "token %zu: %g, not %g", i, (double)bits[i],
                  -straight[lead + i - from]);
    free(straight);
    ids_free(&ids);
}

static struct ids encode(struct subject *judge, const char *text, size_t size)
{
    struct error error = {0};
    struct ids ids = {0};
    cr_assert(tokenizer_encode(judge->tokenizer, text, size, false, &ids, &error), "%s", error_text(&error));
    return ids;
}

Test(witness, bits_are_those_of_a_straight_computation)
{
    struct subject judge = open_loaded(NULL);
    struct surprise out = read_one(&judge, story, strlen(story));
    struct ids ids = encode(&judge, story, strlen(story));
    cr_assert_eq(out.count, ids.count);
    expect_straight(&judge, &ids, 0, 0, ids.count, out.bits);
    size_t at = 0, sentences = 0;
    for (size_t i = 0; i < out.count; i++) {
        size_t end = out.ends[i];
        cr_assert(end > (i ? out.ends[i - 1] : 0) || i == 0 || end == out.ends[i - 1]);
        bool stop = strchr(".\n", story[end - 1]) || (end >= 3 && memcmp(story + end - 3, "。", 3) == 0);
        if ((stop && i + 1 - at >= 6) || i + 1 - at == WITNESS_SENTENCE || i + 1 == out.count) {
            expect_straight(&judge, &ids, at, at, i + 1, out.alone);
            at = i + 1;
            sentences++;
        }
    }
    cr_assert(sentences >= 5, "%zu sentences", sentences);
    cr_assert_eq(out.ends[out.count - 1], strlen(story));
    ids_free(&ids);
    surprise_free(&out);
    subject_free(&judge);
}

Test(witness, long_texts_are_read_in_pieces_and_no_further_than_so_many_tokens)
{
    struct subject judge = open_loaded(NULL);
    size_t size = 0, most = 72 * strlen(story);
    char *text = malloc(most + 1);
    while (size + strlen(story) <= most)
        size += (size_t)sprintf(text + size, "%s", story);
    struct surprise out = read_one(&judge, text, size);
    struct ids ids = encode(&judge, text, size);
    cr_assert(ids.count > WITNESS_TOKENS, "%zu tokens", ids.count);
    cr_assert_eq(out.count, WITNESS_TOKENS);
    size_t second = WITNESS_PIECE, last = WITNESS_TOKENS / WITNESS_PIECE * WITNESS_PIECE;
    expect_straight(&judge, &ids, 0, 0, WITNESS_PIECE, out.bits);
    expect_straight(&judge, &ids, second - WITNESS_BEFORE, second, second + WITNESS_PIECE, out.bits);
    expect_straight(&judge, &ids, last - WITNESS_BEFORE, last, WITNESS_TOKENS, out.bits);
    free(text);
    ids_free(&ids);
    surprise_free(&out);
    subject_free(&judge);
}

Test(witness, texts_of_nothing_and_of_any_bytes)
{
    struct subject judge = open_loaded(NULL);
    struct error error = {0};
    const struct witness_text texts[] = {{"", 0}, {"\xff\xfe\x80 a", 5}, {"a", 1}};
    struct surprise out[3];
    cr_assert(witness_read(&judge, texts, 3, out, &error), "%s", error_text(&error));
    cr_assert_eq(out[0].count, 0);
    cr_assert_eq(out[2].count, 1);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < out[i].count; k++)
            cr_assert(out[i].ends[k] <= texts[i].size && isfinite(out[i].bits[k]) && isfinite(out[i].alone[k]));
        surprise_free(&out[i]);
    }
    subject_free(&judge);
}

Test(witness, a_judge_that_knows_no_english_is_no_witness)
{
    struct subject judge = open_loaded(NULL);
    struct error error = {0};
    const struct witness_text text = {story, strlen(story)};
    struct surprise out;
    double knows = 0;
    cr_assert(witness_surprise(&judge, &text, 1, &out, &knows, &error), "%s", error_text(&error));
    cr_assert(knows > WITNESS_BITS, "%g bits per byte", knows);
    cr_assert_eq(out.count, 0);
    subject_free(&judge);
}

Test(witness, a_broken_judge_is_an_error)
{
    struct subject judge = open_loaded("nan:model.norm.weight,0,0");
    struct error error = {0};
    const struct witness_text text = {story, strlen(story)};
    struct surprise out;
    double knows;
    cr_assert(!witness_surprise(&judge, &text, 1, &out, &knows, &error));
    cr_assert(strstr(error_text(&error), "not finite"), "%s", error_text(&error));
    error_clear(&error);
    subject_free(&judge);
}
