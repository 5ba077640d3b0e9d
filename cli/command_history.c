#include <stdio.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/history_print.h"
#include "cli/output.h"
#include "history/history_page.h"

#define HISTORY_DEFAULT "assay-history.db"

/* A check that no run has is a name that was misspelt. */
static bool check_is_there(const struct history *history, struct error *error)
{
    bool there = !history->check || !history->count;
    for (size_t i = 0; i < history->count && !there; i++)
        there = history->runs[i].has_check;
    return there || error_set(error, "%s: none of its runs has a check %s", history->path, history->check);
}

static bool page_write(const struct history *history, const struct turns *turns, const char *path, struct error *error)
{
    struct buffer page = {0};
    bool good = history_page(history, turns, &page, error) && file_write(path, page.data, page.size, error);
    buffer_free(&page);
    return good;
}

static bool show(const struct arguments *arguments, const struct history *history, const struct turns *turns,
                 struct error *error)
{
    if (arguments->html && !page_write(history, turns, arguments->html, error))
        return false;
    if (arguments->json) {
        cJSON *document = history_json(history, turns);
        if (!document)
            return error_memory(error, history->path);
        json_print(document, true);
    } else if (!arguments->html) {
        history_print(history, turns);
    }
    return true;
}

static int run(struct arguments *arguments)
{
    struct history history;
    struct turns turns;
    struct error error = {0};
    const char *path = arguments->positional_count ? arguments->positional[0] : HISTORY_DEFAULT;
    if (!history_read(path, arguments->check, &history, &error))
        return command_error("history", &error);
    bool good = check_is_there(&history, &error) && turns_find(&history, &turns, &error);
    if (good) {
        good = show(arguments, &history, &turns, &error);
        turns_free(&turns);
    }
    history_free(&history);
    return good ? EXIT_PASS : command_error("history", &error);
}

static const struct option_row options[] = {
    {"check", 0, "ID", "The trend of one check, as logits.kl; runs turn bad where it fails", GROUP_WORK, KIND_TEXT,
     AT(check), 0, 0},
    {"html", 0, "FILE", "Write one page with the trends as figures, and no text on stdout", GROUP_WORK, KIND_TEXT,
     AT(html), 0, 0},
    {0},
};

const struct command command_history = {
    .name = "history",
    .does = "earlier runs, their trends, and what had changed where they turned bad",
    .args = "[DB]",
    .doc = "Shows the runs that --history recorded in DB (default: " HISTORY_DEFAULT
           " in this folder), the newest last, the "
           "first bad one after a good one, and what had changed between the two: weights, gold, suite, version, "
           "options.",
    .least = 0,
    .most = 1,
    .options = options,
    .run = run,
};
