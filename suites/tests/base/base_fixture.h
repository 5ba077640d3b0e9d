/* What the tests of the base share. */
#ifndef ASSAY_TESTS_BASE_FIXTURE_H
#define ASSAY_TESTS_BASE_FIXTURE_H

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

#endif
