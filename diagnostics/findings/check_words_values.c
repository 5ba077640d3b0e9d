/* Words of what the numbers of the weights tell by themselves, and beside the original's. */
#include "findings/check_words_internal.h"

#define ROW(check, title, means, remedy)                                                                               \
    {                                                                                                                  \
        check, QUESTION_DISK, title, means, remedy                                                                     \
    }
#define FETCH "Fetch the tensor again with assay repair EXTRACTION --source ORIGINAL"

const struct check_words words_of_values[] = {
    ROW("weights.finite", "NaN and infinity in weights",
        "Every value of every tensor is read. One NaN or infinity fails, for it spreads to all later layers and ends "
        "in logits that are not numbers.",
        FETCH ". If the original has the value too, it overflowed when it was converted to float16: convert from "
              "bfloat16 or float32."),
    ROW("weights.constant", "Zero or constant weights",
        "Fails where a tensor is all zero or all one value and the same tensor of other layers or experts is not, or "
        "where 96 or more equal values stand in a row: a page that was never written. A gain of ones is what loaders "
        "put for a norm that they did not find.",
        FETCH ". Blocks of zeros of a whole number of pages point to a copy that was cut short."),
    ROW("weights.bytes", "Byte order and 16-bit types",
        "Tests whether values are of a plausible size as they are read, or only with their bytes in reverse order, or "
        "as the other 16-bit type. A failure means that bfloat16 was labelled float16, the reverse, or that bytes were "
        "swapped.",
        "Correct the data type in the header or the byte order in the converter; assay check MODEL --fault "
        "misread:TENSOR (or byte-swap) tries it without writing."),
    ROW("weights.identical", "Tensors that are copies",
        "Looks for two tensors with the very same values, which training never makes. One of them was overwritten or "
        "read from the wrong place; where most peers are copies, as in experts made from one dense layer, that is "
        "reported and is no fault.",
        FETCH ", the one whose module layers.isolated blames."),
    ROW("weights.initialised", "Weights that were never loaded",
        "Fails where a tensor holds the structureless Gaussian values of a fresh initialisation and the same tensor "
        "elsewhere is trained. Frameworks leave such values, with a warning at most, where a checkpoint has no tensor "
        "of that name.",
        "Compare the names in the checkpoint with those that the loader asks for (assay inspect MODEL), and load or "
        "fetch the tensor."),
    ROW("weights.magnitude", "Size of weights",
        "The size of each tensor is compared with the same tensor of other layers or experts, and the factor is named. "
        "A failure means a scale that was lost or applied twice (a power of two, 127, 255), or one value out of all "
        "proportion.",
        "Look for a scale that belongs to the tensor, as quantised formats store one; assay check MODEL --fault "
        "scale:TENSOR,FACTOR tries the inverse factor without writing."),
    ROW("weights.structure", "Structure of rows and columns",
        "The rows and columns of trained matrices differ in norm far more than chance makes them. A tensor without the "
        "structure that all its peers have is transposed, shuffled, or the gain of another layer.",
        "assay check MODEL --fault transpose:TENSOR tries a transposed matrix without writing. Otherwise fetch the "
        "tensor again with assay repair EXTRACTION --source ORIGINAL."),
    ROW("weights.pairs", "Matrices that work on the same neurons",
        "The rows of up_proj and the columns of down_proj, as of other pairs that share neurons, are shaped by each "
        "other in training. A failure means that rows are in another order than in the partner, or belong to another "
        "layer or expert.",
        FETCH ", together with its partner. If only q_proj and k_proj are named, suspect the row order of another "
              "rotary layout (assay faults lists permute-rows)."),
    ROW("weights.router", "Experts at their rows of the router",
        "An expert that was trained answers to the inputs that its own row of the router asks for. A failure names "
        "experts at a row that is another's, so tokens are sent to the wrong expert; where training left no such tie "
        "the check is skipped.",
        "See whether experts were sorted by name (expert 10 before expert 2) or the router's rows were. Extract the "
        "layer again with assay repair EXTRACTION --source ORIGINAL."),
    ROW("weights.vocabulary", "Token ids and special tokens",
        "Every token of the tokenizer must have a row in embedding and head; an id without one fails. It warns where "
        "config.json, generation_config.json and the tokenizer disagree about special tokens, or none of them names "
        "the token that ends a text.",
        "Take tokenizer, config.json and generation_config.json from one version of the original. If tokens were "
        "added, resize embedding and head."),
    ROW("weights.embedding_rows", "Rows of embedding and head",
        "Looks for rows of ordinary tokens that are zero, not finite or untrained, and for a table that lies some rows "
        "above or below its place. A moved table gives every token the meaning of another one.",
        "Fetch embedding and head again from the original. If the finding says by how many rows the table moved, look "
        "for rows that were inserted or dropped when the vocabulary was resized."),
    ROW("weights.source", "Values against the original's",
        "The values of every tensor are compared with the original's (--source), as relative L2 error; with another "
        "data type, what rounding to it costs is allowed. A failure says how the tensor differs: another tensor, "
        "transposed, a factor, another row order, zeros, or nothing in common.",
        "assay repair EXTRACTION --source ORIGINAL replaces what differs. assay diagnose MODEL --source ORIGINAL says "
        "what each difference costs."),
    ROW("weights.precision", "Weights with fewer bits than gold's",
        "Reports that the weights were rounded or quantised after gold was computed. What rounding to bfloat16 or "
        "float16 costs is measured and allowed, with a warning; quantised weights fail unless the suite says what they "
        "may cost.",
        "Judge a quantised model with --suite suites/quantised.json, or make gold from the rounded weights with "
        "scripts/make_golden.py."),
    {0},
};
