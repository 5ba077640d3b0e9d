#include "changes/changes.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/wording.h"
#include "changes/counterpart.h"
#include "changes/provenance.h"

#define MILLIONTH 1e-6 /* two float32 runs of one model agree that well */
#define MESSAGE_SHOWN 300

/* The worst first. */
enum kind { KIND_WORSE, KIND_BETTER, KIND_NEW, KIND_GONE, KIND_WITHIN, KIND_SAME, KINDS };

static const char *const kind_names[KINDS] = {"worse", "better", "new", "gone", "within_noise", "same"};

/* A check of two reports; NULL where one of them has it not. Borrowed. */
struct change {
    const struct finding *old, *now;
    enum kind kind;
    bool numbers; /* were held against each other */
    double noise;
    size_t index;
};

struct changes {
    struct change *items;
    size_t count, capacity;
    size_t counts[KINDS];
    size_t failing; /* worse, and new ones that fail */
};

/* What an earlier comparison found is no check of the model. */
static bool is_compared(const struct finding *finding)
{
    return !text_begins_with(finding->check, "baseline.") && !text_begins_with(finding->check, "diff.");
}

static bool is_summary(const struct finding *finding)
{
    return finding->summary && is_compared(finding);
}

static bool is_bad(const struct finding *finding)
{
    return finding->verdict == VERDICT_FAIL || finding->verdict == VERDICT_WARN;
}

static bool is_bad_place(const struct finding *finding)
{
    return !finding->summary && is_bad(finding) && is_compared(finding);
}

/* What the finding says of its own noise; NaN: nothing. */
static double noise_told(const struct finding *finding)
{
    double noise = fmax(finding_fact_number(finding, "noise"), finding_fact_number(finding, "within"));
    return isfinite(noise) ? noise : NAN;
}

static double noise_of(const struct finding *old, const struct finding *now)
{
    double told = fmax(noise_told(old), noise_told(now));
    if (!isnan(told))
        return told;
    bool whole = old->measured == floor(old->measured) && now->measured == floor(now->measured);
    return whole ? 0 : MILLIONTH * fmax(fabs(old->measured), fabs(now->measured));
}

/* More than 0: worse. */
static int verdict_change(enum verdict old, enum verdict now)
{
    static const int order[] = {[VERDICT_PASS] = 0, [VERDICT_WARN] = 1, [VERDICT_FAIL] = 2, [VERDICT_ERROR] = 3};
    if (old == now)
        return 0;
    if (now == VERDICT_SKIP)
        return 1;
    if (old == VERDICT_SKIP)
        return now == VERDICT_PASS ? -1 : 1;
    return order[now] - order[old];
}

static bool same_unit(const struct finding *a, const struct finding *b)
{
    return strcmp(a->unit ? a->unit : "", b->unit ? b->unit : "") == 0;
}

static void change_judge(struct change *change)
{
    const struct finding *old = change->old, *now = change->now;
    if (!old || !now) {
        change->kind = old ? KIND_GONE : KIND_NEW;
        return;
    }
    int verdict = verdict_change(old->verdict, now->verdict), number = 0;
    bool moved = false;
    change->numbers = old->has_measured && now->has_measured && old->verdict != VERDICT_SKIP &&
                      now->verdict != VERDICT_SKIP && same_unit(old, now);
    if (change->numbers && isnan(old->measured) != isnan(now->measured)) {
        number = isnan(now->measured) ? 1 : -1;
    } else if (change->numbers && !isnan(now->measured)) {
        change->noise = noise_of(old, now);
        moved = old->measured < now->measured || old->measured > now->measured;
        if (moved && !(fabs(now->measured - old->measured) <= change->noise))
            number = now->measured > old->measured ? 1 : -1;
    }
    change->kind = verdict > 0 || number > 0   ? KIND_WORSE
                   : verdict < 0 || number < 0 ? KIND_BETTER
                   : moved                     ? KIND_WITHIN
                                               : KIND_SAME;
}

