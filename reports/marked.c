#include "reports/marked.h"

#include <stdlib.h>
#include <string.h>

#define BEFORE_SHOWN 40 /* characters */
#define FAULT_SHOWN 80
#define BEHIND_SHOWN 30
#define PROMPT_SHOWN 60
#define BECAUSE_SHOWN 300
#define MESSAGE_SHOWN 300

size_t mark_kind(struct mark_kinds *kinds, const char *name)
{
    for (size_t i = 0; i < kinds->count; i++)
        if (strcmp(kinds->names[i], name) == 0)
            return i;
    if (kinds->count == MARK_KINDS) {
        kinds->names[MARK_KINDS - 1] = "other faults";
        return MARK_KINDS - 1;
    }
    kinds->names[kinds->count] = name;
    return kinds->count++;
}

void mark_kinds_add(struct mark_kinds *kinds, const struct marked_text *marked)
{
    for (size_t i = 0; i < marked->reason_count; i++)
        mark_kind(kinds, marked->reasons[i].what);
    for (size_t i = 0; i < marked->count; i++)
        mark_kind(kinds, marked->marks[i].what);
}

/* Where a mark begins (`change` 1) or ends (-1), or the onset lies (0). */
struct edge {
    size_t at;
    size_t kind;
    int change;
};

static int edge_order(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    return a->at < b->at ? -1 : a->at > b->at;
}

static size_t clamp(size_t at, size_t from, size_t to)
{
    return at < from ? from : at > to ? to : at;
}

static void pieces_walk(const struct edge *edges, size_t count, size_t from, size_t to, struct pieces *pieces)
{
    size_t depth[MARK_KINDS] = {0};
    for (size_t i = 0, at = from; i <= count; i++) {
        size_t end = i < count ? edges[i].at : to;
        if (end > at) {
            unsigned kinds = 0;
            for (size_t k = 0; k < MARK_KINDS; k++)
                kinds |= depth[k] ? 1u << k : 0;
            pieces->items[pieces->count++] = (struct piece){at, end, kinds};
            at = end;
        }
        if (i < count && edges[i].change)
            depth[edges[i].kind] += edges[i].change > 0 ? 1 : (size_t)-1;
    }
}

/* A mark ends behind where it begins, so an edge that ends one never comes before the one that begins it. */
bool pieces_cut(const struct marked_text *marked, struct mark_kinds *kinds, size_t from, size_t to,
                struct pieces *pieces)
{
    struct edge *edges = calloc(2 * marked->count + 1, sizeof *edges);
    *pieces = (struct pieces){.items = calloc(2 * marked->count + 2, sizeof *pieces->items)};
    size_t count = 0;
    for (size_t i = 0; edges && i < marked->count; i++) {
        const struct text_mark *mark = &marked->marks[i];
        size_t first = clamp(mark->from, from, to), last = clamp(mark->to, from, to);
        if (first >= last)
            continue;
        size_t kind = mark_kind(kinds, mark->what);
        edges[count++] = (struct edge){first, kind, 1};
        edges[count++] = (struct edge){last, kind, -1};
    }
    if (!edges || !pieces->items) {
        free(edges);
        free(pieces->items);
        *pieces = (struct pieces){0};
        return false;
    }
    edges[count++] = (struct edge){clamp(marked_onset(marked), from, to), 0, 0};
    qsort(edges, count, sizeof *edges, edge_order);
    pieces_walk(edges, count, from, to, pieces);
    free(edges);
    return true;
}

size_t marked_onset(const struct marked_text *marked)
{
    size_t onset = marked->size;
    if (marked->reason_count)
        return marked->reasons[0].onset;
    for (size_t i = 0; i < marked->count; i++)
        onset = marked->marks[i].from < onset ? marked->marks[i].from : onset;
    return onset;
}

/* The end of the mark at the onset, of the first reason's kind; the text's end where there is none. */
static size_t fault_end(const struct marked_text *marked, size_t onset)
{
    size_t end = onset;
    const char *what = marked->reason_count ? marked->reasons[0].what : NULL;
    for (size_t i = 0; i < marked->count; i++) {
        const struct text_mark *mark = &marked->marks[i];
        if (mark->from <= onset && mark->to > end && (!what || strcmp(mark->what, what) == 0))
            end = mark->to;
    }
    return end > onset ? end : marked->size;
}

