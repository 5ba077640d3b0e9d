/* What one pass over the numbers of a tensor leaves behind: sums, from which all that is judged of its values follows.
 */
#ifndef ASSAY_HEALTH_MEASURE_H
#define ASSAY_HEALTH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "values/dtype.h"

/* Values of a tensor whose bytes are looked at in another reading: a sixteenth of them, but so many at least and at
 * most. */
#define MEASURE_LEAST 64
#define MEASURE_SAMPLE 1024

#define MEASURE_RUN 96 /* equal values, the shortest run that is never missed */

/* How the bytes of a value may be read. */
enum reading { READING_STORED, READING_SWAPPED, READING_OTHER_16, READING_COUNT };

/* Sums over the logarithms (base 2) of the magnitudes of the sampled values that are neither zero nor infinite. */
struct sampled {
    uint64_t count;  /* of them */
    uint64_t lost;   /* zeros, infinities and NaN */
    uint64_t inside; /* from 2^-16 to 2^5, where nearly all weights are */
    double sum, squares;
};

struct measure {
    uint64_t rows, columns;
    uint64_t count;                      /* values seen; of the sums below: those that are finite */
    uint64_t nonfinite, first_nonfinite; /* how many, and the index of the first */
    uint64_t zeros;
    double sum, absolute, squares, fourth;
    double smallest, largest; /* of the values */
    double peak;              /* the largest magnitude, and where it is */
    uint64_t peak_at;
    uint64_t equals;      /* values that equal the one before them in their row */
    uint64_t zero_equals; /* zeros among them */
    uint64_t run, run_at; /* the longest run of equal values, through rows; exact from MEASURE_RUN on */
    float run_value;
    float first_value, last_value; /* of the runs at either end of the strip: */
    uint64_t first_run, last_run;
    double row_squares, row_fourth; /* sums over rows of s and s^2, s the sum of squares of a row */
    uint64_t row_count;             /* rows among them: those without a value that is not finite */
    double neighbours;              /* sum of cos^2 between a row and the one before it */
    uint64_t neighbour_count;
    double column_squares, column_fourth; /* the same of columns, after measure_finish */
    uint64_t zero_columns;
    double gain_correlation;  /* NaN: not taken. See measure_finish */
    double effective_squares; /* sum of the squares of value times gain of its column; NaN: no gain */
    struct sampled sampled[READING_COUNT];
    uint64_t hash[2]; /* of the bytes and the dtype */
};

/* Work space for one strip of rows of one tensor. */
struct gauge {
    enum dtype dtype;
    struct measure *measure;
    double *column; /* [columns]: sums of squares */
    float *some;    /* [columns]: the same of the last rows */
    size_t some_rows;
    float *before; /* [columns]: the row before, when `has_before` */
    double before_squares;
    bool has_before;
    uint64_t row;    /* the next */
    uint64_t begin;  /* the index of the first value */
    float run_value; /* of the run under way */
    uint64_t run, run_at;
    size_t sample_row;     /* values sampled of a row, */
    uint64_t sample_every; /* of each so-manieth */
};

/* Bytes of the three arrays of a gauge together. */
size_t gauge_bytes(size_t columns);
/* Begins a strip at row `first` of a matrix [rows, columns]. `memory` holds gauge_bytes; the column sums begin at 0. */
void gauge_begin(struct gauge *gauge, enum dtype dtype, uint64_t rows, uint64_t columns, uint64_t first,
                 struct measure *measure, void *memory);
/* The next `rows` rows: as they are stored, and widened. A value that is not finite counts and is then taken for 0, in
 * `wide` too. `rms` [rows]: root mean square of each row, NaN where one was not finite; may be NULL. */
void gauge_rows(struct gauge *gauge, const void *raw, float *wide, size_t rows, float *rms);
void gauge_end(struct gauge *gauge);

/* Adds the next strip to those before it, from the first one of a tensor on. Not the columns' sums, which are added
 * element by element.
 */
void measure_add(struct measure *measure, const struct measure *later);
/* After the last strip: `column` [columns] holds the sums of squares of the columns. `gain` [columns]: the gain of the
 * norm that the matrix reads through, or NULL: gain_correlation becomes the correlation of log column norm with
 * log |gain|, for training shapes the two against each other, and effective_squares is taken. */
void measure_finish(struct measure *measure, const double *column, const float *gain);

/* Root mean square. */
double measure_rms(const struct measure *measure);
/* Of log2 |value| in the sample: mean and deviation; NaN when more than half of it is lost. */
double sampled_mean(const struct sampled *sampled);
double sampled_deviation(const struct sampled *sampled);
/* A sum of fourth powers over the square of one of squares: 3 for Gaussian values, more for heavier tails. */
double measure_kurtosis(const struct measure *measure);
/* Variance of the squared row (column) norms over what independent values of the same kurtosis give: 1 where rows
 * (columns) differ by chance only. NaN: cannot be told. */
double measure_row_structure(const struct measure *measure);
double measure_column_structure(const struct measure *measure);
/* Mean cos^2 of neighbouring rows times columns: 1 for independent values. */
double measure_neighbours(const struct measure *measure);

#endif
