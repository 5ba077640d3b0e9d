#include "texts/relevance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/map.h"
#include "base/numbers.h"
#include "run/run.h"
#include "texts/judge_text.h"

/* What texts are put after. */
struct prompt {
    const char *text;
    uint64_t hash;
    struct ids ids;  /* none: nothing to relate to */
    struct ids line; /* of it and a line break, which a tokenizer may join to its last token */
};

struct passage {
    const char *text;
    struct ids ids; /* no more than are judged */
    size_t bytes;   /* of those */
    bool cut;
};

/* One passage after one prompt. */
struct trial {
    struct trial_key {
        size_t prompt;
        size_t passage;
    } key;
    struct ids ids;   /* BOS, prompt, line break, passage */
    size_t text_from; /* the first of them that is the passage's */
    double bits;      /* log2 P(passage) */
    double late;      /* of its tokens after the first RELEVANCE_LATE */
};

enum { TRIAL_OWN, TRIAL_ALONE, TRIAL_OTHERS };

/* What is held against each other for one pair. */
struct match {
    size_t passage;
    size_t prompt;
    size_t *trials; /* TRIAL_OWN, TRIAL_ALONE, and `others` from TRIAL_OTHERS on */
    size_t others;
};

#define PROMPT_NONE 0 /* the first prompt: "" */

