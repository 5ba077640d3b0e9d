/* What a prompt asks for. Exemptions come from here, never from the text that is judged. */
#ifndef ASSAY_QUALITY_EXPECTS_H
#define ASSAY_QUALITY_EXPECTS_H

#include "base/json.h"

/* Flags that rules of suites/quality.json may name under "unless". */
enum expect_flag { EXPECT_CODE, EXPECT_HTML, EXPECT_JSON, EXPECT_LIST, EXPECT_MAY_REPEAT, EXPECT_FLAG_COUNT };
extern const char *const expect_flag_names[EXPECT_FLAG_COUNT];
/* EXPECT_FLAG_COUNT when there is none of that name. */
enum expect_flag expect_flag_parse(const char *name);

#define EXPECT_LANGUAGES_MOST 8

struct expects {
    bool flags[EXPECT_FLAG_COUNT];
    char languages[EXPECT_LANGUAGES_MOST][16]; /* ISO 639-1, as CLD2 spells them: "en", "zh" */
    size_t language_count;
    struct pattern_list {
        char **texts; /* as they were given */
        void **codes; /* pcre2_code *, UTF, caseless is up to the pattern: (?i) */
        size_t count;
    } matches, forbids; /* every one of `matches` must be found in the text, none of `forbids` */
};

/* From {"language": "en" or ["en", "fr"], "code", "html", "json", "list", "may_repeat": true, "matches": ["regex"],
 * "forbids": ["regex"]}; NULL: nothing is expected. Unknown members, languages and bad patterns are errors that begin
 * with `where`. Free it either way. */
bool expects_parse(const char *where, const cJSON *json, struct expects *expects, struct error *error);
/* One member of it, for whoever goes through them. */
bool expects_take(const char *where, const cJSON *item, struct expects *expects, struct error *error);
/* What a prompt plainly asks for: {"may_repeat": ["regex"], "code": ["regex"]}, flags and patterns of prompts. A list
 * for each flag, none where nothing is given. */
struct asking {
    struct pattern_list prompts[EXPECT_FLAG_COUNT];
};
bool asking_parse(const char *where, const cJSON *json, struct asking *asking, struct error *error);
void asking_free(struct asking *asking);
/* Sets the flags that the prompt asks for. */
void asking_read(const struct asking *asking, const char *prompt, struct expects *expects);

void expects_free(struct expects *expects);

/* Index of the first byte of a match of pattern `index`; PATTERN_NONE: there is none; PATTERN_UNKNOWN: the pattern
 * needs more time or memory than it is given. */
#define PATTERN_NONE SIZE_MAX
#define PATTERN_UNKNOWN (SIZE_MAX - 1)
size_t pattern_list_find(const struct pattern_list *list, size_t index, const char *text, size_t size);

#endif
