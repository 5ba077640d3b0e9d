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
    {"fault", 0, "NAME[:ARGS]",
     "Lay this over MODEL first: one that undoes a damage, as diagnose names it (repeatable)", GROUP_WORK, KIND_TEXTS,
     AT(faults), 0, 0},
    {"golden", 'g', "FILE", "Gold, for a fault that solves for weights (repeatable)", GROUP_WORK, KIND_TEXTS,
     AT(goldens), 0, 0},
    {0},
};

const struct command command_extract = {
    .name = "extract",
    .does = "write a model as an extraction: one file for each expert, router, attention, norms",
    .args = "SOURCE DEST",
    .doc = "Writes SOURCE, anything that a store opens, to the folder DEST: one file for each expert, router, "
           "attention block, pair of norms and so on, config.json, the tokenizer, and a manifest with shard, byte "
           "range, dtype, shape and SHA-256 of every tensor. Every file is read back and compared. Killed and run "
           "again, it goes on where it was.",
    .least = 2,
    .most = 2,
    .sets = OPTIONS_STORE | OPTIONS_PART,
    .options = options,
    .judge = copy_judge,
    .run = run,
};
