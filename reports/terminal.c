/* The report on a terminal: at most WIDTH columns. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "reports/answer.h"
#include "reports/ascii_map.h"
#include "reports/marked.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define WIDTH 100
#define PLACES_SHOWN 5
#define NAME_SHOWN 39 /* characters, and an ellipsis */
#define MESSAGE_SHOWN 1000
#define REASONS_SHOWN 2

struct terminal {
    struct buffer *out;
    bool colour;
};

static const char *const verdict_colours[] = {[VERDICT_PASS] = "\033[32m",
                                              [VERDICT_WARN] = "\033[33m",
                                              [VERDICT_FAIL] = "\033[31m",
                                              [VERDICT_SKIP] = "\033[2m",
                                              [VERDICT_ERROR] = "\033[31m"};

static void style(const struct terminal *terminal, const char *code)
{
    if (terminal->colour)
        buffer_text(terminal->out, code);
}

static void styled(const struct terminal *terminal, const char *code, const char *text)
{
    style(terminal, code);
    buffer_text(terminal->out, text);
    style(terminal, "\033[0m");
}

/* Bytes of the longest piece of `text` that fits `room` columns: up to a space where there is one, else within a word.
 */
static size_t line_break(const char *text, size_t size, size_t room)
{
    size_t columns = 0, space = 0, at = 0;
    while (at < size) {
        uint32_t code;
        size_t length = text_decode(text + at, size - at, &code);
        columns += (size_t)text_columns(code);
        if (code == ' ')
            space = at;
        else if (columns > room)
            return space ? space : at ? at : length;
        at += length;
    }
    return size;
}

/* Writes clean text that begins at column `column`, in lines that are indented by `indent`, and ends the line. A line
 * that begins with ::, behind blanks too, is a command to GitHub's runner: such a one gets a sign in front. */
static void wrap(const struct terminal *terminal, size_t column, size_t indent, const char *text)
{
    size_t size = strlen(text);
    while (size) {
        size_t length = line_break(text, size, WIDTH - column);
        if (column == indent && text_begins_with(text + strspn(text, " "), "::"))
            buffer_char(terminal->out, '\\');
        buffer_append(terminal->out, text, length);
        text += length;
        size -= length;
        while (size && *text == ' ') {
            text++;
            size--;
        }
        if (size)
            buffer_format(terminal->out, "\n%*s", (int)indent, "");
        column = indent;
    }
    buffer_char(terminal->out, '\n');
}

/* Writes what `line` holds with wrap, and empties it. */
static void wrap_line(const struct terminal *terminal, size_t column, size_t indent, struct buffer *line)
{
    if (line->size)
        wrap(terminal, column, indent, line->data);
    else
        buffer_char(terminal->out, '\n');
    buffer_free(line);
}

static void verdict_word(const struct terminal *terminal, enum verdict verdict)
{
    styled(terminal, verdict_colours[verdict], verdict_name(verdict));
}

static void indented(const struct terminal *terminal, struct buffer *line)
{
    buffer_text(terminal->out, "      ");
    wrap_line(terminal, 6, 6, line);
}

/* "Same most likely token: 0 % of positions; modules to blame: 36 of 387." */
static void numbers_line(const struct terminal *terminal, const struct answer *answer)
{
    struct buffer line = {0};
    for (size_t i = 0; i < answer->number_count; i++) {
        const char *name = answer->numbers[i].name;
        buffer_text(&line, i ? "; " : "");
        buffer_char(&line, i ? (char)tolower((unsigned char)*name) : *name);
        buffer_format(&line, "%s: %s", name + 1, answer->numbers[i].value.data);
        if (answer->numbers[i].right)
            buffer_format(&line, " (right is %s)", answer->numbers[i].right);
    }
    if (!line.size)
        return;
    buffer_char(&line, '.');
    indented(terminal, &line);
}

/* What the configuration says and should say; and the steps: commands whole, on lines of their own, to be copied. */
static void steps(const struct terminal *terminal, const struct answer *answer)
{
    for (size_t i = 0; i < answer->setting_count; i++) {
        struct buffer line = {0};
        const struct answer_setting *setting = &answer->settings[i];
        text_append_short(&line, TEXT_PLAIN, setting->key, 80);
        buffer_text(&line, " is ");
        text_append_short(&line, TEXT_PLAIN, setting->now, 80);
        buffer_text(&line, " and should be ");
        text_append_short(&line, TEXT_PLAIN, setting->should_be, 80);
        buffer_char(&line, '.');
        indented(terminal, &line);
    }
    for (size_t i = 0; i < answer->step_count; i++) {
        struct buffer line = {0};
        const struct answer_step *step = &answer->steps[i];
        if (step->command) {
            text_append(&line, TEXT_PLAIN, step->command);
            buffer_format(terminal->out, "      %s:\n        %s\n", step->does, line.data ? line.data : "");
            buffer_free(&line);
        } else {
            text_append_short(&line, TEXT_PLAIN, step->does, MESSAGE_SHOWN);
            indented(terminal, &line);
        }
    }
}

