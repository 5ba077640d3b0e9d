#include "cli/command.h"
#include "cli/copy.h"
#include "extraction/extract.h"
#include "faults/fault.h"
#include "passport/original.h"

static int run(struct arguments *arguments)
{
    return copy_run("extract", arguments, true);
}

static const struct option_row options[] = {
    {"undo", 0, "NAME[:ARGS]", "Undo this damage of SOURCE in what is written, as diagnose names it (repeatable)",
     GROUP_WORK, KIND_TEXTS, AT(undos), 0, 0},
    {"fault", 0, "NAME[:ARGS]", "Apply this to SOURCE first, whatever it is for (repeatable)", GROUP_WORK, KIND_TEXTS,
     AT(faults), 0, 0},
    {"golden", 'g', "FILE", "Gold, where --undo solves for weights from it (repeatable)", GROUP_WORK, KIND_TEXTS,
     AT(goldens), 0, 0},
    {0},
};

const struct command command_extract = {
    .name = "extract",
    .does = "write a model as an extraction: one file for each expert, router, attention, norms",
    .args = "SOURCE DEST",
    .doc =
        "Writes SOURCE, a model in any format that assay reads, to the folder DEST: one file for each expert, router, "
        "attention block, pair of norms and so on, config.json, the tokenizer, and a manifest with shard, byte "
        "range, dtype, shape and SHA-256 of every tensor. Every file is read back and compared. If it is interrupted, "
        "run it again: it continues where it stopped.",
    .least = 2,
    .most = 2,
    .sets = OPTIONS_STORE | OPTIONS_PART,
    .options = options,
    .judge = copy_judge,
    .run = run,
};
