/* Suites as people write them: what is wrong, and where. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "suite_fixture.h"

static void begin(void)
{
    scratch_make();
}

static void end(void)
{
    scratch_remove();
}

TestSuite(suite, .init = begin, .fini = end);

/* Where it is wrong, behind the file's name, and what stands there. */
static const struct wrong_row {
    const char *text, *error;
} wrong[] = {
    {"", ": is empty (0 bytes): fetch it again"},
    {"{", "1:1: malformed JSON, and it does not end (truncated? get it again)"},
    {"{\"diagnostics\": [\"layers\"]\n \"new_tokens\": 5}", "2:2: malformed JSON"},
    {"{\"a\": \"\xff\"}", "1:8: JSON is not valid UTF-8"},
    {"{\"name\": \"\\u0000\"}", "1:11: JSON holds a NUL character or a malformed \\u escape"},
    {"{\"diagnostics\": [\"layers\"]}\n\n  x", "3:3: JSON goes on after its end"},
    {"{\"diagnostics\": [\"layers\"],\n\"chat\": true,\n  \"chat\": false}",
     "3:3: \"chat\" occurs twice in one JSON object"},
    {"[]", "1:1: a suite is a JSON object"},
    {"{\"limits\": {}}", "1:1: a suite without \"diagnostics\" checks nothing"},
    {"{\"diagnostics\": []}", "1:2: diagnostics: expected a list of 1 to 9 or an object, found an empty list"},
    {"{\"diagnostics\": 5}", "1:2: diagnostics: expected a list of 1 to 9 or an object, found 5"},
    {"{\"diagnostics\":\n  [\"weights\",\n   \"layer\"]}",
     "3:4: diagnostics[1]: \"layer\" is no diagnostic; did you mean \"layers\"?"},
    {"{\"diagnostics\": [\"everything\"]}", "1:18: diagnostics[0]: \"everything\" is no diagnostic; there are "
                                            "inventory, weights, tokens, layers, logits, lens, "
                                            "greedy, perplexity and texts"},
    {"{\"diagnostics\": [5]}", "1:18: diagnostics[0]: expected the name of a diagnostic"},
    {"{\"diagnostics\": {\"added\": [\"lens\"]}}",
     "1:18: diagnostics.added: \"added\" is no key that is known here; did you mean \"add\"?"},
    {"{\"diagnostics\": {\"add\": [\"layers\"], \"remove\": [\"lens\"]}}",
     "1:48: diagnostics.remove[0]: expected a diagnostic of the suites that this one extends, and they have no "
     "\"lens\""},
    {"{\n  \"limit\": {}}", "2:3: limit: \"limit\" is no key that is known here; did you mean \"limits\"?"},
    {"{\"limits\": []}", "1:2: limits: expected an object, found an empty list"},
    {"{\"limits\": {\n    \"logits.k1\": {\"value\": 1, \"cause\": \"c\"}}}",
     "2:5: limits.logits.k1: \"logits.k1\" is no limit; did you mean \"logits.kl\"?"},
    {"{\"limits\": {\"logits.kl\": 1}}", "1:13: limits.logits.kl: expected an object or a list of 1 to 16, found 1"},
    {"{\"limits\": {\"logits.kl\": {\"value\": 1}}}", "1:13: limits.logits.kl: expected \"cause\", found none"},
    {"{\"limits\": {\"logits.kl\": {\"cause\": \"c\"}}}", "1:13: limits.logits.kl: expected \"value\", found none"},
    {"{\"limits\": {\"logits.kl\": {\"value\": -1, \"cause\": \"c\"}}}",
     "1:27: limits.logits.kl.value: expected a number of at least 0, found -1"},
    {"{\"limits\": {\"logits.kl\": {\"value\": 1e999, \"cause\": \"c\"}}}",
     "1:27: limits.logits.kl.value: expected a number of at least 0, found inf"},
    {"{\"limits\": {\"logits.kl\": {\"value\": \"1\", \"cause\": \"c\"}}}",
     "1:27: limits.logits.kl.value: expected a number of at least 0, found \"1\""},
    {"{\"limits\": {\"logits.kl\": {\"value\": 1, \"cause\": \"\"}}}",
     "1:39: limits.logits.kl.cause: expected a text that is not empty, found \"\""},
    {"{\"limits\": {\"logits.kl\": {\"value\": 1, \"cause\": \"c\", \"values\": 2}}}",
     "1:53: limits.logits.kl.values: \"values\" is no key that is known here; did you mean \"value\"?"},
    {"{\"prompts\": []}", "1:2: prompts: expected a list of 1 to 1024, found an empty list"},
    {"{\"prompts\": [\"a\",\n5]}", "2:1: prompts[1]: expected a text that is not empty or an object, found 5"},
    {"{\"prompts\": [\"\"]}", "1:14: prompts[0]: expected a text that is not empty or an object, found \"\""},
    {"{\"prompts\": [{\"expects\": {}}]}", "1:14: prompts[0]: expected \"prompt\", found none"},
    {"{\"prompts\": [{\"prompt\": \"a\", \"tag\": [\"b\"]}]}",
     "1:30: prompts[0].tag: \"tag\" is no key that is known here; did you mean \"tags\"?"},
    {"{\"prompts\": [{\"prompt\": \"a\", \"tags\": \"b\"}]}",
     "1:30: prompts[0].tags: expected a list of 0 to 16, found \"b\""},
    {"{\"prompts\": [{\"prompt\": \"a\", \"tags\": [\"b\", \"\"]}]}",
     "1:44: prompts[0].tags[1]: expected a text of 1 to 64 bytes, found \"\""},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": []}]}",
     "1:30: prompts[0].expects: expected an object, found an empty list"},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": {\"match\": [\"b\"]}}]}",
     "1:42: prompts[0].expects.match: \"match\" is no key that is known here; did you mean \"matches\"?"},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": {\"matches\": [\"(\"]}}]}",
     "1:42: prompts[0].expects.matches: pattern '(' at 1: missing closing parenthesis"},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": {\"matches\": \"b\"}}]}",
     "1:42: prompts[0].expects.matches: expected a list of 1 to 64, found \"b\""},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": {\"language\": \"xx\"}}]}",
     "1:42: prompts[0].expects.language: \"language\": \"xx\" is no language code that is known, such as \"en\" or "
     "\"zh\""},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": {\"language\": []}}]}",
     "1:42: prompts[0].expects.language: expected a text that is not empty or a list of 1 to 8, found an empty list"},
    {"{\"prompts\": [{\"prompt\": \"a\", \"expects\": {\"code\": 1}}]}",
     "1:42: prompts[0].expects.code: expected true or false, found 1"},
    {"{\"new_tokens\": 0}", "1:2: new_tokens: expected a whole number from 1 to 100000, found 0"},
    {"{\"new_tokens\": 1.5}", "1:2: new_tokens: expected a whole number from 1 to 100000, found 1.5"},
    {"{\"sampling\": true}", "1:2: sampling: expected an object, found true"},
    {"{\"sampling\": {\"top-k\": 1}}",
     "1:15: sampling.top-k: \"top-k\" is no key that is known here; did you mean \"top_k\"?"},
    {"{\"sampling\": {\"temperature\": -1}}", "1:15: sampling.temperature: expected a number of at least 0, found -1"},
    {"{\"sampling\": {\"top_k\": null}}",
     "1:15: sampling.top_k: expected a whole number from 0 to 1073741824, found null"},
    {"{\"sampling\": {\"top_p\": 0}}", "1:15: sampling.top_p: expected a number above 0 and up to 1, found 0"},
    {"{\"sampling\": {\"min_p\": 1.5}}", "1:15: sampling.min_p: expected a number from 0 to 1, found 1.5"},
    {"{\"sampling\": {\"repetition_penalty\": 0}}",
     "1:15: sampling.repetition_penalty: expected a number above 0, found 0"},
    {"{\"sampling\": {\"seed\": 1.5}}", "1:15: sampling.seed: expected a whole number from 0 to 1073741824, found 1.5"},
    {"{\"chat\": \"yes\"}", "1:2: chat: expected true or false, found \"yes\""},
    {"{\"text\": \"file\"}", "1:2: text: expected an object, found \"file\""},
    {"{\"diagnostics\": [\"layers\"], \"text\": {\"context\": 8}}", "1:29: text: expected \"file\", found none"},
    {"{\"text\": {\"file\": \"f\", \"contxt\": 8}}",
     "1:24: text.contxt: \"contxt\" is no key that is known here; did you mean \"context\"?"},
    {"{\"text\": {\"file\": \"f\", \"stride\": 0}}",
     "1:24: text.stride: expected a whole number from 1 to 16777216, found 0"},
    {"{\"limits\": {\"greedy\": {\"value\": 1, \"cause\": \"c\", \"tags\": \"a\"}}}",
     "1:50: limits.greedy.tags: expected a list of 1 to 16, found \"a\""},
    {"{\"limits\": {\"greedy\": [{\"value\": 1, \"cause\": \"c\"}, {\"value\": 2, \"cause\": \"c\"}]}}",
     "1:52: limits.greedy[1]: expected \"tags\": one limit of the list may be without"},
    {"{\"name\": 5}", "1:2: name: expected a text that is not empty, found 5"},
    {"{\"extends\": 5}", "1:2: extends: expected a text that is not empty or a list of 1 to 16, found 5"},
    {"{\"extends\": [\"default\", 5]}", "1:25: extends[1]: expected a text that is not empty, found 5"},
    {"{\"name\": \"\xC3\xA9\xE4\xBD\xA0\",\t\"x\": 1}", /* columns are characters */
     "1:16: x: \"x\" is no key that is known here; there are $schema, extends, name, purpose, description, "
     "diagnostics, "
     "prompts, new_tokens, sampling, chat, text and limits"},
    {"{\"\\u006eame\\\"\": [{}, \"},{\", 1], \"names\": {}}", /* keys that are escaped; brackets inside texts */
     "1:2: name\": \"name\"\" is no key that is known here; did you mean \"name\"?"},
};

