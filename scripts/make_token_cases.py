#!/usr/bin/env python3
"""Make the tokenizer's test cases with the original implementation (Hugging Face tokenizers): suites/data/tokens/.

    make_token_cases.py -o suites/data/tokens --nano golden/nano/thinker [--qwen3 DIR]

    strings.jsonl        one JSON string a line; U+0000 is left to bytes.jsonl, because few C JSON readers carry it
    ids-NAME.jsonl       the ids of the same line of strings.jsonl, special tokens added as the tokenizer does by default
    bytes.jsonl          {"hex", "text", "ids-NAME"...}: raw bytes, often no UTF-8; text is bytes.decode(errors="replace"),
                         left out where it has a U+0000
    decode-NAME.jsonl    {"ids", "text"}: random ids; bytes that are no UTF-8 appear as U+FFFD as the original does it
    variants/KIND/       a small tokenizer each, with cases.jsonl {"text", "ids", "decoded"}; not over bytes with a
                         decode.jsonl, as above, too

Code points are limited to those of Unicode 14, so that no two Unicode tables of our time disagree about them.

Set-up, outside the checkout:

    python3 -m venv ~/.cache/assay/venv
    ~/.cache/assay/venv/bin/pip install -r scripts/requirements.txt
"""

import argparse
import io
import json
import os
import random
import shutil
import sys
import tempfile
import unicodedata

import make_golden  # first: it sets the environment that transformers reads
import make_nano
import sentencepiece
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from sentencepiece import sentencepiece_model_pb2

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# First and last code point of the letters and signs of a script.
SCRIPTS = {
    "latin": (0x41, 0x7A), "latin-1": (0xC0, 0xFF), "latin-extended": (0x100, 0x24F), "ipa": (0x250, 0x2AF),
    "greek": (0x370, 0x3FF), "cyrillic": (0x400, 0x4FF), "armenian": (0x531, 0x58F), "hebrew": (0x591, 0x5F4),
    "arabic": (0x600, 0x6FF), "syriac": (0x700, 0x74F), "thaana": (0x780, 0x7B1), "nko": (0x7C0, 0x7FA),
    "devanagari": (0x900, 0x97F), "bengali": (0x980, 0x9FE), "gurmukhi": (0xA01, 0xA76), "gujarati": (0xA81, 0xAFF),
    "oriya": (0xB01, 0xB77), "tamil": (0xB82, 0xBFA), "telugu": (0xC00, 0xC7F), "kannada": (0xC80, 0xCF2),
    "malayalam": (0xD00, 0xD7F), "sinhala": (0xD81, 0xDF4), "thai": (0xE01, 0xE5B), "lao": (0xE81, 0xEDF),
    "tibetan": (0xF00, 0xFDA), "myanmar": (0x1000, 0x109F), "georgian": (0x10A0, 0x10FF),
    "hangul-jamo": (0x1100, 0x11FF), "ethiopic": (0x1200, 0x137C), "cherokee": (0x13A0, 0x13FD),
    "canadian": (0x1400, 0x167F), "ogham": (0x1680, 0x169C), "runic": (0x16A0, 0x16F8), "khmer": (0x1780, 0x17F9),
    "mongolian": (0x1800, 0x18AA), "balinese": (0x1B00, 0x1B7C), "greek-extended": (0x1F00, 0x1FFE),
    "punctuation": (0x2010, 0x2027), "super-sub": (0x2070, 0x209C), "currency": (0x20A0, 0x20C0),
    "letterlike": (0x2100, 0x214F), "number-forms": (0x2150, 0x218B), "arrows": (0x2190, 0x21FF),
    "mathematical": (0x2200, 0x22FF), "technical": (0x2300, 0x23FF), "enclosed": (0x2460, 0x24FF),
    "box": (0x2500, 0x257F), "dingbats": (0x2700, 0x27BF), "coptic": (0x2C80, 0x2CFF), "cjk-signs": (0x3001, 0x303F),
    "hiragana": (0x3041, 0x309F), "katakana": (0x30A0, 0x30FF), "bopomofo": (0x3105, 0x312F),
    "cjk": (0x4E00, 0x9FA5), "yi": (0xA000, 0xA48C), "vai": (0xA500, 0xA62B), "hangul": (0xAC00, 0xD7A3),
    "cjk-compatibility": (0xF900, 0xFAD9), "arabic-forms": (0xFB50, 0xFDFB), "fullwidth": (0xFF01, 0xFFEE),
    "linear-b": (0x10000, 0x1005D), "gothic": (0x10330, 0x1034A), "deseret": (0x10400, 0x1044F),
    "cuneiform": (0x12000, 0x12399), "hieroglyphs": (0x13000, 0x1342E), "music": (0x1D100, 0x1D1E8),
    "mathematical-letters": (0x1D400, 0x1D7FF), "emoji": (0x1F300, 0x1F64F), "transport": (0x1F680, 0x1F6D2),
    "cjk-b": (0x20000, 0x2A6DD), "cjk-compatibility-supplement": (0x2F800, 0x2FA1D), "tags": (0xE0020, 0xE007F),
}

