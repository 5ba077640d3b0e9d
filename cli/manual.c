#include "cli/manual.h"

#include <ctype.h>
#include <string.h>

#include "cli/help_topics.h"

/* The text, [size], as roff shows it: nothing in it is a request or an escape. */
static void roff_append(struct buffer *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool begins = i == 0 || text[i - 1] == '\n';
        if (begins && (text[i] == '.' || text[i] == '\''))
            buffer_text(out, "\\&");
        if (text[i] == '\\')
            buffer_text(out, "\\e");
        else if (text[i] == '-')
            buffer_text(out, "\\-");
        else if (text[i] == '\'')
            buffer_text(out, "\\(aq");
        else
            buffer_char(out, text[i]);
    }
}

static void roff_text(struct buffer *out, const char *text)
{
    roff_append(out, text, strlen(text));
}

/* ".TP" of a name in bold, with what it is below. */
static void entry_append(struct buffer *out, const char *name, const char *does)
{
    buffer_text(out, ".TP\n\\fB");
    roff_text(out, name);
    buffer_text(out, "\\fR\n");
    roff_text(out, does);
    buffer_char(out, '\n');
}

static void option_append(struct buffer *out, const struct option_row *row)
{
    buffer_text(out, ".TP\n");
    if (row->letter)
        buffer_format(out, "\\fB\\-%c\\fR, ", row->letter);
    buffer_text(out, "\\fB\\-\\-");
    roff_text(out, row->name);
    buffer_text(out, "\\fR");
    if (row->value) {
        buffer_text(out, "=\\fI");
        roff_text(out, row->value);
        buffer_text(out, "\\fR");
    }
    buffer_char(out, '\n');
    roff_text(out, row->help);
    buffer_char(out, '\n');
}

static void options_append(struct buffer *out, const struct command *command)
{
    static const struct {
        enum option_group group;
        const char *heading;
    } groups[] = {{GROUP_WORK, "What to do"}, {GROUP_MODEL, "The model"}, {GROUP_TALK, "Output"}, {GROUP_HELP, "Help"}};
    const struct option_row *row;
    buffer_text(out, ".SH OPTIONS\n");
    for (size_t group = 0; group < sizeof groups / sizeof *groups; group++) {
        bool told = false;
        for (size_t i = 0; (row = option_at(command->sets, command->options, i)); i++) {
            if (row->group != groups[group].group)
                continue;
            if (!told)
                buffer_format(out, ".SS %s\n", groups[group].heading);
            told = true;
            option_append(out, row);
        }
    }
}

/* `name`: NULL, of assay as a whole. */
static void title_append(struct buffer *out, const char *name, const char *does)
{
    buffer_text(out, name ? ".TH ASSAY\\-" : ".TH ASSAY");
    for (size_t i = 0; name && name[i]; i++)
        buffer_char(out, (char)toupper((unsigned char)name[i]));
    buffer_format(out, " 1 \"\" \"assay %s\" \"assay\"\n.SH NAME\nassay%s%s \\- ", ASSAY_VERSION, name ? "\\-" : "",
                  name ? name : "");
    roff_text(out, does);
    buffer_char(out, '\n');
}

static void ending_append(struct buffer *out, const char *name, const struct command *const *commands)
{
    buffer_text(out, ".SH EXIT STATUS\n");
    entry_append(out, "0", "Verdict pass, or done.");
    entry_append(out, "1", "Verdict fail (see assay help report for what else can be made to end so).");
    entry_append(out, "2", "Misuse of the command line.");
    entry_append(out, "3", "Could not be run: unreadable, malformed, or out of memory.");
    buffer_text(out, ".SH SEE ALSO\n");
    if (name)
        buffer_text(out, ".BR assay (1)");
    for (size_t i = 0; commands[i]; i++)
        if (!name || strcmp(commands[i]->name, name) != 0)
            buffer_format(out, "%s.BR assay\\-%s (1)", name || i ? ",\n" : "", commands[i]->name);
    buffer_char(out, '\n');
}

static void whole_append(const struct command *const *commands, struct buffer *out)
{
    const struct help_topic *topic;
    title_append(out, NULL, "prove an extracted language model against gold, and name what broke");
    buffer_text(out, ".SH SYNOPSIS\n\\fBassay\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
                     ".SH DESCRIPTION\n");
    roff_text(out, "Runs the weights of a model in its own engine and compares every activation of every layer, the "
                   "logits and the text with dumps that the original implementation made. It tells where the model "
                   "first differs from the original, which modules are to blame, and what puts it right.\n");
    buffer_text(out, ".SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++)
        entry_append(out, commands[i]->name, commands[i]->does);
    buffer_text(out, ".SH TOPICS\nPrinted by \\fBassay help\\fR \\fITOPIC\\fR.\n");
    for (size_t i = 0; (topic = help_topic_at(i)); i++)
        entry_append(out, topic->name, topic->does);
    ending_append(out, NULL, commands);
}

void manual_write(const struct command *command, const struct command *const *commands, struct buffer *out)
{
    struct buffer more = {0};
    if (!command) {
        whole_append(commands, out);
        return;
    }
    const char *name = command->program ? command->program + sizeof "assay-" - 1 : command->name;
    title_append(out, name, command->does);
    buffer_format(out, ".SH SYNOPSIS\n\\fBassay%s%s\\fR [\\fIOPTION\\fR...] ", command->program ? "\\-" : " ", name);
    roff_text(out, command->args);
    buffer_text(out, "\n.SH DESCRIPTION\n");
    roff_text(out, command->doc);
    buffer_char(out, '\n');
    if (command->explain)
        command->explain(&more);
    if (more.data) {
        buffer_text(out, ".PP\n.nf\n");
        roff_append(out, more.data, more.size);
        buffer_text(out, more.data[more.size - 1] == '\n' ? ".fi\n" : "\n.fi\n");
    }
    out->failed = more.failed || out->failed;
    buffer_free(&more);
    options_append(out, command);
    ending_append(out, name, commands);
}
