/* hunspell dictionaries, loaded when a text needs them. */
#ifndef ASSAY_QUALITY_DICTIONARY_H
#define ASSAY_QUALITY_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct dictionaries;
/* `folder`: /usr/share/hunspell when NULL. NULL: out of memory. One thread at a time uses what it gives, until
 * dictionaries_leave. What was loaded then stays for the next call for this folder, until the process ends. */
struct dictionaries *dictionaries_new(const char *folder);
void dictionaries_leave(struct dictionaries *dictionaries);

#define DICTIONARY_NONE SIZE_MAX
size_t dictionaries_count(void);
/* The dictionary of a language ("en"), DICTIONARY_NONE when there is none or it is not installed. */
size_t dictionaries_find(struct dictionaries *dictionaries, const char *language);
const char *dictionary_language(size_t dictionary);
/* An ICU UScriptCode. */
int dictionary_script(size_t dictionary);
/* One of the widespread languages, tried on any text in its script. */
bool dictionary_common(size_t dictionary);
bool dictionaries_installed(const struct dictionaries *dictionaries, size_t dictionary);

/* The word [size], UTF-8, is in the dictionary, in whatever case. False also where it cannot be loaded: see
 * dictionaries_find. */
bool dictionaries_know(struct dictionaries *dictionaries, size_t dictionary, const char *word, size_t size);

#endif
