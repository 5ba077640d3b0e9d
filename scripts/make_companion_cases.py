#!/usr/bin/env python3
"""Make gold for what lies beside a tokenizer.json: suites/data/readers/tokens.json.

    make_companion_cases.py -o suites/data/readers/tokens.json --nano golden/nano/qwen3 --characters suites/data/tokens/variants/llama2 \\
        --pieces suites/data/tokens/pieces

Each case is a folder with the nano tokenizer and some files beside it, and what AutoTokenizer makes of texts there.
"split" cases have vocab.json and merges.txt in place of tokenizer.json; "own" cases a tokenizer.json that cuts texts
otherwise than any class of the original (OWN); "characters" cases that of --characters; "bpe" and "unigram" cases a SentencePiece
model of that name, from --pieces, and no tokenizer.json ("t5" that of unigram, as spiece.model), "tiktoken", "llama3" and "tekken"
cases a vocabulary of bytes with ranks from there, "words" cases one of WordPiece. Made without mistral-common.
"""

import argparse
import json
import os
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import transformers  # noqa: E402

CLASS = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
CASES = {
    "listed": {"tokenizer_config.json": {**CLASS, "eos_token": "<|im_end|>", "added_tokens_decoder": {
        "900": {"content": "<last>", "lstrip": False, "rstrip": False, "normalized": True, "single_word": False, "special": False},
        "700": {"content": "<first>", "lstrip": True, "rstrip": True, "normalized": False, "single_word": False, "special": True},
    }}},
    "added": {"tokenizer_config.json": CLASS, "added_tokens.json": {"<b>": 3, "<a>": 2, "the": 1},
              "special_tokens_map.json": {"additional_special_tokens": ["<a>", "<c>"],
                                          "eos_token": {"content": "<stop>", "lstrip": True, "rstrip": False,
                                                        "normalized": False, "single_word": False}}},
    "named": {"tokenizer_config.json": {**CLASS, "pad_token": "<pad>", "eos_token": "<stop>",
                                        "additional_special_tokens": ["<a>", "<|im_start|>", "<b>"]}},
    "overridden": {"tokenizer_config.json": {**CLASS, "eos_token": "<a>", "unk_token": None},
                   "special_tokens_map.json": {"eos_token": "<b>", "bos_token": "<stop>"}},
    "own_class": {"tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer"}},
    "own_gpt2": {"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer"}, "config.json": {"model_type": "llama"}},
    "own_family": {"config.json": {"model_type": "qwen3_moe"}},
    "own_forced": {"tokenizer_config.json": CLASS, "config.json": {"model_type": "qwen2"}},
    "own_named": {"config.json": {"model_type": "llama", "tokenizer_class": "Qwen2TokenizerFast"}},
    "own_file": {"tokenizer_config.json": CLASS, "config.json": {"model_type": "qwen3"}},
    "own_llama": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizerFast"}, "config.json": {"model_type": "llama"}},
    "own_mixtral": {"tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer"}, "config.json": {"model_type": "mixtral"}},
    "own_nobody": {"config.json": {"model_type": "llama"}},
    "spaced": {"tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": True}},
    "spaced_gpt2": {"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}},
    "spaced_file": {"tokenizer_config.json": {**CLASS, "add_prefix_space": True}},
    "special_split": {"tokenizer_config.json": {**CLASS, "split_special_tokens": True}},
    "characters_class": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer"}, "config.json": {"model_type": "llama"}},
    "characters_fast": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizerFast", "legacy": False, "add_bos_token": True,
                                                  "add_prefix_space": None, "unk_token": "<unk>"}},
    "characters_legacy": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_prefix_space": True}},
    "characters_unspaced": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False}},
    "characters_mixtral": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "legacy": False},
                           "config.json": {"model_type": "mixtral"}},
    "characters_file": {"tokenizer_config.json": {**CLASS, "add_bos_token": False}},
    "bpe_llama": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": False},
                  "config.json": {"model_type": "llama"}},
    "bpe_legacy": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_eos_token": True, "mask_token": "<a>"}},
    "bpe_lists": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "additional_special_tokens": ["<a>", "<s>"]}},
    "bpe_files": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer"}, "added_tokens.json": {"<b>": 421, "<a>": 420},
                  "special_tokens_map.json": {"additional_special_tokens": ["<a>", "<c>"], "eos_token": "<stop>"}},
    "bpe_gemma": {"config.json": {"model_type": "gemma2"}, "tokenizer_config.json": {"add_bos_token": True, "bos_token": "<s>"}},
    "bpe_mixtral": {"config.json": {"model_type": "mixtral"}, "tokenizer_config.json": {
        "tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "added_tokens_decoder": {
            "3": {"content": "<a>", "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True},
            "420": {"content": "<b>", "lstrip": False, "rstrip": True, "normalized": False, "single_word": False, "special": False}}}},
    "bpe_nobody": {"config.json": {"model_type": "llama"}},
    "unigram_nobody": {"config.json": {"model_type": "llama"}},
    "unigram_plain": {"tokenizer_config.json": {**CLASS, "add_eos_token": True}},
    "t5": {"config.json": {"model_type": "t5"}, "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 5}},
    "t5_listed": {"config.json": {"model_type": "mt5"}, "tokenizer_config.json": {
        "tokenizer_class": "T5Tokenizer", "additional_special_tokens": [f"<extra_id_{i}>" for i in range(100)]}},
    "tiktoken_named": {"config.json": {"model_type": "llama"}, "tokenizer_config.json": {
        **CLASS, "bos_token": "<a>", "add_bos_token": True, "extra_special_tokens": ["<c>"], "added_tokens_decoder": {
            str(id): {"content": content, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}
            for id, content in ((386, "<a>"), (388, "<b>"))}}},
    "llama3_plain": {"config.json": {"model_type": "llama"}},
    "llama3_class": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "extra_special_tokens": ["<a>"]}},
    "tekken_new": {"config.json": {"model_type": "llama"}, "tokenizer_config.json": {"bos_token": "<s>", "add_bos_token": True}},
    "words_class": {"tokenizer_config.json": {"tokenizer_class": "BertTokenizer"}},
    "words_cased": {"config.json": {"model_type": "bert"}, "tokenizer_config.json": {
        "do_lower_case": False, "tokenize_chinese_chars": False, "mask_token": "<a>", "additional_special_tokens": ["<b>"]}},
    "words_accents": {"config.json": {"model_type": "bert"}, "tokenizer_config.json": {"strip_accents": False}},
    "split_gpt2": {"config.json": {"model_type": "gpt2"}},
    "split_spaced": {"tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": True}},
    "split": {"config.json": {"model_type": "qwen3"}},
    "split_moe": {"config.json": {"model_type": "qwen2_moe"}, "tokenizer_config.json": {"eos_token": "<|im_end|>"}},
}
OWN = {"normalizer": None, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "[a-m]"}, "behavior": "Isolated", "invert": False},
    {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}}
