/* Judging texts: every rule on a text that breaks it and on one that nearly does, what a prompt may ask for, windows
 * and marks, files of rules that are wrong, hostile texts, dictionaries that are missing. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "quality/quality.h"
#include "quality/text_measure.h"

#include "fixtures.h"
#include "work.h"

#define RULES ASSAY_SOURCE_DIR "/suites/quality.json"
#define DATA ASSAY_SOURCE_DIR "/suites/data/quality/"
#define MIB ((size_t)1 << 20)

/* Dictionaries come from this folder, not from the installed ones: the linker sends quality.c here. */
static const char *dictionary_folder;
struct dictionaries *__real_dictionaries_new(const char *folder);
struct dictionaries *__wrap_dictionaries_new(const char *folder);

struct dictionaries *__wrap_dictionaries_new(const char *folder)
{
    return __real_dictionaries_new(dictionary_folder ? dictionary_folder : folder);
}

static struct quality *judge_open(const char *rules)
{
    struct error error = {0};
    struct quality *quality = quality_open(rules, &error);
    cr_assert(quality, "%s", error_text(&error));
    return quality;
}

static struct judgement judge(struct quality *quality, const char *text, size_t size, const struct expects *expects)
{
    struct error error = {0};
    struct judgement out;
    cr_assert(quality_judge(quality, NULL, text, size, expects, &out, &error), "%s", error_text(&error));
    return out;
}

static struct expects expects_of(const char *json)
{
    struct error error = {0};
    struct expects expects;
    cJSON *parsed = json ? cJSON_Parse(json) : NULL;
    cr_assert(!json || parsed, "the test's own JSON is broken: %s", json);
    cr_assert(expects_parse("test", parsed, &expects, &error), "%s", error_text(&error));
    cJSON_Delete(parsed);
    return expects;
}

static bool hits(const struct judgement *judgement, const char *rule)
{
    for (size_t i = 0; i < judgement->hit_count; i++)
        if (strcmp(judgement->hits[i].rule, rule) == 0)
            return true;
    return false;
}

/* "rule rule ...", in one of a few static buffers. */
static const char *all_hits(const struct judgement *judgement)
{
    static char buffers[4][2048];
    static size_t turn;
    char *out = buffers[turn++ % 4];
    *out = 0;
    for (size_t i = 0; i < judgement->hit_count && strlen(out) < 1800; i++)
        sprintf(out + strlen(out), "%s%s", i ? " " : "", judgement->hits[i].rule);
    return out;
}

/* The value of each metric that a rule looks at, for the message of a case that fails. */
static void print_metrics(const struct judgement *judgement, const cJSON *rule)
{
    for (const cJSON *item = json_member(rule, "when")->child; item; item = item->next)
        fprintf(stderr, "    %s %g %s\n", item->string, judgement->metrics[metric_parse(item->string)],
                item->valuestring);
}

#define PROSE                                                                                                          \
    "The ferry had run for sixty years before anyone thought of counting the people who used it. It crossed the "      \
    "narrow sound in eleven minutes, or in nine when the tide was kind, and it carried whatever came to the slip. "    \
    "Nobody bought a ticket in advance. You stood on the stones and waved, and the man either saw you or he did not. "
#define HA "ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha "
#define CAT "the cat sat on the mat "
#define DISORDER                                                                                                       \
    "that narrow that his he used a before He in to house there he and asked back of thought and was of him "          \
    "when there, open to tide the had run the brother so came went people for the in did light saw nine "              \
    "village, window. who counting It it. anyone The the or know crossed the old man door who be not come. "           \
    "minutes, years was sound sixty house in of ferry was his to eleven the the could"
#define MIX                                                                                                            \
    "It's what's no longer, it's not what's there, what's no longer, there's no way, it's not what's mine, and"        \
    " it's what's no longer there, that's not what's no one, it's no one."

/* For every rule of suites/quality.json a text that it is there for, and one that comes near and is fine. A new rule
 * needs a row. */
