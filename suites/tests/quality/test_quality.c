/* Judging texts: every rule on a text that breaks it and on one that nearly does, what a prompt may ask for, windows
 * and marks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "quality/quality.h"
#include "quality_fixture.h"

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

/* The value of each metric that a rule looks at, for the message of a case that fails. */
static void print_metrics(const struct judgement *judgement, const cJSON *rule)
{
    for (const cJSON *item = json_member(rule, "when")->child; item; item = item->next)
        fprintf(stderr, "    %s %g %s\n", item->string, judgement->metrics[metric_parse(item->string)],
                item->valuestring);
}

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
    {"repetition.long_loop", PROSE HA HA, PROSE "ha ha ha", NULL},
    {"repetition.word", "no no no no no no", "No no no no, she said to him again and again.", NULL},
    {"repetition.long_word", PROSE "very very very very very very very very very very very very very very very wet.",
     PROSE "It was very very very wet.", NULL},
    {"repetition.fives",
     "the cat sat on a mat and slept today the cat sat on a mat and slept today the cat sat on a mat and slept today",
     CAT PROSE CAT, NULL},
    {"repetition.words",
     "one two three one two one three two one three one two three two one one three two one two three one two three "
     "one "
     "two three two",
     PROSE, NULL},
    {"repetition.top", "the red the blue the the green the old the the new the big the",
     "the red and the blue and a green one or some old chairs", NULL},
    {"repetition.doubled", "The the cat cat sat sat on on the mat.", "Bye bye, he said to those who were on the mat.",
     NULL},
    {"repetition.same_lines",
     "It has 1 leaf.\nIt has 2 leaf.\nIt has 3 leaf.\nIt has 4 leaf.\nIt has 5 leaf.\nIt has 6 leaf.\nIt has 7 leaf.\n"
     "It has 8 leaf.\n",
     "It has 1 leaf.\nIt has 2 leaf.\nIt has 3 leaf.\nIt has 4 leaf.\n" PROSE, NULL},
    {"characters.blank",
     "here\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
     "\n"
     "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
     "here\n\n\n\n\n\n\n\n\n\nand there", NULL},
    {"characters.few", "...", "4.", NULL},
    {"repetition.empty_items", "1.\n2.\n3.\n4.\n5.\n6.\n", "1. Bread\n2. Milk\n3.\n4.\n", NULL},
    {"language.glued", "The mashиina stood kotже by the табle in the gardenушка, and a lamпa hung over the столik.",
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
    {"grammar.order", DISORDER, PROSE, NULL},
    {"grammar.order18", DISORDER, PROSE, NULL},
    {"grammar.order25", DISORDER, PROSE, NULL},
    {"grammar.order35", DISORDER, PROSE, NULL},
    {"grammar.order50", DISORDER, PROSE PROSE, NULL},
    {"grammar.mix25", MIX, PROSE, NULL},
    {"grammar.mix", MIX, PROSE, NULL},
    {"grammar.mix_dense", MIX, PROSE, NULL},
    {"characters.marks", "The f\u0301\u0302\u0303\u0304\u0301\u0302erry has run for sixty years.",
     "Vi\u1ec7t e\u0301\u0302 is written with two marks.", NULL},
    {"repetition.pairs",
     "one two one two one two one two one two one two one two one two one two one two one two one two", PROSE, NULL},
    {"repetition.again", PROSE PROSE PROSE PROSE PROSE PROSE PROSE PROSE, PROSE PROSE, NULL},
    {"leakage.roles",
     "It opens at nine.\nUser: And on Sundays?\nAssistant: It is closed.\nUser: Why is that?\nAssistant: It rests.",
     "In the play the first line is\nUser: Who is there?\nand nobody answers it for a long time.", NULL},
    {"leakage.pieces", "The fer ##ry had ##run for six ##ty years be ##fore any ##one thought of it.",
     "In C, a ## b joins two tokens, and nothing else of that kind is in the language at all.", NULL},
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
    struct quality *quality = judge_open_rules();
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
    struct quality *quality = judge_open_rules();
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
    struct quality *quality = judge_open_rules();
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
    cr_assert(quality_judge(quality, &(struct quality_text){.text = text, .size = sizeof text, .expects = &expects},
                            &judgement, &error),
              "%s", error_text(&error));
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
    cr_assert(quality_judge(quality, &(struct quality_text){.text = text.data, .size = text.size}, &judgement, &error),
              "%s", error_text(&error));
    judgement_free(&judgement);
    text.size = 0;
    for (size_t i = 0; i < 60000; i++)
        buffer_text(&text, "l'");
    cr_assert(quality_judge(quality, &(struct quality_text){.text = text.data, .size = text.size}, &judgement, &error),
              "%s", error_text(&error));
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
    struct quality *quality = judge_open_rules();
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
