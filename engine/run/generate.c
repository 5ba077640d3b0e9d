#include "run/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "math/distribution.h"
#include "run/chat.h"
#include "run/decode.h"

#define CONFIG_MAX ((size_t)16 << 20)

struct generating {
    const struct generation_request *request;
    struct generation *generations;
    struct sampler *sampler;
    struct sampler_stream *streams;
    struct ids history; /* scratch */
    struct ids ends;    /* ids that end a text */
    float *raw;         /* scratch: logits as the model made them */
    size_t width;
    struct error error; /* the first of a choice */
};

/* "eos_token_id": a number or a list of numbers. */
static bool take_ends(const cJSON *config, struct ids *ends)
{
    const cJSON *item = json_member(config, "eos_token_id");
    bool good = true;
    if (cJSON_IsNumber(item))
        return ids_push(ends, item->valueint);
    for (const cJSON *one = cJSON_IsArray(item) ? item->child : NULL; good && one; one = one->next)
        good = !cJSON_IsNumber(one) || ids_push(ends, one->valueint);
    return good;
}

/* The outermost configuration that names some counts. */
static bool take_nested_ends(const cJSON *config, struct ids *ends)
{
    const cJSON *levels[CONFIG_LEVELS];
    size_t count = config_levels(config, levels);
    bool good = true;
    for (size_t i = 0; good && !ends->count && i < count; i++)
        good = take_ends(levels[i], ends);
    return good;
}

/* generation_config.json beside the configuration; a configuration that is no file has none. */
static bool read_own_ends(const struct subject *subject, struct ids *ends, struct error *error)
{
    if (!subject->config_path)
        return true;
    char *folder = path_folder(subject->config_path);
    char *path = folder ? path_join(folder, "generation_config.json") : NULL;
    bool good = path || error_memory(error, "generation");
    if (good && file_exists(path)) {
        cJSON *config = json_read(path, CONFIG_MAX, error);
        good = config && (take_ends(config, ends) || error_memory(error, path));
        cJSON_Delete(config);
    }
    free(folder);
    free(path);
    return good;
}

static bool read_ends(const struct subject *subject, struct ids *ends, struct error *error)
{
    const char *name = subject->config_path ? subject->config_path : "config.json";
    if (!read_own_ends(subject, ends, error))
        return false;
    if (ends->count)
        return true;
    cJSON *config = json_parse(name, subject->config_text, strlen(subject->config_text), error);
    bool good = config && (take_nested_ends(config, ends) || error_memory(error, name));
    cJSON_Delete(config);
    return good;
}

static bool is_end(const struct ids *ends, int id)
{
    for (size_t i = 0; i < ends->count; i++)
        if (ends->data[i] == id)
            return true;
    return false;
}

/* Keeps the logits, of which the sampler leaves little. */
static bool keep_raw(struct generating *generating, const float *logits, size_t width)
{
    if (width > generating->width) {
        free(generating->raw);
        generating->raw = malloc(width * sizeof *generating->raw);
        generating->width = generating->raw ? width : 0;
    }
    if (!generating->raw)
        return error_memory(&generating->error, "generation");
    memcpy(generating->raw, logits, width * sizeof *logits);
    return true;
}

static bool add_token(struct generating *generating, struct generation *generation, int id, size_t width)
{
    double log_sum, entropy = logits_entropy(generating->raw, width, &log_sum);
    if (!array_grow(generation->steps, generation->ids.count, generation->step_capacity))
        return error_memory(&generating->error, "generation");
    generation->steps[generation->ids.count] =
        (struct generation_step){.log_probability = (double)generating->raw[id] - log_sum, .entropy = entropy};
    return ids_push(&generation->ids, id) || error_memory(&generating->error, "generation");
}