static const struct rule_case {
    const char *rule;
    const char *bad, *good;
    const char *expects; /* of both; NULL: nothing */
} rule_cases[] = {
    {"characters.none", " \n\t ", "a", NULL},
    {"characters.bad", "The ferry\xEF\xBF\xBD left the \x01 quay.", "The ferry\xEF\xBF\xBD left the quay.", NULL},
    {"characters.markers", "ĠtheĠcatĠsatĠonĠtheĠmat",
     "The mark Ġ is what a tokenizer writes for the space before a word, and nobody else does.", NULL},
    {"characters.symbols", "= = = = = = = = = = = = =", "===========", NULL},
    {"characters.signs", "+*/=%&$#@!?;:+*/=%&$#@!?;:+*/=%&$#@!?;:", "+*/=%&$#@!?;:+*/", NULL},
    {"characters.flood", "!?.,;:()[]{}#*+-/&%=!?.,;", "!?.,;:()[]{}", NULL},

    {"repetition.loop", "abcabcabcabcabcabcabcabc", "abcabcabcabc", NULL},
    {"repetition.long_loop", PROSE HA, PROSE "ha ha ha", NULL},
    {"repetition.word", "no no no no no no", "No no no no, she said to him again and again.", NULL},
    {"repetition.long_word", PROSE "very very very very very very very very very very very very very very very wet.",
     PROSE "It was very very very wet.", NULL},
    {"repetition.triples", CAT CAT CAT CAT, CAT PROSE, NULL},
    {"repetition.fives",
     "the cat sat on a mat and slept today the cat sat on a mat and slept today the cat sat on a mat and slept today",
     CAT PROSE CAT, NULL},
    {"repetition.words",
     "one two three one two one three two one three one two three two one one three two one two three one two three "
     "one "
     "two three two",
     PROSE, NULL},
    {"repetition.top", "the red the blue the green the old the new the big the small",
     "the red and the blue and a green one or some old chairs", NULL},
    {"repetition.doubled", "The the cat cat sat sat on on the mat.", "Bye bye, he said to those who were on the mat.",
     NULL},
    {"repetition.empty_items", "1.\n2.\n3.\n4.\n5.\n6.\n", "1. Bread\n2. Milk\n3.\n4.\n", NULL},
    {"repetition.zlib", CAT CAT CAT CAT CAT CAT CAT CAT CAT CAT CAT CAT, PROSE, NULL},

    {"language.glued", "The mashиina stood kotже by the табle in the gardenушка.",
     "The word Москва is Russian for the name of the capital of that country.", NULL},
    {"language.glued_cjk", "我们a今天b去c公园d看e花f真g好h看i我j们k",
     "我们今天用Python写了一个小程序，它可以自动整理照片。", NULL},
    {"language.glued_salad", "the 跟of尤 thing 粑and椰 when 馍or俾 other 搜go",
     "我们今天用Python写了一个小程序，它可以自动整理照片。", NULL},
    {"language.bare", "the кот and стол or дом but лес", "Война и мир is a long novel that was written in Russia.",
     NULL},
    {"language.scripts", "the кот and ישראל or กรุงเทพ but ελλάς near мир",
     "The word мир is Russian, and it stands for peace as well as for the world.", NULL},
    {"language.expected_script", "The house stands on a hill.", "Дом стоит на холме.", "{\"language\": \"ru\"}"},
    {"language.expected", "The house stands on a hill, and she lives there with her brother.",
     "Das Haus steht auf einem Hügel, und sie wohnt dort mit ihrem Bruder.", "{\"language\": \"de\"}"},

    {"leakage.special", "<|im_start|>user Hello there <|im_end|>", "Hello there, my friend <|im_end|>", NULL},
    {"leakage.markup", "the cat <br sat on the <strong mat", "A line ends with <br> where a new one is wanted.", NULL},
    {"leakage.broken_tags", "</b> the </i> cat </u> sat </em> here", "<b>the</b> <i>cat</i> sat here", NULL},
    {"leakage.broken_brackets", "the ] cat } sat ] on } the ] mat }", "[the] {cat} (sat) on the mat", NULL},
    {"leakage.open_brackets",
     "See [one [two (three {four [five (six [seven {eight (nine [ten (eleven, the end of it is here",
     "See [one] (two) {three} [four] (five) {six} [seven] (eight) {nine} [ten], the end of it is here", NULL},
    {"leakage.code_kinds",
     "The value of the table is foo_bar and the call() is => then if (a && b) or x != y and it was done in the "
     "#include "
     "of the self.name[0] and that is what we had to do with it when it was time.",
     "The value of the table is foo_bar and the call() is what we had to do with it when it was time.", NULL},
    {"leakage.code", "the cat() sat => on && the mat++ of foo_bar", "In it, x => y is what a function looks like.",
     NULL},
    {"leakage.capitals", "getElementValue setLayout clearColorMap addListener mapValues inTheName",
     "The addEventListener method is called when the page is ready and the button is there.", NULL},

    {"wordness.dictionary", "the blorf wugs zintle plomk of drasp quilf fnord mipset trellug gorp",
     "The blorf is a bird that lives near the river and in the woods of this country.", NULL},
    {"wordness.dictionary_short", "blorf zintle plomk drasp fnord", "blorf zintle is the house over here", NULL},
    {"wordness.dictionary_misplaced",
     "the blorf ,wugs of zintle ,plomk and the drasp ,quilf on the house fnord ,mipset and the river",
     "the blorf, the cat and the dog ,wugs in the garden, and they sat there until it was dark", NULL},
    {"wordness.content",
     "The blorf of the zintle is in the plomk and the drasp was on the fnord with the mipset and the quilf of a "
     "trellug.",
     "The blorf of the house is in the garden and the drasp was on the table with the paper and the lamp of a friend.",
     NULL},
    {"wordness.kana", "はのをがにでとやかもよねへはのをがにでとやかもよねへ",
     "おばあさんはきれいなはなをもって、ゆっくりこうえんをあるきました。", NULL},
    {"wordness.hangul", "뷁랗꿰 씩갑뚫 쀼쭙뗀 꽑쫩뿕 퀣뙇뀄 뿳쬲뮓 꿻쏅뷅 뜳쨟뽥",
     "오늘은 날씨가 좋아서 공원에서 산책을 했습니다 그리고 집에 왔습니다", NULL},
    {"wordness.unknown_run",
     "The house on the hill is old and blorfs zintle plomks drasp fnords wugset trellug are in it, and she went to the "
     "garden.",
     "The house on the hill is old and blorfs zintle are in it, and she went to the garden.", NULL},
    {"wordness.content_run", "She saw green house stone river table window mountain paper garden yesterday.",
     "She saw the green house and a stone near the river, on a table at the window.", NULL},
    {"wordness.long", "The word is abfegihojukalemonipuqarestuvowaxyzebocidufegaho and it is long.",
     "The word is antidisestablishmentarianism and it is long.", NULL},
    {"wordness.han", "跟尤馍俾粑椰搜啦嘱纠疆榜", "今天小明去了公园，看见一本旧书。", NULL},
    {"language.none",
     "xqo zvek kwji pqod vhuz qrix jkep wozq tvix yqub zhek wqup jxor vkib qzed xwap kjuq vyox zqib wjek pqux vhoz "
     "qkij "
     "xzub wvep jqox kzud vqih xjop wqez zvuk",
     PROSE, NULL},
    {"wordness.no_function_words",
     "green house stone river table window mountain paper garden yesterday boat hill cloud", PROSE, NULL},
    {"wordness.function_words", "of the and to in with that it is for on as", "it is of no use to her and to the dog",
     NULL},
    {"wordness.function_run", "of the and to in with that it is for on as by at from", PROSE, NULL},

    {"characters.misplaced", "the cat ,sat on ,the mat ,and saw ,the dog ,in the house ,of the man",
     "the cat ,sat on the mat, and saw the dog in the house of the man", NULL},
    {"grammar.slots", "The of house is in and the garden. She went to the and with of the river for a while.",
     "The house is in the garden of the old man, and the river is near the town.", NULL},
    {"grammar.slots_short", "She saw the of and went with is there when it was in and out.",
     "She saw the house and went with him to the river in the morning.", NULL},
    {"grammar.stops", "The house. is old and dark. She went. to the garden. They were. here and there.",
     "The house is old and dark. She went to the garden. They were here and there.", NULL},
    {"grammar.nulls1", "Stones the the on not did you you man waved he saw and either and stood or.",
     "It crossed the narrow sound in eleven minutes or in nine when the tide was kind.", NULL},
    {"grammar.nulls2",
     "On saw man stood waved he not you the and you and the or did stones either. Small in ticket advance bought old "
     "boat and because was the nobody a very.",
     PROSE, NULL},
    {"grammar.nulls3",
     "On saw man stood waved he not you the and you and the or did stones either. Small in ticket advance bought old "
     "boat and because was the nobody a very. Stones the the on not did you you man waved he saw and either and stood "
     "or.",
     PROSE, NULL},
    {"grammar.order", DISORDER, PROSE, NULL},
    {"grammar.order18", DISORDER, PROSE, NULL},
    {"grammar.order25", DISORDER, PROSE, NULL},
    {"grammar.order35", DISORDER, PROSE, NULL},
    {"grammar.order50", DISORDER, PROSE PROSE, NULL},
    {"grammar.mix25", MIX, PROSE, NULL},
    {"grammar.mix", MIX, PROSE, NULL},
    {"grammar.mix_dense", MIX, PROSE, NULL},
};
#define RULE_CASES (sizeof rule_cases / sizeof *rule_cases)

static const struct rule_case *rule_case(const char *rule)
{
    for (size_t i = 0; i < RULE_CASES; i++)
        if (strcmp(rule_cases[i].rule, rule) == 0)
            return &rule_cases[i];
    return NULL;
}

