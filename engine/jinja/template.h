/* Chat templates: the subset of Jinja that models' templates are written in, rendered as transformers renders it.
 *
 * Compared with jinja2 3.1.6 as transformers 5.23 sets it up (utils/chat_template_utils.py: trim_blocks, lstrip_blocks,
 * ImmutableSandboxedEnvironment, loopcontrols, the tag `generation`, its own tojson, raise_exception, strftime_now,
 * namespace and dict). What is rendered is what it renders; anything else is an error that names the line and the
 * construct, never a guess.
 *
 * Not understood, and refused: `call`, `block`, `extends`, `include`, `import`, `autoescape`, recursive loops, *args
 * and **kwargs, names that are not ASCII, integers beyond 64 bits, floats that are not finite, printf formatting (% on
 * a string) and fields of format other than {}, and the filters, tests, methods and globals that no row of filters.c,
 * predicates.c, methods.c and globals.c implements: those that a published template uses are there
 * (suites/tests/jinja/jinja_use.tsv). Refused although Jinja renders it: a sequence made by map, reject and the like is
 * computed at once, so that an error in an item that nothing would have looked at counts.
 *
 * A template is untrusted: its output, memory, steps and depth are bounded. */
#ifndef ASSAY_JINJA_TEMPLATE_H
#define ASSAY_JINJA_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

struct chat_template_source {
    const char *where; /* for messages */
    const char *text;  /* UTF-8 */
    size_t size;
    time_t now; /* what strftime_now tells, in local time; 0: the present */
};

/* Appends to `out` what the template makes of the variables: an object, as a rule with "messages" (a list of {"role",
 * "content"}), "add_generation_prompt", "tools", "documents", "bos_token". A whole number is an integer. The result is
 * UTF-8, and may hold NUL characters. On failure `out` is as it was. */
bool chat_template_render(const struct chat_template_source *source, const cJSON *variables, struct buffer *out,
                          struct error *error);

#endif
