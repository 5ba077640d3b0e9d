#!/usr/bin/env python3
"""Makes suites/quality_evidence.json: how many bits what assay measures of a text speaks for broken or for right.

    calibrate_quality.py ASSAY --right DIR --broken DIR [--answers PREFIX,...] [--cache DIR] [-o FILE] [--report FILE]
                         [--judge MODEL --judged-right DIR --judged-broken DIR --judged-cache DIR]

DIR holds JSON lines, a file for each source: {"text", "prompt", "language", "kind", "source"}, and of broken texts
"fault", and "onset" where they begin right: the character at which they break. Sources whose names begin with one of
--answers (default: all of right) are answers of models: the rates of alarms are those on them.

With --judge, texts of --judged-right and --judged-broken (some of the same, each with the "name" of its file: a judge
takes a minute for 100 KB) are measured with that model too, and a second table is fitted to what surprises it and to
the bits that form gives, which come from trees that have not seen the text.

Trees (scikit-learn's HistGradientBoostingClassifier) are fitted to windows and whole texts, half of the weight on either
side. The limits come from scores that no tree has seen: the sources are dealt into five folds, and each fold is scored
by what the other four taught. Needs Python, numpy and scikit-learn, and is not part of the build.
"""
import argparse
import collections
import csv
import datetime
import glob
import json
import math
import os
import subprocess
import sys
import zlib

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

# What is expected is a rule's business, and these are of no use to a tree: they say what was measured, not what was seen.
IGNORED = ('relevance.', 'language.expected', 'language.line_pass', 'language.word_pass', 'language.has_function_words',
           'wordness.asked')
TREES, LEAVES, RATE, LEAF_LEAST = 220, 16, 0.1, 40
ANSWER_WEIGHT = 3.0  # of an answer of a model against other right texts
FOLDS = 5
# What a judge's table looks at, beside "surprise." and "coherence.": what kind of text it is, and the bits of form.
JUDGED = ('window.kind', 'window.length', 'language.cjk_share', 'wordness.latin_share', 'leakage.code_lines',
          'wordness.titles', 'characters.digit_share', 'characters.symbol_share', 'repetition.again',
          'wordness.function_words', 'wordness.dictionary', 'language.score')
JUDGED_LANGUAGE = 50  # a judge knows few of the languages of which there is less
JUDGED_TREES, JUDGED_LEAVES, JUDGED_LEAST = 80, 12, 20
FORM = 'evidence.form'
RATES = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
WHOLE = 4  # window.kind


def measure(assay, path, cache, judge=None):
    """Rows of the text's lines: (line, kind, from, to, metrics)."""
    out = os.path.join(cache, os.path.basename(path)[:-len('.jsonl')] + '.csv')
    if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(path):
        with open(out + '.part', 'w') as file:
            subprocess.run([assay, 'quality', '--csv', '--windows', path] + (['--judge', judge] if judge else []),
                           stdout=file, check=True)
        os.rename(out + '.part', out)
    with open(out, newline='') as file:
        rows = csv.reader(file)
        names = next(rows)[4:]
        return names, [(int(r[0]), int(r[2]), int(r[3]), [float(v) if v else math.nan for v in r[4:]]) for r in rows]