static size_t try_rule(struct quality *quality, const cJSON *rule, const struct rule_case *row)
{
    size_t failures = 0;
    struct expects expects = expects_of(row->expects);
    struct judgement bad = judge(quality, row->bad, strlen(row->bad), &expects);
    struct judgement good = judge(quality, row->good, strlen(row->good), &expects);
    if (!hits(&bad, row->rule)) {
        fprintf(stderr, "%s: not found in '%s'; hits: %s\n", row->rule, row->bad, all_hits(&bad));
        print_metrics(&bad, rule);
        failures++;
    }
    if (hits(&good, row->rule)) {
        fprintf(stderr, "%s: hits the good text '%s'\n", row->rule, row->good);
        print_metrics(&good, rule);
        failures++;
    }
    if (bad.verdict != QUALITY_GIBBERISH) {
        fprintf(stderr, "%s: the verdict on '%s' is '%s'\n", row->rule, row->bad, quality_verdict_name(bad.verdict));
        failures++;
    }
    judgement_free(&bad);
    judgement_free(&good);
    expects_free(&expects);
    return failures;
}

Test(quality, every_rule_has_a_text_that_breaks_it)
{
    struct error error = {0};
    struct quality *quality = judge_open(NULL);
    cJSON *json = json_read(RULES, 1 << 20, &error);
    const cJSON *rule;
    size_t failures = 0, found = 0;
    cr_assert(json, "%s", error_text(&error));
    cJSON_ArrayForEach(rule, json_member(json, "rules"))
    {
        const char *name = json_member(rule, "rule")->valuestring;
        const struct rule_case *row = rule_case(name);
        if (!row)
            fprintf(stderr, "%s has no text in rule_cases that breaks it\n", name);
        failures += row ? try_rule(quality, rule, row) : 1;
        found += row != NULL;
    }
    cr_expect_eq(found, RULE_CASES, "%zu rows of rule_cases name no rule of suites/quality.json", RULE_CASES - found);
    cr_expect_eq(failures, 0, "%zu cases failed", failures);
    cJSON_Delete(json);
    quality_free(quality);
}

/* What a prompt asks for is not held against its text. */
Test(quality, every_exemption_exempts)
{
    struct error error = {0};
    struct quality *quality = judge_open(NULL);
    cJSON *json = json_read(RULES, 1 << 20, &error);
    const cJSON *rule, *flag;
    size_t tried = 0;
    cr_assert(json, "%s", error_text(&error));
    cJSON_ArrayForEach(rule, json_member(json, "rules"))
    {
        const struct rule_case *row = rule_case(json_member(rule, "rule")->valuestring);
        cJSON_ArrayForEach(flag, json_member(rule, "unless"))
        {
            struct expects expects = expects_of(row ? row->expects : NULL);
            expects.flags[expect_flag_parse(flag->valuestring)] = true;
            struct judgement judgement = judge(quality, row ? row->bad : "", row ? strlen(row->bad) : 0, &expects);
            cr_expect(row && !hits(&judgement, row->rule), "%s hits in spite of \"%s\"",
                      json_member(rule, "rule")->valuestring, flag->valuestring);
            judgement_free(&judgement);
            expects_free(&expects);
            tried++;
        }
    }
    cr_expect_gt(tried, 20);
    cJSON_Delete(json);
    quality_free(quality);
}

Test(quality, what_a_prompt_expects)
{
    static const struct {
        const char *expects, *text;
        const char *rule;  /* that hits; NULL: none of the diagnostic `expected`, and no fault */
        const char *onset; /* the place in the text; NULL: the beginning */
    } rows[] = {
        {"{\"matches\": [\"(?i)\\\\bparis\\\\b\"]}", "The capital of France is Paris.", NULL, NULL},
        {"{\"matches\": [\"(?i)\\\\bparis\\\\b\"]}", "The capital of France is Parisian.", "expected.matches", NULL},
        {"{\"matches\": [\"house\", \"garden\"]}", "The house has no windows.", "expected.matches", NULL},
        {"{\"matches\": [\"4|four\"]}", "It is four.", NULL, NULL},
        {"{\"forbids\": [\"London\"]}", "The capital of France is Paris.", NULL, NULL},
        {"{\"forbids\": [\"Rome\", \"London\"]}", "The capital of France is London.", "expected.forbids", "London"},
        {"{\"language\": \"fr\"}", "The house stands on a hill, and she lives there with her brother.",
         "language.expected", NULL},
        {"{\"language\": [\"de\", \"en\"]}", "The house stands on a hill, and she lives there with her brother.", NULL,
         NULL},
        {"{\"language\": \"zh\"}", "今天小明去了公园，在公园看见了一本旧书。", NULL, NULL},
        {"{\"language\": \"en\"}", "今天小明去了公园，在公园看见了一本旧书。", "language.expected_script", NULL},
        {"{\"code\": false}", "the cat() sat => on && the mat++ of foo_bar", "leakage.code", "()"},
        {"{\"json\": true}", "See [the note] for it: {\"a\": 1, \"b\": [2, 3]} is the answer that you asked for.", NULL,
         NULL},
        {"{\"json\": true}", "See [the note] for it: there is no answer to what you asked for.", "expected.json", NULL},
        {"null", "The house stands on a hill, and she lives there with her brother.", NULL, NULL},
    };
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct expects expects = expects_of(rows[i].expects);
        struct judgement judgement = judge(quality, rows[i].text, strlen(rows[i].text), &expects);
        if (!rows[i].rule)
            cr_expect_eq(judgement.hit_count, 0, "%s: '%s': %s", rows[i].expects, rows[i].text, all_hits(&judgement));
        else
            cr_expect(hits(&judgement, rows[i].rule), "%s: '%s': %s, not %s", rows[i].expects, rows[i].text,
                      all_hits(&judgement), rows[i].rule);
        for (size_t k = 0; rows[i].rule && rows[i].onset && k < judgement.hit_count; k++)
            if (strcmp(judgement.hits[k].rule, rows[i].rule) == 0)
                cr_expect_leq(judgement.hits[k].onset, strstr(rows[i].text, rows[i].onset) - rows[i].text);
        judgement_free(&judgement);
        expects_free(&expects);
    }
    quality_free(quality);
}

