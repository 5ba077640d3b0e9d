#include "model/slot.h"

struct matrix slot_matrix(const struct store *store, const struct slot *slot)
{
    return (struct matrix){.store = store,
                           .tensor = slot->tensor,
                           .values = slot->values,
                           .rows = slot->rows,
                           .columns = slot->columns,
                           .dtype = slot->tensor ? slot->tensor->dtype : DTYPE_F32};
}
