/* What assay help tells beside the options of commands, a row for each topic. */
#ifndef ASSAY_CLI_HELP_TOPICS_H
#define ASSAY_CLI_HELP_TOPICS_H

#include "base/buffer.h"

struct help_topic {
    const char *name;
    const char *does; /* one line */
    /* Appends the text, in lines of at most PARAGRAPH_WIDTH columns. */
    void (*write)(struct buffer *out);
};

/* NULL behind the last. */
const struct help_topic *help_topic_at(size_t index);
/* NULL: there is none of that name. */
const struct help_topic *help_topic_find(const char *name);

#endif
