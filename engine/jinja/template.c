#include "jinja/template.h"

#include "jinja/bindings.h"
#include "jinja/known.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/scopes.h"
#include "jinja/statements.h"
#include "jinja/value.h"
#include "text/utf8.h"

static bool take_variables(struct machine *machine, const cJSON *variables)
{
    struct value value;
    if (!cJSON_IsObject(variables))
        return machine_fail(machine, "the variables are no JSON object");
    if (!value_from_json(machine, variables, &value))
        return false;
    machine->variables = value.dict;
    return true;
}

static bool run(struct machine *machine, const cJSON *variables)
{
    struct node *nodes = NULL;
    struct hidden *hidden = NULL;
    if (lex_source(machine))
        nodes = parse_template(machine);
    machine->scope = machine_take(machine, sizeof *machine->scope);
    return !machine->error->text && machine->scope && names_known(machine, nodes) &&
           scopes_find(machine, nodes, &hidden) && take_variables(machine, variables) && scope_hide(machine, hidden) &&
           statements_run(machine, nodes);
}

bool chat_template_render(const struct chat_template_source *source, const cJSON *variables, struct buffer *out,
                          struct error *error)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    struct error problem = {0};
    struct machine machine = {.source = source, .error = &problem, .out = &text, .line = 1, .call_macro = macro_call};
    bool good = (source->size <= JINJA_SOURCE_MOST || machine_fail(&machine, "it is larger than 4 MiB")) &&
                (utf8_check(source->text, source->size) == source->size || machine_fail(&machine, "it is not UTF-8")) &&
                run(&machine, variables);
    if (good && text.failed)
        good = machine_fail(&machine, "it writes more than %zu MiB", JINJA_OUTPUT_MOST >> 20);
    if (good && text.size)
        good = buffer_append(out, text.data, text.size) || error_memory(&problem, source->where);
    if (!good)
        error_set(error, "%s", error_text(&problem));
    error_clear(&problem);
    machine_free(&machine);
    buffer_free(&text);
    return good;
}
