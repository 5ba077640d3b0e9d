#include "run/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "run/run.h"

/* One sequence. */
struct item {
    const struct decode_prompt *prompt;
    struct kv *kv;
    int *ids;    /* of the prompt, and those chosen */
    size_t step; /* tokens chosen */
    int next;    /* the last of them */
    bool done;
};

struct decoding {
    const struct model_config *config;
    decode_choose *choose;
    void *context;
    struct item *items;
    size_t count;
    size_t first, last;         /* items first .. last - 1 are decoded together, in these: */
    size_t *active;             /* sequence of the pass -> item */
    struct sequence *sequences; /* of the pass */
    struct progress progress;
    size_t steps;
};

static bool decoding_see(void *context, const struct activation *activation, struct error *error)
{
    struct decoding *decoding = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        size_t which = decoding->active[activation->row_of[row].sequence];
        struct item *item = &decoding->items[which];
        item->done = !decoding->choose(decoding->context, which, item->step,
                                       activation->values + row * activation->width, activation->width, &item->next);
        item->done = ++item->step >= item->prompt->most || item->done;
    }
    return true;
}

/* What of the item goes into the next pass: the prompt, then the token that was chosen last; or all of it once more,
 * where one token more rotates all of them otherwise. */
static struct sequence item_next(struct item *item, const struct model_config *config)
{
    size_t length = item->prompt->count + item->step;
    if (item->step)
        item->ids[length - 1] = item->next;
    if (item->step && model_same_rotation(config, length - 1, length))
        return (struct sequence){.ids = &item->ids[length - 1], .count = 1, .kv = item->kv};
    kv_clear(item->kv);
    return (struct sequence){.ids = item->ids, .count = length, .kv = item->kv, .logits_from = length - 1};
}

/* Lays out the next pass of the group; returns how many sequences it has. */
static size_t decoding_pass(struct decoding *decoding)
{
    size_t count = 0;
    for (size_t i = decoding->first; i < decoding->last; i++) {
        struct item *item = &decoding->items[i];
        if (item->done)
            continue;
        decoding->active[count] = i;
        decoding->sequences[count++] = item_next(item, decoding->config);
    }
    return count;
}

/* The end of the group that begins at `first`: at least one item, then as many as fit. */
static size_t group_end(const struct decoding *decoding, const struct model_config *config, size_t first)
{
    uint64_t bytes = 0;
    size_t i = first;
    for (; i < decoding->count; i++) {
        const struct decode_prompt *prompt = decoding->items[i].prompt;
        size_t length = prompt->count + prompt->most;
        bytes += run_bytes(config, model_same_rotation(config, prompt->count, length) ? prompt->count : length, length);
        if (i > first && bytes > RUN_BYTES)
            break;
    }
    return i;
}

/* Passes that the group needs at most: one for each token of its longest continuation. */
static size_t group_steps(const struct decoding *decoding, size_t first, size_t last)
{
    size_t longest = 0;
    for (size_t i = first; i < last; i++)
        longest = decoding->items[i].prompt->most > longest ? decoding->items[i].prompt->most : longest;
    return longest;
}

static bool group_decode(struct subject *subject, struct decoding *decoding, struct error *error)
{
    struct probe probe = {.see = decoding_see, .context = decoding};
    size_t count = 0, end = decoding->steps + group_steps(decoding, decoding->first, decoding->last);
    bool good = true;
    for (size_t i = decoding->first; good && i < decoding->last; i++) {
        struct item *item = &decoding->items[i];
        item->kv = kv_new(subject->config, item->prompt->count + item->prompt->most, error);
        item->ids = malloc((item->prompt->count + item->prompt->most) * sizeof *item->ids);
        good = item->kv && (item->ids || error_memory(error, "ids"));
        if (good)
            memcpy(item->ids, item->prompt->ids, item->prompt->count * sizeof *item->ids);
    }
    while (good && (count = decoding_pass(decoding))) {
        good = model_forward(subject->model, decoding->sequences, count, &probe, error);
        progress_step(&decoding->progress, ++decoding->steps);
    }
    decoding->steps = end;
    for (size_t i = decoding->first; i < decoding->last; i++) {
        kv_free(decoding->items[i].kv);
        free(decoding->items[i].ids);
        decoding->items[i].kv = NULL;
        decoding->items[i].ids = NULL;
    }
    return good;
}

static bool decode_groups(struct subject *subject, struct decoding *decoding, const char *title, struct error *error)
{
    size_t steps = 0;
    bool good = true;
    for (size_t first = 0, last; first < decoding->count; first = last) {
        last = group_end(decoding, subject->config, first);
        steps += group_steps(decoding, first, last);
    }
    decoding->progress = progress_begin(title, "tokens", steps);
    model_keep_weights(subject->model, true);
    for (; good && decoding->last < decoding->count; decoding->first = decoding->last) {
        decoding->last = group_end(decoding, subject->config, decoding->first);
        good = group_decode(subject, decoding, error);
    }
    model_keep_weights(subject->model, false);
    progress_end(&decoding->progress);
    return good;
}

bool decode(struct subject *subject, const struct decode_prompt *prompts, size_t count, const char *title,
            decode_choose *choose, void *context, struct error *error)
{
    struct decoding decoding = {.config = subject->config,
                                .choose = choose,
                                .context = context,
                                .items = calloc(count + 1, sizeof *decoding.items),
                                .count = count,
                                .active = calloc(count + 1, sizeof *decoding.active),
                                .sequences = calloc(count + 1, sizeof *decoding.sequences)};
    bool good = config_writes(subject->config, error) &&
                ((decoding.items && decoding.active && decoding.sequences) || error_memory(error, title));
    for (size_t i = 0; good && i < count; i++)
        decoding.items[i] = (struct item){.prompt = &prompts[i], .done = !prompts[i].most};
    good = good && decode_groups(subject, &decoding, title, error);
    free(decoding.items);
    free(decoding.active);
    free(decoding.sequences);
    return good;
}
