#include "reports/answer.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/wording.h"
#include "reports/marked.h"
#include "reports/text.h"

/* A count, whole: "1,622". */
static void count_append(struct buffer *out, double count)
{
    if (count >= 1000 && count < 1e9 && count == floor(count))
        grouped_append(out, (unsigned long)count);
    else
        number_append(out, count);
}

static void of_append(struct buffer *out, double part, double whole)
{
    count_append(out, part);
    if (!isnan(whole)) {
        buffer_text(out, " of ");
        count_append(out, whole);
    }
}

/* The first summary of the check that measured something; NULL: none did. */
static const struct finding *summary_of(const struct outline *outline, const char *check)
{
    for (size_t i = 0; i < outline->count; i++) {
        const struct finding *head = outline->checks[i].head;
        if (head->summary && head->has_measured && head->verdict != VERDICT_SKIP && strcmp(head->check, check) == 0)
            return head;
    }
    return NULL;
}

static void perplexity(const struct outline *outline, struct buffer *out)
{
    double ratio = outline->report->severity.perplexity;
    if (isnan(ratio))
        return;
    if (fabs(ratio - 1) < 0.01)
        buffer_format(out, "%.4f", ratio);
    else
        digits_append(out, ratio);
}

static void divergence(const struct outline *outline, struct buffer *out)
{
    if (isnan(outline->report->severity.nats))
        return;
    digits_append(out, outline->report->severity.nats);
    buffer_text(out, " nats a token");
}

static void same_token(const struct outline *outline, struct buffer *out)
{
    const struct finding *finding = summary_of(outline, "logits.kl");
    double positions = finding ? finding_fact_number(finding, "positions") : NAN;
    if (isnan(outline->report->severity.top1))
        return;
    double share = 100 * (1 - outline->report->severity.top1);
    if (share < 100 && share >= 99.5) /* never rounded up to all of them */
        buffer_format(out, "%.4f", floor(share * 1e4) / 1e4);
    else
        digits_append(out, share);
    buffer_text(out, " % of ");
    if (positions > 0) {
        count_append(out, positions);
        buffer_char(out, ' ');
    }
    buffer_text(out, "positions");
}

static void blamed(const struct outline *outline, struct buffer *out)
{
    const struct finding *finding = summary_of(outline, "layers.isolated");
    double bad = finding ? finding_fact_number(finding, "bad") : NAN;
    if (!isnan(bad))
        of_append(out, bad, finding_fact_number(finding, "compared"));
}

static void absent(const struct outline *outline, struct buffer *out)
{
    const struct finding *finding = summary_of(outline, "inventory.absent");
    if (finding)
        of_append(out, finding->measured, finding_fact_number(finding, "expected"));
}

/* Of whatever looks at values: no tensor is counted twice by one check, but may be by two. */
static void unsound(const struct outline *outline, struct buffer *out)
{
    double most = NAN;
    for (size_t i = 0; i < outline->count; i++) {
        const struct finding *head = outline->checks[i].head;
        if (head->summary && head->has_measured && head->verdict != VERDICT_SKIP &&
            text_begins_with(head->check, "weights.") && head->unit && strcmp(head->unit, "tensors") == 0)
            most = fmax(most, head->measured);
    }
    if (!isnan(most))
        count_append(out, most);
}

static void faulty_texts(const struct outline *outline, struct buffer *out)
{
    const struct finding *finding = summary_of(outline, "text.verdict");
    if (finding)
        of_append(out, finding->measured, finding_fact_number(finding, "texts"));
}

static void text_perplexity(const struct outline *outline, struct buffer *out)
{
    const struct finding *finding = summary_of(outline, "perplexity.text");
    double value = finding ? finding_fact_number(finding, "perplexity") : NAN;
    if (!isnan(value))
        digits_append(out, value);
}

static void continuations(const struct outline *outline, struct buffer *out)
{
    const struct finding *finding = summary_of(outline, "greedy");
    double count = finding ? finding_fact_number(finding, "continuations") : NAN;
    if (!isnan(count))
        of_append(out, finding->measured, count);
}

