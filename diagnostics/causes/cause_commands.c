#include "causes/cause_commands.h"

#include <stdio.h>
#include <string.h>

#include "base/wording.h"
#include "model/config_difference.h"

static void departures_text(const struct hypothesis *hypotheses, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        buffer_format(out, " %s ", departure_option(hypotheses[i].departure));
        shell_word(out, hypotheses[i].text);
    }
}

/* "assay check MODEL --golden GOLD" */
static void begin_text(const struct causes_request *request, const char *model, struct buffer *out)
{
    buffer_format(out, "assay %s ", request->gold ? "check" : "perplexity");
    shell_word(out, model);
    buffer_text(out, request->gold ? " --golden " : " --text ");
    shell_word(out, request->gold ? request->gold : request->text);
}

static void confirm_text(const struct causes_request *request, const struct hypothesis *hypotheses, size_t count,
                         struct buffer *out)
{
    if (!request->gold)
        return;
    begin_text(request, request->subject, out);
    buffer_text(out, request->options);
    departures_text(hypotheses, count, out);
}

static void repeat_text(const struct causes_request *request, const struct hypothesis *hypotheses, size_t count,
                        struct buffer *out)
{
    begin_text(request, request->subject, out);
    if (request->gold)
        buffer_format(out, " --only %s --no-diagnose",
                      count && hypotheses[0].departure == DEPARTURE_TEXT ? "tokens" : "layers,logits");
    else
        buffer_format(out, " --context %d --stride %d", READING_CONTEXT, READING_CONTEXT);
    buffer_text(out, request->options);
    departures_text(hypotheses, count, out);
}

/* Where the model is that was not mended in its place. */
static void copy_text(const struct causes_request *request, struct buffer *out)
{
    size_t length = strlen(request->subject);
    while (length > 1 && request->subject[length - 1] == '/')
        length--;
    buffer_format(out, "%.*s-repaired", (int)length, request->subject);
}

/* Only of weights: a configuration is mended by hand, as is an implementation. `checked` is the model that it leaves.
 */
static void repair_text(const struct causes_request *request, const struct hypothesis *hypotheses, size_t count,
                        struct buffer *out, struct buffer *checked)
{
    size_t weights = 0, solved = 0;
    for (size_t i = 0; i < count; i++) {
        weights += hypotheses[i].departure == DEPARTURE_FAULT;
        solved += hypothesis_solves(&hypotheses[i]) != NULL;
    }
    if (!weights || weights < count || request->departs)
        return;
    buffer_text(checked, request->subject);
    if (request->extraction && request->hunt.ground.means.original) {
        buffer_text(out, "assay repair ");
        shell_word(out, request->subject);
        buffer_text(out, " --source ");
        shell_word(out, request->hunt.ground.means.source);
    } else if (request->extraction && solved == count) {
        buffer_text(out, "assay repair ");
        shell_word(out, request->subject);
        buffer_text(out, " --golden ");
        shell_word(out, request->gold);
    } else {
        buffer_free(checked);
        copy_text(request, checked);
        buffer_text(out, "assay extract ");
        shell_word(out, request->subject);
        buffer_char(out, ' ');
        shell_word(out, checked->data ? checked->data : "repaired");
        buffer_text(out, request->options);
        if (solved) {
            buffer_text(out, " --golden ");
            shell_word(out, request->gold);
        }
        departures_text(hypotheses, count, out);
    }
}

/* What the keys are, and what they should be. Two configurations may not be compared for want of memory: then the text
 * says it alone. */
static void settings_add(const struct causes_request *request, const struct hypothesis *hypothesis,
                         struct finding *finding)
{
    struct config_difference differences[CONFIG_DIFFERENCES_MAX];
    struct world world;
    struct error none = {0};
    bool good = world_open(&request->hunt.ground, hypothesis, 1, &world, &none);
    size_t count = good ? config_differences(request->hunt.config, world.config, differences) : 0;
    for (size_t i = 0; i < count; i++) {
        char name[sizeof differences->name + 16];
        snprintf(name, sizeof name, "now.%s", differences[i].name);
        finding_fact_text(finding, name, "%s", differences[i].here);
        snprintf(name, sizeof name, "should_be.%s", differences[i].name);
        finding_fact_text(finding, name, "%s", differences[i].there);
    }
    world_close(&world);
    error_clear(&none);
}

/* A configuration is mended by hand. `checked` is the model where nothing else is to be mended. */
static void by_hand(const struct causes_request *request, const struct hypothesis *hypotheses, size_t count,
                    struct finding *finding, struct buffer *checked)
{
    struct buffer text = {0};
    size_t settings = 0;
    for (size_t i = 0; i < count && !request->implementation; i++)
        if (hypotheses[i].departure == DEPARTURE_SETTING) {
            settings_add(request, &hypotheses[i], finding);
            settings++;
        }
    if (settings && settings == count && !request->departs)
        buffer_text(checked, request->subject);
    for (size_t i = 0; i < count; i++)
        if (hypotheses[i].departure == DEPARTURE_SETTING)
            buffer_format(&text, "%s%s", text.size ? " and " : "Set ", hypotheses[i].text);
    if (text.size && !request->departs && !request->implementation) {
        buffer_format(&text, " in %s", request->subject);
        buffer_text(&text, "/config.json");
        finding_fact_text(finding, "by_hand", "%s", text.data);
    }
    buffer_free(&text);
}

bool commands_add(const struct causes_request *request, const struct hypothesis *hypotheses, size_t count,
                  struct finding *finding)
{
    struct buffer texts[4] = {0}, checked = {0};
    static const char *const names[] = {"commands.repeat", "commands.confirm", "commands.repair", "commands.recheck"};
    bool good = true;
    repeat_text(request, hypotheses, count, &texts[0]);
    if (count)
        confirm_text(request, hypotheses, count, &texts[1]);
    repair_text(request, hypotheses, count, &texts[2], &checked);
    by_hand(request, hypotheses, count, finding, &checked);
    if (checked.data) {
        begin_text(request, checked.data, &texts[3]);
        buffer_text(&texts[3], request->options);
    }
    buffer_free(&checked);
    for (size_t i = 0; i < 4; i++) {
        good = good && !texts[i].failed;
        if (texts[i].data)
            finding_fact_text(finding, names[i], "%s", texts[i].data);
        buffer_free(&texts[i]);
    }
    return good;
}

bool commands_add_likely(const struct causes_request *request, struct finding *finding)
{
    struct buffer confirm = {0};
    if (!commands_add(request, NULL, 0, finding))
        return false;
    if (request->hunt.ground.means.original) /* it was tried */
        return true;
    buffer_text(&confirm, "assay diagnose ");
    shell_word(&confirm, request->subject);
    if (request->gold) {
        buffer_text(&confirm, " --golden ");
        shell_word(&confirm, request->gold);
    }
    buffer_format(&confirm, "%s --source ORIGINAL", request->options);
    bool good = confirm.data && !confirm.failed;
    if (good)
        finding_fact_text(finding, "commands.confirm", "%s", confirm.data);
    buffer_free(&confirm);
    return good;
}
