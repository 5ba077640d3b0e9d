/* A regular expression of a tokenizer file: Oniguruma's syntax and meaning, executed by PCRE2. Private to engine/text.
 */
#ifndef ASSAY_TEXT_PATTERN_H
#define ASSAY_TEXT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

struct pattern;

/* `literal`: the text itself, no syntax. `where` begins the error messages. */
struct pattern *pattern_new(const char *where, const char *regex, bool literal, struct error *error);
/* From the member "pattern" of `json`: {"Regex": "..."} or {"String": "..."}. */
struct pattern *pattern_load(const char *where, const cJSON *json, struct error *error);
void pattern_free(struct pattern *pattern);

/* Appends the same pattern in PCRE2's syntax, to be compiled with UTF, UCP and MULTILINE. What has no exact translation
 * is an error that quotes it. */
bool pattern_translate(const char *where, const char *regex, struct buffer *out, struct error *error);

/* Before a text of so many bytes, whatever pieces of it the pattern is then matched in: renews the work that may be
 * done. NULL is taken. */
void pattern_allow(struct pattern *pattern, size_t size);

/* From now on each match may see all of its text, which is what windows are held against in tests. */
void pattern_whole(struct pattern *pattern);

/* Iterates as Oniguruma's find_iter: an empty match right behind the last match is stepped over. Start with the first
 * four fields set. `text` must be valid UTF-8. */
struct pattern_cursor {
    struct pattern *pattern;
    const char *text;
    size_t size;
    size_t at;
    bool matched; /* there was a match, and it ended at `at_last` */
    size_t at_last;
};

/* 1: a match, its span in `*start` and `*end`; 0: no more; -1: the pattern needs more time or memory than is allowed.
 */
int pattern_next(struct pattern_cursor *cursor, size_t *start, size_t *end, struct error *error);

/* Appends the text with `content` for each match; where there is none, nothing is appended and `*changed` = false. */
bool pattern_replace(struct pattern *pattern, const char *content, const char *text, size_t size, struct buffer *out,
                     bool *changed, struct error *error);

/* A range of characters that Unicode assigned after version 14, with its general category. */
struct unicode_range {
    uint32_t first;
    uint32_t last;
    const char category[3];
};
extern const struct unicode_range unicode_later[];
extern const size_t unicode_later_count;

#endif
