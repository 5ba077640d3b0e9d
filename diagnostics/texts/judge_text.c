#include "texts/judge_text.h"

#include <assert.h>
#include <math.h>

#include "math/distribution.h"

bool judge_encode(const struct subject *judge, const char *text, size_t size, bool add_special, struct ids *ids,
                  struct error *error)
{
    if (!tokenizer_encode(judge->tokenizer, text, size, add_special, ids, error))
        return error_context(error, "judge %s: \"%.60s\"", store_path(judge->store), text);
    for (size_t i = 0; i < ids->count; i++)
        if (ids->data[i] < 0 || ids->data[i] >= judge->config->vocabulary)
            return error_set(error, "judge %s: token %d of \"%.60s\" is not in its vocabulary of %d",
                             store_path(judge->store), ids->data[i], text, judge->config->vocabulary);
    return true;
}

/* By the example of one text: the template may put something after it, too. */
bool judge_begin(const struct subject *judge, struct ids *begin, struct error *error)
{
    struct ids plain = {0};
    bool good = judge_encode(judge, "a", 1, false, &plain, error) && judge_encode(judge, "a", 1, true, begin, error);
    size_t count = 0;
    while (good && plain.count && count < begin->count && begin->data[count] != plain.data[0])
        count++;
    begin->count = count;
    ids_free(&plain);
    return good;
}

bool judge_bits(const struct subject *judge, const float *logits, size_t width, int id, const char *text, double *bits,
                struct error *error)
{
    assert((size_t)id < width);
    *bits = ((double)logits[id] - log_sum_exp(logits, width)) / M_LN2;
    return isfinite(*bits) ||
           error_set(error, "judge %s: the probability that it gives a token of \"%.60s\" is not finite",
                     store_path(judge->store), text);
}