static void banner(const struct terminal *terminal, const struct outline *outline, const struct answer *answer)
{
    static const char *const words[] = {[VERDICT_PASS] = "PASS",
                                        [VERDICT_WARN] = "WARN",
                                        [VERDICT_FAIL] = "FAIL",
                                        [VERDICT_SKIP] = "SKIP",
                                        [VERDICT_ERROR] = "ERROR"};
    const struct report *report = outline->report;
    struct buffer line = {0};
    style(terminal, "\033[1m");
    styled(terminal, verdict_colours[report->verdict], words[report->verdict]);
    buffer_text(terminal->out, "  ");
    text_append_short(&line, TEXT_PLAIN, answer->headline.data, MESSAGE_SHOWN);
    wrap_line(terminal, 6, 6, &line);
    if (report->departures) {
        buffer_text(&line, "This is an experiment: the model was opened with ");
        text_append_short(&line, TEXT_PLAIN, report->departures, 300);
        buffer_text(&line, ", and all of this is true of that, not of its files, which are as they were.");
        indented(terminal, &line);
    }
    if (answer->rest.size) {
        text_append_short(&line, TEXT_PLAIN, answer->rest.data, MESSAGE_SHOWN);
        indented(terminal, &line);
    }
    if (answer->tensor) {
        buffer_text(&line, "File: ");
        text_append_short(&line, TEXT_PLAIN, answer->file.data, 300);
        buffer_text(&line, " holds ");
        text_append_short(&line, TEXT_PLAIN, answer->tensor, 200);
        buffer_char(&line, '.');
        indented(terminal, &line);
    }
    if (answer->severity.size) {
        buffer_text(&line, "Severity: ");
        text_append_short(&line, TEXT_PLAIN, answer->severity.data, MESSAGE_SHOWN);
        buffer_format(&line, ".%s%s", answer->use ? " " : "", answer->use ? answer->use : "");
        indented(terminal, &line);
    }
    numbers_line(terminal, answer);
    steps(terminal, answer);
    text_append_short(&line, TEXT_PLAIN, report->command, 40);
    buffer_char(&line, ' ');
    text_append_short(&line, TEXT_PLAIN, report->subject.path, 300);
    if (report->subject.summary) {
        buffer_text(&line, ": ");
        text_append_short(&line, TEXT_PLAIN, report->subject.summary, 300);
    }
    indented(terminal, &line);
}

/* What is wrong with a text, and the text around the place where it goes wrong. */
static void text_lines(const struct terminal *terminal, const struct outline *outline, const struct finding *finding)
{
    struct buffer line = {0};
    buffer_text(terminal->out, "        ");
    reasons_append(&line, TEXT_PLAIN, outline, finding, REASONS_SHOWN);
    wrap_line(terminal, 8, 10, &line);
    if (!finding->marked || !finding->marked->size)
        return;
    buffer_text(terminal->out, "        ");
    excerpt_append(&line, TEXT_PLAIN, finding->marked);
    wrap_line(terminal, 8, 10, &line);
}

/* What is graded is a sentence of its own: "proved: ...". */
static bool graded(const struct terminal *terminal, const struct finding *finding)
{
    const char *grade = finding_fact_named(finding, "grade");
    struct buffer line = {0};
    if (!grade)
        return false;
    buffer_text(terminal->out, "    - ");
    text_append_short(&line, TEXT_PLAIN, grade, 40);
    buffer_text(&line, ": ");
    text_append_short(&line, TEXT_PLAIN, finding->message, MESSAGE_SHOWN);
    wrap_line(terminal, 6, 8, &line);
    return true;
}

/* A place: where it is, and what was measured; of a text, why it fails. */
static void place(const struct terminal *terminal, const struct outline *outline, const struct finding *finding)
{
    struct buffer line = {0};
    if (graded(terminal, finding))
        return;
    buffer_text(terminal->out, "    - ");
    place_append(&line, TEXT_PLAIN, finding);
    if (finding->has_measured) {
        buffer_text(&line, line.size ? ": " : "");
        measured_append(&line, TEXT_PLAIN, finding);
        if (finding->has_limit) {
            buffer_text(&line, " (limit ");
            limit_append(&line, finding);
            buffer_char(&line, ')');
        }
    }
    if (line.size == 0)
        text_append_short(&line, TEXT_PLAIN, finding->message, MESSAGE_SHOWN);
    wrap_line(terminal, 6, 8, &line);
    if (place_is_text(finding))
        text_lines(terminal, outline, finding);
}

