/* What the diagnostics of texts share. Private to diagnostics/quality. */
#ifndef ASSAY_QUALITY_TEXT_MEASURE_H
#define ASSAY_QUALITY_TEXT_MEASURE_H

#include "quality/dictionary.h"
#include "quality/expects.h"
#include "quality/metric.h"
#include "quality/passage.h"
#include "quality/quality.h"

/* Measures a view: sets the metrics of one diagnostic, which all are NaN before. */
struct measuring {
    const struct view *view;
    const struct expects *expects;
    const char *prompt; /* NULL: unknown */
    struct dictionaries *dictionaries;
    const struct leak_list *leaks;
    const struct cld2_result *languages; /* of the view */
    const struct cld2_result *effort;    /* the same, with an answer for short texts too */
    const struct cld2_result *main;      /* of the whole text; NULL: this is the whole */
    const struct surprise *surprise;     /* of a judge, of the whole text; NULL: there is none */
    double *metrics;
    bool memory; /* it ran out */
};

void characters_measure(struct measuring *measuring);
bool characters_mark(const struct view *view, struct marks *marks);

void repetition_measure(struct measuring *measuring);
bool repetition_mark(const struct view *view, struct marks *marks);

void language_measure(struct measuring *measuring);
bool language_mark(const struct view *view, struct marks *marks);

/* Patterns of what leaks, from suites/quality.json. */
enum leak_group { LEAK_SPECIAL, LEAK_ROLES, LEAK_PIECES, LEAK_MARKUP, LEAK_CODE, LEAK_GROUP_COUNT };
struct leak_list {
    struct leak {
        enum leak_group group;
        void *code; /* pcre2_code * */
    } * items;
    size_t count, capacity;
};
/* From {"special": {NAME: PATTERN ...}, "markup": {...}, "code": {...}}. */
bool leaks_parse(const char *where, const cJSON *list, struct leak_list *leaks, struct error *error);
void leaks_free(struct leak_list *leaks);
void leakage_measure(struct measuring *measuring);
bool leakage_mark(const struct view *view, const struct leak_list *leaks, struct marks *marks);

void wordness_measure(struct measuring *measuring);
bool wordness_mark(const struct view *view, struct marks *marks);

void grammar_measure(struct measuring *measuring);
bool grammar_mark(const struct view *view, struct marks *marks);

/* pairs.c: what stands side by side. */
void pairs_measure(struct measuring *measuring);
bool pairs_mark(const struct view *view, struct marks *marks);

/* surprise.c: what a judge model finds. */
void surprise_measure(struct measuring *measuring);
/* `surprise` may be NULL. */
bool surprise_mark(const struct surprise *surprise, struct marks *marks);

void overlap_measure(struct measuring *measuring);

/* function_words.c: bits of the languages that the word is a function word of; bit 0: English. */
unsigned function_word_languages(const struct word *word);
#define FUNCTION_LANGUAGES 12
/* The words of that language are in the list; also of an unknown one, "un". */
bool function_words_of(const char *language);

#endif
