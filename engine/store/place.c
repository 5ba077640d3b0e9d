#include "store/place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "store/store.h"

/* What is called so and numbered is a layer. */
static const char *const layer_words[] = {"layers", "layer", "h", "blk", "block", "blocks"};

static bool is_layers(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof layer_words / sizeof *layer_words; i++)
        if (strlen(layer_words[i]) == length && memcmp(layer_words[i], word, length) == 0)
            return true;
    return false;
}

#define DIGITS_MOST 6

static const char *const expert_words[] = {"experts", "expert"};

static int number_behind(const char *name, const char *words)
{
    const char *at = strstr(name, words);
    size_t digits = at ? strspn(at + strlen(words), "0123456789") : 0;
    return digits && digits <= 9 ? atoi(at + strlen(words)) : -1;
}

/* A number behind which another follows is no place: "layers_0-11", "layer_3.1". */
static bool is_alone(const char *behind)
{
    return !(*behind && strchr("._-", *behind) && isdigit((unsigned char)behind[1]));
}

/* The number behind one of the words in a file's name: "_layer_03", "layers.3", "Expert12"; -1: none. */
static int number_told(const char *name, const char *const *words, size_t count)
{
    for (const char *at = name; *at; at++)
        for (size_t i = 0; i < count && (at == name || !isalpha((unsigned char)at[-1])); i++) {
            size_t length = strlen(words[i]);
            if (strncasecmp(at, words[i], length) != 0)
                continue;
            const char *number = at + length + (at[length] && strchr("._-", at[length]));
            size_t digits = strspn(number, "0123456789");
            if (digits && digits <= DIGITS_MOST && is_alone(number + digits))
                return atoi(number);
        }
    return -1;
}

/* `whole`: the last word counts too, which of a tensor's name is the parameter. */
static const char *find_place(const char *name, bool whole, int *layer, int *expert)
{
    const char *rest = name, *before = "";
    size_t length = 0; /* of the word before */
    *layer = *expert = -1;
    for (const char *at = name;; at++) {
        size_t word = strcspn(at, "."), digits = strspn(at, "0123456789");
        bool last = !at[word];
        if (last && !whole)
            return rest;
        bool number = digits && digits == word && digits <= DIGITS_MOST;
        if (number && *layer < 0 && is_layers(before, length)) {
            *layer = atoi(at);
            rest = at + word + !last;
        } else if (number && *expert < 0 && length == strlen("experts") && memcmp(before, "experts", length) == 0) {
            *expert = atoi(at);
        }
        if (last)
            return rest;
        before = at;
        length = word;
        at += word;
    }
}

const char *name_place(const char *name, int *layer, int *expert)
{
    return find_place(name, false, layer, expert);
}

void path_place(const char *path, int *layer, int *expert)
{
    find_place(path, true, layer, expert);
}

const char *name_behind_expert(const char *name, int expert)
{
    char words[32];
    int length = snprintf(words, sizeof words, "experts.%d.", expert);
    const char *at = strstr(name, words);
    while (at && at > name && at[-1] != '.')
        at = strstr(at + 1, words);
    return at ? at + length : NULL;
}

size_t name_stem(const char *name, const char *rest)
{
    const char *at = rest > name ? rest - 1 : name; /* the dot */
    while (at > name && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return (size_t)(at - name);
}

void tensor_place(const struct tensor *tensor, int *layer, int *expert)
{
    *layer = *expert = -1;
    if (!tensor->other)
        name_place(tensor->name, layer, expert);
}

void tensor_file_place(const struct tensor *tensor, int *layer, int *expert)
{
    const char *name = tensor->file ? path_base(tensor->file) : "";
    *layer = number_behind(name, "_layer_");
    *expert = number_behind(name, "_expert_");
}

void file_place(const char *path, int *layer, int *expert)
{
    const char *name = path_base(path);
    *layer = number_told(name, layer_words, sizeof layer_words / sizeof *layer_words);
    *expert = number_told(name, expert_words, sizeof expert_words / sizeof *expert_words);
}

bool tensor_is_misfiled(const struct tensor *tensor)
{
    int layer, expert, file_layer, file_expert;
    tensor_place(tensor, &layer, &expert);
    tensor_file_place(tensor, &file_layer, &file_expert);
    return (file_layer >= 0 && file_layer != layer) || (file_expert >= 0 && file_expert != expert);
}
