/* What an experiment may depart in, for people and for programs: faults of weights, variants of the architecture. */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "faults/fault.h"
#include "model/variant.h"
#include "text/text_variant.h"

static void print_title(const char *title)
{
    printf("%s\n\n", title);
}

static void print_row(const char *name, const char *arguments, const char *does, const char *symptom,
                      const char *mistake)
{
    printf("%s%s%s\n    %s.\n    Looks like: %s.\n    The usual mistake: %s.\n", name, *arguments ? ":" : "", arguments,
           does, symptom, mistake);
}

static void print_text(void)
{
    const struct fault_row *fault;
    const struct variant_row *variant;
    const struct text_variant_row *text;
    print_title("--fault NAME[:ARGS]: what was done to weights");
    for (size_t i = 0; (fault = fault_at(i)); i++)
        print_row(fault->name, fault->arguments, fault->does, fault->symptom, fault->mistake);
    putchar('\n');
    print_title("--variant NAME[:ARGS]: what a wrong implementation of the architecture does");
    for (size_t i = 0; (variant = variant_at(i)); i++)
        print_row(variant->name, variant->arguments, variant->does, variant->symptom, variant->mistake);
    putchar('\n');
    print_title("--text-variant NAME: what a wrong tokenizer does");
    for (size_t i = 0; (text = text_variant_at(i)); i++)
        print_row(text->name, "", text->does, text->symptom, text->mistake);
    putchar('\n');
    print_title("--set KEY=VALUE: a key of config.json with another value, such as rope_theta=1e6");
}

static void row_json(cJSON *list, const char *option, const char *const texts[5])
{
    static const char *const keys[] = {"name", "arguments", "does", "symptom", "mistake"};
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "option", option);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cJSON_AddStringToObject(item, keys[i], texts[i]);
    cJSON_AddItemToArray(list, item);
}

static void print_json(void)
{
    cJSON *list = cJSON_CreateArray();
    const struct fault_row *fault;
    const struct variant_row *variant;
    const struct text_variant_row *text;
    for (size_t i = 0; (fault = fault_at(i)); i++)
        row_json(list, "--fault",
                 (const char *const[]){fault->name, fault->arguments, fault->does, fault->symptom, fault->mistake});
    for (size_t i = 0; (variant = variant_at(i)); i++)
        row_json(list, "--variant",
                 (const char *const[]){variant->name, variant->arguments, variant->does, variant->symptom,
                                       variant->mistake});
    for (size_t i = 0; (text = text_variant_at(i)); i++)
        row_json(list, "--text-variant",
                 (const char *const[]){text->name, "", text->does, text->symptom, text->mistake});
    json_print(list, true);
}

static int run(struct arguments *arguments)
{
    if (arguments->json)
        print_json();
    else
        print_text();
    return EXIT_PASS;
}

const struct command command_faults = {
    .name = "faults",
    .does = "list all experiments: faults of weights, variants of architecture and tokenizer",
    .args = "",
    .doc = "Lists all experiments: faults of weights (--fault) and variants of the architecture (--variant), which "
           "every command takes that opens a model, and variants of the tokenizer (--text-variant).",
    .least = 0,
    .most = 0,
    .run = run,
};
