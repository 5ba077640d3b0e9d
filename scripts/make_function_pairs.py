#!/usr/bin/env python3
"""Makes diagnostics/quality/function_pairs.c: how much more or less often than chance two small words of a language
stand side by side. Needs Python and dpkg, and is not part of the build.

    make_function_pairs.py --debs DIR --bigrams frequency_bigramdictionary_en_243_342.txt

DIR holds Debian packages with much text (`apt-get download`): libreoffice-help-*, gnome-user-docs, debian-handbook,
debian-reference-*, developers-reference*, aptitude-doc-*, gimp-help-*, the campaigns wesnoth-1.16-* (stories and
dialogues), and for English anarchism and r-cran-janeaustenr. The bigrams are those of PyPI's symspellpy.
"""
import argparse
import collections
import gettext
import glob
import hashlib
import html
import math
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import zlib

LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'ru', 'sv', 'pl', 'cs', 'id']  # as in function_words.c
WORDS = {'en': 104}
ENDINGS = {'en': 36}
WORDS_OTHER, ENDINGS_OTHER = 72, 34
EXTRA = {
    'en': "don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't shouldn't haven't it's that's "
          "there's what's he's she's i'm you're we're they're i've you've we've they've i'll you'll he'll we'll they'll "
          "i'd you'd he'd she'd let's",
    'fr': "l' d' qu' j' n' s' c' m' t'",
    'it': "l' d' dell' all' nell' dall' sull' un' c' quest' s' m'",
}
SPECIAL = ['*', 'NAME', 'NUMBER', ',', '.']  # any other word, with a capital, digits, and marks
SMOOTH = 6  # pairs; where fewer than these are expected the table has little opinion
STEP, LEVELS = 0.5, 12  # bits; on either side of 0
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,]\d+)*")


def function_words(folder):
    """The lists of function_words.c, by language."""
    source = open(os.path.join(folder, 'function_words.c'), encoding='utf-8').read()
    body = source[source.index('function_words[FUNCTION_LANGUAGES] = {'):]
    rows, row = [], ''
    for line in body[:body.index('};')].split('\n')[1:]:
        row += ''.join(re.findall(r'"([^"]*)"', line))
        if line.rstrip().endswith(','):
            rows.append(row.split())
            row = ''
    return dict(zip(LANGUAGES, rows))


class Symbols:
    def __init__(self, words, endings):
        self.names = SPECIAL + words + ['-' + e for e in endings]
        self.words = {w: i + len(SPECIAL) for i, w in enumerate(words)}
        self.endings = {e: i + len(SPECIAL) + len(words) for i, e in enumerate(endings)}

    def of_word(self, word, inner):
        """Symbols of a word; `inner`: it does not begin a sentence."""
        if word[0].isdigit():
            return [2]
        low = word.lower().replace('’', "'")
        if low in self.words:
            return [self.words[low]]
        cut = low.find("'") + 1
        if cut and low[:cut] in self.words and cut < len(low):
            return [self.words[low[:cut]]] + self.of_word(word[cut:], True)
        if inner and word[0].isupper():
            return [1]
        return [self.endings.get(low[-2:], 0) if len(low) > 3 else 0]

    def chains(self, text):
        """Runs of symbols between which nothing but spaces and marks lies."""
        chain, last = [], None
        for m in WORD.finditer(text):
            if last is not None:
                gap = text[last:m.start()]
                if re.fullmatch(r'[ \t]+', gap):
                    pass
                elif re.fullmatch(r'["”’»\')]*[.!?…]+["”’»\')]*\s+["“‘«„(¿¡]*', gap):
                    chain.append(4)
                elif re.fullmatch(r'["”’»\')]*[,;:]["”’»\')]*\s+["“‘«„(¿¡]*', gap):
                    chain.append(3)
                else:
                    if chain:
                        yield chain
                    chain = []
            chain += self.of_word(m.group(), bool(chain) and chain[-1] != 4)
            last = m.end()
        if last is not None and re.match(r'["”’»\')]*[.!?…]', text[last:]):
            chain.append(4)
        if chain:
            yield chain


