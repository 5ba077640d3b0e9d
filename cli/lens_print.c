#include "cli/lens_print.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/say.h"
#include "reports/text.h"

#define TOKEN_WIDTH 18 /* columns */
#define SCRIPT_WIDTH 10

struct printing {
    const struct lens *lens;
    struct tokenizer *tokenizer;
    bool failed; /* memory */
};

/* As JSON */

static void add_token(struct printing *printing, cJSON *object, int id)
{
    struct buffer text = {0};
    const char *script = lens_token_text(printing->tokenizer, id, &text);
    bool good = script && json_add_number(object, "id", id) && cJSON_AddStringToObject(object, "text", text.data) &&
                cJSON_AddStringToObject(object, "script", script);
    printing->failed = printing->failed || !good;
    buffer_free(&text);
}

static void add_layer(struct printing *printing, cJSON *list, size_t layer, const struct lens_point *point)
{
    cJSON *object = cJSON_CreateObject(), *top = cJSON_CreateArray();
    bool good = json_add_number(object, "layer", (double)layer) && json_add_number(object, "rank", point->rank) &&
                json_add_number(object, "log_probability", point->log_probability);
    for (size_t i = 0; point->finite && i < lens_top(printing->lens); i++) {
        cJSON *token = cJSON_CreateObject();
        add_token(printing, token, point->top[i].id);
        good = json_add_number(token, "probability", point->top[i].probability) && good;
        cJSON_AddItemToArray(top, token);
    }
    cJSON_AddItemToObject(object, "top", top);
    cJSON_AddItemToArray(list, object);
    printing->failed = printing->failed || !good;
}

static void add_case(struct printing *printing, cJSON *list, const struct lens_case *one, const char *prompt)
{
    size_t layers = lens_layers(printing->lens);
    cJSON *object = cJSON_CreateObject(), *rows = cJSON_CreateArray();
    bool good = cJSON_AddStringToObject(object, "case", one->id) &&
                (!prompt || cJSON_AddStringToObject(object, "prompt", prompt)) &&
                json_add_number(object, "tokens", (double)one->count);
    if (one->answer >= 0)
        add_token(printing, cJSON_AddObjectToObject(object, "answer"), one->answer);
    good = good && json_add_number(object, "first_layer", lens_first_layer(one->points, layers)) &&
           json_add_number(object, "first_top", lens_first_top(one->points, layers));
    for (size_t layer = 0; layer < layers; layer++)
        add_layer(printing, rows, layer, &one->points[layer]);
    cJSON_AddItemToObject(object, "layers", rows);
    cJSON_AddItemToArray(list, object);
    printing->failed = printing->failed || !good;
}

static void print_json(struct printing *printing, const struct golden_case *cases)
{
    cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "cases");
    for (size_t i = 0; i < lens_count(printing->lens); i++)
        add_case(printing, list, lens_at(printing->lens, i), cases[i].prompt);
    char *text = json_document(document, true);
    printing->failed = printing->failed || !text;
    if (!printing->failed)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(document);
}

/* As text */

/* "' Paris'", made visible; returns the script. */
static const char *token_append(struct printing *printing, struct buffer *line, int id)
{
    struct buffer text = {0};
    const char *script = lens_token_text(printing->tokenizer, id, &text);
    buffer_char(line, '\'');
    text_append(line, TEXT_PLAIN, text.data);
    buffer_char(line, '\'');
    printing->failed = printing->failed || !script || line->failed;
    buffer_free(&text);
    return script ? script : "";
}

static void print_layer(struct printing *printing, size_t layer, const struct lens_point *point)
{
    struct buffer token = {0}, others = {0};
    const char *script = "";
    if (!point->finite) {
        printf("  %5zu  not finite\n", layer);
        return;
    }
    script = token_append(printing, &token, point->top[0].id);
    size_t columns = text_width(token.data, token.size);
    int padding = columns < TOKEN_WIDTH ? (int)(TOKEN_WIDTH - columns) : 0;
    for (size_t i = 1; i < lens_top(printing->lens); i++) {
        buffer_text(&others, "  ");
        token_append(printing, &others, point->top[i].id);
        buffer_format(&others, " %.3g", point->top[i].probability);
    }
    printf("  %5zu  %s%*s  %-*s  %11.4g  %7.0f  %15.4f%s\n", layer, token.data ? token.data : "", padding, "",
           SCRIPT_WIDTH, script, point->top[0].probability, point->rank, point->log_probability,
           others.data ? others.data : "");
    buffer_free(&token);
    buffer_free(&others);
}

static void print_case(struct printing *printing, const struct lens_case *one)
{
    size_t layers = lens_layers(printing->lens);
    struct buffer answer = {0};
    say(stdout, "%s, %zu token%s: ", one->id, one->count, one->count > 1 ? "s" : "");
    if (one->answer < 0) {
        printf("the logits at the end are not finite\n");
    } else {
        const char *script = token_append(printing, &answer, one->answer);
        int from = lens_first_layer(one->points, layers), first = lens_first_top(one->points, layers);
        printf("%s (%s) is the most likely token from layer %d on", answer.data ? answer.data : "", script, from);
        if (first != from)
            printf(", and was first after layer %d", first);
        putchar('\n');
    }
    printf("  layer  %-*s  %-*s  probability  %7s  %15s%s\n", TOKEN_WIDTH, "most likely token", SCRIPT_WIDTH, "script",
           "rank", "log-probability", lens_top(printing->lens) > 1 ? "  next" : "");
    for (size_t layer = 0; layer < layers; layer++)
        print_layer(printing, layer, &one->points[layer]);
    buffer_free(&answer);
}

bool lens_print(const struct lens *lens, const struct golden_case *cases, struct tokenizer *tokenizer, bool json,
                struct error *error)
{
    struct printing printing = {.lens = lens, .tokenizer = tokenizer};
    if (json)
        print_json(&printing, cases);
    for (size_t i = 0; !json && i < lens_count(lens); i++) {
        if (i)
            putchar('\n');
        print_case(&printing, lens_at(lens, i));
    }
    return !printing.failed || error_memory(error, "lens");
}
