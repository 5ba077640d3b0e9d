/* verify: is it that model? */
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/passport_print.h"
#include "cli/say.h"
#include "passport/proof.h"

static struct proof proof_of(const struct arguments *arguments)
{
    return (struct proof){
        .folder = arguments->positional[0], .source = arguments->source, .threads = (int)arguments->threads};
}

static void describe(const struct proof *proof, struct report *report)
{
    const struct passport *passport = proof_passport(proof);
    report_set(&report->subject.path, "%s", proof->folder);
    report_set(&report->subject.format, "%s", proof->subject.store ? store_format(proof->subject.store) : "extraction");
    report->subject.tensors = (double)passport->tensor_count;
    for (size_t i = 0; i < passport->tensor_count; i++)
        report->subject.bytes += (double)passport->tensors[i].bytes;
    report->machine.threads = pool_threads(proof->pool);
    if (findings_verdict(&report->findings) != VERDICT_FAIL)
        report_set(&report->subject.summary, "model %s", passport->root);
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct proof proof = proof_of(arguments);
    bool good = proof_open(&proof, error) && proof_verify(&proof, &report->findings, error);
    if (good)
        describe(&proof, report);
    if (good && !arguments->json && findings_verdict(&report->findings) != VERDICT_FAIL)
        print_identity(proof.folder, proof_passport(&proof), proof.source, proof.source ? &proof.taken : NULL, 0);
    proof_free(&proof);
    return good;
}

static void print_root(const struct arguments *arguments, const char *root)
{
    if (!arguments->json) {
        say(stdout, "%s  %s\n", root, arguments->positional[0]);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", arguments->positional[0]);
    cJSON_AddStringToObject(json, "root", root);
    json_print(json, false);
}

/* Of what lies there, whatever a passport says. */
static int root_only(const struct arguments *arguments)
{
    struct proof proof = proof_of(arguments);
    struct error error = {0};
    bool good = proof_take(&proof, &error);
    if (good)
        print_root(arguments, proof.found.root);
    proof_free(&proof);
    return good ? EXIT_PASS : command_error("verify", &error);
}

static const char *judge(const struct arguments *arguments)
{
    return arguments->root && arguments->out ? "--root judges nothing, so there is no report for -o" : NULL;
}

static int run(struct arguments *arguments)
{
    return arguments->root ? root_only(arguments) : command_judge("verify", arguments, work);
}

static const struct option_row options[] = {
    {"root", 0, NULL, "Print the root of the model as it lies there, and judge nothing", GROUP_WORK, KIND_FLAG,
     AT(root), 0, 0},
    {0},
};

const struct command command_verify = {
    .name = "verify",
    .does = "prove an extraction by its passport, or by its original",
    .args = "DEST",
    .doc = "Compares every byte of the extraction DEST with its passport, and with --source with the original: names "
           "the files and tensors that changed, and tells whether the whole model is there. Without a passport, "
           "--source proves the same of a model in any format that assay reads.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_ORIGINAL | OPTIONS_THREADS | OPTIONS_REPORT,
    .options = options,
    .judge = judge,
    .run = run,
};
