/* libFuzzer's entry: one program for each target, named when it is compiled. */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_target *target;
    if (!target)
        target = fuzz_target_find(FUZZ_TARGET);
    target->run(data, size);
    return 0;
}
