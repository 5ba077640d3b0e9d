/* The rotary embedding, as the metadata of a GGUF file has it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/gguf_making.h"

#define DIVISORS_MAX 65536
#define LOW 1.0 /* low_freq_factor and high_freq_factor of every model that has such factors */
#define HIGH 4.0

struct llama3 {
    double factor, context;
};

/* What the frequency of wavelength `wave` is divided by. transformers, modeling_rope_utils.py,
 * _compute_llama3_parameters. */
static double llama3_divisor(const struct llama3 *rope, double wave)
{
    if (wave < rope->context / HIGH)
        return 1;
    if (wave > rope->context / LOW)
        return rope->factor;
    double smooth = (rope->context / wave - LOW) / (HIGH - LOW);
    return 1 / ((1 - smooth) / rope->factor + smooth);
}

static double wave_of(double theta, size_t index, size_t count)
{
    return 2 * M_PI * pow(theta, (double)index / (double)count);
}

/* Where none lies between, as with heads of a few values, any context does that leaves each frequency on its side. */
static double llama3_between(const float *divisors, size_t count, double theta, double factor)
{
    double whole = 0, divided = INFINITY; /* the longest wave that stays, the shortest that is divided by the factor */
    for (size_t i = 0; i < count; i++) {
        double wave = wave_of(theta, i, count);
        if ((double)divisors[i] < factor * 0.999)
            whole = fmax(whole, wave);
        else
            divided = fmin(divided, wave);
    }
    return round(whole > 0 ? sqrt(HIGH * whole * LOW * divided) : LOW * divided / 2);
}

/* A file keeps of the llama3 rope only what came out: a divisor for each frequency. The factor is the largest of them;
 * the original context follows from one between; and then all of them must follow from both. */
static bool llama3_find(const float *divisors, size_t count, double theta, struct llama3 *rope)
{
    *rope = (struct llama3){.factor = 1};
    for (size_t i = 0; i < count; i++)
        rope->factor = (double)divisors[i] > rope->factor ? (double)divisors[i] : rope->factor;
    for (size_t i = 0; i < count && !(rope->context > 0); i++) {
        double divisor = (double)divisors[i], smooth = (1 / divisor - 1 / rope->factor) / (1 - 1 / rope->factor);
        if (divisor > 1.001 && divisor < rope->factor * 0.999)
            rope->context = round(wave_of(theta, i, count) * (smooth * (HIGH - LOW) + LOW));
    }
    if (!(rope->context > 0) && rope->factor > 1.001)
        rope->context = llama3_between(divisors, count, theta, rope->factor);
    bool good = rope->context > 0 && rope->context < 1e9;
    for (size_t i = 0; good && i < count; i++) {
        double expected = llama3_divisor(rope, wave_of(theta, i, count));
        good = fabs((double)divisors[i] - expected) <= 1e-4 * expected; /* float32 arithmetic, and a rounded context */
    }
    return good;
}

static void make_llama3(struct making *making, cJSON *rope, double theta, const float *divisors, size_t count)
{
    struct llama3 llama3;
    if (!llama3_find(divisors, count, theta, &llama3)) {
        making_refuse(making, "assay does not compute the divisors that tensor 'rope_freqs.weight' holds; it computes "
                              "those of llama3 with low_freq_factor 1 and high_freq_factor 4");
        return;
    }
    cJSON_AddStringToObject(rope, "rope_type", "llama3");
    making_add_real(rope, "factor", llama3.factor);
    making_add_real(rope, "low_freq_factor", LOW);
    making_add_real(rope, "high_freq_factor", HIGH);
    cJSON_AddNumberToObject(rope, "original_max_position_embeddings", llama3.context);
}

static bool make_divided(struct making *making, cJSON *rope, double theta, const struct tensor *tensor)
{
    float *divisors = malloc((size_t)tensor->bytes + 1);
    bool good = (divisors || error_memory(making->error, making->gguf->path)) &&
                store_read(making->store, tensor, divisors, making->error);
    if (good)
        make_llama3(making, rope, theta, divisors, (size_t)tensor->columns);
    free(divisors);
    return good;
}

/* Numbers of yarn that llama.cpp reads of some architectures only, and what it takes in their place elsewhere. It
 * reads no "yarn_attn_factor" of any that are computed here: the factor follows from the others (llama-context.cpp). */
