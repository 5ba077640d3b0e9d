/* The next token of a prompt, and the verdict of a check: example MODEL PROMPT [GOLD]
 *
 *     cc example.c $(pkg-config --static --cflags --libs assay) -o example */
#include <assay.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *error)
{
    fprintf(stderr, "example: %s\n", error ? error : "out of memory");
    return 3;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4)
        return fputs("usage: example MODEL PROMPT [GOLD]\n", stderr), 2;
    char *error, *text, *report;
    int *ids, next = 0;
    size_t count;
    struct assay_model *model = assay_open(argv[1], NULL, &error);
    if (!model || !assay_tokenize(model, argv[2], &ids, &count, &error))
        return fail(error);
    size_t vocabulary = assay_vocabulary(model);
    float *logits = malloc(vocabulary * sizeof *logits);
    if (!logits || !assay_logits(model, ids, count, logits, &error))
        return fail(error);
    for (size_t id = 1; id < vocabulary; id++)
        next = logits[id] > logits[next] ? (int)id : next;
    if (!(text = assay_text(model, &next, 1, &error)))
        return fail(error);
    printf("next token: %d \"%s\"\n", next, text);
    assay_free(text);
    assay_free(ids);
    free(logits);
    assay_close(model);

    const struct assay_check check = {
        .model = argv[1], .goldens = (const char **)&argv[3], .golden_count = (size_t)argc - 3, .suite = "quick"};
    enum assay_verdict verdict = assay_check(&check, &report, &error);
    if (verdict == ASSAY_ERROR)
        return fail(error);
    printf("verdict: %s\n%s", (const char *[]){"pass", "warn", "fail"}[verdict], report);
    assay_free(report);
    return verdict == ASSAY_FAIL;
}
