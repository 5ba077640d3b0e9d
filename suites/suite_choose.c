/* Of a suite only a part: what the command line leaves out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "suites/suite_internal.h"

/* Marks the diagnostics that the list names, or (`every`) all whose checks it names. */
static bool marks_of(const char *option, const char *list, bool every, bool marks[DIAGNOSTIC_COUNT],
                     struct error *error)
{
    struct buffer unknown = {0};
    bool known = choice_is_known(list, &unknown) || error_set(error, "%s: %s", option, unknown.data);
    if (known)
        choice_marks(list, every, marks);
    buffer_free(&unknown);
    return known;
}

/* Leaves out those that `out` marks. */
static bool leave_out(struct suite *suite, const char *option, const bool out[DIAGNOSTIC_COUNT], struct error *error)
{
    bool any = false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        if (suite->wanted[i] && out[i])
            suite->left_out[i] = option;
        suite->wanted[i] = suite->wanted[i] && !out[i];
        any = any || suite->wanted[i];
    }
    return any || error_set(error, "%s leaves nothing of the suite %s to be checked", option, suite->name);
}

bool suite_only(struct suite *suite, const char *list, struct error *error)
{
    bool marks[DIAGNOSTIC_COUNT] = {false};
    if (!marks_of("--only", list, false, marks, error))
        return false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        if (marks[i] && !suite->wanted[i])
            return error_set(error, "--only %s: the suite %s does not have it", diagnostic_rows[i]->name, suite->name);
        marks[i] = !marks[i];
    }
    suite->choice.only = list;
    return leave_out(suite, "--only", marks, error);
}

bool suite_skip(struct suite *suite, const char *list, struct error *error)
{
    bool marks[DIAGNOSTIC_COUNT] = {false};
    suite->choice.skip = list;
    return marks_of("--skip", list, true, marks, error) && leave_out(suite, "--skip", marks, error);
}

bool suite_tell_left_out(const struct suite *suite, bool comparing, struct findings *findings, struct error *error)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        if (!suite->left_out[i] || (comparing && !diagnostic_rows[i]->compares))
            continue;
        char message[80];
        snprintf(message, sizeof message, "Left out by %s.", suite->left_out[i]);
        if (!findings_leave_out(findings, diagnostic_rows[i]->name, suite->left_out[i], message, error))
            return false;
    }
    return true;
}

/* --- prompts and limits by tag --- */

static bool has_tag(const struct names *tags, const char *tag)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcmp(tags->items[i], tag) == 0)
            return true;
    return false;
}

static bool is_chosen(const struct names *own, const char *const *tags, size_t count)
{
    bool chosen = false;
    for (size_t i = 0; i < count; i++)
        chosen = chosen || has_tag(own, tags[i]);
    return chosen;
}

static _Thread_local const struct names *known; /* the tags that known_tag names */

static const char *known_tag(size_t index)
{
    return known->items[index];
}

static bool add_tags(const struct names *tags, struct names *all)
{
    for (size_t i = 0; i < tags->count; i++)
        if (!has_tag(all, tags->items[i]) && !names_add(all, tags->items[i]))
            return false;
    return true;
}

static bool tag_is_known(const struct suite *suite, const char *tag, struct error *error)
{
    struct names all = {0};
    struct buffer text = {0};
    bool good = true;
    for (size_t i = 0; i < suite->prompt_count; i++)
        good = good && add_tags(&suite->tags[i], &all);
    for (size_t i = 0; i < suite->tagged_count; i++)
        good = good && add_tags(&suite->tagged[i].tags, &all);
    bool there = has_tag(&all, tag);
    if (!good) {
        error_memory(error, "tags");
    } else if (!all.count) {
        error_set(error, "--tag %s: no prompt and no limit of the suite %s has a tag", tag, suite->name);
    } else if (!there) {
        known = &all;
        unknown_append(&text, "tag of a prompt or a limit", tag, all.count, known_tag);
        error_set(error, "--tag: in the suite %s %s", suite->name, text.data ? text.data : "");
    }
    buffer_free(&text);
    names_free(&all);
    return good && there;
}

static void choose_prompts(struct suite *suite, const char *const *tags, size_t count)
{
    size_t kept = 0;
    bool any = false;
    for (size_t i = 0; i < suite->prompt_count; i++)
        any = any || is_chosen(&suite->tags[i], tags, count);
    for (size_t i = 0; any && i < suite->prompt_count; i++) {
        if (!is_chosen(&suite->tags[i], tags, count)) {
            free(suite->prompts[i]);
            expects_free(&suite->expects[i]);
            names_free(&suite->tags[i]);
            continue;
        }
        suite->prompts[kept] = suite->prompts[i];
        suite->expects[kept] = suite->expects[i];
        suite->tags[kept++] = suite->tags[i];
    }
    suite->prompt_count = any ? kept : suite->prompt_count;
}

bool suite_tagged(struct suite *suite, const char *const *tags, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!tag_is_known(suite, tags[i], error))
            return false;
    choose_prompts(suite, tags, count);
    for (size_t i = 0; i < suite->tagged_count; i++) {
        const struct tagged_limit *tagged = &suite->tagged[i];
        if (is_chosen(&tagged->tags, tags, count) &&
            !limits_set(&suite->limits, tagged->limit, tagged->value, tagged->cause, error))
            return false;
    }
    return true;
}
