#include "store/quantisation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BITS_MOST 16
#define GROUP_MOST (1 << 24)

/* Where it is said, and by which method where the place alone tells. */
static const struct place_row {
    const char *document;
    const char *key; /* NULL: all of it */
    const char *method;
} place_rows[] = {
    {"config.json", "quantization_config", NULL}, {"config.json", "compression_config", "compressed-tensors"},
    {"config.json", "quantization", "mlx"},       {"hf_quant_config.json", "quantization", "modelopt"},
    {"quantize_config.json", NULL, "gptq"},       {"quant_config.json", NULL, "awq"},
};

/* Switches that name a method where it is not called by name. */
static const struct switch_row {
    const char *key, *method;
    int bits;
} switch_rows[] = {
    {"load_in_4bit", "bitsandbytes", 4},
    {"load_in_8bit", "bitsandbytes", 8},
};

/* Words, in the names of methods and kinds, that tell the bits. */
static const struct word_row {
    const char *word;
    int bits;
} word_rows[] = {
    {"nvfp4", 4}, {"mxfp4", 4}, {"mxfp8", 8}, {"fp8", 8},  {"float8", 8}, {"e4m3", 8}, {"e5m2", 8},
    {"nf4", 4},   {"fp4", 4},   {"int8", 8},  {"int4", 4}, {"int2", 2},   {"eetq", 8},
};

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static void take_text(const cJSON *json, const char *const *keys, char *out, size_t size)
{
    for (; *keys; keys++) {
        const cJSON *item = json_member(json, *keys);
        if (!*out && cJSON_IsString(item))
            snprintf(out, size, "%s", item->valuestring);
    }
}

static void take_number(const cJSON *json, const char *const *keys, int most, int *out)
{
    for (; *keys; keys++) {
        const cJSON *item = json_member(json, *keys);
        double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
        if (!*out && number >= 1 && number <= most && !(number > floor(number)))
            *out = (int)number;
    }
}

static void take_block(const cJSON *json, struct quantisation *quantisation)
{
    static const char *const keys[] = {"weight_block_size", "block_structure"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        const cJSON *block = json_member(json, keys[i]);
        for (int k = 0; cJSON_IsArray(block) && cJSON_GetArraySize(block) == 2 && k < 2; k++) {
            const cJSON *item = cJSON_GetArrayItem(block, k);
            if (cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= GROUP_MOST)
                quantisation->block[k] = (int)item->valuedouble;
        }
    }
}

static void take_numbers(const cJSON *json, struct quantisation *quantisation)
{
    static const char *const bits[] = {"bits", "num_bits", "w_bit", "nbits", "weight_bits", NULL};
    static const char *const groups[] = {"group_size", "q_group_size", NULL};
    take_number(json, bits, BITS_MOST, &quantisation->bits);
    take_number(json, groups, GROUP_MOST, &quantisation->group);
    take_block(json, quantisation);
}

static void take_all(const cJSON *json, const char *method, struct quantisation *quantisation)
{
    static const char *const methods[] = {"quant_method", NULL};
    static const char *const kinds[] = {
        "bnb_4bit_quant_type", "quant_algo", "checkpoint_format", "format", "fmt", "weights", "mode", NULL};
    take_text(json, methods, quantisation->method, sizeof quantisation->method);
    for (size_t i = 0; i < COUNT(switch_rows); i++) {
        if (!cJSON_IsTrue(json_member(json, switch_rows[i].key)))
            continue;
        method = switch_rows[i].method;
        quantisation->bits = quantisation->bits ? quantisation->bits : switch_rows[i].bits;
    }
    if (!*quantisation->method && method)
        snprintf(quantisation->method, sizeof quantisation->method, "%s", method);
    if (quantisation->bits != 8) /* of bitsandbytes it is said of 4 bits, whether or not there are any */
        take_text(json, kinds, quantisation->kind, sizeof quantisation->kind);
    take_numbers(json, quantisation);
    const cJSON *groups = json_member(json, "config_groups"); /* compressed-tensors; the first tells */
    take_numbers(json_member(groups ? groups->child : NULL, "weights"), quantisation);
    for (size_t i = 0; i < COUNT(word_rows) && !quantisation->bits; i++)
        if (strcasestr(quantisation->kind, word_rows[i].word) || strcasestr(quantisation->method, word_rows[i].word))
            quantisation->bits = word_rows[i].bits;
}

void quantisation_take(const char *document, const cJSON *json, struct quantisation *quantisation)
{
    for (size_t i = 0; i < COUNT(place_rows); i++) {
        const struct place_row *row = &place_rows[i];
        const cJSON *said = row->key ? json_member(json, row->key) : json;
        if (strcmp(row->document, document) != 0 || !cJSON_IsObject(said) || !said->child)
            continue;
        take_all(said, row->method, quantisation);
        quantisation->document = quantisation->document ? quantisation->document : row->document;
    }
}

const char *quantisation_file(size_t nth)
{
    for (size_t i = 0; i < COUNT(place_rows); i++)
        if (strcmp(place_rows[i].document, "config.json") != 0 && !nth--)
            return place_rows[i].document;
    return NULL;
}

void quantisation_text(const struct quantisation *quantisation, struct buffer *out)
{
    buffer_text(out, "quantised");
    if (*quantisation->method)
        buffer_format(out, " by %s", quantisation->method);
    if (*quantisation->kind && strcasecmp(quantisation->kind, quantisation->method) != 0)
        buffer_format(out, " (%s)", quantisation->kind);
    if (quantisation->bits)
        buffer_format(out, ", %d bit%s", quantisation->bits, quantisation->bits > 1 ? "s" : "");
    if (quantisation->block[0] && quantisation->block[1])
        buffer_format(out, ", blocks of %d x %d", quantisation->block[0], quantisation->block[1]);
    else if (quantisation->group)
        buffer_format(out, ", groups of %d", quantisation->group);
    if (quantisation->document)
        buffer_format(out, " (%s)", quantisation->document);
}
