#include "suites/suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/wording.h"
#include "suites/suite_internal.h"

#define SUITE_MAX ((size_t)1 << 20)
#define DEPTH_MAX 16     /* suites that extend one another */
#define DOCUMENTS_MAX 64 /* read for one suite: each may extend several */

/* --- the suite as one document --- */

/* What suite_json writes from the suite itself. */
static bool is_own(const char *key)
{
    static const char *const keys[] = {"$schema", "extends", "name", "purpose", "description", "diagnostics", "text"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static bool put(cJSON *object, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (value && cJSON_AddItemToObject(object, key, value))
        return true;
    cJSON_Delete(value);
    return false;
}

/* Objects that both have are put together, one level deep; of anything else the new one counts. */
static bool merge(cJSON *into, const cJSON *from)
{
    for (const cJSON *item = from->child; item; item = item->next) {
        cJSON *there = cJSON_GetObjectItemCaseSensitive(into, item->string);
        bool both = cJSON_IsObject(item) && cJSON_IsObject(there);
        for (const cJSON *member = both ? item->child : NULL; member; member = member->next)
            if (!put(there, member->string, cJSON_Duplicate(member, true)))
                return false;
        if (!both && !is_own(item->string) && !put(into, item->string, cJSON_Duplicate(item, true)))
            return false;
    }
    return true;
}

/* A list; where there are prompts and no texts are wanted, the change that says so. */
static cJSON *diagnostics_json(const struct suite *suite)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; list && i < DIAGNOSTIC_COUNT; i++)
        if (suite->wanted[i])
            cJSON_AddItemToArray(list, cJSON_CreateString(diagnostic_rows[i]->name));
    if (suite->wanted[DIAGNOSTIC_TEXTS] || !suite->prompt_count)
        return list;
    cJSON *change = cJSON_CreateObject(), *removed = cJSON_AddArrayToObject(change, "remove");
    cJSON_AddItemToArray(removed, cJSON_CreateString(diagnostic_rows[DIAGNOSTIC_TEXTS]->name));
    cJSON_AddItemToObject(change, "add", list);
    return change;
}

static cJSON *text_json(const struct suite *suite)
{
    cJSON *text = cJSON_CreateObject();
    char *path = *suite->text == ':' ? NULL : realpath(suite->text, NULL); /* wherever the document will lie */
    cJSON_AddStringToObject(text, "file", path ? path : suite->text);
    free(path);
    if (suite->context)
        cJSON_AddNumberToObject(text, "context", (double)suite->context);
    if (suite->stride)
        cJSON_AddNumberToObject(text, "stride", (double)suite->stride);
    return text;
}

cJSON *suite_json(const struct suite *suite, struct error *error)
{
    const char *const sentences[][2] = {
        {"name", suite->name}, {"purpose", suite->purpose}, {"description", suite->description}};
    cJSON *json = cJSON_CreateObject();
    bool good = json;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        good = good && (!sentences[i][1] || put(json, sentences[i][0], cJSON_CreateString(sentences[i][1])));
    good = good && put(json, "diagnostics", diagnostics_json(suite)) &&
           (!suite->text || put(json, "text", text_json(suite))) && merge(json, suite->members);
    if (good)
        return json;
    cJSON_Delete(json);
    error_memory(error, "suite");
    return NULL;
}

/* --- reading --- */

struct loading {
    struct suite *suite;
    size_t documents;
    struct buffer text; /* of all of them, for the hash */
    struct error *error;
};

/* "a.json extends b.json extends a.json", the outermost first. */
static void append_chain(const struct document *document, struct buffer *out)
{
    if (document->from) {
        append_chain(document->from, out);
        buffer_text(out, " extends ");
    }
    buffer_format(out, "%s", document->name);
}

/* A chain of suites that ends nowhere, or too late. */
static bool chain_ends(const struct document *document, const struct loading *loading)
{
    size_t depth = 0;
    bool circle = false;
    for (const struct document *from = document->from; from; from = from->from, depth++)
        circle = circle || strcmp(from->real, document->real) == 0;
    if (!circle && depth <= DEPTH_MAX && loading->documents <= DOCUMENTS_MAX)
        return true;
    struct buffer chain = {0};
    append_chain(document, &chain);
    const char *text = chain.data ? chain.data : "";
    if (circle)
        error_set(loading->error, "suites extend one another in a circle: %s", text);
    else if (depth > DEPTH_MAX)
        error_set(loading->error, "suites extend one another more than %d deep: %s", DEPTH_MAX, text);
    else
        error_set(loading->error, "more than %d suites would have to be read: %s", DOCUMENTS_MAX, text);
    buffer_free(&chain);
    return false;
}