struct judging {
    struct subject *judge;
    struct relevance_options options;
    struct ids begin; /* what the template puts before a text */
    struct prompt *prompts;
    size_t prompt_count;
    size_t suite_end; /* prompts from here on are distractors */
    struct passage *passages;
    size_t passage_count;
    struct match *matches; /* of the pairs */
    size_t *match_trials;  /* what their lists lie in */
    struct trial *trials;  /* never moved: trial_of keeps their keys */
    size_t trial_count;
    struct map prompt_of, passage_of, trial_of;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool encode_prompt(struct judging *judging, struct prompt *prompt, size_t length, struct error *error)
{
    struct buffer line = {0};
    bool good =
        (buffer_append(&line, prompt->text, length) && buffer_char(&line, '\n')) || error_memory(error, "relevance");
    good = good && judge_encode(judging->judge, prompt->text, length, false, &prompt->ids, error) &&
           judge_encode(judging->judge, line.data, line.size, false, &prompt->line, error);
    buffer_free(&line);
    if (good && !prompt->line.count && !judging->begin.count)
        good = error_set(error, "judge %s: its tokenizer has no token for a line break, nor one to begin with",
                         store_path(judging->judge->store));
    return good;
}

/* Adds the prompt unless it is there; `*at` (may be NULL) is its index. */
static bool add_prompt(struct judging *judging, const char *text, size_t *at, struct error *error)
{
    size_t found, length = strlen(text);
    if (!map_add(&judging->prompt_of, text, length, judging->prompt_count, &found))
        return error_memory(error, "relevance");
    if (at)
        *at = found == MAP_ABSENT ? judging->prompt_count : found;
    if (found != MAP_ABSENT)
        return true;
    struct prompt *prompt = &judging->prompts[judging->prompt_count++];
    *prompt = (struct prompt){.text = text, .hash = XXH3_64bits(text, length)};
    return encode_prompt(judging, prompt, length, error);
}

/* Leaves the first tokens, as many as are judged, and counts their bytes. */
static bool cut_passage(struct judging *judging, struct passage *passage, struct error *error)
{
    struct buffer head = {0};
    passage->bytes = strlen(passage->text);
    if (passage->ids.count <= judging->options.tokens)
        return true;
    passage->cut = true;
    passage->ids.count = judging->options.tokens;
    bool good = tokenizer_decode(judging->judge->tokenizer, passage->ids.data, passage->ids.count, false, &head, error);
    passage->bytes = head.size;
    buffer_free(&head);
    return good;
}

static bool add_passage(struct judging *judging, const char *text, size_t *at, struct error *error)
{
    size_t found;
    if (!map_add(&judging->passage_of, text, strlen(text), judging->passage_count, &found))
        return error_memory(error, "relevance");
    *at = found == MAP_ABSENT ? judging->passage_count : found;
    if (found != MAP_ABSENT)
        return true;
    struct passage *passage = &judging->passages[judging->passage_count++];
    *passage = (struct passage){.text = text};
    return judge_encode(judging->judge, text, strlen(text), false, &passage->ids, error) &&
           cut_passage(judging, passage, error);
}

/* Whether a line break goes between. */
static bool is_answer(const struct judging *judging, const struct prompt *prompt, const struct passage *passage)
{
    size_t length = strlen(prompt->text);
    return !length ||
           (!judging->options.continues && !is_space(passage->text[0]) && !is_space(prompt->text[length - 1]));
}

/* Adds the trial unless it is there; `*at` is its index. */
static bool add_trial(struct judging *judging, size_t prompt_index, size_t passage_index, size_t *at,
                      struct error *error)
{
    const struct prompt *prompt = &judging->prompts[prompt_index];
    const struct passage *passage = &judging->passages[passage_index];
    struct trial *trial = &judging->trials[judging->trial_count];
    size_t found;
    *trial = (struct trial){.key = {prompt_index, passage_index}};
    if (!map_add(&judging->trial_of, &trial->key, sizeof trial->key, judging->trial_count, &found))
        return error_memory(error, "relevance");
    *at = found == MAP_ABSENT ? judging->trial_count : found;
    if (found != MAP_ABSENT)
        return true;
    judging->trial_count++;
    const struct ids *before = is_answer(judging, prompt, passage) ? &prompt->line : &prompt->ids;
    bool good = ids_append(&trial->ids, judging->begin.data, judging->begin.count) &&
                ids_append(&trial->ids, before->data, before->count);
    trial->text_from = trial->ids.count;
    return (good && ids_append(&trial->ids, passage->ids.data, passage->ids.count)) || error_memory(error, "relevance");
}

/* Where a prompt stands among the others of `own`: by nothing but what both say. */
static uint64_t other_key(const struct judging *judging, size_t own, size_t other)
{
    return mix_u64(judging->prompts[own].hash ^ mix_u64(judging->prompts[other].hash));
}

/* Adds to the match's list, sorted by other_key, the first of prompts first .. last - 1 until it holds as many as
 * are asked for; for now the list is of prompts. */
static void choose_others(const struct judging *judging, size_t first, size_t last, struct match *match)
{
    size_t *list = match->trials + TRIAL_OTHERS, kept = match->others;
    for (size_t other = first; other < last; other++) {
        if (other == match->prompt || !judging->prompts[other].ids.count)
            continue;
        uint64_t key = other_key(judging, match->prompt, other);
        size_t place = match->others;
        while (place > kept && other_key(judging, match->prompt, list[place - 1]) > key)
            place--;
        if (place == judging->options.others)
            continue;
        match->others += match->others < judging->options.others;
        memmove(list + place + 1, list + place, (match->others - place - 1) * sizeof *list);
        list[place] = other;
    }
}

static bool lay_match(struct judging *judging, struct match *match, struct error *error)
{
    bool related = judging->prompts[match->prompt].ids.count;
    if (!judging->passages[match->passage].ids.count)
        return true;
    if (related) {
        choose_others(judging, PROMPT_NONE + 1, judging->suite_end, match);
        choose_others(judging, judging->suite_end, judging->prompt_count, match);
    } else
        match->prompt = PROMPT_NONE;
    if (!add_trial(judging, match->prompt, match->passage, &match->trials[TRIAL_OWN], error) ||
        !add_trial(judging, PROMPT_NONE, match->passage, &match->trials[TRIAL_ALONE], error))
        return false;
    for (size_t i = TRIAL_OTHERS; i < TRIAL_OTHERS + match->others; i++)
        if (!add_trial(judging, match->trials[i], match->passage, &match->trials[i], error))
            return false;
    return true;
}

/* Room for the most that there can be. */
static bool judging_reserve(struct judging *judging, size_t pairs, struct error *error)
{
    size_t distractors;
    relevance_distractors(&distractors);
    size_t prompts = pairs + distractors + 1;
    if (judging->options.others > prompts)
        judging->options.others = prompts;
    uint64_t trials;
    if (!multiply_u64(pairs, judging->options.others + TRIAL_OTHERS, &trials) || trials >= SIZE_MAX)
        return error_memory(error, "relevance");
    judging->prompts = calloc(prompts, sizeof *judging->prompts);
    judging->passages = calloc(pairs + 1, sizeof *judging->passages);
    judging->matches = calloc(pairs + 1, sizeof *judging->matches);
    judging->match_trials = calloc((size_t)trials + 1, sizeof *judging->match_trials);
    /* one more: a trial that is there already is tried on the next place */
    judging->trials = calloc((size_t)trials + 1, sizeof *judging->trials);
    return (judging->prompts && judging->passages && judging->matches && judging->match_trials && judging->trials) ||
           error_memory(error, "relevance");
}

static bool judging_lay(struct judging *judging, const struct relevance_pair *pairs, size_t count, struct error *error)
{
    size_t distractors;
    const char *const *distractor = relevance_distractors(&distractors);
    bool good = judging_reserve(judging, count, error) && judge_begin(judging->judge, &judging->begin, error) &&
                add_prompt(judging, "", NULL, error);
    for (size_t i = 0; good && i < count; i++) {
        struct match *match = &judging->matches[i];
        match->trials = judging->match_trials + i * (judging->options.others + TRIAL_OTHERS);
        good = add_prompt(judging, pairs[i].prompt ? pairs[i].prompt : "", &match->prompt, error) &&
               add_passage(judging, pairs[i].text ? pairs[i].text : "", &match->passage, error);
    }
    judging->suite_end = judging->prompt_count;
    for (size_t i = 0; good && i < distractors; i++)
        good = add_prompt(judging, distractor[i], NULL, error);
    for (size_t i = 0; good && i < count; i++)
        good = lay_match(judging, &judging->matches[i], error);
    return good;
}

static void judging_free(struct judging *judging)
{
    for (size_t i = 0; i < judging->prompt_count; i++) {
        ids_free(&judging->prompts[i].ids);
        ids_free(&judging->prompts[i].line);
    }
    for (size_t i = 0; i < judging->passage_count; i++)
        ids_free(&judging->passages[i].ids);
    for (size_t i = 0; i < judging->trial_count; i++)
        ids_free(&judging->trials[i].ids);
    free(judging->prompts);
    free(judging->passages);
    free(judging->matches);
    free(judging->match_trials);
    free(judging->trials);
    map_free(&judging->prompt_of);
    map_free(&judging->passage_of);
    map_free(&judging->trial_of);
    ids_free(&judging->begin);
}

static bool trial_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct judging *judging = context;
    struct trial *trial = &judging->trials[which];
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++) {
        size_t target = part->first + row + 1;
        if (target < trial->text_from || target >= trial->ids.count)
            continue;
        const float *logits = part->values + row * part->width;
        double bits;
        if (!judge_bits(judging->judge, logits, part->width, trial->ids.data[target],
                        judging->passages[trial->key.passage].text, &bits, error))
            return false;
        trial->bits += bits;
        trial->late += target >= trial->text_from + RELEVANCE_LATE ? bits : 0;
    }
    return true;
}

