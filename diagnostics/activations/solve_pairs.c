#include "activations/solve_pairs.h"

#include <stdlib.h>
#include <string.h>

static size_t token_of(const struct pairs *pairs, size_t gold, size_t case_index, size_t token)
{
    size_t at = pairs->begins[gold] + token;
    for (size_t i = 0; i < case_index; i++)
        at += golden_case_at(pairs->request->goldens[gold], i)->count;
    return at;
}

static void keep_rows(size_t at, const struct part *part, const float *values, float *to, bool *has)
{
    memcpy(to + at * part->width, values, part->rows * part->width * sizeof *to);
    for (size_t row = 0; row < part->rows; row++)
        has[at + row] = true;
}

static void watch(void *context, size_t gold, size_t case_index, const struct part *part, const float *values)
{
    const struct pairs *pairs = context;
    size_t at = token_of(pairs, gold, case_index, part->first);
    if (part->point == pairs->out && part->width == pairs->width_out)
        keep_rows(at, part, values, pairs->outputs, pairs->has_out);
    if (part->point == pairs->out && pairs->in == POINT_COUNT && part->width == pairs->width_in)
        keep_rows(at, part, part->values, pairs->inputs, pairs->has_in);
    if (part->point == pairs->in && part->width == pairs->width_in)
        keep_rows(at, part, values, pairs->inputs, pairs->has_in);
}

bool pairs_make(struct pairs *pairs, struct error *error)
{
    const struct solve_request *request = pairs->request;
    pairs->begins = calloc(request->golden_count + 1, sizeof *pairs->begins);
    for (size_t i = 0; pairs->begins && i < request->golden_count; i++) {
        pairs->begins[i + 1] = pairs->begins[i];
        for (size_t k = 0; k < golden_case_count(request->goldens[i]); k++)
            pairs->begins[i + 1] += golden_case_at(request->goldens[i], k)->count;
    }
    pairs->tokens = pairs->begins ? pairs->begins[request->golden_count] : 0;
    pairs->inputs = calloc(pairs->tokens * pairs->width_in + 1, sizeof *pairs->inputs);
    pairs->outputs = calloc(pairs->tokens * pairs->width_out + 1, sizeof *pairs->outputs);
    pairs->has_in = calloc(pairs->tokens + 1, sizeof *pairs->has_in);
    pairs->has_out = calloc(pairs->tokens + 1, sizeof *pairs->has_out);
    return (pairs->begins && pairs->inputs && pairs->outputs && pairs->has_in && pairs->has_out) ||
           error_memory(error, "gold");
}

void pairs_free(struct pairs *pairs)
{
    free(pairs->begins);
    free(pairs->inputs);
    free(pairs->outputs);
    free(pairs->has_in);
    free(pairs->has_out);
}

bool pairs_run(struct pairs *pairs, const struct store *store, int block, struct error *error)
{
    const struct solve_request *request = pairs->request;
    struct isolated_result result;
    memset(pairs->has_in, 0, pairs->tokens * sizeof *pairs->has_in);
    memset(pairs->has_out, 0, pairs->tokens * sizeof *pairs->has_out);
    isolated_watch(request->isolated, watch, pairs);
    bool good = isolated_try(request->isolated, store, request->config, block, &result, error);
    isolated_watch(request->isolated, NULL, NULL);
    return good;
}

size_t pairs_pack(struct pairs *pairs)
{
    size_t count = 0;
    for (size_t token = 0; token < pairs->tokens; token++) {
        if (!pairs->has_in[token] || !pairs->has_out[token])
            continue;
        memmove(pairs->inputs + count * pairs->width_in, pairs->inputs + token * pairs->width_in,
                pairs->width_in * sizeof(float));
        memmove(pairs->outputs + count * pairs->width_out, pairs->outputs + token * pairs->width_out,
                pairs->width_out * sizeof(float));
        count++;
    }
    return count;
}
