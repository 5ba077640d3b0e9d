#include "changes/provenance.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define SHOWN 400 /* bytes of what either report says */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

size_t gold_matching(const struct report *old, size_t gold, const struct report *now)
{
    const struct report_gold *one = &old->golds[gold];
    for (size_t i = 0; *one->sha256 && i < now->gold_count; i++)
        if (strcmp(one->sha256, now->golds[i].sha256) == 0)
            return i;
    for (size_t i = 0; one->path && i < now->gold_count; i++)
        if (same_text(one->path, now->golds[i].path))
            return i;
    for (size_t i = 0; one->path && i < now->gold_count; i++)
        if (now->golds[i].path && strcmp(path_base(one->path), path_base(now->golds[i].path)) == 0)
            return i;
    return old->gold_count == 1 && now->gold_count == 1 ? 0 : SIZE_MAX;
}

/* The same bytes; of what has no hash, as a folder, the same path. */
static bool gold_is_there(const struct report_gold *gold, const struct report *report)
{
    for (size_t i = 0; i < report->gold_count; i++) {
        const struct report_gold *other = &report->golds[i];
        bool hashed = *gold->sha256 && *other->sha256;
        if (hashed ? strcmp(gold->sha256, other->sha256) == 0 : same_text(gold->path, other->path))
            return true;
    }
    return false;
}

static bool golds_are_there(const struct report *report, const struct report *other)
{
    for (size_t i = 0; i < report->gold_count; i++)
        if (!gold_is_there(&report->golds[i], other))
            return false;
    return true;
}

static void hash_append(struct buffer *out, const char *sha256)
{
    if (sha256 && *sha256)
        buffer_format(out, "%ssha256 %.12s", out->size ? ", " : "", sha256);
}

static void golds_append(struct buffer *out, const struct report *report)
{
    for (size_t i = 0; i < report->gold_count && out->size < SHOWN; i++) {
        const struct report_gold *gold = &report->golds[i];
        buffer_format(out, "%s%.200s", i ? "; " : "", gold->path ? gold->path : "?");
        hash_append(out, gold->sha256);
    }
}

static void suite_append(struct buffer *out, const struct report *report)
{
    const char *name = report->suite.path ? report->suite.path : report->suite.name;
    buffer_format(out, "%.200s", name ? name : "");
    hash_append(out, report->suite.sha256);
}

static void weights_append(struct buffer *out, const struct report *report)
{
    hash_append(out, report->subject.sha256);
    if (!out->size && report->subject.tensors > 0)
        buffer_format(out, "%.0f tensors of %.0f bytes", report->subject.tensors, report->subject.bytes);
}

static void text_of(struct buffer *out, const char *text)
{
    buffer_format(out, "%.*s", SHOWN, text ? text : "");
}

#define TEXT_ROW(name, member)                                                                                         \
    static void name##_append(struct buffer *out, const struct report *report)                                         \
    {                                                                                                                  \
        text_of(out, report->member);                                                                                  \
    }
TEXT_ROW(version, version)
TEXT_ROW(commit, commit)
TEXT_ROW(command, command)
TEXT_ROW(options, command_line)
TEXT_ROW(subject, subject.path)
TEXT_ROW(format, subject.format)
TEXT_ROW(model, subject.summary)
TEXT_ROW(processor, machine.processor)
TEXT_ROW(blas, machine.blas)
#undef TEXT_ROW

/* What is told, the likelier cause of another number first. */
static const struct {
    const char *what;
    void (*append)(struct buffer *out, const struct report *report);
} rows[] = {{"weights", weights_append}, {"model", model_append},         {"gold", golds_append},
            {"suite", suite_append},     {"version", version_append},     {"commit", commit_append},
            {"command", command_append}, {"options", options_append},     {"subject", subject_append},
            {"format", format_append},   {"processor", processor_append}, {"BLAS", blas_append}};
_Static_assert(sizeof rows / sizeof *rows <= DIFFERENCES_MAX, "room for each");

static char *row_text(size_t row, const struct report *report)
{
    struct buffer text = {0};
    buffer_text(&text, "");
    rows[row].append(&text, report);
    return buffer_take(&text);
}

bool provenance_compare(const struct report *old, const struct report *now, struct provenance *provenance)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct difference difference = {rows[i].what, row_text(i, old), row_text(i, now)};
        bool good = difference.was && difference.is;
        if (good && strcmp(difference.was, difference.is) != 0) {
            provenance->items[provenance->count++] = difference;
            continue;
        }
        free(difference.was);
        free(difference.is);
        if (!good)
            return false;
    }
    return true;
}

void provenance_text(const struct provenance *provenance, struct buffer *out)
{
    for (size_t i = 0; i < provenance->count; i++) {
        const struct difference *item = &provenance->items[i];
        buffer_format(out, "%s%s (%s, now %s)", i ? ", " : "", item->what, *item->was ? item->was : "unknown",
                      *item->is ? item->is : "unknown");
    }
}

void provenance_free(struct provenance *provenance)
{
    for (size_t i = 0; i < provenance->count; i++) {
        free(provenance->items[i].was);
        free(provenance->items[i].is);
    }
    *provenance = (struct provenance){0};
}

static bool other_model(const struct report *old, const struct report *now)
{
    return !same_text(old->subject.model_type, now->subject.model_type) || old->subject.layers != now->subject.layers ||
           old->subject.experts != now->subject.experts;
}

bool provenance_comparable(const struct report *old, const struct report *now, char **reason)
{
    struct buffer why = {0};
    buffer_text(&why, "");
    if (!same_text(old->command, now->command))
        buffer_format(&why, "it was made by the command %.40s, and this run is of %.40s",
                      old->command ? old->command : "?", now->command ? now->command : "?");
    else if (old->verdict == VERDICT_ERROR)
        buffer_text(&why, "it says that the check could not be run");
    else if (other_model(old, now))
        buffer_format(&why,
                      "it is about another kind of model: %.60s with %d layers and %d experts, and this one is %.60s "
                      "with %d layers and %d experts",
                      old->subject.model_type ? old->subject.model_type : "?", old->subject.layers,
                      old->subject.experts, now->subject.model_type ? now->subject.model_type : "?",
                      now->subject.layers, now->subject.experts);
    else if (strcmp(old->suite.sha256, now->suite.sha256) != 0)
        buffer_text(&why, "it was made with another suite");
    else if (!golds_are_there(old, now))
        buffer_text(&why, "it was judged by other gold");
    bool comparable = !why.failed && !why.size;
    *reason = comparable ? NULL : buffer_take(&why);
    buffer_free(&why);
    return comparable;
}