static const struct yarn_row {
    const char *key, *to; /* NULL: what is not usual cannot be computed */
    double usual;
} yarn_rows[] = {
    {"rope.scaling.yarn_beta_fast", "beta_fast", 32},
    {"rope.scaling.yarn_beta_slow", "beta_slow", 1},
    {"rope.scaling.yarn_log_multiplier", "mscale_all_dim", 0},
    {"rope.scaling.yarn_ext_factor", NULL, 1},
};

static bool make_yarn(struct making *making, cJSON *rope)
{
    for (size_t i = 0; i < sizeof yarn_rows / sizeof *yarn_rows; i++) {
        const struct yarn_row *row = &yarn_rows[i];
        double value = row->usual;
        if (!making_real(making, row->key, &value))
            return false;
        if (row->to && making->row->yarn_keys)
            making_add_real(rope, row->to, value);
        else if (value >= 0 && (value < row->usual || value > row->usual))
            making_refuse_number(making, row->key, value, "; llama.cpp does not read it of this architecture");
    }
    if (making->row->yarn_keys)
        making_add_real(rope, "mscale", 1);
    if (making->row->yarn_untruncated)
        cJSON_AddFalseToObject(rope, "truncate");
    return true;
}

/* The tensor's numbers, as an array. */
static bool add_numbers(const struct making *making, cJSON *rope, const char *key, const char *disk_name)
{
    const struct tensor *tensor = making_find(making, disk_name);
    if (!tensor || tensor->dtype != DTYPE_F32 || tensor->rank != 1 || tensor->columns > DIVISORS_MAX)
        return true; /* whoever reads the configuration misses it */
    float *numbers = malloc((size_t)tensor->bytes + 1);
    cJSON *list = cJSON_AddArrayToObject(rope, key);
    bool good = ((numbers && list) || error_memory(making->error, making->gguf->path)) &&
                store_read(making->store, tensor, numbers, making->error);
    for (uint64_t i = 0; good && i < tensor->columns; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)numbers[i]));
    free(numbers);
    return good;
}

static bool make_longrope(struct making *making, cJSON *rope, double strength)
{
    making_add_real(rope, "attention_factor", strength);
    return add_numbers(making, rope, "short_factor", "rope_factors_short.weight") &&
           add_numbers(making, rope, "long_factor", "rope_factors_long.weight");
}

/* As llama.cpp reads them (llama-model.cpp): the type is linear where the file names none, the factor has an older
 * name, and 0 is none. `strength` multiplies cosines and sines. */
static bool make_scaling(struct making *making, cJSON *rope, double theta, double strength)
{
    const struct tensor *divisors = making_find(making, "rope_freqs.weight");
    struct gguf_text type = {.data = "linear", .size = 6};
    char key[GGUF_KEY];
    double factor = 0;
    if (!making_real(making, "rope.scale_linear", &factor) || !making_real(making, "rope.scaling.factor", &factor) ||
        !gguf_get_text(making->gguf, making_key(making, "rope.scaling.type", key), &type, making->error))
        return false;
    bool linear = gguf_text_is(type, "linear"), none = gguf_text_is(type, "none"), yarn = gguf_text_is(type, "yarn");
    bool longrope = (gguf_text_is(type, "longrope") && making->row->longrope) ||
                    (making->row->longrope_untyped && making_find(making, "rope_factors_long.weight"));
    bool scaled = !none && (factor < 0 || factor > 0) && (factor < 1 || factor > 1);
    if (!longrope && !(strength >= 1 && strength <= 1))
        making_refuse_number(making, "rope.scaling.attn_factor", strength, "");
    if (!longrope && divisors && divisors->dtype == DTYPE_F32 && divisors->rank == 1 &&
        divisors->columns <= DIVISORS_MAX) {
        if (scaled)
            making_refuse_number(making, "rope.scaling.factor", factor,
                                 " beside the divisors of tensor 'rope_freqs.weight'");
        return make_divided(making, rope, theta, divisors);
    }
    if (yarn && making->row->local_theta > 0)
        making_refuse(making, "assay does not compute the metadata '%s.rope.scaling.type' \"yarn\"", making->name);
    if (!linear && !none && !yarn && !longrope)
        making_refuse(making, "assay does not compute the metadata '%s.rope.scaling.type', which is \"%.*s\"",
                      making->name, (int)(type.size < 100 ? type.size : 100), type.data);
    if (longrope && scaled)
        making_refuse_number(making, "rope.scaling.factor", factor, " beside the type longrope");
    cJSON_AddStringToObject(rope, "rope_type", yarn ? "yarn" : longrope ? "longrope" : scaled ? "linear" : "default");
    if (scaled || yarn)
        making_add_real(rope, "factor", scaled ? factor : 1);
    return yarn ? make_yarn(making, rope) : !longrope || make_longrope(making, rope, strength);
}

