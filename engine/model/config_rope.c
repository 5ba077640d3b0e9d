/* How a configuration tells positions: the kinds of rotation, and the numbers of each. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/wording.h"
#include "model/config_source.h"
#include "model/family.h"

#define NEEDS_MOST 4

static const struct rope_row {
    const char *type;
    enum rope_kind kind;
    bool older;                    /* an older spelling of what another row names */
    const char *needs[NEEDS_MOST]; /* keys that must be there: a guess would compute another model */
    const char *may_be_null;       /* of these, with a meaning of its own */
} rope_rows[] = {
    {.type = "default", .kind = ROPE_DEFAULT},
    {.type = "mrope", .kind = ROPE_DEFAULT, .older = true}, /* with sections */
    {.type = "linear", .kind = ROPE_LINEAR, .needs = {"factor"}},
    {.type = "dynamic", .kind = ROPE_DYNAMIC, .needs = {"factor"}},
    {.type = "llama3", .kind = ROPE_LLAMA3, .needs = {"factor", "low_freq_factor", "high_freq_factor"}},
    {.type = "yarn", .kind = ROPE_YARN, .needs = {"factor"}, .may_be_null = "factor"},
    {.type = "longrope", .kind = ROPE_LONGROPE, .needs = {"short_factor", "long_factor"}},
};

#define ROPE_ROWS (sizeof rope_rows / sizeof *rope_rows)

static const char *rope_name(size_t row)
{
    return rope_rows[row].older ? NULL : rope_rows[row].type;
}

static const struct rope_row *row_of_kind(enum rope_kind kind)
{
    const struct rope_row *row = rope_rows;
    while (row->kind != kind || row->older)
        row++;
    return row;
}

static bool take_type(struct model_config *config, const struct config_source *source, const cJSON *rope,
                      struct error *error)
{
    const char *type = "default";
    if (!json_get_string(rope, source->name, "type", &type, error) ||
        !json_get_string(rope, source->name, "rope_type", &type, error))
        return false;
    if (config->family->longrope_by_older_names && (strcmp(type, "yarn") == 0 || strcmp(type, "su") == 0))
        type = "longrope";
    for (size_t i = 0; i < ROPE_ROWS; i++) {
        if (strcmp(rope_rows[i].type, type) == 0) {
            config->rope_kind = rope_rows[i].kind;
            snprintf(config->rope_type, sizeof config->rope_type, "%s", row_of_kind(config->rope_kind)->type);
            return true;
        }
    }
    struct buffer names = {0};
    names_join(&names, ROPE_ROWS, rope_name, " and ");
    config->rope_kind = ROPE_OTHER;
    snprintf(config->rope_type, sizeof config->rope_type, "%s", type);
    config_cannot(config, "assay does not compute the rope type \"%s\"; it computes %s", type,
                  names.data ? names.data : "");
    buffer_free(&names);
    return true;
}

/* NTK-aware scaling by a fixed number (hunyuan's compute_ntk_alpha_rope_parameters): the default rope of a larger
 * theta. */
static bool take_alpha(struct model_config *config, const struct config_source *source, const cJSON *rope,
                       struct error *error)
{
    double alpha = 0, dim = config->rotary_dim;
    if (!config->family->rope_alpha || config->rope_kind != ROPE_DYNAMIC)
        return true;
    if (!json_get_double(rope, source->name, "alpha", &alpha, error))
        return false;
    if (alpha < 0 || (alpha > 0 && config->rotary_dim <= 2))
        return error_set(error, "%s: alpha %g of the rope should be above 0, and heads have more than 2 values",
                         source->name, alpha);
    if (alpha > 0) {
        config->rope_theta *= pow(alpha, dim / (dim - 2));
        config->rope_kind = ROPE_DEFAULT;
        snprintf(config->rope_type, sizeof config->rope_type, "%s", row_of_kind(ROPE_DEFAULT)->type);
    }
    return true;
}

static void check_needs(struct model_config *config, const cJSON *rope)
{
    const struct rope_row *row = row_of_kind(config->rope_kind);
    for (size_t i = 0; i < NEEDS_MOST && row->needs[i]; i++) {
        bool null = row->may_be_null && strcmp(row->needs[i], row->may_be_null) == 0 &&
                    cJSON_GetObjectItemCaseSensitive(rope, row->needs[i]);
        if (!json_member(rope, row->needs[i]) && !null)
            config_cannot(config, "the rope type \"%s\" needs \"%s\", which is absent", config->rope_type,
                          row->needs[i]);
    }
}