TEXTS = ["the house <first> stands <last>at", "x<a>y <b> z<c>", "the end <stop> <stop>", "<pad><pad> <|im_start|>the<|im_end|>",
         "It's 2018, DON'T 12345", "  <first>  \n", "Gr\u00f6\u00dfe e\u0301 \u00e9", "<b><a><c><last>", "", "mother the theme",
         "</s>the </s> river<s>  of", " the", "the<sep>river  <ctl> \u6f22<extra_id_3>x \uff11\ufb01 ", "\n\nthe\u2581\u2581\u2581river"]


def write_split(source, folder):
    with open(source, encoding="utf-8") as file:
        tokenizer = json.load(file)
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer["model"]["vocab"], file)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(merges) + "\n")


PIECES = {"bpe": ("bpe.model", "tokenizer.model"), "unigram": ("unigram.model", "tokenizer.model"), "t5": ("unigram.model", "spiece.model"),
          "tiktoken": ("ranks.tiktoken", "tiktoken.model"), "llama3": ("ranks.tiktoken", "tokenizer.model"), "tekken": ("tekken.json", "tekken.json"),
          "words": ("vocab.txt", "vocab.txt")}


def make_case(nano, characters, pieces, name, files):
    source = os.path.join(characters if name.startswith("characters") else nano, "tokenizer.json")
    with tempfile.TemporaryDirectory() as folder:
        if name.split("_")[0] in PIECES:
            model, placed = PIECES[name.split("_")[0]]
            shutil.copyfile(os.path.join(pieces, model), os.path.join(folder, placed))
        elif name.startswith("split"):
            write_split(source, folder)
        else:
            with open(source, encoding="utf-8") as file:
                tokenizer = json.load(file) | (OWN if name.startswith("own") else {})
            with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
                json.dump(tokenizer, file)
        for file_name, content in files.items():
            with open(os.path.join(folder, file_name), "w", encoding="utf-8") as file:
                json.dump(content, file)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        print(name, type(tokenizer).__name__)
        return {"files": files, "ids": [tokenizer(text)["input_ids"] for text in TEXTS]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--nano", required=True, help="golden/nano/qwen3")
    parser.add_argument("--characters", required=True, help="suites/data/tokens/variants/llama2")
    parser.add_argument("--pieces", required=True, help="suites/data/tokens/pieces")
    args = parser.parse_args()
    cases = {name: make_case(args.nano, args.characters, args.pieces, name, files) for name, files in CASES.items()}
    with open(args.output, "w", encoding="utf-8") as file:
        json.dump({"transformers": transformers.__version__, "texts": TEXTS, "own": OWN, "cases": cases}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