/* What a reader may run: "repeat: assay check ...". Whole, on a line of its own, to be copied. */
static void commands(const struct terminal *terminal, const struct finding *finding)
{
    for (size_t i = 0; i < finding->fact_count; i++) {
        const struct fact *fact = &finding->facts[i];
        const char *does = fact_command(fact);
        struct buffer line = {0};
        if (!does)
            continue;
        buffer_format(terminal->out, "    %s: ", does);
        text_append(&line, TEXT_PLAIN, fact->text);
        buffer_format(terminal->out, "%s\n", line.data ? line.data : "");
        buffer_free(&line);
    }
}

static void wrong(const struct terminal *terminal, const struct outline *outline, const struct outline_check *check)
{
    const struct finding *head = check->head;
    struct buffer line = {0};
    buffer_text(terminal->out, "  ");
    verdict_word(terminal, check->verdict);
    buffer_text(terminal->out, "  ");
    text_append_short(&line, TEXT_PLAIN, check->name, 80);
    if (head->has_measured) {
        buffer_text(&line, ": ");
        measured_append(&line, TEXT_PLAIN, head);
        if (head->has_limit) {
            buffer_text(&line, ", limit ");
            limit_append(&line, head);
        }
    }
    wrap_line(terminal, 8, 8, &line);
    if (head->message) {
        buffer_text(terminal->out, "    ");
        text_append_short(&line, TEXT_PLAIN, head->message, MESSAGE_SHOWN);
        wrap_line(terminal, 4, 4, &line);
    }
    commands(terminal, head);
    for (size_t i = 0; i < head->series_count; i++)
        if (map_is(&head->series[i]))
            map_append(terminal->out, &head->series[i]);
    size_t shown = check->place_count < PLACES_SHOWN ? check->place_count : PLACES_SHOWN;
    if (!check->place_count) {
        where_append(&line, TEXT_PLAIN, &head->where);
        if (line.size) {
            buffer_text(terminal->out, "    at ");
            wrap_line(terminal, 7, 8, &line);
        }
    }
    for (size_t i = 0; i < shown; i++)
        place(terminal, outline, check->places[i]);
    if (check->place_count > shown)
        buffer_format(terminal->out, "      and %zu more\n", check->place_count - shown);
}

static void wrong_list(const struct terminal *terminal, const struct outline *outline)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_WARN};
    if (!outline->counts[VERDICT_FAIL] && !outline->counts[VERDICT_WARN])
        return;
    buffer_char(terminal->out, '\n');
    styled(terminal, "\033[1m", "What is wrong, and where\n");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (const struct outline_check *check = NULL; (check = outline_next(outline, order[i], check));)
            wrong(terminal, outline, check);
}

/* Text cut and padded to `width` columns, to the left or to the right. */
static void cell(const struct terminal *terminal, struct buffer *text, size_t width, bool right)
{
    size_t size = text->size ? line_break(text->data, text->size, width) : 0;
    size_t columns = text->size ? text_width(text->data, size) : 0;
    int padding = columns < width ? (int)(width - columns) : 0;
    buffer_format(terminal->out, "%*s", right ? padding : 0, "");
    if (size)
        buffer_append(terminal->out, text->data, size);
    buffer_format(terminal->out, "%*s", right ? 0 : padding, "");
    buffer_free(text);
}

static void check_row(const struct terminal *terminal, const struct outline_check *check, size_t name_width)
{
    const struct finding *head = check->head;
    struct buffer text = {0};
    buffer_text(terminal->out, "  ");
    verdict_word(terminal, check->verdict);
    buffer_text(terminal->out, "  ");
    text_append_short(&text, TEXT_PLAIN, check->name, NAME_SHOWN);
    cell(terminal, &text, name_width, false);
    if (head->has_measured || head->has_limit) {
        buffer_text(terminal->out, "  ");
        if (head->has_measured)
            number_append(&text, head->measured);
        cell(terminal, &text, 9, true);
        buffer_text(terminal->out, "  ");
        if (head->has_limit) {
            buffer_text(&text, "limit ");
            limit_append(&text, head);
        }
        cell(terminal, &text, 15, false);
        buffer_text(terminal->out, "  ");
        unit_append(&text, TEXT_PLAIN, head);
        cell(terminal, &text, text.size ? WIDTH - 38 - name_width : 0, false);
    } else {
        buffer_text(terminal->out, "  ");
        text_append_short(&text, TEXT_PLAIN, head->message, MESSAGE_SHOWN);
        wrap_line(terminal, name_width + 10, name_width + 10, &text);
        return;
    }
    while (terminal->out->size && terminal->out->data[terminal->out->size - 1] == ' ')
        terminal->out->data[--terminal->out->size] = '\0';
    buffer_char(terminal->out, '\n');
}

