/* Topics, commands and checks, explained. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/help_checks.h"
#include "cli/help_topics.h"
#include "cli/manual.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/say.h"

static const struct command *find_command(const struct arguments *arguments, const char *name)
{
    const struct command *const *at = arguments->commands;
    while (*at && strcmp((*at)->name, name) != 0)
        at++;
    return *at;
}

/* What there is to ask for. */
static void contents(const struct arguments *arguments, struct buffer *out)
{
    const struct help_topic *topic;
    buffer_text(out, "assay help TOPIC\n");
    for (size_t i = 0; (topic = help_topic_at(i)); i++)
        buffer_format(out, "  %-12s%s\n", topic->name, topic->does);
    buffer_text(out, "\nassay help COMMAND, the same as assay COMMAND -h\n");
    for (const struct command *const *at = arguments->commands; *at; at++)
        buffer_format(out, "  %-12s%s\n", (*at)->name, (*at)->does);
    buffer_text(out, "\nassay help ID, one check by its id in a report: assay help layers.isolated\n");
}

static cJSON *contents_json(const struct arguments *arguments)
{
    cJSON *json = cJSON_CreateObject(), *topics = cJSON_AddObjectToObject(json, "topics");
    cJSON *commands = cJSON_AddObjectToObject(json, "commands");
    const struct help_topic *topic;
    for (size_t i = 0; (topic = help_topic_at(i)); i++)
        cJSON_AddStringToObject(topics, topic->name, topic->does);
    for (const struct command *const *at = arguments->commands; *at; at++)
        cJSON_AddStringToObject(commands, (*at)->name, (*at)->does);
    return json;
}

/* Prints what was written of the topic, as a text or as the member "text" of a document. */
static int print(const struct arguments *arguments, const char *topic, struct buffer *text)
{
    int status = text->failed ? EXIT_ERROR : EXIT_PASS;
    if (text->failed) {
        say(stderr, "assay help: out of memory\n");
    } else if (arguments->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "topic", topic);
        cJSON_AddStringToObject(json, "text", text->data);
        json_print(json, true);
    } else {
        fputs(text->data, stdout);
    }
    buffer_free(text);
    return status;
}

static cJSON *option_json(const struct option_row *row)
{
    char letter[2] = {(char)row->letter, '\0'};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", row->name);
    if (row->letter)
        cJSON_AddStringToObject(json, "letter", letter);
    if (row->value)
        cJSON_AddStringToObject(json, "value", row->value);
    cJSON_AddStringToObject(json, "help", row->help);
    return json;
}

static int print_command_json(const struct command *command)
{
    struct buffer more = {0};
    const struct option_row *row;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "command", command->name);
    cJSON_AddStringToObject(json, "does", command->does);
    cJSON_AddStringToObject(json, "arguments", command->args);
    if (command->explain)
        command->explain(&more);
    cJSON_AddStringToObject(json, "text", command->doc);
    if (more.data)
        cJSON_AddStringToObject(json, "more", more.data);
    cJSON *options = cJSON_AddArrayToObject(json, "options");
    for (size_t i = 0; (row = option_at(command->sets, command->options, i)); i++)
        cJSON_AddItemToArray(options, option_json(row));
    buffer_free(&more);
    json_print(json, true);
    return EXIT_PASS;
}

/* As with -h, which ends the program. */
static int print_command(const struct command *command)
{
    char name[] = "assay", help[] = "--help", *words[] = {name, help, NULL};
    struct arguments arguments = {0};
    arguments_parse(command, 2, words, &arguments);
    return EXIT_PASS;
}

static int unknown(const struct arguments *arguments, const char *what, const char *asked)
{
    struct buffer text = {0};
    contents(arguments, &text);
    say(stderr, "assay help: there is no %s '%s'\n\n", what, asked);
    fputs(text.data ? text.data : "", stderr);
    buffer_free(&text);
    return EXIT_USAGE;
}

static int run_manual(const struct arguments *arguments)
{
    const struct command *command = find_command(arguments, arguments->man);
    struct buffer text = {0};
    if (!command && strcmp(arguments->man, "assay") != 0)
        return unknown(arguments, "command", arguments->man);
    manual_write(command, arguments->commands, &text);
    return print(arguments, arguments->man, &text);
}

static int run_completion(const struct arguments *arguments)
{
    static const char *const names[] = {[SHELL_BASH] = "bash", [SHELL_ZSH] = "zsh", [SHELL_FISH] = "fish"};
    enum shell shell = (enum shell)(arguments->completion - 1);
    struct buffer text = {0};
    completion_write(shell, arguments->commands, &text);
    return print(arguments, names[shell], &text);
}

static int run(struct arguments *arguments)
{
    if (arguments->man)
        return run_manual(arguments);
    if (arguments->completion)
        return run_completion(arguments);
    const char *asked = arguments->positional_count ? arguments->positional[0] : "";
    const struct help_topic *topic = help_topic_find(asked);
    const struct command *command = find_command(arguments, asked);
    const struct check_words *words = check_words(asked);
    struct buffer text = {0};
    if (arguments->json && (!*asked || strcmp(asked, "checks") == 0)) {
        json_print(*asked ? help_checks_json() : contents_json(arguments), true);
        return EXIT_PASS;
    }
    if (!*asked)
        contents(arguments, &text);
    else if (topic)
        topic->write(&text);
    else if (command)
        return arguments->json ? print_command_json(command) : print_command(command);
    else if (words->title)
        help_check(words, &text);
    else
        return unknown(arguments, "topic, command or check", asked);
    return print(arguments, asked, &text);
}

static const char *judge(const struct arguments *arguments)
{
    if ((arguments->man != NULL) + (arguments->completion > 0) + (arguments->positional_count > 0) > 1)
        return "give only one of --man, --completion and a topic";
    return NULL;
}

static const struct option_row options[] = {
    {"completion", 0, "bash|zsh|fish", "Print what the shell has to source to complete commands and options",
     GROUP_WORK, KIND_CHOICE, AT(completion), 0, 0},
    {"man", 0, "COMMAND", "Print the manual page of a command, or of assay, in roff for man -l", GROUP_WORK, KIND_TEXT,
     AT(man), 0, 0},
    {0},
};

const struct command command_help = {
    .name = "help",
    .does = "explain a topic, a command or a check; alone: list them",
    .args = "[TOPIC | COMMAND | ID]",
    .doc = "Explains a topic, the options of a command, or a check by its id in a report (layers.isolated). Without an "
           "argument it lists topics and commands.",
    .least = 0,
    .most = 1,
    .options = options,
    .judge = judge,
    .run = run,
};