WORDS = (
    "the of and to in a is that it was for on are as with his they at be this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so these "
    "would other into has more her two like him see time could no make than first been its who now people my made over "
    "did down only way find use may water long little very after words called just where most know"
).split()

CONTRACTIONS = ("don't", "I'm", "they'll", "we've", "you're", "he'd", "it's", "DON'T", "I'M", "THEY'LL", "WE'VE",
                "YOU'RE", "HE'D", "IT'S", "'s", "'S", "'tis", "o'clock", "rock'n'roll", "'ll've", "’s", "don’t", "''s",
                "'ſ", "x'LL y'Ve", "'re'RE", "Q's", "1's", " 's", "\n's")

CODE = (
    "int main(void) { return 0; }\n", "for (size_t i = 0; i < n; i++)\n\tsum += a[i] * b[i];\n",
    "def f(x, *args, **kwargs):\n    return [y for y in x if y is not None]\n", "if (!p) {\r\n    abort();\r\n}\r\n",
    "SELECT id, name FROM t WHERE a <> 'b' -- c\n", "<a href=\"https://example.org/?q=1&r=2#s\">x</a>",
    "x = {'a': 1, \"b\": [2, 3.5e-10, None]}", "#include <stdio.h>\n#define MAX(a, b) ((a) > (b) ? (a) : (b))\n",
    "let mut v: Vec<u8> = vec![0; 1 << 10];", "git commit -m \"fix: off-by-one\" && git push\n", "a->b.c::d<e>(f)",
    "$ ls -la | grep '^d' > /tmp/x 2>&1\n", "    \n\t\n  \tmixed\n", "/* ***** */ // ===== ----- ~~~~~",
    "\\frac{a}{b} \\sum_{i=1}^{n} x_i^2", "0xDEADBEEF 0b1010 1_000_000 1e9 .5 5. -3", "@decorator\nclass A(B): ...\n",
    "{\n  \"k\": [1, 2, {\"n\": null}]\n}", "| a | b |\n|---|---|\n| 1 | 2 |\n", "```c\nx;\n```\n", "user@example.org",
    "C:\\dir\\file.txt", "a\tb\tc\n1\t2\t3\n", "lambda: (yield)", "!=== ??? !!! ... ,,, ;;; :::", "[[[]]](({}))<<>>",
)

NUMBERS = ("0", "7", "42", "123", "1234", "12345", "1,234,567.89", "3.14159", "-1", "+1", "1e-7", "½", "²³", "٣٤٥", "१२३",
           "ⅷ", "①②", "2018", "10:45:30", "2024-02-29", "192.168.0.1", "100%", "$99.99", "1st 2nd 3rd", "a1b2c3", "9 9",
           "B  9", "x  12", "٠١٢abc", "𝟘𝟙𝟚", "〇一二", "1/2", "007", "1" * 50, "1 2 3 4 5 6 7 8 9", "½½ 3½")

SPACES = ("\u00a0", "\u3000", "\u0085", "\u2003", "\u2028", "\u2029", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff",
          "\u1680", "\u202f", "\u205f", "\u180e", "\t", "\v", "\f", "\r", "\n", "\r\n", " ", "\x1c", "\x1f", "\x7f", "\u00ad")

EMOJI = ("👩‍👩‍👧‍👦", "👨🏽‍🚀", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "❤", "👍🏿", "🧑‍💻", "1️⃣", "☃", "☃️", "😀😃😄", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🐻‍❄️", "🤷🏼‍♀️", "©®™", "✂︎✂️",
         "🫠", "👁️‍🗨️", "🧔🏻‍♂️")