/* What yarn, longrope and the temperature of queries count in. */
static bool make_context(struct making *making, cJSON *rope)
{
    const cJSON *whole = json_member(making->json, "max_position_embeddings"), *type = json_member(rope, "rope_type");
    uint64_t context = whole ? (uint64_t)whole->valuedouble : 0;
    if (!making_whole(making, "rope.scaling.original_context_length", &context))
        return false;
    bool counts = cJSON_IsString(type) && strcmp(type->valuestring, "linear") != 0;
    if (!json_member(rope, "original_max_position_embeddings") && context && counts)
        cJSON_AddNumberToObject(rope, "original_max_position_embeddings", (double)context);
    if (fabs(making->temperature) > 0)
        making_add_real(rope, "llama_4_scaling_beta", making->temperature);
    return true;
}

/* The object that holds the rope of the layers without a window; beside it that of the others, where they have one of
 * their own. */
static bool make_ropes(struct making *making, double theta, cJSON **rope)
{
    static const char key[] = "rope.freq_base_swa";
    const struct gguf_architecture *row = making->row;
    bool known = row->local_theta > 0, apart = row->local_rope && (making->window || !row->windowed_type);
    double local = known ? row->local_theta : theta, ignored = theta;
    *rope = cJSON_AddObjectToObject(making->json, "rope_parameters");
    if (!making_real(making, key, known ? &local : &ignored))
        return false;
    if (making->window && !row->local_rope && (ignored < theta || ignored > theta))
        making_refuse_number(making, key, ignored, "");
    if (!apart)
        return true;
    making_add_real(cJSON_AddObjectToObject(*rope, "sliding_attention"), "rope_theta", local);
    *rope = cJSON_AddObjectToObject(*rope, "full_attention");
    return true;
}

/* Of a head so many values are rotated. As a share, of which the product with the head is not below the number. */
static void make_share(struct making *making, cJSON *rope, uint64_t rotated)
{
    const cJSON *head = json_member(making->json, "head_dim");
    double size = head ? head->valuedouble : 0;
    if (making->row->part_rotated && size >= 1) {
        double share = rotated ? (double)rotated / size : 1;
        making_add_real(rope, "partial_rotary_factor",
                        share < 1 && size * share < (double)rotated ? nextafter(share, 1) : share);
    } else if (rotated && head && rotated != (uint64_t)size) {
        making_refuse_number(making, "rope.dimension_count", (double)rotated, "; it rotates whole heads");
    }
}

/* Switches that turn what is rotated, and that are not computed. */
static bool make_turned(struct making *making)
{
    static const char sections[] = "rope.dimension_sections", tuned_key[] = "rope.scaling.finetuned";
    char key[GGUF_KEY];
    bool tuned = true;
    if (making->row->sections_refused && gguf_find(making->gguf, making_key(making, sections, key)))
        making_refuse(making, "assay does not compute the metadata '%s' of this architecture", key);
    if (!making->row->rotates_if_tuned)
        return true;
    if (!gguf_get_bool(making->gguf, making_key(making, tuned_key, key), &tuned, making->error))
        return false;
    if (!tuned)
        making_refuse(making, "assay does not compute the metadata '%s', which is false: nothing is rotated", key);
    return true;
}

bool making_rope(struct making *making)
{
    double theta = 10000, strength = 1;
    uint64_t rotated = 0;
    cJSON *rope = NULL;
    if (!making_real(making, "rope.freq_base", &theta) || !making_whole(making, "rope.dimension_count", &rotated) ||
        !making_real(making, "rope.scaling.attn_factor", &strength) || !make_ropes(making, theta, &rope) ||
        !make_turned(making))
        return false;
    making_add_real(rope, "rope_theta", theta);
    make_share(making, rope, rotated);
    return make_scaling(making, rope, theta, strength) && make_context(making, rope);
}