static bool check_numbers(const struct model_config *config, const char *name, struct error *error)
{
    if (!(config->rope_theta > 0))
        return error_set(error, "%s: rope_theta %g should be above 0", name, config->rope_theta);
    if (!(config->rope_factor > 0))
        return error_set(error, "%s: rope factor %g should be above 0", name, config->rope_factor);
    if (!(config->rope_low_factor > 0 && config->rope_high_factor > config->rope_low_factor))
        return error_set(error, "%s: high_freq_factor %g should be above low_freq_factor %g, and that above 0", name,
                         config->rope_high_factor, config->rope_low_factor);
    if (config->rope_kind == ROPE_YARN && !(config->rope_beta_slow > 0 && config->rope_beta_fast > 0))
        return error_set(error, "%s: beta_fast %g and beta_slow %g should be above 0", name, config->rope_beta_fast,
                         config->rope_beta_slow);
    return true;
}

/* What the original's formula divides by must not be nothing. */
static void check_computable(struct model_config *config)
{
    bool one = config->rope_theta >= 1 && config->rope_theta <= 1;
    if (config->rope_kind == ROPE_YARN && one)
        config_cannot(config, "the rope type \"yarn\" is not defined for a rope_theta of 1");
    if (config->rope_kind == ROPE_DYNAMIC && config->rotary_dim <= 2)
        config_cannot(config, "the rope type \"dynamic\" is not defined for heads of %d values", config->rotary_dim);
    if (!isfinite(config->rope_strength))
        config_cannot(config, "the rope type \"%s\" is given with an original_max_position_embeddings of %d",
                      config->rope_type, config->rope_original_context);
}

static bool take_sections(struct model_config *config, const struct config_source *source, const cJSON *rope,
                          struct error *error)
{
    const cJSON *sections = json_member(rope, "mrope_section"), *item;
    int at = 0;
    cJSON_ArrayForEach(item, sections)
    {
        if (at == 3 || !cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= config->head_dim))
            return error_set(error, "%s: mrope_section should be three counts of frequencies", source->name);
        config->mrope_section[at++] = (int)item->valuedouble;
    }
    return true;
}

/* A number for each frequency. */
static void take_divisors(struct model_config *config, const cJSON *rope, const char *key, float *out)
{
    const cJSON *list = json_member(rope, key), *item;
    int half = config->rotary_dim / 2, count = 0;
    if (half > ROPE_DIVISORS_MAX) {
        config_cannot(config, "assay does not compute the rope type \"%s\" of heads of more than %d values",
                      config->rope_type, 2 * ROPE_DIVISORS_MAX);
        return;
    }
    cJSON_ArrayForEach(item, list)
    {
        float value = cJSON_IsNumber(item) ? (float)item->valuedouble : 0;
        if (count < half && value > 0)
            out[count] = value;
        count += count >= half || value > 0;
    }
    if (count != half || cJSON_GetArraySize(list) != half)
        config_cannot(config, "\"%s\" should be an array of %d numbers above 0, one for each frequency", key, half);
}

/* What yarn multiplies by for a context that is longer by a factor; 1 for a scale that is not given. */
static double yarn_strength(double factor, double scale)
{
    return factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1;
}

/* The factor of cosines and sines (_compute_yarn_parameters and _compute_longrope_parameters of
 * modeling_rope_utils.py).
 */
static bool take_strength(struct model_config *config, const struct config_source *source, const cJSON *rope,
                          struct error *error)
{
    double mscale = 0, all = 0, factor = config->rope_factor;
    bool mixed = config->family->mixed_scale && config->rope_kind != ROPE_DEFAULT;
    config->rope_strength = 1;
    if ((mixed || config->rope_kind == ROPE_YARN) &&
        (!json_get_double(rope, source->name, "mscale", &mscale, error) ||
         !json_get_double(rope, source->name, "mscale_all_dim", &all, error)))
        return false;
    if (mixed && fabs(all) > 0) {
        double scale = yarn_strength(factor, all);
        config->attention_multiplier = scale * scale / sqrt((double)config->head_dim);
    }
    if (config->rope_kind != ROPE_YARN && config->rope_kind != ROPE_LONGROPE)
        return true;
    if (config->rope_kind == ROPE_LONGROPE && factor > 1)
        config->rope_strength = sqrt(1 + log(factor) / log((double)config->rope_original_context));
    if (config->rope_kind == ROPE_YARN) {
        bool both = fabs(mscale) > 0 && fabs(all) > 0;
        config->rope_strength =
            both ? yarn_strength(factor, mscale) / yarn_strength(factor, all) : yarn_strength(factor, 1);
    }
    return json_get_double(rope, source->name, "attention_factor", &config->rope_strength, error);
}