Test(suite, an_error_says_where_and_what)
{
    const char *path = scratch("suite.json");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = {0};
        struct suite suite;
        char expected[600];
        write_text(path, wrong[i].text);
        cr_expect_not(suite_open(path, &suite, &error), "%s", wrong[i].text);
        snprintf(expected, sizeof expected, "%s%s%s", path, *wrong[i].error == ':' ? "" : ":", wrong[i].error);
        cr_expect_str_eq(error_text(&error), expected);
        error_clear(&error);
        suite_free(&suite);
    }
}

Test(suite, what_is_found_is_cut)
{
    char text[4000], expected[200];
    const char *path = scratch("suite.json");
    snprintf(text, sizeof text, "{\"diagnostics\": [\"layers\"], \"chat\": \"%01000d\"}", 0);
    write_text(path, text);
    snprintf(expected, sizeof expected, ":1:29: chat: expected true or false, found \"%060d...\"", 0);
    expect_refused(path, expected);
}

Test(suite, of_a_name_nothing_is_called)
{
    expect_refused("defualt",
                   "\"defualt\" is no suite that is built in, and no file; did you mean \"default\"? There are "
                   "default, quick, full, extraction, implementation, quantised and english");
    expect_refused("zzz",
                   "\"zzz\" is no suite that is built in, and no file; there are default, quick, full, extraction, "
                   "implementation, quantised and english");
    expect_refused(scratch("none.json"), "none.json");
}

