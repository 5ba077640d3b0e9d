/* Dictionaries that are missing or broken, and languages without one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fixtures.h"
#include "quality/dictionary.h"
#include "quality/quality.h"
#include "quality_fixture.h"

static const char *const many_languages[] = {
    PROSE,
    "Als der alte Mann in das Dorf zurückkam, sah er, dass die Tür seines Hauses offen war und in dem Fenster Licht "
    "brannte. Er wusste nicht, wer dort sein konnte, und ging zu dem Haus von seinem Bruder.",
    "Когда старик вернулся в деревню, он увидел, что дверь его дома открыта и что в окне горит свет.",
    "Quando il vecchio tornò al villaggio, vide che la porta della sua casa era aperta e che c'era una luce.",
    "오늘은 날씨가 좋아서 공원에서 산책을 했습니다 그리고 집에 왔습니다",
};

/* No rule of `of` hits any of the good texts. */
static void expect_no_alarm(const char *of)
{
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof many_languages / sizeof *many_languages; i++) {
        struct judgement judgement = judge(quality, many_languages[i], strlen(many_languages[i]), NULL);
        cr_expect_eq(judgement.hit_count, 0, "%s: '%.40s...': %s", of, many_languages[i], all_hits(&judgement));
        judgement_free(&judgement);
    }
    quality_free(quality);
}

static void copy_file(const char *from, const char *to)
{
    size_t size;
    char *bytes = read_bytes(from, &size);
    write_bytes(to, bytes, size);
    free(bytes);
}

Test(quality, dictionaries_that_are_missing, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    dictionary_folder = scratch("none/at/all");
    struct dictionaries *none = dictionaries_new(NULL);
    for (size_t i = 0; i < dictionaries_count(); i++) {
        cr_expect_not(dictionaries_installed(none, i));
        cr_expect_eq(dictionaries_find(none, dictionary_language(i)), DICTIONARY_NONE);
        cr_expect_not(dictionaries_know(none, i, "hello", 5));
    }
    dictionaries_leave(none);
    struct quality *quality = judge_open(NULL);
    cr_expect_str_empty(quality_dictionaries(quality));
    quality_free(quality);
    expect_no_alarm("no dictionary");
}

/* hunspell makes a handle of anything: it knows no word then, or all. */
Test(quality, dictionaries_that_are_broken, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    static const struct {
        const char *what, *aff, *dic;
    } rows[] = {
        {"empty files", "", ""},
        {"no words", "SET UTF-8\n", "0\n"},
        {"noise", "\x01\x02PFX A Y 1000000\nPFX A 0 x .\n\xFF", "\xFF\xFE\nnoise\n"},
        {"another encoding", "SET KLINGON-1\n", "1\nhello\n"},
        {"other words", "SET UTF-8\n", "2\nqapla\nqzxv\n"},
        {"every word", "SET UTF-8\nCOMPOUNDMIN 1\nCOMPOUNDFLAG A\n", "5\nq/A\nz/A\nx/A\nv/A\nhello\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text(scratch("broken-%zu/en_US.aff", i), rows[i].aff);
        write_text(scratch("broken-%zu/en_US.dic", i), rows[i].dic);
        dictionary_folder = scratch("broken-%zu", i);
        struct dictionaries *broken = dictionaries_new(NULL);
        cr_expect_eq(dictionaries_find(broken, "en"), DICTIONARY_NONE, "%s", rows[i].what);
        dictionaries_leave(broken);
        expect_no_alarm(rows[i].what);
    }
}

/* Texts of one language are not measured with the dictionary of another. */
Test(quality, one_dictionary_alone, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    static const char *const names[] = {"de_DE", "en_US"};
    for (size_t i = 0; i < 2; i++) {
        char from[256];
        for (int k = 0; k < 2; k++) {
            snprintf(from, sizeof from, "/usr/share/hunspell/%s%s", names[i], k ? ".dic" : ".aff");
            copy_file(from, scratch("only-%s/%s%s", names[i], names[i], k ? ".dic" : ".aff"));
        }
        dictionary_folder = scratch("only-%s", names[i]);
        expect_no_alarm(names[i]);
    }
}

/* Languages that no dictionary is installed of are languages too. */
Test(quality, languages_without_a_dictionary)
{
    static const char *const texts[] = {
        "Talo seisoo mäellä joen rannalla, ja hän asuu siellä veljensä kanssa. Joka aamu he kävelevät yhdessä kouluun "
        "metsän läpi ja laulavat vanhoja lauluja.",
        "Maja seisab mäe otsas jõe kaldal ja ta elab seal koos oma vennaga. Igal hommikul lähevad nad koos läbi metsa "
        "kooli ja laulavad vanu laule.",
        "La casa és dalt d'un turó vora el riu, i ella hi viu amb el seu germà. Cada matí caminen junts cap a l'escola "
        "pel bosc i canten cançons velles.",
        "Nyumba ipo juu ya kilima karibu na mto, na yeye anaishi hapo na ndugu yake. Kila asubuhi wanatembea pamoja "
        "kwenda shuleni kupitia msitu wakiimba nyimbo za zamani.",
        "Etxea mendixka baten gainean dago, ibaiaren ondoan, eta bera han bizi da anaiarekin. Goizero elkarrekin "
        "joaten dira eskolara basoan zehar.",
    };
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct judgement judgement = judge(quality, texts[i], strlen(texts[i]), NULL);
        cr_expect_eq(judgement.hit_count, 0, "'%.40s...' (%s): %s", texts[i], judgement.language, all_hits(&judgement));
        judgement_free(&judgement);
    }
    quality_free(quality);
}