Test(quality, expectations_that_are_wrong)
{
    static const struct {
        const char *json, *words;
    } rows[] = {
        {"[]", "should be an object"},
        {"{\"poem\": true}", "poem"},
        {"{\"code\": 1}", "code"},
        {"{\"code\": \"yes\"}", "code"},
        {"{\"language\": \"klingon\"}", "klingon"},
        {"{\"language\": 3}", "language"},
        {"{\"language\": []}", "language"},
        {"{\"language\": [\"en\", 3]}", "language"},
        {"{\"language\": [\"en\",\"de\",\"fr\",\"es\",\"it\",\"ru\",\"zh\",\"ja\",\"ko\"]}", "languages"},
        {"{\"matches\": \"Paris\"}", "matches"},
        {"{\"matches\": []}", "matches"},
        {"{\"matches\": [\"\"]}", "matches"},
        {"{\"matches\": [4]}", "matches"},
        {"{\"matches\": [\"good\", \"(\"]}", "pattern '('"},
        {"{\"forbids\": [\"[a\"]}", "pattern '[a'"},
        {"{\"forbids\": [\"a\"], \"forbids\": [\"b\"]}", "forbids"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct expects expects;
        cJSON *json = cJSON_Parse(rows[i].json);
        cr_assert(json, "%s", rows[i].json);
        cr_expect(!expects_parse("cases.jsonl: line 7", json, &expects, &error), "%s is taken", rows[i].json);
        cr_expect(strncmp(error_text(&error), "cases.jsonl: line 7", 19) == 0 &&
                      strstr(error_text(&error), rows[i].words),
                  "%s: the error says '%s'", rows[i].json, error_text(&error));
        error_clear(&error);
        expects_free(&expects);
        cJSON_Delete(json);
    }
}

/* A pattern that backtracks for ever ends, and a text that is no UTF-8 hides nothing that is forbidden. */
Test(quality, patterns_meet_hostile_texts)
{
    struct expects expects = expects_of("{\"matches\": [\"(a+)+$\"], \"forbids\": [\"London\"]}");
    char text[4097];
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = '!';
    text[sizeof text - 1] = 0;
    cr_expect_eq(pattern_list_find(&expects.matches, 0, text, 4096), PATTERN_UNKNOWN);
    cr_expect_eq(pattern_list_find(&expects.forbids, 0, "It\xFF is London", 13), 7);
    cr_expect_eq(pattern_list_find(&expects.forbids, 0, "", 0), PATTERN_NONE);
    expects_free(&expects);
    expects = expects_of("{\"matches\": [\"(?<=\\\\.)$\"], \"forbids\": [\"^\\\\s*$\"]}");
    cr_expect_eq(pattern_list_find(&expects.matches, 0, "Dark.", 5), 5, "an empty match at the end is one");
    cr_expect_eq(pattern_list_find(&expects.forbids, 0, "", 0), 0);
    expects_free(&expects);
}

/* What is forbidden and could not be searched for is not known to be absent. */
Test(quality, a_pattern_that_cannot_be_searched_for_fails)
{
    struct error error = {0};
    struct quality *quality = judge_open(NULL);
    struct expects expects = expects_of("{\"forbids\": [\"(a+)+b|secret\"]}");
    char text[80];
    struct judgement judgement;
    memset(text, 'a', sizeof text);
    cr_assert(quality_judge(quality, NULL, text, sizeof text, &expects, &judgement, &error), "%s", error_text(&error));
    cr_expect(judgement_hit(&judgement, DIAGNOSE_EXPECTED));
    judgement_free(&judgement);
    expects_free(&expects);
    quality_free(quality);
}

/* cmark-gfm would make 6e8 cells of this, and end the process; and elisions that never end. */
Test(quality, tables_and_elisions_that_explode)
{
    struct error error = {0};
    struct quality *quality = judge_open(NULL);
    struct buffer text = {0};
    struct judgement judgement;
    for (size_t i = 0; i < 15000; i++)
        buffer_text(&text, "|x");
    buffer_text(&text, "|\n");
    for (size_t i = 0; i < 15000; i++)
        buffer_text(&text, "|-");
    buffer_text(&text, "|\n");
    for (size_t i = 0; i < 40000; i++)
        buffer_text(&text, "|a|\n");
    cr_assert(quality_judge(quality, NULL, text.data, text.size, NULL, &judgement, &error), "%s", error_text(&error));
    judgement_free(&judgement);
    text.size = 0;
    for (size_t i = 0; i < 60000; i++)
        buffer_text(&text, "l'");
    cr_assert(quality_judge(quality, NULL, text.data, text.size, NULL, &judgement, &error), "%s", error_text(&error));
    judgement_free(&judgement);
    buffer_free(&text);
    quality_free(quality);
}

/* A good text whose end is broken is caught, and the place is told. */
Test(quality, a_broken_tail_is_found_where_it_begins)
{
    static const char *const tails[] = {
        "InTheInTheInTheInTheInTheInTheInTheInTheInTheInTheInThe",
        "跟我跟我我跟啦pha老牌Keyword跟跟她跟我椰ユーザー跟综合体elay比我比我跟我椰馍馍",
        "orage迟iverse потом_MAT 들어ngen ContactsTHE蜜avic ويمكن-shirt嘱uelle.Rows бер 자신oltip纠itant",
        "green house stone river table window mountain paper garden yesterday boat hill cloud lamp chair",
        "xqo zvek kwji pqod vhuz qrix jkep wozq tvix yqub zhek wqup jxor vkib qzed xwap",
        "<br <strong </div class=\"x\" <td <span href=\"y\" </p </li>",
        "the the of of and and to to in in with with that that it it is is",
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x01\x02 \xEF\xBF\xBD\xEF\xBF\xBD",
    };
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct buffer text = {0};
        const char *good =
            PROSE "The man in those years was tall, with a slow way of speaking, and he had inherited the "
                  "boat from an uncle who had built it. ";
        buffer_format(&text, "%s%s", good, tails[i]);
        struct judgement judgement = judge(quality, text.data, text.size, NULL);
        size_t begin = strlen(good), nearest = SIZE_MAX;
        cr_expect_eq(judgement.verdict, QUALITY_GIBBERISH, "tail '%s' is not found", tails[i]);
        for (size_t k = 0; k < judgement.hit_count; k++) {
            size_t onset = judgement.hits[k].onset, far = onset > begin ? onset - begin : begin - onset;
            nearest = far < nearest ? far : nearest;
            cr_expect(judgement.hits[k].from <= onset && onset <= judgement.hits[k].to);
        }
        cr_expect_leq(nearest, 24, "tail '%s' at %zu: %s, the nearest onset is %zu bytes away", tails[i], begin,
                      all_hits(&judgement), nearest);
        judgement_free(&judgement);
        buffer_free(&text);
    }
    quality_free(quality);
}

static size_t covered(const struct marks *marks, enum quality_diagnostic diagnostic, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t byte = from; byte < to; byte++)
        for (size_t i = 0; i < marks->count; i++)
            if (marks->items[i].diagnostic == diagnostic && marks->items[i].from <= byte && byte < marks->items[i].to) {
                count++;
                break;
            }
    return count;
}

