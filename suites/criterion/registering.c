#include "registering.h"

#include <criterion/event.h>
#include <criterion/logging.h>
#include <criterion/options.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/wording.h"

#define RECORDS "ASSAY_SUITE_RECORDS" /* in the environment: the path of the file of records */

/* A record of the file: this, then the file's name and the message, each with its NUL. A test knows where its record
 * begins by criterion_test_extra_data.data, the one member that comes to its process and is ours. */
struct record {
    enum verdict verdict;
    size_t file_size, message_size;
};

static bool read_whole(FILE *file, void *data, size_t size)
{
    return fread(data, 1, size, file) == size;
}

/* False: `*record` is not to be had. The strings are allocated, for as long as the process lives. */
static bool record_read(struct record *record, char **about, char **message)
{
    const char *path = getenv(RECORDS);
    intptr_t at; /* Criterion hands the structure over wherever it happens to lie, with no regard to alignment */
    memcpy(&at, (const char *)criterion_current_test->data + offsetof(struct criterion_test_extra_data, data),
           sizeof at);
    FILE *file = path ? fopen(path, "rb") : NULL;
    bool good = file && fseek(file, (long)at, SEEK_SET) == 0 && read_whole(file, record, sizeof *record) &&
                (*about = malloc(record->file_size)) && (*message = malloc(record->message_size)) &&
                read_whole(file, *about, record->file_size) && read_whole(file, *message, record->message_size);
    if (file)
        fclose(file);
    return good;
}

/* A failed assertion, which names the model where one of C names its source. */
static void fail(const char *about, const char *message)
{
    struct criterion_assert_stats assertion = {.message = message, .file = about};
    criterion_send_assert(&assertion);
    criterion_abort_test();
}

static void tell(void)
{
    static char *about, *message; /* what ends a test does not come back */
    struct record record;
    if (!record_read(&record, &about, &message))
        fail("assay-suite", "The finding of this test cannot be read in its process.");
    else if (record.verdict == VERDICT_SKIP)
        criterion_skip_test("%s", message);
    else if (record.verdict == VERDICT_FAIL)
        fail(about, message);
    else if (record.verdict == VERDICT_WARN)
        cr_log_warn("%s", message);
}

/* As the macro Test has it. */
static void test(void)
{
    criterion_internal_test_setup();
    criterion_internal_test_main(tell);
    criterion_internal_test_teardown();
}

static bool record_write(FILE *file, const struct suite_test *row)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.verdict = row->verdict;
    record.file_size = strlen(row->file) + 1;
    record.message_size = strlen(row->message) + 1;
    return fwrite(&record, sizeof record, 1, file) == 1 && fwrite(row->file, record.file_size, 1, file) == 1 &&
           fwrite(row->message, record.message_size, 1, file) == 1;
}

/* Writes the records; offsets[i] is where that of test i begins. The file stays open. */
static bool records_write(const struct suite_tests *tests, long *offsets)
{
    char path[64];
    int descriptor = memfd_create("assay-suite", MFD_CLOEXEC);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    bool good = file != NULL;
    for (size_t i = 0; good && i < tests->count; i++)
        good = (offsets[i] = ftell(file)) >= 0 && record_write(file, &tests->items[i]);
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), descriptor);
    return good && fflush(file) == 0 && setenv(RECORDS, path, 1) == 0;
}

bool tests_register(const struct suite_tests *tests, struct criterion_test_set *set, struct error *error)
{
    static struct criterion_test_extra_data *data; /* the set's, to the end of the process */
    long *offsets = calloc(tests->count + 1, sizeof *offsets);
    data = calloc(tests->count + 1, sizeof *data);
    bool good = data && offsets ? records_write(tests, offsets) ||
                                      error_errno(error, "the findings, for the processes of the tests")
                                : error_memory(error, "tests");
    for (size_t i = 0; good && i < tests->count; i++) {
        const struct suite_test *row = &tests->items[i];
        data[i] = (struct criterion_test_extra_data){.compiler_ = CR_COMP_GCC,
                                                     .lang_ = CR_LANG_C,
                                                     .kind_ = CR_TEST_NORMAL,
                                                     .identifier_ = row->identifier,
                                                     .file_ = row->file,
                                                     .data = (void *)(intptr_t)offsets[i]};
        criterion_register_test(
            set, &(struct criterion_test){.name = row->name, .category = row->suite, .test = test, .data = &data[i]});
    }
    free(offsets);
    return good;
}

static int compare(const void *a, const void *b)
{
    const struct suite_test *one = *(const struct suite_test *const *)a, *other = *(const struct suite_test *const *)b;
    int order = strcmp(one->suite, other->suite);
    return order ? order : strcmp(one->name, other->name);
}

void tests_list(const struct suite_tests *tests)
{
    bool unicode = strcmp(criterion_options.encoding, "UTF-8") == 0;
    const struct suite_test **rows = calloc(tests->count + 1, sizeof *rows);
    for (size_t i = 0; rows && i < tests->count; i++)
        rows[i] = &tests->items[i];
    if (rows)
        qsort(rows, tests->count, sizeof *rows, compare);
    for (size_t i = 0, end = 0; rows && i < tests->count; i++) {
        if (i == end) {
            while (end < tests->count && strcmp(rows[end]->suite, rows[i]->suite) == 0)
                end++;
            printf("%s: %zu test%s\n", rows[i]->suite, end - i, text_plural(end - i));
        }
        printf("%s %s\n", i + 1 == end ? (unicode ? "└──" : "`--") : (unicode ? "├──" : "|--"), rows[i]->name);
    }
    free(rows);
}
