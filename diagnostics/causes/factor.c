#include "causes/factor.h"

#include <math.h>

struct point {
    double factor, square; /* of the distance */
};

static bool look(factor_distance *distance, void *context, double factor, struct point *point)
{
    double far;
    if (!distance(context, factor, &far))
        return false;
    *point = (struct point){factor, isfinite(far) ? far * far : INFINITY};
    return true;
}

/* Where the parabola through three points is lowest; not finite: it is not. */
static double lowest(const struct point *a, const struct point *b, const struct point *c)
{
    double ab = (b->square - a->square) / (b->factor - a->factor),
           bc = (c->square - b->square) / (c->factor - b->factor), bend = (bc - ab) / (c->factor - a->factor);
    return bend > 0 ? (a->factor + b->factor - ab / bend) / 2 : NAN;
}

#define STEPS 12     /* of refinement */
#define DECIDED 4    /* steps after which a distance that did not fall tells that it is no factor */
#define NEARER 0.125 /* ... to this */
#define ALIKE 1e-7   /* factors, for float32 */

/* Goes on between the two neighbours of the middle one, which is lowest of the three. */
static bool refine(factor_distance *distance, void *context, struct point three[3], double first)
{
    for (int step = 0; step < STEPS; step++) {
        double at = lowest(&three[0], &three[1], &three[2]);
        double width = three[2].factor - three[0].factor;
        if (!(at > three[0].factor && at < three[2].factor) || fabs(at - three[1].factor) < ALIKE * at)
            at = three[1].factor + ALIKE * width * (step % 2 ? 1 : -1);
        if (!(three[1].square > 0) || (step >= DECIDED && three[1].square > NEARER * NEARER * first) ||
            width < ALIKE * three[1].factor)
            return true;
        struct point point;
        if (!look(distance, context, at, &point))
            return false;
        bool below = point.factor < three[1].factor;
        if (point.square < three[1].square) { /* the new middle */
            three[below ? 2 : 0] = three[1];
            three[1] = point;
        } else
            three[below ? 0 : 2] = point;
    }
    return true;
}

bool factor_search(factor_distance *distance, void *context, double *factor, double *fell)
{
    static const double grid[] = {1.0 / 64, 1.0 / 16, 0.25, 0.5, 0.7, 1, 1.4, 2, 4, 16, 64};
    enum { COUNT = sizeof grid / sizeof *grid, ONE = COUNT / 2 };
    struct point points[COUNT];
    int best = ONE;
    for (int i = 0; i < COUNT; i++)
        if (!look(distance, context, grid[i], &points[i]))
            return false;
    for (int i = 0; i < COUNT; i++)
        best = points[i].square < points[best].square ? i : best;
    int middle = best == 0 ? 1 : best == COUNT - 1 ? COUNT - 2 : best;
    struct point *three = &points[middle - 1];
    double first = points[ONE].square;
    if (!refine(distance, context, three, first))
        return false;
    bool nearer = three[1].square <= NEARER * NEARER * first;
    *factor = nearer ? three[1].factor : 1;
    *fell = nearer ? sqrt(three[1].square / first) : 1;
    return true;
}