Test(quality, marks_lie_on_the_fault)
{
    static const struct {
        enum quality_diagnostic diagnostic;
        const char *before, *fault, *after;
    } rows[] = {
        {DIAGNOSE_CHARACTERS, "The ferry left ", "\xEF\xBF\xBD\xEF\xBF\xBD\x02\x01", " the quay at nine."},
        {DIAGNOSE_REPETITION, PROSE, HA, "and that was all."},
        {DIAGNOSE_LANGUAGE, "She stood there and saw the ", "mek俾key粑ebeb", " behind the house."},
        {DIAGNOSE_LEAKAGE, "The cat sat on ", "<br <strong class=\"x\" ", "the mat."},
        {DIAGNOSE_WORDNESS, "The house is old and ", "blorfs zintle plomks drasp fnords wugset trellug",
         " are in it, and she went to the garden."},
        {DIAGNOSE_GRAMMAR, "She saw the house, went ", "of is the and with are", " away."},
    };
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer text = {0};
        const char *name = quality_diagnostic_name(rows[i].diagnostic);
        buffer_format(&text, "%s%s%s", rows[i].before, rows[i].fault, rows[i].after);
        struct judgement judgement = judge(quality, text.data, text.size, NULL);
        size_t from = strlen(rows[i].before), size = strlen(rows[i].fault);
        size_t on = covered(&judgement.marks, rows[i].diagnostic, from, from + size);
        size_t off = covered(&judgement.marks, rows[i].diagnostic, 0, text.size) - on;
        const struct hit *hit = judgement_hit(&judgement, rows[i].diagnostic);
        cr_expect(hit, "%s: only %s", name, all_hits(&judgement));
        cr_expect(2 * on >= size && off <= size, "%s: %zu of %zu bytes marked, and %zu others", name, on, size, off);
        cr_expect(!hit || (hit->onset + 12 >= from && hit->onset < from + size), "%s: onset %zu, the fault is at %zu",
                  name, hit ? hit->onset : 0, from);
        for (size_t k = 0; k < judgement.marks.count; k++) {
            const struct mark *mark = &judgement.marks.items[k];
            cr_expect(mark->from < mark->to && mark->to <= text.size && judgement_hit(&judgement, mark->diagnostic));
            cr_expect(!k || mark[-1].from <= mark->from, "marks are in order");
        }
        judgement_free(&judgement);
        buffer_free(&text);
    }
    quality_free(quality);
}

Test(quality, three_verdicts)
{
    static const struct {
        const char *text;
        enum quality_verdict verdict;
    } rows[] = {
        {"Paris.", QUALITY_TOO_SHORT},
        {"4", QUALITY_TOO_SHORT},
        {"Yes.", QUALITY_TOO_SHORT},
        {"2 + 2 = 4", QUALITY_TOO_SHORT},
        {"北京。", QUALITY_TOO_SHORT},
        {"7:30", QUALITY_TOO_SHORT},
        {"", QUALITY_GIBBERISH},
        {"\n\n", QUALITY_GIBBERISH},
        {PROSE, QUALITY_NO_FAULT},
        {"She went home.", QUALITY_TOO_SHORT},
        {"She went home, and it was dark when she came there.", QUALITY_NO_FAULT},
        {"今天小明去了公园，在公园看见了一本旧书。", QUALITY_NO_FAULT},
    };
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct judgement judgement = judge(quality, rows[i].text, strlen(rows[i].text), NULL);
        cr_expect_eq(judgement.verdict, rows[i].verdict, "'%s' is '%s' (%s)", rows[i].text,
                     quality_verdict_name(judgement.verdict), all_hits(&judgement));
        judgement_free(&judgement);
    }
    quality_free(quality);
}

/* A fault in form is one in a JSON answer too, what its words are is not looked at. */
Test(quality, one_json_value_is_judged_by_its_characters)
{
    static const char good[] =
        "{\"blorf\": \"zintle plomk drasp fnord\", \"mipset\": [\"trellug\", \"gorp\", \"quilf\"]}";
    static const char bad[] = "{\"blorf\": \"zin\xEF\xBF\xBDtle \xEF\xBF\xBD plomk\", \"mipset\": [\"trellug\"]}";
    struct quality *quality = judge_open(NULL);
    struct judgement judgement = judge(quality, good, sizeof good - 1, NULL);
    cr_expect_neq(judgement.verdict, QUALITY_GIBBERISH, "%s", all_hits(&judgement));
    judgement_free(&judgement);
    judgement = judge(quality, bad, sizeof bad - 1, NULL);
    cr_expect(hits(&judgement, "characters.bad"));
    judgement_free(&judgement);
    quality_free(quality);
}

static const char *rules_file(const char *rules)
{
    const char *path = scratch("rules.json");
    struct buffer text = {0};
    buffer_format(&text,
                  "{\"window\": {\"words\": 40, \"characters\": 200}, \"least\": {\"words\": \">= 5\"}, "
                  "\"leaks\": {\"markup\": {\"tag\": \"<br\"}}, \"rules\": [%s]}",
                  rules);
    write_text(path, text.data);
    buffer_free(&text);
    return path;
}

#define RULE(name, when) "{\"rule\": \"" name "\", \"because\": \"so\", \"when\": {" when "}}"

