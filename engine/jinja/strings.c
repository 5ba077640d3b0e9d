/* What Python's strings can do. */
#include "jinja/strings.h"

#include <string.h>
#include <unicode/ucasemap.h>
#include <unicode/uchar.h>

#include "jinja/print.h"
#include "jinja/sequence.h"
#include "text/utf8.h"

static bool is_ascii(struct text text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static bool is_letter(char c, char from)
{
    return c >= from && c < from + 26;
}

/* --- upper and lower case --- */

typedef int32_t map_text(const UCaseMap *map, char *out, int32_t capacity, const char *text, int32_t size,
                         UErrorCode *status);

static int32_t to_title(const UCaseMap *map, char *out, int32_t capacity, const char *text, int32_t size,
                        UErrorCode *status)
{
    return ucasemap_utf8ToTitle((UCaseMap *)map, out, capacity, text, size, status);
}

static map_text *mapping(char how)
{
    return how == 'u' ? ucasemap_utf8ToUpper : how == 'l' ? ucasemap_utf8ToLower : to_title;
}

/* Of text beyond ASCII; how: u, l, or t for the title case of one character. */
static bool map_case(struct machine *machine, struct text text, char how, struct buffer *out)
{
    if (!machine_spend(machine, 8 + text.size / 4))
        return false;
    UErrorCode status = U_ZERO_ERROR;
    UCaseMap *map = ucasemap_open("", 0, &status);
    size_t room = 3 * text.size + 8;
    bool good = U_SUCCESS(status) && text.size < JINJA_OUTPUT_MOST && buffer_reserve(out, room);
    if (good) {
        int32_t size = mapping(how)(map, out->data + out->size, (int32_t)room, text.data, (int32_t)text.size, &status);
        good = U_SUCCESS(status) && (size_t)size < room;
        out->size += good ? (size_t)size : 0;
        out->data[out->size] = '\0';
    }
    ucasemap_close(map);
    return good || machine_fail(machine, "the case of a string cannot be changed");
}

static bool put_case(struct machine *machine, struct text text, char how, struct buffer *out)
{
    if (!machine_spend(machine, 1 + text.size / 16))
        return false;
    if (!is_ascii(text))
        return map_case(machine, text, how, out);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        buffer_char(out,
                    how == 'l' ? (is_letter(c, 'A') ? (char)(c + 32) : c) : (is_letter(c, 'a') ? (char)(c - 32) : c));
    }
    return true;
}

/* The first character in title case, and the rest lowered in its place (a final sigma depends on what is before). */
static bool put_capitalized(struct machine *machine, struct text text, struct buffer *out)
{
    struct text first = text_part(text, 0, 1);
    struct buffer lower = {.maximum = JINJA_OUTPUT_MOST}, head = {.maximum = 64};
    bool good = put_case(machine, first, 't', out) && put_case(machine, text, 'l', &lower) &&
                put_case(machine, first, 'l', &head);
    if (good && lower.size > head.size)
        buffer_append(out, lower.data + head.size, lower.size - head.size);
    buffer_free(&lower);
    buffer_free(&head);
    return good;
}

/* str.title: a letter behind one that has case is lowered. */
static bool put_title(struct machine *machine, struct text text, struct buffer *out)
{
    bool inside = false;
    if (!is_ascii(text))
        return machine_fail(machine, "title of a string beyond ASCII is not understood");
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool letter = is_letter(c, 'a') || is_letter(c, 'A');
        buffer_char(out, letter && !inside ? (char)(c & ~32) : letter ? (char)(c | 32) : c);
        inside = letter;
    }
    return machine_spend(machine, text.size / 16);
}

bool string_case(struct machine *machine, struct text text, char how, struct value *out)
{
    struct buffer changed = {.maximum = JINJA_OUTPUT_MOST};
    bool good = how == 'c'   ? put_capitalized(machine, text, &changed)
                : how == 't' ? put_title(machine, text, &changed)
                             : put_case(machine, text, how, &changed);
    if (good)
        return value_take(machine, &changed, out);
    buffer_free(&changed);
    return false;
}

/* --- parts and wholes --- */

