#include "cli/arguments.h"

#include <stdio.h>
#include <string.h>

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
            return "a --prompt that is not UTF-8 cannot be told in JSON";
    }
    return NULL;
}

const char *windows_judge(const struct arguments *arguments)
{
    return arguments->context && arguments->stride > arguments->context
               ? "--stride is larger than --context: there would be gaps"
               : NULL;
}

void departures_append(const struct arguments *arguments, struct buffer *out)
{
    const struct {
        const char *option;
        const struct texts *values;
    } lists[] = {{"--fault", &arguments->faults},
                 {"--set", &arguments->settings},
                 {"--variant", &arguments->variants},
                 {"--text-variant", &arguments->text_variants}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < lists[i].values->count; k++) {
            buffer_format(out, " %s ", lists[i].option);
            shell_word(out, lists[i].values->items[k]);
        }
}
