/* Words of what a difference does to texts, and of what was compared. */
#include "findings/check_words_internal.h"

#define TEXT(check, title, means, remedy)                                                                              \
    {                                                                                                                  \
        check, QUESTION_TEXT, title, means, remedy                                                                     \
    }

const struct check_words words_of_texts[] = {
    TEXT("perplexity", "Perplexity of gold's cases",
         "How well the model predicts gold's own token ids, as log ratio to the perplexity that gold records for each "
         "case; assay perplexity measures it for a text. A larger value than gold's means that the model predicts "
         "worse, "
         "and a smaller one is as wrong.",
         "logits.kl says how far the distributions are apart, and layers.isolated which modules cause it."),
    TEXT("perplexity.text", "Perplexity of a text",
         "Perplexity of the text given with --text, for each token, word and byte, over windows of --context tokens. "
         "It is judged where gold records the perplexity of the same text and windows, and otherwise only reported.",
         "Compare it with the original's: assay perplexity ORIGINAL --text FILE with the same --context and --stride. "
         "If it is worse, assay diagnose MODEL --source ORIGINAL looks for the cause."),
    TEXT("greedy", "Greedy continuations",
         "The model continues gold's prompts with the most likely token at each step, and must write gold's tokens "
         "wherever gold can tell the tokens apart. A failure shows both texts and the first token that differs.",
         "One different token changes everything after it, so go by logits.kl for how much is wrong, and by "
         "layers.isolated for where."),
    TEXT("lens.prompts", "Answer after each layer, of prompts",
         "The logit lens over the suite's prompts: from which layer on the model's answer is its most likely token. No "
         "gold holds these prompts, so it is reported and not judged; it warns where logits are not finite.",
         "Read the answer and the layer at which it appears. To judge it, make gold for these prompts with "
         "scripts/make_golden.py."),
    TEXT("text.verdict", "Texts that the model writes",
         "The model continues the suite's prompts, once sampled and once greedily, and each text is judged by its "
         "form: characters, repetition, language, markup, words, grammar. A failure is gibberish (by a rule, or by "
         "more evidence than one right answer in 200 has), or a text that lacks what its prompt asks for; a text "
         "without "
         "a fault may still be false.",
         "Read the texts with their marked places, then look for the cause: assay help gibberish says in which order."),
    TEXT("text.characters", "Broken characters",
         "Looks for characters that no text has: U+FFFD, controls, broken UTF-8, byte-level marks of a tokenizer, or "
         "nothing but punctuation. They point to a wrong tokenizer or to a model that draws tokens at random.",
         "Check the tokenizer first (tokens.ids, weights.vocabulary), then the weights (layers.isolated)."),
    TEXT("text.repetition", "Repetition",
         "Looks for loops of characters, words, phrases and list items. Small models loop under greedy decoding "
         "without being damaged; loops in sampled texts are a sign of damage.",
         "Compare with the original: assay generate ORIGINAL with the same prompt, --seed and --temperature. If it "
         "does not loop, look at layers.isolated."),
    TEXT("text.language", "Language and script",
         "Looks for scripts mixed inside words, changes of script between words, and texts in another language than "
         "expected. Mixed scripts mean that tokens are drawn nearly at random.",
         "Look for damage in layers.isolated, or without gold with assay diagnose MODEL --source ORIGINAL."),
    TEXT("text.leakage", "Markup, code and special tokens",
         "Looks for tags, pieces of code, unbalanced brackets and special tokens in a text that should be prose.",
         "Special tokens in the text point to the tokenizer or the chat template (--chat). If the prompt asks for code "
         "or markup, say so in its \"expects\" in the suite."),
    TEXT("text.wordness", "Words that no dictionary has",
         "The share of words that a dictionary of the text's language has, of function words, and runs of unknown "
         "words. A failure means letters that look like words and are none.",
         "Install a dictionary of the language if text.verdict lists none. Otherwise look for damage in "
         "layers.isolated."),
    TEXT(
        "text.grammar", "Word order and grammar",
        "Looks for words where they cannot stand: after determiners and prepositions, behind full stops, in pairs that "
        "the language does not use. A failure means words in an order that makes no sentences.",
        "Look for damage in layers.isolated, or without gold with assay diagnose MODEL --source ORIGINAL."),
    TEXT("text.surprise", "What a judge model finds unlikely",
         "With --judge, a model says how likely each token is after those before it, and the bits join the evidence. A "
         "failure is a text whose tokens are as unlikely as those of right texts are not, or as likely, as in a loop.",
         "Read the marked places. If they read well, the judge may not know the language or the subject: use a larger "
         "one."),
    TEXT("text.coherence", "Sentences that belong together",
         "With --judge, each sentence is read after those before it and by itself. In a text about one thing the rest "
         "makes a sentence likelier; a failure is a text in which it does not, as in sentences of several texts mixed.",
         "Read the text as a whole. A list of things that have nothing in common fails rightly and may still be what "
         "was asked for."),
    TEXT("text.expected", "What prompts ask for",
         "Compares each text with the \"expects\" of its prompt in the suite: patterns that must or must not occur, a "
         "language, a list, code. A failure is a text without a fault of form that does not answer.",
         "Read the text. If it is right, correct the pattern in the suite; if it is wrong, see logits.kl for how far "
         "the model is from gold."),
    TEXT("text.control", "Patterns that prove nothing",
         "The patterns that prompts expect are tried on the texts of other prompts. A pattern that a quarter or more "
         "of these meet as well fails, for it proves no answer.",
         "Write a narrower pattern into the suite, such as \"^ Paris\\\\b\" in place of \"a\"."),
    TEXT("text.self_consistency", "How sure the model is of its text",
         "The entropy of the distribution at each step of writing, as a share of that of a flat distribution over the "
         "vocabulary. A failure means that the model finds nearly all tokens alike, or that its logits are not finite.",
         "See weights.finite and weights.magnitude, and the final norm and head in layers.isolated."),
    TEXT("text.relevance", "Texts that follow from their prompts",
         "A judge model (--judge) tells whether each text is more likely after its own prompt than after others and "
         "than alone. A failure means that too many texts have nothing to do with their prompts, however well they "
         "read.",
         "Use the original as judge if you have it. If form is right and relevance is lost, suspect attention and "
         "positions: hypothesis.architecture."),
    {0},
};