static bool fails(const struct change *change)
{
    return change->kind == KIND_WORSE || (change->kind == KIND_NEW && change->now->verdict == VERDICT_FAIL);
}

/* How many times what it was; 0: not to be told. */
static double times_of(const struct change *change)
{
    bool told = change->numbers && change->old->measured > 0 && change->now->measured > 0;
    double times = told ? change->now->measured / change->old->measured : 0;
    return isfinite(times) ? times : 0;
}

/* What fails before what does not, then by kind, then what grew most; from nothing to something is most. */
static int change_order(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    if (fails(a) != fails(b))
        return fails(a) ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    double grown = a->numbers && !(a->old->measured > 0) ? INFINITY : times_of(a);
    double other = b->numbers && !(b->old->measured > 0) ? INFINITY : times_of(b);
    if (grown > other || grown < other)
        return grown > other ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool changes_add(struct changes *changes, const struct finding *old, const struct finding *now)
{
    struct change change = {.old = old, .now = now, .index = changes->count};
    change_judge(&change);
    changes->counts[change.kind]++;
    changes->failing += fails(&change);
    return array_push(changes->items, changes->count, changes->capacity, change);
}

static bool changes_collect(const struct changes_request *request, struct changes *changes)
{
    const struct findings *old = &request->old->findings, *now = &request->now->findings;
    struct counterparts counterparts;
    bool good = counterparts_find(request->old, request->now, is_summary, &counterparts);
    for (size_t i = 0; i < now->count && good; i++)
        if (is_summary(&now->items[i]))
            good = changes_add(changes, counterparts.old_of[i] == SIZE_MAX ? NULL : &old->items[counterparts.old_of[i]],
                               &now->items[i]);
    for (size_t i = 0; i < old->count && good; i++)
        if (is_summary(&old->items[i]) && counterparts.now_of[i] == SIZE_MAX)
            good = changes_add(changes, &old->items[i], NULL);
    if (good && changes->count)
        qsort(changes->items, changes->count, sizeof *changes->items, change_order);
    counterparts_free(&counterparts);
    return good;
}

static void number_text(struct buffer *out, double value)
{
    buffer_format(out, "%.4g", value);
}

/* "0.0034 nats, 34 times the 0.0001 that it was; its limit is 0.01". */
static void numbers_text(const struct change *change, struct buffer *out)
{
    const struct finding *old = change->old, *now = change->now;
    double times = times_of(change);
    number_text(out, now->measured);
    buffer_format(out, "%s%.60s", now->unit ? " " : "", now->unit ? now->unit : "");
    if (times >= 1.05) {
        buffer_format(out, ", %.3g times the ", times);
        number_text(out, old->measured);
        buffer_text(out, " that it was");
    } else {
        buffer_text(out, ", where it was ");
        number_text(out, old->measured);
    }
    if (now->has_limit) {
        buffer_text(out, "; its limit is ");
        number_text(out, now->limit);
    }
}

/* Bytes of what is shown of it: whole characters. */
static int shown(const char *message)
{
    size_t size = strnlen(message, MESSAGE_SHOWN + 1);
    if (size > MESSAGE_SHOWN)
        for (size = MESSAGE_SHOWN; size && ((unsigned char)message[size] & 0xC0) == 0x80;)
            size--;
    return (int)size;
}

/* Behind what else is said: what the check itself says. */
static void message_text(const struct finding *finding, struct buffer *out)
{
    const char *message = finding->message ? finding->message : "";
    int size = shown(message);
    buffer_format(out, ".%s%.*s%s", size ? " " : "", size, message, message[size] ? " ..." : "");
}

static void change_text(const struct change *change, struct buffer *out)
{
    const struct finding *old = change->old, *now = change->now;
    if (change->kind == KIND_GONE) {
        buffer_format(out, "%.120s is gone: its verdict was %s", old->check, verdict_name(old->verdict));
        message_text(old, out);
        return;
    }
    if (change->kind == KIND_NEW) {
        buffer_format(out, "%.120s is new: its verdict is %s", now->check, verdict_name(now->verdict));
        message_text(now, out);
        return;
    }
    bool lost = now->verdict == VERDICT_SKIP;
    buffer_format(out, "%.120s %s: ", now->check,
                  lost                         ? "is no longer judged"
                  : change->kind == KIND_WORSE ? "got worse"
                                               : "got better");
    if (change->numbers && now->measured != old->measured)
        numbers_text(change, out);
    if (old->verdict != now->verdict)
        buffer_format(out, "%sthe verdict is %s and was %s",
                      change->numbers && now->measured != old->measured ? "; " : "", verdict_name(now->verdict),
                      verdict_name(old->verdict));
    message_text(now, out);
}

/* Both numbers, the limit that the check itself has, and what was taken for noise. */
static void change_facts(const struct change *change, struct finding *finding)
{
    const struct finding *old = change->old, *now = change->now, *one = now ? now : old;
    finding_fact_text(finding, "change", "%s", kind_names[change->kind]);
    if (old)
        finding_fact_text(finding, "verdict_before", "%s", verdict_name(old->verdict));
    if (now)
        finding_fact_text(finding, "verdict_now", "%s", verdict_name(now->verdict));
    if (old && old->has_measured)
        finding_fact(finding, "before", old->measured);
    if (now && now->has_measured)
        finding_fact(finding, "now", now->measured);
    if (change->numbers && times_of(change) > 0)
        finding_fact(finding, "times", times_of(change));
    if (one->has_limit)
        finding_fact(finding, "check_limit", one->limit);
    if (!change->numbers)
        return;
    finding_fact(finding, "noise", change->noise);
    finding_measured(finding, now->measured, now->unit);
    finding_limit(finding, old->measured + change->noise, "what the earlier report measured, and its noise");
}

/* As a place, or a whole check, of the report that it is told in. */
static void where_copy(struct finding *finding, const struct finding *from)
{
    where_set(&finding->gold, from->gold);
    where_set(&finding->where.case_id, from->where.case_id);
    where_set(&finding->where.module, from->where.module);
    where_set(&finding->where.tensor, from->where.tensor);
    where_set(&finding->where.file, from->where.file);
    finding->where.layer = from->where.layer;
    finding->where.expert = from->where.expert;
    finding->where.token = from->where.token;
}

static struct finding *noun_add(const struct changes_request *request, const char *what, struct findings *findings)
{
    struct buffer name = {0};
    buffer_format(&name, "%s.%s", request->noun, what);
    struct finding *finding = name.failed ? NULL : findings_add(findings, name.data);
    buffer_free(&name);
    return finding;
}

/* Said only where something is wrong. */
static bool is_explanation(const char *check)
{
    static const char *const prefixes[] = {"cause", "hypothesis.", "experts.domains"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(check, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* What passed and is not looked at any more is not proved any more. */
static enum verdict change_verdict(const struct change *change)
{
    if (fails(change))
        return VERDICT_FAIL;
    bool unproved =
        change->kind == KIND_GONE && change->old->verdict == VERDICT_PASS && !is_explanation(change->old->check);
    return unproved ? VERDICT_SKIP : VERDICT_PASS;
}

/* What was skipped and is gone, or is new and skipped, is counted only. */
static bool is_listed(const struct change *change)
{
    const struct finding *one = change->now ? change->now : change->old;
    return change->kind <= KIND_BETTER || (change->kind <= KIND_GONE && one->verdict != VERDICT_SKIP);
}

static bool change_report(const struct changes_request *request, const struct change *change, struct findings *findings)
{
    const struct finding *one = change->now ? change->now : change->old;
    struct finding *finding = noun_add(request, one->check, findings);
    struct buffer text = {0};
    if (!finding)
        return false;
    change_text(change, &text);
    change_facts(change, finding);
    where_copy(finding, one);
    finding_message(finding, "%s", text.failed ? "" : text.data);
    finding->verdict = change_verdict(change);
    bool good = !text.failed;
    buffer_free(&text);
    return good;
}

static bool checks_report(const struct changes_request *request, const struct changes *changes,
                          struct findings *findings)
{
    static const char *const words[KINDS] = {"worse",   "better", "new", "gone", "within noise of what they were",
                                             "the same"};
    struct finding *finding = noun_add(request, "checks", findings);
    struct buffer text = {0};
    if (!finding)
        return false;
    finding_measured(finding, (double)changes->failing, "checks");
    finding_limit(finding, 0, "no check may be worse than it was");
    finding_judge(finding);
    buffer_format(&text, "Against %.300s, of %zu checks %zu got worse", request->against, changes->count,
                  changes->counts[KIND_WORSE]);
    for (size_t i = 0; i < KINDS; i++) {
        finding_fact(finding, kind_names[i], (double)changes->counts[i]);
        if (i != KIND_WORSE && changes->counts[i])
            buffer_format(&text, ", %zu %s %s", changes->counts[i], changes->counts[i] == 1 ? "is" : "are", words[i]);
    }
    finding_message(finding, "%s.", text.failed ? "" : text.data);
    bool good = !text.failed;
    buffer_free(&text);
    size_t listed = 0;
    for (size_t i = 0; i < changes->count && good && listed < PLACES_MAX; i++) {
        if (!is_listed(&changes->items[i]))
            continue;
        listed++;
        good = change_report(request, &changes->items[i], findings);
    }
    return good;
}

/* Worse by how bad it is; what is unknown now and was known is worse, too. */
static int severity_change(const struct report *old, const struct report *now)
{
    enum severity was = old->severity.level, is = now->severity.level;
    if (was == SEVERITY_UNKNOWN)
        return 0;
    return is == SEVERITY_UNKNOWN ? 1 : (int)is - (int)was;
}

static bool verdict_report(const struct changes_request *request, struct findings *findings)
{
    const struct report *old = request->old, *now = request->now;
    struct finding *finding = noun_add(request, "verdict", findings);
    struct buffer text = {0};
    if (!finding)
        return false;
    bool same = old->verdict == now->verdict, level = old->severity.level == now->severity.level;
    buffer_format(&text, same ? "The verdict is %s, as it was" : "The verdict is %s, and was %s",
                  verdict_name(now->verdict), verdict_name(old->verdict));
    buffer_text(&text, "; severity is ");
    severity_text(&now->severity, &text);
    buffer_text(&text, level ? ", and was " : "; it was ");
    severity_text(&old->severity, &text);
    bool worse = verdict_change(old->verdict, now->verdict) > 0 || severity_change(old, now) > 0;
    finding->verdict = worse ? VERDICT_FAIL : VERDICT_PASS;
    finding_fact_text(finding, "verdict_before", "%s", verdict_name(old->verdict));
    finding_fact_text(finding, "verdict_now", "%s", verdict_name(now->verdict));
    finding_fact_text(finding, "severity_before", "%s", severity_name(old->severity.level));
    finding_fact_text(finding, "severity_now", "%s", severity_name(now->severity.level));
    finding_message(finding, "%s.", text.failed ? "" : text.data);
    bool good = !text.failed;
    buffer_free(&text);
    return good;
}

static size_t places_of(const struct findings *findings, const struct finding *like)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count && count < PLACES_MAX; i++)
        count += !findings->items[i].summary && strcmp(findings->items[i].check, like->check) == 0;
    return count;
}

/* Names the places of `one` that have no pair; counts them. A check names no more than PLACES_MAX: of one that has as
 * many in the other report nobody knows whether it was among those that are not named. */
static bool places_name(const struct changes_request *request, const struct findings *one, const size_t *pairs,
                        const struct findings *other, bool new, size_t counts[2], struct findings *findings)
{
    size_t named = 0;
    for (size_t i = 0; i < one->count; i++) {
        const struct finding *place = &one->items[i];
        if (!is_bad_place(place) || pairs[i] != SIZE_MAX || places_of(other, place) >= PLACES_MAX)
            continue;
        counts[place->verdict == VERDICT_FAIL]++;
        if (named++ >= PLACES_MAX)
            continue;
        struct finding *finding = noun_add(request, "places", findings);
        if (!finding)
            return false;
        finding->summary = false;
        finding->verdict = new ? place->verdict : VERDICT_PASS;
        where_copy(finding, place);
        if (place->has_measured)
            finding_measured(finding, place->measured, place->unit);
        if (place->has_limit)
            finding_limit(finding, place->limit, place->cause);
        finding_fact_text(finding, "change", "%s", new ? "new" : "gone");
        finding_fact_text(finding, "of", "%s", place->check);
        const char *message = place->message ? place->message : "";
        finding_message(finding, "%s, %.120s: %.*s", new ? "New" : "Gone", place->check, shown(message), message);
        where_set(&finding->gold, NULL); /* all of them are places of one check */
    }
    return true;
}

static bool places_report(const struct changes_request *request, struct findings *findings)
{
    const struct findings *old = &request->old->findings, *now = &request->now->findings;
    struct counterparts counterparts;
    size_t at = findings->count, new[2] = {0}, gone[2] = {0};
    if (!noun_add(request, "places", findings) ||
        !counterparts_find(request->old, request->now, is_bad_place, &counterparts))
        return false;
    bool good = places_name(request, now, counterparts.old_of, old, true, new, findings) &&
                places_name(request, old, counterparts.now_of, now, false, gone, findings);
    counterparts_free(&counterparts);
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)new[1], "places");
    finding_limit(finding, 0, "no place may fail that did not");
    finding_judge(finding);
    finding_fact(finding, "new", (double)(new[0] + new[1]));
    finding_fact(finding, "gone", (double)(gone[0] + gone[1]));
    finding_message(finding, "%zu place%s that did not before, %zu more warn%s, and %zu that failed or warned %s gone.",
                    new[1], new[1] == 1 ? " fails" : "s fail", new[0], new[0] == 1 ? "s" : "", gone[0] + gone[1],
                    gone[0] + gone[1] == 1 ? "is" : "are");
    return good;
}

