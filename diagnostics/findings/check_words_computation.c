/* Words of causes, and of where the computation differs from gold. */
#include "findings/check_words_internal.h"

#define CAUSE(check, title, means, remedy)                                                                             \
    {                                                                                                                  \
        check, QUESTION_CAUSE, title, means, remedy                                                                    \
    }

const struct check_words words_of_causes[] = {
    CAUSE("cause", "Cause of the difference",
          "Each module that differs from gold is computed again under one experiment after the other: tensors put back "
          "or exchanged, keys of config.json, variants of the architecture. A cause is proved when all that it touches "
          "then equals gold and nothing gets worse, and likely when the error falls to an eighth or less; without "
          "gold, it is likely when a text is read clearly better.",
          "Copy the commands below the cause: repeat shows it, confirm checks the whole model with it undone, repair "
          "writes the model right. If it is unexplained, give assay diagnose MODEL --source ORIGINAL and a larger "
          "--budget."),
    CAUSE("hypothesis.*", "What people suspect first",
          "The usual suspicions are checked by the experiments. Here fail means that the suspicion is supported or "
          "likely, pass that it is refuted, and skip that nothing tested it.",
          "Where it is supported, the findings of the cause say what to undo and how. Where it is untested, its "
          "message says what assay diagnose needs, such as --golden or --source."),
    CAUSE("hypothesis.norms", "Suspicion: the norms",
          "Is an RMSNorm gain (input, post-attention, q, k or final norm) absent or wrong? Each norm is fed gold's "
          "input and its output is compared; fail means that norms are bad, or that putting some right undoes damage.",
          "Norms are small and every token meets them, so restore them first: assay repair EXTRACTION --source "
          "ORIGINAL. Without the original, assay repair EXTRACTION --golden GOLD solves for them."),
    CAUSE("hypothesis.weights", "Suspicion: wrong weights",
          "Were matrices of attention, experts, embedding or head lost, exchanged or changed? Fail means that an "
          "experiment on weights undoes damage, or that a bad module holds a tensor that is absent or not sound.",
          "Fetch the named tensors with assay repair EXTRACTION --source ORIGINAL, then check again."),
    CAUSE("hypothesis.architecture", "Suspicion: the architecture",
          "Is the model computed as the original is: rotary embedding, masks, norms, scales, keys of config.json? Fail "
          "means that a variant or another value of a key brings bad modules back to gold.",
          "Correct the implementation or config.json as the cause says; assay faults explains each variant and the "
          "mistake behind it."),
    CAUSE("hypothesis.experts", "Suspicion: the choice of experts",
          "Does each token get the experts that it gets in the original: router weights, top-k, normalisation of the "
          "chosen weights? Fail means that routers are bad, or that another choice brings bad modules back to gold.",
          "Restore the routers (assay repair EXTRACTION --source ORIGINAL), and look at num_experts_per_tok and "
          "norm_topk_prob in config.json."),
    CAUSE("hypothesis.tokenizer", "Suspicion: the tokenizer",
          "Does the tokenizer turn gold's prompts into gold's ids? Fail means that it does not, so model and gold read "
          "different inputs.",
          "Take all tokenizer files from the original; tokens.ids says from which token on the ids differ."),
    {0},
};

#define ROW(check, title, means, remedy)                                                                               \
    {                                                                                                                  \
        check, QUESTION_COMPUTATION, title, means, remedy                                                              \
    }

const struct check_words words_of_computation[] = {
    ROW("layers.propagated", "Activations end to end",
        "The model runs on gold's token ids, and every activation of every layer is compared with gold's as relative "
        "L2 error. Errors add up on the way, so a failure says how bad the result is and at which module it begins, "
        "not which modules are at fault.",
        "Look at the first bad module here, and at layers.isolated for all that are to blame. assay diagnose MODEL "
        "--golden GOLD looks for the cause."),
    ROW("layers.isolated", "Each module alone",
        "Every module is fed gold's input and its output is compared with gold's, so nothing that went wrong before "
        "counts. A module that fails here is itself bad: its weights, its configuration or its code; of a layer of "
        "experts the expert is named where the routing allows.",
        "Repair the weights of the named modules (assay repair EXTRACTION --source ORIGINAL), or let assay diagnose "
        "MODEL --golden GOLD find out what is wrong with them."),
    ROW("layers.statistics", "Mean and spread of activations",
        "Of gold that holds only mean, standard deviation, smallest and largest value of each activation, these four "
        "are compared end to end; measured is the distance as a multiple of its limit. A failure names the first "
        "module that differs, and a pass proves less than a comparison of all values.",
        "Make gold that holds the values themselves with scripts/make_golden.py, and check again to see which module "
        "is to blame."),
    ROW("logits.kl", "Distribution of the next token",
        "Kullback-Leibler divergence of the model's next-token distribution from gold's, in nats, averaged over all "
        "positions. Up to about 0.001 nats no decision changes, and from 1 nat on hardly a text stays the same; the "
        "limit is what gold's own precision accounts for.",
        "Find where it comes from: layers.isolated names the modules, assay diagnose MODEL --golden GOLD the cause. If "
        "the model was quantised on purpose, use --suite suites/quantised.json."),
    ROW("logits.nmse", "Error of the logits",
        "Mean squared error of the logits as a share of their mean square. A failure here and none in logits.kl "
        "usually means that all logits of a position are off by the same, which changes no probability.",
        "Go by logits.kl for how much it matters, and by layers.isolated for which module causes it."),
    ROW("logits.top1", "Most likely token",
        "The share of positions at which the model's most likely token is not gold's; positions where gold itself "
        "cannot tell the two apart do not count. This is what greedy decoding would write differently.",
        "layers.isolated names the modules that cause it, and assay diagnose MODEL --golden GOLD the cause."),
    ROW("lens", "Answer after each layer",
        "The logit lens puts final norm and head on the residual stream after every layer, and compares the most "
        "likely token with the one that gold has there. It warns at the layer at which the two part, and never fails, "
        "for the layers are judged by their values.",
        "Look at the modules of that layer in layers.isolated. assay trace MODEL --prompt TEXT --lens shows the lens "
        "for a prompt of your own."),
    ROW("experts.domains", "Which texts go through which experts",
        "Texts of English, other languages, code and sums are run, and the experts that their tokens choose are "
        "counted. It warns when routers give probability to experts that are absent, for these tokens lose a part of "
        "their computation.",
        "Fetch the absent experts with assay repair EXTRACTION --source ORIGINAL. Before you prune, see how much "
        "perplexity each kind of text loses in the table."),
    {0},
};
