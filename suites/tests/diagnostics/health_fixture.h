/* What the tests of weight health share. */
#ifndef ASSAY_TESTS_HEALTH_FIXTURE_H
#define ASSAY_TESTS_HEALTH_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixtures.h"
#include "health/scan.h"
#include "run/subject.h"

double uniform(void);
double gaussian(void);
float *gaussians(size_t count, double deviation);
void expect_near(const char *what, double value, double expected, double tolerance);

struct grid {
    enum dtype dtype;
    size_t rows, columns;
    void *raw;
    float *values; /* what the bytes come to */
};

struct grid grid_of(enum dtype dtype, size_t rows, size_t columns, const float *values);
void grid_free(struct grid *grid);

/* In strips of `strip` rows. */
struct measure measure_of(const struct grid *grid, size_t strip, size_t some, const float *gain, float *rms);

struct naive {
    double sum, absolute, squares, fourth, smallest, largest, peak, row_squares, row_fourth, neighbours, effective;
    double column_squares, column_fourth;
    uint64_t nonfinite, first_nonfinite, zeros, equals, run, run_at, row_count, neighbour_count, peak_at;
    double run_value, correlation;
};

struct naive naive_of(const struct grid *grid, const float *gain);
void expect_measure(const struct grid *grid, const struct measure *measure, const float *gain, bool cut);

extern const enum dtype dtypes[4];

#define MODEL(name) ASSAY_SOURCE_DIR "/golden/" name

struct pool *threads(int count);
struct subject open_model(const char *path, const char *const *faults, size_t count);

/* A model of odd tensors: `tensors` in one file, under that configuration. */
struct store *store_under(const char *path, const struct plain_tensor *tensors, size_t count,
                          struct model_config **config);
struct store *odd_store(const struct plain_tensor *tensors, size_t count, struct model_config **config);
const struct examined *examined_of(const struct scan *scan, const char *name);

#endif