Test(quality, files_of_rules_that_are_wrong, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    static const struct {
        const char *rules; /* of the list "rules", or a whole file that begins with a brace and "description" */
        const char *words[2];
    } rows[] = {
        {RULE("characters.x", "\"characters.beauty\": \">= 1\""), {"characters.x", "characters.beauty"}},
        {RULE("characters.x", "\"words\": \"=> 1\""), {"characters.x", "words"}},
        {RULE("characters.x", "\"words\": \">= many\""), {"characters.x", "words"}},
        {RULE("characters.x", "\"words\": \">= 1 2\""), {"characters.x", "words"}},
        {RULE("characters.x", "\"words\": \">= nan\""), {"characters.x", "words"}},
        {RULE("characters.x", "\"words\": \">=\""), {"characters.x", "words"}},
        {RULE("characters.x", "\"words\": 3"), {"characters.x", "words"}},
        {RULE("characters.x", ""), {"characters.x", "when"}},
        {"{\"rule\": \"characters.x\", \"because\": \"so\"}", {"characters.x", "when"}},
        {"{\"rule\": \"characters.x\", \"when\": {\"words\": \">= 1\"}}", {"because", NULL}},
        {"{\"because\": \"so\", \"when\": {\"words\": \">= 1\"}}", {"\"rule\"", NULL}},
        {"{\"rule\": 3, \"because\": \"so\", \"when\": {\"words\": \">= 1\"}}", {"rule", NULL}},
        {RULE("taste.x", "\"words\": \">= 1\""), {"taste.x", "diagnostic"}},
        {RULE("expected.x", "\"words\": \">= 1\""), {"expected.x", "diagnostic"}},
        {RULE("characters.x", "\"words\": \">= 1\"") "," RULE("characters.x", "\"words\": \">= 2\""),
         {"characters.x", "twice"}},
        {"{\"rule\": \"characters.x\", \"because\": \"so\", \"when\": {\"words\": \">= 1\"}, \"unlss\": []}",
         {"characters.x", "unlss"}},
        {"{\"rule\": \"characters.x\", \"because\": \"so\", \"when\": {\"words\": \">= 1\"}, \"unless\": [\"poem\"]}",
         {"characters.x", "unless"}},
        {"{\"rule\": \"characters.x\", \"because\": \"so\", \"when\": {\"words\": \">= 1\"}, \"unless\": \"code\"}",
         {"characters.x", "unless"}},
        {"{\"rule\": \"characters.x\", \"because\": \"so\", \"when\": {\"words\": \">= 1\"}, \"whole\": \"yes\"}",
         {"characters.x", "whole"}},
        {"", {"rules", NULL}},
        {"4", {"rule", NULL}},
        {RULE("characters.x", "\"words\": \"> 1\", \"characters.letters\": \"> 1\", \"characters.bad\": \"> 1\", "
                              "\"characters.printable\": \"> 1\", \"repetition.top1\": \"> 1\", "
                              "\"repetition.zlib\": \"> 1\", \"language.bare\": \"> 1\", \"language.best\": \"> 1\", "
                              "\"leakage.code\": \"> 1\", \"wordness.han\": \"> 1\", \"grammar.stops\": \"> 1\""),
         {"characters.x", "conditions"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct quality *quality = quality_open(rules_file(rows[i].rules), &error);
        cr_expect(!quality, "taken: %s", rows[i].rules);
        cr_expect(strstr(error_text(&error), "rules.json"), "no file in '%s'", error_text(&error));
        for (size_t k = 0; k < 2; k++)
            cr_expect(!rows[i].words[k] || strstr(error_text(&error), rows[i].words[k]), "%s: the error says '%s'",
                      rows[i].rules, error_text(&error));
        error_clear(&error);
        quality_free(quality);
    }
}

Test(quality, files_that_are_no_rules, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
#define ONE_RULE "\"rules\": [" RULE("characters.x", "\"words\": \">= 1\"") "]"
#define LEAST "\"least\": {\"words\": \">= 5\"}"
#define LEAKS "\"leaks\": {\"markup\": {\"tag\": \"<br\"}}"
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "rules.json"},
        {"{", "rules.json"},
        {"[]", "rules.json"},
        {"{" LEAST "," LEAKS "}", "rules"},
        {"{" LEAKS "," ONE_RULE "}", "least"},
        {"{" LEAST "," ONE_RULE "}", "leaks"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"extra\": 1}", "extra"},
        {"{" LEAKS "," ONE_RULE ", \"least\": {\"word\": \">= 5\"}}", "\"word\""},
        {"{" LEAKS "," ONE_RULE ", \"least\": {\"words\": \"5\"}}", "words"},
        {"{" LEAST "," ONE_RULE ", \"leaks\": {\"markup\": {\"tag\": \"(<br\"}}}", "\"tag\""},
        {"{" LEAST "," ONE_RULE ", \"leaks\": {\"markup\": {\"tag\": 3}}}", "\"tag\""},
        {"{" LEAST "," ONE_RULE ", \"leaks\": {\"marks\": {\"tag\": \"<br\"}}}", "\"marks\""},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"window\": {\"words\": 0}}", "words"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"window\": {\"words\": \"many\"}}", "words"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"window\": {\"characters\": 1}}", "characters"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"window\": {\"characters\": 1e9}}", "characters"},
    };
    struct error error = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text(scratch("rules.json"), rows[i].text);
        struct quality *quality = quality_open(scratch("rules.json"), &error);
        cr_expect(!quality, "taken: %s", rows[i].text);
        cr_expect(strstr(error_text(&error), "rules.json") && strstr(error_text(&error), rows[i].words),
                  "%s: the error says '%s'", rows[i].text, error_text(&error));
        error_clear(&error);
        quality_free(quality);
    }
    cr_expect(!quality_open(scratch("absent.json"), &error) && strstr(error_text(&error), "absent.json"));
    error_clear(&error);
}

/* The verdict depends on the file, threshold by threshold. */
Test(quality, a_threshold_that_is_changed_changes_the_verdict, .init = (void (*)(void))scratch_make,
     .fini = scratch_remove)
{
    static const char text[] = "The word is abfegihojukalemonipuqarestuvowaxyzebocidufegaho and it is long.";
    static const char *const values[] = {">= 40", ">= 400", "> 10", "<= 3"};
    static const bool bad[] = {true, false, true, false};
    struct error error = {0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        cJSON *json = json_read(RULES, 1 << 20, &error);
        cJSON *rule;
        cJSON_ArrayForEach(
            rule, cJSON_GetObjectItemCaseSensitive(json, "rules")) if (strcmp(json_member(rule, "rule")->valuestring,
                                                                              "wordness.long") == 0)
            cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(rule, "when"), "wordness.longest",
                                                   cJSON_CreateString(values[i]));
        char *copy = cJSON_Print(json);
        write_text(scratch("copy.json"), copy);
        struct quality *quality = judge_open(scratch("copy.json"));
        struct judgement judgement = judge(quality, text, sizeof text - 1, NULL);
        cr_expect_eq(judgement.verdict == QUALITY_GIBBERISH, bad[i], "%s: %s", values[i], all_hits(&judgement));
        judgement_free(&judgement);
        quality_free(quality);
        cJSON_free(copy);
        cJSON_Delete(json);
    }
}

/* "whole" keeps a rule away from windows; windows are as long as the file says. */
Test(quality, rules_say_where_they_apply, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    static const char text[] = PROSE PROSE "very very very very very";
    static const char *const rules[] = {
        RULE("repetition.x", "\"repetition.word_run\": \">= 5\", \"repetition.word_run_share\": \">= 0.08\""),
        "{\"rule\": \"repetition.x\", \"because\": \"so\", \"whole\": true, \"when\": {\"repetition.word_run\": \">= "
        "5\", "
        "\"repetition.word_run_share\": \">= 0.08\"}}"};
    for (size_t i = 0; i < 2; i++) {
        struct quality *quality = judge_open(rules_file(rules[i]));
        struct judgement judgement = judge(quality, text, sizeof text - 1, NULL);
        cr_expect_eq(judgement.hit_count, 1 - i);
        cr_expect_gt(judgement.windows, 2);
        if (judgement.hit_count)
            cr_expect(judgement.hits->from > 0 && judgement.hits->to == sizeof text - 1 &&
                      strcmp(judgement.hits->because, "so") == 0 && strstr(judgement.hits->numbers, ">= 5"));
        judgement_free(&judgement);
        quality_free(quality);
    }
}

/* A pattern that matches nothing at all, at every place, ends. */
Test(quality, leaks_that_are_empty, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    const char *path = scratch("rules.json");
    write_text(path, "{" LEAST "," ONE_RULE ", \"leaks\": {\"markup\": {\"tag\": \"x*\"}}}");
    struct quality *quality = judge_open(path);
    static const char *const texts[] = {"The house", "x", "ä", "", "house xx ä"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = strlen(texts[i]);
        char *exact = malloc(size ? size : 1); /* no byte behind it */
        memcpy(exact, texts[i], size);
        struct judgement judgement = judge(quality, exact, size, NULL);
        judgement_free(&judgement);
        free(exact);
    }
    quality_free(quality);
}

/* The blocks that judging a text took. Whatever the text, marks and hits lie in what is judged of it. */
static size_t work_of(struct quality *quality, const char *text, size_t size)
{
    size_t before = work_done();
    struct judgement judgement = judge(quality, text, size, NULL);
    size_t work = work_done() - before, most = size < MIB ? size : MIB;
    for (size_t i = 0; i < judgement.marks.count; i++)
        cr_assert(judgement.marks.items[i].from <= judgement.marks.items[i].to && judgement.marks.items[i].to <= most);
    for (size_t i = 0; i < judgement.hit_count; i++)
        cr_assert(judgement.hits[i].onset <= most && judgement.hits[i].to <= most);
    judgement_free(&judgement);
    return work;
}

