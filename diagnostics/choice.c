#include "diagnostics/choice.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/wording.h"
#include "findings/check_words.h"

#define ITEM 80

/* The next item of the list, which moves behind it. False: there are no more. */
static bool item_next(const char **list, char item[ITEM])
{
    size_t length = strcspn(*list, ",");
    if (!**list)
        return false;
    snprintf(item, ITEM, "%.*s", (int)length, *list);
    *list += length + ((*list)[length] == ',');
    return true;
}

/* The ids of checks that there are; NULL: the row is a pattern. */
static const char *check_name(size_t index)
{
    const struct check_words *words = check_words_at(index);
    return words && !text_ends_with(words->check, ".*") ? words->check : NULL;
}

static size_t check_count(void)
{
    size_t count = 0;
    while (check_words_at(count))
        count++;
    return count;
}

/* One of the patterns in the list fits. */
static bool fits(const char *patterns, const char *check)
{
    char item[ITEM];
    bool any = false;
    while (item_next(&patterns, item))
        any = any || fnmatch(item, check, 0) == 0;
    return any;
}

/* The same of what is no diagnostic. */
static bool is_listed(const char *list, const char *check)
{
    char item[ITEM];
    bool any = false;
    while (item_next(&list, item))
        any = any || (diagnostic_parse(item) == DIAGNOSTIC_COUNT && fnmatch(item, check, 0) == 0);
    return any;
}

static const char *any_name(size_t index)
{
    return index < DIAGNOSTIC_COUNT ? diagnostic_rows[index]->name : check_name(index - DIAGNOSTIC_COUNT);
}

bool choice_is_known(const char *list, struct buffer *out)
{
    char item[ITEM];
    if (!*list) {
        buffer_text(out, "no diagnostic and no check is named");
        return false;
    }
    while (item_next(&list, item)) {
        bool known = diagnostic_parse(item) != DIAGNOSTIC_COUNT;
        for (size_t i = 0; !known && check_words_at(i); i++)
            known = check_name(i) && fnmatch(item, check_name(i), 0) == 0;
        if (known)
            continue;
        const char *meant = names_nearest(item, DIAGNOSTIC_COUNT + check_count(), any_name);
        buffer_format(out, "\"%s\" is neither a diagnostic nor a check; ", item);
        if (meant) {
            buffer_format(out, "did you mean \"%s\"?", meant);
        } else {
            buffer_text(out, "diagnostics are ");
            diagnostic_names(out);
            buffer_text(out, ", and assay help checks lists the checks");
        }
        return false;
    }
    return true;
}

void choice_marks(const char *list, bool every, bool marks[DIAGNOSTIC_COUNT])
{
    char item[ITEM];
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        size_t all = 0, some = 0;
        for (size_t k = 0; check_words_at(k); k++)
            if (check_name(k) && fits(diagnostic_checks[i], check_name(k))) {
                all++;
                some += is_listed(list, check_name(k));
            }
        marks[i] = some && (!every || some == all);
    }
    while (item_next(&list, item)) {
        enum diagnostic_place place = diagnostic_parse(item);
        if (place != DIAGNOSTIC_COUNT)
            marks[place] = true;
    }
}

/* A diagnostic reports the check, and none that does is named. */
static bool is_beside(const char *list, const char *check)
{
    char item[ITEM];
    bool reported = false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        reported = reported || fits(diagnostic_checks[i], check);
    while (reported && item_next(&list, item)) {
        enum diagnostic_place place = diagnostic_parse(item);
        if (place != DIAGNOSTIC_COUNT && fits(diagnostic_checks[place], check))
            return false;
    }
    return reported;
}

/* By which option the check is left out; NULL: it is not. */
static const char *leaves_out(const struct choice *choice, const char *check)
{
    if (choice->skip && is_listed(choice->skip, check))
        return "--skip";
    return choice->only && is_beside(choice->only, check) && !is_listed(choice->only, check) ? "--only" : NULL;
}

static bool is_left_out(const void *context, const struct finding *finding)
{
    return leaves_out(context, finding->check);
}

static bool is_told(const struct findings *findings, const char *check)
{
    bool told = false;
    for (size_t i = 0; i < findings->count; i++)
        told = told || (finding_is_left_out(&findings->items[i]) &&
                        strcmp(findings->items[i].check + sizeof LEFT_OUT - 1, check) == 0);
    return told;
}

bool choice_apply(const struct choice *choice, struct findings *findings, struct error *error)
{
    size_t count = findings->count;
    for (size_t i = 0; i < count; i++) {
        char check[ITEM], message[ITEM];
        const char *option = leaves_out(choice, findings->items[i].check);
        if (!option || is_told(findings, findings->items[i].check))
            continue;
        snprintf(check, sizeof check, "%s", findings->items[i].check); /* adding moves it */
        snprintf(message, sizeof message, "Left out by %s.", option);
        if (!findings_leave_out(findings, check, option, message, error))
            return false;
    }
    findings_drop(findings, is_left_out, choice);
    return true;
}
