#include "limits/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct limit_row {
    const char *name;
    double value;
    const char *cause;
} limit_rows[LIMIT_COUNT] = {
    [LIMIT_NOISE_MULTIPLE] = {"layers.noise_multiple", 10,
                              "ten times the error of the original's own float32 run there, as gold records it; end to "
                              "end, the largest such error up to there, for errors are carried on"},
    [LIMIT_ROUNDING] =
        {"layers.rounding_multiple", 4,
         "four times what arithmetic of that few bits costs this very model up to there, which was measured by "
         "computing it so; intact models stay below 2.5 times"},
    [LIMIT_ROUNDING_ALONE] = {"layers.rounding_multiple.isolated", 2,
                              "twice what arithmetic of that few bits costs this very module, which was measured by "
                              "computing it so (of fewer "
                              "than 200 values more, for chance); intact modules stay below 1.5 times"},
    [LIMIT_ROUNDING_CEILING] =
        {"layers.rounding_ceiling", 1,
         "ceiling: an error as large as the activation itself leaves nothing of it, however few bits there are"},
    [LIMIT_CEILING] = {"layers.ceiling", 1e-2,
                       "ceiling: float32 costs no model measured more than 1e-4 anywhere; whatever noise the gold "
                       "records, one percent away is another activation"},
    [LIMIT_FALLBACK_FLOAT64] =
        {"layers.fallback.float64", 1e-4,
         "fallback: the gold records no noise; float32 against float64 stays below 1e-5 in every model "
         "measured, times ten"},
    [LIMIT_FALLBACK_FLOAT32] = {"layers.fallback.float32", 1e-4,
                                "fallback: the gold records no noise; two float32 runs stay within 1e-5 in every model "
                                "measured, times ten"},
    [LIMIT_FALLBACK_FLOAT16] =
        {"layers.fallback.float16", 1e-2,
         "fallback: the gold records no noise; float16 keeps 11 bits (5e-4), which adds up over layers"},
    [LIMIT_FALLBACK_BFLOAT16] =
        {"layers.fallback.bfloat16", 8e-2,
         "fallback: the gold records no noise; bfloat16 keeps 8 bits (4e-3), which adds up over layers"},
    [LIMIT_RELATIVE] = {"layers.relative", 0, "nothing beyond what the precision of gold accounts for"},
    [LIMIT_EXPERTS] = {"layers.experts", 0, "an expert that no compared token went through is not proved"},
    [LIMIT_KL] = {"logits.kl", 0, "nothing beyond what the precision of gold accounts for"},
    [LIMIT_NMSE] = {"logits.nmse", 0, "nothing beyond what the precision of gold accounts for"},
    [LIMIT_TOP1] = {"logits.top1", 0, "the most likely token must be the same wherever gold can tell it from the next"},
    [LIMIT_LENS] = {"lens.top1", 0,
                    "after every layer the most likely token must be gold's wherever gold can tell it from the "
                    "subject's; only a warning, for the layers themselves are judged by their values"},
    [LIMIT_GREEDY] = {"greedy", 0, "every greedy continuation must be gold's wherever gold can tell the tokens apart"},
    [LIMIT_TEXT_PERPLEXITY] =
        {"perplexity.relative", 1e-5,
         "two float32 runs of one model agree to 1e-6 in perplexity over a few thousand tokens, times ten"},
    [LIMIT_TEXT_ENTROPY] =
        {"text.entropy", 0.32,
         "of a text, and of all together: 220 texts of SmolLM2 have 0.12 to 0.31, those of thinker-48 0.06; "
         "with layers 10 and 20 exchanged, 80 have 0.305 to 0.49, 73 of them above the limit"},
    [LIMIT_TEXT_RELEVANCE] =
        {"text.relevance", 0.2,
         "1 of 140 texts of SmolLM2, intact or a little damaged, has lost its prompt; of noise, 94 of "
         "100; of words without sense, 62"},
    [LIMIT_HARMLESS_NATS] = {"severity.harmless.nats", 1e-3,
                             "SmolLM2 in Q8_0, which nobody can tell from the original, is below that"},
    [LIMIT_HARMLESS_PERPLEXITY] = {"severity.harmless.perplexity", 1e-2, "one percent of perplexity"},
    [LIMIT_BROKEN_NATS] = {"severity.broken.nats", 1,
                           "a nat for each token: of ten tokens that gold writes hardly one text stays the same"},
    [LIMIT_BROKEN_PERPLEXITY] = {"severity.broken.perplexity", 0.7, "twice gold's perplexity"},
};

