/* bitsandbytes. Of four bits: values are codes of a table of 16, the first in the upper half of its byte, times the
 * largest magnitude of their block, and blocks go on from row to row. The magnitudes may be stored as codes of a table
 * of 256 themselves, with a scale for each of their blocks and one offset. What the blocks are, the shape and the dtype
 * tell a JSON text (functional.py, QuantState.from_dict). Of eight bits: value * scale of the row * (1 / 127), in
 * float32
 * (_ops.py, int8_vectorwise_dequant). */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/numbers.h"
#include "store/storage.h"
#include "values/values.h"

enum { VALUES, STATE, MAP, LARGEST, NESTED_LARGEST, NESTED_MAP };
enum { SCALES = 1, LAYOUT };

#define STATE_MOST 65536
#define CODES 16
#define NESTED_CODES 256

static const enum dtype bytes[] = {DTYPE_U8, DTYPE_COUNT};
static const enum dtype signed_bytes[] = {DTYPE_I8, DTYPE_COUNT};
static const enum dtype single[] = {DTYPE_F32, DTYPE_COUNT};

/* --- four bits --- */

static bool state_shape(struct assembly *assembly, const cJSON *json, struct error *error)
{
    const cJSON *shape = json_member(json, "shape");
    uint64_t all = 0, count = assembly->parts[VALUES]->rows;
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) != 2 ||
        !json_uint64(cJSON_GetArrayItem(shape, 0), &assembly->rows) ||
        !json_uint64(cJSON_GetArrayItem(shape, 1), &assembly->columns) ||
        !multiply_u64(assembly->rows, assembly->columns, &all) || !all)
        return part_refuse(assembly, STATE, error, "tells no \"shape\" of a matrix");
    return all / 2 + all % 2 == count ||
           part_refuse(assembly, VALUES, error, "has %llu bytes for [%llu, %llu] values", (unsigned long long)count,
                       (unsigned long long)assembly->rows, (unsigned long long)assembly->columns);
}

static bool state_numbers(struct assembly *assembly, const cJSON *json, bool nested, struct error *error)
{
    const cJSON *dtype = json_member(json, "dtype"), *offset = json_member(json, "nested_offset");
    assembly->dtype = cJSON_IsString(dtype) ? dtype_of_torch(dtype->valuestring) : DTYPE_COUNT;
    if (assembly->dtype == DTYPE_COUNT || !dtype_width(assembly->dtype))
        return part_refuse(assembly, STATE, error, "tells no \"dtype\" that is computed with");
    if (!json_uint64(json_member(json, "blocksize"), &assembly->group[1]) || !assembly->group[1])
        return part_refuse(assembly, STATE, error, "tells no \"blocksize\"");
    if (nested && (!json_uint64(json_member(json, "nested_blocksize"), &assembly->group[0]) || !assembly->group[0] ||
                   !cJSON_IsNumber(offset)))
        return part_refuse(assembly, STATE, error, "tells no \"nested_blocksize\" or no \"nested_offset\"");
    assembly->factor = nested ? offset->valuedouble : 0;
    return true;
}

static bool state_take(struct assembly *assembly, bool nested, struct error *error)
{
    const struct tensor *state = assembly->parts[STATE];
    if (state->rank != 1 || state->bytes > STATE_MOST)
        return part_refuse(assembly, STATE, error, "is no text");
    char *text = part_take(assembly, STATE, 0, 1, error);
    cJSON *json = text ? json_parse(state->disk_name, text, (size_t)state->bytes, error) : NULL;
    bool good = json && state_shape(assembly, json, error) && state_numbers(assembly, json, nested, error);
    cJSON_Delete(json);
    free(text);
    return good;
}

static uint64_t blocks_of(uint64_t count, uint64_t size)
{
    return count / size + (count % size != 0);
}

static bool bnb4_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    bool nested = assembly->parts[NESTED_LARGEST];
    (void)said;
    if (nested != (assembly->parts[LARGEST]->dtype == DTYPE_U8))
        return part_refuse(assembly, LARGEST, error, "has dtype %s, and nested_absmax is %s",
                           dtype_name(assembly->parts[LARGEST]->dtype), nested ? "there" : "absent");
    if (nested && !assembly->parts[NESTED_MAP])
        return part_refuse(assembly, NESTED_LARGEST, error, "is there, and nested_quant_map is absent");
    if (!part_typed(assembly, STATE, bytes, error) || !part_typed(assembly, MAP, single, error) ||
        !part_typed(assembly, LARGEST, nested ? bytes : single, error) ||
        !part_shaped(assembly, MAP, 1, CODES, error) || !part_fold(assembly, VALUES, 0, error) ||
        !state_take(assembly, nested, error))
        return false;
    assembly->bits = 4;
    uint64_t blocks = blocks_of(assembly->rows * assembly->columns, assembly->group[1]);
    return part_shaped(assembly, LARGEST, blocks, 1, error) &&
           (!nested ||
            (part_typed(assembly, NESTED_LARGEST, single, error) && part_typed(assembly, NESTED_MAP, single, error) &&
             part_shaped(assembly, NESTED_MAP, 1, NESTED_CODES, error) &&
             part_shaped(assembly, NESTED_LARGEST, blocks_of(blocks, assembly->group[0]), 1, error)));
}

