#include "cli/help_topics.h"

#include <string.h>

#include "cli/help_checks.h"
#include "cli/paragraph.h"
#include "diagnostics/diagnostics.h"
#include "quality/quality.h"

static void write_gibberish(struct buffer *out)
{
    page_append(out,
                "My model writes gibberish: what to run, in which order, and how to read it\n"
                "\n"
                "MODEL is what misbehaves. It goes better with ORIGINAL, the checkpoint that it was made from, and "
                "with GOLD, what the original computes (assay help golden). Most cases end at step 1 or 2.\n"
                "\n"
                "1. Is everything there? (seconds: only headers are read)\n"
                "       assay inspect MODEL --source ORIGINAL\n"
                "   Read inventory.absent and inventory.pattern. That files load proves nothing: loaders put ones for "
                "an absent norm and nothing for an absent expert, and a dozen absent norms are enough for gibberish. "
                "If something is absent, go to step 6.\n"
                "\n"
                "2. Are the numbers sound, and are they the original's? (one read of the weights)\n"
                "       assay inspect MODEL --values --source ORIGINAL\n"
                "   weights.* name tensors that are zero, swapped, transposed, scaled or never loaded. weights.source "
                "says of each tensor that differs what it is instead.\n"
                "\n"
                "3. Does the tokenizer read the prompt as the original's does?\n"
                "       assay tokenize MODEL \"The capital of France is\"\n"
                "       assay tokenize ORIGINAL \"The capital of France is\"\n"
                "   Both must print the same ids. Chat models also need their template: assay generate MODEL --chat.\n"
                "\n"
                "4. Where does the computation differ from the original's? (one pass over the weights)\n"
                "       assay check MODEL --golden GOLD -o report\n"
                "   layers.isolated lists every module that is bad by itself; layers.propagated says where the "
                "difference begins and how bad the result is; logits.kl how far the answers are from gold's. Where the "
                "model differs from gold, the cause is looked for at once, for 30 seconds.\n"
                "\n"
                "5. What is the cause? (minutes; --budget bounds it)\n"
                "       assay diagnose MODEL --golden GOLD --source ORIGINAL\n"
                "       assay diagnose MODEL --source ORIGINAL        without gold\n"
                "       assay diagnose MODEL                          with neither: likely causes, none proved\n"
                "   A cause is proved when undoing it makes all that it touches equal to gold. Below it stand the "
                "commands that repeat, confirm and repair it.\n"
                "\n"
                "6. Put it right, and prove it.\n"
                "       assay repair EXTRACTION --source ORIGINAL --dry-run\n"
                "       assay repair EXTRACTION --source ORIGINAL\n"
                "       assay check EXTRACTION --golden GOLD -o report\n"
                "   repair is for the layout that assay extract writes. Anything else is extracted or converted anew: "
                "assay extract ORIGINAL EXTRACTION.\n"
                "\n"
                "If assay finds the weights right and another program writes gibberish with them, the fault is in that "
                "program. Let it write its activations under the names of gold, and ask how it departs:\n"
                "       assay diagnose --dump THEIRS --golden GOLD --model MODEL\n"
                "\n"
                "assay generate MODEL --prompt TEXT --temperature 0 shows what the model writes here. assay faults "
                "lists what each kind of damage looks like, and the usual mistake behind it.\n");
}

static void write_golden(struct buffer *out)
{
    page_append(
        out,
        "Gold: what the original computes\n"
        "\n"
        "A golden dump (GOLD) holds what the original implementation computed for a few prompts: every activation of "
        "every layer, the logits, greedy continuations and perplexities. A model is compared with it place by place. "
        "It also records what float32 itself costs the original at each place, so that a limit is a multiple of that "
        "noise and not an arbitrary number.\n"
        "\n"
        "To make it, with Python, torch and transformers (scripts/requirements.txt), from any checkpoint:\n"
        "       python scripts/make_golden.py ORIGINAL -o GOLD --prompt \"The capital of France is\" --greedy 20\n"
        "       python scripts/make_golden.py --gguf MODEL.gguf -o GOLD --prompt \"The capital of France is\"\n"
        "Several prompts, some of them long, meet more experts (layers.experts says how many were met). A text given "
        "with --perplexity-text is compared by assay check --text. assay itself needs no Python.\n"
        "\n"
        "Without gold: --source ORIGINAL is enough for assay diagnose, which computes gold from it. What assay trace "
        "ORIGINAL --prompt TEXT -o GOLD writes has the same format, but proves only that both computed alike here.\n"
        "\n"
        "To use it:\n"
        "       assay check MODEL --golden GOLD\n"
        "       assay compare GOLD DUMP          two dumps, as of somebody else's implementation\n"
        "\n"
        "The format is one safetensors file. Its metadata, all of them strings:\n"
        "  assay.golden      \"1\"\n"
        "  producer, dtype   library with its version; dtype of the arithmetic, \"float64\"\n"
        "  cases             JSON: [{\"id\", \"ids\", and where known \"prompt\", \"greedy\", \"perplexity\"}, ...]\n"
        "  noise             JSON: relative L2 distance of the float32 run, by tensor (optional)\n"
        "  config, tokenizer_sha256, weights_sha256   are compared with the model's (optional)\n"
        "Its tensors are called CASE/MODULE_PATH, as a PyTorch forward hook names modules, without batch axis:\n"
        "  prompt-0/model.layers.3.mlp      [tokens, hidden]\n"
        "  prompt-0/model.layers.3.mlp.gate [tokens, experts], router logits\n"
        "  prompt-0/lm_head                 [tokens, vocabulary]\n"
        "A dump may hold any part of them. The page of the format is golden/golden.h. Also read: folders of .npy "
        "files, .npz and .pt files, transformers' hidden_states, llama.cpp's --kl-divergence-base files.\n");
}