class Corpus:
    def __init__(self):
        self.texts, self.values, self.of, self.ends = [], [], [], []

    def read(self, assay, folder, broken, answers, cache, judge=None):
        for path in sorted(glob.glob(os.path.join(folder, '*.jsonl'))):
            with open(path, encoding='utf-8') as file:
                lines = {i + 1: json.loads(line) for i, line in enumerate(file) if line.strip()}
            self.names, rows = measure(assay, path, cache, judge)
            name, last = os.path.basename(path)[:-len('.jsonl')], None
            for line, _, end, values in rows:
                if line != last:
                    self.add(lines[line], lines[line].get('name', name) if judge else name, broken, answers)
                    last = line
                self.of.append(len(self.texts) - 1)
                self.ends.append(end)
                self.values.append(values)

    def add(self, text, name, broken, answers):
        size = len(text['text'].encode())
        onset = text.get('onset')
        source = text.get('file') or text.get('source') or name
        fold = zlib.crc32((source if not broken else text['text']).encode()) % FOLDS
        self.texts.append({
            'broken': broken, 'name': name, 'source': source, 'fold': fold, 'size': size,
            'language': (text.get('language') or 'un')[:2], 'fault': text.get('fault') or '',
            'answer': not broken and name.startswith(answers),
            'onset': len(text['text'][:onset].encode()) if broken and onset else 0})

    def settle(self):
        self.values = np.array(self.values, dtype=np.float64)
        self.of, self.ends = np.array(self.of), np.array(self.ends)
        self.broken = np.array([t['broken'] for t in self.texts])
        self.answer = np.array([t['answer'] for t in self.texts])
        self.fold = np.array([t['fold'] for t in self.texts])
        onset = np.array([t['onset'] for t in self.texts])[self.of]
        self.whole = self.values[:, self.names.index('window.kind')] == WHOLE
        # a window that ends before the text breaks is neither
        self.taught = self.whole | (onset == 0) | (self.ends > onset + 40)


def fit(corpus, columns, rows, trees=TREES, leaves=LEAVES, least=LEAF_LEAST):
    broken = corpus.broken[corpus.of[rows]]
    share = broken.mean()
    weight = np.where(broken, 0.5 / share, 0.5 / (1 - share))
    weight *= np.where(corpus.answer[corpus.of[rows]], ANSWER_WEIGHT, 1)
    model = HistGradientBoostingClassifier(max_iter=trees, learning_rate=RATE, max_leaf_nodes=leaves, l2_regularization=1.0,
                                           min_samples_leaf=least, early_stopping=False, random_state=1)
    return model.fit(corpus.values[rows][:, columns], broken, sample_weight=weight)


def bits(model, corpus, columns, rows):
    return model.decision_function(corpus.values[rows][:, columns]) / math.log(2)


def cross(corpus, columns, *size):
    """Scores that no tree has seen, and the model of each fold."""
    folds, scores, models = corpus.fold[corpus.of], np.zeros(len(corpus.of)), []
    for fold in range(FOLDS):
        models.append(fit(corpus, columns, np.flatnonzero((folds != fold) & corpus.taught), *size))
        held = np.flatnonzero(folds == fold)
        scores[held] = bits(models[fold], corpus, columns, held)
        print('fold %d of %d' % (fold + 1, FOLDS), file=sys.stderr)
    return scores, models


def totals(corpus, scores):
    """evidence_total of diagnostics/quality/evidence.c, for every text."""
    windows, whole = collections.defaultdict(list), np.zeros(len(corpus.texts))
    for text, is_whole, score in zip(corpus.of, corpus.whole, scores):
        if is_whole:
            whole[text] = score
        else:
            windows[text].append(score)
    for text, values in windows.items():
        best, total = -math.inf, 0
        for value in values:
            total = value + max(total, 0)
            best = max(best, total)
        whole[text] = max(whole[text], best - math.log2(len(values)))
    return whole


def tree(nodes, index, names):
    node = nodes[index]
    if node['is_leaf']:
        return round(float(node['value']) / math.log(2), 3)
    branches = [tree(nodes, node[side], names) for side in ('left', 'right')]
    limit = float('%.4g' % min(node['num_threshold'], 1e300))  # all that was measured is below 1e300
    return [names[node['feature_idx']], limit] + branches + ([] if node['missing_go_to_left'] else ['above'])


def interval(hits, count):
    """Wilson's, 95 %."""
    if not count:
        return 0, 1
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0, middle - half), min(1, middle + half)


