#include "math_fixture.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

float next_value(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

float *random_values(uint32_t seed, size_t count, float scale)
{
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = next_value(&seed) * scale;
    return values;
}

uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