/* Nothing crashes, hangs or is judged for ever: four times the text take four times the work, and a quarter more at
 * most. */
static void try_hostile(struct quality *quality, const char *what, const char *text, size_t size)
{
    size_t few = work_of(quality, text, size / 4), many = work_of(quality, text, size);
    cr_expect_leq(many, 5 * few, "%s: %zu blocks for %zu bytes, %zu for %zu", what, few, size / 4, many, size);
}

/* The unit again and again. */
static void try_repeated(struct quality *quality, const char *unit, size_t size)
{
    char *text = malloc(size), what[64];
    size_t length = strlen(unit);
    for (size_t i = 0; i < size; i++)
        text[i] = unit[i % length];
    snprintf(what, sizeof what, "'%.20s' again and again", unit);
    try_hostile(quality, what, text, size);
    free(text);
}

static const char *const hostile_units[] = {
    "a",
    " ",
    "\n",
    ".",
    "[",
    "]",
    "<",
    "<a ",
    "<a",
    "</",
    "`",
    "`` ` ",
    "$",
    "$a",
    "\\[",
    "\"",
    "{",
    "(",
    "*",
    "* ",
    "_a",
    "a_a_",
    "**a",
    "1. ",
    "1.\n",
    "> ",
    "> 1. ",
    "- a\n",
    "|a|b|\n|-|-|\n",
    "a,b,c\n",
    "a-",
    "a/",
    "a;b",
    "漢",
    "ก",
    "é",
    "e\xCC\x81",
    "\xCC\x81",
    "\xFF",
    "\xF0\x9F\x98\x80",
    "한",
    "ا",
    "&amp;",
    "![",
    "[a](",
    "<!--",
    "<b>",
    "</b>",
    "http://a.",
    "a@",
    "It is so. ",
    "The old man said that she said that he said ",
    "let(",
    "; ",
    "a()",
    "InThe",
    "A",
    "1",
    "1,",
    "#",
    "~~~\n",
    "```\n",
    "    a\n",
    "\\",
    "\t",
    "\r\n",
    "the ",
    "The. ",
    "\xE2\x80\x8B",
};

/* As much as is judged of any text when ASSAY_NIGHTLY is set; else just more than 16 bits count, and less where each
 * byte costs more. */
static size_t hostile_size(void)
{
#if defined(__SANITIZE_ADDRESS__)
    const size_t usual = 16 << 10;
#else
    const size_t usual = 66 << 10;
#endif
    return getenv("ASSAY_NIGHTLY") ? MIB : usual;
}

Test(quality, units_again_and_again)
{
    struct quality *quality = judge_open(NULL);
    for (size_t i = 0; i < sizeof hostile_units / sizeof *hostile_units; i++)
        try_repeated(quality, hostile_units[i], hostile_size());
    quality_free(quality);
}

/* Letters, in words of a length, by a plain generator. */
static void fill_words(char *text, size_t size, size_t word, uint64_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = mix_u64(seed + 1);
        text[i] = i % (word + 1) == word ? ' ' : (char)('a' + seed % 26);
    }
}

Test(quality, noise_of_all_kinds)
{
    enum { MARKS = 100000 };
    size_t size = hostile_size() / 4; /* words that no dictionary knows cost most: 20 us each */
    struct quality *quality = judge_open(NULL);
    char *text = malloc(size > 2 * MARKS + 1 ? size : 2 * MARKS + 1), what[64];
    static const size_t lengths[] = {1, 5, 20, 90, 250, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fill_words(text, size, lengths[i], i);
        snprintf(what, sizeof what, "words of %zu letters", lengths[i]);
        try_hostile(quality, what, text, size);
    }
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(1 + mix_u64(i) % 255);
    try_hostile(quality, "bytes without NUL", text, size);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)mix_u64(i);
    try_hostile(quality, "bytes", text, size);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(' ' + mix_u64(i) % 95);
    try_hostile(quality, "ASCII", text, size);
    memset(text, 0, size);
    struct judgement judgement = judge(quality, text, 4096, NULL);
    cr_expect(hits(&judgement, "characters.bad") || hits(&judgement, "characters.none"),
              "NUL is no character of a text");
    judgement_free(&judgement);
    text[0] = 'a';
    for (size_t i = 0; i < MARKS; i++)
        memcpy(text + 1 + 2 * i, "\xCC\x81", 2);
    try_hostile(quality, "a letter with 100,000 marks", text, 2 * MARKS + 1);
    for (size_t i = 0; i < size; i++) /* runs of backticks, each one longer than the last */
        text[i] = '`';
    for (size_t i = 0, run = 1; i < size; i += ++run)
        text[i] = ' ';
    try_hostile(quality, "runs of backticks", text, size);
    free(text);
    quality_free(quality);
}

#if !defined(__SANITIZE_ADDRESS__) /* the largest text of all, for one comparison */
Test(quality, of_two_mebibytes_one_is_judged)
{
    struct quality *quality = judge_open(NULL);
    char *text = malloc(2 * MIB);
    memset(text, 'a', 2 * MIB);
    size_t one = work_of(quality, text, MIB), two = work_of(quality, text, 2 * MIB);
    cr_expect_leq(two, one + one / 100, "%zu blocks for one, %zu for two", one, two);
    free(text);
    quality_free(quality);
}
#endif

/* Every cut of a text that holds everything, in a block of its exact size: no byte behind it is read. */
Test(quality, texts_that_are_cut_anywhere)
{
    static const char whole[] =
        "Ġé<b x=\"y\">```c\nint a;\n``` $x_1$ \\(y\\) |a|b|\n|-|-|\n|1|2|\n1. 今天 мир\n- `q` [a](b) "
        "&amp; e\xCC\x81 \xF0\x9F\x98\x80 \xFF {\"a\": [1]} It is. the of.";
    struct quality *quality = judge_open(NULL);
    for (size_t size = 0; size < sizeof whole; size++)
        for (size_t from = 0; from < 2; from++) {
            size_t first = from ? sizeof whole - 1 - size : 0, count = from && !size ? 0 : size;
            count = first + count < sizeof whole ? count : sizeof whole - 1 - first;
            char *exact = malloc(count ? count : 1);
            memcpy(exact, whole + first, count);
            struct judgement judgement = judge(quality, exact, count, NULL);
            judgement_free(&judgement);
            free(exact);
        }
    quality_free(quality);
}

/* A prompt of any length is no reason to take long. */
static size_t work_of_prompt(struct quality *quality, size_t size)
{
    struct error error = {0};
    struct judgement judgement;
    char *prompt = malloc(size + 1), *text = malloc(size);
    for (size_t i = 0; i < size; i++) {
        prompt[i] = "the cat "[i % 8];
        text[i] = "dog house "[i % 10];
    }
    prompt[size] = 0;
    size_t before = work_done();
    cr_assert(quality_judge(quality, prompt, text, size, NULL, &judgement, &error));
    size_t work = work_done() - before;
    cr_expect_eq(judgement.metrics[METRIC_OVERLAP], 0);
    judgement_free(&judgement);
    free(prompt);
    free(text);
    return work;
}

