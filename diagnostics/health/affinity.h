/* Is expert e the one that router row e asks for? Training turns the inputs that an expert looks at towards the row
 * that chooses it: of the 12 layers of the bundled reference model that carry it, 50 to 80 of 100 experts have more of
 * their energy along their own row than along any other. Layers that were hardly trained show nothing of the kind. */
#ifndef ASSAY_HEALTH_AFFINITY_H
#define ASSAY_HEALTH_AFFINITY_H

#include "health/pairing.h"

#define AFFINITY_NEURONS 64 /* of an expert that are looked at, at most */

struct affinity;

struct affinity *affinity_new(struct scan *scan, struct error *error);
void affinity_free(struct affinity *affinity);
/* One expert's up projection; fills its row of scan->affinity[layer]. Safe from several threads. */
bool affinity_add(struct affinity *affinity, int layer, int expert, const struct kept *up, struct error *error);

#endif
