/* A passport against the configuration, and against the original's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/expected_set.h"
#include "model/quantised.h"
#include "passport/verify_internal.h"
#include "passport/verify_place.h"

/* --- passport.expected --- */

struct expecting {
    const struct passport *passport;
    struct expected_list absent;
    struct expected_set set;
    struct quantised quantised;
    size_t misshapen;
    char shape[TENSOR_SHAPE_TEXT + 256]; /* the first of the wrong shapes, in words */
};

static void expect_shape(struct expecting *expecting, const struct expected *expected,
                         const struct passport_tensor *tensor)
{
    if (tensor_same_shape(tensor, expected) || expecting->misshapen++)
        return;
    char text[TENSOR_SHAPE_TEXT];
    snprintf(expecting->shape, sizeof expecting->shape, "'%.160s' is %s", expected->name,
             shape_text(tensor->shape, tensor->rank, text));
}

static bool expect(struct expecting *expecting, const struct expected *expected)
{
    if (quantised_holds(&expecting->quantised, expected))
        return true;
    const struct passport_tensor *tensor = passport_find(expecting->passport, expected->name);
    if (!tensor && expected->substitute)
        tensor = passport_find(expecting->passport, expected->substitute);
    if (tensor)
        expect_shape(expecting, expected, tensor);
    return tensor || expected->optional || expected_list_add(&expecting->absent, expected);
}

static void expected_message(const struct expecting *expecting, struct finding *finding)
{
    size_t bad = expecting->absent.count + expecting->misshapen;
    finding_measured(finding, (double)bad, "tensors");
    finding_limit(finding, 0, "a passport of half a model proves no model");
    finding_judge(finding);
    if (expecting->absent.count) {
        struct buffer list = {0};
        expected_list_text(&expecting->absent, &list);
        finding_message(finding, "%zu of %zu tensors that the configuration calls for %s not in the passport: %s.",
                        expecting->absent.count, expecting->set.required, expecting->absent.count == 1 ? "is" : "are",
                        list.data ? list.data : "");
        buffer_free(&list);
    } else if (expecting->misshapen) {
        finding_message(finding, "Tensors of another shape than the configuration calls for: %zu; the first: %s.",
                        expecting->misshapen, expecting->shape);
    } else {
        finding_message(finding, "All %zu tensors that the configuration calls for are in the passport.",
                        expecting->set.required);
    }
}

bool verify_expected(const struct verify_request *request, const struct passport *passport, struct findings *findings)
{
    struct expecting expecting = {.passport = passport};
    struct finding *finding = findings_add(findings, "passport.expected");
    if (!finding)
        return false;
    if (!request->config) {
        finding->verdict = VERDICT_FAIL;
        finding_message(finding, "Without a configuration nothing says whether every tensor is there: %s.",
                        request->config_problem ? request->config_problem : "there is none");
        return true;
    }
    bool good = expected_set_take(request->config, &expecting.set);
    for (size_t i = 0; good && i < passport->tensor_count; i++)
        good = quantised_add(&expecting.quantised, passport->tensors[i].name, passport->tensors[i].dtype,
                             passport->tensors[i].bytes);
    quantised_count(&expecting.quantised, request->config);
    for (size_t i = 0; good && i < expecting.set.list.count; i++)
        good = expect(&expecting, &expecting.set.list.items[i]);
    expected_message(&expecting, finding);
    quantised_free(&expecting.quantised);
    expected_list_free(&expecting.absent);
    expected_set_free(&expecting.set);
    return good;
}

/* --- passport.source --- */

struct comparing {
    const struct verify_request *request;
    const struct passport *passport;
    struct findings *findings;
    size_t equal, differs, dtypes, absent, extra, companions;
    size_t more;         /* companions that the original has none of */
    const char *outside; /* a companion of the original that is not inside; NULL: none */
};

static struct finding *source_place(struct comparing *comparing, const char *tensor, const char *file)
{
    size_t told = comparing->differs + comparing->dtypes + comparing->absent + comparing->extra;
    if (told > PLACES_MAX)
        return NULL;
    const struct passport_tensor *row = tensor ? passport_find(comparing->passport, tensor) : NULL;
    if (row && row->file != PASSPORT_NO_FILE)
        file = comparing->passport->files[row->file].path;
    return verify_place(comparing->request, "passport.source", file, tensor, comparing->findings);
}

/* One tensor of the original. */
static void compare_tensor(struct comparing *comparing, const struct passport_tensor *original)
{
    const struct passport_tensor *mine = passport_find(comparing->passport, original->name);
    char here[TENSOR_SHAPE_TEXT], there[TENSOR_SHAPE_TEXT];
    if (!mine) {
        comparing->absent++;
        struct finding *place = source_place(comparing, original->name, NULL);
        if (place)
            finding_message(place, "'%s' is absent.", original->name);
    } else if (!tensor_same_kind(mine, original)) {
        comparing->dtypes++;
        struct finding *place = source_place(comparing, original->name, NULL);
        if (place)
            finding_message(place, "'%s' is %s %s here and %s %s in the original: not equal.", original->name,
                            dtype_name(mine->dtype), shape_text(mine->shape, mine->rank, here),
                            dtype_name(original->dtype), shape_text(original->shape, original->rank, there));
    } else if (strcmp(mine->sha256, original->sha256) != 0) {
        comparing->differs++;
        struct finding *place = source_place(comparing, original->name, NULL);
        if (place)
            finding_message(place, "'%s' has other bytes than the original's: SHA-256 %.16s... here, %.16s... there.",
                            original->name, mine->sha256, original->sha256);
    } else {
        comparing->equal++;
    }
}