bool string_strip(struct machine *machine, struct text text, const struct text *characters, bool left, bool right,
                  struct value *out)
{
    /* both sizes are bounded, and so their product fits */
    if (!machine_spend(machine, text.size * (1 + (characters ? characters->size : 0)) / 64))
        return false;
    *out = value_string(text_strip(text, characters, left, right));
    return true;
}

bool string_replace(struct machine *machine, struct text text, struct text old, struct text new, int64_t most,
                    struct value *out)
{
    struct buffer changed = {.maximum = JINJA_OUTPUT_MOST};
    size_t at = 0;
    for (; most && !changed.failed && at <= text.size; most--) {
        const char *found = old.size ? memmem(text.data + at, text.size - at, old.data, old.size) : text.data + at;
        if (!found)
            break;
        buffer_append(&changed, text.data + at, (size_t)(found - text.data) - at);
        buffer_append(&changed, new.data, new.size);
        at = (size_t)(found - text.data) + old.size;
        if (old.size)
            continue;
        if (at == text.size) {
            at++;
            break;
        }
        size_t next = at;
        utf8_next(text.data, &next);
        buffer_append(&changed, text.data + at, next - at);
        at = next;
    }
    if (at < text.size)
        buffer_append(&changed, text.data + at, text.size - at);
    return machine_spend(machine, text.size / 16) ? value_take(machine, &changed, out) : (buffer_free(&changed), false);
}

static bool push_part(struct machine *machine, struct list *list, const char *from, const char *to)
{
    struct value part = value_string((struct text){from, (size_t)(to - from)});
    return list_push(machine, list, &part);
}

bool string_lines(struct machine *machine, struct text text, struct list **out)
{
    if (!(*out = list_new(machine)))
        return false;
    for (size_t at = 0, from = 0; at < text.size;) {
        size_t end = at;
        uint32_t code = utf8_next(text.data, &at);
        bool breaks = (code >= 10 && code <= 13) || (code >= 0x1C && code <= 0x1E) || code == 0x85 || code == 0x2028 ||
                      code == 0x2029;
        if (code == '\r' && at < text.size && text.data[at] == '\n')
            at++;
        if (!breaks && at < text.size)
            continue;
        if (!push_part(machine, *out, text.data + from, text.data + (breaks ? end : at)))
            return false;
        from = at;
    }
    return machine_spend(machine, text.size / 16);
}

/* The next part and what is left behind it; false: there is no separator. */
static bool next_separator(struct text text, struct text separator, struct text *part, struct text *rest)
{
    const char *found = memmem(text.data, text.size, separator.data, separator.size);
    if (!found)
        return false;
    *part = (struct text){text.data, (size_t)(found - text.data)};
    *rest = (struct text){found + separator.size, text.size - part->size - separator.size};
    return true;
}

/* The same at white space, of which there is none in front. */
static bool next_space(struct text text, struct text *part, struct text *rest)
{
    size_t at = 0, end = 0;
    while (at < text.size && !text_is_space(utf8_next(text.data, &at)))
        end = at;
    if (end == text.size)
        return false;
    *part = (struct text){text.data, end};
    *rest = text_strip((struct text){text.data + end, text.size - end}, NULL, true, false);
    return true;
}

bool string_split(struct machine *machine, struct text text, const struct text *separator, int64_t most,
                  struct list **out)
{
    struct text part, rest = separator ? text : text_strip(text, NULL, true, most < 0);
    if (!machine_spend(machine, text.size / 16) || !(*out = list_new(machine)))
        return false;
    if (!separator && !rest.size)
        return true;
    for (; most; most--) {
        text = rest;
        if (!(separator ? next_separator(text, *separator, &part, &rest) : next_space(text, &part, &rest)))
            break;
        if (!push_part(machine, *out, part.data, part.data + part.size) || !machine_spend(machine, part.size / 16))
            return false;
        if (!separator && !rest.size)
            return true;
    }
    return push_part(machine, *out, rest.data, rest.data + rest.size) && machine_spend(machine, rest.size / 16);
}

bool string_join(struct machine *machine, struct text separator, const struct list *items, struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    bool good = true;
    for (size_t i = 0; good && i < items->count; i++) {
        if (i)
            buffer_append(&text, separator.data, separator.size);
        good = machine_spend(machine, 1 + separator.size / 64) && value_print(machine, &items->items[i], &text);
    }
    if (good)
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}