NFC_SENSITIVE = (
    "e\u0301", "é", "a\u030a", "å", "\u212b", "\u2126", "\u212a", "o\u0302\u0323", "o\u0323\u0302", "ộ", "\u1e9b\u0323",
    "s\u0323\u0307", "s\u0307\u0323", "d\u0323\u0307", "\u1100\u1161", "\u1100\u1161\u11a8", "가\u11a8", "\uac00", "각",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "\u0958", "\u0915\u093c", "\u09dc", "\u0f43", "\u2adc", "\u0344", "\u0340",
    "\u0341", "\u0343", "\u0374", "\u037e", "\u0387", "\u1f71", "\u1fbe", "\u2000", "\u2001", "\u2329", "\u232a", "\uf900",
    "\ufb1d", "\ufb2c", "\U0001d15e", "\U0002f800", "fi", "ﬁ", "①", "Å\u0301", "\u01d5", "u\u0308\u0304", "\u0301e",
    "e\u0301\u0301", "q\u0323\u0307\u0301", "a\u0315\u0300\u05ae\u0062", "\u0b47\u0b3e", "\u1025\u102e", "\u30ab\u3099",
    "\u304b\u3099\u304d", "が", "Cafe\u0301 na\u0131\u0308ve", "A\u030a\u0327", "\u1100\u1100\u1161", "\u1161\u11a8",
    "\u1e0b\u0323", "\u0041\u0303\u0323", "ﾊﾟ", "e\u200d\u0301", "\u0dd9\u0dcf", "\U00011099\U000110ba", "ሴ\u0301",
)

ODD = ("\ufffd", "\ufffd\ufffd", "a\ufffdb", "\ue000", "\uf8ff", "\U000f0000", "\U0010fffd", "\U0010ffff", "\ufffe", "\uffff",
       "\ufdd0", "\u0378", "\u0379", "\U0001fffe", "\U00050000", "\U000e01f0", "\u202eabc\u202c", "\u2066x\u2069",
       "\x01\x02\x03", "\x1b[31mred\x1b[0m", "\u0600\u0601", "\U000e0001\U000e0041", "\ufe0f", "\u034f", "a\u20dd")

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>")
PARTIAL = ("<|im_start|", "<|im_start", "|im_start|>", "<|endoftext", "<|im_end|><", "<|im_|>", "<|<|im_end|>|>", "<tool_call",
           "<|IM_END|>", "<| im_end |>", "<|endoftext|><|endoftext|>", "<<|endoftext|>>", "<|im_start|>user\nhi<|im_end|>\n",
           "a<|im_end|>b", " <|im_end|> ", "\n<|im_end|>\n", "<tool_call>{\"a\": 1}</tool_call>", "don<|im_end|>'t",
           "e<|im_end|>\u0301", "<|im_end|>\u0301", "<tool_call><tool_call>", "<|endof\u200btext|>", "x <tool_call> y")


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- strings


def letters_of(name):
    first, last = SCRIPTS[name]
    return [chr(c) for c in range(first, last + 1) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]


def script_strings(rng):
    for name in SCRIPTS:
        letters = letters_of(name)
        for count in (1, 3, 8, 15):
            yield "".join(rng.choice(letters) for _ in range(count))
        for _ in range(5):
            words = ["".join(rng.choice(letters) for _ in range(rng.randint(1, 7))) for _ in range(rng.randint(2, 7))]
            yield rng.choice((" ", " ", "\n", ", ", "\u3000")).join(words)
        yield "x" + rng.choice(letters) + "1 " + rng.choice(letters) + "!" + rng.choice(letters)


def mixed_strings(rng, count):
    pools = [letters_of(name) for name in SCRIPTS]
    fixed = CONTRACTIONS + CODE + NUMBERS + SPACES + EMOJI + NFC_SENSITIVE + ODD + SPECIAL + PARTIAL
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(2, 9)):
            kind = rng.randrange(6)
            if kind == 0:
                parts.append("".join(rng.choice(rng.choice(pools)) for _ in range(rng.randint(1, 4))))
            elif kind == 1:
                parts.append(" " * rng.randint(0, 3) + rng.choice(WORDS))
            elif kind == 2:
                parts.append(str(rng.randrange(10 ** rng.randint(1, 9))))
            else:
                parts.append(rng.choice(fixed))
        yield "".join(parts)


def prose_strings(rng, count):
    for _ in range(count):
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 20))]
        for _ in range(rng.randint(0, 3)):
            at = rng.randrange(len(words))
            words[at] = rng.choice((words[at].upper(), words[at].capitalize(), rng.choice(CONTRACTIONS), words[at] + ",",
                                    '"' + words[at] + '"', "(" + words[at] + ")", words[at] + "-" + words[at]))
        yield rng.choice((" ", " ", " ", "  ", "\n", " \n", "\n\n", "\t", "\r\n")).join(words) + rng.choice(("", ".", "!\n", "?  "))