static void write_report(struct buffer *out)
{
    page_append(out,
                "Reports: verdicts, severity, files, exit status\n"
                "\n"
                "Verdict of each check, and of the whole:\n"
                "  pass   measured, and within the limit\n"
                "  warn   something to look at that is not proved to be wrong, or was not compared\n"
                "  fail   beyond the limit, or not a number. A report in which nothing was judged fails\n"
                "  skip   not measured; the message says why\n"
                "  error  of the whole alone: what was asked for could not be run\n"
                "A finding says what was measured, the limit with its cause, where, and one sentence. assay help "
                "checks explains every check and what to do when it fails; assay help ID explains one.\n"
                "\n"
                "Severity of the whole: what the difference does to the model's answers.\n"
                "  identical  all within gold's noise\n"
                "  harmless   measurable, and every decision is gold's\n"
                "  degraded   answers change, or may change where gold does not look (an absent expert, a tokenizer)\n"
                "  broken     answers are no longer the model's: far from gold, or most of what it writes is no text\n"
                "  unknown    nothing compared its answers with gold's\n"
                "The limits between them, which a suite may set (nats are those of logits.kl, perplexity is the "
                "logarithm of the ratio to gold's):\n");
    help_limits(true, out);
    page_append(out, "\n"
                     "Files, written with -o DIR:\n"
                     "  report.html   for people; needs no network and no script\n"
                     "  report.json   the same document as --json prints, described by reports/report.schema.json\n"
                     "  junit.xml     for CI: a test case for each check\n"
                     "  report.sarif  for code scanning: a result for each place, with rules and help\n"
                     "  report.tap    for harnesses that read TAP\n"
                     "  summary.md    for a job's summary or a pull request\n"
                     "\n"
                     "Exit status: 0 verdict pass, 1 verdict fail, 2 misuse of the command line, 3 could not be run. "
                     "--fail-on WORD chooses what ends with status 1:\n"
                     "  any        a check that fails (default)\n"
                     "  degraded   a failure whose severity is degraded, broken or unknown\n"
                     "  broken     a failure whose severity is broken or unknown\n"
                     "  warn       a warning too\n"
                     "  skip       a warning or a skipped check too; --strict is the same\n");
}

static void write_suite(struct buffer *out)
{
    page_append(
        out,
        "Suites: what to run, with which limits\n"
        "\n"
        "A suite is given with --suite NAME, where it is built in (assay suites lists them), or with --suite FILE: "
        "JSON. Without it, check runs default: every diagnostic, with the limits below. A small one:\n"
        "\n"
        "  {\n"
        "    \"extends\": \"default\",\n"
        "    \"name\": \"nightly\",\n"
        "    \"diagnostics\": [\"inventory\", \"layers\", \"logits\", \"texts\"],\n"
        "    \"prompts\": [{\"prompt\": \"The capital of France is\", \"expects\": {\"matches\": [\"^ Paris\"]}}],\n"
        "    \"limits\": {\"layers.noise_multiple\": {\"value\": 20, \"cause\": \"norms are rounded to float16\"}}\n"
        "  }\n"
        "\n"
        "\"extends\" is a name, a path beside the suite, or a list of them; what the suite says itself counts. Also "
        "\"purpose\", \"description\", \"new_tokens\", \"sampling\", \"chat\" and \"text\" (file, context, stride), "
        "and "
        "\"tags\" of a prompt. A limit needs its cause in words; a name that does not exist is an error, with line and "
        "column. --only layers,logits.kl or --skip texts runs a part, --tag NAME and --cases GLOB choose prompts and "
        "cases "
        "of gold; suites/suite.schema.json is for editors.\n"
        "\n"
        "Diagnostics:\n");
    diagnostic_questions(false, out);
    page_append(out, "\n"
                     "Limits, with their built-in values and causes (those of severity: assay help report):\n");
    help_limits(false, out);
}