static void summary_line(const struct terminal *terminal, const struct outline *outline)
{
    buffer_text(terminal->out, "  ");
    counts_append(terminal->out, outline->counts);
    if (isfinite(outline->report->duration_s) && outline->report->duration_s > 0)
        buffer_format(terminal->out, " in %.1f s", outline->report->duration_s);
    buffer_text(terminal->out, ".");
}

/* Columns of the longest name of a check with one of the verdicts of which the bit is set. */
static size_t names_width(const struct outline *outline, unsigned verdicts)
{
    size_t width = 12;
    for (size_t i = 0; i < outline->count; i++) {
        struct buffer name = {0};
        if (!(verdicts >> outline->checks[i].verdict & 1))
            continue;
        text_append_short(&name, TEXT_PLAIN, outline->checks[i].name, NAME_SHOWN);
        size_t columns = name.size ? text_width(name.data, name.size) : 0;
        width = columns > width ? columns : width;
        buffer_free(&name);
    }
    return width;
}

/* "Time: pass 1.2 s, inventory 0.3 s": what took a twentieth of a second or more. */
static void times_line(const struct terminal *terminal, const struct times *times)
{
    struct buffer line = {0};
    for (size_t i = 0; i < times->count; i++)
        if (times->rows[i].seconds >= 0.05) {
            buffer_text(&line, line.size ? ", " : "Time: ");
            text_append_short(&line, TEXT_PLAIN, times->rows[i].name, 32);
            buffer_format(&line, " %.1f s", times->rows[i].seconds);
        }
    if (!line.size)
        return;
    buffer_text(&line, ".");
    buffer_text(terminal->out, "  ");
    wrap_line(terminal, 2, 2, &line);
}

static void check_list(const struct terminal *terminal, const struct outline *outline)
{
    size_t width = names_width(outline, ~0u);
    buffer_char(terminal->out, '\n');
    styled(terminal, "\033[1m", "Checks\n");
    for (size_t i = 0; i < outline->count; i++)
        check_row(terminal, &outline->checks[i], width);
    summary_line(terminal, outline);
    buffer_char(terminal->out, '\n');
}

/* A check that failed or warned, in one line. */
static void wrong_row(const struct terminal *terminal, const struct outline_check *check, size_t name_width)
{
    struct buffer text = {0};
    buffer_text(terminal->out, "  ");
    verdict_word(terminal, check->verdict);
    buffer_text(terminal->out, "  ");
    text_append_short(&text, TEXT_PLAIN, check->name, NAME_SHOWN);
    cell(terminal, &text, name_width, false);
    buffer_text(terminal->out, "  ");
    text_append_short(&text, TEXT_PLAIN, check->head->message, WIDTH - 11 - name_width);
    buffer_append(terminal->out, text.data, text.size ? line_break(text.data, text.size, WIDTH - 10 - name_width) : 0);
    buffer_char(terminal->out, '\n');
    buffer_free(&text);
}

/* What failed, a check a row. */
static void brief(const struct terminal *terminal, const struct outline *outline)
{
    static const enum verdict order[] = {VERDICT_FAIL, VERDICT_WARN};
    size_t wrong = outline->counts[VERDICT_FAIL] + outline->counts[VERDICT_WARN];
    size_t width = names_width(outline, 1u << VERDICT_FAIL | 1u << VERDICT_WARN);
    if (wrong)
        buffer_char(terminal->out, '\n');
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (const struct outline_check *check = NULL; (check = outline_next(outline, order[i], check));)
            wrong_row(terminal, check, width);
    buffer_text(terminal->out, "\n");
    summary_line(terminal, outline);
    buffer_text(terminal->out,
                wrong ? " --verbose lists every check, and where it fails.\n" : " --verbose lists every check.\n");
}

bool terminal_build(const struct outline *outline, bool colour, bool verbose, struct buffer *out, struct error *error)
{
    struct terminal terminal = {out, colour};
    struct answer answer;
    answer_build(outline, &answer);
    banner(&terminal, outline, &answer);
    if (verbose) {
        wrong_list(&terminal, outline);
        check_list(&terminal, outline);
        times_line(&terminal, &outline->report->times);
    } else {
        brief(&terminal, outline);
    }
    answer_free(&answer);
    return !out->failed || error_memory(error, "the report");
}