def whitespace_strings(rng, count):
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 5)):
            parts.append(rng.choice(SPACES) * rng.choice((1, 1, 2, 3, 7)))
            parts.append(rng.choice(("", "", "x", "9", "!", "word", "é", "字")))
        yield "".join(parts)


def combining_strings(rng, count):
    marks = [chr(c) for c in range(0x300, 0x36F)] + ["\u0591", "\u05b4", "\u064b", "\u0651", "\u093c", "\u094d", "\u3099", "\u20dd"]
    jamo = letters_of("hangul-jamo")
    bases = "aeioucsdnyAEIOUZ가각かカाαωЙ"
    for i in range(count):
        if i % 4 == 0:
            yield "".join(rng.choice(jamo) for _ in range(rng.randint(2, 8)))
        elif i % 4 == 1:
            lead, vowel, tail = (chr(rng.randint(*r)) for r in ((0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2)))
            yield lead + vowel + rng.choice(("", tail)) + rng.choice(("", " ", "\u0301")) + lead + vowel + tail
        else:
            yield "".join(rng.choice(bases) + "".join(rng.choice(marks) for _ in range(rng.randint(0, 4)))
                          for _ in range(rng.randint(1, 5)))


def long_strings(rng):
    for text in ("a", " ", "\n", "\t", "\r\n", "A", "1", "!", "é", "字", "👍", "ab", "a ", " a", "\n ", "=", "-", "e\u0301", "\u00a0", "가", "'s"):
        yield text * (400 // len(text))
    for text in ("a", " ", "\n", "1", "字"):
        yield text * 2000
    for text in ("a", " ", "\n", "Z"):
        yield "x " + text * 333 + " y"
    yield " " * 500 + "x"
    yield "x" + " " * 500
    yield "\n" * 100 + " " * 100 + "\n" * 100
    yield " ".join(rng.choice(WORDS) for _ in range(300))


def make_strings():
    rng = random.Random(20250101)
    rows = ["", " ", "a", "\n"]
    for group in (CONTRACTIONS, CODE, NUMBERS, SPACES, EMOJI, NFC_SENSITIVE, ODD, SPECIAL, PARTIAL, make_nano.PROMPTS):
        rows += group
    for text in NFC_SENSITIVE + EMOJI + ODD:
        rows += [f"x{text}y", f"{text} {text}", f"1{text}\n"]
    for text in SPACES:
        rows += [f"a{text}b", f"{text}{text}x", f"x{text}", f" {text} ", f"1{text}2", f"!{text}\n"]
    rows += make_nano.CORPUS.splitlines(keepends=True)
    rows += script_strings(rng)
    rows += prose_strings(rng, 350)
    rows += whitespace_strings(rng, 250)
    rows += combining_strings(rng, 200)
    rows += mixed_strings(rng, 450)
    rows += long_strings(rng)
    return list(dict.fromkeys(rows))


def make_byte_strings():
    rng = random.Random(7)
    fixed = [b"\x80", b"\xff", b"\xc0\x80", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x28\xa1", b"\xf0\x9f\x91", b"\xf0\x9f\x91a",
             b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"a\xe2\x82z", b"\xe2\x82\xe2\x82\xac",
             b"\xf0\x80\x80\x80", b"\xe0\x80\xaf", b"\xfe\xff", b"ok\x00ok", b"\x00", b"\xc3\xa9\xc3", b"<|im_end|>\xff",
             b"\xf0\x90\x80", b"\xf8\x88\x80\x80\x80", b"x\xef\xbb\xbfy", b"\xef\xbf\xbd"]
    rows = list(fixed)
    for _ in range(80):
        text = bytearray("".join(rng.choice(("é", "字", "👍", "a", " ", "가", "word", "\n")) for _ in range(6)).encode())
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            if rng.random() < 0.5:
                del text[at:at + 1]
            else:
                text[at] = rng.randrange(256)
            if not text:
                text = bytearray(b"\x9f")
        rows.append(bytes(text))
    for _ in range(40):
        rows.append(bytes(rng.randrange(256) for _ in range(rng.randint(1, 24))))
    return rows


# ---------------------------------------------------------------- writing


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_lines(path, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(compact(row) + "\n")
    say(f"{path}: {len(rows)} lines, {os.path.getsize(path)} bytes")


def decode(tokenizer, ids):
    return tokenizer.decode(ids, skip_special_tokens=False)


def decode_cases(tokenizer, count, seed):
    rng = random.Random(seed)
    size = tokenizer.get_vocab_size()
    rows = []
    for i in range(count):
        low = i % 3 != 0  # the lowest ids are single bytes: most sequences of them are no UTF-8
        ids = [rng.randrange(min(256, size) if low and rng.random() < 0.8 else size) for _ in range(rng.randint(1, 12))]
        rows.append({"ids": ids, "text": decode(tokenizer, ids)})
    for text in EMOJI + NFC_SENSITIVE[:12]:
        ids = tokenizer.encode(text).ids
        cut = rng.randint(1, len(ids))
        rows.append({"ids": ids[:cut], "text": decode(tokenizer, ids[:cut])})
    return [row for row in rows if "\0" not in row["text"]]


def check_with_auto_tokenizer(folder, tokenizer, strings):
    """The `tokenizers` library reading tokenizer.json, and transformers' AutoTokenizer on the folder, must agree."""
    auto = transformers.AutoTokenizer.from_pretrained(folder)
    different = [s for s in strings if auto(s)["input_ids"] != tokenizer.encode(s).ids]
    if different:
        say(f"warning: {folder}: AutoTokenizer ({type(auto).__name__}) gives other ids for {len(different)} strings, "
            f"first {different[0]!r}")
    rng = random.Random(3)
    size = tokenizer.get_vocab_size()
    for _ in range(200):
        ids = [rng.randrange(size) for _ in range(8)]
        ours = decode(tokenizer, ids)
        theirs = auto.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if ours != theirs:
            say(f"warning: {folder}: AutoTokenizer decodes {ids} to {theirs!r}, tokenizers to {ours!r}")
            break


# ---------------------------------------------------------------- variants


def trained(pre_tokenizer, normalizer=None, size=380, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(make_nano.CORPUS.splitlines(keepends=True), trainer)
    return tokenizer


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)


def byte_level(prefix=False, regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def gpt2():
    tokenizer = trained(byte_level())
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    return tokenizer


def prefix_space():
    tokenizer = trained(byte_level(prefix=True))
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


def smollm2():
    tokenizer = trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()]))
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def digit_groups():
    return trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), byte_level()]))