/* The byte `maximum` characters before `at`. */
static size_t text_back(const char *text, size_t at, size_t maximum)
{
    for (; at && maximum; maximum--)
        do
            at--;
        while (at && ((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

void excerpt_append(struct buffer *out, enum text_form form, const struct marked_text *marked)
{
    const char *text = marked->text;
    if (!marked->reason_count && !marked->count) {
        text_append_short(out, form, text, FAULT_SHOWN);
        return;
    }
    size_t onset = marked_onset(marked), end = fault_end(marked, onset);
    size_t from = text_back(text, onset, BEFORE_SHOWN), behind = marked->size - end;
    if (from)
        buffer_text(out, "\xE2\x80\xA6");
    text_append_part(out, form, text + from, onset - from, SIZE_MAX);
    text_append(out, form, ">>>");
    text_append_part(out, form, text + onset, end - onset, FAULT_SHOWN);
    text_append(out, form, "<<<");
    text_append_part(out, form, text + end, behind, BEHIND_SHOWN);
}

void reason_append(struct buffer *out, enum text_form form, const struct marked_text *marked,
                   const struct text_reason *reason)
{
    text_append_short(out, form, reason->because, BECAUSE_SHOWN);
    buffer_format(out, ", from character %zu on", text_characters(marked->text, reason->onset));
}

/* Reasons that are `only` (NULL: all), each with its name where it is not the one before. */
static size_t reasons_list(struct buffer *out, enum text_form form, const struct marked_text *marked, const char *only,
                           size_t maximum)
{
    size_t count = 0;
    const char *last = only ? only : "";
    for (size_t i = 0; i < marked->reason_count; i++) {
        const struct text_reason *reason = &marked->reasons[i];
        if ((only && strcmp(reason->what, only) != 0) || count++ >= maximum)
            continue;
        buffer_text(out, count > 1 ? "; " : "");
        if (strcmp(reason->what, last) != 0) {
            text_append_short(out, form, reason->what, 60);
            buffer_text(out, ": ");
        }
        reason_append(out, form, marked, reason);
        last = reason->what;
    }
    return count;
}

void reasons_append(struct buffer *out, enum text_form form, const struct outline *outline, const struct finding *place,
                    size_t maximum)
{
    size_t at = place->marked ? MAP_ABSENT : outline_text(outline, place);
    const struct marked_text *marked = at == MAP_ABSENT ? place->marked : outline->texts[at]->marked;
    const char *only = place->marked ? NULL : finding_fact_named(place, "reason");
    size_t count = marked && (place->marked || only) ? reasons_list(out, form, marked, only, maximum) : 0;
    if (!count)
        text_append_short(out, form, place->message, MESSAGE_SHOWN);
    else if (count > maximum)
        buffer_format(out, "; and %zu more reason%s", count - maximum, count - maximum == 1 ? "" : "s");
}

const char *fact_command(const struct fact *fact)
{
    static const char prefix[] = "commands.";
    bool begins = fact->text && strncmp(fact->name, prefix, strlen(prefix)) == 0;
    return begins ? fact->name + strlen(prefix) : NULL;
}

bool place_is_text(const struct finding *place)
{
    return !place->has_measured && (place->marked || finding_fact_named(place, "reason"));
}

void place_append(struct buffer *out, enum text_form form, const struct finding *finding)
{
    const char *prompt = finding_fact_named(finding, "prompt");
    const struct where *where = &finding->where;
    if (!prompt && !place_is_text(finding)) {
        where_append(out, form, where);
        return;
    }
    text_append_short(out, form, where->case_id ? where->case_id : "a text", 300);
    if (where->token >= 0)
        buffer_format(out, ", token %d", where->token);
    if (prompt) {
        buffer_text(out, ": ");
        text_append(out, form, "\"");
        text_append_short(out, form, prompt, PROMPT_SHOWN);
        text_append(out, form, "\"");
    }
}