def rows_of(title, groups, flags):
    lines = ['', '| %s | texts | condemned | 95 %% of the rates |' % title, '|---|---|---|---|']
    for name in sorted(groups, key=lambda g: -len(groups[g])):
        chosen = flags[groups[name]]
        low, high = interval(chosen.sum(), len(chosen))
        lines.append('| %s | %d | %d (%.1f %%) | %.1f to %.1f %% |' %
                     (name, len(chosen), chosen.sum(), 100 * chosen.mean(), 100 * low, 100 * high))
    return lines


def grouped(corpus, chosen, key):
    groups = collections.defaultdict(list)
    for index in np.flatnonzero(chosen):
        groups[key(corpus.texts[index])].append(index)
    return {name: np.array(list_) for name, list_ in groups.items()}


def length_of(text):
    for limit in (100, 300, 1000, 2400):
        if text['size'] < limit:
            return 'below %d bytes' % limit
    return '2400 bytes and more'


def alarms_of(corpus, total, least=0):
    """`least`: answers in a language, for it to count."""
    counts = collections.Counter(t['language'] for t in corpus.texts if t['answer'])
    counted = corpus.answer & np.array([counts[t['language']] >= least for t in corpus.texts])
    right = np.sort(total[counted])[::-1]
    return [[rate, round(float(right[int(rate * len(right))]), 3)] for rate in RATES if rate * len(right) >= 1]


def limit_of(alarms, rate):
    return next(bits_ for at, bits_ in alarms if at <= rate)


def table(model, names):
    return (float(np.ravel(model._baseline_prediction)[0]) / math.log(2),
            [tree(predictor[0].nodes, 0, names) for predictor in model._predictors])


def write_table(file, indent, base, alarms, trees):
    file.write('%s"base": %.4f,\n%s"alarms": %s,\n%s"trees": [\n' % (indent, base, indent, json.dumps(alarms), indent))
    file.write(',\n'.join(indent + '  ' + json.dumps(t, separators=(',', ':')) for t in trees) + '\n' + indent + ']')


def fit_judged(options, answers, models, form_names):
    """The table of texts that a judge has read: its corpus, scores that no tree has seen, alarms, and the model."""
    corpus = Corpus()
    for folder, broken in ((options.judged_right, False), (options.judged_broken, True)):
        corpus.read(options.assay, folder, broken, answers, options.judged_cache, options.judge)
    corpus.settle()
    folds, form = corpus.fold[corpus.of], np.zeros(len(corpus.of))
    columns = [corpus.names.index(name) for name in form_names]
    for fold, model in enumerate(models):
        held = np.flatnonzero(folds == fold)
        form[held] = bits(model, corpus, columns, held)
    corpus.values[:, corpus.names.index(FORM)] = form
    columns = [i for i, name in enumerate(corpus.names)
               if name in JUDGED or name == FORM or name.startswith(('surprise.', 'coherence.'))]
    size = (JUDGED_TREES, JUDGED_LEAVES, JUDGED_LEAST)
    total = totals(corpus, cross(corpus, columns, *size)[0])
    model = fit(corpus, columns, np.flatnonzero(corpus.taught), *size)
    return corpus, total, alarms_of(corpus, total, JUDGED_LANGUAGE), table(model, [corpus.names[i] for i in columns])


