#include "cli/passport_print.h"

#include <stdio.h>
#include <string.h>

#include "cli/say.h"

void print_identity(const char *folder, const struct passport *passport, const char *source,
                    const struct passport *original, size_t converted)
{
    if (!original)
        say(stdout, "%s is model %s\n", folder, passport->root);
    else if (converted)
        say(stdout, "%s is model %s, the model in %s but for the dtype of %zu tensors\n", folder, passport->root,
            source, converted);
    else if (strcmp(passport->root, original->root) == 0)
        say(stdout, "%s is model %s, the model in %s\n", folder, passport->root, source);
    else
        say(stdout, "%s has the tensors of model %s, the model in %s\n", folder, original->root, source);
}
