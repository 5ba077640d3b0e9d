/* The diagnostics of a text: what a fault in it is a fault of. */
#ifndef ASSAY_QUALITY_DIAGNOSIS_H
#define ASSAY_QUALITY_DIAGNOSIS_H

enum quality_diagnostic {
    DIAGNOSE_CHARACTERS,
    DIAGNOSE_REPETITION,
    DIAGNOSE_LANGUAGE,
    DIAGNOSE_LEAKAGE,
    DIAGNOSE_WORDNESS,
    DIAGNOSE_GRAMMAR,
    DIAGNOSE_SURPRISE, /* this and the next: where a judge model read it */
    DIAGNOSE_COHERENCE,
    DIAGNOSE_EXPECTED,
    DIAGNOSE_SELF_CONSISTENCY, /* by whoever has the model that wrote it: diagnostics/texts.c */
    DIAGNOSE_COUNT
};
/* "characters", "repetition" ... */
const char *quality_diagnostic_name(enum quality_diagnostic diagnostic);

#endif
