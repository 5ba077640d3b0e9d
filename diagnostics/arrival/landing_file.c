/* One file of an extraction, judged by itself. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrival/landing_internal.h"
#include "health/weights_health.h"
#include "health/weights_source.h"
#include "health/zeros.h"
#include "math/kernels.h"
#include "store/layout.h"
#include "store/safetensors.h"
#include "values/values.h"

bool landing_refuse(struct landing_verdict *verdict, enum landing_state state, const char *check,
                    const struct tensor *tensor, const char *format, ...)
{
    va_list arguments;
    if (verdict->check)
        return false;
    verdict->state = state;
    verdict->check = check;
    if (tensor) {
        verdict->tensor = strdup(tensor->name);
        tensor_place(tensor, &verdict->layer, &verdict->expert);
    }
    va_start(arguments, format);
    if (vasprintf(&verdict->message, format, arguments) < 0)
        verdict->message = NULL;
    va_end(arguments);
    return false;
}

bool landing_charge(struct landing_verdict *verdict, enum landing_state state, const struct tensor *tensor,
                    struct charge *charge)
{
    if (charge->check)
        landing_refuse(verdict, state, charge->check, tensor, "%s", charge->text ? charge->text : "");
    bool good = !charge->check;
    charge_free(charge);
    return good;
}

void landing_verdict_free(struct landing_verdict *verdict)
{
    free(verdict->tensor);
    free(verdict->message);
    *verdict = (struct landing_verdict){.layer = -1, .expert = -1, .file = verdict->file};
}

void landing_file_free(struct landing_file *file)
{
    landing_verdict_free(&file->verdict);
    free(file->tensors);
    error_clear(&file->error);
    *file = (struct landing_file){0};
}

/* A file under judgement. */
struct judging {
    const struct landing *landing;
    struct landing_file *file;
    const char *name;        /* below the folder */
    const char *path;        /* of the file */
    const struct store *own; /* the file as a store */
    bool rounded;            /* a tensor has another dtype than the original's */
};

/* The file cannot be read, for the reason that `problem` gives away. */
static bool refuse_reading(struct judging *judging, struct error *problem)
{
    if (problem->kind == ERROR_MEMORY)
        return error_take(&judging->file->error, problem);
    enum landing_state state = safetensors_falls_short(judging->path) ? LANDING_SHORT : LANDING_WRONG;
    struct charge charge = charge_unread(error_text(problem));
    landing_charge(&judging->file->verdict, state, NULL, &charge);
    error_clear(problem);
    return false;
}

/* By its header. A tensor that is called for is noted, right or wrong. */
static bool judge_tensor(struct judging *judging, const struct tensor *tensor)
{
    const struct landing *landing = judging->landing;
    struct landing_file *file = judging->file;
    size_t index = map_find(&landing->expected.by_name, tensor->name, strlen(tensor->name));
    struct charge charge;
    if (index == MAP_ABSENT) {
        charge = charge_extra(tensor);
        return landing_charge(&file->verdict, LANDING_WRONG, tensor, &charge);
    }
    file->tensors[file->count++] = (uint32_t)index;
    file->bytes += tensor->bytes;
    charge = charge_form(&landing->expected.list.items[index], tensor);
    if (!charge.check)
        charge = charge_misplaced(tensor);
    return landing_charge(&file->verdict, LANDING_WRONG, tensor, &charge);
}

static bool judge_header(struct judging *judging)
{
    const struct store *own = judging->own;
    struct landing_file *file = judging->file;
    if (store_problem_count(own)) {
        struct charge charge = charge_unread(store_problem(own, 0));
        return landing_charge(&file->verdict, LANDING_WRONG, NULL, &charge);
    }
    if (!store_count(own))
        return landing_refuse(&file->verdict, LANDING_SHORT, "inventory.files", NULL, "%s: holds no tensor.",
                              judging->path);
    file->tensors = malloc((store_text_count(own) + 1) * sizeof *file->tensors);
    if (!file->tensors)
        return error_memory(&file->error, judging->path);
    bool good = true; /* of a wrong file, too, it is known what it holds */
    for (size_t i = 0; i < store_text_count(own); i++)
        if (!tensor_is_ignored(store_at(own, i)) && !judge_tensor(judging, store_at(own, i)))
            good = false;
    return good;
}