static void write_passport(struct buffer *out)
{
    page_append(
        out, "The passport of an extraction\n"
             "\n"
             "assay extract writes a manifest, extraction_manifest.json, that says of every tensor its file, byte "
             "range, dtype, shape and SHA-256, and of every file its size and the SHA-256 of its header; also of "
             "config.json and the tokenizer files. Over all of these stands one hash, the root, a Merkle tree as in "
             "RFC 6962. It does not depend on how tensors are spread over files: a checkpoint and each right "
             "extraction of it have the same root, so one line says which model it is.\n"
             "\n"
             "       assay extract ORIGINAL EXTRACTION\n"
             "       assay verify EXTRACTION                      every byte against the passport\n"
             "       assay verify EXTRACTION --source ORIGINAL    and against the original\n"
             "       assay verify MODEL --root                    prints the root of any model\n"
             "       assay repair EXTRACTION --source ORIGINAL    fetches what is wrong, then verifies\n"
             "\n"
             "A passport vouches only for what it lists. passport.expected compares it with config.json, so that an "
             "extraction which lacks a part is not complete by its own word. If you trust the folder's passport no "
             "more than the folder, compare its root with one from elsewhere, or give --source. The checks are "
             "passport.*, explained by assay help checks. The page of the format is engine/extraction/passport.h.\n");
}

static void write_faults(struct buffer *out)
{
    page_append(out,
                "Faults and other experiments\n"
                "\n"
                "assay faults lists them all: what each does, what it looks like, and the usual mistake behind it.\n"
                "\n"
                "  --fault NAME[:ARGS]     damage of weights, as if the files held it\n"
                "  --undo NAME[:ARGS]      the same, laid last: what undoes a damage, as diagnose names it\n"
                "  --variant NAME[:ARGS]   an implementation that departs from the reference architecture\n"
                "  --text-variant NAME     a tokenizer that reads otherwise\n"
                "  --set KEY=VALUE         a key of config.json with another value\n"
                "\n"
                "Every command that computes with a model takes them, and nothing on disk is changed:\n"
                "       assay check MODEL --golden GOLD --fault swap-layers:1,3\n"
                "       assay generate MODEL --prompt \"Once upon a time\" --variant tiled-kv-heads\n"
                "assay break MODEL DEST --fault NAME[:ARGS] writes the broken model, to test a pipeline with. assay "
                "diagnose searches through these experiments for the one that undoes a damage.\n");
}

static void write_quality(struct buffer *out)
{
    page_append(
        out,
        "The verdict on texts: what it can tell, and how often it errs\n"
        "\n"
        "Everything that is measured of a text (characters, loops, languages, words, markup, grammar) speaks in bits "
        "for broken or for right, of the whole text and of windows of it. A text is condemned above the bits that "
        "only a given share of right answers reaches: \"evidence\": {\"alarms\": 0.005} in a file for --rules, one "
        "in 200. Rules that no right text breaks condemn alone.\n"
        "\n"
        "Form does not tell sense: fluent nonsense, sentences spliced from several texts and dropped words pass more "
        "often than they are caught. A model that reads the text tells more (--judge MODEL): what surprises it, and "
        "whether each sentence follows from those before it. The options: assay quality -h.\n"
        "\n"
        "What follows was measured on texts that the evidence had not been fitted to.\n"
        "\n");
    page_append(out, quality_error_rates());
}

static const struct help_topic topics[] = {
    {"gibberish", "my model writes gibberish: what to run, in which order, and how to read it", write_gibberish},
    {"checks", "every check: what it measures, what a failure means, what to do, its limit", help_checks},
    {"golden", "gold: what it is, how it is made, its format", write_golden},
    {"report", "verdicts, severity, the files of a report, exit status, --fail-on", write_report},
    {"quality", "the verdict on texts: what it can tell and how often it errs, in tables", write_quality},
    {"suite", "what a suite says; all diagnostics and limits", write_suite},
    {"passport", "the manifest of an extraction, its root, and what proves it", write_passport},
    {"faults", "experiments: --fault, --undo, --variant, --text-variant, --set", write_faults},
};

const struct help_topic *help_topic_at(size_t index)
{
    return index < sizeof topics / sizeof *topics ? &topics[index] : NULL;
}

const struct help_topic *help_topic_find(const char *name)
{
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (strcmp(topics[i].name, name) == 0)
            return &topics[i];
    return NULL;
}
