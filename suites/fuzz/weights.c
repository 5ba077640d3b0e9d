/* Files of weights, their index, and the manifest of an extraction. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "extraction/passport.h"
#include "model/config.h"
#include "place.h"
#include "store/origin.h"
#include "store/safetensors.h"
#include "target.h"
#include "text/tokenizer.h"

#define VALUES_MOST ((uint64_t)1 << 20)

static void read_tensor(const struct store *store, const struct tensor *tensor)
{
    struct error error = {0};
    char shape[TENSOR_SHAPE_TEXT];
    int layer, expert;
    shape_text(tensor->shape, tensor->rank, shape);
    tensor_place(tensor, &layer, &expert);
    tensor_file_place(tensor, &layer, &expert);
    void *values = tensor->bytes <= VALUES_MOST ? malloc((size_t)tensor->bytes + 1) : NULL;
    if (values)
        store_read(store, tensor, values, &error);
    free(values);
    error_clear(&error);
}

/* What a file of weights says beside its tensors. */
static void read_documents(const struct store *store)
{
    struct error error = {0};
    const char *config = store_document(store, "config.json");
    const char *tokenizer = store_document(store, "tokenizer.json");
    cJSON *json = config ? json_parse("config.json", config, strlen(config), &error) : NULL;
    free(json ? config_parse("config.json", json, &error) : NULL);
    cJSON_Delete(json);
    error_clear(&error);
    if (tokenizer)
        tokenizer_free(tokenizer_parse("tokenizer.json", tokenizer, strlen(tokenizer), &error));
    error_clear(&error);
}

static void read_store(const char *path)
{
    struct error error = {0};
    struct store *store = store_open(path, &error);
    for (size_t i = 0; store && i < store_count(store); i++)
        read_tensor(store, store_at(store, i));
    for (size_t i = 0; store && i < store_problem_count(store); i++)
        (void)strlen(store_problem(store, i));
    if (store)
        read_documents(store);
    store_free(store);
    error_clear(&error);
}

void fuzz_safetensors(const uint8_t *data, size_t size)
{
    const char *path = place_file("model.safetensors", data, size);
    safetensors_falls_short(path);
    read_store(path);
}

void fuzz_gguf(const uint8_t *data, size_t size)
{
    read_store(place_file("model.gguf", data, size));
}

void fuzz_torch(const uint8_t *data, size_t size)
{
    read_store(place_file("model.pt", data, size));
}

static void zip_number(struct buffer *out, size_t value, int width)
{
    for (; width--; value >>= 8)
        buffer_char(out, (char)value);
}

/* What the header of an entry and its row in the directory have in common, between their first and their last fields.
 */
static void zip_common(struct buffer *out, const char *name, size_t size)
{
    zip_number(out, 0, 12);
    zip_number(out, size, 4);
    zip_number(out, size, 4);
    zip_number(out, strlen(name), 2);
    zip_number(out, 0, 2);
}

static void zip_entry(struct buffer *out, struct buffer *directory, const char *name, const void *data, size_t size)
{
    size_t at = out->size;
    buffer_append(out, "PK\3\4\0\0", 6);
    zip_common(out, name, size);
    buffer_text(out, name);
    buffer_append(out, data, size);
    buffer_append(directory, "PK\1\2\0\0\0\0", 8);
    zip_common(directory, name, size);
    zip_number(directory, 0, 10);
    zip_number(directory, at, 4);
    buffer_text(directory, name);
}

/* The pickle of an archive with one storage, "0", of 24 bytes. */
void fuzz_pickle(const uint8_t *data, size_t size)
{
    static const char storage[24] = {0};
    struct buffer out = {0}, directory = {0};
    zip_entry(&out, &directory, "a/data.pkl", data, size);
    zip_entry(&out, &directory, "a/data/0", storage, sizeof storage);
    size_t at = out.size;
    buffer_append(&out, directory.data, directory.size);
    buffer_append(&out, "PK\5\6\0\0\0\0\2\0\2\0", 12);
    zip_number(&out, directory.size, 4);
    zip_number(&out, at, 4);
    zip_number(&out, 0, 2);
    read_store(place_file("model.pt", (const uint8_t *)out.data, out.size));
    buffer_free(&out);
    buffer_free(&directory);
}

/* Two shards: "model.norm.weight" is in the first, "lm_head.weight" in the second. */
static void place_shards(void)
{
    static const struct {
        const char *file, *header;
    } shards[] = {
        {"index/a.safetensors", "{\"model.norm.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"},
        {"index/b.safetensors", "{\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"},
    };
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        char file[256] = {0};
        uint64_t length = strlen(shards[i].header);
        memcpy(file, &length, sizeof length);
        memcpy(file + sizeof length, shards[i].header, (size_t)length);
        place_file(shards[i].file, file, sizeof length + (size_t)length + 8 * (i + 1));
    }
}

void fuzz_index(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct origin *origin = NULL;
    struct origin_place found;
    place_shards();
    const char *path = place_file("index/model.safetensors.index.json", data, size);
    if (origin_open(path, NULL, &origin, &error) && origin) {
        for (size_t i = 0; i < origin_shard_count(origin); i++)
            (void)strlen(origin_shard_name(origin, i));
        origin_find(origin, "model.norm.weight", &found);
    }
    origin_free(origin);
    error_clear(&error);
    read_store(place("index"));
}

void fuzz_manifest(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct passport passport;
    place_copy("extraction/norms/thinker_norms_layer_00.safetensors",
               "golden/nano/thinker-extraction/norms/thinker_norms_layer_00.safetensors");
    place_copy("extraction/config.json", "golden/nano/thinker/config.json");
    place_file("extraction/" EXTRACTION_MANIFEST, data, size);
    const char *folder = place("extraction");
    if (passport_read(folder, &passport, &error) == PASSPORT_READ) {
        struct pool *pool = pool_new(1, &error);
        struct passport_reading reading = {0};
        if (pool && passport_hold(folder, &passport, pool, &reading, &error))
            passport_reading_free(&passport, &reading);
        pool_free(pool);
        passport_free(&passport);
    }
    error_clear(&error);
    read_store(folder);
}