/* Opens the bytes: a suite, or an error that names the file. */
static void open_bytes(const char *path, const char *text, size_t size)
{
    struct error error = {0};
    struct suite suite;
    size_t length = strlen(path);
    write_bytes(path, text, size);
    if (suite_open(path, &suite, &error)) {
        cJSON *json = suite_json(&suite, &error);
        cr_expect(json && suite.name && *suite.name);
        cJSON_Delete(json);
    } else if (size && !strstr(error_text(&error), "extends")) {
        cr_expect(strncmp(error_text(&error), path, length) == 0 && error_text(&error)[length] == ':', "%s",
                  error_text(&error));
    }
    error_clear(&error);
    suite_free(&suite);
}

static const char everything[] =
    "{\"$schema\": \"s\", \"extends\": [\"quick\"], \"name\": \"n\", \"purpose\": \"p\", \"description\": \"d\",\n"
    "\"diagnostics\": {\"add\": [\"texts\"], \"remove\": [\"tokens\"]}, \"prompts\": [\"\xC3\xA9\", {\"prompt\": "
    "\"\\ud83d\\ude00\",\n"
    "\"expects\": {\"language\": [\"en\"], \"matches\": [\"a(b|c)*\"], \"list\": true}, \"tags\": [\"t\"]}], "
    "\"new_tokens\": 3,\n"
    "\"sampling\": {\"temperature\": 1e0, \"top_k\": 5, \"seed\": 7}, \"chat\": false, \"text\": {\"file\": "
    "\":english\",\n"
    "\"context\": 64}, \"limits\": {\"greedy\": {\"value\": 1, \"cause\": \"c\"}}}";

Test(suite, every_beginning_of_one_is_a_suite_or_an_error)
{
    for (size_t size = 0; size < sizeof everything; size++)
        open_bytes(scratch("suite.json"), everything, size);
}

Test(suite, every_byte_may_be_another)
{
    static const unsigned char changes[] = {0x01, 0x20, 0x80};
    char text[sizeof everything];
    for (size_t at = 0; at + 1 < sizeof everything; at++)
        for (size_t i = 0; i < sizeof changes; i++) {
            memcpy(text, everything, sizeof text);
            text[at] = (char)(text[at] ^ changes[i]);
            open_bytes(scratch("suite.json"), text, sizeof text - 1);
        }
}