bool limits_init(struct limits *limits, struct error *error)
{
    memset(limits, 0, sizeof *limits);
    for (int i = 0; i < LIMIT_COUNT; i++)
        if (!limits_reset(limits, (enum limit)i, error))
            return false;
    return true;
}

void limits_free(struct limits *limits)
{
    for (int i = 0; i < LIMIT_COUNT; i++)
        free(limits->rows[i].cause);
    memset(limits, 0, sizeof *limits);
}

enum limit limit_parse(const char *name)
{
    int i = 0;
    while (i < LIMIT_COUNT && strcmp(limit_rows[i].name, name) != 0)
        i++;
    return (enum limit)i;
}

const char *limit_name(enum limit limit)
{
    return limit_rows[limit].name;
}

double limit_default(enum limit limit)
{
    return limit_rows[limit].value;
}

bool limits_set(struct limits *limits, enum limit limit, double value, const char *cause, struct error *error)
{
    char *copy = strdup(cause);
    if (!copy)
        return error_memory(error, "limits");
    free(limits->rows[limit].cause);
    limits->rows[limit].cause = copy;
    limits->rows[limit].value = value;
    return true;
}

bool limits_reset(struct limits *limits, enum limit limit, struct error *error)
{
    return limits_set(limits, limit, limit_rows[limit].value, limit_rows[limit].cause, error);
}

static enum limit fallback(const char *dtype)
{
    static const struct {
        const char *dtype;
        enum limit limit;
    } rows[] = {{"float32", LIMIT_FALLBACK_FLOAT32},
                {"float16", LIMIT_FALLBACK_FLOAT16},
                {"bfloat16", LIMIT_FALLBACK_BFLOAT16}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(dtype, rows[i].dtype) == 0)
            return rows[i].limit;
    return LIMIT_FALLBACK_FLOAT64;
}

/* By which limit the precision of gold is judged, and what it comes to. Where few bits are all that there is, what they
 * cost decides, and the noise of float32 beside it is nothing. */
static enum limit precision_limit(const double *values, const struct accuracy *accuracy, double *tolerance)
{
    enum limit least = fallback(accuracy->dtype), limit = least, most = least;
    bool few = least == LIMIT_FALLBACK_FLOAT16 || least == LIMIT_FALLBACK_BFLOAT16;
    *tolerance = values[least];
    if (few && !isnan(accuracy->rounding)) {
        limit = accuracy->alone ? LIMIT_ROUNDING_ALONE : LIMIT_ROUNDING;
        most = LIMIT_ROUNDING_CEILING;
        *tolerance = values[limit] * accuracy->rounding;
    } else if (!few && !isnan(accuracy->noise)) {
        limit = LIMIT_NOISE_MULTIPLE;
        most = LIMIT_CEILING;
        *tolerance = values[limit] * accuracy->noise;
    }
    if (*tolerance > values[most]) {
        limit = most;
        *tolerance = values[most];
    }
    return limit;
}

double limits_tolerance(const struct limits *limits, const struct accuracy *accuracy, const char **cause)
{
    double values[LIMIT_COUNT], tolerance;
    for (int i = 0; i < LIMIT_COUNT; i++)
        values[i] = limits->rows[i].value;
    enum limit limit = precision_limit(values, accuracy, &tolerance);
    if (cause)
        *cause = limits->rows[limit].cause;
    return tolerance;
}

double limits_activation(const struct limits *limits, const struct accuracy *accuracy, const char **cause)
{
    double tolerance = limits_tolerance(limits, accuracy, cause), allowed = limits->rows[LIMIT_RELATIVE].value;
    if (tolerance >= allowed)
        return tolerance;
    *cause = limits->rows[LIMIT_RELATIVE].cause;
    return allowed;
}

double limits_precision(const struct accuracy *accuracy)
{
    double values[LIMIT_COUNT], tolerance;
    for (int i = 0; i < LIMIT_COUNT; i++)
        values[i] = limit_rows[i].value;
    precision_limit(values, accuracy, &tolerance);
    return tolerance;
}
