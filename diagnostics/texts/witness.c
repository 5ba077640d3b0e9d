#include "texts/witness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/run.h"
#include "texts/judge_text.h"

/* What the judge reads at once: `lead` ids, then the text's tokens from `at` on. */
struct piece {
    size_t text, at, lead;
    struct ids ids;
    float *bits; /* where those of the text's tokens go, from `at` on */
};

struct witness {
    struct subject *judge;
    const struct witness_text *texts;
    struct surprise *out;
    struct ids begin, *tokens; /* [count] of the texts */
    struct piece *pieces;
    size_t piece_count, piece_capacity;
};

void surprise_free(struct surprise *surprise)
{
    free(surprise->ends);
    free(surprise->bits);
    free(surprise->alone);
    *surprise = (struct surprise){0};
}

/* BOS and a line break. */
static bool begin(struct witness *witness, struct error *error)
{
    return judge_begin(witness->judge, &witness->begin, error) &&
           judge_encode(witness->judge, "\n", 1, false, &witness->begin, error) &&
           (witness->begin.count || error_set(error, "judge %s: its tokenizer has no token for a line break",
                                              store_path(witness->judge->store)));
}

#define DECODE_TOKENS 64 /* decoded from their first on, for each of them: the time is its square */

/* Where the tokens end. A tokenizer that normalises gives other text back: then the lengths are stretched to the
 * text's. */
static bool find_ends(const struct witness *witness, size_t index, struct error *error)
{
    const struct ids *ids = &witness->tokens[index];
    struct surprise *surprise = &witness->out[index];
    struct buffer text = {0};
    size_t before = 0, size = witness->texts[index].size;
    bool good = true, all = surprise->count == ids->count;
    for (size_t i = 0; good && i < surprise->count; i++) {
        size_t first = i - i % DECODE_TOKENS;
        text.size = 0;
        good = tokenizer_decode(witness->judge->tokenizer, ids->data + first, i - first + 1, false, &text, error);
        size_t end = before + text.size, least = i ? surprise->ends[i - 1] : 0;
        surprise->ends[i] = end < least ? least : end;
        if (i % DECODE_TOKENS == DECODE_TOKENS - 1)
            before = surprise->ends[i];
    }
    buffer_free(&text);
    size_t total = surprise->count ? surprise->ends[surprise->count - 1] : 0;
    for (size_t i = 0; good && total && i < surprise->count; i++) {
        size_t end = surprise->ends[i];
        if (all && total != size)
            end = (size_t)((double)end * (double)size / (double)total);
        surprise->ends[i] = end < size ? end : size;
    }
    return good;
}

static bool add_piece(struct witness *witness, size_t text, size_t at, size_t before, size_t count, float *bits,
                      struct error *error)
{
    struct piece piece = {.text = text, .at = at, .bits = bits};
    const struct ids *tokens = &witness->tokens[text];
    bool good = ids_append(&piece.ids, witness->begin.data, witness->begin.count) &&
                ids_append(&piece.ids, tokens->data + at - before, before + count);
    piece.lead = witness->begin.count + before;
    if (good && array_push(witness->pieces, witness->piece_count, witness->piece_capacity, piece))
        return true;
    ids_free(&piece.ids);
    return error_memory(error, "judge");
}

/* A sentence ends behind a line, and behind a full stop, question or exclamation mark. */
static bool ends_sentence(const char *text, size_t end)
{
    static const char *const wide[] = {"。", "！", "？", "।", "؟"};
    if (!end)
        return false;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (end >= 3 && memcmp(text + end - strlen(wide[i]), wide[i], strlen(wide[i])) == 0)
            return true;
    return strchr(".!?\n", text[end - 1]) != NULL;
}

#define SENTENCE_LEAST 6 /* tokens: "1." is none */