/* Nothing is called so: which suites there are. */
static bool no_suite(const char *name, struct error *error)
{
    struct buffer text = {0};
    unknown_append(&text, "suite that is built in, and no file", name, bundled_count(), bundled_name);
    if (names_nearest(name, bundled_count(), bundled_name)) {
        buffer_text(&text, " There are ");
        names_join(&text, bundled_count(), bundled_name, " and ");
    }
    error_set(error, "%s", text.data ? text.data : "");
    buffer_free(&text);
    return false;
}

/* What no single key can show. */
static bool suite_is_whole(const struct document *document, struct suite *suite, struct error *error)
{
    bool any = false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        any = any || suite->wanted[i];
    if (!any)
        return document_wrong(document, document->root, error, "a suite without \"diagnostics\" checks nothing");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(document->root, "text");
    if ((suite->context || suite->stride) && !suite->text)
        return document_wrong(document, text ? text : document->root, error, "expected \"file\", found none");
    return !suite->wanted[DIAGNOSTIC_TEXTS] || suite->prompt_count || suite_default_prompts(suite, error);
}

/* Finds out what is meant by the name, and reads it. */
static bool document_read(struct document *document, const char *name, struct error *error)
{
    const char *text = bundled_text(name);
    if (text) {
        document->name = strdup(name);
        document->real = strdup(name);
        return ((document->name && document->real && buffer_text(&document->text, text)) ||
                error_memory(error, name)) &&
               (document->root = json_parse_lines(name, document->text.data, document->text.size, error));
    }
    if (!(document->path = path_beside(document->from ? document->from->path : NULL, name)) ||
        !(document->name = strdup(document->path)))
        return error_memory(error, name);
    if (!strchr(name, '/') && !file_exists(document->path))
        return no_suite(name, error);
    document->real = realpath(document->path, NULL);
    return (document->real || (document->real = strdup(document->path)) || error_memory(error, name)) &&
           (document->root = json_read_text(document->path, SUITE_MAX, &document->text, error));
}

/* What it is called and what it is for is its own, not that of what it extends. */
static bool own_words(struct suite *suite, const struct document *document, struct error *error)
{
    char **const words[] = {&suite->name, &suite->purpose, &suite->description};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        free(*words[i]);
        *words[i] = NULL;
    }
    return (suite->name = strdup(path_base(document->name))) || error_memory(error, document->name);
}

/* Reads the suite of that name; `at` is where `from` names it. */
static bool document_open(struct document *document, const char *name, const cJSON *at, struct loading *loading)
{
    struct buffer where = {0};
    loading->documents++;
    if (document_read(document, name, loading->error) && chain_ends(document, loading))
        return true;
    if (at)
        document_where(document->from, at, &where);
    if (where.data)
        error_context(loading->error, "%s", where.data);
    buffer_free(&where);
    return false;
}

/* Puts its members behind those that are there. */
static bool document_merge(const struct document *document, struct loading *loading)
{
    char *text = cJSON_PrintUnformatted(document->root);
    bool good = text && buffer_text(&loading->text, text) && merge(loading->suite->members, document->root);
    cJSON_free(text);
    return good || error_memory(loading->error, document->name);
}

/* What it extends comes first, so that what it says itself counts. */
static bool load(struct loading *loading, const char *name, const struct document *from, const cJSON *at)
{
    struct document document = {.from = from};
    struct suite *suite = loading->suite;
    const cJSON *base;
    bool good = document_open(&document, name, at, loading) &&
                (cJSON_IsObject(document.root) ||
                 document_wrong(&document, document.root, loading->error, "a suite is a JSON object"));
    for (size_t i = 0; good && (base = suite_extended(&document, i)); i++)
        good = load(loading, base->valuestring, &document, base);
    good = good && own_words(suite, &document, loading->error) && suite_take(&document, suite, loading->error) &&
           document_merge(&document, loading);
    if (good && !from)
        good = suite_is_whole(&document, suite, loading->error);
    document_free(&document);
    return good;
}

bool suite_open(const char *name, struct suite *suite, struct error *error)
{
    memset(suite, 0, sizeof *suite);
    suite->new_tokens = 50;
    suite->sampler = (struct sampler_options){.temperature = 0.7, .top_k = 50, .top_p = 1, .repetition_penalty = 1};
    struct loading loading = {.suite = suite, .error = error};
    suite->members = cJSON_CreateObject();
    bool good = suite->members ? limits_init(&suite->limits, error) : error_memory(error, "suite");
    good = good && load(&loading, name ? name : "default", NULL, NULL) &&
           sha256_bytes(loading.text.data, loading.text.size, suite->sha256, error);
    buffer_free(&loading.text);
    if (!good)
        suite_free(suite);
    return good;
}

void suite_free(struct suite *suite)
{
    suite_free_prompts(suite);
    free(suite->name);
    free(suite->purpose);
    free(suite->description);
    free(suite->text);
    cJSON_Delete(suite->members);
    limits_free(&suite->limits);
    suite_free_limits(suite);
    memset(suite, 0, sizeof *suite);
}
