#include "run/generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/experts_print.h"
#include "cli/opening.h"
#include "cli/output.h"

#define MOST_DEFAULT 50

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->prompts.count)
        return "--prompt TEXT is needed";
    const char *wrong = prompts_judge(arguments);
    if (wrong)
        return wrong;
    if (arguments->system && !arguments->chat)
        return "--system needs --chat";
    if (arguments->top_p.given && !(arguments->top_p.value > 0 && arguments->top_p.value <= 1))
        return "--top-p is a share above 0 and up to 1";
    if (arguments->min_p.value > 1)
        return "--min-p is a share from 0 to 1";
    if (arguments->repetition_penalty.given && !(arguments->repetition_penalty.value > 0))
        return "--repetition-penalty is a number above 0";
    if (arguments->top_k.value > 1e9 || arguments->top_k.value != floor(arguments->top_k.value))
        return "--top-k is a whole number";
    return NULL;
}

static double given(const struct real *real, double otherwise)
{
    return real->given ? real->value : otherwise;
}

/* What was asked in the end. */
static void print_chat(cJSON *item, const struct generation *generation)
{
    cJSON *ids = cJSON_AddArrayToObject(item, "chat_ids");
    for (size_t i = 0; i < generation->prompt.count; i++)
        cJSON_AddItemToArray(ids, cJSON_CreateNumber(generation->prompt.data[i]));
    cJSON_AddStringToObject(item, "chat", generation->chat);
}

static void print_json(const struct arguments *arguments, const struct model *model,
                       const struct generation *generations)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < arguments->prompts.count; i++) {
        cJSON *item = cJSON_CreateObject(), *ids = cJSON_CreateArray();
        cJSON *log_probability = cJSON_CreateArray(), *entropy = cJSON_CreateArray();
        for (size_t k = 0; k < generations[i].ids.count; k++) {
            cJSON_AddItemToArray(ids, cJSON_CreateNumber(generations[i].ids.data[k]));
            cJSON_AddItemToArray(log_probability, cJSON_CreateNumber(generations[i].steps[k].log_probability));
            cJSON_AddItemToArray(entropy, cJSON_CreateNumber(generations[i].steps[k].entropy));
        }
        cJSON_AddStringToObject(item, "prompt", arguments->prompts.items[i]);
        if (generations[i].chat)
            print_chat(item, &generations[i]);
        cJSON_AddStringToObject(item, "text", generations[i].text);
        cJSON_AddItemToObject(item, "ids", ids);
        cJSON_AddItemToObject(item, "log_probability", log_probability);
        cJSON_AddItemToObject(item, "entropy", entropy);
        cJSON_AddBoolToObject(item, "ended", generations[i].ended);
        experts_json(model, false, item); /* of all prompts together: they share the passes */
        cJSON_AddItemToArray(list, item);
    }
    json_print(list, true);
}

static void print_text(const struct arguments *arguments, const struct generation *generations)
{
    bool several = arguments->prompts.count > 1;
    const char *arrow = !several ? "" : arguments->chat ? " -> " : " ->";
    for (size_t i = 0; i < arguments->prompts.count; i++)
        printf("%s%s%s%s\n", several && i ? "\n" : "", several ? arguments->prompts.items[i] : "", arrow,
               generations[i].text);
}

static int run(struct arguments *arguments)
{
    struct subject subject = {0};
    struct error error = {0};
    size_t count = arguments->prompts.count;
    struct generation *generations = calloc(count, sizeof *generations);
    const struct generation_request request = {
        .prompts = (char *const *)arguments->prompts.items,
        .count = count,
        .most = arguments->new_tokens ? arguments->new_tokens : MOST_DEFAULT,
        .seed = arguments->seed,
        .chat = arguments->chat,
        .system = arguments->system,
        .sampler = {.temperature = given(&arguments->temperature, 0.7),
                    .top_k = (size_t)given(&arguments->top_k, 50),
                    .top_p = given(&arguments->top_p, 1),
                    .min_p = given(&arguments->min_p, 0),
                    .repetition_penalty = given(&arguments->repetition_penalty, 1)}};
    bool good = (generations || error_memory(&error, "generation")) &&
                arguments_open(arguments, arguments->positional[0], MISSING_FAIL, false, &subject, &error) &&
                subject_needs_tokenizer(&subject, &error) && subject_load(&subject, &error) &&
                generate(&subject, &request, generations, &error);
    for (size_t i = 0; good && i < count; i++)
        if (generations[i].broken)
            good = error_set(&error, "prompt \"%.60s\": the logits are not finite after %zu tokens",
                             arguments->prompts.items[i], generations[i].ids.count);
    if (good && arguments->json)
        print_json(arguments, subject.model, generations);
    else if (good)
        print_text(arguments, generations);
    if (good && !arguments->quiet)
        experts_print(subject.model, stderr);
    generations_free(generations, count);
    free(generations);
    subject_free(&subject);
    return good ? EXIT_PASS : command_error("generate", &error);
}

static const struct option_row options[] = {
    {"prompt", 'p', "TEXT", "Text to continue (repeatable)", GROUP_WORK, KIND_TEXTS, AT(prompts), 0, 0},
    {"system", 0, "TEXT", "The system message before it, with --chat", GROUP_WORK, KIND_TEXT, AT(system), 0, 0},
    {"max-new-tokens", 'n', "N", "Tokens to write at most (default: 50)", GROUP_WORK, KIND_COUNT, AT(new_tokens), 1, 0},
    {"temperature", 0, "T", "Divides the logits; 0: always the most likely token (default: 0.7)", GROUP_WORK, KIND_REAL,
     AT(temperature), 0, 0},
    {"top-k", 0, "K", "Draw from the K most likely tokens; 0: from all (default: 50)", GROUP_WORK, KIND_REAL, AT(top_k),
     0, 0},
    {"top-p", 0, "P", "Draw from the most likely tokens whose probabilities add up to P (default: 1)", GROUP_WORK,
     KIND_REAL, AT(top_p), 0, 0},
    {"min-p", 0, "P", "Draw only tokens at least P times as likely as the most likely one (default: 0)", GROUP_WORK,
     KIND_REAL, AT(min_p), 0, 0},
    {"repetition-penalty", 0, "X",
     "Makes tokens that occurred before less likely, above 1 (default: 1, which changes nothing)", GROUP_WORK,
     KIND_REAL, AT(repetition_penalty), 0, 0},
    {"seed", 0, "N", "Seed of the random numbers: the same seed gives the same text (default: 0)", GROUP_WORK,
     KIND_COUNT, AT(seed), 0, 0},
    {0},
};

const struct command command_generate = {
    .name = "generate",
    .does = "continue texts",
    .args = "MODEL --prompt TEXT",
    .doc = "Continues each prompt and writes the text to stdout: greedy, or sampled as transformers' generate does, "
           "with its own random numbers. All prompts are continued together; each text depends only on its prompt, the "
           "seed and its place among the prompts.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_CHAT,
    .options = options,
    .judge = judge,
    .run = run,
};
