#include "passport/verify_place.h"

#include <stdlib.h>

#include "base/file.h"

struct finding *verify_place(const struct verify_request *request, const char *check, const char *file,
                             const char *tensor, struct findings *findings)
{
    struct finding *place = findings_place(findings, check, VERDICT_FAIL);
    if (!place)
        return NULL;
    if (file) {
        char *path = path_join(request->folder, file);
        where_set(&place->where.file, path ? path : file);
        free(path);
    }
    if (tensor) {
        where_set(&place->where.tensor, tensor);
        tensor_place(&(struct tensor){.name = tensor}, &place->where.layer, &place->where.expert);
    }
    return place;
}

const char *verify_first(const struct findings *findings, size_t at)
{
    const struct finding *place = at + 1 < findings->count ? &findings->items[at + 1] : NULL;
    return place && !place->summary && place->message ? place->message : "";
}
