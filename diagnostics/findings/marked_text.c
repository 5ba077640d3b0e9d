#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "findings/finding.h"

void marked_text_free(struct marked_text *marked)
{
    if (!marked)
        return;
    for (size_t i = 0; i < marked->count; i++)
        free(marked->marks[i].what);
    for (size_t i = 0; i < marked->reason_count; i++) {
        free(marked->reasons[i].what);
        free(marked->reasons[i].because);
        free(marked->reasons[i].numbers);
    }
    free(marked->marks);
    free(marked->reasons);
    free(marked->moves);
    free(marked->text);
    free(marked);
}

/* Bytes of the noncharacter (U+FFFE, U+FFFF, and those of the other planes) that begins well-formed text, else 0. */
static size_t noncharacter(const unsigned char *text, size_t size)
{
    size_t length = text[0] == 0xEF ? 3 : text[0] >= 0xF0 ? 4 : 0;
    if (!length || length > size || text[length - 2] != 0xBF || text[length - 1] < 0xBE)
        return 0;
    return length == 4 ? (text[1] & 0x0F) == 0x0F ? 4 : 0 : text[1] == 0xBF ? 3 : 0;
}

/* Bytes from `at` on that can stay; `*bad` gets how many behind them cannot, as one character. */
static size_t good_bytes(const char *text, size_t size, size_t at, size_t valid, size_t *bad)
{
    size_t from = at;
    *bad = 0;
    for (; at < valid; at++) {
        *bad = text[at] ? noncharacter((const unsigned char *)text + at, valid - at) : 1;
        if (*bad)
            return at - from;
    }
    *bad = at < size;
    return at - from;
}

static bool move_add(struct marked_text *marked, size_t given, size_t kept)
{
    return array_push(marked->moves, marked->move_count, marked->move_capacity, (struct text_move){given, kept});
}

static bool text_take(struct marked_text *marked, const char *text, size_t size)
{
    struct buffer kept = {0};
    size_t bad = 0, valid = 0;
    buffer_text(&kept, "");
    for (size_t at = 0; at < size && !kept.failed;) {
        if (valid <= at)
            valid = at + utf8_check(text + at, size - at);
        size_t good = good_bytes(text, size, at, valid, &bad);
        buffer_append(&kept, text + at, good);
        at += good + bad;
        if (bad && (!buffer_text(&kept, "\xEF\xBF\xBD") || !move_add(marked, at, kept.size)))
            kept.failed = true;
    }
    marked->size = kept.size;
    marked->text = kept.failed ? NULL : buffer_take(&kept);
    buffer_free(&kept);
    return marked->text;
}

struct marked_text *finding_marked(struct finding *finding, const char *text, size_t size)
{
    struct marked_text *marked = calloc(1, sizeof *marked);
    if (!marked || !text_take(marked, text, size)) {
        marked_text_free(marked);
        return NULL;
    }
    marked_text_free(finding->marked);
    return finding->marked = marked;
}

static bool within_character(const struct marked_text *marked, size_t at)
{
    return at < marked->size && ((unsigned char)marked->text[at] & 0xC0) == 0x80;
}

/* Where the byte of the text as given is now; within a character, before it or (`behind`) behind it. */
static size_t place_of(const struct marked_text *marked, size_t given, bool behind)
{
    size_t low = 0, high = marked->move_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (marked->moves[middle].given <= given)
            low = middle + 1;
        else
            high = middle;
    }
    struct text_move move = low ? marked->moves[low - 1] : (struct text_move){0, 0};
    if (given - move.given >= marked->size - move.kept)
        return marked->size;
    size_t at = move.kept + (given - move.given);
    while (within_character(marked, at))
        at = behind ? at + 1 : at - 1;
    return at;
}

bool marked_text_add(struct marked_text *marked, size_t from, size_t to, const char *what)
{
    struct text_mark mark = {place_of(marked, from, false), place_of(marked, to, true), NULL};
    if (mark.from >= mark.to)
        return true;
    if (!array_grow(marked->marks, marked->count, marked->capacity))
        return false;
    if (!(mark.what = strdup(what)))
        return false;
    marked->marks[marked->count++] = mark;
    return true;
}

bool marked_text_reason(struct marked_text *marked, const char *what, const char *because, const char *numbers,
                        size_t onset)
{
    if (!array_grow(marked->reasons, marked->reason_count, marked->reason_capacity))
        return false;
    struct text_reason reason = {strdup(what), strdup(because), numbers ? strdup(numbers) : NULL,
                                 place_of(marked, onset, false)};
    marked->reasons[marked->reason_count++] = reason;
    return reason.what && reason.because && (reason.numbers || !numbers);
}
