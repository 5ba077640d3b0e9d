#!/usr/bin/env python3
"""Make suites/data/chat/cases.json: what transformers renders of chat templates.

    make_chat_cases.py -o suites/data/chat/cases.json

Templates of model families, spelled as their models publish them, lie in suites/data/chat/templates; many small ones
here pin down what Jinja does. Each case: a template (by name, or its source), the variables that it sees, and the text,
or the error (null text), that transformers' own render_jinja_template gives. The clock of strftime_now is stopped.
Needs scripts/requirements.txt.
"""

import argparse
import datetime
import glob
import json
import os

import jinja2
import transformers
from transformers.utils import chat_template_utils as utils

NOW = 1750000000
HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATES = os.path.join(HERE, "..", "suites", "data", "chat", "templates")


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None)


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather <now> & \"later\" in a city, as in 'Zürich'.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": " The city "},
                    "days": {"type": ["integer", "null"], "description": "How many", "minimum": 1, "maximum": 2.5},
                    "tags": {"type": "array", "items": {"type": "string"}, "description": "日本"},
                },
                "required": ["city"],
            },
            "return": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    },
    {"type": "function", "function": {"name": "noop", "description": "Nothing", "parameters": {"type": "object", "properties": {}}}},
]
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris \u2603", "days": 2}}}
CONVERSATIONS = {
    "user": [{"role": "user", "content": "What is the capital of France?"}],
    "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  Hello  \n"}],
    "turns": [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nTwo"},
        {"role": "user", "content": "Drei 😀 <|im_end|> {{ x }}"},
    ],
    "ended": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " b "}],
    "wrong": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "tools": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "name": "get_weather", "content": "{\"t\": 1}", "tool_call_id": "abcdefghi"},
        {"role": "tool", "name": "get_weather", "content": "more", "tool_call_id": "abcdefghi"},
        {"role": "assistant", "content": "Cold."},
        {"role": "user", "content": "Thanks"},
    ],
    "parts": [{"role": "user", "content": [{"type": "text", "text": " What is this? "}, {"type": "image"}]}],
    "reasoning": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a", "reasoning_content": "because"},
        {"role": "user", "content": "/no_think r"},
    ],
    "empty": [{"role": "user", "content": ""}],
    "no_think": [{"role": "system", "content": "You. /no_think"}, {"role": "user", "content": "q"}],
    "override": [{"role": "system", "content": "You. /system_override "}, {"role": "user", "content": "q"}],
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}

# Variables of the snippets, beside messages.
VALUES = {
    "s": "Hello, World", "e": "", "u": "Größe ÄÖ \u0130 ß \ufb01 ΣΑΣ 日本😀", "w": " \t\u00a0 x y \u3000\n", "q": "it's", "qq": "it's \"so\"",
    "n": 7, "z": 0, "neg": -3, "f": 2.5, "big": 9007199254740991, "small": 1e-7, "huge": 1e22, "t": True, "no": False, "nil": None,
    "l": [3, 1, 2], "el": [], "d": {"b": 1, "a": "x", "items": "own", "C": None, "pop": 2}, "ed": {},
    "rows": [{"k": "b", "v": 2, "x": {"y": [5, 6]}}, {"k": "A", "v": 1, "x": {"y": [7]}}, {"k": "c", "v": 3}],
    "words": ["delta", "Alpha", "charlie", "alpha"], "nested": [[1, [2, "x"]], {"k": [None, True, 1.5]}], "m": "line 1\nline 2\r\n\nline 4\u2028five",
    "ctl": "a\tb\u0001\u007f\u200b\\ \"q\" é 😀",
}

