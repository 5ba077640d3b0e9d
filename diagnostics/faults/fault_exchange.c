/* Faults that put a tensor in another's place. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "faults/fault_catalogue.h"
#include "faults/fault_edit.h"

static bool read_as(struct fault_site *site, const char *name, const char *from, struct error *error)
{
    return overlay_alias(site->overlay, name, from, error) || error_context(error, "fault %s", site->spec);
}

/* Reads every tensor below one prefix from the same name below the other. */
static bool read_from(struct fault_site *site, const char *prefix, const char *other, struct error *error)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < store_text_count(site->below); i++) {
        const char *name = store_at(site->below, i)->name;
        char from[FAULT_TEXT];
        if (strncmp(name, prefix, length) != 0)
            continue;
        if (snprintf(from, sizeof from, "%s%s", other, name + length) >= (int)sizeof from)
            return error_set(error, "fault %s: tensor '%s' has too long a name", site->spec, name);
        if (!read_as(site, name, from, error))
            return false;
        site->changed++;
    }
    return true;
}

static bool exchange(struct fault_site *site, const char *a, const char *b, struct error *error)
{
    return read_from(site, a, b, error) && read_from(site, b, a, error);
}

static bool lay_swap_experts(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    if (!fault_are_two(site, arguments, (uint64_t)site->config->experts, "experts", error))
        return false;
    char prefixes[2][FAULT_TEXT];
    for (int i = 0; i < 2; i++)
        snprintf(prefixes[i], sizeof prefixes[i], "model.layers.%d.mlp.experts.%d.", arguments->layer,
                 (int)arguments->numbers[i]);
    return exchange(site, prefixes[0], prefixes[1], error);
}

const struct fault_kind fault_swap_experts = {
    {"swap-experts", "LAYER,A,B", "Exchanges two experts, but not their router rows",
     "tokens of each of two experts are answered by the other; short texts hardly show it",
     "a sort of file names as text, or a merge that numbers anew"},
    lay_swap_experts};

static bool lay_swap_layers(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    if (!fault_are_two(site, arguments, (uint64_t)site->config->layers, "layers", error))
        return false;
    char prefixes[2][FAULT_TEXT];
    for (int i = 0; i < 2; i++)
        snprintf(prefixes[i], sizeof prefixes[i], "model.layers.%d.", (int)arguments->numbers[i]);
    return exchange(site, prefixes[0], prefixes[1], error);
}

const struct fault_kind fault_swap_layers = {{"swap-layers", "A,B", "Exchanges all tensors of two layers",
                                              "the two layers undo each other's work; fluent at first, wrong soon",
                                              "layers sorted as text: 1, 10, 11, 2"},
                                             lay_swap_layers};

static bool lay_copy(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return fault_can_compute(site, arguments->tensor, error) &&
           read_as(site, arguments->tensor->name, arguments->other->name, error) &&
           fault_count_change(site, arguments->tensor, error);
}

const struct fault_kind fault_copy = {
    {"copy", "TENSOR,FROM", "Gives a tensor the values of another: two names, one content",
     "one module repeats another's work", "a loop that reads one index twice, a pointer that two names share"},
    lay_copy};

static bool lay_swap_tensors(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct fault_arguments turned = {.tensor = arguments->other, .other = arguments->tensor};
    return lay_copy(site, arguments, error) && lay_copy(site, &turned, error);
}

const struct fault_kind fault_swap_tensors = {
    {"swap-tensors", "TENSOR,OTHER", "Exchanges two tensors of one shape and dtype",
     "the two modules wrong, all else right", "names taken for each other in a table of a converter"},
    lay_swap_tensors};

/* --- one thing in the place of another --- */

static bool lay_shift_experts(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    int experts = site->config->experts;
    for (int expert = 0; expert < experts; expert++) {
        char prefixes[2][FAULT_TEXT];
        long long from = ((expert + arguments->shift) % experts + experts) % experts;
        snprintf(prefixes[0], sizeof prefixes[0], "model.layers.%d.mlp.experts.%d.", arguments->layer, expert);
        snprintf(prefixes[1], sizeof prefixes[1], "model.layers.%d.mlp.experts.%lld.", arguments->layer, from);
        if (from != expert && !read_from(site, prefixes[0], prefixes[1], error))
            return false;
    }
    return true;
}

