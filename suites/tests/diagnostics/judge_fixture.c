#include "judge_fixture.h"

#include <criterion/criterion.h>
#include <math.h>

#include "faults/fault.h"

struct subject judge_open(const char *model, const char *tokenizer, const char *fault)
{
    struct error error = {0};
    struct subject judge;
    struct subject_options options = {.model = model, .tokenizer = tokenizer};
    cr_assert(subject_open(&options, &judge, &error) && faults_lay(&judge, NULL, 0, &fault, fault ? 1 : 0, &error),
              "%s", error_text(&error));
    return judge;
}

struct straight {
    const struct ids *ids;
    double *bits;
};

static bool straight_see(void *context, const struct activation *activation, struct error *error)
{
    struct straight *straight = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        size_t target = (size_t)activation->row_of[row].token + 1;
        const float *logits = activation->values + row * activation->width;
        double sum = 0;
        if (target >= straight->ids->count)
            continue;
        for (size_t i = 0; i < activation->width; i++)
            sum += exp((double)logits[i]);
        straight->bits[target] = log2(exp((double)logits[straight->ids->data[target]]) / sum);
    }
    return true;
}

void straight_each(struct subject *judge, const struct ids *ids, double *bits)
{
    struct error error = {0};
    struct straight straight = {ids, bits};
    struct sequence sequence = {.ids = ids->data, .count = ids->count};
    struct probe probe = {.see = straight_see, .context = &straight};
    cr_assert(model_forward(judge->model, &sequence, 1, &probe, &error), "%s", error_text(&error));
}