static bool lay_text(struct witness *witness, size_t index, struct error *error)
{
    struct surprise *surprise = &witness->out[index];
    const char *text = witness->texts[index].text;
    struct ids *tokens = &witness->tokens[index];
    if (!judge_encode(witness->judge, text, witness->texts[index].size, false, tokens, error))
        return false;
    surprise->count = tokens->count < WITNESS_TOKENS ? tokens->count : WITNESS_TOKENS;
    surprise->ends = calloc(surprise->count + 1, sizeof *surprise->ends);
    surprise->bits = calloc(surprise->count + 1, sizeof *surprise->bits);
    surprise->alone = calloc(surprise->count + 1, sizeof *surprise->alone);
    if (!surprise->ends || !surprise->bits || !surprise->alone)
        return error_memory(error, "judge");
    bool good = find_ends(witness, index, error);
    for (size_t at = 0; good && at < surprise->count; at += WITNESS_PIECE) {
        size_t left = surprise->count - at;
        good = add_piece(witness, index, at, at ? WITNESS_BEFORE : 0, left < WITNESS_PIECE ? left : WITNESS_PIECE,
                         surprise->bits, error);
    }
    for (size_t at = 0, i = 0; good && i < surprise->count; i++) {
        size_t length = i + 1 - at;
        bool ends = length >= SENTENCE_LEAST && ends_sentence(text, surprise->ends[i]);
        if (!ends && length < WITNESS_SENTENCE && i + 1 < surprise->count)
            continue;
        good = add_piece(witness, index, at, 0, length, surprise->alone, error);
        at = i + 1;
    }
    return good;
}

static bool see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct witness *witness = context;
    const struct piece *piece = &witness->pieces[which];
    for (size_t row = 0; part->point == POINT_HEAD && row < part->rows; row++) {
        size_t target = part->first + row + 1;
        double bits;
        if (target < piece->lead || target >= piece->ids.count)
            continue;
        if (!judge_bits(witness->judge, part->values + row * part->width, part->width, piece->ids.data[target],
                        witness->texts[piece->text].text, &bits, error))
            return false;
        piece->bits[piece->at + target - piece->lead] = (float)-bits;
    }
    return true;
}

static bool read_all(struct witness *witness, size_t count, struct error *error)
{
    struct run *run = NULL;
    bool good = begin(witness, error);
    for (size_t i = 0; good && i < count; i++)
        good = lay_text(witness, i, error);
    good = good && (run = run_new(witness->judge->model, error));
    for (size_t i = 0; good && i < witness->piece_count; i++) {
        const struct piece *piece = &witness->pieces[i];
        good = run_add(run, piece->ids.data, piece->ids.count - 1, piece->lead - 1,
                       (struct rider){.see = see, .context = witness, .which = i}, error);
    }
    good = good && (!witness->piece_count || run_execute(run, "judge", 0, error));
    run_free(run);
    for (size_t i = 0; i < count; i++)
        ids_free(&witness->tokens[i]);
    for (size_t i = 0; i < witness->piece_count; i++)
        ids_free(&witness->pieces[i].ids);
    free(witness->pieces);
    ids_free(&witness->begin);
    return good;
}

bool witness_read(struct subject *judge, const struct witness_text *texts, size_t count, struct surprise *out,
                  struct error *error)
{
    struct witness witness = {.judge = judge, .texts = texts, .out = out};
    if (!(witness.tokens = calloc(count + 1, sizeof *witness.tokens)))
        return error_memory(error, "judge");
    bool good = read_all(&witness, count, error);
    free(witness.tokens);
    for (size_t i = 0; !good && i < count; i++)
        surprise_free(&out[i]);
    return good;
}

/* What any model that knows English finds likely enough. */
static const char plain[] =
    "The bridge over the river was closed for repairs last spring, and people who lived on the other side had to drive "
    "twenty minutes longer to get to work. Some of them complained to the town council, but most were glad that "
    "something was being done at last. The old bridge had been built more than eighty years before, when there were "
    "only a few cars in the whole valley, and every winter the ice made the cracks a little wider. In the end the work "
    "took four months. When it was opened again, the school band played, the mayor made a short speech, and the first "
    "to cross was a farmer with a tractor who had not heard about the ceremony and only wanted to go home.\n";

bool witness_surprise(struct subject *judge, const struct witness_text *texts, size_t count, struct surprise *out,
                      double *knows, struct error *error)
{
    const struct witness_text english = {plain, sizeof plain - 1};
    struct surprise surprise = {0};
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct surprise){0};
    if (!(subject_needs_tokenizer(judge, error) || error_context(error, "judge %s", store_path(judge->store))) ||
        !subject_load(judge, error) || !witness_read(judge, &english, 1, &surprise, error))
        return false;
    for (size_t i = 0; i < surprise.count; i++)
        sum += surprise.bits[i];
    surprise_free(&surprise);
    *knows = sum / (double)english.size;
    return *knows > WITNESS_BITS || witness_read(judge, texts, count, out, error);
}
