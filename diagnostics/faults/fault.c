#include "faults/fault.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Lays the row once. `text`: what is behind the colon. */
static bool lay_one(struct fault_site *site, const struct fault_kind *row, const char *text, struct error *error)
{
    struct fault_arguments arguments;
    return fault_arguments_take(site, row->row.arguments, text, &arguments, error) &&
           row->apply(site, &arguments, error);
}

/* The text with `found` in the place of each *. */
static bool fill_stars(const char *text, const char *found, size_t length, struct buffer *out)
{
    for (; *text; text++)
        if (*text == '*' ? !buffer_append(out, found, length) : !buffer_append(out, text, 1))
            return false;
    return true;
}

/* What the name of a tensor stands for in a pattern: with one * and nothing else, the text of that; with more, or [,
 * all of it. NULL: it does not fit. */
static const char *fits(const char *name, const char *pattern, size_t *length)
{
    size_t whole = strlen(name), head = strcspn(pattern, "*[?"), rest = strlen(pattern + head + 1);
    const char *tail = pattern + head + 1;
    *length = whole;
    if (pattern[head] != '*' || strpbrk(tail, "*[?"))
        return fnmatch(pattern, name, 0) == 0 ? name : NULL;
    if (whole < head + rest || strncmp(name, pattern, head) != 0 || strcmp(name + whole - rest, tail) != 0)
        return NULL;
    *length = whole - head - rest;
    return name + head;
}

/* The fault's text for one of the tensors that the pattern in front of `rest` fits. */
static bool fill(const char *pattern, const char *rest, const char *name, const char *found, size_t length,
                 struct buffer *out)
{
    bool whole = found == name && strpbrk(pattern, "*[?") && length == strlen(name);
    return (whole ? buffer_text(out, name) : fill_stars(pattern, found, length, out)) &&
           fill_stars(rest, found, length, out);
}

/* Where the first argument is a tensor with a * or [ in it, once for each tensor that it fits; the * of another
 * argument is what the only * of the first one stood for. */
static bool lay_each(struct fault_site *site, const struct fault_kind *row, const char *text, struct error *error)
{
    size_t first = strcspn(text, ","), laid = 0;
    if (strcspn(text, "*[?") >= first || strncmp(row->row.arguments, "TENSOR", 6) != 0)
        return lay_one(site, row, text, error);
    char *pattern = strndup(text, first);
    bool good = pattern || error_memory(error, site->spec);
    for (size_t i = 0; good && i < store_text_count(site->below); i++) {
        const char *name = store_at(site->below, i)->name;
        size_t length;
        struct buffer one = {0};
        const char *found = fits(name, pattern, &length);
        if (!found)
            continue;
        good = fill(pattern, text + first, name, found, length, &one) || error_memory(error, site->spec);
        good = good && lay_one(site, row, one.data, error);
        laid++;
        buffer_free(&one);
    }
    free(pattern);
    return good && (laid || error_set(error, "fault %s: %s has no tensor '%.*s'", site->spec, store_path(site->below),
                                      (int)first, text));
}

/* The overlay of one fault over the site's store; NULL on failure. */
static struct store *fault_lay(struct fault_site *site, struct error *error)
{
    const char *colon = strchr(site->spec, ':');
    const char *wrong = fault_judge(site->spec);
    if (wrong) {
        error_set(error, "%s", wrong);
        return NULL;
    }
    const struct fault_kind *row = catalogue_find(site->spec);
    site->overlay = overlay_new(site->below, error);
    if (site->overlay && lay_each(site, row, colon ? colon + 1 : "", error) &&
        (site->changed || error_set(error, "fault %s changes nothing in %s", site->spec, store_path(site->below))))
        return site->overlay;
    store_free(site->overlay);
    return NULL;
}

struct store *faults_over(const struct store *store, const struct model_config *config, const struct fault_means *means,
                          const char *const *specs, size_t count, struct error *error)
{
    struct store *top = NULL;
    for (size_t i = 0; i < count; i++) {
        struct fault_site site = {.below = top ? top : store, .config = config, .means = *means, .spec = specs[i]};
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

bool faults_lay(struct subject *subject, struct golden *const *goldens, size_t golden_count, const char *const *specs,
                size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct fault_means means = {.source = subject->source_path,
                                          .original = subject_source(subject),
                                          .goldens = goldens,
                                          .golden_count = golden_count};
        struct store *top = faults_over(subject->store, subject->config, &means, &specs[i], 1, error);
        if (!top)
            return false;
        subject_cover(subject, top);
    }
    return true;
}

bool fault_solves(const char *spec)
{
    return catalogue_find(spec) == &fault_solve;
}
