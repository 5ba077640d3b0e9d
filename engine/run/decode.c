#include "run/decode.h"

#include <stdlib.h>

#include "base/progress.h"
#include "run/run.h"

/* One sequence. */
struct item {
    const struct decode_prompt *prompt;
    struct kv *kv;
    size_t step; /* tokens chosen */
    int next;    /* the last of them */
    bool done;
};

struct decoding {
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

/* Lays out the next pass of the group; returns how many sequences it has. */
static size_t decoding_pass(struct decoding *decoding)
{
    size_t count = 0;
    for (size_t i = decoding->first; i < decoding->last; i++) {
        struct item *item = &decoding->items[i];
        if (item->done)
            continue;
        decoding->active[count] = i;
        decoding->sequences[count++] = item->step ? (struct sequence){.ids = &item->next, .count = 1, .kv = item->kv}
                                                  : (struct sequence){.ids = item->prompt->ids,
                                                                      .count = item->prompt->count,
                                                                      .kv = item->kv,
                                                                      .logits_from = item->prompt->count - 1};
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
        bytes += run_bytes(config, prompt->count, prompt->count + prompt->most);
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
        const struct decode_prompt *prompt = decoding->items[i].prompt;
        decoding->items[i].kv = kv_new(subject->config, prompt->count + prompt->most, error);
        good = decoding->items[i].kv;
    }
    while (good && (count = decoding_pass(decoding))) {
        good = model_forward(subject->model, decoding->sequences, count, &probe, error);
        progress_step(&decoding->progress, ++decoding->steps);
    }
    decoding->steps = end;
    for (size_t i = decoding->first; i < decoding->last; i++) {
        kv_free(decoding->items[i].kv);
        decoding->items[i].kv = NULL;
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
    struct decoding decoding = {.choose = choose,
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