def report(corpus, scores, limit, title='# What the evidence can tell, and how often it errs'):
    flags = scores > limit
    lines = [title, '',
             'Made by scripts/calibrate_quality.py on %s. Every text was scored by trees that had not seen its source '
             '(right texts) or itself (broken ones). The evidence alone, without the rules of suites/quality.json.' %
             datetime.date.today().isoformat(), '', '## Answers of models']
    lines += rows_of('language', grouped(corpus, corpus.answer, lambda t: t['language']), flags)
    lines += rows_of('length', grouped(corpus, corpus.answer, length_of), flags)
    lines += ['', '## Other right texts']
    lines += rows_of('source', grouped(corpus, ~corpus.answer & ~corpus.broken, lambda t: t['name']), flags)
    lines += ['', '## Broken texts']
    lines += rows_of('fault', grouped(corpus, corpus.broken, lambda t: t['fault'] or t['name']), flags)
    return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('assay')
    parser.add_argument('--right', required=True)
    parser.add_argument('--broken', required=True)
    parser.add_argument('--answers', default='')
    parser.add_argument('--cache', default='.')
    parser.add_argument('--judge', help='a model that reads the texts of --judged-right and --judged-broken')
    parser.add_argument('--judge-name', default='', help='what it is called, for the report')
    parser.add_argument('--judged-right')
    parser.add_argument('--judged-broken')
    parser.add_argument('--judged-cache', default='judged')
    parser.add_argument('--on', default='', help='what the texts are, for the table')
    parser.add_argument('--alarms', type=float, default=0.005)
    parser.add_argument('-o', default='suites/quality_evidence.json')
    parser.add_argument('--report', default='suites/data/quality/evidence.md')
    options = parser.parse_args()
    corpus = Corpus()
    answers = tuple(options.answers.split(','))
    corpus.read(options.assay, options.right, False, answers, options.cache)
    corpus.read(options.assay, options.broken, True, answers, options.cache)
    corpus.settle()
    columns = [i for i, name in enumerate(corpus.names) if not name.startswith(IGNORED)]
    columns = [i for i in columns if np.nanstd(corpus.values[:, i]) > 0]
    names = [corpus.names[i] for i in columns]
    scores, models = cross(corpus, columns)
    total = totals(corpus, scores)
    alarms = alarms_of(corpus, total)
    limit = limit_of(alarms, options.alarms)
    base, trees = table(fit(corpus, columns, np.flatnonzero(corpus.taught)), names)
    judged = fit_judged(options, answers, models, names) if options.judge else None
    counts = {'answers of models': int(corpus.answer.sum()), 'other right texts': int((~corpus.answer & ~corpus.broken).sum()),
              'broken texts': int(corpus.broken.sum()), 'windows': int((~corpus.whole).sum()),
              'languages': len({t['language'] for t in corpus.texts}), 'date': datetime.date.today().isoformat()}
    if options.on:
        counts['texts'] = options.on
    with open(options.o, 'w', encoding='utf-8') as file:
        file.write('{\n  "description": "Bits for broken (above 0) or right, by what is measured of a window or a whole text: base + the '
                   'leaf of every tree. [METRIC, LIMIT, where it is at most the limit, where it is above]; a metric that '
                   'was not measured counts as at most the limit, or as above it where a fifth word says so. alarms: the '
                   'share of right answers that reaches so many bits. Made by scripts/calibrate_quality.py.",\n')
        file.write('  "calibrated": %s,\n' % json.dumps(counts, ensure_ascii=False))
        write_table(file, '  ', base, alarms, trees)
        if judged:
            read = judged[0]
            counts = {'judge': options.judge_name or os.path.basename(options.judge), 'answers of models': int(read.answer.sum()),
                      'other right texts': int((~read.answer & ~read.broken).sum()), 'broken texts': int(read.broken.sum())}
            file.write(',\n  "judged": {\n    "calibrated": %s,\n' % json.dumps(counts))
            write_table(file, '    ', judged[3][0], judged[2], judged[3][1])
            file.write('\n  }')
        file.write('\n}\n')
    with open(options.report, 'w', encoding='utf-8') as file:
        file.write(report(corpus, total, limit))
        if judged:
            file.write('\n' + report(judged[0], judged[1], limit_of(judged[2], options.alarms),
                                     '# The same with a judge model: %s' % options.judge_name))
    print('limit %.2f bits; caught %.1f %% of the broken' % (limit, 100 * (total[corpus.broken] > limit).mean()))


if __name__ == '__main__':
    main()