/* The first that are known are told, and always the one that decided how bad it is: what it does to answers, then
 * where, then what files show. */
static const struct {
    const char *rule; /* name of the number of the severity; NULL: it is none */
    const char *name, *right;
    void (*append)(const struct outline *outline, struct buffer *out); /* nothing where it is not known */
} number_rows[] = {
    {"top1", "Same most likely token", "100 %", same_token},
    {"nats", "Distance from gold (KL)", "0", divergence},
    {"perplexity_ratio", "Perplexity ratio", "1", perplexity},
    {NULL, "Modules that come out wrong", NULL, blamed},
    {NULL, "Tensors absent", NULL, absent},
    {"continuations", "Continuations that differ", NULL, continuations},
    {"texts", "Texts at fault", NULL, faulty_texts},
    {NULL, "Perplexity of the text", NULL, text_perplexity},
    {NULL, "Tensors with odd values", NULL, unsound},
};
#define NUMBER_ROWS (sizeof number_rows / sizeof *number_rows)

static void numbers_build(const struct outline *outline, struct answer *answer)
{
    const char *decided = outline->report->severity.rule;
    struct buffer values[NUMBER_ROWS] = {0};
    size_t first = NUMBER_ROWS, room = ANSWER_NUMBERS;
    for (size_t i = 0; i < NUMBER_ROWS; i++) {
        number_rows[i].append(outline, &values[i]);
        if (values[i].size && decided && number_rows[i].rule && strcmp(decided, number_rows[i].rule) == 0)
            first = i;
    }
    room -= first < NUMBER_ROWS;
    for (size_t i = 0; i < NUMBER_ROWS; i++) {
        if (!values[i].size || (i != first && !room)) {
            buffer_free(&values[i]);
            continue;
        }
        room -= i != first;
        answer->numbers[answer->number_count++] =
            (struct answer_number){number_rows[i].name, number_rows[i].right, i == first, values[i]};
    }
}

/* What a reader does next comes before what shows that it is true. The first row that fits a command names it. */
static const struct {
    const char *kind;
    const char *holds; /* the command does; "": any */
    bool partly;       /* only where the finding says that more is left than is harmless */
    const char *does;
} step_rows[] = {
    {"repair", " ORIGINAL", false, "Repair all of it in place from the original (put its path in place of ORIGINAL)"},
    {"repair", "assay extract ", true, "Write a copy with what is known repaired, which does not mend all of it"},
    {"repair", "assay extract ", false, "Write a repaired copy"},
    {"repair", "", true, "Repair in place what gold determines, which does not mend all of it"},
    {"repair", "", false, "Repair it in place"},
    {"confirm", " ORIGINAL", false,
     "Compare it with the original, which shows which tensor differs (put its path in place of ORIGINAL)"},
    {"confirm", "", false, "Try it without changing a file"},
    {"recheck", "", false, "Then check it again"},
    {"repeat", "", false, "Repeat the experiment"},
};

static const char *step_does(const struct finding *finding, const char *kind, const char *command)
{
    bool partly = finding_fact_number(finding, "nats_left") > limit_default(LIMIT_HARMLESS_NATS);
    for (size_t i = 0; i < sizeof step_rows / sizeof *step_rows; i++)
        if (strcmp(step_rows[i].kind, kind) == 0 && strstr(command, step_rows[i].holds) &&
            (partly || !step_rows[i].partly))
            return step_rows[i].does;
    return kind;
}

bool answer_tells(const struct answer *answer, const char *command)
{
    for (size_t i = 0; i < answer->step_count; i++)
        if (answer->steps[i].command && strcmp(answer->steps[i].command, command) == 0)
            return true;
    return false;
}