static bool provenance_report(const struct changes_request *request, struct findings *findings)
{
    struct provenance provenance = {0};
    struct buffer text = {0};
    struct finding *finding = noun_add(request, "provenance", findings);
    bool good = finding && provenance_compare(request->old, request->now, &provenance);
    if (good) {
        provenance_text(&provenance, &text);
        finding_measured(finding, (double)provenance.count, "differences");
        finding_message(finding,
                        provenance.count ? "The two were made differently: %s."
                                         : "Both were made by the same command from the same things.%s",
                        text.data ? text.data : "");
    }
    for (size_t i = 0; i < provenance.count && good; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_before", provenance.items[i].what);
        finding_fact_text(finding, name, "%s", provenance.items[i].was);
        snprintf(name, sizeof name, "%s_now", provenance.items[i].what);
        finding_fact_text(finding, name, "%s", provenance.items[i].is);
    }
    good = good && !text.failed;
    buffer_free(&text);
    provenance_free(&provenance);
    return good;
}

bool changes_find(const struct changes_request *request, struct findings *findings, struct error *error)
{
    struct changes changes = {0};
    bool good = changes_collect(request, &changes) && verdict_report(request, findings) &&
                checks_report(request, &changes, findings) && places_report(request, findings) &&
                provenance_report(request, findings);
    free(changes.items);
    return good || error_memory(error, "what changed");
}
