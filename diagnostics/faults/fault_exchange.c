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
    {"swap-experts", "LAYER,A,B", "Exchanges two experts, but not their router rows"}, lay_swap_experts};

static bool lay_swap_layers(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    if (!fault_are_two(site, arguments, (uint64_t)site->config->layers, "layers", error))
        return false;
    char prefixes[2][FAULT_TEXT];
    for (int i = 0; i < 2; i++)
        snprintf(prefixes[i], sizeof prefixes[i], "model.layers.%d.", (int)arguments->numbers[i]);
    return exchange(site, prefixes[0], prefixes[1], error);
}

const struct fault_kind fault_swap_layers = {{"swap-layers", "A,B", "Exchanges all tensors of two layers"},
                                             lay_swap_layers};

static bool lay_copy(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return fault_can_compute(site, arguments->tensor, error) &&
           read_as(site, arguments->tensor->name, arguments->other->name, error) &&
           fault_count_change(site, arguments->tensor, error);
}

const struct fault_kind fault_copy = {
    {"copy", "TENSOR,FROM", "Gives a tensor the values of another: two names, one content"}, lay_copy};

static bool lay_swap_tensors(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct fault_arguments turned = {.tensor = arguments->other, .other = arguments->tensor};
    return lay_copy(site, arguments, error) && lay_copy(site, &turned, error);
}

const struct fault_kind fault_swap_tensors = {
    {"swap-tensors", "TENSOR,OTHER", "Exchanges two tensors of one shape and dtype"}, lay_swap_tensors};

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
    if (!site->original)
        return error_set(error, "fault %s: --source DIR is needed, the original with its weights", site->spec);
    bool good = fitting_names(site->original, arguments->text, &names) || error_memory(error, site->spec);
    if (good && !names.count)
        good = error_set(error, "fault %s: %s has no tensor '%s'", site->spec, store_path(site->original),
                         arguments->text);
    for (size_t i = 0; good && i < names.count; i++)
        good = overlay_lend(site->overlay, site->original, names.items[i], error);
    site->changed += names.count;
    names_free(&names);
    return good;
}

const struct fault_kind fault_restore = {
    {"restore", "NAMES",
     "Takes tensors from the original (--source), those that are absent too: *.input_layernorm.weight"},
    lay_restore};