def llama3():
    tokenizer = trained(pre_tokenizers.Sequence([split(LLAMA3_PATTERN), byte_level(regex=False)]), ignore_merges=True)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    bos = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
                                      special_tokens=[("<|begin_of_text|>", bos)]),
    ])
    return tokenizer


def bos_and_eos():
    tokenizer = trained(byte_level(), normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<s>", "</s>"])
    ids = [(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=ids)
    return tokenizer


def several_splits():
    return trained(pre_tokenizers.Sequence([
        split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(r"[一-龥ࠀ-一가-퟿]+"),
        pre_tokenizers.Digits(individual_digits=True), byte_level(regex=False)]))


def added_tokens():
    tokenizer = trained(pre_tokenizers.Sequence([split(make_nano.QWEN_PATTERN), byte_level(regex=False)]),
                        normalizer=normalizers.NFC(), size=370)
    tokenizer.add_special_tokens([
        AddedToken("<plain>", normalized=False), AddedToken("<left>", lstrip=True, normalized=False),
        AddedToken("<right>", rstrip=True, normalized=False), AddedToken("<both>", lstrip=True, rstrip=True, normalized=False)])
    tokenizer.add_tokens([
        AddedToken("word", single_word=True, normalized=False), AddedToken("café", normalized=True),
        AddedToken("naïve", normalized=False), AddedToken("<plain>er", normalized=False),
        AddedToken("river", single_word=True, lstrip=True, normalized=True), AddedToken("\n\n\n", normalized=False),
        AddedToken("straße", normalized=True, rstrip=True)])
    return tokenizer


def no_normalizer():
    return trained(pre_tokenizers.Sequence([split(make_nano.QWEN_PATTERN), byte_level(regex=False)]))


# ---------------------------------------------------------------- characters, as SentencePiece has them


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def trained_on_characters(bytes_too=True, fuse_unk=True, ignore_merges=False, size=420):
    """Words are learnt as SentencePiece learns them, between spaces; of the added tokens only the first three are."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuse_unk, byte_fallback=bytes_too, ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=size if bytes_too else size - 256, show_progress=False,
                                  special_tokens=special + (BYTES if bytes_too else []))
    tokenizer.train_from_iterator(make_nano.CORPUS.splitlines(), trainer)
    value = json.loads(tokenizer.to_str())
    value["added_tokens"] = [token for token in value["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(value))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def text_decoder(*last):
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *last])


def llama2():
    tokenizer = trained_on_characters()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = None
    tokenizer.decoder = text_decoder(decoders.Strip(" ", 1, 0))
    return tokenizer


def metaspace_first():
    """Llama-2 as transformers makes it again, and Mistral-7B v0.3; but between digits the text is cut before."""
    tokenizer = trained_on_characters()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Metaspace(prepend_scheme="first", split=False)])
    tokenizer.decoder = text_decoder(decoders.Strip(" ", 1, 0))
    tokenizer.add_tokens([AddedToken("river", normalized=True), AddedToken("<sep>", rstrip=True, normalized=False)])
    return tokenizer


def gemma():
    tokenizer = trained_on_characters(ignore_merges=True)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = text_decoder()
    tokenizer.add_special_tokens([AddedToken("<start_of_turn>", normalized=False)])
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("▁▁▁", normalized=False)])
    return tokenizer


def metaspace_always():
    """Without bytes; the unknown ones beside each other are one."""
    tokenizer = trained_on_characters(bytes_too=False, ignore_merges=True)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip(left=False, right=True)])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Metaspace(prepend_scheme="always", split=True)])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return tokenizer


def metaspace_never():
    """Unknown ones stay several; another character for a space, which the text may hold."""
    tokenizer = trained_on_characters(bytes_too=False, fuse_unk=False)
    tokenizer.normalizer = normalizers.Strip(left=True, right=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="é", prepend_scheme="never", split=True)
    tokenizer.decoder = decoders.Sequence([decoders.Metaspace(replacement="é", prepend_scheme="never"), decoders.Fuse()])
    value = json.loads(tokenizer.to_str().replace("▁", "é"))
    return Tokenizer.from_str(json.dumps(value))


# ---------------------------------------------------------------- words cut otherwise than by merges


def precompiled():
    """A map as SentencePiece makes it, but of a few hundred texts: all of NFKC would take 300 kB."""
    pools = [chr(c) for c in (*range(0xA0, 0x180), *range(0x2000, 0x2030), *range(0x2100, 0x2180), *range(0x3000, 0x3100), *range(0xFB00, 0xFB07),
                              *range(0xFF01, 0xFF5F))]
    rules = {text: unicodedata.normalize("NFKC", text) for text in pools}
    rules |= {base + mark: unicodedata.normalize("NFC", base + mark) for base in "aeioucnAEO" for mark in "\u0300\u0301\u0302\u0303\u0308"}
    rules |= {"\r\n": " ", "\n": " ", "\t": " ", "\u200b": "", "\u00ad": "", "x": "ks", "e\u0301\u0301": "E", "\u1100\u1161": "\uac00"}
    rules = {text: to for text, to in sorted(rules.items()) if text != to}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rules.tsv")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for text, to in rules.items():
                file.write(" ".join(f"{ord(c):X}" for c in text) + "\t" + " ".join(f"{ord(c):X}" for c in to) + "\n")
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(make_nano.CORPUS.split("\n")), model_writer=model, vocab_size=200, hard_vocab_limit=False,
            normalization_rule_tsv=path, minloglevel=2, num_threads=1)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)


def trained_unigram(special, size=420, byte_fallback=False, unk="<unk>"):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=size, show_progress=False, special_tokens=special, unk_token=unk)
    tokenizer.train_from_iterator(make_nano.CORPUS.splitlines(), trainer)
    value = json.loads(tokenizer.to_str())
    value["model"]["byte_fallback"] = byte_fallback
    return Tokenizer.from_str(json.dumps(value))


def xlm_roberta():
    """Also T5, but for the template."""
    tokenizer = trained_unigram(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.normalizer = normalizers.Sequence([precompiled(), normalizers.Strip(left=False, right=True),
                                                 normalizers.Replace(Regex(" {2,}"), "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                             special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    return tokenizer


def unigram_bytes():
    tokenizer = trained_unigram(["<unk>", "<s>", "</s>"] + BYTES, size=620, byte_fallback=True)
    value = json.loads(tokenizer.to_str())
    value["added_tokens"] = [token for token in value["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(value))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = text_decoder(decoders.Strip(" ", 1, 0))
    return tokenizer


def albert():
    tokenizer = trained_unigram(["<pad>", "<unk>", "[CLS]", "[SEP]"])
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
        normalizers.Lowercase(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def word_piece(most=100, prefix="##", size=420):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=size, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"],
                                        continuing_subword_prefix=prefix)
    tokenizer.train_from_iterator(make_nano.CORPUS.splitlines(), trainer)
    value = json.loads(tokenizer.to_str())
    value["model"] |= {"max_input_chars_per_word": most, "continuing_subword_prefix": prefix}
    return Tokenizer.from_str(json.dumps(value))


def bert():
    tokenizer = word_piece()
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                             special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def bert_cased():
    tokenizer = word_piece(most=9, prefix="@@")
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=True, handle_chinese_chars=False)
    tokenizer.decoder = decoders.WordPiece(prefix="@@", cleanup=False)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def word_level():
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(make_nano.CORPUS.splitlines(), trainers.WordLevelTrainer(vocab_size=150, show_progress=False, special_tokens=["[UNK]"]))
    return tokenizer


# name -> maker
CHARACTER_VARIANTS = {"llama2": llama2, "metaspace-first": metaspace_first, "gemma": gemma,
                      "metaspace-always": metaspace_always, "metaspace-never": metaspace_never}
WORD_VARIANTS = {"xlm-roberta": xlm_roberta, "unigram-bytes": unigram_bytes, "albert": albert,
                 "bert": bert, "bert-cased": bert_cased, "word-level": word_level}


def character_texts():
    rng = random.Random(13)
    rows = ["", " ", "  ", "a", " a", "a ", "  a  b   c  ", "the river", " the river ", "▁", "▁the", " ▁ the▁river", "\n", "\n\n a\n",
            "\t\tx\r\n", "<s>", "</s>", "<s>the", "<s> the", "the</s>river", "the </s> river", "</s></s>", "<s></s> a", "<unk>", "a<unk> b",
            "<0x41>", "<0x0A>", "<unk", "字", "字river字", "the 字字 river", "汉字漢字", "12the 3 river", "</s>7 the", "かな", "한국어", "👍", "👍👍🏿 the", "a👍", "👩‍👩‍👧‍👦",
            "é", "e\u0301", "café", "ǅ", "\u00a0the\u3000river", "\ufffd", "\ufffd\ufffd the", "\x01\x7f", "\U0010ffff", "don't", "1,234.5",
            "user@example.org", "the" * 30, " " * 50, "\n" * 30, "the " * 20, "字" * 40, "a" * 70]
    rows += list(CODE[:6]) + list(whitespace_strings(rng, 12)) + list(prose_strings(rng, 12)) + list(mixed_strings(rng, 12))
    return list(dict.fromkeys(rows))


ADDED_TOKEN_TEXTS = (
    "a <left> b", "a  <right>  b", "a <both> b", "a<plain>b", "  <left><right>  ", "<plain>er", "<plain>erx", "word", "words",
    "a word here", "aword", "word.", "-word-", "wordword", "word word", "café", "cafe\u0301", "cafés", "naïve", "nai\u0308ve",
    "the river", "rivers", "river bank", "driver", " river", "\n\triver", "\n\n\n", "\n\n\n\n", "\n\n\n\n\n\n", "a\n\n\nb",
    "straße  x", "die straße\n", "<both><both>", " <both> <both> ", "<left>\n", "\n<left>", "\u00a0<left>", "<right>\u3000x",
    "word\u0301", "word1", "word_", "_word", "éword", "字word字", "<plain> <left> <right> <both>", "<plainer>", "<pla<plain>in>",
    "e<left>\u0301", "<s>", "</s>", "<s>a</s>", "<|begin_of_text|>", "x<|eot_id|>y", "<|end_of_text|>", "<|endoftext|>x",
)

# name -> (maker, merges written as "a b" strings)
VARIANTS = {
    "gpt2": (gpt2, True), "prefix-space": (prefix_space, False), "smollm2": (smollm2, True),
    "digit-groups": (digit_groups, False), "llama3": (llama3, True), "bos-and-eos": (bos_and_eos, False),
    "several-splits": (several_splits, False), "added-tokens": (added_tokens, False), "no-normalizer": (no_normalizer, False),
}


def variant_texts():
    rng = random.Random(11)
    rows = list(ADDED_TOKEN_TEXTS) + list(CONTRACTIONS[:20]) + list(NUMBERS[:30]) + ["", " ", "  x", "\n", "a", "B  9", "2018 x"]
    rows += list(CODE[:10]) + list(EMOJI[:4]) + list(NFC_SENSITIVE[:16]) + list(ODD[:3])
    rows += list(whitespace_strings(rng, 15)) + list(prose_strings(rng, 15)) + list(mixed_strings(rng, 20))
    rows += ["a" * 100, " " * 60, "\n" * 40]
    return list(dict.fromkeys(rows))


def write_tokenizer(path, tokenizer, as_strings):
    value = json.loads(tokenizer.to_str())
    if as_strings:
        value["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in value["model"]["merges"]]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


def case_rows(texts, encode, decode_ids):
    rows = []
    for text in texts:
        ids = encode(text)
        rows.append({"text": text, "ids": ids, "decoded": decode_ids(ids)})
    return rows


def write_variants(out):
    rows = [(name, make, as_strings, variant_texts()) for name, (make, as_strings) in VARIANTS.items()]
    rows += [(name, make, False, character_texts()) for name, make in CHARACTER_VARIANTS.items()]
    rows += [(name, make, False, character_texts()[::2]) for name, make in WORD_VARIANTS.items()]
    for name, make, as_strings, texts in rows:
        folder = os.path.join(out, name)
        os.makedirs(folder)
        path = os.path.join(folder, "tokenizer.json")
        write_tokenizer(path, make(), as_strings)
        tokenizer = Tokenizer.from_file(path)  # what a user has is the file
        write_lines(os.path.join(folder, "cases.jsonl"),
                    case_rows(texts, lambda t: tokenizer.encode(t).ids, lambda ids: decode(tokenizer, ids)))
        if name not in VARIANTS:
            write_lines(os.path.join(folder, "decode.jsonl"), decode_cases(tokenizer, 20 if name in WORD_VARIANTS else 40, 5))


def write_slow_files(out):
    """vocab.json + merges.txt, as GPT-2 and the first Qwen2 folders have them."""
    folder = os.path.join(out, "vocab-and-merges")
    os.makedirs(folder)
    trained(byte_level()).model.save(folder)
    vocab_path = os.path.join(folder, "vocab.json")
    with open(vocab_path, encoding="utf-8") as file:
        vocab = json.load(file)
    end = len(vocab)
    vocab["<|endoftext|>"] = end
    with open(vocab_path, "w", encoding="utf-8") as file:
        json.dump(dict(sorted(vocab.items(), key=lambda item: item[1])), file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
    row = {"content": "<|endoftext|>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    make_nano.write_json(os.path.join(folder, "tokenizer_config.json"), {
        "add_prefix_space": False, "added_tokens_decoder": {str(end): row}, "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "tokenizer_class": "GPT2Tokenizer"})
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(folder)
    write_lines(os.path.join(folder, "cases.jsonl"),
                case_rows(variant_texts(), lambda t: tokenizer(t)["input_ids"],
                          lambda ids: tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)))


# ---------------------------------------------------------------- all of it


def main():
    parser = argparse.ArgumentParser(description="Make the tokenizer's test cases.")
    parser.add_argument("-o", "--output", required=True, help="folder to write (suites/data/tokens)")
    parser.add_argument("--nano", required=True, help="folder of a nano model")
    parser.add_argument("--qwen3", help="folder of the Qwen3 tokenizer")
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)
    shutil.rmtree(os.path.join(args.output, "variants"), ignore_errors=True)
    strings = make_strings()
    write_lines(os.path.join(args.output, "strings.jsonl"), strings)
    byte_rows = [{"hex": b.hex(), "text": b.decode(errors="replace")} for b in make_byte_strings()]
    for name, folder in (("nano", args.nano), ("qwen3", args.qwen3)):
        if not folder:
            continue
        tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        write_lines(os.path.join(args.output, f"ids-{name}.jsonl"), [tokenizer.encode(s).ids for s in strings])
        write_lines(os.path.join(args.output, f"decode-{name}.jsonl"), decode_cases(tokenizer, 300, 5))
        for row in byte_rows:
            row[f"ids-{name}"] = tokenizer.encode(row["text"]).ids
        check_with_auto_tokenizer(folder, tokenizer, strings)
    for row in byte_rows:
        if "\0" in row["text"]:
            del row["text"]
    write_lines(os.path.join(args.output, "bytes.jsonl"), byte_rows)
    write_variants(os.path.join(args.output, "variants"))
    write_slow_files(os.path.join(args.output, "variants"))


if __name__ == "__main__":
    main()