static bool judging_run(struct judging *judging, struct error *error)
{
    struct run *run = run_new(judging->judge->model, error);
    bool good = run;
    for (size_t i = 0; good && i < judging->trial_count; i++) {
        const struct trial *trial = &judging->trials[i];
        struct rider rider = {.see = trial_see, .context = judging, .which = i};
        /* nothing is asked after the last token */
        good = run_add(run, trial->ids.data, trial->ids.count - 1, trial->text_from - 1, rider, error);
    }
    good = good && run_execute(run, "judge", 0, error);
    run_free(run);
    return good;
}

/* The own prompt against the others. */
static void take_relation(const struct judging *judging, const struct match *match, struct relevance *relevance)
{
    const size_t *list = match->trials + TRIAL_OTHERS;
    double best = -INFINITY, sum = 0, own = relevance->bits_own;
    size_t worse = 0;
    for (size_t i = 0; i < match->others; i++) {
        best = fmax(best, judging->trials[list[i]].bits);
        worse += judging->trials[list[i]].bits < own;
    }
    for (size_t i = 0; i < match->others; i++)
        sum += exp2(judging->trials[list[i]].bits - best);
    relevance->evidence = own - relevance->bits_alone;
    relevance->contrast = own - best - log2(sum / (double)match->others);
    relevance->margin = own - best;
    relevance->share = (double)worse / (double)match->others;
    relevance->rank = 1 + match->others - worse;
    relevance->others = match->others;
}

