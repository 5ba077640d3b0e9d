/* What GitHub shows of a step by itself: annotations out of workflow commands, and the job summary. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/ci.h"
#include "reports/report_render.h"
#include "reports/reports.h"
#include "reports/text.h"

#define SHOWN 10 /* of each kind, in a step */
#define NAMES_SHOWN 20
#define MESSAGE_SHOWN 1000
#define SUMMARY_MOST ((size_t)1 << 20)

/* ---- annotations ---- */

/* As the runner takes it apart: %, CR and LF by number, and : and , too where a property's value ends with them. */
static void command_text(struct buffer *out, const struct buffer *text, bool property)
{
    for (size_t i = 0; i < text->size; i++) {
        char character = text->data[i];
        if (strchr(property ? "%\r\n:," : "%\r\n", character))
            buffer_format(out, "%%%02X", (unsigned char)character);
        else
            buffer_char(out, character);
    }
    out->failed = out->failed || text->failed;
}

static void property(struct buffer *out, const char *name, const char *value, size_t maximum)
{
    struct buffer plain = {0};
    text_append_short(&plain, TEXT_PLAIN, value, maximum);
    buffer_text(out, name);
    command_text(out, &plain, true);
    buffer_free(&plain);
}

/* `title` and the text; `file`, which may be NULL, where it lies in the checkout. Ends `text`. */
static void annotation(struct buffer *out, enum verdict verdict, const char *title, const char *file,
                       struct buffer *text)
{
    buffer_text(out, verdict == VERDICT_WARN ? "::warning" : "::error");
    property(out, " title=", title, 200);
    if (file && *file && *file != '/' && strncmp(file, "..", 2) != 0)
        property(out, ",file=", file, MESSAGE_SHOWN);
    buffer_text(out, "::");
    command_text(out, text, false);
    buffer_char(out, '\n');
    buffer_free(text);
}

static void check_annotation(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    const struct finding *head = check->head, *cause = ci_cause(outline, check);
    struct buffer text = {0};
    text_append_short(&text, TEXT_PLAIN, head->message, MESSAGE_SHOWN);
    if (head->has_measured) {
        buffer_text(&text, "\nmeasured ");
        measured_append(&text, TEXT_PLAIN, head);
        buffer_text(&text, ", limit ");
        limit_append(&text, head);
    }
    if (cause) {
        buffer_text(&text, "\ncause: ");
        text_append_short(&text, TEXT_PLAIN, cause->message, MESSAGE_SHOWN);
    }
    annotation(out, check->verdict, check->name, head->where.file, &text);
}

/* In the place of the tenth: which checks have none of their own. */
static void more_annotation(struct buffer *out, const struct outline *outline, enum verdict verdict,
                            const struct outline_check *check)
{
    size_t count = 0;
    struct buffer names = {0}, text = {0};
    for (; check; check = outline_next(outline, verdict, check)) {
        if (count++ >= NAMES_SHOWN)
            continue;
        buffer_text(&names, count > 1 ? ", " : "");
        text_append_short(&names, TEXT_PLAIN, check->name, 100);
    }
    buffer_format(&text, "%zu more checks %s: %s%s.", count, verdict == VERDICT_WARN ? "warned" : "failed",
                  names.data ? names.data : "", count > NAMES_SHOWN ? " and others" : "");
    text.failed = text.failed || names.failed;
    buffer_free(&names);
    annotation(out, verdict, ci_run_name(outline->report), NULL, &text);
}

static void annotations(struct buffer *out, const struct outline *outline, enum verdict verdict, size_t most)
{
    const struct outline_check *check = outline_next(outline, verdict, NULL);
    for (size_t i = 1; check && (i < most || !outline_next(outline, verdict, check)); i++) {
        check_annotation(out, outline, check);
        check = outline_next(outline, verdict, check);
    }
    if (check)
        more_annotation(out, outline, verdict, check);
}

static void annotations_build(const struct outline *outline, struct buffer *out)
{
    const struct report *report = outline->report;
    bool run = ci_run_failed(outline);
    if (run) {
        struct buffer text = {0};
        text_append_short(&text, TEXT_PLAIN, report->reason, MESSAGE_SHOWN);
        annotation(out, report->verdict, ci_run_name(report), NULL, &text);
    }
    annotations(out, outline, VERDICT_FAIL, SHOWN - run);
    annotations(out, outline, VERDICT_WARN, SHOWN);
}

bool report_write_annotations(const struct report *report, FILE *file, struct error *error)
{
    struct outline outline;
    struct buffer out = {0};
    if (!outline_build(&outline, report, error))
        return false;
    annotations_build(&outline, &out);
    bool good = !out.failed || error_memory(error, "the annotations");
    errno = 0;
    if (good && out.size && (fwrite(out.data, 1, out.size, file) != out.size || fflush(file) != 0))
        good = error_errno(error, "cannot write the annotations");
    buffer_free(&out);
    outline_free(&outline);
    return good;
}

/* ---- the job summary ---- */

/* Cuts the text, at the end of a line, to what fits into `room`. */
static bool summary_fit(struct buffer *text, size_t room, const char *path, struct error *error)
{
    static const char end[] = "\nThe rest was cut: GitHub takes 1 MiB of a step. The report has all of it.\n";
    if (text->size <= room)
        return true;
    size_t size = room > sizeof end ? room - sizeof end : 0;
    while (size && text->data[size - 1] != '\n')
        size--;
    if (!size)
        return error_set(error, "%s: the job summary is full, for GitHub takes 1 MiB of a step", path);
    text->size = size;
    return buffer_text(text, end) || error_memory(error, "the job summary");
}

static bool descriptor_write(int descriptor, const char *path, const struct buffer *text, struct error *error)
{
    for (size_t done = 0; done < text->size;) {
        ssize_t count = write(descriptor, text->data + done, text->size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return error_errno(error, "%s: cannot append to the job summary", path);
        done += (size_t)count;
    }
    return true;
}

static bool summary_append(int descriptor, const char *path, const struct outline *outline, struct error *error)
{
    struct buffer text = {0};
    struct stat state;
    if (fstat(descriptor, &state) != 0)
        return error_errno(error, "%s: cannot append to the job summary", path);
    if (!S_ISREG(state.st_mode))
        return error_set(error, "%s: the job summary is no regular file", path);
    size_t size = (size_t)state.st_size, room = size < SUMMARY_MOST ? SUMMARY_MOST - size : 0;
    buffer_text(&text, size ? "\n" : "");
    bool good = markdown_build(outline, &text, error) && (!text.failed || error_memory(error, "the job summary")) &&
                summary_fit(&text, room, path, error) && descriptor_write(descriptor, path, &text, error);
    buffer_free(&text);
    return good;
}

bool report_append_summary(const struct report *report, const char *path, struct error *error)
{
    struct outline outline;
    if (!outline_build(&outline, report, error))
        return false;
    /* without O_NONBLOCK a pipe would be waited for */
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
    bool good = descriptor >= 0 ? summary_append(descriptor, path, &outline, error)
                                : error_errno(error, "%s: cannot append to the job summary", path);
    if (descriptor >= 0 && close(descriptor) != 0 && good)
        good = error_errno(error, "%s: cannot append to the job summary", path);
    outline_free(&outline);
    return good;
}