/* The commands of that kind that checks that failed name, each once, and `most` of them. */
static void steps_of(const struct outline *outline, struct answer *answer, const char *kind, size_t most)
{
    const struct outline_check *check = NULL;
    size_t end = answer->step_count + most < ANSWER_STEPS ? answer->step_count + most : ANSWER_STEPS;
    while ((check = outline_next(outline, VERDICT_FAIL, check)))
        for (size_t i = 0; i < check->head->fact_count && answer->step_count < end; i++) {
            const struct fact *fact = &check->head->facts[i];
            const char *command = fact_command(fact);
            if (command && strcmp(command, kind) == 0 && !answer_tells(answer, fact->text))
                answer->steps[answer->step_count++] =
                    (struct answer_step){step_does(check->head, kind, fact->text), fact->text};
        }
}

/* What no command does. */
static void steps_by_hand(const struct outline *outline, struct answer *answer)
{
    const struct outline_check *check = NULL;
    while ((check = outline_next(outline, VERDICT_FAIL, check)) && answer->step_count < ANSWER_STEPS) {
        const char *does = finding_fact_named(check->head, "by_hand");
        if (does)
            answer->steps[answer->step_count++] = (struct answer_step){does, NULL};
    }
}

/* What stands for something of the user's is that, as far as the report knows it. */
static void advice_append(struct buffer *out, const struct report *report, const char *remedy)
{
    const char *format = report->subject.format ? report->subject.format : "";
    bool dump = strcmp(format, "dump") == 0, model = report->subject.model_type && *format;
    const struct {
        const char *stands, *path;
    } rows[] = {{"diagnose MODEL", dump ? "diagnose --dump " : NULL},
                {"MODEL", model ? report->subject.path : NULL},
                {"EXTRACTION", strcmp(format, "extraction") == 0 ? report->subject.path : NULL},
                {"GOLD", report->gold_count == 1 ? report->golds[0].path : NULL}};
    for (const char *at = remedy; *at;) {
        size_t row = 0, rows_count = sizeof rows / sizeof *rows;
        while (row < rows_count && (!rows[row].path || strncmp(at, rows[row].stands, strlen(rows[row].stands)) != 0))
            row++;
        if (row == 0) {
            buffer_text(out, rows[row].path);
            shell_word(out, report->subject.path ? report->subject.path : "DUMP");
            buffer_text(out, " --model WEIGHTS");
            at += strlen(rows[row].stands);
        } else if (row < rows_count) {
            shell_word(out, rows[row].path);
            at += strlen(rows[row].stands);
        } else {
            buffer_char(out, *at++);
        }
    }
}

static void settings_build(struct answer *answer)
{
    static const char now[] = "now.", right[] = "should_be.";
    const struct finding *leads = answer->leads;
    for (size_t i = 0; leads && i < leads->fact_count && answer->setting_count < ANSWER_SETTINGS; i++) {
        const char *key = leads->facts[i].name;
        struct buffer name = {0};
        if (!text_begins_with(key, now) || !leads->facts[i].text)
            continue;
        key += sizeof now - 1;
        buffer_format(&name, "%s%s", right, key);
        const char *should_be = name.data ? finding_fact_named(leads, name.data) : NULL;
        if (should_be)
            answer->settings[answer->setting_count++] = (struct answer_setting){key, leads->facts[i].text, should_be};
        buffer_free(&name);
    }
}

/* Of the first place that is in a file: below the subject's folder. */
static void file_build(const struct outline *outline, struct answer *answer)
{
    const char *folder = outline->report->subject.path ? outline->report->subject.path : "";
    size_t length = strlen(folder);
    for (size_t i = 0; i < outline->count; i++)
        for (size_t k = 0; outline->checks[i].head == answer->leads && k < outline->checks[i].place_count; k++) {
            const struct where *where = &outline->checks[i].places[k]->where;
            const char *file = where->file;
            if (!file || !*file || !where->tensor || answer->tensor)
                continue;
            if (length && text_begins_with(file, folder) && (folder[length - 1] == '/' || file[length] == '/'))
                file += length + (folder[length - 1] != '/');
            answer->tensor = where->tensor;
            buffer_text(&answer->file, file);
        }
}