SNIPPETS = r"""
{{ s }}|{{ e }}|{{ u }}|{{ n }}|{{ f }}|{{ t }}|{{ nil }}|{{ l }}|{{ d }}|{{ missing }}
{{ nested }} {{ (1,) }} {{ () }} {{ (1, "a") }} {{ 1, 2 }}
{{ q }} {{ [q] }} {{ [qq] }} {{ [ctl] }} {{ [u, w] }}
{{ small }} {{ huge }} {{ 1e16 }} {{ 1e15 }} {{ 123456789.125 }} {{ 0.1 + 0.2 }} {{ 1e-4 }} {{ 1e-5 }} {{ 100.0 }} {{ -0.0 }} {{ 1/3 }} {{ 5e-324 }} {{ 1.7976931348623157e308 }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 10 - 2 - 3 }} {{ 2 * 3 % 4 }} {{ 1 ~ 2 + 3 }} {{ 1 + 2 ~ 3 }} {{ "a" ~ 1 ~ none ~ true ~ [1] ~ missing }} {{ -n }} {{ +n }} {{ - 3 + 5 }} {{ true + true }}
{{ "a" + 1 }}
{{ 1 + "a" }}
{{ s + missing }}
{{ missing + s }}
{{ s + nil }}
{{ "ab" * 3 }} {{ 2 * "x" }} {{ [1] * 2 }} {{ [1] + [2, 3] }} {{ (1,) + (2,) }} {{ "x" * 0 }} {{ "x" * -1 }}
{{ [1] + (2,) }}
{{ l + "x" }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ "a" == "a" }} {{ "a" != "b" }} {{ "a" < "b" }} {{ [1, 2] < [1, 3] }} {{ none == none }} {{ missing == missing }} {{ missing == none }} {{ missing != 1 }} {{ {"a": 1} == {"a": 1.0} }} {{ (1, 2) == [1, 2] }} {{ "1" == 1 }} {{ big == 9007199254740991.0 }} {{ (1, 2) < (1, 2, 0) }}
{{ "a" < 1 }}
{{ none < 1 }}
{{ missing < 1 }}
{{ {} < {} }}
{{ 1 in [1, 2] }} {{ "b" in "abc" }} {{ "" in "abc" }} {{ "a" in d }} {{ "zz" in d }} {{ 1 not in [2] }} {{ not 1 in [2] }} {{ "x" in missing }} {{ 3 in l }} {{ [1] in [[1]] }} {{ 2 in range(3) }} {{ ("a", "x") in d.items() }}
{{ 1 in "abc" }}
{{ 1 in 1 }}
{{ "a" in none }}
{{ [1] in d }}
{{ not t }} {{ not not t }} {{ not e }} {{ t and n }} {{ e and n }} {{ e or n }} {{ z or e or nil or "end" }} {{ 1 and 2 or 3 }} {{ not t or t }} {{ t and not no }} {{ not (t and no) }} {{ el or ed }}
{{ "y" if t else "n" }} {{ "y" if e else "n" }} {{ "y" if no }}| {{ (1 if no else 2 if no else 3) }} {{ "a" if t and n > 3 else "b" }} {{ 1 if t else missing.x.y }}
{{ ("y" if no).x }}
{{ missing.x }}
{{ missing["x"] }}
{{ missing() }}
{{ missing.x is defined }}
{{ d.missing }}|{{ d["missing"] }}|{{ d.missing is defined }}|{{ nil.x }}|{{ nil["x"] }}|{{ n.x }}|{{ l.x }}|{{ l["x"] }}|{{ s.x }}
{{ d.missing.x }}
{{ d.b }} {{ d["b"] }} {{ d["items"] }} {{ d["i" ~ "tems"] }} {{ d.pop is defined }} {{ d["pop"] }}
{{ d.pop("a") }}
{{ l.append(1) }}
{{ l.append is defined }} {{ d.update is defined }} {{ s.upper is defined }} {{ s._x is defined }} {{ l[0:2].sort is defined }}
{% set x = l.append(4) %}
{% do l.append(4) %}
{{ l[0] }} {{ l[-1] }} {{ l[5] }}| {{ l.0 }} {{ l[true] }} {{ l["0"] }}| {{ s[0] }} {{ s[-1] }} {{ s[99] }}| {{ u[-1] }} {{ u[1] }} {{ nested[1].k[2] }} {{ nested.1["k"][0] }} {{ (1, 2)[1] }} {{ l[1.0] }}|
{{ l[1:] }} {{ l[:1] }} {{ l[::-1] }} {{ l[-2:] }} {{ l[5:] }} {{ l[:-1] }} {{ l[::2] }} {{ l[2:0:-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ u[2:6] }} {{ u[::-2] }} {{ (1, 2, 3)[1:] }} {{ l[none:2] }} {{ l[-100:100] }} {{ s[7:][:3] }} {{ "abc"[::-5] }} {{ l[1:1] }} {{ s[:] }}
{{ missing[1:] }}
{{ nil[1:] }}
{{ d[1:] }}
{{ n[1:] }}
{{ l[::0] }}
{{ l["a":] }}
{{ 'a\nb\t\\\'\"' }}|{{ "\x41\u00e9\U0001F600\101\q" }}|{{ 'line\
cont' }}|{{ "\é\日\😀" }}|{{ "a" "b" 'c' }}|{{ "\a\b\f\v\r" }}|{{ '\1' }}|
{{ "\x4" }}
{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 0 }} {{ 00 }} {{ 1.5e3 }} {{ 1e3 }} {{ 1_0.0_1 }} {{ 2E-2 }} {{ 0XfF }}
{{ 012 }}
{{ {"a": 1, "b": [2, {"c": none}]} }} {{ {1: 2, 1.0: 3, true: 4} }} {{ {} }} {{ [] }} {{ {"a": 1,} }} {{ [1, 2,] }} {{ {(1, 2): 3} }}
{{ {[1]: 2} }}
{{ [1 2] }}
{{ {"a"} }}
{{ true }} {{ True }} {{ false }} {{ False }} {{ none }} {{ None }} {{ null }}|{{ nil is none }} {{ TRUE }}|
{{ s is defined }} {{ missing is defined }} {{ missing is undefined }} {{ missing is not defined }} {{ not missing is defined }} {{ nil is none }} {{ nil is not none }} {{ n is number }} {{ t is number }} {{ t is boolean }} {{ n is boolean }} {{ t is true }} {{ n is true }} {{ no is false }} {{ s is string }} {{ n is string }}
{{ d is mapping }} {{ l is mapping }} {{ l is iterable }} {{ s is iterable }} {{ n is iterable }} {{ missing is iterable }} {{ nil is iterable }} {{ d is iterable }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ missing is sequence }} {{ d.items() is sequence }} {{ d.items() is iterable }} {{ range(3) is sequence }} {{ (l|map("string")) is sequence }} {{ (l|map("string")) is iterable }} {{ namespace is defined }}
{{ "a" is eq "a" }} {{ 1 is sameas 1.0 }} {{ t is sameas true }} {{ 1 is sameas true }} {{ nil is sameas none }}
{{ s is string and n is number or no }} {{ (s is string) == true }} {{ s is not string }} {{ n is defined and n is not none }}
{{ s is frobnicate }}
{{ s is string is string }}
{{ s|frobnicate }}
{% if no %}{{ s|frobnicate }}{% endif %}ok
{% if no %}{{ s is frobnicate }}{% endif %}ok
{% if t %}{{ s|frobnicate }}{% endif %}
{% if no %}{% for x in l %}{{ x|frobnicate }}{% endfor %}{% endif %}
{% macro f(x) %}{{ x|frobnicate }}{% endmacro %}ok
{% if no %}{% set x = s|frobnicate %}{% endif %}ok
{% if t %}{% set x = s|frobnicate %}{% endif %}ok
{% if no %}{% for x in l|frobnicate %}{% endfor %}{% endif %}ok
{% if no %}{% for x in l if x|frobnicate %}{% endfor %}{% endif %}ok
{% if no %}{% for x in l %}{% else %}{{ s|frobnicate }}{% endfor %}{% endif %}ok
{% if no %}{% with a = s|frobnicate %}{% endwith %}{% endif %}ok
{% if no %}{% with a = s %}{{ a|frobnicate }}{% endwith %}{% endif %}ok
{% if no %}{% macro f(a=s|frobnicate) %}{% endmacro %}{% endif %}ok
{% if no %}{% macro f(a) %}{{ a|frobnicate }}{% endmacro %}{% endif %}ok
{% if no %}{% generation %}{{ s|frobnicate }}{% endgeneration %}{% endif %}ok
{% if no %}{% filter frobnicate %}{% endfilter %}{% endif %}ok
{% if no %}{% set x %}{{ s|frobnicate }}{% endset %}{% endif %}ok
{% for x in l %}{% if no %}{{ x|frobnicate }}{% endif %}{% endfor %}ok
{% if s|frobnicate %}{% endif %}ok
{% if no and s is frobnicate %}{% endif %}ok
{% if t %}{% elif s is frobnicate %}{% endif %}ok
{{ s|frobnicate if no else "ok" }} {{ "ok" if t else s|frobnicate }} {{ [1, s is frobnicate] if no else "ok" }}
{{ "ok" if s|frobnicate else "no" }}
{{ ("a" if t)|frobnicate }}
{{ s|upper|frobnicate }}
{% filter trim %}  a {{ s }}  {% endfilter %}| {% filter trim | upper %} b{% set z8 = 1 %}{{ z8 }} {% endfilter %}{{ z8 }}| {% filter replace("a", "b") %}aab{% endfilter %} {% filter default(s) %}{% endfilter %}|
{% filter trim %}{% for y in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{{ s }}{% endfilter %}{{ s }}
{% for x in l %}a{% filter upper %}b{% if x == 1 %}{% break %}{% endif %}c{% endfilter %}{% endfor %}
{% macro f(x) %}{% filter upper %}a{{ x }}{% endfilter %}{% endmacro %}{{ f("b") }}
{% filter %}a{% endfilter %}
{% filter | trim %}a{% endfilter %}
{% filter trim %}a
{% filter frobnicate %}a{% endfilter %}
{{ ("<b>"|safe) + "<i>&'\"é" }} {{ "<i>" + ("<b>"|safe) }} {{ ("<b>"|safe) + ("<i>"|safe) + "<u>" }} {{ "<" ~ (("<b>"|safe) + "<i>") }} {{ (("a"|safe) + "b") is string }} {{ (("<"|safe) + ">")|length }} {{ [("a"|safe) + ">"]|tojson }}
{{ ("<b>"|safe) + 1 }}
{{ ("<b>"|safe) + missing }}
{{ ("<b>"|safe) + none }}
{{ "{}".format(1) }} {{ "a{}b{}c".format("x", 2) }} {{ "{{}}{}".format(none) }} {{ "{}|{}|{}|{}|{}".format(true, 2.5, l, missing, d) }} {{ "é{}日".format("ü") }} {{ "none".format() }} {{ "".format(1) }}| {{ "{}".format(1, 2) }} {{ "{}".format("<b>"|safe) }}
{{ "{}{}".format(1) }}
{{ "{".format(1) }}
{{ "}".format(1) }}
{{ "a}b".format(1) }}
{{ "{}}".format(1) }}
{{ "{{{}}}".format(1) }}
{{ s|upper }} {{ s|lower }} {{ u|upper }} {{ u|lower }} {{ s|length }} {{ u|length }} {{ l|length }} {{ d|length }} {{ missing|length }} {{ "  x "|trim }}| {{ w|trim }}| {{ "xxaxx"|trim("x") }} {{ none|upper }} {{ 12|upper }} {{ missing|upper }}| {{ true|lower }} {{ "hello wORLD"|capitalize }} {{ u|capitalize }} {{ "ßtra ǆ"|capitalize }}
{{ 5|length }}
{{ none|length }}
{{ missing|default("x") }} {{ nil|default("x") }} {{ nil|default("x", true) }} {{ e|default("x") }} {{ e|default("x", boolean=true) }} {{ d.zz|default }}| {{ missing|default(default_value="y") }} {{ s|default("x") }}
{{ missing.x|default("y") }}
{{ [1, 2, 3]|join }} {{ [1, none, "a"]|join(", ") }} {{ "abc"|join("-") }} {{ rows|join("+", attribute="k") }} {{ missing|join(",") }}| {{ d|join(",") }} {{ el|join(",") }}| {{ [1, 2]|join(d="/") }} {{ (1, 2)|join(3) }} {{ l|map("string")|join("") }}
{{ 5|join }}
{{ l|first }} {{ l|last }} {{ s|first }} {{ s|last }} {{ el|first }}| {{ d|first }} {{ d|last }} {{ missing|first }}| {{ missing|last }}| {{ (1, 2)|last }} {{ range(4)|last }} {{ d.items()|first }} {{ d.items()|last }}
{{ (l|map("string"))|last }}
{{ l|list }} {{ "ab"|list }} {{ d|list }} {{ d.items()|list }} {{ range(3)|list }} {{ (1, 2)|list }} {{ missing|list }}
{{ 5|list }}
{{ none|list }}
{{ "5"|int }} {{ " 42 "|int }} {{ "x"|int }} {{ "x"|int(7) }} {{ "3.9"|int }} {{ 3.9|int }} {{ -3.9|int }} {{ none|int }} {{ true|int }} {{ "1_000"|int }} {{ "-5"|int }} {{ "1e3"|int }} {{ ""|int }} {{ l|int(default=2) }} {{ "+3"|int }} {{ "1__0"|int }} {{ "0x10"|int }}
{{ missing|int }}
{{ 5|string ~ 1 }} {{ none|string }} {{ 1.0|string }} {{ l|string }} {{ missing|string }}| {{ (n|string)|length }}
{{ s|replace("l", "L") }} {{ s|replace("l", "L", 1) }} {{ s|replace("", "-") }} {{ u|replace("ß", "ss") }} {{ "aaa"|replace("aa", "b") }} {{ 101|replace(1, 2) }} {{ ""|replace("", "x") }} {{ "日本"|replace("", "-") }} {{ "ab"|replace("", "-", 2) }} {{ "a"|replace("a", "") }}|
{{ s|replace("l") }}
{{ l|sort }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ l|sort(reverse=true) }} {{ words|sort(true) }} {{ (rows|sort(attribute="v"))|map(attribute="k")|list }} {{ (rows|sort(attribute="k"))|map(attribute="k")|join }} {{ (rows|sort(attribute="k", reverse=true))|map(attribute="k")|join }} {{ d|dictsort }} {{ {"b": 2, "A": 3, "c": 1}|dictsort }} {{ {"b": 2, "A": 3, "c": 1}|dictsort(true) }} {{ {"b": 2, "A": 3, "c": 1}|dictsort(false, "value") }} {{ {"b": 2, "A": 3}|dictsort(reverse=true) }} {{ "bca"|sort }}
{{ [1, "a"]|sort }}
{{ words|unique|list }} {{ words|unique(true)|list }} {{ [1, 2, 1, 1.0, true]|unique|list }} {{ l|min }} {{ words|min }} {{ (rows|min(attribute="k")).k }}
{{ rows|map(attribute="k")|list }} {{ rows|map(attribute="x.y.0")|list }}
{{ rows|map(attribute="x.y")|map("first")|list }}
{{ rows[:2]|map(attribute="x.y.0")|list }} {{ rows|map(attribute="zz")|list }} {{ rows|map(attribute="zz", default="-")|list }} {{ words|map("upper")|list }} {{ words|map("replace", "a", "_")|list }} {{ nested|map(attribute=0)|list }} {{ missing|map("upper")|list }} {{ [[1, 2], [3]]|map("join", "-")|list }} {{ none|map("upper")|list }}
{{ words|map("frobnicate")|list }}
{{ words|map|list }}
{{ rows|selectattr("v", "eq", 2)|map(attribute="k")|list }} {{ rows|rejectattr("v", "eq", 1)|map(attribute="k")|list }} {{ rows|selectattr("x")|list|length }} {{ rows|selectattr("x", "defined")|list|length }} {{ rows|rejectattr("x")|map(attribute="k")|list }} {{ [0, 1, "", "a"]|reject|list }} {{ messages|selectattr("role", "equalto", "system")|list }} {{ [none, 1]|reject("none")|list }}
{{ "yes" if rows|selectattr("k", "eq", "zzz") else "no" }}
{{ rows|selectattr("v", "eq", 2)|length }}
{{ rows|selectattr|list }}
{% set g = words|map("upper") %}{% for x in g %}{{ x }},{% break %}{% endfor %}{% for x in g %}{{ x }},{% endfor %}|{% for x in g %}{{ x }}{% endfor %}
{% set g = words|map("upper") %}{% for x in g %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ "," if not loop.last }}{% endfor %}
{{ d|items|list }} {{ missing|items|list }} {% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}
{{ l|items|list }}
{{ "a\nb"|indent }} {{ "a\nb\n\nc\n"|indent(2) }}| {{ "a\nb"|indent(2, true) }} {{ "a\n\nb"|indent(2, blank=true) }}| {{ "a\nb"|indent("--") }} {{ ""|indent }}| {{ m|indent(1) }} {{ "a\nb"|indent(width=3, first=true) }} {{ "a\n"|indent(2, false, true) }}|
{{ d|tojson }} {{ l|tojson }} {{ s|tojson }} {{ ctl|tojson }} {{ u|tojson }} {{ u|tojson(ensure_ascii=true) }} {{ ctl|tojson(true) }} {{ none|tojson }} {{ f|tojson }} {{ t|tojson }} {{ huge|tojson }} {{ "</script>&'"|tojson }} {{ (1, 2)|tojson }} {{ {"1": {}, "2": []}|tojson }} {{ {1: 1, none: 2, true: 3, 1.5: 4}|tojson }} {{ d|tojson(sort_keys=true) }}
{{ nested|tojson(indent=2) }}
{{ d|tojson(indent=4) }} {{ {}|tojson(indent=2) }} {{ []|tojson(indent=2) }} {{ [1, [2]]|tojson(indent=0) }} {{ d|tojson(separators=(",", ":")) }} {{ [1, {"a": 2}]|tojson(indent="\t", separators=[", ", " : "]) }} {{ [1, 2]|tojson(indent=none) }}
{{ missing|tojson }}
{{ [missing]|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ range(3)|tojson }}
{{ d.items()|tojson }}
{{ (l|map("string"))|tojson }}
{{ s|tojson|safe }} {{ "<b>"|safe }} {{ "a" ~ ("<b>"|safe) ~ "<c>" }} {{ ("<b>"|safe)|length }} {{ ["<b>"|safe, "<i>"]|join(" & ") }}
{{ s.startswith("Hello") }} {{ s.endswith("ld") }} {{ s.startswith(("x", "He")) }} {{ s.split(", ") }} {{ s.split(",")[0] }} {{ " a  b\tc\n".split() }} {{ "a,b,,c".split(",") }} {{ "a,b,c".split(",", 1) }} {{ " a b c ".split(none, 1) }} {{ "".split() }} {{ "".split(",") }} {{ "aXbXc".split("X")[-1] }} {{ "abc".split("abc") }} {{ " a b ".split(maxsplit=5) }} {{ " x ".split(none, 0) }} {{ "a,b".split(sep=",") }} {{ "a--b---c".split("--") }}
{{ s.split("") }}
{{ s.split(1) }}
{{ s.startswith(1) }}
{{ s.startswith() }}
{{ w.strip() }}| {{ w.lstrip() }}| {{ w.rstrip() }}| {{ "xxaxbxx".strip("x") }} {{ "xyaxy".lstrip("xy") }} {{ "abab".rstrip("ab") }}| {{ "日本日".strip("日") }} {{ "\n\na\n".lstrip("\n") }}| {{ s.strip(none) }} {{ "a".strip("") }}
{{ s.replace("l", "L") }} {{ s.replace("l", "L", 1) }} {{ s.replace("o", "") }} {{ "abc".replace("", "-") }} {{ s.title() }} {{ "heLLo".capitalize() }} {{ "it's a DOG's".title() }}
{{ d.get("b") }} {{ d.get("zz") }} {{ d.get("zz", "dflt") }} {{ d.items()|list }} {{ d.get("C", "x") }} {{ "yes" if ed.items() else "no" }}
{{ d.get() }}
{{ d.get("a", 1, 2) }}
{{ s.nosuch() }}
{{ d.nosuch() }}
{{ n() }}
{{ s() }}
{% for x in l %}{{ x }}{% endfor %} {% for x in s %}{{ x }}.{% endfor %} {% for k in d %}{{ k }},{% endfor %} {% for k, v in d.items() %}{{ k }}={{ v }},{% endfor %} {% for x in missing %}x{% endfor %} {% for x in el %}x{% else %}none{% endfor %} {% for x in l %}{{ x }}{% else %}none{% endfor %} {% for a, b in [(1, 2), [3, 4], "xy"] %}{{ a }}{{ b }};{% endfor %} {% for x in (1, 2) %}{{ x }}{% endfor %} {% for x in 1, 2 %}{{ x }}{% endfor %} {% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.nosuch is defined }};{% endfor %}
{% for x in l %}{% for y in [1, 2] %}{{ x }}{{ y }}{{ loop.index }},{% endfor %}{{ loop.index }};{% endfor %}
{% for x in l %}{% set o = loop %}{% for y in [1] %}{{ o.index }}{{ loop.index }};{% endfor %}{% endfor %}
{% for x in l if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{{ loop.last }};{% endfor %} {% for x in l if x > 9 %}{{ x }}{% else %}empty{% endfor %} {% for x in l if x != 1 %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}{{ loop.revindex }};{% endfor %} {% for k, v in d.items() if v is string %}{{ k }}{% endfor %}
{% set ns = namespace(n=0) %}{% for x in [1, 2, 3, 4] if ns.n < 2 %}{% set ns.n = ns.n + 1 %}{{ x }}{% endfor %} {% set ns.n = 0 %}{% for x in [1, 2, 3, 4] if ns.n < 2 %}{% set ns.n = ns.n + 1 %}{{ x }}{{ loop.last }}{% endfor %}
{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %} {% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %} {% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }}{% endfor %};{% endfor %} {% for x in l %}{% break %}{% else %}else{% endfor %} {% for x in l %}{% continue %}{% else %}else{% endfor %} {% for x in l %}{% if loop.index > 1 %}{% break %}{% endif %}{% else %}else{% endfor %}|
{% break %}
{% for x in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}
{% for x in l %}{% if t %}{% break %}{% endif %}{% else %}{% continue %}{% endfor %}
{% for x in l %}{{ loop.index }}{% endfor %}{{ loop }}
{% for x in l %}{{ tools is defined }}{{ y9 }}{% if x == 3 %}{% set y9 = 1 %}{% endif %}{{ y9 }}{% endfor %}{% set tools = 1 %}{% set y9 = 2 %}{{ y9 }}
{% if t %}{% for x in l %}{{ bos_token }}{% endfor %}{% endif %}{% if no %}{% set bos_token = 1 %}{% endif %}{{ bos_token }} {% if no %}{% set bos_token = 1 %}{% else %}{% set bos_token = 2 %}{% endif %}{{ bos_token }}
{% for x in l %}{{ eos_token }}{% endfor %}{% if no %}{% set eos_token = 1 %}{% elif t %}{% set eos_token = 2 %}{% else %}{% set eos_token = 3 %}{% endif %}{{ eos_token }}
{% for x in l %}{{ eos_token }}{% endfor %}{% if no %}{% set eos_token = 1 %}{% elif t %}{% set eos_token = 2 %}{% endif %}{{ eos_token }}
{% for x in l %}{{ eos_token }}{% endfor %}{% if t %}{% set eos_token = 1 %}{% else %}{% if t %}{% set eos_token = 2 %}{% endif %}{% endif %}{{ eos_token }}
{% for x in l %}{{ eos_token }}{% endfor %}{% if t %}{% set eos_token = 1 %}{% else %}{% set eos_token = 2 %}{% endif %}{{ eos_token }}
{% macro f(a) %}{{ s }}{% for x in [1] %}{{ s }}{{ q8 }}{% endfor %}{% set s = a %}{{ s }}{% set q8 = 1 %}{% endmacro %}{{ f(1) }}{{ s }}
{% macro f(a) %}{% for x in [1] %}{{ s }}{% endfor %}{% set s = a %}{{ s }}{% endmacro %}{{ f(1) }}{{ s }}
{% macro f(a=s) %}{% set s = a %}{{ s }}{% endmacro %}{{ f() }}{{ s }}
{% set x %}{% for y in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{{ s }}{% endset %}{{ x }} {{ s }}
{% with a = s %}{% for y in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{{ s }}{{ a }}{% endwith %}{{ s }}
{% generation %}{% for y in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{{ s }}{% endgeneration %}{{ s }}
{% for x in el %}{% else %}{% for y in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{{ s }}{% endfor %}{{ s }}
{% for x in [1] %}{% for y in [1] %}{{ loop.index }}{% endfor %}{% macro s() %}m{% endmacro %}{{ s() }}{% endfor %}{{ s }}
{% for x in [1] %}{{ s() }}{% endfor %}{% macro s() %}m{% endmacro %}
{{ range(2) }}{% for x in [1] %}{{ namespace is defined }}{% endfor %}{% set range = 1 %}{% set namespace = 2 %}{{ range }}{{ namespace }}
{% for loop in l %}{% endfor %}
{% for x in l %}{% set loop = 1 %}{% endfor %}
{% set loop = 1 %}{{ loop }}
{% for x in l %}{{ x }}{% endfor %}{{ x }}|{% set x = 0 %}{% for x in l %}{{ x }}{% endfor %}{{ x }}
{% set a = 1 %}{% for x in l %}{{ a }}{% set a = a + 1 %}{{ a }}{% endfor %}{{ a }}
{% for x in l %}{% set b = x %}{% endfor %}{{ b }}| {% if t %}{% set c = 1 %}{% endif %}{{ c }} {% if no %}{% set c2 = 1 %}{% endif %}{{ c2 }}| {% if no %}{% set s = 1 %}{% endif %}{{ s }} {% for x in l %}{% if loop.first %}{% set s = "new" %}{% endif %}{{ s }}{% endfor %}{{ s }}
{% for x in l %}{{ s }}{% endfor %}{% set s = "later" %}{{ s }}
{% macro f() %}{{ s }}{% endmacro %}{{ f() }}{% set s = "later" %}{{ f() }}
{% macro f() %}{{ q9 }}{% endmacro %}{{ f() }}{% set q9 = "later" %}{{ f() }}
{% for x in [1] %}{% for y in [1] %}{{ s }}{% endfor %}{% set s = 2 %}{{ s }}{% endfor %}{{ s }}
{{ s }}{% for x in l %}{{ s }}{% endfor %}{% set s = "later" %}{{ s }}
{% if no %}{% set s = 1 %}{% else %}{% set s = 2 %}{% endif %}{{ s }} {% if no %}{% set s = 1 %}{% elif no %}{% set s = 2 %}{% endif %}{{ s }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set a = 1, 2 %}{{ a }} {% set (a, b) = [3, 4] %}{{ a }}{{ b }} {% set a = "x" if t else "y" %}{{ a }}
{% set a.b = 1 %}
{% set d.b = 1 %}
{% set 5 = 1 %}
{% set true = 1 %}
{% set a %}x {{ n }} y{% endset %}[{{ a }}] {% set a | trim %}  z  {% endset %}[{{ a }}] {% set a | trim | upper %}  z{% endset %}[{{ a }}] {% set a %}{% set b = 1 %}{{ b }}{% endset %}{{ a }}{{ b }}| {% set a %}{% endset %}{{ a is string }}{{ a|length }} {% set a | replace("x", "y") %}xx{% endset %}{{ a }}
{% set ns = namespace(a=1, b="x") %}{{ ns.a }}{{ ns.b }}{{ ns.c }}|{% set ns.c = 3 %}{{ ns.c }}{{ ns["a"] }}{% set ns.a = ns.a + 1 %}{{ ns.a }} {% set ns2 = namespace({"k": 1}) %}{{ ns2.k }} {% set ns3 = namespace(d, z=1) %}{{ ns3.b }}{{ ns3.z }} {{ ns is mapping }}{{ ns is iterable }} {% for x in l %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }} {{ "t" if ns }}
{% set ns = namespace(_a=1) %}
{% set ns = namespace() %}{% set ns._a = 1 %}
{% set ns = namespace() %}{{ ns.a.b }}
{{ dict(a=1, b=2) }} {{ dict([(1, 2)]) }} {{ dict(d, b=5) }} {{ dict() }} {{ range(3) }} {{ range(1, 4)|list }} {{ range(5, 0, -2)|list }} {{ range(0)|list }} {{ range(1, 10, 3) }} {{ range(3)[1] }} {{ range(3)|length }} {{ range(-3) }} {{ range(true) }}
{{ dict(missing) }}
{{ namespace(missing) is defined }}
{{ dict(["ab", (1, 2)]) }} {{ dict(d.items()) == d }} {{ dict([]) }}
{{ dict(["abc"]) }}
{{ dict(5) }}
{{ range() }}
{{ range(1, 2, 0) }}
{{ range("x") }}
{{ range(1000000)|length }}
{{ raise_exception("no such thing") }}
{{ raise_exception() }}
{{ strftime_now("%d %b %Y") }} {{ strftime_now("%Y-%m-%d %H:%M:%S %A %B %j %%") }} {{ strftime_now("") }}| {{ strftime_now("plain") }}
{% macro f(a, b=2) %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(b=1, a=0) }}{{ f() }}{{ f(a=5) }} {% macro g(x, y=x) %}{{ x }}{{ y }}{% endmacro %}{{ g(1) }} {% macro h(n) %}{{ n }}{% if n > 0 %}{{ h(n - 1) }}{% endif %}{% endmacro %}{{ h(3) }} {{ f(1)|upper }} {{ f(1) ~ "x" }} {{ f(1) is string }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, a=2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(c=2) }}
{% macro f(a, b) %}{{ a is defined }}{{ b is defined }}{% endmacro %}{{ f(1) }}{% set o = "out" %}{% macro g() %}{{ o }}{% set o = "in" %}{{ o }}{% endmacro %}{{ g() }}{{ o }}
{% macro f(a=1, b) %}{% endmacro %}
{% macro f() %}{{ f2() }}{% endmacro %}{% macro f2() %}two{% endmacro %}{{ f() }}
{% for x in l %}{% macro f() %}{{ x }}{% endmacro %}{{ f() }}{% endfor %}
{% macro f(x) %}{% for y in x %}{{ y }}{% if not loop.last %},{% endif %}{% endfor %}{% endmacro %}{{ f(l) }} {{ f("ab") }}
{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}| {% with %}{% set z9 = 1 %}{{ z9 }}{% endwith %}{{ z9 }}| {% with n = 1, k = n %}{{ k }}{% endwith %}
{% generation %}x{{ n }}{% endgeneration %} {% generation %}{% set y = 1 %}{{ y }}{% endgeneration %}{{ y }}|
{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% if t %}a{% elif t %}b{% else %}c{% endif %}{% if e %}a{% elif n %}b{% else %}c{% endif %}{% if e %}a{% elif z %}b{% else %}c{% endif %}{% if nil %}a{% endif %} {% if 0.0 %}a{% endif %}{% if [] %}b{% endif %}{% if {} %}c{% endif %}{% if "0" %}d{% endif %}{% if [0] %}e{% endif %}{% if () %}f{% endif %}{% if missing %}g{% endif %}{% if not missing %}h{% endif %}
{% if %}{% endif %}
{% if t %}a
{% endif %}
{% endfor %}
{% for x in l %}{% endif %}
{% frobnicate %}
{% %}
{{ }}
{{
{{ x
{% if t
{{ (1 }}
{{ 1) }}
{{ [1) }}
{{ "abc }}
{{ a b }}
{{ 1 2 }}
{{ & }}
{{ a ! b }}
{{ a.  }}
{{ a[ }}
{{ .a }}
{{ |upper }}
{{ s|"upper" }}
{{ s| }}
{{ not }}
{{ 1 + }}
{{ s is }}
{{ f(a=1, 2) }}
{{ f(1, }}
{{ {"a": } }}
{# unclosed
{% raw %}
{# comment {{ x }} {% y %} #}a{# b #}{#- c -#} d
{% raw %}{{ x }}{% if %}{# c #}{% endraw %} {%- raw -%}  y  {%- endraw -%}  z
a {%- if t %} b {%- endif %} c {{- n -}} d {%- if t -%}  e  {%- endif -%}  f
a {%+ if t %} b {%+ endif +%} c
  a {{- "" }}   b	{{ "" -}}
{{ "a" -}}  {{- "b" }}{#- x #}  {#- y -#}  z
x{{ s -}}



y
{{- "start" }} {{ "end" -}}
{{ "{{" }} {{ '%}' }} {{ "#}" }} {% if "%}" %}x{% endif %} { { } } {x} %} }} #}
{{ {"a": {"b": 1}}["a"]["b"] }} {{ {"a": 1}.a }}{{ {} }}}
{{ "a"if t else"b" }} {{ 1if t else 2 }} {{ t and(n) }} {{ not(t) }}
{{
  s
  |
  upper
}}
{%if t%}x{%endif%}{{s}}{%-if t-%} y {%-endif-%} z
{% if t: %}x{% endif %}{% for x in l: %}{{ x }}{% endfor %}
{{ "tag\u0000nul"|length }} {{ messages[0].content }} {{ add_generation_prompt }} {{ tools is none }} {{ documents is none }} {{ tools is defined }} {{ bos_token }}{{ eos_token }} {{ unk_token }}
{{ messages|length }} {{ messages[-1]["role"] }} {{ messages[1:]|length }} {{ messages == messages[:] }} {{ messages[0] }}
{{ 'a' 'b' ~ 'c' }} {{ ('a' 'b')|upper }} {{ 'abc'[1] }} {{ "a-b".split("-")|last }} {{ s|upper|lower|length }} {{ 2 - -n }} {{ n if n }} {{ [n, s][0] }}
{{ [1, 2, 3][1:][0] }} {{ "%s" }} {{ 5 % 3 }} {{ 1.5 + 1 }} {{ 1.5 * 2 }} {{ 3 - 1.5 }} {{ 2.0 ** 2 }} {{ 1 == true }} {{ "a" in ["a"] and "b" not in ["a"] }} {{ 1 if not none else 2 }}
{{ 9223372036854775807 }} {{ -9223372036854775807 }} {{ 9223372036854775806 + 1 }}
{{ "ſ İ ŉ ǰ ΐ ﬀ"|upper }} {{ "ΑΣ ΑΣΑ Σ"|lower }} {{ "ŉab ΣΣ"|capitalize }} {{ "ΑΣ".capitalize() }}
{{ [missing, none, true, 1.0, "a", ("b",), {"k": "v"}] }} {{ ["\u200b\u00ad\ue000\ud7ff\u2028", "é", "\x7f", "\x85"] }} {{ ["\U0001F600\U000E0001"] }}
{{ "a" if missing is defined else "b" }} {{ missing or "fallback" }} {{ (missing or {}).x is defined }} {{ missing|default({})|length }} {{ [missing]|length }} {{ missing ~ "x" }} {{ missing|trim }}|
{% set x = [] %}{% for i in range(3) %}{% set x = x + [i] %}{{ x }}{% endfor %}{{ x }}
{% set x = namespace(v=[]) %}{% for i in range(3) %}{% set x.v = x.v + [i] %}{% endfor %}{{ x.v }} {{ x.v[-1] }}
{% for m in messages[::-1] %}{{ loop.index0 }}{{ m.role }}{% endfor %} {% for i in range(messages|length - 1, -1, -1) %}{{ i }}{% endfor %}
{{ s | upper () }}
{{ s.upper
() }}
{{ (s).title() }} {{ ("a" ~ "b").title() }} {{ {"a": s.title}["a"]() }} {% set g = s.title %}{{ g() }}
{{ none is none }} {{ none is not none }} {{ 1 is not none }}
{{ loop is defined }} {{ caller is defined }} {{ self is defined }} {{ varargs is defined }} {{ range is defined }} {{ dict is defined }} {{ lipsum is defined }} {{ cycler is defined }} {{ joiner is defined }} {{ raise_exception is defined }} {{ strftime_now is defined }}
{% set messages = messages[1:] %}{{ messages|length }}{% for m in messages %}{{ m.role }}{% endfor %}
{%- set a = 1 -%}

  {{- a }}
  {%- if a %}

yes
  {% endif %}
tail
  {% if a %}  
x
  {% endif %}  
  {# c #}
  y {# c #}
 {% if a %} z {% endif %} w
{%- for m in messages %}
    {{- m.role + ':' }}
    {%- if not loop.last %}{{ ' ' }}{% endif %}
{%- endfor %}

{% for x in l %}
  {{ x }}
{% endfor %}
end
{{ s }}
{{ s }}

{{ s }} 
{% if t %}	{# tab #}	{% endif %}
{{ "\r\n" }}a{{ "x" }}
"""

