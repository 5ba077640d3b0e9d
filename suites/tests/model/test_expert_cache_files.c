/* Experts in memory, and files that change or fail under a running model. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expert_cache_fixture.h"
#include "fixtures.h"
#include "model/model.h"

#define VICTIM "experts/thinker_expert_007_layer_03.safetensors"
#define VICTIM_TENSOR "thinker.model.layers.3.mlp.experts.7."

/* A copy of the extraction that may be harmed. */
static struct subject extraction_copy(void)
{
    char command[512];
    scratch_make();
    snprintf(command, sizeof command, "cp -r '%s' '%s'", GOLDEN("nano/thinker-extraction"), scratch("copy"));
    cr_assert_eq(system(command), 0);
    return subject_at(scratch("copy"), GOLDEN("nano/thinker") "/config.json");
}

static void victim_truncate(const char *path)
{
    cr_assert_eq(truncate(path, 100), 0);
}

static void victim_cut_last_byte(const char *path)
{
    struct stat status;
    cr_assert(stat(path, &status) == 0 && truncate(path, status.st_size - 1) == 0);
}

static void victim_replace(const char *path)
{
    size_t size = 0;
    char *bytes = read_bytes(path, &size);
    write_bytes(scratch("other"), bytes, size);
    free(bytes);
    cr_assert_eq(rename(scratch("other"), path), 0);
}

static void victim_remove(const char *path)
{
    cr_assert_eq(unlink(path), 0);
}

static void victim_make_folder(const char *path)
{
    cr_assert(unlink(path) == 0 && mkdir(path, 0777) == 0);
}

static void victim_write(const char *path)
{
    int descriptor = open(path, O_WRONLY);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}}; /* two writes within a tick have one time */
    cr_assert(descriptor >= 0 && pwrite(descriptor, "xx", 2, 2000) == 2 && futimens(descriptor, times) == 0);
    close(descriptor);
}

static const struct harm {
    const char *what;
    void (*harm)(const char *path);
    const char *says;
} harms[] = {
    {"truncated", victim_truncate, "shrunk"},        {"cut by a byte", victim_cut_last_byte, "shrunk"},
    {"replaced", victim_replace, "taken its place"}, {"removed", victim_remove, VICTIM},
    {"made a folder", victim_make_folder, VICTIM},   {"written to", victim_write, "written to"},
};

static void expect_named(const struct error *error, const char *what, const char *says)
{
    cr_expect(strstr(error_text(error), VICTIM) && strstr(error_text(error), VICTIM_TENSOR) &&
                  strstr(error_text(error), says),
              "%s: %s", what, error_text(error));
}

#define TOKENS 400 /* reads as many rows of the embedding, before all else */

/* One pass over many tokens, in which every expert of the nano model has some. */
static bool pass_all(struct record *record, struct error *error)
{
    struct probe probe = {.see = record_see, .context = record};
    int ids[TOKENS];
    for (size_t i = 0; i < TOKENS; i++)
        ids[i] = id_of(record->subject, 3, 3, i);
    struct sequence sequence = {.ids = ids, .count = TOKENS, .logits_from = TOKENS - 1};
    record->count = 0;
    return model_forward(record->model, &sequence, 1, &probe, error);
}

/* A cache too small to hold the victim: the next pass reads its file, and says what became of it. */
Test(expert_cache, a_file_that_changes_between_passes_is_an_error_that_names_it)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
        for (size_t most = 1; most < 36; most += 29) { /* 30: all of two layers before it */
            struct subject subject = extraction_copy();
            struct error error = {0};
            struct record record =
                record_of(&subject, model_with(&subject, &(struct model_options){.threads = 4, .cache_experts = most}));
            model_keep_weights(record.model, true);
            cr_assert(pass_all(&record, &error), "%s", error_text(&error));
            cr_assert(model_expert_counts(record.model, -1).kept == most &&
                      model_expert_counts(record.model, 3).kept == 0);
            harms[i].harm(scratch("copy/" VICTIM));
            cr_expect_not(pass_all(&record, &error), "%s", harms[i].what);
            expect_named(&error, harms[i].what, harms[i].says);
            error_clear(&error);
            cr_expect_eq(model_expert_counts(record.model, -1).kept, most);
            free(record.values);
            model_free(record.model);
            subject_close(&subject);
            scratch_remove();
        }
}

