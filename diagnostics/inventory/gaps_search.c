/* The candidates of a search for the causes of gaps. */
#include "inventory/gaps_search.h"

#include <stdlib.h>

static void pattern_free(struct pattern *pattern)
{
    free(pattern->lost);
    free(pattern->text);
}

void search_offer(struct search *search, const char *kind, double bits, const bool *lost, struct buffer *text)
{
    const struct census *census = search->census;
    size_t bytes = (census->count + 7) / 8, hits = 0;
    struct pattern pattern = {.kind = kind, .bits = bits, .text = buffer_take(text)};
    for (size_t i = 0; i < census->count; i++)
        hits += lost[i] && census->items[i].absent;
    if (!hits || search->memory || search->count == PATTERNS_MAX || search->count * bytes > PATTERN_BITS_MAX) {
        pattern_free(&pattern);
        return;
    }
    pattern.lost = calloc(bytes, 1);
    for (size_t i = 0; pattern.lost && i < census->count; i++)
        if (lost[i] && !census->items[i].expected->optional)
            pattern.lost[i / 8] |= (unsigned char)(1u << i % 8);
    if (pattern.lost && pattern.text && array_push(search->patterns, search->count, search->capacity, pattern))
        return;
    search->memory = true;
    pattern_free(&pattern);
}

void search_offer_seen(struct search *search, const char *kind, const bool *lost, const char *text, bool alone)
{
    struct buffer copy = {0};
    size_t before = search->count;
    buffer_text(&copy, text);
    search_offer(search, kind, 0, lost, &copy);
    if (search->count > before) {
        search->patterns[before].seen = true;
        search->patterns[before].alone = alone;
    }
}

void search_free(struct search *search)
{
    for (size_t i = 0; i < search->count; i++)
        pattern_free(&search->patterns[i]);
    free(search->patterns);
}
