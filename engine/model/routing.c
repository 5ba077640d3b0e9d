#include "model/routing.h"

bool routing_has(const int *chosen, int count, int expert)
{
    for (int i = 0; i < count; i++)
        if (chosen[i] == expert)
            return true;
    return false;
}

/* True when expert a is chosen before expert b: a total order, so that whatever comes next in it is not chosen yet. */
static bool goes_before(const float *logits, int a, int b)
{
    bool number_a = logits[a] == logits[a], number_b = logits[b] == logits[b];
    if (number_a && number_b && (logits[a] > logits[b] || logits[a] < logits[b]))
        return logits[a] > logits[b];
    return number_a != number_b ? number_a : a < b;
}

void routing_choose(const float *logits, int experts, int k, int *chosen)
{
    for (int place = 0; place < k; place++) {
        int best = -1;
        for (int e = 0; e < experts; e++)
            if ((best < 0 || goes_before(logits, e, best)) && (place == 0 || goes_before(logits, chosen[place - 1], e)))
                best = e;
        chosen[place] = best;
    }
}
