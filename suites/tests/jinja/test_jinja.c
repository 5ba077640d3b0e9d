/* Chat templates against those of transformers, and what no template may do. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "jinja/template.h"

#define DATA ASSAY_SOURCE_DIR "/suites/data/chat"
#define MOST ((size_t)16 << 20)

static cJSON *cases;

static void open_cases(void)
{
    struct error error = {0};
    setenv("TZ", "UTC", 1);
    cases = json_read(DATA "/cases.json", MOST, &error);
    cr_assert(cases, "%s", error_text(&error));
}

static void close_cases(void)
{
    cJSON_Delete(cases);
}

TestSuite(jinja, .init = open_cases, .fini = close_cases);

/* The source of a case; owned. */
static char *source_of(const cJSON *row, size_t *size)
{
    struct error error = {0};
    struct buffer text = {0};
    const cJSON *name = json_member(row, "template"), *source = json_member(row, "source");
    char path[512];
    if (cJSON_IsString(source)) {
        buffer_text(&text, source->valuestring);
    } else {
        snprintf(path, sizeof path, "%s/templates/%s.jinja", DATA, name->valuestring);
        cr_assert(file_read(path, MOST, &text, &error), "%s", error_text(&error));
    }
    *size = text.size;
    return buffer_take(&text);
}

static const cJSON *variables_of(const cJSON *row)
{
    const cJSON *index = json_member(row, "variables");
    return index ? cJSON_GetArrayItem(json_member(cases, "variables"), index->valueint)
                 : json_member(cases, "snippet_variables");
}

static bool render(const char *text, size_t size, const cJSON *variables, struct buffer *out, struct error *error)
{
    const struct chat_template_source source = {
        .where = "test", .text = text, .size = size, .now = (time_t)json_member(cases, "now")->valuedouble};
    return chat_template_render(&source, variables, out, error);
}

static void check_case(const cJSON *row, size_t index)
{
    struct error error = {0};
    struct buffer out = {0};
    size_t size;
    char *source = source_of(row, &size);
    const cJSON *expected = cJSON_GetObjectItem(row, "text");
    bool good = render(source, size, variables_of(row), &out, &error);
    if (!cJSON_IsString(expected))
        cr_expect(!good, "case %zu renders, where the original says %s:\n%.300s\n->\n%.300s", index,
                  json_member(row, "error")->valuestring, source, out.data ? out.data : "");
    else if (!good)
        cr_expect_fail("case %zu: %s\n%.300s", index, error_text(&error), source);
    else
        cr_expect(out.size == strlen(expected->valuestring) &&
                      memcmp(out.data ? out.data : "", expected->valuestring, out.size) == 0,
                  "case %zu:\n%.400s\nours:\n%.2000s\ntheirs:\n%.2000s", index, source, out.data ? out.data : "",
                  expected->valuestring);
    error_clear(&error);
    buffer_free(&out);
    free(source);
}

Test(jinja, renders_what_transformers_renders)
{
    size_t index = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, json_member(cases, "cases")) check_case(row, index++);
    cr_expect(index >= 900, "%zu cases", index);
}

/* --- what is refused --- */

static void expect_refused(const char *source, int line, const char *words)
{
    struct error error = {0};
    struct buffer out = {0};
    char place[64];
    snprintf(place, sizeof place, "test: chat template line %d: ", line);
    buffer_text(&out, "before");
    cr_expect(!render(source, strlen(source), json_member(cases, "snippet_variables"), &out, &error),
              "%.200s renders %.200s", source, out.data);
    cr_expect(strncmp(error_text(&error), place, strlen(place)) == 0 && strstr(error_text(&error), words),
              "%.200s\nis refused with: %s\nnot: %s%s", source, error_text(&error), place, words);
    cr_expect_str_eq(out.data, "before");
    error_clear(&error);
    buffer_free(&out);
}