/* Largest magnitudes of the blocks first .. first + count - 1. */
static float *largest_take(const struct assembly *assembly, uint64_t first, uint64_t count, struct error *error)
{
    if (!assembly->parts[NESTED_LARGEST])
        return part_floats(assembly, LARGEST, first, count, error);
    uint64_t size = assembly->group[0], begin = first / size, end = (first + count - 1) / size + 1;
    uint8_t *codes = part_take(assembly, LARGEST, first, count, error);
    float *map = codes ? part_floats(assembly, NESTED_MAP, 0, 1, error) : NULL;
    float *scales = map ? part_floats(assembly, NESTED_LARGEST, begin, end - begin, error) : NULL;
    float *largest = scales ? malloc((size_t)count * sizeof *largest + 1) : NULL;
    if (scales && !largest)
        error_memory(error, assembly->parts[LARGEST]->disk_name);
    for (uint64_t i = 0; largest && i < count; i++) {
        float scaled = map[codes[i]] * scales[(first + i) / size - begin];
        largest[i] = scaled + (float)assembly->factor;
    }
    free(codes);
    free(map);
    free(scales);
    return largest;
}

static bool bnb4_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out, struct error *error)
{
    uint64_t size = assembly->group[1], begin = first * assembly->columns, end = begin + count * assembly->columns;
    uint64_t block = begin / size;
    uint8_t *codes = part_take(assembly, VALUES, begin / 2, (end + 1) / 2 - begin / 2, error);
    float *map = codes ? part_floats(assembly, MAP, 0, 1, error) : NULL;
    float *largest = map ? largest_take(assembly, block, (end - 1) / size - block + 1, error) : NULL;
    for (uint64_t i = begin; largest && i < end; i++) {
        uint8_t pair = codes[i / 2 - begin / 2];
        out[i - begin] = map[i % 2 ? pair & 15 : pair >> 4] * largest[i / size - block];
    }
    if (largest && assembly->dtype != DTYPE_F32)
        round_values(assembly->dtype, out, out, (size_t)(end - begin));
    free(codes);
    free(map);
    free(largest);
    return largest;
}

/* --- eight bits --- */

static bool int8_plan(struct assembly *assembly, const struct quantisation *said, struct error *error)
{
    unsigned char layout = 0;
    (void)said;
    if (!part_fold(assembly, VALUES, 1, error) ||
        !part_rows(assembly, VALUES, 1, assembly->parts[VALUES]->columns, error) ||
        !part_typed(assembly, SCALES, single, error) || !part_shaped(assembly, SCALES, assembly->rows, 1, error))
        return false;
    assembly->bits = 8;
    assembly->dtype = DTYPE_F32;
    if (!assembly->parts[LAYOUT])
        return true;
    if (!part_typed(assembly, LAYOUT, bytes, error) || !part_shaped(assembly, LAYOUT, 1, 1, error) ||
        !part_read(assembly, LAYOUT, 0, 1, &layout, error))
        return false;
    return !layout ||
           part_refuse(assembly, LAYOUT, error, "is %d: the values lie in tiles for one kind of GPU", layout);
}

static bool int8_widen(const struct assembly *assembly, uint64_t first, uint64_t count, float *out, struct error *error)
{
    int8_t *values = part_take(assembly, VALUES, first, count, error);
    float *scales = values ? part_floats(assembly, SCALES, first, count, error) : NULL;
    for (uint64_t i = 0; scales && i < count * assembly->columns; i++) {
        float scaled = (float)values[i] * scales[i / assembly->columns];
        out[i] = scaled * 7.874015718698502e-3f;
    }
    free(values);
    free(scales);
    return scales;
}

#define BNB4(type)                                                                                                     \
    .name = "bitsandbytes " type, .methods = " bitsandbytes ", .behind = ".weight", .values = bytes,                   \
    .parts = {{".weight", PART_NEEDED},                                                                                \
              {".weight.quant_state.bitsandbytes__" type, PART_NEEDED},                                                \
              {".weight.quant_map", PART_NEEDED},                                                                      \
              {".weight.absmax", PART_NEEDED},                                                                         \
              {".weight.nested_absmax", PART_ALIKE},                                                                   \
              {".weight.nested_quant_map", PART_ALIKE}},                                                               \
    .plan = bnb4_plan, .widen = bnb4_widen

const struct storage storage_nf4 = {BNB4("nf4")};
const struct storage storage_fp4 = {BNB4("fp4")};

const struct storage storage_llm_int8 = {
    .name = "bitsandbytes int8",
    .methods = " bitsandbytes ",
    .behind = ".weight",
    .values = signed_bytes,
    .parts = {{".weight", PART_NEEDED}, {".SCB", PART_NEEDED}, {".weight_format", PART_ALIKE}},
    .plan = int8_plan,
    .widen = int8_widen,
};
