#include "model/routing.h"

bool routing_has(const int *chosen, int count, int expert)
{
    for (int i = 0; i < count; i++)
        if (chosen[i] == expert)
            return true;
    return false;
}

void routing_choose(const float *logits, int experts, int k, int *chosen)
{
    for (int place = 0; place < k; place++) {
        int best = -1;
        for (int e = 0; e < experts; e++) {
            bool better =
                best < 0 || logits[e] > logits[best] || (logits[best] != logits[best] && logits[e] == logits[e]);
            if (better && !routing_has(chosen, place, e))
                best = e;
        }
        chosen[place] = best;
    }
}
