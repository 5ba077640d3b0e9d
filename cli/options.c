#include "cli/options.h"

#define THREADS_MAX 1024

static const struct shared_row {
    enum option_set set;
    struct option_row option;
} shared[] = {
    {OPTIONS_GOLD,
     {"golden", 'g', "FILE", "Golden dump to compare with (repeatable)", GROUP_WORK, KIND_TEXTS, AT(goldens), 0, 0}},
    {OPTIONS_SUITE,
     {"suite", 's', "NAME|FILE", "Suite: what to run, with which limits (assay suites lists them; default: default)",
      GROUP_WORK, KIND_TEXT, AT(suite), 0, 0}},
    {OPTIONS_SUITE,
     {"only", 0, "CHECK,...",
      "Run only these of the suite's diagnostics (listed below) and checks (assay help checks): "
      "layers,weights.finite,'text.*'",
      GROUP_WORK, KIND_TEXT, AT(only), 0, 0}},
    {OPTIONS_SUITE,
     {"skip", 0, "CHECK,...", "Run all but these; the report lists what was left out as skipped", GROUP_WORK, KIND_TEXT,
      AT(skip), 0, 0}},
    {OPTIONS_SUITE,
     {"cases", 0, "GLOB", "Compare only the cases of gold whose id matches, such as 'prompt-*' (repeatable)",
      GROUP_WORK, KIND_TEXTS, AT(cases), 0, 0}},
    {OPTIONS_TAGS,
     {"tag", 0, "NAME",
      "Use only the prompts of the suite that have this tag, and its limits with this tag in place of those without "
      "(repeatable: prompts with any of the tags)",
      GROUP_WORK, KIND_TEXTS, AT(tags), 0, 0}},
    {OPTIONS_WINDOWS,
     {"text", 't', "FILE", "Text (UTF-8) to take the perplexity of (:english, one that is built in)", GROUP_WORK,
      KIND_TEXT, AT(text), 0, 0}},
    {OPTIONS_WINDOWS,
     {"context", 0, "N", "Tokens in a window of the text (default: 512, or the whole text if shorter)", GROUP_WORK,
      KIND_COUNT, AT(context), 2, 0}},
    {OPTIONS_WINDOWS,
     {"stride", 0, "N", "Tokens from the start of one window to the start of the next (default: half the context)",
      GROUP_WORK, KIND_COUNT, AT(stride), 1, 0}},
    {OPTIONS_CHUNK,
     {"chunk", 0, "N", "Feed N tokens at a time through the cache, as decoding does (default: all at once)", GROUP_WORK,
      KIND_COUNT, AT(chunk), 1, 0}},
    {OPTIONS_CHAT,
     {"chat", 0, NULL, "Treat the prompt as a question and wrap it in the model's own chat template", GROUP_WORK,
      KIND_FLAG, AT(chat), 0, 0}},
    {OPTIONS_JUDGE,
     {"rules", 0, "FILE", "Rules by which texts are judged (default: suites/quality.json, built in)", GROUP_WORK,
      KIND_TEXT, AT(rules), 0, 0}},
    {OPTIONS_JUDGE,
     {"judge", 0, "MODEL", "A model that says whether texts follow from their prompts: the original, or any other",
      GROUP_WORK, KIND_TEXT, AT(judge), 0, 0}},
    {OPTIONS_REPORT,
     {"fail-on", 0, "any|degraded|broken|warn|skip",
      "What makes the exit status 1. any: a check that fails (default); degraded, broken: a failure of that severity "
      "or worse, or of unknown severity; warn: a warning too; skip: a warning, or a check that was skipped and that "
      "--only, --skip or --cases did not leave out",
      GROUP_WORK, KIND_CHOICE, AT(fail_on), 0, 0}},
    {OPTIONS_REPORT,
     {"verbose", 0, NULL, "Print every check, and where it fails (default: the answer, and what failed)", GROUP_TALK,
      KIND_FLAG, AT(verbose), 0, 0}},
    {OPTIONS_REPORT, {"strict", 0, NULL, "The same as --fail-on skip", GROUP_WORK, KIND_FLAG, AT(strict), 0, 0}},
    {OPTIONS_REPORT,
     {"output", 'o', "DIR", "Write report.html, report.json, junit.xml, report.sarif, report.tap and summary.md there",
      GROUP_WORK, KIND_TEXT, AT(out), 0, 0}},
    {OPTIONS_REPORT,
     {"history", 0, "DB",
      "Add this run to the history in this file, which is created if absent (assay history shows it)", GROUP_WORK,
      KIND_TEXT, AT(history), 0, 0}},
    {OPTIONS_PART,
     {"only", 0, "KINDS",
      "Only files of these kinds: experts, routers, attention, mlp, norms, embeddings, final_norm, "
      "lm_head; several with commas",
      GROUP_WORK, KIND_TEXT, AT(only), 0, 0}},
    {OPTIONS_PART, {"layers", 0, "A-B", "Only files of these layers", GROUP_WORK, KIND_TEXT, AT(layers), 0, 0}},

    {OPTIONS_CONFIG,
     {"config", 0, "FILE", "config.json (default: in the weights' file, beside it, else in --source)", GROUP_MODEL,
      KIND_TEXT, AT(config), 0, 0}},
    {OPTIONS_TOKENIZER,
     {"tokenizer", 0, "DIR", "Folder of the tokenizer (default: in the weights' file, beside it, else in --source)",
      GROUP_MODEL, KIND_TEXT, AT(tokenizer), 0, 0}},
    {OPTIONS_SOURCE,
     {"source", 0, "DIR",
      "The original checkpoint, or its index file alone: gives configuration and tokenizer, and tells in which file "
      "each tensor was",
      GROUP_MODEL, KIND_TEXT, AT(source), 0, 0}},
    {OPTIONS_ORIGINAL, {"source", 0, "DIR", "The original model", GROUP_MODEL, KIND_TEXT, AT(source), 0, 0}},
    {OPTIONS_THREADS,
     {"threads", 0, "N", "Threads (default: one for each processor)", GROUP_MODEL, KIND_COUNT, AT(threads), 1,
      THREADS_MAX}},
    {OPTIONS_ENGINE,
     {"fault", 0, "NAME[:ARGS]",
      "Compute as if the weights had this fault; no file is changed (assay faults lists them; repeatable)", GROUP_MODEL,
      KIND_TEXTS, AT(faults), 0, 0}},
    {OPTIONS_ENGINE,
     {"undo", 0, "NAME[:ARGS]",
      "Compute as if this damage of the weights were undone, as diagnose names it: the catalogue of --fault, "
      "laid after all of those; no file is changed (repeatable)",
      GROUP_MODEL, KIND_TEXTS, AT(undos), 0, 0}},
    {OPTIONS_ENGINE,
     {"set", 0, "KEY=VALUE", "Compute with another value of a key of config.json, such as rope_theta=1e6 (repeatable)",
      GROUP_MODEL, KIND_TEXTS, AT(settings), 0, 0}},
    {OPTIONS_ENGINE,
     {"variant", 0, "NAME[:ARGS]",
      "Compute with a variant of the architecture, as a wrong implementation would (assay faults lists them; "
      "repeatable)",
      GROUP_MODEL, KIND_TEXTS, AT(variants), 0, 0}},
    {OPTIONS_ENGINE,
     {"text-variant", 0, "NAME",
      "Read texts with a variant of the tokenizer, as a wrong implementation would (assay faults lists them; "
      "repeatable)",
      GROUP_MODEL, KIND_TEXTS, AT(text_variants), 0, 0}},
    {OPTIONS_ENGINE,
     {"memory", 0, "SIZE",
      "Most memory for weights that are kept between decoding steps, such as 512M or 8G (default: 8G, or a third of "
      "the "
      "machine's or the container's)",
      GROUP_MODEL, KIND_SIZE, AT(memory), 1, 0}},
    {OPTIONS_ENGINE,
     {"cache-experts", 0, "N",
      "Most experts, of all layers together, that are kept in memory; the least recently used is dropped first "
      "(default: as many as fit into --memory)",
      GROUP_MODEL, KIND_COUNT, AT(cache_experts), 1, 0}},
    {OPTIONS_ENGINE,
     {"missing", 0, "fail|default|zero",
      "What to do about an absent tensor. fail: refuse; default: what a careless loader does (a norm becomes ones, "
      "anything else adds nothing); zero: take zeros",
      GROUP_MODEL, KIND_CHOICE, AT(missing), 0, 0}},
    {OPTIONS_ENGINE,
     {"sums", 0, "double|float",
      "Precision in which products are summed: double (default where activations are compared), or float, which is "
      "float32 and faster",
      GROUP_MODEL, KIND_CHOICE, AT(sums), 0, 0}},

    {OPTIONS_TALK, {"json", 0, NULL, "JSON on stdout instead of text", GROUP_TALK, KIND_FLAG, AT(json), 0, 0}},
    {OPTIONS_TALK,
     {"quiet", 'q', NULL, "Print no messages and no progress on stderr", GROUP_TALK, KIND_FLAG, AT(quiet), 0, 0}},
    {OPTIONS_TALK, {"help", 'h', NULL, "Give this help list", GROUP_HELP, KIND_HELP, 0, 0, 0}},
    {OPTIONS_TALK, {"usage", 0, NULL, "Give a short usage message", GROUP_HELP, KIND_USAGE, 0, 0, 0}},
};

const struct option_row *option_at(unsigned sets, const struct option_row *own, size_t index)
{
    sets |= sets & OPTIONS_BARE ? 0 : OPTIONS_TALK;
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        if (shared[i].set & sets && index-- == 0)
            return &shared[i].option;
    for (size_t i = 0; own && own[i].name; i++)
        if (index-- == 0)
            return &own[i];
    return NULL;
}