/* Names what is there of the file's tensors and what is not; or one of them, where none is. */
static bool judge_part(struct judging *judging, size_t place)
{
    const struct expected_set *set = &judging->landing->expected;
    size_t *items = malloc((set->list.count + 1) * sizeof *items), count = 0;
    bool *there = calloc(set->list.count + 1, sizeof *there);
    if (items && there) {
        for (size_t i = 0; i < set->list.count; i++)
            if (set->file_of[i] == place)
                there[items[count++] = i] = store_find(judging->own, set->list.items[i].name);
        struct charge charge = charge_part(set, place, items, count, there);
        if (!charge.check)
            charge = charge_absent(&set->list.items[items[0]]);
        landing_charge(&judging->file->verdict, LANDING_SHORT, NULL, &charge);
        judging->file->verdict.layer = set->files[place].layer;
        judging->file->verdict.expert = set->files[place].expert;
    } else {
        error_memory(&judging->file->error, judging->path);
    }
    free(items);
    free(there);
    return false;
}

/* A file under the layout's name holds all that the layout puts there. */
static bool judge_whole(struct judging *judging)
{
    const struct landing *landing = judging->landing;
    struct landing_file *file = judging->file;
    size_t place = map_find(&landing->expected.by_path, judging->name, strlen(judging->name)), required = 0;
    for (size_t i = 0; i < file->count; i++)
        required += !landing->expected.list.items[file->tensors[i]].optional;
    if (place == MAP_ABSENT || required >= landing->expected.files[place].required)
        return true;
    return judge_part(judging, place);
}

/* A tensor whose values are read. */
struct reading {
    const struct tensor *tensor;
    const struct tensor *original; /* to be the same as, byte for byte; NULL: none */
    void *raw, *other;
    float *wide;
    bool zero; /* so far */
};

/* Names the first value that is not finite. */
static bool judge_finite(struct judging *judging, const struct reading *reading, uint64_t row, size_t count)
{
    if (all_finite(reading->wide, count))
        return true;
    size_t at = 0;
    while (isfinite(reading->wide[at]))
        at++;
    return landing_refuse(&judging->file->verdict, LANDING_WRONG, "weights.finite", reading->tensor,
                          "%s: tensor '%s' holds %g at row %llu, column %llu; a weight is a finite number.",
                          judging->path, reading->tensor->disk_name, (double)reading->wide[at],
                          (unsigned long long)(row + at / reading->tensor->columns),
                          (unsigned long long)(at % reading->tensor->columns));
}

/* Names the first value that is not the original's. */
static bool judge_same(struct judging *judging, const struct reading *reading, uint64_t row, size_t count)
{
    const struct tensor *tensor = reading->tensor;
    size_t width = dtype_bits(tensor->dtype) / 8, at = 0;
    if (memcmp(reading->raw, reading->other, count * width) == 0)
        return true;
    while (memcmp((const char *)reading->raw + at * width, (const char *)reading->other + at * width, width) == 0)
        at++;
    float original;
    widen(tensor->dtype, (const char *)reading->other + at * width, &original, 1);
    return landing_refuse(&judging->file->verdict, LANDING_WRONG, "weights.source", tensor,
                          "%s: tensor '%s' is not the original's: %.9g at row %llu, column %llu, where that has %.9g.",
                          judging->path, tensor->disk_name, (double)reading->wide[at],
                          (unsigned long long)(row + at / tensor->columns), (unsigned long long)(at % tensor->columns),
                          (double)original);
}

static bool read_values(struct judging *judging, struct reading *reading, uint64_t most)
{
    const struct tensor *tensor = reading->tensor;
    for (uint64_t row = 0; row < tensor->rows; row += most) {
        uint64_t rows = tensor->rows - row < most ? tensor->rows - row : most;
        size_t count = (size_t)(rows * tensor->columns);
        struct error problem = {0};
        if (!store_read_rows(judging->own, tensor, row, rows, reading->raw, &problem))
            return refuse_reading(judging, &problem);
        widen(tensor->dtype, reading->raw, reading->wide, count);
        if (!judge_finite(judging, reading, row, count))
            return false;
        for (size_t i = 0; reading->zero && i < count; i++)
            reading->zero = fpclassify(reading->wide[i]) == FP_ZERO;
        if (reading->original && (!store_read_rows(judging->landing->source, reading->original, row, rows,
                                                   reading->other, &judging->file->error) ||
                                  !judge_same(judging, reading, row, count)))
            return false;
    }
    return true;
}

static bool judge_zero(struct judging *judging, const struct reading *reading)
{
    /* what the original has is right */
    if (!reading->zero || judging->landing->source || !zeros_are_wrong(reading->tensor, PEERS_UNKNOWN))
        return true;
    struct buffer text = {0};
    tensor_text(&text, reading->tensor);
    zeros_text(&text);
    landing_refuse(&judging->file->verdict, LANDING_WRONG, "weights.constant", reading->tensor, "%s.",
                   text.data ? text.data : "");
    buffer_free(&text);
    return false;
}

