#include "cli/completion.h"

#include <string.h>

#include "cli/help_topics.h"

/* What is completed behind an option, or in the place of an argument. */
enum completes { COMPLETES_NOTHING, COMPLETES_WORDS, COMPLETES_FILES, COMPLETES_FOLDERS };

static enum completes completes(const struct option_row *row)
{
    static const char *const files[] = {"FILE", "MODEL", "WEIGHTS"};
    if (row->kind == KIND_CHOICE)
        return COMPLETES_WORDS;
    for (size_t i = 0; row->value && i < sizeof files / sizeof *files; i++)
        if (strcmp(row->value, files[i]) == 0)
            return COMPLETES_FILES;
    return row->value && strcmp(row->value, "DIR") == 0 ? COMPLETES_FOLDERS : COMPLETES_NOTHING;
}

/* The words of "a|b|c", with blanks between them. */
static void words_append(struct buffer *out, const char *choices)
{
    for (const char *at = choices; *at; at++)
        buffer_char(out, *at == '|' ? ' ' : *at);
}

/* The text within single quotes of the shell, where `escaped` are the characters that get a backslash: those of fish in
 * quotes, or of zsh in the fields of _arguments. */
static void quoted_append(struct buffer *out, const char *text, const char *escaped, bool fish)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\'' && !fish)
            buffer_text(out, "'\\'");
        else if (strchr(escaped, *at))
            buffer_char(out, '\\');
        buffer_char(out, *at);
    }
}

static void topics_append(struct buffer *out)
{
    const struct help_topic *topic;
    for (size_t i = 0; (topic = help_topic_at(i)); i++)
        buffer_format(out, "%s%s", i ? " " : "", topic->name);
}

static void commands_append(const struct command *const *commands, struct buffer *out)
{
    for (size_t i = 0; commands[i]; i++)
        buffer_format(out, "%s%s", i ? " " : "", commands[i]->name);
}

/* --- bash --- */

/* A branch for each option of the command that takes something. */
static void bash_values(const struct command *command, struct buffer *out)
{
    const struct option_row *row;
    for (size_t i = 0; (row = option_at(command->sets, command->options, i)); i++) {
        if (!row->value)
            continue;
        buffer_format(out, "    %s:--%s", command->name, row->name);
        if (row->letter)
            buffer_format(out, " | %s:-%c", command->name, row->letter);
        buffer_text(out, ") ");
        switch (completes(row)) {
        case COMPLETES_WORDS:
            buffer_text(out, "words='");
            words_append(out, row->value);
            buffer_text(out, "'");
            break;
        case COMPLETES_FILES:
            buffer_text(out, "compopt -o default; return");
            break;
        case COMPLETES_FOLDERS:
            buffer_text(out, "compopt -o dirnames; return");
            break;
        case COMPLETES_NOTHING:
            buffer_text(out, "return");
            break;
        }
        buffer_text(out, " ;;\n");
    }
}

static void bash_write(const struct command *const *commands, struct buffer *out)
{
    buffer_text(out, "# bash completion of assay, made by assay help --completion bash\n"
                     "_assay() {\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
                     "    COMPREPLY=()\n"
                     "    # --option=value is three words\n"
                     "    if [ \"$cur\" = = ]; then cur=\n"
                     "    elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                     "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "        COMPREPLY=($(compgen -W '-h --help --version ");
    commands_append(commands, out);
    buffer_text(out, "' -- \"$cur\"))\n"
                     "        return\n"
                     "    fi\n"
                     "    case ${COMP_WORDS[1]}:$prev in\n");
    for (size_t i = 0; commands[i]; i++)
        bash_values(commands[i], out);
    buffer_text(out, "    *)\n"
                     "        case ${COMP_WORDS[1]}:$cur in\n");
    for (size_t i = 0; commands[i]; i++) {
        const struct option_row *row;
        buffer_format(out, "        %s:-*) words='", commands[i]->name);
        for (size_t k = 0; (row = option_at(commands[i]->sets, commands[i]->options, k)); k++)
            buffer_format(out, "%s--%s", k ? " " : "", row->name);
        buffer_text(out, "' ;;\n");
    }
    buffer_text(out, "        help:*) words='");
    topics_append(out);
    buffer_char(out, ' ');
    commands_append(commands, out);
    buffer_text(out, "' ;;\n"
                     "        *) compopt -o default; return ;;\n"
                     "        esac ;;\n"
                     "    esac\n"
                     "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                     "}\n"
                     "complete -F _assay assay\n");
}

/* --- zsh --- */

