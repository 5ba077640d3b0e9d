#include "cli/command.h"
#include "cli/copy.h"

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->faults.count)
        return "--fault NAME[:ARGS] is needed; \"assay faults\" lists them";
    return copy_judge(arguments);
}

static int run(struct arguments *arguments)
{
    return copy_run("break", arguments, false);
}

static const struct option_row options[] = {
    {"fault", 0, "NAME[:ARGS]", "The fault to write, from the catalogue (assay faults; repeatable)", GROUP_WORK,
     KIND_TEXTS, AT(faults), 0, 0},
    {0},
};

const struct command command_break = {
    .name = "break",
    .does = "write a broken copy",
    .args = "MODEL DEST --fault NAME[:ARGS]",
    .doc = "Writes MODEL with faults from the catalogue to the folder DEST, as an extraction.",
    .least = 2,
    .most = 2,
    .sets = OPTIONS_STORE | OPTIONS_PART,
    .options = options,
    .judge = judge,
    .run = run,
};
