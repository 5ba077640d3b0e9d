#include "quality/dictionary.h"

#include <hunspell/hunspell.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "base/file.h"
#include "base/numbers.h"
#include "quality/passage.h"

/* Words that each has and none: a dictionary that does not know the first, or knows the second, is not used. */
static const struct dictionary_row {
    const char *language;
    const char *file; /* without .aff and .dic */
    UScriptCode script;
    bool common;
    const char *word;
} dictionary_rows[] = {
    {"en", "en_US", USCRIPT_LATIN, true, "hello"},    {"de", "de_DE", USCRIPT_LATIN, true, "und"},
    {"fr", "fr", USCRIPT_LATIN, true, "bonjour"},     {"es", "es_ES", USCRIPT_LATIN, true, "gracias"},
    {"it", "it_IT", USCRIPT_LATIN, true, "grazie"},   {"pt", "pt_BR", USCRIPT_LATIN, true, "obrigado"},
    {"nl", "nl", USCRIPT_LATIN, true, "bedankt"},     {"pl", "pl_PL", USCRIPT_LATIN, false, "jest"},
    {"cs", "cs_CZ", USCRIPT_LATIN, false, "který"},   {"sk", "sk_SK", USCRIPT_LATIN, false, "ktorý"},
    {"sv", "sv_SE", USCRIPT_LATIN, false, "och"},     {"da", "da_DK", USCRIPT_LATIN, false, "ikke"},
    {"nb", "nb_NO", USCRIPT_LATIN, false, "ikke"},    {"tr", "tr_TR", USCRIPT_LATIN, false, "için"},
    {"vi", "vi_VN", USCRIPT_LATIN, false, "không"},   {"id", "id_ID", USCRIPT_LATIN, false, "tidak"},
    {"hu", "hu_HU", USCRIPT_LATIN, false, "hogy"},    {"ro", "ro_RO", USCRIPT_LATIN, false, "pentru"},
    {"hr", "hr_HR", USCRIPT_LATIN, false, "nije"},    {"ru", "ru_RU", USCRIPT_CYRILLIC, true, "который"},
    {"uk", "uk_UA", USCRIPT_CYRILLIC, false, "який"}, {"bg", "bg_BG", USCRIPT_CYRILLIC, false, "който"},
    {"el", "el_GR", USCRIPT_GREEK, true, "και"},      {"he", "he_IL", USCRIPT_HEBREW, true, "של"},
    {"ar", "ar", USCRIPT_ARABIC, true, "كتاب"},       {"hi", "hi_IN", USCRIPT_DEVANAGARI, true, "नहीं"},
    {"th", "th_TH", USCRIPT_THAI, true, "ภาษา"},      {"ko", "ko", USCRIPT_HANGUL, true, "사람"},
};
#define DICTIONARIES (sizeof dictionary_rows / sizeof *dictionary_rows)
#define WORD_MOST 300 /* bytes; a longer one is in no dictionary */

struct dictionary {
    bool installed, looked, loaded;
    Hunhandle *hunspell;
    iconv_t converter; /* from UTF-8; used if `converts` */
    bool converts;
};

/* Words that were asked before; a new one takes the place of an old one. A text uses the same words again and again,
 * and hunspell takes ten times as long as this. */
#define REMEMBERED (1u << 15) /* a power of two */
#define WORD_REMEMBERED 40    /* bytes */
struct remembered {
    uint8_t dictionary, size; /* size 0: nothing is here */
    bool known;
    char word[WORD_REMEMBERED];
};

struct dictionaries {
    struct remembered *remembered; /* [REMEMBERED] */
    char *folder;
    struct dictionary items[DICTIONARIES];
    struct dictionaries *next; /* of those that wait */
};

/* hunspell takes as long to take a dictionary down as to load it: those that nobody uses any more wait here for who
 * asks for their folder next, until the process ends. */
static struct dictionaries *waiting;
static pthread_mutex_t waiting_lock = PTHREAD_MUTEX_INITIALIZER;

static struct dictionaries *dictionaries_take(const char *folder)
{
    pthread_mutex_lock(&waiting_lock);
    struct dictionaries **at = &waiting, *found;
    while (*at && strcmp((*at)->folder, folder) != 0)
        at = &(*at)->next;
    found = *at;
    if (found)
        *at = found->next;
    pthread_mutex_unlock(&waiting_lock);
    return found;
}

struct dictionaries *dictionaries_new(const char *folder)
{
    const char *where = folder ? folder : "/usr/share/hunspell";
    struct dictionaries *dictionaries = dictionaries_take(where);
    if (dictionaries || !(dictionaries = calloc(1, sizeof *dictionaries)))
        return dictionaries;
    dictionaries->remembered = calloc(REMEMBERED, sizeof *dictionaries->remembered);
    dictionaries->folder = strdup(where);
    if (!dictionaries->remembered || !dictionaries->folder) {
        free(dictionaries->remembered);
        free(dictionaries->folder);
        free(dictionaries);
        return NULL;
    }
    return dictionaries;
}

void dictionaries_leave(struct dictionaries *dictionaries)
{
    if (!dictionaries)
        return;
    pthread_mutex_lock(&waiting_lock);
    dictionaries->next = waiting;
    waiting = dictionaries;
    pthread_mutex_unlock(&waiting_lock);
}

size_t dictionaries_count(void)
{
    return DICTIONARIES;
}

const char *dictionary_language(size_t dictionary)
{
    return dictionary_rows[dictionary].language;
}