/* 0 is as good as absent. */
static bool take_beta(const struct config_source *source, const cJSON *rope, const char *key, double *beta,
                      struct error *error)
{
    double value = 0;
    if (!json_get_double(rope, source->name, key, &value, error))
        return false;
    *beta = fabs(value) > 0 ? value : *beta;
    return true;
}

/* Numbers that only some kinds have. */
static bool take_own(struct model_config *config, const struct config_source *source, const cJSON *rope,
                     struct error *error)
{
    config->rope_beta_fast = 32;
    config->rope_beta_slow = 1;
    config->rope_truncate = true;
    if (config->rope_kind == ROPE_YARN &&
        (!take_beta(source, rope, "beta_fast", &config->rope_beta_fast, error) ||
         !take_beta(source, rope, "beta_slow", &config->rope_beta_slow, error) ||
         !json_get_bool(rope, source->name, "truncate", &config->rope_truncate, error)))
        return false;
    if (config->rope_kind == ROPE_LONGROPE) {
        take_divisors(config, rope, "short_factor", config->rope_short);
        take_divisors(config, rope, "long_factor", config->rope_long);
    }
    return take_strength(config, source, rope, error);
}

static bool take_temperature(struct model_config *config, const struct config_source *source, const cJSON *rope,
                             struct error *error)
{
    static const char key[] = "llama_4_scaling_beta", context[] = "original_max_position_embeddings";
    bool scaled =
        config->rope_kind == ROPE_LLAMA3 || config->rope_kind == ROPE_YARN || config->rope_kind == ROPE_LONGROPE;
    if (!config->family->query_temperature)
        return true;
    if (!json_member(rope, key))
        config_cannot(config, "the rope needs \"%s\", which queries are multiplied by and which is absent", key);
    else if (!scaled && !json_member(rope, context))
        config_cannot(config, "the rope needs \"%s\", which queries are multiplied by and which is absent", context);
    return json_get_double(rope, source->name, key, &config->query_beta, error);
}

static bool take_numbers(struct model_config *config, const struct config_source *source, const cJSON *rope,
                         struct error *error)
{
    const cJSON *text = source->text, *factor = json_member(rope, "factor");
    const char *name = source->name, *context = "original_max_position_embeddings";
    int *original = &config->rope_original_context;
    if (config->rope_kind == ROPE_OTHER) { /* its numbers are its own; most have this one */
        config->rope_factor = cJSON_IsNumber(factor) ? factor->valuedouble : config->rope_factor;
        return true;
    }
    if (!json_get_int(rope, name, context, 1, 1 << 30, original, error) ||
        !json_get_int(text, name, context, 1, 1 << 30, original, error))
        return false;
    if (config->rope_kind == ROPE_YARN || config->rope_kind == ROPE_LONGROPE) /* where it gives none */
        config->rope_factor = (double)config->context / *original;
    if (!json_get_double(rope, name, "factor", &config->rope_factor, error) ||
        !json_get_double(rope, name, "low_freq_factor", &config->rope_low_factor, error) ||
        !json_get_double(rope, name, "high_freq_factor", &config->rope_high_factor, error))
        return false;
    check_needs(config, rope);
    if (!take_own(config, source, rope, error) || !check_numbers(config, name, error))
        return false;
    check_computable(config);
    return take_temperature(config, source, rope, error) && take_sections(config, source, rope, error);
}

/* Of a head, its first so many values are rotated. */
static bool take_share(struct model_config *config, const struct config_source *source, const cJSON *rope,
                       struct error *error)
{
    const struct family *family = config->family;
    static const char key[] = "partial_rotary_factor";
    const char *beside = family->share_key ? family->share_key : key;
    double share = family->rotated_share > 0 ? family->rotated_share : 1;
    int rotated = 0;
    if (family->rotary_key) {
        if (!json_get_int(source->text, source->name, family->rotary_key, 1, config->head_dim, &rotated, error))
            return false;
        share = rotated ? (double)rotated / config->head_dim : share;
    }
    if (!json_get_double(source->text, source->name, beside, &share, error) ||
        !json_get_double(rope, source->name, key, &share, error))
        return false;
    if (!(family->rotated_share > 0))
        return true; /* the default type has none; the others are refused below */
    if (!(share > 0 && share <= 1))
        return error_set(error, "%s: %s %g should be above 0 and not above 1", source->name, key, share);
    config->rotary_dim = (int)(config->rotary_dim * share);
    if (config->rotary_dim < 2 || config->rotary_dim % 2)
        config_cannot(config, "%s %g of heads of %d values are %d, and a rotary embedding takes an even number of them",
                      key, share, config->head_dim, config->rotary_dim);
    return true;
}

