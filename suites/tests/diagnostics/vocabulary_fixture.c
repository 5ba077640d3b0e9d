#include "vocabulary_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "health/vocabulary.h"
#include "values/values.h"

const struct tensor embed_tensor = {.name = "model.embed_tokens.weight", .file = "model.safetensors"};
const struct tensor head_tensor = {.name = "lm_head.weight", .file = "model.safetensors"};

struct subject open_subject(const struct subject_options *options)
{
    struct subject subject = {0};
    struct error error = {0};
    cr_assert(subject_open(options, &subject, &error), "%s", error_text(&error));
    return subject;
}

struct subject open_thinker(void)
{
    return open_subject(&(struct subject_options){.model = THINKER});
}

struct findings check(const struct subject *subject, const struct row_profile *embedding,
                      const struct row_profile *head)
{
    struct findings findings = {0};
    struct error error = {0};
    cr_assert(vocabulary_check(subject, embedding, head, &findings, &error), "%s", error_text(&error));
    return findings;
}

const struct finding *summary(const struct findings *findings, const char *name)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && strcmp(findings->items[i].check, name) == 0)
            return &findings->items[i];
    cr_assert_fail("no summary of %s", name);
    return NULL;
}

const struct finding *expect_place(const struct findings *findings, const char *name, enum verdict verdict,
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

double fact(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].number;
    return NAN;
}

void expect_verdicts(const struct findings *findings, enum verdict ids, enum verdict rows, const char *what)
{
    const struct finding *first = summary(findings, "weights.vocabulary"),
                         *second = summary(findings, "weights.embedding_rows");
    cr_expect_eq(first->verdict, ids, "%s: %s", what, first->message);
    cr_expect_eq(second->verdict, rows, "%s: %s", what, second->message);
}

struct row_profile profile_of(const struct store *store, const char *name)
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

float trained_rms(uint64_t *state)
{
    double z = gauss(state);
    return (float)(0.1 * exp(0.2 * (chance(state) < 0.05 ? 2.5 * z : z)));
}

float spare_rms(uint64_t *state)
{
    return (float)(0.01 * exp(0.05 * gauss(state)));
}

struct made *made_new(uint64_t seed)
{
    struct made *made = malloc(sizeof *made);
    cr_assert(made);
    for (size_t row = 0; row < ROWS; row++)
        made->rms[row] = row < TOKENS ? trained_rms(&seed) : spare_rms(&seed);
    made->profile = (struct row_profile){.tensor = &embed_tensor, .rms = made->rms, .rows = ROWS};
    return made;
}

void write_after(const char *path, const char *text, const char *place, const char *put)
{
    const char *at = strstr(text, place) + strlen(place);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fprintf(file, "%.*s%s%s", (int)(at - text), text, put, at) > 0 && fclose(file) == 0);
}