static struct relevance take_match(const struct judging *judging, const struct match *match)
{
    struct relevance relevance = {.bits_own = NAN,
                                  .bits_alone = NAN,
                                  .evidence = NAN,
                                  .contrast = NAN,
                                  .margin = NAN,
                                  .share = NAN,
                                  .bits_per_byte = NAN,
                                  .bits_per_token = NAN,
                                  .bits_per_token_late = NAN};
    const struct passage *passage = &judging->passages[match->passage];
    if (!passage->ids.count)
        return relevance;
    const struct trial *own = &judging->trials[match->trials[TRIAL_OWN]];
    relevance.tokens = passage->ids.count;
    relevance.bytes = passage->bytes;
    relevance.cut = passage->cut;
    relevance.bits_alone = judging->trials[match->trials[TRIAL_ALONE]].bits;
    relevance.bits_per_byte = -own->bits / (double)passage->bytes;
    relevance.bits_per_token = -own->bits / (double)passage->ids.count;
    if (passage->ids.count > RELEVANCE_LATE)
        relevance.bits_per_token_late = -own->late / (double)(passage->ids.count - RELEVANCE_LATE);
    if (match->prompt == PROMPT_NONE)
        return relevance;
    relevance.bits_own = own->bits;
    take_relation(judging, match, &relevance);
    return relevance;
}

bool relevance_measure(struct subject *judge, const struct relevance_pair *pairs, size_t count,
                       const struct relevance_options *options, struct relevance *out, struct error *error)
{
    struct judging judging = {.judge = judge, .options = *options};
    judging.options.others = options->others ? options->others : RELEVANCE_OTHERS;
    judging.options.tokens = options->tokens ? options->tokens : RELEVANCE_TOKENS;
    bool good = subject_needs_tokenizer(judge, error) || error_context(error, "judge %s", store_path(judge->store));
    good = good && subject_load(judge, error) && judging_lay(&judging, pairs, count, error) &&
           (!judging.trial_count || judging_run(&judging, error));
    for (size_t i = 0; good && i < count; i++)
        out[i] = take_match(&judging, &judging.matches[i]);
    judging_free(&judging);
    return good;
}

static bool has_opinion(const struct relevance *relevance)
{
    return relevance->others && relevance->tokens >= RELEVANCE_TOKENS_LEAST;
}

bool relevance_lost(const struct relevance *relevance)
{
    return has_opinion(relevance) &&
           !(relevance->evidence >= RELEVANCE_BITS_LEAST && relevance->contrast >= RELEVANCE_BITS_LEAST);
}

struct relevance_total relevance_total(const struct relevance *relevances, size_t count)
{
    struct relevance_total total = {0};
    for (size_t i = 0; i < count; i++) {
        const struct relevance *relevance = &relevances[i];
        if (!has_opinion(relevance))
            continue;
        total.texts++;
        total.first += relevance->rank == 1;
        total.lost += relevance_lost(relevance);
        total.share += relevance->share;
        total.evidence += relevance->evidence;
    }
    total.share = total.texts ? total.share / (double)total.texts : NAN;
    total.evidence = total.texts ? total.evidence / (double)total.texts : NAN;
    return total;
}
