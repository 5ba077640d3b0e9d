#include "faults/fault.h"

#include <stdio.h>
#include <string.h>

#include "faults/fault_catalogue.h"

#define KIND_ADDRESS(kind) &kind,
static const struct fault_kind *const catalogue[] = {FAULTS(KIND_ADDRESS)};
#define ROWS (sizeof catalogue / sizeof *catalogue)

const struct fault_row *fault_at(size_t index)
{
    return index < ROWS ? &catalogue[index]->row : NULL;
}

static const struct fault_kind *catalogue_find(const char *spec)
{
    size_t length = strcspn(spec, ":");
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(catalogue[i]->row.name) == length && strncmp(catalogue[i]->row.name, spec, length) == 0)
            return catalogue[i];
    return NULL;
}

const char *fault_judge(const char *spec)
{
    static char message[FAULT_TEXT];
    const struct fault_kind *row = catalogue_find(spec);
    bool arguments = strchr(spec, ':') != NULL;
    if (!row)
        snprintf(message, sizeof message, "there is no fault '%.60s'; \"assay faults\" lists them", spec);
    else if (arguments && !*row->row.arguments)
        snprintf(message, sizeof message, "the fault %s takes no arguments", row->row.name);
    else if (!arguments && *row->row.arguments)
        snprintf(message, sizeof message, "the fault %s needs arguments: %s:%s", row->row.name, row->row.name,
                 row->row.arguments);
    else
        return NULL;
    return message;
}

/* The overlay of one fault over the site's store; NULL on failure. */
static struct store *fault_lay(struct fault_site *site, struct error *error)
{
    const char *colon = strchr(site->spec, ':');
    const char *wrong = fault_judge(site->spec);
    struct fault_arguments arguments;
    if (wrong) {
        error_set(error, "%s", wrong);
        return NULL;
    }
    const struct fault_kind *row = catalogue_find(site->spec);
    site->overlay = overlay_new(site->below, error);
    if (site->overlay && fault_arguments_take(site, row->row.arguments, colon ? colon + 1 : "", &arguments, error) &&
        row->apply(site, &arguments, error) &&
        (site->changed || error_set(error, "fault %s: changes nothing in %s", site->spec, store_path(site->below))))
        return site->overlay;
    store_free(site->overlay);
    return NULL;
}

struct store *faults_over(const struct store *store, const struct model_config *config, const char *source,
                          const char *const *specs, size_t count, struct error *error)
{
    struct store *top = NULL;
    for (size_t i = 0; i < count; i++) {
        struct fault_site site = {.below = top ? top : store, .config = config, .source = source, .spec = specs[i]};
        struct store *laid = fault_lay(&site, error);
        if (!laid) {
            store_free(top);
            return NULL;
        }
        if (top)
            overlay_take_base(laid);
        top = laid;
    }
    return top;
}

bool faults_lay(struct subject *subject, const char *const *specs, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct store *top = faults_over(subject->store, subject->config, subject->source_path, &specs[i], 1, error);
        if (!top)
            return false;
        subject_cover(subject, top);
    }
    return true;
}
