#include "cli/command.h"
#include "cli/copy.h"
#include "extraction/extract.h"
#include "faults/fault.h"
#include "passport/original.h"

static int run(struct arguments *arguments)
{
    return copy_run("extract", arguments, true);
}

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
    .judge = copy_judge,
    .run = run,
};
