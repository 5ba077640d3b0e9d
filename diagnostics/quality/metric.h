/* What is measured of a text. Rules (suites/quality.json) compare metrics with numbers; --csv prints all of them. */
#ifndef ASSAY_QUALITY_METRIC_H
#define ASSAY_QUALITY_METRIC_H

/* NaN: could not be measured there (too few words, no dictionary); a comparison with it never holds. */
#define METRICS(X)                                                                                                     \
    X(PRINTABLE, "characters.printable", "characters that print")                                                      \
    X(LETTERS, "characters.letters", "letters")                                                                        \
    X(BAD, "characters.bad", "U+FFFD, controls, private, unassigned, invalid bytes")                                   \
    X(BAD_SHARE, "characters.bad_share", "of all characters")                                                          \
    X(MARKERS, "characters.markers", "byte-level marks of a tokenizer, and UTF-8 read as another encoding")            \
    X(MARKER_SHARE, "characters.marker_share", "of all characters")                                                    \
    X(DISTINCT_SYMBOLS, "characters.distinct", "different characters that print")                                      \
    X(SYMBOL_SHARE, "characters.symbol_share", "characters of prose that are neither letter nor digit")                \
    X(SYMBOL_RUN, "characters.symbol_run", "longest run of different symbols without a letter or digit")               \
    X(MISPLACED, "characters.misplaced", "marks where no writer puts them, capitals behind small letters")             \
    X(MISPLACED_RATE, "characters.misplaced_rate", "per word")                                                         \
    X(SAME_RUN, "characters.same_run", "longest run of one character")                                                 \
    X(DIGIT_SHARE, "characters.digit_share", "digits, of what prints")                                                 \
    X(SPACE_SHARE, "characters.space_share", "white space, of all characters")                                         \
    X(BLANK_RUN, "characters.blank_run", "longest run of white space")                                                 \
    X(MARK_RUN, "characters.mark_run", "longest run of combining marks")                                               \
    X(TOP_SHARE, "characters.top_share", "share of the most frequent character, of what prints")                       \
    X(PUNCTUATION, "characters.punctuation", "share of punctuation, of what prints")                                   \
    X(KIND, "window.kind", "0 prose, 1 list, 2 table, 3 code, 4 the whole text")                                       \
    X(LENGTH, "window.length", "log2 of its bytes")                                                                    \
    X(WORDS, "words", "words, of prose and lists")                                                                     \
    X(LOOP_LENGTH, "repetition.loop_length", "characters of the longest run of at least 4 equal units")                \
    X(LOOP_SHARE, "repetition.loop_share", "of the text")                                                              \
    X(LOOP_COVERED, "repetition.loop_covered", "share of the text in runs of at least 3 equal units")                  \
    X(WORD_RUN, "repetition.word_run", "the same word in a row")                                                       \
    X(WORD_RUN_SHARE, "repetition.word_run_share", "of all words")                                                     \
    X(DISTINCT1, "repetition.distinct1", "different words / words")                                                    \
    X(DISTINCT2, "repetition.distinct2", "different pairs of words / pairs")                                           \
    X(DUPLICATE5, "repetition.duplicate5", "share of characters in repeated 5-grams of words (Rae et al. 2021)")       \
    X(TOP1, "repetition.top1", "share of the most frequent word")                                                      \
    X(TOP2GRAM, "repetition.top2gram", "share of characters in the most frequent pair of words (Rae et al. 2021)")     \
    X(PIECES, "repetition.pieces", "share of 6-letter pieces that occurred before")                                    \
    X(DOUBLED, "repetition.doubled", "different words that stand twice in a row, also in code")                        \
    X(DOUBLED_SHARE, "repetition.doubled_share", "of all words")                                                       \
    X(AGAIN, "repetition.again", "share of characters in stretches of 24 that stood in the text before")               \
    X(EMPTY_ITEMS, "repetition.empty_items", "lines in a row of a number or bullet and nothing else")                  \
    X(SAME_LINES, "repetition.same_lines", "lines in a row that differ in numbers at most")                            \
    X(SAME_LINES_SHARE, "repetition.same_lines_share", "of the text")                                                  \
    X(SCRIPTS, "language.scripts", "scripts")                                                                          \
    X(SWITCHES, "language.switches", "changes of script, per 100 letters")                                             \
    X(GLUED, "language.glued", "changes of script without a gap; half of one between scripts that look alike")         \
    X(GLUED_RATE, "language.glued_rate", "per 100 letters")                                                            \
    X(BARE, "language.bare", "changes of script over a space, comma or stop, in one line")                             \
    X(BARE_RATE, "language.bare_rate", "per 100 letters")                                                              \
    X(NEAR, "language.near", "changes of script with nothing, a space, comma or stop between")                         \
    X(CJK_SHARE, "language.cjk_share", "share of letters that are Han, kana or Hangul, or of a script without spaces") \
    X(BEST, "language.best", "share of the most likely language (CLD2)")                                               \
    X(RELIABLE, "language.reliable", "1: CLD2 finds that language reliable")                                           \
    X(SCORE, "language.score", "CLD2's score of that language, per KB")                                                \
    X(HAS_FUNCTION_WORDS, "language.has_function_words",                                                               \
      "1: the function words of that language are known; also where "                                                  \
      "it is unknown")                                                                                                 \
    X(LANGUAGE_SPANS, "language.spans", "changes of language (CLD2)")                                                  \
    X(DRIFT, "language.drift", "1: reliably in another language than most of the text (CLD2)")                         \
    X(EXPECTED_SHARE, "language.expected_share", "share of the expected languages (CLD2, best effort)")                \
    X(EXPECTED_SCRIPT, "language.expected_script", "share of letters in a script of the expected languages")           \
    X(LINE_PASS, "language.line_pass", "share of lines in an expected language (Marchisio et al. 2024)")               \
    X(WORD_PASS, "language.word_pass", "share of words in a script of the expected languages")                         \
    X(MARKUP, "leakage.markup", "tags, attributes, entities outside code")                                             \
    X(MARKUP_RATE, "leakage.markup_rate", "per 100 characters")                                                        \
    X(CODE, "leakage.code", "pieces of code outside code")                                                             \
    X(CODE_RATE, "leakage.code_rate", "per 100 characters")                                                            \
    X(CODE_KINDS, "leakage.code_kinds", "different kinds of them")                                                     \
    X(TAGS, "leakage.tags", "tags of any name")                                                                        \
    X(BROKEN_TAGS, "leakage.broken_tags", "of them, not ended, or closing what is not open")                           \
    X(BRACKETS, "leakage.brackets", "brackets of all kinds, in code and outside")                                      \
    X(BROKEN_BRACKETS, "leakage.broken_brackets", "of them, closing what is not open")                                 \
    X(OPEN_BRACKETS, "leakage.open_brackets", "of them, open at the end")                                              \
    X(SPECIAL, "leakage.special", "special tokens of a model in the text")                                             \
    X(ROLES, "leakage.roles", "turns of a conversation that a template writes")                                        \
    X(TOKEN_PIECES, "leakage.pieces", "marks of a tokenizer in front of pieces of words: ##, <0x20>")                  \
    X(INNER_CAPITALS, "leakage.inner_capitals", "share of words with a capital behind a small letter")                 \
    X(CODE_LINES, "leakage.code_lines", "share of lines that look like code")                                          \
    X(DICTIONARY, "wordness.dictionary", "share of words that the dictionary of the best language or English has")     \
    X(DICTIONARY_WORDS, "wordness.asked", "words that a dictionary was asked about")                                   \
    X(CONTENT_WORDS, "wordness.content", "of them, those of small letters that are no function words")                 \
    X(CONTENT_KNOWN, "wordness.content_known", "share of those that a dictionary has")                                 \
    X(PLAIN_WORDS, "wordness.plain", "words that are no part of addresses and formulas")                               \
    X(TITLES, "wordness.titles", "share of words with a capital")                                                      \
    X(KANA, "wordness.kana", "share of kana among Han and kana")                                                       \
    X(DICTIONARY_RUN, "wordness.unknown_run", "longest run of words that no dictionary has")                           \
    X(CONTENT_RUN, "wordness.content_run", "longest run of words without a function word, capital or mark between")    \
    X(LATIN_SHARE, "wordness.latin_share", "share of letters that are Latin")                                          \
    X(LONGEST, "wordness.longest", "letters of the longest word that is no address")                                   \
    X(FUNCTION_WORDS, "wordness.function_words", "share of function words, of the language that has most")             \
    X(FUNCTION_RUN, "wordness.function_run", "longest run of function words")                                          \
    X(HAN, "wordness.han", "Han and kana")                                                                             \
    X(HAN_WORDS, "wordness.han_words", "share of them in words of several characters")                                 \
    X(FRAGMENTS, "wordness.fragments", "share of letters of words of one or two letters")                              \
    X(SINGLES, "wordness.singles", "share of words of one letter")                                                     \
    X(WORD_LETTERS, "wordness.letters", "letters of a word, in the mean")                                              \
    X(MIXED_RUN, "wordness.mixed_run", "longest run of capitals, small letters and digits mixed, as base64 has")       \
    X(PROSE_SHARE, "wordness.prose", "share of characters that are prose, not lists, tables or code")                  \
    X(SLOTS, "grammar.slots", "determiners and prepositions with a word behind")                                       \
    X(BAD_SLOTS, "grammar.bad_slots", "of them, before a word that cannot stand there")                                \
    X(BAD_SLOT_SHARE, "grammar.bad_slot_share", "bad_slots / slots")                                                   \
    X(STOPS, "grammar.stops", "full stops with a word behind")                                                         \
    X(LOWER_AFTER_STOP, "grammar.lower_after_stop", "of them, before a small letter")                                  \
    X(PAIRS, "grammar.pairs", "pairs of words and marks side by side, in a language whose pairs are known")            \
    X(ODD_PAIRS, "grammar.odd_pairs", "of them, seen four times less often than chance makes them")                    \
    X(ODD_PAIR_SHARE, "grammar.odd_pair_share", "odd_pairs / pairs")                                                   \
    X(ORDER, "grammar.order", "mean log2 (seen / by chance) of the pairs")                                             \
    X(MIX, "grammar.mix", "bits that its small words are from their use in the language, per word or mark")            \
    X(SMALL_WORDS, "grammar.small_words", "share of them, of all words and marks")                                     \
    X(FORM_BITS, "evidence.form", "bits of evidence that form gives, where a judge gives some too")                    \
    X(SURPRISE, "surprise.mean", "bits per byte that a judge model needs")                                             \
    X(SURPRISE_RUN, "surprise.run", "most bits per token over 16 tokens in a row")                                     \
    X(SURPRISE_MOST, "surprise.most", "most bits per byte over 64 bytes")                                              \
    X(SURPRISE_LEAST, "surprise.least", "least bits per byte over 128 bytes")                                          \
    X(SURPRISE_HIGH, "surprise.high", "share of tokens of more than 10 bits")                                          \
    X(SURPRISE_MEDIAN, "surprise.median", "bits of the middle token")                                                  \
    X(COHERENCE, "coherence.gain", "bits per byte that a sentence is likelier after those before it than alone")       \
    X(COHERENCE_SHARE, "coherence.share", "of the bits that it has alone")                                             \
    X(OVERLAP, "relevance.overlap", "content words of the prompt that occur")

enum metric {
#define METRIC_ENUM(id, name, does) METRIC_##id,
    METRICS(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};

extern const char *const metric_names[METRIC_COUNT];
extern const char *const metric_descriptions[METRIC_COUNT];

/* METRIC_COUNT when there is none of that name. */
enum metric metric_parse(const char *name);

#endif