const struct fault_kind fault_shift_experts = {
    {"shift-experts", "LAYER,N", "Gives every expert of a layer the matrices of the one N further on",
     "every token is answered by an expert that it was not routed to, in that layer",
     "experts counted from 1 in one place and from 0 in another, or files sorted as text: 1, 10, 11, 2"},
    lay_shift_experts};

/* What lies below `part` of one layer is read from the same of another. */
static bool read_layer(struct fault_site *site, const struct fault_arguments *arguments, const char *part,
                       struct error *error)
{
    char prefixes[2][FAULT_TEXT];
    uint64_t other = arguments->numbers[1];
    if (!fault_are_two(site, arguments, (uint64_t)site->config->layers, "layers", error))
        return false;
    snprintf(prefixes[0], sizeof prefixes[0], "model.layers.%llu.%s", (unsigned long long)arguments->numbers[0], part);
    snprintf(prefixes[1], sizeof prefixes[1], "model.layers.%llu.%s", (unsigned long long)other, part);
    return read_from(site, prefixes[0], prefixes[1], error);
}

static bool lay_duplicate_layer(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return read_layer(site, arguments, "", error);
}

const struct fault_kind fault_duplicate_layer = {
    {"duplicate-layer", "A,B", "Gives layer A all tensors of layer B",
     "one layer's work is done twice, another's not at all; texts stay fluent and lose the thread",
     "a loop over layers that writes one index twice"},
    lay_duplicate_layer};

static bool lay_foreign_experts(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return read_layer(site, arguments, "mlp.experts.", error);
}

const struct fault_kind fault_foreign_experts = {
    {"foreign-experts", "A,B", "Gives layer A the experts of layer B, under its own router",
     "the feed-forward block of one layer answers as another's", "files of experts named by another layer's number"},
    lay_foreign_experts};

static bool lay_foreign_router(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return read_layer(site, arguments, "mlp.gate.", error);
}

const struct fault_kind fault_foreign_router = {
    {"foreign-router", "A,B", "Gives layer A the router of layer B, over its own experts",
     "tokens of one layer go to experts by another's choice: right ones by chance",
     "routers stacked in one file and cut at the wrong layer"},
    lay_foreign_router};

static bool lay_tied_head(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    const struct tensor *head = store_find(site->below, "lm_head.weight");
    (void)arguments;
    if (!head)
        return error_set(error, "fault %s: %s has no head of its own", site->spec, store_path(site->below));
    return read_as(site, head->name, "model.embed_tokens.weight", error) && fault_count_change(site, head, error);
}

const struct fault_kind fault_tied_head = {
    {"tied-head", "", "Gives the head the values of the embedding",
     "all activations right, logits wrong; the model repeats what it was given",
     "tie_word_embeddings true, or taken to be, for a model with a head of its own"},
    lay_tied_head};

/* Names of the original's tensors that the pattern fits. */
static bool fitting_names(const struct store *original, const char *pattern, struct names *out)
{
    for (size_t i = 0; i < store_text_count(original); i++)
        if (fnmatch(pattern, store_at(original, i)->name, 0) == 0 && !names_add(out, store_at(original, i)->name))
            return false;
    return true;
}

static bool lay_restore(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct names names = {0};
    if (!site->means.original)
        return error_set(error, "fault %s: --source DIR is needed, the original with its weights", site->spec);
    bool good = fitting_names(site->means.original, arguments->text, &names) || error_memory(error, site->spec);
    if (good && !names.count)
        good = error_set(error, "fault %s: %s has no tensor '%s'", site->spec, store_path(site->means.original),
                         arguments->text);
    for (size_t i = 0; good && i < names.count; i++)
        good = overlay_lend(site->overlay, site->means.original, names.items[i], error);
    site->changed += names.count;
    names_free(&names);
    return good;
}

const struct fault_kind fault_restore = {
    {"restore", "NAMES",
     "Takes tensors from the original (--source), absent ones too, such as *.input_layernorm.weight",
     "what is absent or wrong becomes as in the original: this is no damage, it undoes one",
     "none: an experiment, and what repair does"},
    lay_restore};
