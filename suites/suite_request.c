#include "suites/suite.h"

struct check_request suite_request(const struct suite *suite)
{
    struct check_request request = {.limits = &suite->limits,
                                    .choice = suite->choice,
                                    .text = suite->text,
                                    .context = suite->context,
                                    .stride = suite->stride,
                                    .writing = {.prompts = suite->prompts,
                                                .expects = suite->expects,
                                                .count = suite->prompt_count,
                                                .chat = suite->chat,
                                                .most = suite->new_tokens,
                                                .sampler = suite->sampler,
                                                .seed = suite->seed}};
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        request.wanted[i] = suite->wanted[i];
    return request;
}
