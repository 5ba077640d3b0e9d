/* Files of rules: those that are wrong, and what a change in them changes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "fixtures.h"
#include "quality/quality.h"
#include "quality_fixture.h"

static const char *rules_file(const char *rules)
{
    const char *path = scratch("rules.json");
    struct buffer text = {0};
    buffer_format(&text,
                  "{\"window\": {\"words\": 40, \"characters\": 200}, \"least\": {\"words\": \">= 5\"}, "
                  "\"evidence\": {\"alarms\": 0}, \"leaks\": {\"markup\": {\"tag\": \"<br\"}}, \"rules\": [%s]}",
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
                              "\"repetition.again\": \"> 1\", \"language.bare\": \"> 1\", \"language.best\": \"> 1\", "
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
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"evidence\": {\"alarms\": 1}}", "alarms"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"evidence\": {\"alarms\": \"few\"}}", "alarms"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"evidence\": {\"table\": \"rules.json\"}}", "least"},
        {"{" LEAST "," LEAKS "," ONE_RULE ", \"evidence\": {\"bits\": 1}}", "bits"},
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

/* A rule that wants evidence beside it holds where there is so much, and nowhere else. */
Test(quality, a_rule_that_needs_evidence, .init = (void (*)(void))scratch_make, .fini = scratch_remove)
{
    static const char text[] = "green house stone river table window mountain paper garden yesterday boat hill cloud";
    static const char *const values[] = {"-30", "30"};
    for (size_t i = 0; i < 2; i++) {
        struct buffer rules = {0};
        buffer_format(&rules,
                      "{" LEAST "," LEAKS ", \"rules\": [{\"rule\": \"wordness.x\", \"because\": \"so\", \"bits\": %s, "
                      "\"when\": {\"words\": \">= 10\"}}]}",
                      values[i]);
        write_text(scratch("rules.json"), rules.data);
        buffer_free(&rules);
        struct quality *quality = judge_open(scratch("rules.json"));
        struct judgement judgement = judge(quality, text, sizeof text - 1, NULL);
        cr_expect_eq(hits(&judgement, "wordness.x"), i == 0, "%s bits of %.1f: %s", values[i], judgement.bits,
                     all_hits(&judgement));
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
