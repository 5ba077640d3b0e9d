/* How arguments meet parameters. */
#include "jinja/call.h"

#include <string.h>

#include "base/wording.h"

/* The index of a name in a list of words; -1: not there. */
static int parameter_index(const char *parameters, struct text name)
{
    int index = 0;
    for (const char *at = parameters; *at; index++) {
        size_t length = strcspn(at, " ");
        if (text_equal((struct text){at, length}, name))
            return index;
        at += length + (at[length] == ' ');
    }
    return -1;
}

static size_t parameter_count(const char *parameters)
{
    size_t count = *parameters != '\0';
    for (const char *at = parameters; *at; at++)
        count += *at == ' ';
    return count;
}

bool call_bind(struct machine *machine, const char *name, const struct call *call, const char *parameters,
               size_t needed, struct value out[JINJA_PARAMETERS])
{
    size_t most = parameter_count(parameters);
    memset(out, 0, JINJA_PARAMETERS * sizeof *out);
    if (call->count > most)
        return machine_fail(machine, "'%s' takes at most %zu argument%s, not %zu", name, most, text_plural(most),
                            call->count);
    for (size_t i = 0; i < call->count; i++)
        out[i] = call->values[i];
    for (size_t i = 0; i < call->keyword_count; i++) {
        struct text keyword = call->keywords[i].name;
        int index = parameter_index(parameters, keyword);
        if (index < 0 || out[index].kind != VALUE_ABSENT)
            return machine_fail(machine, "'%s' is called with an argument '%.*s', which it does not take here", name,
                                (int)keyword.size, keyword.data);
        out[index] = call->keywords[i].value;
    }
    for (size_t i = 0; i < needed; i++)
        if (out[i].kind == VALUE_ABSENT)
            return machine_fail(machine, "'%s' is called with too few arguments", name);
    return true;
}

const struct value *call_keyword(const struct call *call, struct text name)
{
    for (size_t i = 0; i < call->keyword_count; i++)
        if (text_equal(call->keywords[i].name, name))
            return &call->keywords[i].value;
    return NULL;
}

struct call call_rest(const struct call *call, size_t count)
{
    struct call rest = *call;
    rest.values += count;
    rest.count -= count;
    return rest;
}