# Where lines of a snippet matter: several in one.
MORE = [
    "a\r\nb\rc\n", "a\n", "a\n\n", "\n", "", "\n\na", "  {% if t %}\n  x\n  {% endif %}\n", "{% if t %}\r\nx\r\n{% endif %}\r\n",
    "\t {%- if t %}x{% endif %}", "\u00a0{% if t %}x{% endif %}", "a\u00a0\u3000{%- if t %}x{% endif -%}\u2003\n b", "{#\n#}\n x", "  {#- a -#}  \n x",
    "  {{ n }}\n  {% set x = 1 %}\n  {{ x }}\n", "x\n  {%- set y = 2 %}\n  {%- set z9 = 3 -%}\n  {{ y }}\n", "{% for x in l -%}\n  {{ x }}\n{%- endfor %}\n",
    "{% for x in l %}\n{{ x }}{% if not loop.last %},\n{% endif %}\n{% endfor %}\n!", "{% if t %}\n\n\nx\n\n{% endif %}\n\ny\n\n",
    "{% raw %}\n  {{ x }}\n{% endraw %}\n y", "  {% raw %}  z  {% endraw %}  \n", "a\n  {%+ if t %}\n b\n  {%+ endif %}\n c", "{{ n }}\n\n{{ n }}\n", "{{ n -}}\n\n{{ n }}",
    "{% set x %}\n  a\n{% endset %}\n[{{ x }}]", "{% macro f(a) %}\n  {{ a }}\n{% endmacro %}\n[{{ f(1) }}]", "{%- macro f(a) -%}\n  {{ a }}\n{%- endmacro -%}\n[{{ f(1) }}]",
    "{{ 'a\r\nb' }}", "{{ 'multi\nline' }}\n", "x {# a\nb\nc #} y\n{{ 1/0 }}", "{% if t %}a{% else %}\n b\n{% endif %}\nc", "{% if no %}a{% else %}\n b\n{% endif %}\nc",
    "{%- if t -%}\n\n a \n\n{%- endif -%}\n\nb", "{% for x in l if x > 1 %}\n{{ x }}\n{% else %}\nnone\n{% endfor %}\n", "\ufeff{{ n }}", "{{ n }}\x0b{%- if t %}x{% endif %}", "{%\n if\n t\n %}x{%\nendif\n%}",
    "{{ [1,\n2] }}", "a{%- raw %} b {% endraw -%} c", "{{ '{%' }}{% raw %}{% endraw %}{% raw -%}  x{% endraw %}", "{{ {'a': '}}'}['a'] }}", "{{ n }}}", "{{{'a': 1}}}", "{%raw%}{{{%endraw%}", "{{'-'-}}  x", "{{-n-}} y", "{{+n}}", "{{ -n}} {{- n}}",
    "{% for a in [1, 2] %}{% for b in [1, 2] %}{% if b == 2 %}{% continue %}{% endif %}{{ a }}{{ b }}{% endfor %}{% endfor %}",
    "{% for x in l %}{% set y %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endset %}{{ y }}{% endfor %}", "{% set x | frobnicate %}a{% endset %}", "{% if t %}{% set x | frobnicate %}a{% endset %}{% endif %}",
]


