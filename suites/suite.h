/* A suite: what to run on what, with which limits. JSON: README.md says what a suite is, suites/suite.schema.json what
 * may be in one. */
#ifndef ASSAY_SUITES_SUITE_H
#define ASSAY_SUITES_SUITE_H

#include "base/file.h"
#include "base/json.h"
#include "diagnostics/check.h"

struct suite {
    char *name;        /* never NULL: the file's where it does not say */
    char *purpose;     /* what it is for, in a sentence; NULL: it does not say */
    char *description; /* more of it; NULL: none */
    char sha256[65];   /* of what was read, as JSON without white space, what it extends first */
    bool wanted[DIAGNOSTIC_COUNT];
    const char *left_out[DIAGNOSTIC_COUNT]; /* what it had and the command line took away: by which option; NULL */
    struct choice choice;                   /* borrowed: what it takes away of the checks of the others */
    char **prompts;                         /* texts that the subject continues */
    struct expects *expects;                /* [prompt_count] */
    struct names *tags;                     /* [prompt_count] */
    size_t prompt_count;
    size_t new_tokens; /* for each of them */
    struct sampler_options sampler;
    uint64_t seed;
    bool chat;
    char *text; /* file for perplexity, found beside the suite, or ":english"; NULL: none */
    size_t context, stride;
    struct limits limits;
    struct tagged_limit {
        enum limit limit;
        double value;
        char *cause;
        struct names tags;
    } * tagged; /* those that suite_tagged may choose in the place of others, in their order; owned */
    size_t tagged_count, tagged_capacity;
    cJSON *members; /* what suites said, the extended ones first, where later ones replaced it; for suite_json */
};

/* Those that are built in, in the order in which they are listed. The last row has no name. */
struct suite_bundled {
    const char *name;
    const char *text;
};
extern const struct suite_bundled suite_bundled[];

/* `name` is that of a suite that is built in, or a path; NULL: default. Members, diagnostics, limits that nobody knows
 * are errors, as is a limit without a cause: they begin with "FILE:LINE:COLUMN: ", then the path of the key. What it
 * extends is read first; of objects in both (limits, sampling, text) the members are put together, anything else
 * replaces what was there. To be freed either way. */
bool suite_open(const char *name, struct suite *suite, struct error *error);

/* The suite as one document that extends nothing, and names files by whole paths, where they are there. The caller
 * frees with cJSON_Delete; NULL: out of memory. */
cJSON *suite_json(const struct suite *suite, struct error *error);

/* What it asks of a subject and gold, which are set by the caller, as is what judges texts (writing.quality). Borrows
 * from the suite. */
struct check_request suite_request(const struct suite *suite);

/* Of the suite's diagnostics and their checks only those of the list (choice.h), or all but those; the list is borrowed
 * as long as the suite lives. An error where nothing is left; of `suite_only` also where one is not the suite's. */
bool suite_only(struct suite *suite, const char *list, struct error *error);
bool suite_skip(struct suite *suite, const char *list, struct error *error);
/* Adds a skip for each diagnostic that was left out so, or (`comparing`) for those that take part in assay compare. See
 * findings_leave_out. */
bool suite_tell_left_out(const struct suite *suite, bool comparing, struct findings *findings, struct error *error);

/* Of the prompts those that have one of the tags, or all where no prompt has one of them; and the limits that have one,
 * the last of several for one name. An error where a tag is neither a prompt's nor a limit's. */
bool suite_tagged(struct suite *suite, const char *const *tags, size_t count, struct error *error);

/* The keys of an object of a suite ("suite", "sampling", "text", "limit", "prompt", "expects", "change"), for its
 * schema; NULL behind the last. `*required`: it has to be there. */
const char *suite_key(const char *object, size_t index, bool *required);

void suite_free(struct suite *suite);

#endif
