#include "quality/windows.h"

#include <stdlib.h>

#include "base/buffer.h"

const char *const window_kind_names[WINDOW_KIND_COUNT] = {"prose", "list", "table", "code"};

/* Of a run of lines: prose and lists are one until it is known which there is more of. */
static enum window_kind class_of(enum part part)
{
    return part == PART_CODE ? WINDOW_CODE : part == PART_TABLE ? WINDOW_TABLE : WINDOW_PROSE;
}

static enum window_kind kind_of(const struct passage *passage, size_t first, size_t last)
{
    size_t counts[WINDOW_KIND_COUNT] = {0}, most = 0;
    for (size_t i = first; i < last; i++) {
        const struct glyph *glyph = &passage->glyphs[i];
        if (glyph->kind != GLYPH_SPACE)
            counts[glyph->part == PART_LIST ? WINDOW_LIST : class_of((enum part)glyph->part)]++;
    }
    for (size_t i = 1; i < WINDOW_KIND_COUNT; i++)
        most = counts[i] > counts[most] ? i : most;
    return (enum window_kind)most;
}

static bool prints(const struct passage *passage, size_t first, size_t last)
{
    while (first < last && passage->glyphs[first].kind == GLYPH_SPACE)
        first++;
    return first < last;
}

/* The white space next to `at`, in the middle half of the stretch around it; `at` where there is none. */
static size_t near_space(const struct passage *passage, size_t at, size_t reach)
{
    for (size_t off = 0; off < reach; off++) {
        if (at + off < passage->glyph_count && passage->glyphs[at + off].kind == GLYPH_SPACE)
            return at + off;
        if (at >= off && passage->glyphs[at - off].kind == GLYPH_SPACE)
            return at - off;
    }
    return at;
}

/* Equal parts of what is all of one class. */
static bool cut_run(struct text_windows *windows, const struct passage *passage, size_t first, size_t last,
                    size_t words, size_t characters)
{
    struct view whole = passage_view(passage, first, last);
    size_t by_words = (whole.word_last - whole.word_first + words - 1) / words;
    size_t by_characters = (last - first + characters - 1) / characters;
    size_t parts = by_words > by_characters ? by_words : by_characters, length = last - first;
    for (size_t i = 0, from = first; i < parts; i++) {
        size_t to = i + 1 == parts ? last : near_space(passage, first + length * (i + 1) / parts, length / parts / 4);
        if (to <= from || !prints(passage, from, to))
            continue;
        struct text_window window = {passage_view(passage, from, to), kind_of(passage, from, to)};
        if (!array_push(windows->items, windows->count, windows->capacity, window))
            return false;
        from = to;
    }
    return true;
}

bool windows_new(struct text_windows *windows, const struct passage *passage, size_t words, size_t characters)
{
    *windows = (struct text_windows){0};
    size_t first = 0;
    enum window_kind class = WINDOW_PROSE;
    for (size_t at = 0, end; at < passage->glyph_count; at = end) {
        end = passage_line_end(passage, at, passage->glyph_count);
        end += end < passage->glyph_count;
        enum window_kind here = kind_of(passage, at, end);
        here = here == WINDOW_LIST ? WINDOW_PROSE : here;
        if (here == class || !prints(passage, at, end))
            continue;
        if (prints(passage, first, at)) {
            if (!cut_run(windows, passage, first, at, words, characters))
                return false;
            first = at;
        }
        class = here;
    }
    return !prints(passage, first, passage->glyph_count) ||
           cut_run(windows, passage, first, passage->glyph_count, words, characters);
}

void windows_free(struct text_windows *windows)
{
    free(windows->items);
    *windows = (struct text_windows){0};
}