def strip(markup):
    return re.sub(r'\s+', ' ', html.unescape(re.sub(r'<[^>]+>', '', markup))).strip()


def r_lines(path):
    """Lines of the character vectors in the lazy-load database of an R package."""
    data, at = open(path, 'rb').read(), 0
    while at + 5 < len(data):
        unpack = zlib.decompressobj()
        try:
            raw = unpack.decompress(data[at + 4:])
        except zlib.error:
            return
        at = len(data) - len(unpack.unused_data)
        strings = re.finditer(rb'\0\x04\0\x09\0\0\0(.)', raw, re.S)  # ASCII, of less than 256 bytes
        yield ' '.join(raw[m.end():m.end() + m.group(1)[0]].decode('ascii', 'replace') for m in strings)


def language_of(path):
    """Of a component of the path, or of the file's name; English otherwise. What it says is checked later."""
    m = re.search(r'[./]([a-z]{2})(?:[-_][A-Za-z]{2})?(?:/|\.html$)', path)
    return m.group(1) if m and m.group(1) in LANGUAGES else 'en'


def paragraphs(root):
    """(language, paragraph) of all files below a folder."""
    for folder, _, files in os.walk(root):
        for name in sorted(files):
            path = os.path.join(folder, name)
            code = language_of(path[len(root):])
            if name.endswith('.mo'):
                with open(path, 'rb') as f:
                    catalog = gettext.GNUTranslations(f)._catalog
                for key, value in catalog.items():
                    if isinstance(key, str) and key and isinstance(value, str):
                        for language, text in ((code, value), ('en', key.split('\4')[-1])):
                            for part in re.sub(r'<[^>]+>', '', text).split('\n'):
                                yield language, part.strip()
            elif name.endswith(('.html', '.page')) and not os.path.islink(path):
                text = open(path, encoding='utf-8', errors='replace').read()
                for part in re.findall(r'<p\b[^>]*>(.*?)</p>', text, re.S):
                    yield code, strip(part)
            elif name == 'Rdata.rdb':
                for text in r_lines(path):
                    for i in range(0, len(text), 1000):
                        yield 'en', text[i:i + 1000]


def collect(debs, lists):
    """Paragraphs by language, each once, where the words are of that language."""
    out, seen = collections.defaultdict(list), set()
    sets = {code: set(words) for code, words in lists.items()}
    for deb in sorted(glob.glob(os.path.join(debs, '*.deb'))):
        before = collections.Counter({k: len(v) for k, v in out.items()})
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(['dpkg', '-x', deb, folder], check=True)
            for code, text in paragraphs(folder):
                words = [w.lower() for w in WORD.findall(text)]
                if code not in sets or len(words) < 6:
                    continue
                share = {c: sum(w in s for w in words) / len(words) for c, s in sets.items()}
                key = hashlib.md5(text.encode()).digest()[:8]
                if share[code] < 0.2 or share[code] < max(share.values()) - 0.02 or key in seen:
                    continue
                seen.add(key)
                out[code].append(text)
        print(os.path.basename(deb), dict(collections.Counter({k: len(v) for k, v in out.items()}) - before),
              file=sys.stderr)
    return out


def choose(texts, words, extra, word_count, ending_count):
    counts, endings = collections.Counter(), collections.Counter()
    listed = set(words) | set(extra)
    for text in texts:
        for word in WORD.findall(text):
            low = word.lower().replace('’', "'")
            cut = low.find("'") + 1
            if low in listed:
                counts[low] += 1
            elif cut and low[:cut] in listed:
                counts[low[:cut]] += 1
            elif len(low) > 3 and low.isalpha() or low[-2:] == "'s":
                endings[low[-2:]] += 1
    chosen = set(extra) | {w for w, _ in counts.most_common(word_count) if w not in extra}
    return sorted(chosen), sorted(e for e, _ in endings.most_common(ending_count))


