/* How a byte-level tokenizer of a GGUF file splits words: by the name that its metadata has for it. */
#include <string.h>

#include "store/gguf_internal.h"

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define OF_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define OF_CL100K(digits, spaces)                                                                                      \
    CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" spaces
#define LARGE "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define SMALL "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define OF_O200K(ending, digits)                                                                                       \
    "[^\\r\\n\\p{L}\\p{N}]?" LARGE "*" SMALL "+" ending "|[^\\r\\n\\p{L}\\p{N}]?" LARGE "+" SMALL "*" ending           \
    "|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES
#define OF_BLOOM " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"
#define CHINESE_JAPANESE "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+"
#define OF_DEEPSEEK(spaces)                                                                                            \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"                \
    "| ?[\\p{P}\\p{S}]+" spaces "|\\s+(?!\\S)|\\s+"
#define CHINESE_KOREAN "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+"
/* letters of two cases, as far as the tokenizer was made with them */
#define OF_TWO_CASES                                                                                                   \
    "\\s?[A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}\\x{1c4}-\\x{293}\\x{295}-"      \
    "\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-"     \
    "\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-"        \
    "\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}"         \
    "\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-"        \
    "\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}"           \
    "\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-"        \
    "\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}\\x{2126}"  \
    "\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}" \
    "\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}"          \
    "\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-"        \
    "\\x{fb06}\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}"     \
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}]+"

/* The names that llama.cpp splits alike (llama-vocab.cpp), by the patterns that the tokenizer.json of those models has,
 * which it adapts. Of what it does not do, and their tokenizer.json does, only NFC of the Qwen models is here. */
static const struct gguf_pre rows[] = {
    {.names = {"gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
               "modern-bert", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4"},
     .splits = {OF_GPT2}},
    {.names = {"smollm", "starcoder", "refact", "codeshell", "command-r", "exaone", "minerva-7b", "mellum2"},
     .splits = {OF_GPT2},
     .digits = true},
    {.names = {"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2"}, .splits = {OF_CL100K("\\p{N}", SPACES)}, .nfc = true},
    {.names = {"stablelm2", "megrez", "hunyuan", "solar-open", "grok-2"}, .splits = {OF_CL100K("\\p{N}", SPACES)}},
    {.names = {"qwen35"},
     .splits = {CONTRACTIONS
                "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES},
     .nfc = true},
    {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
               "jina-v5-nano"},
     .splits = {OF_CL100K("\\p{N}{1,3}", SPACES)},
     .ignore_merges = true,
     .bos = true},
    {.names = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, .splits = {OF_CL100K("\\p{N}{1,3}", SPACES)}},
    {.names = {"minicpm5"}, .splits = {"\\p{N}{1,3}", OF_CL100K("\\p{N}+", SPACES)}, .ignore_merges = true},
    {.names = {"jais-2"},
     .splits = {OF_CL100K("\\p{N}{1,3}",
                          "\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|"
                          "\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}")}},
    {.names = {"laguna"}, .splits = {"[^\\n]+|[\\n]+", OF_CL100K("\\p{N}", SPACES)}},
    {.names = {"ufakzeka"}, .splits = {"[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES}},
    {.names = {"seed-coder"},
     .splits = {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" SPACES}},
    {.names = {"bailingmoe", "bailingmoe2", "llada-moe"},
     .splits =
         {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|"
          "\\s+(?!\\S)|\\s+"}},
    {.names = {"exaone-moe"},
     .splits = {CONTRACTIONS
                "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?"
                "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"}},
    {.names = {"tekken"}, .splits = {OF_O200K("", "\\p{N}")}, .ignore_merges = true, .bos = true},
    {.names = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"},
     .splits = {OF_O200K(CONTRACTIONS "?", "\\p{N}{1,3}")}},
    {.names = {"tiny_aya", "cohere2moe"},
     .splits = {"\\d{1,3}(?=(?:\\d{3})*\\b)", OF_O200K(CONTRACTIONS "?", "\\p{N}{1,3}")}},
    {.names = {"youtu"},
     .splits =
         {"[\\x{ac00}-\\x{d7a3}\\x{3131}-\\x{318e}]+|[\\x{ff01}\\x{2026}\\x{201c}\\x{201d}\\x{2018}\\x{2019}\\x{2014}"
          "\\x{ff1a}\\x{ff1b}\\x{ff0c}\\x{3001}-\\x{303f}\\x{fe30}-\\x{fe4f}]+|[\\x{3105}-\\x{312f}]+"
          "|" CHINESE_JAPANESE,
          OF_O200K(CONTRACTIONS "?", "\\p{N}")},
     .ignore_merges = true},
    {.names = {"deepseek-llm"},
     .splits = {"[\\r\\n]", OF_TWO_CASES,
                "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+", "\\s+$",
                CHINESE_KOREAN, "\\p{N}+"}},
    {.names = {"deepseek-coder"}, .splits = {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CHINESE_KOREAN, "\\p{N}"}},
    {.names = {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
     .splits = {"\\p{N}{1,3}", CHINESE_JAPANESE, OF_DEEPSEEK("[\\r\\n]*|\\s*[\\r\\n]+")}},
    {.names = {"spark2_5"}, .splits = {"\\p{N}{1,3}", CHINESE_JAPANESE, OF_DEEPSEEK("|[\\r\\n]"), "\\p{N}"}},
    {.names = {"poro-chat", "bloom", "gpt3-finnish"}, .splits = {OF_BLOOM}},
    {.names = {"viking"}, .splits = {OF_BLOOM, "\\p{N}"}},
    {.names = {"falcon"}, .splits = {"[\\p{P}\\$\\+<=>\\^~\\|`]+", OF_GPT2, "[0-9][0-9][0-9]"}},
    {.names = {"superbpe"}, .splits = {"\\p{N}+", "(?=(\\d{3})+(?!\\d))"}},
    /* what llama.cpp does with a file from before there were names */
    {.names = {"default"}, .splits = {"[\\p{P}\\$\\+<=>\\^~\\|]+", OF_GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

const struct gguf_pre *gguf_pre_find(struct gguf_text name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < GGUF_PRE_NAMES && rows[i].names[k]; k++)
            if (gguf_text_is(name, rows[i].names[k]))
                return &rows[i];
    return NULL;
}

void gguf_pre_put(const struct gguf_pre *pre, struct buffer *out)
{
    buffer_text(out, "{\"type\": \"Sequence\", \"pretokenizers\": [");
    if (pre->digits)
        buffer_text(out, "{\"type\": \"Digits\", \"individual_digits\": true}, ");
    for (size_t i = 0; i < GGUF_PRE_SPLITS && pre->splits[i]; i++) {
        buffer_text(out, "{\"type\": \"Split\", \"behavior\": \"Isolated\", \"invert\": false, "
                         "\"pattern\": {\"Regex\": ");
        gguf_put_string(out, (struct gguf_text){pre->splits[i], strlen(pre->splits[i])});
        buffer_text(out, "}}, ");
    }
    buffer_text(out, GGUF_BYTES_ONLY "]}");
}