Test(jinja, what_it_does_not_know_is_named_with_its_line)
{
    static const struct {
        const char *source;
        int line;
        const char *words;
    } rows[] = {
        {"a\n{{ s | frobnicate }}", 2, "no filter 'frobnicate'"},
        {"{{ s is frobnicate }}", 1, "no test 'frobnicate'"},
        {"{% if t %}\n\n{{ s | frobnicate }}{% endif %}", 3, "no filter 'frobnicate'"},
        {"{{ s | wordwrap }}", 1, "the filter 'wordwrap' is not understood"},
        {"{{ s is escaped }}", 1, "the test 'escaped' is not understood"},
        {"{{ s.zfill(3) }}", 1, "the method 'zfill' of a string is not understood"},
        {"{{ s.upper() }}", 1, "the method 'upper' of a string is not understood"},
        {"{{ d.keys() }}", 1, "the method 'keys' of a dict is not understood"},
        {"{{ l.index(1) }}", 1, "the method 'index' of a list is not understood"},
        {"{{ l | sum }}", 1, "the filter 'sum' is not understood"},
        {"{{ l | map('sum') }}", 1, "the filter 'sum' is not understood"},
        {"{{ 3 is odd }}", 1, "the test 'odd' is not understood"},
        {"{{ l | reject('odd') | list }}", 1, "the test 'odd' is not understood"},
        {"{{ '{:>3}'.format(1) }}", 1, "'format' with a field other than {} is not understood"},
        {"{{ s\n % 3 }}", 1, "printf formatting"},
        {"{{ lipsum() }}", 1, "the function 'lipsum' is not understood"},
        {"{{ s }}\n{% include 'x' %}", 2, "the tag 'include' is not understood"},
        {"{% block a %}{% endblock %}", 1, "the tag 'block' is not understood"},
        {"{% call f() %}{% endcall %}", 1, "the tag 'call' is not understood"},
        {"{% frobnicate %}", 1, "the tag 'frobnicate' is unknown, or out of place"},
        {"{% for x in l recursive %}{% endfor %}", 1, "a recursive loop is not understood"},
        {"{% for x in l %}{{ loop.cycle(1, 2) }}{% endfor %}", 1, "cycle"},
        {"{% macro f() %}{{ kwargs }}{% endmacro %}", 1, "'kwargs' in macro 'f' is not understood"},
        {"{{ dict(*l) }}", 1, "*args"},
        {"{{ größe }}", 1, "unexpected character"},
        {"{{ 9223372036854775808 }}", 1, "beyond 64 bits"},
        {"{{ 9223372036854775807 + 1 }}", 1, "beyond 64 bits"},
        {"{{ 2 ** 64 }}", 1, "beyond 64 bits"},
        {"{{ -9223372036854775807 - 2 }}", 1, "beyond 64 bits"},
        {"{{ (-9223372036854775807 - 1) // -1 }}", 1, "beyond 64 bits"},
        {"{{ 1e300 * 1e300 }}", 1, "not finite"},
        {"{{ 1e999 }}", 1, "not finite"},
        {"{{ '\\ud83d' }}", 1, "surrogate"},
        {"{{ s.__class__ }}", 1, "'__class__' is not understood"},
        {"{{ range(3)[1:] }}", 1, "a slice of a range is not understood"},
        {"{{ ('<b>' | safe) * 2 }}", 1, "marked as safe"},
        {"{{ 'a' in ('<b>' | safe) }}", 1, "marked as safe"},
        {"{{ d.items() }}", 1, "printing a view of a dict is not understood"},
        {"{{ words | map('upper') }}", 1, "printing a generator is not understood"},
        {"{{ strftime_now('%Q') }}", 1, "strftime_now with '%Q'"},
        {"\n\n{{ raise_exception('no ' ~ 'way') }}", 3, "the template refuses: no way"},
        {"{{ l.append(1) }}", 1, "'append' is undefined, or may not be called"},
        {"{{ missing.x }}", 1, "'missing' is undefined"},
        {"{{ s + missing }}", 1, "'missing' is undefined, and '+' needs it"},
        {"{% if t %}a", 1, "the template ends where 'elif' is expected"},
        {"{{ a b }}", 1, "}} was expected, not 'b'"},
        {"{{ 'abc }}", 1, "a string does not end"},
        {"{{ 1 & 2 }}", 1, "unexpected '&'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refused(rows[i].source, rows[i].line, rows[i].words);
}

/* --- what is used --- */

/* What Jinja and Python have; of the methods those of strings, dicts and lists. */
static const char filters[] =
    "abs attr batch capitalize center count d default dictsort e escape filesizeformat first float forceescape format "
    "groupby indent int items join last length list lower map max min pprint random reject rejectattr replace reverse "
    "round safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper urlencode "
    "urlize wordcount wordwrap xmlattr";
static const char tests[] =
    "boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt in integer "
    "iterable le lessthan lower lt mapping ne none number odd sameas sequence string test true undefined upper";
static const char methods[] =
    "append capitalize casefold center clear copy count encode endswith expandtabs extend find format format_map "
    "fromkeys get index insert isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable "
    "isspace istitle isupper items join keys ljust lower lstrip maketrans partition pop popitem remove removeprefix "
    "removesuffix replace reverse rfind rindex rjust rpartition rsplit rstrip setdefault sort split splitlines "
    "startswith strip swapcase title translate update upper values zfill";
static const char globals[] = "cycler dict joiner lipsum namespace raise_exception range self strftime_now";
static const char statements[] =
    "autoescape block break call continue extends filter for for-if from generation if import include macro set "
    "set-block with";

/* One column of jinja_use.tsv: what Jinja has of the kind, and templates that use one. */
struct use_kind {
    const char *known;
    const char *templates[3]; /* with %s; it is implemented when one of them is not refused for that */
};

static const struct use_kind kinds[] = {
    {filters, {"{{ l | %s }}"}},
    {tests, {"{{ l is %s }}"}},
    {methods, {"{{ s.%s() }}", "{{ {}.%s() }}", "{{ [].%s() }}"}},
    {globals, {"{{ %s() }}"}},
};

/* Is the template refused because of a name in it? Arguments that do not fit are no such reason. */
static bool refuses_name(const char *template, const char *name)
{
    static const char *const words[] = {"is not understood", "may not be called", "no filter", "no test"};
    struct error error = {0};
    struct buffer out = {0};
    char source[256], quoted[64];
    snprintf(source, sizeof source, template, name);
    snprintf(quoted, sizeof quoted, "'%s'", name);
    bool good = render(source, strlen(source), json_member(cases, "snippet_variables"), &out, &error), refused = false;
    for (size_t i = 0; !good && i < sizeof words / sizeof *words; i++)
        refused = refused || (strstr(error_text(&error), words[i]) && strstr(error_text(&error), quoted));
    error_clear(&error);
    buffer_free(&out);
    return refused;
}

static bool is_implemented(const struct use_kind *kind, const char *name)
{
    for (size_t i = 0; i < 3 && kind->templates[i]; i++)
        if (!refuses_name(kind->templates[i], name))
            return true;
    return false;
}

/* Is the word one of the words, which blanks part? */
static bool is_one_of(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at++)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* The words of one cell; each is used by the template of the model. What stands in brackets is refused. */
static void check_cell(const struct use_kind *kind, char *cell, const char *model, struct buffer *used)
{
    char *rest = NULL;
    for (char *word = strtok_r(cell, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        bool refused = word[0] == '(';
        if (refused)
            word[strlen(word) - 1] = '\0';
        word += refused;
        if (strcmp(word, "-") == 0)
            continue;
        cr_expect(is_implemented(kind, word) == !refused, "%s uses %s", model, word);
        if (!refused)
            buffer_format(used, "%s ", word);
    }
}

static void check_statements(char *cell, const char *model)
{
    static const char *const unknown[] = {"autoescape", "block", "call", "extends", "from", "import", "include"};
    char *rest = NULL;
    for (char *word = strtok_r(cell, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        cr_expect(is_one_of(statements, word), "%s has an unknown statement %s", model, word);
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
            cr_expect(strcmp(word, unknown[i]) != 0, "%s uses %s", model, word);
    }
}

/* Goes through jinja_use.tsv; how many templates stand in it, and in `used[kind]` what they use. */
static size_t read_use(struct buffer used[4])
{
    struct error error = {0};
    struct buffer text = {0};
    size_t count = 0;
    char *rest = NULL;
    cr_assert(file_read(ASSAY_SOURCE_DIR "/suites/tests/jinja/jinja_use.tsv", MOST, &text, &error), "%s",
              error_text(&error));
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *cells[8] = {line};
        size_t columns = 1;
        if (line[0] == '#')
            continue;
        for (char *at = line; columns < 8 && (at = strchr(at, '\t')); columns++) {
            *at = '\0';
            cells[columns] = ++at;
        }
        cr_assert(columns == 7, "%s has %zu columns", line, columns);
        for (size_t kind = 0; kind < 4; kind++)
            check_cell(&kinds[kind], cells[kind + 2], cells[0], &used[kind]);
        check_statements(cells[6], cells[0]);
        count++;
    }
    buffer_free(&text);
    return count;
}

/* What published templates use is implemented, and nothing else is. */
Test(jinja, implements_what_templates_use)
{
    struct buffer used[4] = {{0}};
    cr_expect(read_use(used) >= 40);
    for (size_t kind = 0; kind < 4; kind++) {
        char *known = strdup(kinds[kind].known), *rest = NULL;
        for (char *word = strtok_r(known, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            cr_expect(is_implemented(&kinds[kind], word) == is_one_of(used[kind].data, word),
                      "no template uses %s, which is implemented", word);
        free(known);
        buffer_free(&used[kind]);
    }
}

/* --- what no template may do --- */

/* begin, the unit many times, end; owned */
static char *repeated(const char *begin, const char *unit, size_t times, const char *end)
{
    struct buffer text = {0};
    buffer_text(&text, begin);
    for (size_t i = 0; i < times; i++)
        buffer_text(&text, unit);
    buffer_text(&text, end);
    return buffer_take(&text);
}

/* Templates of a line that would take hours, or all of the memory. */
static const struct {
    const char *source;
    const char *words;
} too_much[] = {
    {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deep"},
    {"{% macro f(x) %}{{ f(f(x)) }}{% endmacro %}{{ f(1) }}", "deep"},
    {"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "more than"},
    {"{% for a in range(100000) %}{% for b in range(1000) %}{% set x = 'a' * 100000 %}{% endfor %}{% endfor %}",
     "memory"},
    {"{% set n = namespace(s='x') %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}", "MiB"},
    {"{% set n = namespace(s='x' * 1000000) %}{% for i in range(100) %}{{ n.s }}{% endfor %}", "writes more"},
    {"{% set n = namespace(s=[]) %}{% for i in range(100) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}", "steps"},
    {"{% set n = namespace(s=[], t=[]) %}{% for i in range(100) %}{% set n.s = [n.s, n.s] %}"
     "{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.s == n.t }}",
     "steps"},
    {"{% set n = namespace(s=[]) %}{% for i in range(100000) %}{% set n.s = [n.s] %}{% endfor %}{{ n.s }}", "deep"},
    {"{% set n = namespace(s=[]) %}{% for i in range(100000) %}{% set n.s = [n.s] %}{% endfor %}{{ n.s|tojson }}",
     "deep"},
    {"{% set n = namespace(s=[], t=[]) %}{% for i in range(9999) %}{% set n.s = [n.s] %}{% set n.t = [n.t] %}"
     "{% endfor %}{{ n.s < n.t }}",
     "deep"},
    {"{{ 'a' * 999999999999 }}", "MiB"},
    {"{{ [1] * 999999999999 }}", "memory"},
    {"{{ range(100001) }}", "a range has more than"},
    {"{{ range(-9223372036854775807, 9223372036854775807) }}", "a range has more than"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% if 'b' in s %}{% endif %}{% endfor %}", "steps"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% if s == s %}{% endif %}{% endfor %}", "steps"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% set x = s | length %}{% endfor %}", "steps"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% set x = s.strip() %}{% endfor %}", "steps"},
    {"{% set s = '{}' * 4000000 %}{% for i in range(100000) %}{{ s.format('a', 'b') }}{% endfor %}", "too few"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% set x = s.format(s) %}{% endfor %}", "memory"},
    {"{% set s = '{}{}' %}{% for i in range(100) %}{% set x = s.format('a' * 9000000, 'a' * 9000000) %}{% endfor "
     "%}",
     "MiB"},
    {"{{ ('a' | safe) + '<' * 9000000 }}", "MiB"},
    {"{% set n = namespace(s='a' | safe) %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}", "MiB"},
    {"{% for i in range(100000) %}{% filter trim %}{{ 'a' * 1000000 }}{% endfilter %}{% endfor %}", "M"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% set x = s[-1] %}{% endfor %}", "steps"},
    {"{{ ('a' * 9000000).strip('ab' * 1000000) }}", "steps"},
    {"{{ ('a' * 9000000) | trim('ba' * 1000000) }}", "steps"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% if s.startswith(s) %}{% endif %}{% endfor %}", "steps"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% if s.endswith(('b', s)) %}{% endif %}{% endfor %}",
     "steps"},
    {"{% set s = ' ' * 9000000 %}{% for i in range(100000) %}{% set x = s | int %}{% endfor %}", "steps"},
    {"{% set s = 'a' * 9000000 %}{% for i in range(100000) %}{% if s.title() == 'a' %}{% endif %}{% endfor %}",
     "steps"},
    {"{% set s = 'a' * 63 %}{% for i in range(100000) %}{% set x = s.strip('b' * 1000) %}{% endfor %}", "steps"},
    {"{% set s = ['a'] * 100000 %}{% for i in range(100000) %}{% set x = s | reject('string') %}{% endfor %}", "steps"},
    {"{% set s = ['é'] * 1000 %}{% for i in range(100000) %}{% set x = s | map('upper') %}{% endfor %}", "steps"},
    {"{% set x = ['a'] | map(attribute='.' * 9000000, default={}) | list %}", "steps"},
    {"{% set k = 'a' * 4000000 %}{% set d = dict([[k + 'b', 1]]) %}{% set n = k + 'c' %}{% for i in range(100000) "
     "%}"
     "{% if d[n] %}{% endif %}{% endfor %}",
     "steps"},
    {"{% for i in range(1000) %}{{ ('a' * 4000000).split('a' * 2000000 + 'b') | length }}{% endfor %}", "more than"},
    {"{% set s = 'é' * 900000 %}{% for i in range(1000) %}{% set x = s | upper %}{% endfor %}", "steps"},
    {"{% set s = 'a' * 9000000 %}{{ s | replace('', s) }}", "MiB"},
    {"{{ ['a' * 1000000] | join('b') | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaa') }}", "MiB"},
    {"{% set n = namespace(d={}) %}{% for i in range(100000) %}{% set n.d = dict(n.d, **{}) %}{% endfor %}", "*args"},
    {"{% set n = namespace(d={}) %}{% for i in range(100000) %}{% set n.d = dict(n.d.items() | list + [[i, i]]) %}"
     "{% endfor %}",
     "steps"},
};

Test(jinja, no_template_takes_too_much)
{
    for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++)
        expect_refused(too_much[i].source, 1, too_much[i].words);
}

Test(jinja, no_source_is_too_deep)
{
    static const struct {
        const char *begin, *unit, *end;
        const char *words;
    } rows[] = {
        {"{{ ", "(", "", "brackets"},
        {"{{ ", "[", "", "brackets"},
        {"{{ ", "-", "1 }}", "nested"},
        {"{{ ", "not ", "1 }}{{ x", "expected"},
        {"{{ 1", "+1", " }}", "deep"},
        {"{{ s", "|upper", " }}", "deep"},
        {"{{ s", ".x", " }}", "deep"},
        {"{{ s", "[0]", " }}", "deep"},
        {"{{ 1", " if 1 else 2", " }}", "nested"},
        {"{{ 1", " if 1", " }}", "deep"},
        {"{{ 1", " and 1", " }}", "deep"},
        {"", "{% if 1 %}", "", "deep"},
        {"", "{% for x in l %}", "", "deep"},
        {"", "{% filter trim %}", "", "deep"},
        {"{% if 0 %}", "{% elif 0 %}", "{% endif %}", "deep"},
        {"{% set ", "(", "", "brackets"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *source = repeated(rows[i].begin, rows[i].unit, 100000, rows[i].end);
        expect_refused(source, 1, rows[i].words);
        free(source);
    }
    char *long_one = repeated("", "{{ s }}0123456789\n", 250000, "");
    struct error error = {0};
    struct buffer out = {0};
    cr_expect(!render(long_one, strlen(long_one), json_member(cases, "snippet_variables"), &out, &error));
    cr_expect(strstr(error_text(&error), "4 MiB"), "%s", error_text(&error));
    error_clear(&error);
    free(long_one);
}

/* As many names as fit, each looked for: what is looked through counts as well. */
Test(jinja, no_number_of_names_takes_too_much)
{
    struct buffer text = {0};
    for (int i = 0; i < 30000; i++)
        buffer_format(&text, "{%% set x%d = %d %%}", i, i);
    buffer_text(&text, "{% for i in range(100000) %}{{ x0 }}{% endfor %}");
    expect_refused(text.data, 1, "steps");
    buffer_free(&text);
    buffer_text(&text, "{{ dict(");
    for (int i = 0; i < 30000; i++)
        buffer_format(&text, "x%d=%d,", i, i);
    buffer_text(&text, ") }}");
    expect_refused(text.data, 1, "steps");
    buffer_free(&text);
}

/* Names that differ in their last letters only. */
Test(jinja, no_length_of_names_takes_too_much)
{
    char *name = repeated("", "a", 100000, "");
    struct buffer text = {0};
    for (int i = 0; i < 30; i++)
        buffer_format(&text, "{%% set %s%02d = %d %%}", name, i, i);
    buffer_format(&text, "{%% for i in range(100000) %%}{{ %s00 }}{%% endfor %%}", name);
    expect_refused(text.data, 1, "steps");
    buffer_free(&text);
    free(name);
}

static uint64_t state = 1;

static size_t any(size_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return below ? (size_t)(state >> 33) % below : 0;
}

/* Cuts the text, or changes some bytes to others that mean something. */
static void damage(char *text, size_t *size)
{
    static const char bytes[] = "{}%#-+'\"\\|.,:()[]=~ \n_*0aé\xff";
    if (any(4) == 0) {
        *size = any(*size + 1);
        return;
    }
    for (size_t i = 0; *size && i <= any(4); i++)
        text[any(*size)] = any(8) ? bytes[any(sizeof bytes)] : (char)any(256);
}

Test(jinja, a_damaged_template_renders_or_is_refused)
{
    size_t refused = 0, rendered = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, json_member(cases, "cases"))
    {
        size_t size;
        char *source = source_of(row, &size);
        for (int turn = 0; turn < 6; turn++) {
            /* exactly as long as it is, so that a read behind it is seen */
            size_t length = size;
            char *copy = malloc(size + !size);
            memcpy(copy, source, size);
            damage(copy, &length);
            char *exact = malloc(length + !length);
            memcpy(exact, copy, length);
            struct error error = {0};
            struct buffer out = {0};
            bool good = render(exact, length, variables_of(row), &out, &error);
            cr_assert(good ? utf8_check(out.data ? out.data : "", out.size) == out.size : error.text != NULL);
            rendered += good;
            refused += !good;
            error_clear(&error);
            buffer_free(&out);
            free(copy);
            free(exact);
        }
        free(source);
    }
    cr_expect(refused > 1000 && rendered > 500, "%zu and %zu", refused, rendered);
}

Test(jinja, variables_that_are_not_utf8_become_what_a_tokenizer_makes_of_them)
{
    struct error error = {0};
    struct buffer out = {0};
    cJSON *variables = cJSON_CreateObject();
    cJSON_AddStringToObject(variables, "x", "a\xff\xe2\x82z");
    cr_assert(render("{{ x }}{{ x|length }}", 21, variables, &out, &error), "%s", error_text(&error));
    cr_expect_str_eq(out.data, "a\xEF\xBF\xBD\xEF\xBF\xBDz4");
    cJSON_Delete(variables);
    buffer_free(&out);
    cJSON *list = cJSON_CreateArray();
    cr_expect(!render("a", 1, list, &out, &error));
    cr_expect(strstr(error_text(&error), "no JSON object"), "%s", error_text(&error));
    cJSON_Delete(list);
    error_clear(&error);
}
