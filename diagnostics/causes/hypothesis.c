#include "causes/hypothesis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "model/setting.h"
#include "store/overlay.h"

bool hypotheses_add(struct hypotheses *list, enum departure departure, unsigned points, int block, const char *format,
                    ...)
{
    struct hypothesis hypothesis = {.departure = departure, .points = points, .block = block};
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(hypothesis.text, sizeof hypothesis.text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof hypothesis.text) /* a name too long to be typed is not tried */
        return true;
    return array_push(list->items, list->count, list->capacity, hypothesis);
}

void hypotheses_free(struct hypotheses *list)
{
    free(list->items);
    *list = (struct hypotheses){0};
}

static const char *behind(const struct hypothesis *hypothesis, const char *begin)
{
    bool begins = hypothesis->departure == DEPARTURE_FAULT && strncmp(hypothesis->text, begin, strlen(begin)) == 0;
    return begins ? hypothesis->text + strlen(begin) : NULL;
}

const char *hypothesis_restores(const struct hypothesis *hypothesis)
{
    return behind(hypothesis, RESTORE);
}

const char *hypothesis_solves(const struct hypothesis *hypothesis)
{
    return behind(hypothesis, SOLVE);
}

const char *departure_option(enum departure departure)
{
    static const char *const options[DEPARTURE_COUNT] = {"--undo", "--set", "--variant", "--text-variant"};
    return options[departure];
}

void hypotheses_text(const struct hypothesis *hypotheses, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++)
        buffer_format(out, "%s%s %s", i ? ", " : "", departure_option(hypotheses[i].departure), hypotheses[i].text);
}

const char *departure_kind(enum departure departure)
{
    static const char *const kinds[DEPARTURE_COUNT] = {"weights", "configuration", "architecture", "text"};
    return kinds[departure];
}

void hypothesis_facts(const struct hypothesis *hypothesis, const char *kind, const char *grade, struct finding *finding)
{
    finding_fact_text(finding, "hypothesis", "%s", hypothesis->text);
    finding_fact_text(finding, "option", "%s", departure_option(hypothesis->departure));
    finding_fact_text(finding, "kind", "%s", kind);
    finding_fact_text(finding, "grade", "%s", grade);
}

/* The texts of one sort. */
static size_t texts_of(enum departure departure, const struct hypothesis *hypotheses, size_t count, const char **texts)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (hypotheses[i].departure == departure)
            texts[found++] = hypotheses[i].text;
    return found;
}

static bool world_config(const struct ground *ground, const char *const *texts, size_t settings, size_t variants,
                         struct world *world, struct error *error)
{
    const struct departures departures = {
        .settings = texts, .setting_count = settings, .variants = texts + settings, .variant_count = variants};
    cJSON *root = json_parse("config.json", ground->config_text, strlen(ground->config_text), error);
    world->config = root ? config_departed("config.json", &root, &departures, error) : NULL;
    cJSON_Delete(root);
    return world->config && config_computes(world->config, "config.json", error);
}

/* Lays one fault over what the world has. */
static bool world_fault(const struct ground *ground, const struct hypothesis *hypothesis, struct world *world,
                        struct error *error)
{
    char restore[HYPOTHESIS_TEXT + sizeof RESTORE];
    const char *text = hypothesis->text;
    struct fault_means means = ground->means;
    if (hypothesis->solved) {
        means.original = hypothesis->solved;
        snprintf(restore, sizeof restore, RESTORE "%s", hypothesis_solves(hypothesis));
        text = restore;
    }
    struct store *laid = faults_over(world->store, world->config, &means, &text, 1, error);
    if (laid && world->laid)
        overlay_take_base(laid);
    if (laid)
        world->store = world->laid = laid;
    return laid;
}

bool world_open(const struct ground *ground, const struct hypothesis *hypotheses, size_t count, struct world *world,
                struct error *error)
{
    const char **texts = calloc(count + ground->variant_count + 1, sizeof *texts);
    *world = (struct world){.store = ground->store};
    if (!texts)
        return error_memory(error, "experiments");
    size_t settings = texts_of(DEPARTURE_SETTING, hypotheses, count, texts);
    for (size_t i = 0; i < ground->variant_count; i++)
        texts[settings + i] = ground->variants[i];
    size_t own = settings + ground->variant_count;
    size_t variants = texts_of(DEPARTURE_VARIANT, hypotheses, count, texts + own);
    bool good = world_config(ground, texts, settings, ground->variant_count + variants, world, error);
    for (size_t i = 0; good && i < count; i++)
        if (hypotheses[i].departure == DEPARTURE_FAULT && !hypotheses[i].settled)
            good = world_fault(ground, &hypotheses[i], world, error);
    free(texts);
    return good;
}

void world_close(struct world *world)
{
    store_free(world->laid);
    free(world->config);
    *world = (struct world){0};
}