Test(quality, long_prompts)
{
    struct quality *quality = judge_open(NULL);
    size_t size = hostile_size() / 4, few = work_of_prompt(quality, size / 4), many = work_of_prompt(quality, size);
    cr_expect_leq(many, 5 * few, "%zu blocks for %zu bytes, %zu for %zu", few, size / 4, many, size);
    quality_free(quality);
}

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
    dictionaries_free(none);
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
        dictionaries_free(broken);
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

/* The lines of a file of suites/data/quality. */
static size_t read_lines(const char *name, cJSON **lines, size_t most)
{
    struct error error = {0};
    struct buffer text = {.maximum = MIB};
    char path[256];
    size_t count = 0;
    snprintf(path, sizeof path, DATA "%s", name);
    cr_assert(file_read(path, MIB, &text, &error), "%s", error_text(&error));
    for (size_t at = 0; at < text.size;) {
        size_t size;
        const char *line = text_line(text.data, text.size, &at, &size);
        cr_assert_lt(count, most);
        cr_assert(lines[count] = json_parse(name, line, size, &error), "%s", error_text(&error));
        count++;
    }
    buffer_free(&text);
    return count;
}

static struct judgement judge_line(struct quality *quality, const cJSON *line, struct expects *expects)
{
    struct error error = {0};
    struct judgement judgement;
    const char *text = json_member(line, "text")->valuestring;
    cr_assert(expects_parse("line", json_member(line, "expects"), expects, &error), "%s", error_text(&error));
    cr_assert(quality_judge(quality, json_member(line, "prompt")->valuestring, text, strlen(text), expects, &judgement,
                            &error),
              "%s", error_text(&error));
    return judgement;
}

#define LINES_MOST 400

/* What the broken model wrote in the story, and coherent answers: no error at all. */
Test(quality, the_texts_of_the_story)
{
    cJSON *lines[LINES_MOST];
    struct quality *quality = judge_open(NULL);
    size_t count = read_lines("story.jsonl", lines, LINES_MOST), bad = 0;
    for (size_t i = 0; i < count; i++) {
        struct expects expects;
        struct judgement judgement = judge_line(quality, lines[i], &expects);
        bool gibberish = strcmp(json_member(lines[i], "label")->valuestring, "gibberish") == 0, right = !gibberish;
        const char *reason = judgement.hit_count ? quality_diagnostic_name(judgement.hits->diagnostic) : "nothing";
        const cJSON *one;
        bad += gibberish;
        cr_expect_eq(judgement.verdict == QUALITY_GIBBERISH, gibberish, "line %zu: %s", i + 1, all_hits(&judgement));
        cJSON_ArrayForEach(one, json_member(lines[i], "reasons")) right =
            right || strcmp(one->valuestring, reason) == 0;
        cr_expect(right, "line %zu: the first reason is %s", i + 1, reason);
        judgement_free(&judgement);
        expects_free(&expects);
        cJSON_Delete(lines[i]);
    }
    cr_expect_eq(bad, 4);
    cr_expect_eq(count, 32);
    quality_free(quality);
}

/* Share of the texts that are judged as they are labelled; the others are told. */
static double share_right(const char *name)
{
    cJSON *lines[LINES_MOST];
    struct quality *quality = judge_open(NULL);
    size_t count = read_lines(name, lines, LINES_MOST), right = 0;
    for (size_t i = 0; i < count; i++) {
        struct expects expects;
        struct judgement judgement = judge_line(quality, lines[i], &expects);
        bool gibberish = strcmp(json_member(lines[i], "label")->valuestring, "gibberish") == 0;
        bool good = (judgement.hit_count > 0) == gibberish;
        right += good;
        if (!good)
            fprintf(stderr, "%s, line %zu, %s: %s\n", name, i + 1, gibberish ? "missed" : "false alarm",
                    all_hits(&judgement));
        judgement_free(&judgement);
        expects_free(&expects);
        cJSON_Delete(lines[i]);
    }
    quality_free(quality);
    return (double)right / (double)count;
}

/* The texts that the rules were tuned on: nothing here is a measure of how good they are, but of whether they still do
 * what they did. */
Test(quality, the_texts_of_the_tuning)
{
    cr_expect_geq(share_right("tuned.jsonl"), 0.92);
}

/* Written by others, who had not seen the rules. When they were first judged, 91.2 % of the first 160 and, after rules
 * had been added for kinds that those showed, 93.3 % of the other 150 were judged right. */
Test(quality, texts_that_were_held_out)
{
    cr_expect_geq(share_right("heldout.jsonl"), 0.92);
}

/* Written to deceive, in both directions: fluent nonsense, and notations that look like noise. Form alone tells 73 % at
 * first sight. */
Test(quality, texts_that_deceive)
{
    cr_expect_geq(share_right("adversarial.jsonl"), 0.75);
}

static bool same_judgement(const struct judgement *a, const struct judgement *b)
{
    bool same = a->verdict == b->verdict && a->hit_count == b->hit_count && a->marks.count == b->marks.count &&
                a->windows == b->windows && strcmp(a->language, b->language) == 0;
    for (size_t i = 0; same && i < METRIC_COUNT; i++)
        same = a->metrics[i] == b->metrics[i] || (isnan(a->metrics[i]) && isnan(b->metrics[i]));
    for (size_t i = 0; same && i < a->hit_count; i++)
        same = strcmp(a->hits[i].rule, b->hits[i].rule) == 0 && a->hits[i].from == b->hits[i].from &&
               a->hits[i].to == b->hits[i].to && a->hits[i].onset == b->hits[i].onset &&
               strcmp(a->hits[i].numbers, b->hits[i].numbers) == 0;
    for (size_t i = 0; same && i < a->marks.count; i++)
        same = a->marks.items[i].from == b->marks.items[i].from && a->marks.items[i].to == b->marks.items[i].to &&
               a->marks.items[i].diagnostic == b->marks.items[i].diagnostic;
    return same;
}

/* What was judged before changes nothing: forwards with one judge, backwards with another. */
Test(quality, the_same_text_is_judged_the_same)
{
    cJSON *lines[LINES_MOST];
    struct judgement first[LINES_MOST];
    struct quality *quality = judge_open(NULL), *other = judge_open(NULL);
    size_t count = read_lines("tuned.jsonl", lines, LINES_MOST);
    count = count < 80 ? count : 80;
    for (size_t i = 0; i < count; i++) {
        struct expects expects;
        first[i] = judge_line(quality, lines[i * 2], &expects);
        expects_free(&expects);
    }
    for (size_t i = count; i-- > 0;) {
        struct expects expects;
        struct judgement again = judge_line(other, lines[i * 2], &expects);
        cr_expect(same_judgement(&first[i], &again), "line %zu: %s and %s", i * 2 + 1, all_hits(&first[i]),
                  all_hits(&again));
        judgement_free(&again);
        judgement_free(&first[i]);
        expects_free(&expects);
    }
    for (size_t i = 0; i < 200; i++)
        cJSON_Delete(lines[i]);
    quality_free(quality);
    quality_free(other);
}