/* What was read whole from the file as it was goes on: it is what the model was opened with. */
Test(expert_cache, an_expert_in_memory_outlives_its_file)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        struct subject subject = extraction_copy();
        struct error error = {0};
        struct record record = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 4}));
        model_keep_weights(record.model, true);
        cr_assert(pass_all(&record, &error), "%s", error_text(&error));
        cr_assert_eq(model_expert_counts(record.model, 3).kept, 12);
        struct record before = record;
        record.values = NULL;
        record.capacity = 0;
        harms[i].harm(scratch("copy/" VICTIM));
        cr_expect(pass_all(&record, &error), "%s: %s", harms[i].what, error_text(&error));
        cr_expect(same_bits(&record, &before), "%s", harms[i].what);
        free(before.values);
        free(record.values);
        model_free(record.model);
        subject_close(&subject);
        scratch_remove();
    }
}

/* A read that fails, wherever in the pass: an error that names a file, and nothing half read stays. */
static void reads_fail(enum mishap which, const char *says)
{
    struct error error = {0};
    struct subject subject = extraction_copy();
    struct record expected = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 1}));
    cr_assert(pass_all(&expected, &error), "%s", error_text(&error));
    uint64_t one = model_expert_counts(expected.model, -1).read / model_expert_counts(expected.model, -1).misses;
    for (long at = TOKENS; at < TOKENS + 220; at += 13)
        for (size_t most = 0; most < 25; most += 8) {
            struct model_options options = {.threads = 4, .cache_experts = most};
            struct record record = record_of(&subject, model_with(&subject, &options));
            model_keep_weights(record.model, true);
            mishap_in = at;
            mishap = which;
            bool good = pass_all(&record, &error);
            mishap = MISHAP_NONE;
            cr_expect_not(good, "read %ld fails", at);
            cr_expect(strstr(error_text(&error), scratch("copy")) && strstr(error_text(&error), says), "%s",
                      error_text(&error));
            error_clear(&error);
            struct expert_counts before = model_expert_counts(record.model, -1);
            cr_expect(pass_all(&record, &error), "%s", error_text(&error));
            struct expert_counts after = model_expert_counts(record.model, -1);
            cr_expect_eq(after.read - before.read, (after.misses - before.misses) * one, "what a hit found was there");
            cr_expect(same_bits(&record, &expected), "other bits after read %ld failed, %zu experts", at, most);
            free(record.values);
            model_free(record.model);
        }
    free(expected.values);
    model_free(expected.model);
    subject_close(&subject);
    scratch_remove();
}

Test(expert_cache, a_read_that_fails_is_an_error_and_leaves_nothing_half_read)
{
    reads_fail(MISHAP_ERROR, "Input/output error");
    reads_fail(MISHAP_END, "short of what its header promised");
}

/* After the check, before the end of the read: also of the last read of a file, behind which no check would come. */
Test(expert_cache, a_file_that_changes_while_it_is_read_is_an_error)
{
    for (long at = TOKENS + 20; at < TOKENS + 50; at++) {
        struct subject subject = extraction_copy();
        struct error error = {0};
        struct record record = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 1}));
        model_keep_weights(record.model, true);
        mishap_in = at;
        mishap = MISHAP_CHANGE;
        cr_expect_not(pass_all(&record, &error), "read %ld", at);
        mishap = MISHAP_NONE;
        cr_expect(strstr(error_text(&error), scratch("copy")) && strstr(error_text(&error), "written to"), "%s",
                  error_text(&error));
        error_clear(&error);
        cr_expect_not(pass_all(&record, &error), "nothing of it is kept, and the file is still another");
        error_clear(&error);
        free(record.values);
        model_free(record.model);
        subject_close(&subject);
        scratch_remove();
    }
}
