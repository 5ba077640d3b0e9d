#include "quality/diagnosis.h"

const char *quality_diagnostic_name(enum quality_diagnostic diagnostic)
{
    static const char *const names[DIAGNOSE_COUNT] = {"characters", "repetition",      "language", "leakage",
                                                      "wordness",   "grammar",         "surprise", "coherence",
                                                      "expected",   "self_consistency"};
    return names[diagnostic];
}