#define COVERAGE(check, title, means, remedy)                                                                          \
    {                                                                                                                  \
        check, QUESTION_COVERAGE, title, means, remedy                                                                 \
    }

const struct check_words words_of_coverage[] = {
    COVERAGE(
        "gold.compared", "How much of gold was compared",
        "Counts the tensors, continuations and perplexities of gold that were compared with the model. It warns when "
        "some were not or when gold holds no logits, and fails when none was, or a case of gold is not in a dump.",
        "Read which tensors were left out. Give a dump that holds the same cases and names, or make gold for this "
        "model with scripts/make_golden.py."),
    COVERAGE("baseline.checks", "Checks against the baseline",
             "Each check is compared with that of an earlier run: it got worse if its verdict did, if it is no longer "
             "judged, or if what it measured grew by more than noise, even within its limit.",
             "Look at what got worse and at what changed since, which the findings tell, too: assay diff BASELINE "
             "report/report.json shows all of it."),
    COVERAGE("baseline.*", "A check against the baseline",
             "What this check measured got worse than in the baseline by more than noise, or other things of the two "
             "runs differ.",
             "Find what changed between the runs, with assay diff BASELINE report/report.json."),
    COVERAGE("diff.*", "A check in two reports",
             "What this check measured, or its verdict, differs between the two reports by more than noise.",
             "What got worse is worth a look first: assay check MODEL --only NAME repeats one diagnostic."),
    COVERAGE("left_out.*", "Left out on purpose",
             "Names what the command line left out: a diagnostic or check by --only or --skip, cases of gold by "
             "--cases. It is reported so that nobody takes the rest for the whole, and never fails.",
             "Run the check again without that option before you rely on it."),
    COVERAGE("gold.precision", "Precision of gold",
             "Reports that gold, or the dump that is compared with it, has no more bits than float16 or bfloat16, and "
             "what such arithmetic costs this model. The comparison is only as sharp as that; this check never fails.",
             "For a sharper comparison make gold in float64 with scripts/make_golden.py."),
    COVERAGE("gold.read", "How gold's names were read",
             "Reports what names and shapes of arrays from other tools were taken to mean, such as hidden_states.3 or "
             "batch axes. It never fails; what may mean two things is refused instead.",
             "If something was read wrongly, name the arrays by module path, such as model.layers.3.mlp."),
    COVERAGE("layers.ties", "Near-ties of routers",
             "Where two experts' router logits are closer than the arithmetic can tell, gold's choice is put in the "
             "place of the model's and counted. A failure means more such cases in one layer than chance explains, so "
             "that routers differ slightly but really.",
             "Look at the named layer's router in layers.isolated, and whether it was rounded: routers should keep the "
             "original's precision."),
    COVERAGE("layers.experts", "Experts that no token met",
             "Counts the experts that none of the compared tokens went through. Such experts are not proved by "
             "anything that was compared, which is a warning.",
             "Make gold from longer and more varied texts, or prove the rest by bytes: assay verify MODEL --source "
             "ORIGINAL."),
    COVERAGE("layers.modules", "Modules known only by their paths",
             "Of two dumps, modules that both hold under one path and that assay does not know are compared as "
             "relative L2 error. A failure names the first that differs, in the order of layers.",
             "Look at the first module that is named, and compare its implementation in the two programs."),
    COVERAGE("watch.blocks", "Blocks complete and compared",
             "Counts the blocks (embedding, layers, head) of a running extraction that are complete, and how many of "
             "them were compared with gold. It warns where gold lacks a block's input or output.",
             "Let the extraction go on, or give gold that holds these layers (--golden). assay check EXTRACTION "
             "--golden GOLD proves the whole when it has ended."),
    {0},
};
