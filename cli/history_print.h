/* A history as a table for people, and as JSON. */
#ifndef ASSAY_CLI_HISTORY_PRINT_H
#define ASSAY_CLI_HISTORY_PRINT_H

#include "base/json.h"
#include "history/turns.h"

/* On stdout: the newest runs, where they turned bad, and what had changed then. */
void history_print(const struct history *history, const struct turns *turns);
/* All runs. NULL: out of memory. */
cJSON *history_json(const struct history *history, const struct turns *turns);

#endif
