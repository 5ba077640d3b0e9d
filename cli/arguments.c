#include "cli/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id_list.h"
#include "base/json.h"
#include "base/wording.h"

const char *ids_judge(const char *list)
{
    static char message[128];
    struct error error = {0};
    struct ids ids = {0};
    bool good = ids_parse(list, &ids, &error);
    snprintf(message, sizeof message, "%s", error_text(&error));
    error_clear(&error);
    ids_free(&ids);
    return good ? NULL : message;
}

const char *prompts_judge(const struct arguments *arguments)
{
    for (size_t i = 0; arguments->json && i < arguments->prompts.count; i++) {
        const char *prompt = arguments->prompts.items[i];
        if (utf8_check(prompt, strlen(prompt)) != strlen(prompt))
            return "--prompt is not valid UTF-8, so --json cannot print it";
    }
    return NULL;
}

const char *windows_judge(const struct arguments *arguments)
{
    return arguments->context && arguments->stride > arguments->context
               ? "--stride is larger than --context: there would be gaps"
               : NULL;
}

const char *input_judge(const struct arguments *arguments, const char *path)
{
    static char message[600];
    char *folder = path && arguments->out ? path_folder(path) : NULL;
    char *in = folder ? realpath(folder, NULL) : NULL, *out = in ? realpath(arguments->out, NULL) : NULL;
    bool same = out && strcmp(in, out) == 0;
    if (same)
        snprintf(message, sizeof message,
                 "%.400s lies in the folder of -o, whose reports are removed first: name another folder", path);
    free(folder);
    free(in);
    free(out);
    return same ? message : NULL;
}

void departures_append(const struct arguments *arguments, struct buffer *out)
{
    const struct {
        const char *option;
        const struct texts *values;
        size_t planted; /* the first so many are faults, what follows undoes a damage */
    } lists[] = {{"--fault", &arguments->faults, arguments->planted},
                 {"--set", &arguments->settings, SIZE_MAX},
                 {"--variant", &arguments->variants, SIZE_MAX},
                 {"--text-variant", &arguments->text_variants, SIZE_MAX}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < lists[i].values->count; k++) {
            buffer_format(out, " %s ", k < lists[i].planted ? lists[i].option : "--undo");
            shell_word(out, lists[i].values->items[k]);
        }
}
