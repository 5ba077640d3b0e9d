#include "cli/history_print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/wording.h"
#include "reports/text.h"

#define RUNS_SHOWN 40
/* columns */
#define WHEN_SHOWN 20
#define COMMAND_SHOWN 10
#define SUBJECT_SHOWN 34
#define SEVERITY_SHOWN 9
#define UNIT_SHOWN 40

/* `width` columns of it: of what is longer the first, or with `end` the last, for paths differ there. */
static void text_print(const char *text, size_t width, bool end)
{
    struct buffer clean = {0};
    text_append(&clean, TEXT_PLAIN, text ? text : "?");
    size_t size = clean.failed ? 0 : clean.size, count = text_characters(clean.data, size), from = 0;
    if (count > width && end)
        from = text_prefix(clean.data, size, count - width + 3);
    else if (count > width)
        size = text_prefix(clean.data, size, width);
    printf("%s%.*s", from ? "..." : "", (int)(size - from), clean.data ? clean.data + from : "");
    size_t columns = text_width(clean.data + from, size - from) + (from ? 3 : 0);
    printf("%*s", columns < width ? (int)(width - columns) : 0, "");
    buffer_free(&clean);
}

static void number_print(double value, bool there)
{
    struct buffer text = {0};
    if (there)
        number_append(&text, value);
    printf("%10s", text.size ? text.data : "-");
    buffer_free(&text);
}

static void run_print(const struct history *history, const struct history_run *run)
{
    printf("%5lld  ", run->id);
    text_print(run->started, WHEN_SHOWN, false);
    printf("  ");
    text_print(run->command, COMMAND_SHOWN, false);
    printf("  ");
    text_print(run->subject, SUBJECT_SHOWN, true);
    if (history->check) {
        printf("  %-5s", run->has_check ? verdict_name(run->check_verdict) : "-");
        number_print(run->measured, run->has_measured);
        number_print(run->limit, run->has_limit);
        printf("  ");
        text_print(run->unit ? run->unit : "", strnlen(run->unit ? run->unit : "", UNIT_SHOWN), false);
        printf("\n");
        return;
    }
    printf("  %-5s  ", verdict_name(run->verdict));
    text_print(run->severity, SEVERITY_SHOWN, false);
    number_print(run->nats, !isnan(run->nats));
    number_print(run->perplexity, !isnan(run->perplexity));
    printf("%8d\n", run->failed);
}

void history_print(const struct history *history, const struct turns *turns)
{
    size_t first = history->count > RUNS_SHOWN ? history->count - RUNS_SHOWN : 0;
    if (!history->count) {
        printf("%s holds no run yet: assay check with --history %s records one.\n", history->path, history->path);
        return;
    }
    printf("%5s  %-*s  %-*s  %-*s  ", "run", WHEN_SHOWN, "when", COMMAND_SHOWN, "command", SUBJECT_SHOWN, "subject");
    if (history->check)
        printf("%-5s%10s%10s  %s\n", "check", "measured", "limit", "unit");
    else
        printf("%-5s  %-9s%10s%10s%8s\n", "is", "severity", "KL, nats", "ppl ratio", "failed");
    for (size_t i = first; i < history->count; i++)
        run_print(history, &history->runs[i]);
    if (first)
        printf("%zu earlier run%s %s not shown; --json has all.\n", first, text_plural(first),
               first == 1 ? "is" : "are");
    for (size_t i = 0; i < turns->count; i++) {
        struct buffer text = {0}, clean = {0};
        turn_text(history, &turns->items[i], &text);
        text_append(&clean, TEXT_PLAIN, text.data);
        printf("\n%s\n", clean.data ? clean.data : "");
        buffer_free(&text);
        buffer_free(&clean);
    }
    if (turns->more)
        printf("\n%zu earlier time%s that runs turned bad %s not shown.\n", turns->more, text_plural(turns->more),
               turns->more == 1 ? "is" : "are");
}

static bool text_add(cJSON *object, const char *key, const char *text)
{
    struct buffer clean = {0};
    if (!text)
        return true;
    text_append(&clean, TEXT_JSON, text);
    bool good = !clean.failed && cJSON_AddStringToObject(object, key, clean.data ? clean.data : "");
    buffer_free(&clean);
    return good;
}

static bool check_add(cJSON *object, const struct history_run *run)
{
    return !run->has_check ||
           (text_add(object, "check_verdict", verdict_name(run->check_verdict)) &&
            (!run->has_measured || json_add_number(object, "measured", run->measured)) &&
            (!run->has_limit || json_add_number(object, "limit", run->limit)) && text_add(object, "unit", run->unit));
}

static bool run_add(cJSON *array, const struct history_run *run)
{
    cJSON *object = cJSON_CreateObject();
    if (!cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return false;
    }
    const struct {
        const char *key, *text;
    } texts[] = {{"started", run->started}, {"command", run->command}, {"command_line", run->command_line},
                 {"version", run->version}, {"commit", run->commit},   {"subject", run->subject},
                 {"sha256", run->weights},  {"reason", run->reason},   {"severity", run->severity}};
    const struct {
        const char *key;
        int count;
    } counts[] = {{"passed", run->passed},
                  {"warned", run->warned},
                  {"failed", run->failed},
                  {"skipped", run->skipped},
                  {"checks", run->checks}};
    bool good =
        json_add_number(object, "run", (double)run->id) && text_add(object, "verdict", verdict_name(run->verdict));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        good = good && text_add(object, texts[i].key, texts[i].text);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        good = good && json_add_number(object, counts[i].key, counts[i].count);
    return good && (isnan(run->nats) || json_add_number(object, "nats", run->nats)) &&
           (isnan(run->perplexity) || json_add_number(object, "perplexity_ratio", run->perplexity)) &&
           check_add(object, run);
}

static bool turn_add(cJSON *array, const struct history *history, const struct turn *turn)
{
    cJSON *object = cJSON_CreateObject();
    if (!cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return false;
    }
    bool good = json_add_number(object, "good", (double)history->runs[turn->good].id) &&
                json_add_number(object, "bad", (double)history->runs[turn->bad].id) &&
                (turn->mended == SIZE_MAX || json_add_number(object, "mended", (double)history->runs[turn->mended].id));
    cJSON *changed = good ? cJSON_AddArrayToObject(object, "changed") : NULL;
    for (size_t i = 0; i < turn->changed.count && changed; i++) {
        cJSON *item = cJSON_CreateObject();
        const struct difference *difference = &turn->changed.items[i];
        if (!cJSON_AddItemToArray(changed, item)) {
            cJSON_Delete(item);
            return false;
        }
        if (!text_add(item, "what", difference->what) || !text_add(item, "before", difference->was) ||
            !text_add(item, "now", difference->is))
            return false;
    }
    return changed;
}

cJSON *history_json(const struct history *history, const struct turns *turns)
{
    cJSON *document = cJSON_CreateObject();
    bool good = document && json_add_number(document, "assay_history", 1) &&
                text_add(document, "history", history->path) && text_add(document, "check", history->check);
    cJSON *runs = good ? cJSON_AddArrayToObject(document, "runs") : NULL;
    cJSON *array = runs ? cJSON_AddArrayToObject(document, "turns") : NULL;
    good = array;
    for (size_t i = 0; i < history->count && good; i++)
        good = run_add(runs, &history->runs[i]);
    for (size_t i = 0; i < turns->count && good; i++)
        good = turn_add(array, history, &turns->items[i]);
    if (good)
        return document;
    cJSON_Delete(document);
    return NULL;
}
