/* How a model came by its experts. */
#ifndef ASSAY_CLI_EXPERTS_PRINT_H
#define ASSAY_CLI_EXPERTS_PRINT_H

#include <stdio.h>

#include "base/json.h"
#include "model/model.h"

/* One sentence on `file`, nothing for a model without experts; the same for `parent`, as "experts", with `layers` for
 * each layer too. */
void experts_print(const struct model *model, FILE *file);
void experts_json(const struct model *model, bool layers, cJSON *parent);

#endif
