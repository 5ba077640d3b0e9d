#include "health/zeros.h"

#include <string.h>

#include "base/wording.h"

bool zeros_are_wrong(const struct tensor *tensor, enum peers_known peers)
{
    if (peers == PEERS_UNKNOWN)
        return !text_ends_with(tensor->name, ".bias");
    return (tensor->rank >= 2 && tensor->rows > 1) || peers == PEERS_OTHER;
}

void zeros_text(struct buffer *out)
{
    buffer_text(out, " is all zero");
}

void tensor_text(struct buffer *out, const struct tensor *tensor)
{
    const char *part = strstr(tensor->name, ".experts.");
    bool fused = part && !strstr(tensor->disk_name, part); /* or another spelling of the same */
    buffer_format(out, "%s: tensor '%s'%s%s%s", tensor_file(tensor), tensor->disk_name, fused ? " (" : "",
                  fused ? part + 1 : "", fused ? ")" : "");
}
