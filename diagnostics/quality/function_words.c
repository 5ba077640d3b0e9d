/* Small words that every text of a language is full of. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "quality/text_measure.h"

/* Bit i: the i-th row. English first. */
static const char *const function_words[FUNCTION_LANGUAGES] = {
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which "
    "one "
    "you were her all she there would their we him been has when who will more no if out so said what up its about "
    "into "
    "than them can only other new some could these two may then do first any my now such like our over me even most "
    "made "
    "after also did many before must through back where much your way well down should because each just those how too "
    "very i us while does here both between own under during off being every another again am why",
    "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "
    "dass sie "
    "nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch "
    "man "
    "dann sein was kann wenn ich wir ihr du mich mir dich ihm ihn uns euch kein keine hier da wo warum weil doch schon "
    "sehr wurde diese dieser dieses alle beim vom ihre seine unter ohne gegen zwischen",
    "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont la mais avec ou son "
    "lui nous comme être cette ces aux sa ses leur leurs elle on tout fait été aussi si vous je tu me te mon ma mes "
    "ton "
    "ta votre vos notre nos y très bien où quand sans sous entre deux même peut ont avait était donc alors",
    "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre "
    "este "
    "ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué solo han yo "
    "hay "
    "vez puede todos así nos ni parte tiene él uno donde bien tu te les mucho nada cada ese esa eso antes",
    "di e il la che in a per un è non del una con si le da i al dei come più ha sono su anche nel della alla lo ma gli "
    "delle o se questo questa dal nella ci ad ai era essere due cui stato tra loro lui lei suo sua anni fa molto dopo "
    "quando tutti solo mi ti noi voi io tu perché dove chi senza ogni fino ed degli agli sul sulla",
    "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou "
    "ser "
    "quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas "
    "me "
    "esse eles estão você tinha foram essa num nem suas meu às minha têm numa pelos qual lhe este onde",
    "de en van het een in is dat op te zijn met voor niet aan er om ook als dan maar bij of uit nog naar heeft ze hij "
    "ik "
    "je we die wordt door over tot worden hebben had kan geen was wat wel meer al zo deze dit onder zou moet veel haar "
    "zij u hun mijn zijn daar hier waar toen want omdat na tussen zonder heel",
    "и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой весь год от так о для ты же "
    "все "
    "тот мочь вы как его ее или бы мне было был была были их уже до если когда нет есть вот чтобы только ещё еще меня "
    "где при под без нас вас них ему ей им очень чем со во об после между через также",
    "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när år hon "
    "hade "
    "ut vid ska eller där efter upp vad nu än också få här då över bara bli blir under skulle man mot sin sina detta "
    "denna mycket alla mellan utan du mig dig oss",
    "w i na z się nie do to że jest o jak po co za od ale dla już tak przez tylko czy ma był jego ich są jako oraz "
    "przy "
    "być może było gdy kiedy ten tego która które który jej go mnie ci nas was także bardzo pod nad bez u we ze te tym "
    "tej tych była jeszcze więc mi mu on ona oni",
    "a v se na je že s z o do i to k ve pro za by ale si po jako od tak u při co nebo jsou jeho který která které jen "
    "již "
    "bylo byl jak být až má které podle aby když mezi už také ještě mi mě ho ji jsem jsme bez pod nad více která",
    "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada mereka sudah atau seperti "
    "oleh "
    "kami kita dia adalah bisa hanya dapat lebih tersebut telah sebagai para bahwa anda satu menjadi namun secara saat "
    "setelah sangat harus masih jika",
};

#define SLOTS 4096 /* a power of two, well above the number of words */

static struct slot {
    uint64_t hash;
    unsigned languages;
} slots[SLOTS];
static pthread_once_t filled = PTHREAD_ONCE_INIT;

static struct slot *find(uint64_t hash)
{
    size_t at = (size_t)hash & (SLOTS - 1);
    while (slots[at].languages && slots[at].hash != hash)
        at = (at + 1) & (SLOTS - 1);
    return &slots[at];
}

static void fill(void)
{
    for (unsigned language = 0; language < FUNCTION_LANGUAGES; language++)
        for (const char *at = function_words[language]; *at;) {
            uint64_t hash = WORD_HASH_BEGIN;
            at = word_list_next(at, &hash);
            struct slot *slot = find(hash);
            slot->hash = hash;
            slot->languages |= 1u << language;
        }
}

bool function_words_of(const char *language)
{
    static const char known[] = " en de fr es it pt nl ru sv pl cs id un ";
    char key[20] = " ";
    strcat(strncat(key, language, sizeof key - 3), " ");
    return strstr(known, key);
}

unsigned function_word_languages(const struct word *word)
{
    pthread_once(&filled, fill);
    return find(word->hash)->languages;
}
