#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extraction/passport.h"
#include "store_fixtures.h"

static void make(void)
{
    scratch_make();
}

TestSuite(passport, .init = make, .fini = scratch_remove, .timeout = 120);

/* --- the root, as RFC 6962 writes it down: by recursion --- */

struct leaf_text {
    unsigned char bytes[256];
    size_t size;
};

static void hash_two(unsigned char kind, const void *a, size_t a_size, const void *b, size_t b_size,
                     unsigned char *digest)
{
    struct error error = {0};
    struct sha256 *sha = sha256_new(&error);
    cr_assert(sha && sha256_update(sha, &kind, 1) && sha256_update(sha, a, a_size) && sha256_update(sha, b, b_size) &&
              sha256_take(sha, digest));
    sha256_free(sha);
}

static void tree_hash(const struct leaf_text *leaves, size_t count, unsigned char *digest)
{
    unsigned char left[SHA256_BYTES], right[SHA256_BYTES];
    size_t half = 1;
    if (count == 1) {
        hash_two(0, leaves->bytes, leaves->size, "", 0, digest);
        return;
    }
    while (half * 2 < count)
        half *= 2;
    tree_hash(leaves, half, left);
    tree_hash(leaves + half, count - half, right);
    hash_two(1, left, sizeof left, right, sizeof right, digest);
}

static void hash_of(char hex[SHA256_TEXT], unsigned number)
{
    for (int i = 0; i < SHA256_TEXT - 1; i++)
        hex[i] = "0123456789abcdef"[(number + (unsigned)i) % 16];
    hex[SHA256_TEXT - 1] = '\0';
}

static void add_tensor(struct passport *passport, const char *name, unsigned number)
{
    const uint64_t shape[2] = {number + 1, 3};
    struct passport_tensor *row = passport_add_tensor(passport, name, DTYPE_BF16, 2, shape);
    cr_assert(row);
    hash_of(row->sha256, number);
}

static void finish(struct passport *passport)
{
    struct error error = {0};
    cr_assert(passport_finish(passport, "rows", &error), "%s", error_text(&error));
}

Test(passport, the_root_is_the_tree_hash_of_rfc_6962)
{
    for (unsigned count = 1; count <= 33; count++) {
        struct passport passport = {0};
        struct leaf_text leaves[40] = {{{0}, 0}};
        unsigned char digest[SHA256_BYTES];
        char expected[SHA256_TEXT];
        for (unsigned i = 0; i < count; i++) {
            char name[32], hex[SHA256_TEXT];
            unsigned number = (i * 7) % count; /* in some order */
            snprintf(name, sizeof name, "model.%02u", count % 7 ? number : i);
            add_tensor(&passport, name, count % 7 ? number : i);
            snprintf(name, sizeof name, "model.%02u", i);
            hash_of(hex, i);
            leaves[i].size = (size_t)snprintf((char *)leaves[i].bytes, sizeof leaves[i].bytes,
                                              "tensor%c%s%cBF16%c%u,3%c%s", 0, name, 0, 0, i + 1, 0, hex);
        }
        finish(&passport);
        tree_hash(leaves, count, digest);
        sha256_text(digest, expected);
        cr_expect_str_eq(passport.root, expected, "%u leaves", count);
        passport_free(&passport);
    }
}

