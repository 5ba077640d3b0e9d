/* Words of what is missing or different on disk: names, shapes and files; and where the model comes from. */
#include "findings/check_words_internal.h"

#define ROW(check, title, means, remedy)                                                                               \
    {                                                                                                                  \
        check, QUESTION_DISK, title, means, remedy                                                                     \
    }

const struct check_words words_of_inventory[] = {
    ROW("inventory.absent", "Absent tensors",
        "The tensors that config.json calls for are looked up in the files; in an unknown family, each layer is "
        "compared with the others. A failure names the tensors that are not there: a program that computes without "
        "them puts ones or nothing in their place.",
        "Run assay inspect MODEL --source ORIGINAL to see what the gaps have in common. assay repair EXTRACTION "
        "--source ORIGINAL then fetches what is absent and nothing else."),
    ROW("inventory.pattern", "What absent tensors have in common",
        "Searches for the rule that describes the absent tensors in the fewest bits: one shard read per layer, a lost "
        "shard, a range of layers, the last step of a loop left out. It fails whenever tensors are absent, and names "
        "the rule, or says that the gaps follow none.",
        "Mend the extractor where the rule points before you extract again. With --source ORIGINAL, or its index file "
        "alone, rules about shards are tried too."),
    ROW("inventory.incomplete", "Blocks that are there only in part",
        "Looks for experts, attention blocks, pairs of norms and the like of which some tensors are there and others "
        "are not. Half an expert computes nothing; such blocks usually lay across two shards of which one was read.",
        "Fetch the other half with assay repair EXTRACTION --source ORIGINAL."),
    ROW("inventory.blast", "How many tokens meet the gaps",
        "Counts the share of tokens that pass through something absent: by the router logits in gold, where --golden "
        "gives some, and as if routing were uniform. Any share above zero fails.",
        "Restore first what every token meets, which is norms, attention, routers, embedding and head; experts come "
        "after. assay repair EXTRACTION --source ORIGINAL works in that order."),
    ROW("inventory.misnamed", "Misnamed tensors",
        "Pairs each tensor that config.json does not call for with the absent tensor whose name, numbers and shape are "
        "nearest. A failure means that a tensor is there under a name by which no reader finds it, such as gamma for "
        "weight.",
        "Rename the tensors as the finding says and write them again; the report lists the expected name beside each."),
    ROW("inventory.extra", "Tensors that nothing reads",
        "Lists tensors that neither config.json calls for nor another component (vision, audio, talker) owns. This is "
        "a warning and never a failure, for a tensor that nothing reads changes no result.",
        "See whether one of them is an absent tensor under another name (inventory.misnamed), or belongs to another "
        "version of the model. Otherwise leave it or delete it."),
    ROW("inventory.shape", "Shapes",
        "The shape of each tensor is compared with the one that config.json implies, or, in an unknown family, with "
        "the same tensor of other layers. A failure means a wrong tensor, a transposed one, or a config.json of "
        "another model.",
        "If inventory.configuration fails as well, correct config.json as it says. Otherwise fetch the tensor again "
        "with assay repair EXTRACTION --source ORIGINAL."),
    ROW("inventory.dtype", "Data types",
        "Fails where a tensor has a data type that cannot be computed with, and warns where one has another type than "
        "most tensors of its kind. A model that was converted as a whole is not reported.",
        "Convert the named tensors to the type of the others (BF16, F16 or F32), or fetch them again with assay repair "
        "EXTRACTION --source ORIGINAL."),
    ROW("inventory.files", "Files that cannot be read",
        "Every weight file is opened, and its size must be what its header implies. A failure means that a file is "
        "truncated, malformed or something else altogether, such as a Git LFS pointer or an HTML page, and that its "
        "tensors are lost; weights that lie unread beside it are a warning.",
        "Download or extract the named file again and compare its size with the original's. assay repair EXTRACTION "
        "--source ORIGINAL replaces broken files of an extraction."),
    ROW("inventory.duplicates", "Tensors stored twice",
        "Looks for one tensor name in two files, or twice in one. Readers differ in which of the two they take, so the "
        "model is another one for each of them.",
        "Delete the copy that is wrong. Where it is not clear which, assay inspect MODEL --source ORIGINAL --values "
        "tells whether the copy in use is the original's."),
    ROW("inventory.misplaced", "Tensors in the wrong file",
        "In an extraction each file's name says which block, layer and expert it holds, and its tensors must be those. "
        "A failure usually means that layers or experts were exchanged when files were named.",
        "assay repair EXTRACTION --source ORIGINAL writes each tensor into the file where it belongs."),
    ROW("inventory.biases", "Biases in some layers only",
        "In families whose configuration does not say whether there are biases, looks for a bias that some layers have "
        "and others have not. It is a warning, for only the tensors themselves tell; where one is absent, nothing is "
        "added.",
        "Look in the original whether those layers have the bias: assay inspect MODEL --source ORIGINAL. If they do, "
        "extract them again."),
    ROW("inventory.head", "Output head",
        "Reports a model without a head over the vocabulary, which writes no text, and warns where lm_head.weight is "
        "stored and differs from the embedding although tie_word_embeddings is true. In the second case readers "
        "disagree about which of the two to use.",
        "If the model is to write, fetch lm_head.weight from the original. Where both are stored and differ, set "
        "tie_word_embeddings to false, or leave the head out if the embedding is meant."),
    ROW("inventory.configuration", "Configuration against the tensors",
        "Looks for another value of a key of config.json, such as the number of layers or experts or the size of a "
        "head, with which tensors that seem absent or misshapen fit. A failure means that config.json belongs to "
        "another model than the tensors, or is stale.",
        "Correct the key as the finding says, or take config.json from the original. Try it first without writing: "
        "assay check MODEL --set KEY=VALUE."),
    ROW("inventory.computable", "Whether the model can be computed",
        "Reports a model whose family, rope type, activation or quantisation cannot be computed here, "
        "so that nothing is known about its activations. It fails where matrices are quantised and config.json does "
        "not say so, for other programs then find wrong shapes.",
        "Files, names and values are checked all the same; compare the computation by two dumps: assay compare GOLD "
        "DUMP. If quantisation_config is absent from config.json, put it back."),
    {0},
};