static bool judge_values(struct judging *judging, const struct tensor *tensor)
{
    const struct store *source = judging->landing->source;
    struct reading reading = {.tensor = tensor, .zero = true};
    const struct tensor *original = source ? store_find(source, tensor->name) : NULL;
    if (source && !original)
        return landing_refuse(&judging->file->verdict, LANDING_WRONG, "weights.source", tensor,
                              "%s: tensor '%s' is not in the original, %s.", judging->path, tensor->disk_name,
                              store_path(source));
    bool same = original && tensor_same_kind(original, tensor);
    judging->rounded = judging->rounded || (original && !same);
    reading.original = same ? original : NULL;
    uint64_t most = chunk_rows(tensor->columns);
    size_t count = (size_t)(most * tensor->columns);
    reading.raw = malloc(dtype_row_bytes(tensor->dtype, count) + 1);
    reading.other = malloc(dtype_row_bytes(tensor->dtype, count) + 1);
    reading.wide = malloc(count * sizeof *reading.wide);
    bool good = ((reading.raw && reading.other && reading.wide) || error_memory(&judging->file->error, tensor->name)) &&
                read_values(judging, &reading, most) && judge_zero(judging, &reading);
    free(reading.raw);
    free(reading.other);
    free(reading.wide);
    return good;
}

/* Where a dtype was changed, what that costs is judged by the one who knows: weights.source. */
static bool judge_rounded(struct judging *judging)
{
    struct findings findings = {0};
    struct error problem = {0};
    struct pool *pool = pool_new(1, &judging->file->error);
    bool good = pool && weights_check_source(judging->own, judging->landing->source, judging->landing->config->head_dim,
                                             judging->landing->config->gains_whole, pool, &findings, &problem);
    if (problem.kind == ERROR_MINE)
        refuse_reading(judging, &problem);
    else if (problem.text) /* the original cannot be read */
        error_take(&judging->file->error, &problem);
    for (size_t i = 0; good && i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (finding->summary || finding->verdict != VERDICT_FAIL)
            continue;
        good = landing_refuse(&judging->file->verdict, LANDING_WRONG, "weights.source",
                              finding->where.tensor ? store_find(judging->own, finding->where.tensor) : NULL, "%s: %s",
                              judging->path, finding->message ? finding->message : "");
    }
    findings_free(&findings);
    pool_free(pool);
    return good;
}

static void judge(struct judging *judging)
{
    struct error problem = {0};
    struct store *own = store_open_files(judging->landing->folder, &judging->name, 1, &problem);
    if (!own) {
        refuse_reading(judging, &problem);
        return;
    }
    judging->own = own;
    bool good = judge_header(judging) && judge_whole(judging);
    for (size_t i = 0; good && i < judging->file->count; i++) {
        const struct expected *expected = &judging->landing->expected.list.items[judging->file->tensors[i]];
        good = judge_values(judging, store_find(own, expected->name));
    }
    if (good && judging->rounded)
        judge_rounded(judging);
    store_free(own);
}

/* The file as it is now; false: it is not there, or is no file (then the verdict says so). */
static bool file_now(const char *path, struct landing_file *file, struct file_state *state)
{
    struct error problem = {0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not wait */
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        landing_verdict_free(&file->verdict);
        file->verdict.state = LANDING_GONE;
        return false;
    }
    if (descriptor < 0)
        error_errno(&problem, "%s", path);
    bool good = descriptor >= 0 && file_state(descriptor, path, state, &problem);
    if (descriptor >= 0)
        close(descriptor);
    if (!good)
        landing_refuse(&file->verdict, LANDING_WRONG, "inventory.files", NULL, "%s.", error_text(&problem));
    error_clear(&problem);
    return good;
}

void landing_file_judge(const struct landing *landing, const char *name, struct landing_file *file)
{
    struct judging judging = {.landing = landing, .file = file, .name = name};
    struct file_state after;
    char *path = path_join(landing->folder, name);
    *file = (struct landing_file){.verdict = {.layer = -1, .expert = -1}};
    if (!path) {
        error_memory(&file->error, name);
        return;
    }
    judging.path = path;
    size_t known = map_find(&landing->by_path, name, strlen(name));
    if (file_now(path, file, &file->verdict.file)) {
        if (known != MAP_ABSENT && landing->files[known].right &&
            !file_state_change(&landing->files[known].state, &file->verdict.file))
            file->verdict.state = LANDING_KNOWN;
        else
            judge(&judging);
        /* whatever was found in a file that changed meanwhile says nothing */
        if (file->verdict.check && file_now(path, file, &after) && file_state_change(&file->verdict.file, &after)) {
            landing_verdict_free(&file->verdict);
            file->verdict.state = LANDING_CHANGING;
        }
    }
    free(path);
}