static bool generate_choose(void *context, size_t which, size_t step, float *logits, size_t width, int *next)
{
    struct generating *generating = context;
    struct generation *generation = &generating->generations[which];
    struct ids *history = &generating->history;
    (void)step;
    if (generating->error.text)
        return false;
    history->count = 0;
    if (!ids_append(history, generation->prompt.data, generation->prompt.count) ||
        !ids_append(history, generation->ids.data, generation->ids.count))
        return error_memory(&generating->error, "generation");
    for (size_t i = 0; i < width; i++)
        generation->broken = generation->broken || !isfinite(logits[i]);
    if (generation->broken)
        return false;
    if (!keep_raw(generating, logits, width))
        return false;
    if (!sampler_next(generating->sampler, &generating->streams[which], history->data, history->count, logits, width,
                      next, &generating->error))
        return error_context(&generating->error, "prompt \"%.60s\"", generating->request->prompts[which]);
    if (is_end(&generating->ends, *next)) {
        generation->ended = true;
        return false;
    }
    return add_token(generating, generation, *next, width);
}

static bool encode_prompt(struct subject *subject, const struct generation_request *request, const char *prompt,
                          struct generation *generation, struct error *error)
{
    struct buffer text = {0};
    if (!request->chat)
        return tokenizer_encode(subject->tokenizer, prompt, strlen(prompt), true, &generation->prompt, error);
    bool good = subject_chat(subject, request->system, prompt, &generation->prompt, &text, error);
    generation->chat = good ? buffer_take(&text) : NULL;
    buffer_free(&text);
    return good && (generation->chat || error_memory(error, "chat"));
}

static bool encode_prompts(struct subject *subject, const struct generation_request *request,
                           struct generation *generations, struct decode_prompt *prompts, struct error *error)
{
    for (size_t i = 0; i < request->count; i++) {
        const char *text = request->prompts[i];
        struct ids *ids = &generations[i].prompt;
        if (!encode_prompt(subject, request, text, &generations[i], error))
            return false;
        if (!ids->count)
            return error_set(error, "prompt \"%.60s\" has no tokens", text);
        prompts[i] = (struct decode_prompt){ids->data, ids->count, request->most};
    }
    return true;
}

/* A vocabulary may be larger than its tokenizer: such ids have no text, and are told. */
static bool decode_text(struct subject *subject, struct generation *generation, struct error *error)
{
    struct buffer text = {0};
    bool good = true;
    for (size_t first = 0; good && first < generation->ids.count;) {
        size_t count = 0;
        while (first + count < generation->ids.count &&
               (size_t)generation->ids.data[first + count] < tokenizer_size(subject->tokenizer))
            count++;
        good = tokenizer_decode(subject->tokenizer, generation->ids.data + first, count, true, &text, error);
        first += count;
        if (good && first < generation->ids.count)
            buffer_format(&text, "<token %d>", generation->ids.data[first++]);
    }
    generation->text = good ? buffer_take(&text) : NULL;
    buffer_free(&text);
    return good && (generation->text || error_memory(error, "generation"));
}

bool generate(struct subject *subject, const struct generation_request *request, struct generation *generations,
              struct error *error)
{
    struct generating generating = {.request = request,
                                    .generations = generations,
                                    .sampler = sampler_new(&request->sampler, error),
                                    .streams = calloc(request->count + 1, sizeof *generating.streams)};
    struct decode_prompt *prompts = calloc(request->count + 1, sizeof *prompts);
    bool good = generating.sampler && ((generating.streams && prompts) || error_memory(error, "generation")) &&
                read_ends(subject, &generating.ends, error) &&
                encode_prompts(subject, request, generations, prompts, error);
    for (size_t i = 0; good && i < request->count; i++)
        sampler_seed(&generating.streams[i], request->seed, i);
    good = good && decode(subject, prompts, request->count, "generate", generate_choose, &generating, error);
    if (good && generating.error.text)
        good = error_set(error, "%s", generating.error.text);
    for (size_t i = 0; good && i < request->count; i++)
        good = decode_text(subject, &generations[i], error);
    error_clear(&generating.error);
    sampler_free(generating.sampler);
    ids_free(&generating.history);
    ids_free(&generating.ends);
    free(generating.raw);
    free(generating.streams);
    free(prompts);
    return good;
}

void generations_free(struct generation *generations, size_t count)
{
    for (size_t i = 0; generations && i < count; i++) {
        ids_free(&generations[i].prompt);
        ids_free(&generations[i].ids);
        free(generations[i].chat);
        free(generations[i].text);
        free(generations[i].steps);
    }
}