def snippets():
    """One for each line of SNIPPETS, but that a line which does not begin with a tag or text goes on."""
    return [line for line in SNIPPETS.strip("\n").split("\n")] + MORE


def render(source, messages, **variables):
    messages = utils._alias_reasoning_fields(messages)
    seen = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": False, **variables}
    given = dict(seen)
    del given["messages"]
    try:
        text = utils.render_jinja_template(conversations=[messages], chat_template=source, **given)[0][0]
        text.encode("utf-8")
        return seen, {"text": text}
    except Exception as error:
        return seen, {"text": None, "error": f"{type(error).__name__}: {error}".split("\n")[0][:200]}


def family_cases(names):
    for name in names:
        with open(os.path.join(TEMPLATES, name + ".jinja"), encoding="utf-8", newline="") as file:
            source = file.read()
        for key, messages in CONVERSATIONS.items():
            for options in ({"add_generation_prompt": True}, {}, {"add_generation_prompt": True, "tools": TOOLS}, {"add_generation_prompt": True, "enable_thinking": False}):
                if "tools" in options and key not in ("user", "system", "tools"):
                    continue
                if "enable_thinking" in options and (key not in ("user", "no_think") or "enable_thinking" not in source):
                    continue
                variables, result = render(source, messages, **options, **TOKENS)
                yield {"template": name, "conversation": key, "variables": variables, **result}
        variables, result = render(source, CONVERSATIONS["user"], add_generation_prompt=True)  # no special tokens
        yield {"template": name, "conversation": "user", "variables": variables, **result}


