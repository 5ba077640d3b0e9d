/* Documents that lie beside the weights of a store. */
#ifndef ASSAY_STORE_BESIDE_H
#define ASSAY_STORE_BESIDE_H

#include "base/json.h"
#include "store/store.h"

/* NULL: there is none of that name, or it cannot be read, and who needs it says so. The caller frees with cJSON_Delete.
 */
cJSON *beside_read(const struct store *store, const char *name);
/* Of a configuration the part that is the text model's; itself, where it has none. */
const cJSON *beside_text(const cJSON *config);

#endif
