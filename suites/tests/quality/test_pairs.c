/* The order of small words: real sentences against the same words in disorder. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "quality/quality.h"

static struct quality *quality;

static void setup(void)
{
    struct error error = {0};
    cr_assert(quality = quality_open(NULL, &error), "%s", error_text(&error));
}

static void teardown(void)
{
    quality_free(quality);
}

TestSuite(pairs, .init = setup, .fini = teardown);

static struct judgement judge(const char *text)
{
    struct judgement judgement;
    struct error error = {0};
    cr_assert(quality_judge(quality, &(struct quality_text){.text = text, .size = strlen(text)}, &judgement, &error),
              "%s", error_text(&error));
    return judgement;
}

static bool hit_by(const struct judgement *judgement, const char *prefix)
{
    for (size_t i = 0; i < judgement->hit_count; i++)
        if (strncmp(judgement->hits[i].rule, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* The words of a text in an order of no sense: with a step that has no common divisor with their number. */
static void disorder(const char *text, char *out)
{
    char copy[1000], *words[200];
    size_t count = 0, step = 7;
    strncpy(copy, text, sizeof copy - 1);
    copy[sizeof copy - 1] = 0;
    for (char *at = strtok(copy, " "); at && count < 200; at = strtok(NULL, " "))
        words[count++] = at;
    while (count % step == 0)
        step += 4;
    *out = 0;
    for (size_t i = 0; i < count; i++)
        strcat(strcat(out, i ? " " : ""), words[i * step % count]);
}

/* One paragraph of every language that has a table. */
static const char *const paragraphs[] = {
    "When the old man came back to the village, he saw that the door of his house was open and that there was a light "
    "in the window. He did not know who could be there, so he went to the house of his brother and asked him to come.",
    "Als der alte Mann in das Dorf zurückkam, sah er, dass die Tür seines Hauses offen war und dass in dem Fenster ein "
    "Licht brannte. Er wusste nicht, wer dort sein konnte, und ging zu dem Haus von seinem Bruder.",
    "Quand le vieil homme est revenu au village, il a vu que la porte de sa maison était ouverte et qu'il y avait une "
    "lumière à la fenêtre. Il ne savait pas qui pouvait être là, et il est allé dans la maison de son frère.",
    "Cuando el viejo volvió al pueblo, vio que la puerta de su casa estaba abierta y que había una luz en la ventana. "
    "No sabía quién podía estar allí, así que fue a la casa de su hermano y le dijo que tenía miedo.",
    "Quando il vecchio tornò al villaggio, vide che la porta della sua casa era aperta e che c'era una luce alla "
    "finestra. Non sapeva chi poteva essere, e andò a casa di suo fratello per chiedere se voleva venire con lui.",
    "Quando o velho voltou para a aldeia, viu que a porta da sua casa estava aberta e que havia uma luz na janela. "
    "Ele não sabia quem podia estar lá, e foi para a casa do seu irmão para lhe dizer que tinha medo.",
    "Toen de oude man terug kwam in het dorp, zag hij dat de deur van zijn huis open was en dat er een licht voor het "
    "raam stond. Hij wist niet wie daar kon zijn, en ging naar het huis van zijn broer om het te vragen.",
    "Когда старик вернулся в деревню, он увидел, что дверь его дома открыта и что в окне горит свет. Он не знал, кто "
    "там мог быть, и пошёл к дому своего брата, чтобы он был с ним, если там есть кто-то чужой.",
    "När den gamle mannen kom tillbaka till byn såg han att dörren till huset var öppen och att det fanns ett ljus i "
    "fönstret. Han visste inte vem som kunde vara där, och han gick till sin bror för att be om hjälp.",
    "Kiedy stary człowiek wrócił do wsi, zobaczył, że drzwi jego domu są otwarte i że w oknie jest światło. Nie "
    "wiedział, kto może tam być, więc poszedł do domu brata, bo nie chciał wejść sam do domu bez niego.",
    "Když se starý muž vrátil do vesnice, uviděl, že dveře jeho domu jsou otevřené a že v okně je světlo. Nevěděl, "
    "kdo by tam mohl být, a tak šel k bratrovi, aby mu řekl, že se bojí jít do domu sám.",
    "Ketika orang tua itu kembali ke desa, dia melihat bahwa pintu rumah itu terbuka dan ada cahaya di dalam jendela. "
    "Dia tidak tahu siapa yang ada di sana, dan dia pergi ke rumah untuk meminta bantuan dari orang yang lain.",
};

Test(pairs, disorder_is_worse_in_every_language)
{
    for (size_t i = 0; i < sizeof paragraphs / sizeof *paragraphs; i++) {
        char broken[1200];
        disorder(paragraphs[i], broken);
        struct judgement good = judge(paragraphs[i]), bad = judge(broken);
        cr_expect_geq(good.metrics[METRIC_PAIRS], 20, "%s", paragraphs[i]);
        cr_expect_gt(good.metrics[METRIC_ORDER], bad.metrics[METRIC_ORDER] + 0.4, "%s: %.2f %.2f", paragraphs[i],
                     good.metrics[METRIC_ORDER], bad.metrics[METRIC_ORDER]);
        cr_expect_not(hit_by(&good, "grammar."), "%s", paragraphs[i]);
        judgement_free(&good);
        judgement_free(&bad);
    }
}

static bool caught(const char *text, const char *rule)
{
    struct judgement judgement = judge(text);
    bool is = hit_by(&judgement, rule);
    judgement_free(&judgement);
    return is;
}

Test(pairs, a_shuffled_text_is_caught)
{
    char broken[1200];
    disorder(paragraphs[0], broken);
    cr_expect(caught(broken, "grammar.order"), "%s", broken);
}

/* Each pair is well formed, the whole is what a model with two layers exchanged writes. */
Test(pairs, few_small_words_again_and_again_are_caught)
{
    cr_expect(caught("It's what's no longer, it's not what's there, what's no longer, there's no way, it's not what's "
                     "mine, and it's what's no longer there, that's not what's no one, it's no one.",
                     "grammar.mix"));
}

Test(pairs, a_text_of_few_words_or_of_no_known_language_is_not_measured)
{
    struct judgement none = judge("Lorem ipsum dolor sit amet consectetur adipiscing elit sed"), one = judge("The");
    cr_expect(isnan(none.metrics[METRIC_ORDER]));
    cr_expect(isnan(one.metrics[METRIC_ORDER]));
    judgement_free(&none);
    judgement_free(&one);
}

/* What cannot be read as a word parts the chain: no pair spans it, and no byte is read outside. */
Test(pairs, what_is_no_word_parts_the_chain)
{
    struct judgement joined = judge("it was of the"), parted = judge("it was # of the");
    cr_expect_eq(joined.metrics[METRIC_PAIRS], 3);
    cr_expect_eq(parted.metrics[METRIC_PAIRS], 2);
    judgement_free(&joined);
    judgement_free(&parted);
}