def snippet_cases():
    for source in snippets():
        _, result = render(source, CONVERSATIONS["turns"], **VALUES, **TOKENS)
        yield {"source": source, **result}


def main():
    parser = argparse.ArgumentParser(description="Make vectors of chat templates.")
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    utils.datetime = Clock
    names = sorted(os.path.basename(path)[: -len(".jinja")] for path in glob.glob(os.path.join(TEMPLATES, "*.jinja")))
    variables, _ = render("", CONVERSATIONS["turns"], **VALUES, **TOKENS)
    document = {
        "made_by": "scripts/make_chat_cases.py",
        "transformers": transformers.__version__,
        "jinja2": jinja2.__version__,
        "now": NOW,
        "snippet_variables": variables,
        "cases": list(family_cases(names)) + list(snippet_cases()),
    }
    # the variables once each
    table = []
    for case in document["cases"]:
        if "variables" in case:
            if case["variables"] not in table:
                table.append(case["variables"])
            case["variables"] = table.index(case["variables"])
    document = {**{k: v for k, v in document.items() if k != "cases"}, "variables": table, "cases": document["cases"]}
    with open(options.output, "w", encoding="utf-8") as file:
        file.write("{\n")
        for key, value in document.items():
            if key != "cases":
                file.write(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=True)},\n")
        file.write('"cases": [\n' + ",\n".join(json.dumps(case) for case in document["cases"]) + "\n]}\n")
    failures = sum(case["text"] is None for case in document["cases"])
    print(f"{len(document['cases'])} cases, {failures} of them errors")


if __name__ == "__main__":
    main()