int dictionary_script(size_t dictionary)
{
    return dictionary_rows[dictionary].script;
}

bool dictionary_common(size_t dictionary)
{
    return dictionary_rows[dictionary].common;
}

static char *dictionary_path(const struct dictionaries *dictionaries, size_t dictionary, const char *ending)
{
    struct buffer path = {0};
    buffer_format(&path, "%s/%s%s", dictionaries->folder, dictionary_rows[dictionary].file, ending);
    return buffer_take(&path);
}

bool dictionaries_installed(const struct dictionaries *dictionaries, size_t dictionary)
{
    char *aff = dictionary_path(dictionaries, dictionary, ".aff");
    char *dic = dictionary_path(dictionaries, dictionary, ".dic");
    bool is = aff && dic && file_exists(aff) && file_exists(dic);
    free(aff);
    free(dic);
    return is;
}

static int spell(const struct dictionary *dictionary, const char *word, size_t size)
{
    char in[WORD_MOST + 1], converted[WORD_MOST + 1];
    if (size > WORD_MOST)
        return 0;
    memcpy(in, word, size);
    in[size] = 0;
    if (!dictionary->converts)
        return Hunspell_spell(dictionary->hunspell, in);
    char *from = in, *to = converted;
    size_t left = size, room = WORD_MOST;
    iconv(dictionary->converter, NULL, NULL, NULL, NULL);
    if (iconv(dictionary->converter, &from, &left, &to, &room) == (size_t)-1 || left)
        return 0;
    *to = 0;
    return Hunspell_spell(dictionary->hunspell, converted);
}

/* Loads it at the first call. A missing or broken file gives a handle all the same: what it knows tells. */
static struct dictionary *dictionary_load(struct dictionaries *dictionaries, size_t which)
{
    struct dictionary *dictionary = &dictionaries->items[which];
    const char *word = dictionary_rows[which].word;
    if (dictionary->looked)
        return dictionary->loaded ? dictionary : NULL;
    dictionary->looked = true;
    if (!dictionaries_installed(dictionaries, which))
        return NULL;
    char *aff = dictionary_path(dictionaries, which, ".aff"), *dic = dictionary_path(dictionaries, which, ".dic");
    dictionary->hunspell = aff && dic ? Hunspell_create(aff, dic) : NULL;
    free(aff);
    free(dic);
    if (!dictionary->hunspell)
        return NULL;
    const char *encoding = Hunspell_get_dic_encoding(dictionary->hunspell);
    if (encoding && strcasecmp(encoding, "UTF-8") != 0) {
        dictionary->converter = iconv_open(encoding, "UTF-8");
        dictionary->converts = dictionary->converter != (iconv_t)-1;
        if (!dictionary->converts)
            return NULL;
    }
    const char *none = dictionary_rows[which].script == USCRIPT_CYRILLIC ? "щъжыцк"
                       : dictionary_rows[which].script == USCRIPT_HANGUL ? "뷁랗꿰씩갑"
                                                                         : "qzxv";
    dictionary->loaded = spell(dictionary, word, strlen(word)) && !spell(dictionary, none, strlen(none));
    return dictionary->loaded ? dictionary : NULL;
}

size_t dictionaries_find(struct dictionaries *dictionaries, const char *language)
{
    for (size_t i = 0; i < DICTIONARIES; i++)
        if (strcmp(dictionary_rows[i].language, language) == 0)
            return dictionary_load(dictionaries, i) ? i : DICTIONARY_NONE;
    return DICTIONARY_NONE;
}

/* In small letters, and with a typographic apostrophe made plain. */
static size_t plain(const char *word, size_t size, char out[WORD_MOST + 8])
{
    const uint8_t *bytes = (const uint8_t *)word;
    int32_t at = 0, to = 0;
    while (at < (int32_t)size && to < WORD_MOST) {
        UChar32 code;
        UBool wrong = false;
        U8_NEXT(bytes, at, (int32_t)size, code);
        uint32_t small = code == 0x2019 ? '\'' : (uint32_t)u_tolower(code < 0 ? 0xFFFD : code);
        U8_APPEND((uint8_t *)out, to, WORD_MOST + 8, small, wrong);
        if (wrong)
            break;
    }
    return (size_t)to;
}

static bool ask(const struct dictionary *dictionary, const char *word, size_t size)
{
    char small[WORD_MOST + 8];
    if (spell(dictionary, word, size))
        return true;
    size_t length = plain(word, size, small);
    return (length != size || memcmp(small, word, size) != 0) && spell(dictionary, small, length);
}

bool dictionaries_know(struct dictionaries *dictionaries, size_t which, const char *word, size_t size)
{
    struct dictionary *dictionary = dictionary_load(dictionaries, which);
    uint64_t hash = which + 1;
    if (!dictionary || !size || size > WORD_MOST)
        return false;
    if (size > WORD_REMEMBERED)
        return ask(dictionary, word, size);
    for (size_t i = 0; i < size; i++)
        hash = word_hash_next(hash, (unsigned char)word[i]);
    struct remembered *slot = &dictionaries->remembered[mix_u64(hash) & (REMEMBERED - 1)];
    if (slot->size != size || slot->dictionary != which || memcmp(slot->word, word, size) != 0) {
        *slot = (struct remembered){(uint8_t)which, (uint8_t)size, ask(dictionary, word, size), {0}};
        memcpy(slot->word, word, size);
    }
    return slot->known;
}
