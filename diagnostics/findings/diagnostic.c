#include "findings/diagnostic.h"

#include <string.h>

bool check_wants(const struct check *check, const char *name)
{
    for (size_t i = 0; check->wanted[i]; i++)
        if (strcmp(check->wanted[i]->name, name) == 0)
            return true;
    return false;
}
