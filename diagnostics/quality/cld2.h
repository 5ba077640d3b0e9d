/* CLD2 (language identification) for C. The one file of the project that is C++ is behind this. */
#ifndef ASSAY_QUALITY_CLD2_H
#define ASSAY_QUALITY_CLD2_H

#ifdef __cplusplus
extern "C" {
#else
#include <stdbool.h>
#include <stddef.h>
#endif

#define CLD2_SPANS_MOST 64

struct cld2_span {
    size_t first, last; /* bytes */
    const char *code;   /* static */
};

/* The three most likely languages, best first. */
struct cld2_result {
    const char *code[3]; /* "en", "zh", "un" (unknown); static */
    int percent[3];      /* of the text */
    double score[3];     /* per kilobyte; real text has 1000 and more */
    bool reliable;       /* the best beats the next; no word on whether it is a language at all */
    int bytes;           /* of the text that counted */
    struct cld2_span spans[CLD2_SPANS_MOST];
    size_t span_count;
};

/* `text` [size] should be UTF-8; what follows an invalid byte is not looked at. `best_effort`: an answer for short
 * texts too. */
void cld2_detect(const char *text, size_t size, bool best_effort, struct cld2_result *out);

/* The code names a language. */
bool cld2_knows(const char *code);

/* What is called where C++ has no memory, in CLD2, Hunspell and others: it does not come back. Without it the program
 * ends in a signal. */
void cxx_on_shortage(void (*handler)(void));

#ifdef __cplusplus
}
#endif
#endif