static const struct passport_companion *companion_of(const struct passport *passport, const char *name)
{
    for (size_t i = 0; i < passport->companion_count; i++)
        if (strcmp(passport->companions[i].name, name) == 0)
            return &passport->companions[i];
    return NULL;
}

/* Other extractions have no configuration and no tokenizer inside: that is told, and no difference. */
static void compare_companions(struct comparing *comparing)
{
    const struct passport *original = comparing->request->original, *mine = comparing->passport;
    for (size_t i = 0; i < original->companion_count; i++) {
        const char *name = original->companions[i].name;
        if (original->companions[i].document)
            continue;
        const struct passport_companion *here = companion_of(mine, name);
        if (!here) {
            comparing->outside = comparing->outside ? comparing->outside : name;
            continue;
        }
        if (strcmp(here->sha256, original->companions[i].sha256) == 0)
            continue;
        comparing->companions++;
        struct finding *place = source_place(comparing, NULL, name);
        if (place)
            finding_message(place, "%s is not the original's.", name);
    }
    for (size_t i = 0; i < mine->companion_count; i++) {
        if (mine->companions[i].document || companion_of(original, mine->companions[i].name))
            continue;
        comparing->more++;
        struct finding *place = source_place(comparing, NULL, mine->companions[i].name);
        if (!place)
            continue;
        place->verdict = VERDICT_WARN;
        finding_message(place, "%s is here, and the original has none.", mine->companions[i].name);
    }
}

/* "1 differs, 2 are absent": what is not as in the original, and only that. */
static void differences_text(const struct comparing *comparing, struct buffer *out)
{
    const struct {
        size_t count;
        const char *one, *many;
    } rows[] = {{comparing->differs, "tensor differs", "tensors differ"},
                {comparing->dtypes, "tensor has another dtype or shape", "tensors have another dtype or shape"},
                {comparing->absent, "tensor is absent", "tensors are absent"},
                {comparing->extra, "tensor is not in the original", "tensors are not in the original"},
                {comparing->companions, "file beside the tensors differs", "files beside the tensors differ"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].count)
            buffer_format(out, "%s%zu %s", out->size ? ", " : "", rows[i].count,
                          rows[i].count == 1 ? rows[i].one : rows[i].many);
}

static void source_message(const struct comparing *comparing, size_t at)
{
    struct finding *finding = &comparing->findings->items[at];
    const struct verify_request *request = comparing->request;
    size_t bad = comparing->differs + comparing->dtypes + comparing->absent + comparing->extra + comparing->companions;
    bool converted = bad && bad == request->converted && bad == comparing->dtypes;
    finding_measured(finding, (double)bad, "differences");
    finding_limit(finding, 0, "every byte must be the original's");
    finding_judge(finding);
    finding_fact(finding, "equal", (double)comparing->equal);
    finding_fact_text(finding, "root", "%s", request->original->root);
    if (converted) {
        for (size_t i = at; i < comparing->findings->count; i++) /* and its places */
            comparing->findings->items[i].verdict = VERDICT_WARN;
        finding_message(finding,
                        "%zu of %zu tensors are the original's, byte for byte; the %zu others are stored as another "
                        "dtype, and are what rounding to it makes of the original's.",
                        comparing->equal, request->original->tensor_count, bad);
    } else if (bad) {
        struct buffer text = {0};
        differences_text(comparing, &text);
        finding_message(finding, "%zu of %zu tensors are those of %s, byte for byte; %s; the first: %s",
                        comparing->equal, request->original->tensor_count, request->original_name,
                        text.data ? text.data : "", verify_first(comparing->findings, at));
        buffer_free(&text);
    } else if (comparing->more) {
        finding->verdict = VERDICT_WARN;
        finding_message(finding,
                        "All %zu tensors are those of %s, byte for byte; files beside them of which the original has "
                        "none: %zu.",
                        comparing->equal, request->original_name, comparing->more);
    } else if (comparing->outside) {
        finding_message(finding,
                        "All %zu tensors are those of %s, byte for byte; %s of the original is not inside, so it is "
                        "not the whole of model %s.",
                        comparing->equal, request->original_name, comparing->outside, request->original->root);
    } else {
        finding_message(finding,
                        "All %zu tensors and the files beside them are those of %s, byte for byte; its root "
                        "is the same.",
                        comparing->equal, request->original_name);
    }
}

bool verify_source(const struct verify_request *request, const struct passport *passport, struct findings *findings)
{
    struct comparing comparing = {.request = request, .passport = passport, .findings = findings};
    size_t at = findings->count;
    if (!findings_add(findings, "passport.source"))
        return false;
    for (size_t i = 0; i < request->original->tensor_count; i++)
        compare_tensor(&comparing, &request->original->tensors[i]);
    for (size_t i = 0; i < passport->tensor_count; i++) {
        const char *name = passport->tensors[i].name;
        if (passport_find(request->original, name))
            continue;
        comparing.extra++;
        struct finding *place = source_place(&comparing, name, NULL);
        if (place)
            finding_message(place, "'%s' is here, and the original has none.", name);
    }
    compare_companions(&comparing);
    source_message(&comparing, at);
    return true;
}