static void steps_build(const struct outline *outline, struct answer *answer)
{
    steps_by_hand(outline, answer);
    steps_of(outline, answer, "repair", ANSWER_STEPS - 1);
    if (answer->step_count)
        steps_of(outline, answer, "recheck", 1);
    steps_of(outline, answer, "confirm", ANSWER_STEPS);
    if (!answer->step_count)
        steps_of(outline, answer, "repeat", ANSWER_STEPS);
    if (answer->step_count || !answer->leads)
        return;
    const char *remedy = check_words(answer->leads->check)->remedy;
    if (remedy)
        advice_append(&answer->advice, outline->report, remedy);
    if (answer->advice.data)
        answer->steps[answer->step_count++] = (struct answer_step){answer->advice.data, NULL};
}

/* Length of the first sentence: up to a full stop in front of another one. */
static size_t first_sentence(const char *text)
{
    for (const char *at = text; (at = strstr(at, ". ")); at += 2) {
        unsigned char next = (unsigned char)at[2];
        if (isupper(next) || isdigit(next) || next == '\'' || next >= 0x80)
            return (size_t)(at - text) + 1;
    }
    return strlen(text);
}

/* How the numbers of a severity are told, each times `scale`. */
static const struct {
    const char *name, *before, *after, *unit;
    double scale;
    const char *broken_is;
} rule_rows[] = {
    {"nats", "divergence ", " nats a token", "", 1, "above"},
    {"top1", "another most likely token at ", " % of positions", " %", 100, "above"},
    {"perplexity_ratio", "perplexity ", " times gold's", " times", 1, "above"},
    {"continuations", "", " % of gold's continuations differ", " %", 100, "above"},
    {"texts", "", " % of texts at fault", " %", 100, "at least"},
};

/* The number that decided, beside the bounds that it is or is not within. */
static void rule_append(const struct severity_facts *known, struct buffer *out)
{
    struct severity_facts facts = *known;
    struct severity_place places[SEVERITY_NUMBERS];
    severity_places(&facts, places);
    size_t row = 0;
    while (row < SEVERITY_NUMBERS && strcmp(rule_rows[row].name, facts.rule) != 0)
        row++;
    if (row == SEVERITY_NUMBERS)
        return;
    double value = *places[row].number, scale = rule_rows[row].scale;
    double harmless = facts.bounds.harmless, broken = facts.bounds.broken;
    bool below = row == SEVERITY_PERPLEXITY && value < 1;
    buffer_text(out, rule_rows[row].before);
    digits_append(out, scale * value);
    buffer_text(out, rule_rows[row].after);
    if (facts.level != SEVERITY_BROKEN && !isnan(harmless)) {
        buffer_text(out, below          ? ", harmless is down to "
                         : harmless > 0 ? ", harmless is up to "
                                        : ", harmless is none");
        if (harmless > 0) {
            digits_append(out, below ? 1 / harmless : scale * harmless);
            buffer_text(out, rule_rows[row].unit);
        }
    }
    if (facts.level != SEVERITY_HARMLESS && !isnan(broken) && !below) {
        buffer_format(out, ", broken is %s ", rule_rows[row].broken_is);
        digits_append(out, scale * broken);
        buffer_text(out, rule_rows[row].unit);
    }
    buffer_text(out, "; ");
}

static void severity_build(const struct report *report, struct buffer *out)
{
    const struct severity_facts *facts = &report->severity;
    if (!severity_tells(facts, report->verdict))
        return;
    buffer_format(out, "%s: ", severity_name(facts->level));
    if (facts->rule)
        rule_append(facts, out);
    buffer_text(out, facts->why ? facts->why : "");
}

