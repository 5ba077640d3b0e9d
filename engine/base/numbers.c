#include "base/numbers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool multiply_u64(uint64_t a, uint64_t b, uint64_t *result)
{
    return !__builtin_mul_overflow(a, b, result);
}

bool add_u64(uint64_t a, uint64_t b, uint64_t *result)
{
    return !__builtin_add_overflow(a, b, result);
}

int double_order(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double doubles_median(double *values, size_t count)
{
    if (!count)
        return NAN;
    qsort(values, count, sizeof *values, double_order);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

uint64_t mix_u64(uint64_t value)
{
    value += MIX_STEP;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

void numbers_ranges(struct buffer *out, const int *sorted, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t last = i;
        while (last + 1 < count && sorted[last + 1] == sorted[last] + 1)
            last++;
        buffer_format(out, "%s%d", i ? ", " : "", sorted[i]);
        if (last > i)
            buffer_format(out, "%s%d", last == i + 1 ? ", " : "-", sorted[last]);
        i = last + 1;
    }
}

bool number_parse(const char *text, long long minimum, long long maximum, long long *value)
{
    char *end = NULL;
    if (*text != '-' && !(*text >= '0' && *text <= '9'))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || number < minimum || number > maximum)
        return false;
    *value = number;
    return true;
}

bool range_parse(const char *text, int maximum, int *first, int *last)
{
    long long values[2] = {0, 0};
    char number[2][12] = {{0}};
    size_t length = strcspn(text, "-");
    const char *second = text[length] ? text + length + 1 : text;
    if (length >= sizeof number[0] || strlen(second) >= sizeof number[1])
        return false;
    memcpy(number[0], text, length);
    strcpy(number[1], second);
    if (!number_parse(number[0], 0, maximum, &values[0]) || !number_parse(number[1], 0, maximum, &values[1]))
        return false;
    *first = (int)values[0];
    *last = (int)values[1];
    return *first <= *last;
}

bool size_parse(const char *text, uint64_t *bytes)
{
    size_t digits = strspn(text, "0123456789.");
    char *end = NULL;
    double number = strtod(text, &end);
    if (!digits || end != text + digits)
        return false;
    static const char units[] = "KMGTkmgt";
    double factor = 1;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        factor = pow(1024, (double)((unit - units) % 4 + 1));
        end++;
        if (strcmp(end, "iB") == 0 || strcmp(end, "B") == 0)
            end += strlen(end);
    }
    if (*end || !(number * factor < 9e18))
        return false;
    *bytes = (uint64_t)(number * factor);
    return true;
}

void size_text(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    /* 999.5 kB and more would be shown as 1e+03 kB */
    for (; value >= (unit ? 999.5 : 1000) && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    buffer_format(out, unit ? "%.3g %s" : "%.0f %s", value, units[unit]);
}