Test(passport, the_root_of_nothing_is_the_hash_of_nothing)
{
    struct passport passport = {0};
    finish(&passport);
    cr_expect_str_eq(passport.root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    passport_free(&passport);
}

/* What a row is changed in; the last two change nothing that the root is of. */
static void root_with(int change, char root[SHA256_TEXT])
{
    struct passport passport = {0};
    const uint64_t shape[2] = {change == 1 ? 6 : 2, change == 1 ? 1 : 3}, other[1] = {6};
    struct passport_tensor *a =
        passport_add_tensor(&passport, change == 0 ? "model.b" : "model.a", change == 2 ? DTYPE_F16 : DTYPE_BF16,
                            change == 3 ? 1 : 2, change == 3 ? other : shape);
    cr_assert(a);
    hash_of(a->sha256, change == 4);
    struct passport_companion *b = passport_add_companion(&passport, change == 5 ? "b.json" : "config.json");
    cr_assert(b);
    hash_of(b->sha256, change == 6);
    b->size = change == 8;
    if (change == 7 || change == 9) {
        struct passport_companion *c = passport_add_companion(&passport, "more.json");
        cr_assert(c);
        c->document = change == 9;
    }
    finish(&passport);
    strcpy(root, passport.root);
    passport_free(&passport);
}

Test(passport, the_root_depends_on_all_that_a_model_is)
{
    char root[SHA256_TEXT], changed[SHA256_TEXT];
    root_with(-1, root);
    for (int change = 0; change < 10; change++) {
        root_with(change, changed);
        cr_expect((strcmp(root, changed) == 0) == (change >= 8), "change %d", change);
    }
}

Test(passport, a_name_that_occurs_twice_is_an_error)
{
    struct passport passport = {0};
    struct error error = {0};
    add_tensor(&passport, "model.a", 1);
    add_tensor(&passport, "model.a", 2);
    cr_expect(!passport_finish(&passport, "rows", &error) && strstr(error_text(&error), "'model.a' occurs twice"));
    error_clear(&error);
    passport_free(&passport);
}

/* --- held against files --- */

/* An extraction of one small model, in the scratch folder; its passport. */
static void extract_small(struct passport *passport, struct pool *pool)
{
    static const struct plain_tensor tensors[] = {
        {"model.embed_tokens.weight", "BF16", "[5,4]", NULL, 40},
        {"model.layers.0.input_layernorm.weight", "F32", "[4]", NULL, 16},
        {"model.layers.0.post_attention_layernorm.weight", "F32", "[4]", NULL, 16},
        {"model.layers.0.mlp.gate.weight", "BF16", "[2,4]", NULL, 16},
        {"model.norm.weight", "F32", "[0]", NULL, 0}};
    struct error error = {0};
    const char *source = scratch("source/model.safetensors");
    write_tensors(source, tensors, sizeof tensors / sizeof *tensors, NULL);
    struct store *store = open_store(source);
    const struct companion companion = {.name = (char *)"config.json", .text = "{}\n"};
    struct extract_request request = {.store = store,
                                      .folder = scratch("x"),
                                      .model = "small",
                                      .layers = 1,
                                      .first_layer = -1,
                                      .last_layer = -1,
                                      .companions = &companion,
                                      .companion_count = 1,
                                      .pool = pool};
    for (int i = 0; i < BLOCK_COUNT; i++)
        request.blocks[i] = true;
    struct extract_result result;
    cr_assert(extract_store(&request, &result, &error), "%s", error_text(&error));
    cr_assert(passport_read(scratch("x"), passport, &error) == PASSPORT_READ, "%s", error_text(&error));
    cr_expect(passport->follows && passport->complete && passport->tensor_count == 5);
    struct passport taken;
    cr_assert(passport_take(store, &companion, 1, pool, &taken, &error), "%s", error_text(&error));
    cr_expect_str_eq(taken.root, passport->root, "the source is another model than its extraction");
    passport_free(&taken);
    store_free(store);
}

/* How many hashes are other than the passport's, and whether some file is not good. */
static size_t wrong_hashes(const struct passport *passport, struct pool *pool, bool *bad)
{
    struct passport_reading reading;
    struct error error = {0};
    size_t wrong = 0;
    *bad = false;
    cr_assert(passport_hold(scratch("x"), passport, pool, &reading, &error), "%s", error_text(&error));
    for (size_t i = 0; i < passport->tensor_count; i++)
        wrong += strcmp(reading.tensors[i], passport->tensors[i].sha256) != 0;
    for (size_t i = 0; i < passport->file_count; i++) {
        wrong += strcmp(reading.headers[i], passport->files[i].sha256) != 0;
        *bad = *bad || reading.files[i] != PASSPORT_GOOD;
    }
    passport_reading_free(passport, &reading);
    return wrong;
}

Test(passport, every_byte_of_every_file_is_under_one_hash)
{
    struct error error = {0};
    struct pool *pool = pool_new(2, &error);
    struct passport passport = {0};
    bool bad;
    extract_small(&passport, pool);
    cr_expect(wrong_hashes(&passport, pool, &bad) == 0 && !bad);
    for (size_t i = 0; i < passport.file_count; i++) {
        char path[256];
        size_t size;
        snprintf(path, sizeof path, "%s", scratch("x/%s", passport.files[i].path));
        char *bytes = read_bytes(path, &size);
        for (size_t at = 0; at < size; at++) {
            bytes[at] ^= 4;
            write_bytes(path, bytes, size);
            cr_expect(wrong_hashes(&passport, pool, &bad) == 1, "%s, byte %zu", path, at);
            cr_expect(bad == (at < passport.files[i].header), "%s, byte %zu", path, at);
            bytes[at] ^= 4;
        }
        for (size_t less = 0; less < size; less += 9) {
            write_bytes(path, bytes, less);
            wrong_hashes(&passport, pool, &bad);
            cr_expect(bad, "%s cut to %zu bytes", path, less);
        }
        write_bytes(path, bytes, size);
        free(bytes);
    }
    cr_expect(wrong_hashes(&passport, pool, &bad) == 0 && !bad);
    passport_free(&passport);
    pool_free(pool);
}

Test(passport, a_manifest_without_a_root_is_none)
{
    struct passport passport;
    struct error error = {0};
    cr_expect(passport_read(scratch("."), &passport, &error) == PASSPORT_NONE);
    error_clear(&error);
    write_text(scratch("extraction_manifest.json"), "{\"model\": \"x\"}");
    cr_expect(passport_read(scratch("."), &passport, &error) == PASSPORT_NONE);
    error_clear(&error);
    write_text(scratch("extraction_manifest.json"), "{\"root\": 3}");
    cr_expect(passport_read(scratch("."), &passport, &error) == PASSPORT_MALFORMED && error.text);
    error_clear(&error);
}