/* What the numbers come to for whoever has to decide: may it be used? */
static const struct {
    enum severity level;
    bool fails;    /* else it passes, or only warns */
    bool compared; /* with gold */
    const char *says;
} use_rows[] = {
    {SEVERITY_IDENTICAL, false, true, "It can be used: nothing that was compared differs from the original."},
    {SEVERITY_IDENTICAL, true, true,
     "Its answers are gold's; what failed is something else, to be settled before it is shipped as a copy."},
    {SEVERITY_HARMLESS, false, true, "It can be used: no answer changes."},
    {SEVERITY_HARMLESS, true, true,
     "It fails as an exact copy, and no answer changes: it can be used if rounding was meant (--suite quantised judges "
     "it "
     "so), and is not to be shipped as a copy before it is known what differs."},
    {SEVERITY_DEGRADED, false, true,
     "Some answers change: whether that is good enough is yours to say (--fail-on degraded makes it a failure)."},
    {SEVERITY_DEGRADED, true, true, "Some answers change: do not ship it before the cause is mended."},
    {SEVERITY_DEGRADED, false, false, "Look at the texts before it is used."},
    {SEVERITY_DEGRADED, true, false, "Do not ship what wrote them before the cause is known."},
    {SEVERITY_BROKEN, false, true, "Do not use it."},
    {SEVERITY_BROKEN, true, true, "Do not use it."},
    {SEVERITY_BROKEN, false, false, "Do not use what wrote them."},
    {SEVERITY_BROKEN, true, false, "Do not use what wrote them."},
    {SEVERITY_UNKNOWN, true, false,
     "Do not ship it before its answers were compared with the original's: assay check MODEL --golden GOLD."},
};

static const char *use_of(const struct report *report)
{
    size_t row = 0, rows = sizeof use_rows / sizeof *use_rows;
    const struct severity_facts *facts = &report->severity;
    bool compared = severity_compared(facts);
    if (report->departures || !severity_tells(facts, report->verdict))
        return NULL;
    while (row < rows && (use_rows[row].level != facts->level || use_rows[row].compared != compared ||
                          use_rows[row].fails != (report->verdict == VERDICT_FAIL)))
        row++;
    return row < rows ? use_rows[row].says : NULL;
}

/* What was proved: the reason of a pass says how many checks there were, and no more. */
static const char *passed_headline(const struct outline *outline)
{
    switch (outline->report->severity.level) {
    case SEVERITY_IDENTICAL:
        if (!summary_of(outline, "logits.kl") && !summary_of(outline, "layers.isolated"))
            return "All that was compared equals gold's, within the noise of the arithmetic.";
        return "The model computes what the original computes: it equals gold within the noise of the arithmetic.";
    case SEVERITY_HARMLESS:
        return "The model differs from gold measurably, and every decision is gold's.";
    case SEVERITY_DEGRADED:
        return "The model is within the limits of the suite; some of its answers differ from gold's.";
    default:
        return NULL;
    }
}

static void headline_build(const struct outline *outline, struct answer *answer)
{
    const struct report *report = outline->report;
    const char *reason = report->reason ? report->reason : "";
    bool of_report = report->subject.format && strcmp(report->subject.format, "report") == 0;
    const char *passed = report->verdict == VERDICT_PASS && !of_report ? passed_headline(outline) : NULL;
    size_t length = passed ? 0 : first_sentence(reason);
    if (passed)
        buffer_text(&answer->headline, passed);
    else
        buffer_append(&answer->headline, reason, length);
    reason += length;
    reason += *reason == ' ';
    buffer_text(&answer->rest, reason);
}

void answer_build(const struct outline *outline, struct answer *answer)
{
    const struct report *report = outline->report;
    *answer = (struct answer){.leads = report_leading(report)};
    bool told = severity_tells(&report->severity, report->verdict) && report->severity.level != SEVERITY_UNKNOWN;
    answer->word = told ? severity_name(report->severity.level) : verdict_name(report->verdict);
    headline_build(outline, answer);
    severity_build(report, &answer->severity);
    answer->use = use_of(report);
    numbers_build(outline, answer);
    settings_build(answer);
    file_build(outline, answer);
    steps_build(outline, answer);
}

void answer_free(struct answer *answer)
{
    buffer_free(&answer->headline);
    buffer_free(&answer->rest);
    buffer_free(&answer->severity);
    buffer_free(&answer->advice);
    buffer_free(&answer->file);
    for (size_t i = 0; i < ANSWER_NUMBERS; i++)
        buffer_free(&answer->numbers[i].value);
    *answer = (struct answer){0};
}