const struct check_words words_of_provenance[] = {
    ROW("tokens.ids", "Prompts as token ids",
        "Gold's prompts are encoded with the model's tokenizer, and the ids must be gold's, one by one. A failure "
        "means that the model is asked something else than gold was, whatever its weights are.",
        "Take all tokenizer files from the original (--tokenizer ORIGINAL to try), and see whether a special token is "
        "added or left out at the beginning. assay diagnose MODEL --golden GOLD tries the usual departures of a "
        "tokenizer."),
    ROW("tokens.reader", "Tokenizer that readers read differently",
        "A warning that the tokenizer cannot be read, or that its class has other rules than tokenizer.json, so that "
        "transformers 4 and 5 give some texts different ids.",
        "Say which reader the model is for and use its rules everywhere. If the tokenizer cannot be read, take its "
        "files from the original (--tokenizer ORIGINAL)."),
    ROW("tokens.source", "Two tokenizers on the same strings",
        "Where two tokenizers are at hand, the model's and the original's, 500 strings of many languages and signs are "
        "encoded with both. A failure shows strings that get different ids.",
        "Copy the tokenizer files of the original over those of the model, all of them together."),
    ROW("config.gold", "Configuration against gold's",
        "The configuration of the model is compared with the one that gold was made for. A key that changes no "
        "computation is only reported, and a size that differs (layers, experts, rows of the vocabulary) is a warning; "
        "any other difference, "
        "as in rope_theta, a window or a bias, fails.",
        "If config.json is wrong, take it from the original; assay check MODEL --set KEY=VALUE tries one key. If gold "
        "belongs to another model, make new gold with scripts/make_golden.py."),
    ROW("gold.weights", "Weights that gold was made from",
        "Compares the SHA-256 over all tensors of the text model with the one that gold records. A failure means that "
        "at least one byte of one tensor is not the original's.",
        "Find the tensors with assay inspect MODEL --values --source ORIGINAL, or assay verify MODEL --source "
        "ORIGINAL. If the weights are meant to differ, judge them with --suite suites/quantised.json."),
    ROW("passport.root", "Root of the passport",
        "The Merkle root written in extraction_manifest.json is computed again from its rows. A failure means that the "
        "manifest cannot be read or was edited, that the extraction is unfinished or covers a part of the model, or "
        "that faults were planted on purpose.",
        "Compare the root with one from elsewhere: assay verify ORIGINAL --root. Write the passport anew with assay "
        "extract ORIGINAL EXTRACTION."),
    ROW("passport.files", "Files against the passport",
        "Every file that the passport lists must be there with its size and the SHA-256 of its header, and no other "
        "weight file may lie among them. A failure names files that are absent, changed or not in the passport.",
        "assay repair EXTRACTION --source ORIGINAL fetches files that are wrong and moves strangers to set_aside."),
    ROW("passport.tensors", "Tensor bytes against the passport",
        "The SHA-256 over the bytes of every tensor must be the one in the passport. A failure is a tensor that "
        "changed "
        "after it was extracted, by a bad disk, a broken copy or an edit.",
        "assay repair EXTRACTION --source ORIGINAL replaces exactly these tensors; check the disk if it happens "
        "again."),
    ROW("passport.companions", "Configuration and tokenizer files",
        "config.json and the tokenizer files are part of the model: each must have the SHA-256 that the passport "
        "gives, and none may lie beside them that the passport does not know.",
        "Copy the named file from the original, or run assay repair EXTRACTION --source ORIGINAL."),
    ROW("passport.expected", "Passport covers the whole model",
        "Every tensor that config.json calls for must be in the passport with the right shape. A failure means that "
        "the extraction is complete only by its own list, and lacks a part of the model.",
        "assay inspect EXTRACTION --source ORIGINAL says what is absent and why; assay repair EXTRACTION --source "
        "ORIGINAL fetches it."),
    ROW("passport.source", "Bytes against the original's",
        "Every tensor and every companion file is compared, byte for byte, with the original given with --source. A "
        "tensor that differs, is absent or is not in the original fails; where all that differs is the data type, and "
        "the values are what rounding makes of them, repair warns.",
        "assay repair EXTRACTION --source ORIGINAL makes it the original again and touches nothing that is right."),
    ROW("repair", "What was repaired",
        "Counts the files that assay repair wrote, left alone and moved to set_aside. It warns where tensors are "
        "stored in another data type than the original's and were left so.",
        "Prove the result with assay check EXTRACTION --golden GOLD. To store the original's data type, extract anew: "
        "assay extract ORIGINAL EXTRACTION."),
    ROW("restored", "Weights solved for from gold",
        "Without the original, assay repair solves for what gold's activations determine: gains, routers, heads, "
        "biases, a shared expert's gate, a factor on a matrix or the order of its rows, the embedding's rows of gold's "
        "tokens. It writes a tensor only if its module then equals gold, and no other explains what is wrong as well. "
        "A warning names what is not determined.",
        "Fetch what gold does not determine from the original, or make gold with more tokens: a router or a head takes "
        "more tokens than it has columns."),
    {0},
};
