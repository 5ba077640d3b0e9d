#include "cli/source_gold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/corpus.h"
#include "activations/trace.h"
#include "base/hash.h"
#include "base/numbers.h"
#include "cli/opening.h"
#include "cli/say.h"

/* Tokens of the two cases: the begin of a text, and a piece further on. */
#define FIRST 64
#define SECOND 32
#define SECOND_AT 200

/* Of the text; without a tokenizer any ids. */
static bool take_ids(const struct arguments *arguments, const struct subject *source, struct ids *ids,
                     struct error *error)
{
    struct buffer text = {0};
    bool good = true;
    if (source->tokenizer)
        good = corpus_read(arguments->text ? arguments->text : CORPUS_ENGLISH, &text, error) &&
               tokenizer_encode(source->tokenizer, text.data, text.size, true, ids, error);
    for (uint64_t i = ids->count; good && i < FIRST; i++)
        good = ids_push(ids, (int)(mix_u64(i * MIX_STEP) % (uint64_t)source->config->vocabulary)) ||
               error_memory(error, "gold");
    buffer_free(&text);
    return good;
}

static void path_of(const struct arguments *arguments, struct buffer *out)
{
    const char *temporary = getenv("TMPDIR");
    char hex[SHA256_TEXT] = "";
    struct error none = {0};
    if (!sha256_bytes(arguments->source, strlen(arguments->source), hex, &none))
        error_clear(&none);
    if (arguments->out)
        buffer_format(out, "%s/source.golden.safetensors", arguments->out);
    else
        buffer_format(out, "%s/assay-%.12s.golden.safetensors", temporary && *temporary ? temporary : "/tmp", hex);
}

static bool write_gold(struct subject *source, const struct ids *ids, const char *path, struct error *error)
{
    size_t first = ids->count < FIRST ? ids->count : FIRST;
    size_t second = ids->count >= SECOND_AT + SECOND ? SECOND : 0;
    struct golden_case items[2] = {{.id = "text-0", .ids = ids->data, .count = first},
                                   {.id = "text-1", .ids = second ? ids->data + SECOND_AT : NULL, .count = second}};
    struct cases cases = {.items = items, .count = second ? 2 : 1};
    struct dump_options options = {.producer = "assay, of --source",
                                   .dtype = "float32",
                                   .config = source->config_text,
                                   .tokenizer_sha256 = source->tokenizer_sha256};
    for (int i = 0; i < POINT_COUNT; i++)
        options.points[i] = true;
    for (size_t i = 0; i < 2; i++)
        items[i].perplexity = NAN;
    const struct golden_writer_request request = {
        .path = path, .config = source->config, .cases = items, .count = cases.count, .options = &options};
    struct golden_writer *writer = golden_writer_new(GOLDEN_FORM_OWN, &request, error);
    const struct trace_request trace = {.subject = source, .cases = &cases, .writer = writer};
    bool good = writer && trace_run(&trace, error);
    if (good)
        return golden_writer_commit(writer, error);
    golden_writer_discard(writer);
    return false;
}

struct golden *source_gold(const struct arguments *arguments, struct error *error)
{
    const struct subject_options options = {
        .model = arguments->source,
        .engine = {.threads = (int)arguments->threads, .missing = MISSING_FAIL, .exact = true}};
    struct subject source = {0};
    struct ids ids = {0};
    struct buffer path = {0};
    struct golden *golden = NULL;
    path_of(arguments, &path);
    bool good = (path.data && !path.failed) || error_memory(error, "gold");
    good =
        good && ((subject_open(&options, &source, error) && config_computes(source.config, arguments->source, error) &&
                  take_ids(arguments, &source, &ids, error) && subject_load(&source, error) &&
                  write_gold(&source, &ids, path.data, error)) ||
                 error_context(error, "--source"));
    if (good)
        golden = golden_open(path.data, error);
    if (golden && !arguments->quiet)
        say(stderr, "gold was made from %s: %s\n", arguments->source, path.data);
    ids_free(&ids);
    buffer_free(&path);
    subject_free(&source);
    return golden;
}
