/* What health looks for, as two tables. A row that lacks a column does not build, nor does a function without a row, a
 * row without its functions, or a check for which nothing looks (judge.c).
 *
 * To add an anomaly: its row, and its functions judge_ID and say_ID in one of the judge_*.c. */
#ifndef ASSAY_HEALTH_HEALTH_ROWS_H
#define ASSAY_HEALTH_HEALTH_ROWS_H

/* clang-format off */

/* One for each check, in the order of the report; weights.finite comes before them, and weights.router behind.
 *
 * check     CHECK_...
 * name      in reports
 * told      claims_ID says of which tensors it can be told BY_PEERS, or BY_FACTOR: from which on; NEVER: it needs none
 * noted     notes_ID adds what is to be said beside the anomalies: NOTED, or PLAIN
 * good      when there are none
 * cause     why there is a limit */
#define CHECK_ROWS(ROW)                                                                                               \
    ROW(CONSTANT, constant, "weights.constant", NEVER, NOTED,                                                         \
        "No tensor is constant where its peers are not, and none has a page of equal values.",                                      \
        "trained values differ from each other; a run of equal ones as long as this is no accident")                  \
    ROW(BYTES, bytes, "weights.bytes", NEVER, PLAIN,                                                                  \
        "The values of all tensors have a plausible size: bytes and data types are read as they were written.",                                   \
        "read rightly, the logarithms of weights scatter by about 1.6 bits, and read wrongly by 0.3 or by more than " \
        "10")                                                                                                         \
    ROW(IDENTICAL, identical, "weights.identical", NEVER, NOTED,                                                      \
        "No two tensors hold the same values.",                                                                       \
        "no two tensors are trained to the same values")                                                              \
    ROW(INITIALISED, initialised, "weights.initialised", NEVER, PLAIN,                                                \
        "No tensor holds what a framework initialises with where its peers are trained.",                             \
        "Gaussian values without structure are not what training leaves")                                             \
    ROW(MAGNITUDE, magnitude, "weights.magnitude", BY_FACTOR, PLAIN,                                                  \
        "No tensor is larger or smaller than its peers by more than they differ among themselves.",                   \
        "eight times the peers' spread, and a factor of 1.9 at least (through a norm: 2.8)")                          \
    ROW(STRUCTURE, structure, "weights.structure", BY_PEERS, PLAIN,                                                   \
        "Rows and columns of all tensors are structured as those of their peers.",                                    \
        "a tensor has lost the structure of its peers when it is within 3.5 standard deviations of what chance gives")            \
    ROW(PAIRS, pairs, "weights.pairs", BY_PEERS, PLAIN,                                                               \
        "Matrices that work on the same neurons fit each other.",                                                     \
        "a tensor has lost the structure of its peers when it is within 3.5 standard deviations of what chance gives")

/* The first row that fits names what is wrong with a tensor.
 *
 * anomaly   ANOMALY_...
 * when      judge_ID sees it in the tensor itself (SEEN), or it FOLLOWS from what is wrong with others (blame.c)
 * check     that it fails
 * proves    a fault whatever the ARCHITECTURE; or only where the FAMILY is known, else a person must look
 * fault     the fault that damages so, and what of the anomaly it takes behind the tensor's name: NOTHING, the OTHER
 *           tensor, the NUMBER; "": none does
 * what      in a few words; say_ID says it in whole */
#define ANOMALY_ROWS(ROW)                                                                                              \
    ROW(SWAPPED, swapped, SEEN, BYTES, FAMILY, "byte-swap", NOTHING, "the bytes of every value are in reverse order")  \
    ROW(MISREAD, misread, SEEN, BYTES, FAMILY, "misread", NOTHING,                                                     \
        "the 16 bits of every value belong to the other 16-bit type")                                                  \
    ROW(ZEROS, zeros, SEEN, CONSTANT, ARCHITECTURE, "zeros", NOTHING, "all zero")                                      \
    ROW(CONSTANT, constant, SEEN, CONSTANT, FAMILY, "constant", NUMBER, "all one value")                               \
    ROW(RUN, run, SEEN, CONSTANT, FAMILY, "zero-page", NOTHING, "a run of one value")                                  \
    ROW(COPY, copy, SEEN, IDENTICAL, ARCHITECTURE, "copy", OTHER, "the very values of another tensor")                 \
    ROW(PEAK, peak, SEEN, MAGNITUDE, FAMILY, "", NOTHING, "one value is out of all proportion")                        \
    ROW(INITIALISED, initialised, SEEN, INITIALISED, FAMILY, "initialise", NOTHING,                                    \
        "random, as a framework initialises")                                                                          \
    ROW(TRANSPOSED, transposed, SEEN, STRUCTURE, FAMILY, "transpose", NOTHING, "transposed")                           \
    ROW(SHUFFLED, shuffled, SEEN, STRUCTURE, FAMILY, "shuffle", NOTHING,                                               \
        "without the structure that all its peers have")                                                               \
    ROW(MAGNITUDE, magnitude, SEEN, MAGNITUDE, FAMILY, "scale", NUMBER, "larger or smaller than its peers")            \
    ROW(GAIN, gain, FOLLOWS, STRUCTURE, FAMILY, "", NOTHING,                                                           \
        "a gain that does not fit the matrices that read through it")                                                  \
    ROW(PAIRS, pairs, SEEN, PAIRS, FAMILY, "permute-rows", NOTHING,                                                    \
        "rows do not fit those of the matrix that works on the same neurons")

/* clang-format on */

#endif