static void check_share(struct model_config *config, const struct config_source *source, const cJSON *rope)
{
    const cJSON *share = json_member(rope, "partial_rotary_factor");
    share = share ? share : json_member(source->text, "partial_rotary_factor");
    if (config->family->rotated_share > 0 || config->rope_kind == ROPE_DEFAULT || config->rope_kind == ROPE_OTHER)
        return;
    if (cJSON_IsNumber(share) && (share->valuedouble < 1 || share->valuedouble > 1))
        config_cannot(config, "assay does not compute partial_rotary_factor %g of %s with the rope type \"%s\"",
                      share->valuedouble, config->model_type, config->rope_type);
}

/* A rope for each kind of layers, of a family that has local ones: `*rope` becomes that of the others. Older files
 * have one rope and "rope_local_base_freq". */
static bool take_local(struct model_config *config, const struct config_source *source, const cJSON **rope,
                       struct error *error)
{
    const char *name = source->name, *type = "default";
    const cJSON *local = json_member(*rope, "sliding_attention"), *full = json_member(*rope, "full_attention");
    bool nested = local || full;
    if (config->family->rotation != ROTATES_LOCALLY)
        return true;
    config->rope_local_theta = config->family->absent.local_theta;
    if (*rope && *rope == json_member(source->text, "rope_parameters") && !nested)
        config_cannot(config, "\"rope_parameters\" should hold one rope for \"sliding_attention\" and one for "
                              "\"full_attention\"");
    if ((local && !cJSON_IsObject(local)) || (full && !cJSON_IsObject(full)))
        return error_set(error, "%s: the ropes in \"rope_parameters\" should be objects", name);
    if (!json_get_double(source->text, name, "rope_local_base_freq", &config->rope_local_theta, error) ||
        !json_get_double(local, name, "rope_theta", &config->rope_local_theta, error) ||
        !json_get_string(local, name, "rope_type", &type, error))
        return false;
    if (strcmp(type, "default") != 0)
        config_cannot(config,
                      "assay does not compute the rope type \"%s\" for \"sliding_attention\"; it computes "
                      "default there",
                      type);
    if (!(config->rope_local_theta > 0))
        return error_set(error, "%s: the rope_theta of \"sliding_attention\", %g, should be above 0", name,
                         config->rope_local_theta);
    *rope = nested ? full : *rope;
    return true;
}

static bool take_all(struct model_config *config, const struct config_source *source, const cJSON *rope,
                     struct error *error)
{
    const cJSON *text = source->text, *item;
    const char *name = source->name, *theta = config->family->theta_key;
    if (rope && !cJSON_IsObject(rope))
        return error_set(error, "%s: rope_scaling or rope_parameters should be an object", name);
    if (!take_local(config, source, &rope, error))
        return false;
    cJSON_ArrayForEach(item, rope)
    {
        if (cJSON_IsObject(item))
            config_cannot(config, "assay does not compute a rope for each kind of layers, such as \"%s\"",
                          item->string);
    }
    if (!json_get_double(text, name, theta ? theta : "rope_theta", &config->rope_theta, error) ||
        !json_get_double(rope, name, "rope_theta", &config->rope_theta, error) ||
        !take_share(config, source, rope, error) || !take_type(config, source, rope, error) ||
        !take_alpha(config, source, rope, error) || !take_numbers(config, source, rope, error))
        return false;
    check_share(config, source, rope);
    return true;
}

/* Newer files have "rope_parameters" with everything in it; older ones "rope_theta" beside "rope_scaling". */
bool config_take_rope(struct model_config *config, const struct config_source *source, struct error *error)
{
    const cJSON *rope = json_member(source->text, "rope_scaling");
    const char *absent = config->family->absent.rope;
    cJSON *own = NULL;
    if (!rope || (cJSON_IsObject(rope) && !rope->child))
        rope = json_member(source->text, "rope_parameters");
    if (!rope && absent && !(rope = own = cJSON_Parse(absent)))
        return error_memory(error, source->name);
    config->rope_theta = config->family->absent.theta;
    config->rope_factor = 1;
    config->rope_low_factor = 1;
    config->rope_high_factor = 4;
    config->rope_strength = 1;
    config->rope_original_context =
        config->family->absent.original_context ? config->family->absent.original_context : config->context;
    bool good = config->family->rotation == ROTATES_NEVER || take_all(config, source, rope, error);
    cJSON_Delete(own);
    return good;
}