static void zsh_option(const struct option_row *row, struct buffer *out)
{
    static const char *const actions[] = {[COMPLETES_FILES] = "_files", [COMPLETES_FOLDERS] = "_files -/"};
    bool many = row->kind == KIND_TEXTS;
    const char *equals = row->value ? "=" : "";
    buffer_text(out, " \\\n            ");
    if (row->letter)
        buffer_format(out, "%s{-%c,--%s%s}'", many ? "\\*" : "", row->letter, row->name, equals);
    else
        buffer_format(out, "'%s--%s%s", many ? "*" : "", row->name, equals);
    buffer_char(out, '[');
    quoted_append(out, row->help, "[]:\\", false);
    buffer_char(out, ']');
    if (row->value) {
        buffer_char(out, ':');
        quoted_append(out, row->value, "[]:\\", false);
        buffer_char(out, ':');
        if (completes(row) == COMPLETES_WORDS) {
            buffer_char(out, '(');
            words_append(out, row->value);
            buffer_char(out, ')');
        } else {
            buffer_text(out, completes(row) == COMPLETES_NOTHING ? " " : actions[completes(row)]);
        }
    }
    buffer_char(out, '\'');
}

static void zsh_write(const struct command *const *commands, struct buffer *out)
{
    buffer_text(out, "#compdef assay\n"
                     "# zsh completion of assay, made by assay help --completion zsh\n"
                     "_assay() {\n"
                     "    local -a commands\n"
                     "    commands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        buffer_format(out, "        '%s:", commands[i]->name);
        quoted_append(out, commands[i]->does, ":\\", false);
        buffer_text(out, "'\n");
    }
    buffer_text(out, "    )\n"
                     "    if (( CURRENT == 2 )); then\n"
                     "        _describe command commands\n"
                     "        return\n"
                     "    fi\n"
                     "    shift words\n"
                     "    (( CURRENT-- ))\n"
                     "    case $words[1] in\n");
    for (size_t i = 0; commands[i]; i++) {
        const struct option_row *row;
        buffer_format(out, "    %s)\n        _arguments", commands[i]->name);
        for (size_t k = 0; (row = option_at(commands[i]->sets, commands[i]->options, k)); k++)
            zsh_option(row, out);
        buffer_text(out, " \\\n            '*:argument:");
        if (strcmp(commands[i]->name, "help") == 0) {
            buffer_char(out, '(');
            topics_append(out);
            buffer_char(out, ' ');
            commands_append(commands, out);
            buffer_char(out, ')');
        } else {
            buffer_text(out, "_files");
        }
        buffer_text(out, "' ;;\n");
    }
    buffer_text(out,
                "    esac\n"
                "}\n"
                "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _assay \"$@\"; else compdef _assay assay; fi\n");
}

/* --- fish --- */

static void fish_option(const char *command, const struct option_row *row, struct buffer *out)
{
    static const char *const takes[] = {" -x", " -x", " -r -F", " -x -a '(__fish_complete_directories)'"};
    buffer_format(out, "complete -c assay -n '__fish_seen_subcommand_from %s' -l %s", command, row->name);
    if (row->letter)
        buffer_format(out, " -s %c", row->letter);
    if (row->value)
        buffer_text(out, takes[completes(row)]);
    if (completes(row) == COMPLETES_WORDS) {
        buffer_text(out, " -a '");
        words_append(out, row->value);
        buffer_char(out, '\'');
    }
    buffer_text(out, " -d '");
    quoted_append(out, row->help, "'\\", true);
    buffer_text(out, "'\n");
}

static void fish_write(const struct command *const *commands, struct buffer *out)
{
    buffer_text(out, "# fish completion of assay, made by assay help --completion fish\n");
    for (size_t i = 0; commands[i]; i++) {
        const struct option_row *row;
        buffer_format(out, "complete -c assay -f -n __fish_use_subcommand -a %s -d '", commands[i]->name);
        quoted_append(out, commands[i]->does, "'\\", true);
        buffer_text(out, "'\n");
        for (size_t k = 0; (row = option_at(commands[i]->sets, commands[i]->options, k)); k++)
            fish_option(commands[i]->name, row, out);
    }
    buffer_text(out, "complete -c assay -f -n '__fish_seen_subcommand_from help' -a '");
    topics_append(out);
    buffer_char(out, ' ');
    commands_append(commands, out);
    buffer_text(out, "'\n");
}

void completion_write(enum shell shell, const struct command *const *commands, struct buffer *out)
{
    static void (*const writers[])(const struct command *const *, struct buffer *) = {
        [SHELL_BASH] = bash_write, [SHELL_ZSH] = zsh_write, [SHELL_FISH] = fish_write};
    writers[shell](commands, out);
}