def count(texts, symbols):
    pairs = collections.Counter()
    for text in texts:
        for chain in symbols.chains(text):
            pairs.update(zip(chain, chain[1:]))
    return pairs


def count_bigrams(path, symbols):
    pairs = collections.Counter()
    for line in open(path, encoding='utf-8-sig'):
        a, b, n = line.split()
        pairs[symbols.of_word(a, False)[-1], symbols.of_word(b, False)[0]] += int(n)
    return pairs


def table(pairs, size):
    total, left, right = sum(pairs.values()), collections.Counter(), collections.Counter()
    for (a, b), n in pairs.items():
        left[a] += n
        right[b] += n
    rows = []
    for a in range(size):
        row = ''
        for b in range(size):
            expected = left[a] * right[b] / total
            bits = math.log2((pairs[a, b] + SMOOTH) / (expected + SMOOTH))
            row += chr(ord('m') + max(-LEVELS, min(LEVELS, round(bits / STEP))))
        rows.append(row)
    return rows


def uses(pairs, symbols):
    """How rare each small word is among the small words, as letters: 'A' + 2 bits."""
    left = collections.Counter()
    for (a, b), n in pairs.items():
        left[a] += n
    words = [left[i] + 1 for i in symbols.words.values()]
    return ''.join(chr(ord('A') + min(57, round(-2 * math.log2(n / sum(words))))) for n in words).replace('\\', '[')


def add_scaled(pairs, more):
    """`more` weighs as much as `pairs`; words only."""
    scale = sum(pairs.values()) / sum(more.values())
    for pair, n in more.items():
        pairs[pair] += n * scale


def wrapped(names):
    return '\n * '.join(textwrap.wrap(', '.join(names + ['the bigrams of symspellpy']), 100, break_on_hyphens=False))


HEAD = '''/* Generated by scripts/make_function_pairs.py: do not edit. See pairs.c for what it means.
 *
 * Counted in: {sources}. */
#include "quality/function_pairs.h"

'''


def write(path, tables, sources):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(HEAD.format(sources=sources))
        f.write('/* clang-format off */\n')
        for code, symbols, rows, _ in tables:
            f.write(f'static const char *const {code}_pairs[] = {{\n')
            f.writelines(f'"{row}",\n' for row in rows)
            f.write('};\n')
        f.write('const struct pair_table pair_tables[PAIR_LANGUAGES] = {\n')
        for code, symbols, _, use in tables:
            words = ' '.join(symbols.words)
            endings = ' '.join(symbols.endings)
            f.write(f'{{"{code}", {len(symbols.names)}, {len(symbols.words)},\n "{words}",\n "{endings}",\n "{use}",\n {code}_pairs}},\n')
        f.write('};\n/* clang-format on */\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--debs', required=True)
    parser.add_argument('--bigrams', required=True)
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'diagnostics', 'quality')
    parser.add_argument('--out', default=os.path.join(here, 'function_pairs.c'))
    options = parser.parse_args()
    lists = function_words(here)
    texts = collect(options.debs, lists)
    tables = []
    for code in LANGUAGES:
        words, endings = choose(texts[code], lists[code], EXTRA.get(code, '').split(),
                                WORDS.get(code, WORDS_OTHER), ENDINGS.get(code, ENDINGS_OTHER))
        symbols = Symbols(words, endings)
        pairs = count(texts[code], symbols)
        print(code, len(texts[code]), 'paragraphs', sum(pairs.values()), 'pairs', file=sys.stderr)
        if code == 'en':
            add_scaled(pairs, count_bigrams(options.bigrams, symbols))
        tables.append((code, symbols, table(pairs, len(symbols.names)), uses(pairs, symbols)))
    names = sorted({os.path.basename(p).split('_')[0] for p in glob.glob(os.path.join(options.debs, '*.deb'))})
    write(options.out, tables, wrapped(names))


if __name__ == '__main__':
    main()
