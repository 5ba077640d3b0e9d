#!/usr/bin/env python3
"""Make the test cases of tokenizers that SentencePiece trained: in GGUF files, with llama.cpp itself, and as models of their own;
and of vocabularies of bytes with ranks, and of WordPiece.

    make_sentencepiece_cases.py -o suites/data/gguf --pieces suites/data/tokens/pieces --llama libllama.so
        [--strings suites/data/tokens/strings.jsonl DIR]

    vocab-KIND.gguf      a small vocabulary
    scored.jsonl         {"kind", "text", "ids", "decoded"}: what llama_tokenize makes of a text (BOS and EOS added as the file
                         says, special tokens found), and llama_detokenize of what lies between BOS and EOS; left out where
                         that is no UTF-8
    bpe.model, unigram.model, ranks.tiktoken, tekken.json, vocab.txt   in --pieces: what make_companion_cases.py opens with transformers

--llama: any shared library that has llama.cpp's C interface; its version is told. --strings writes to DIR/KIND.ids what
llama.cpp makes of many strings, to be compared by hand with `assay tokenize --jsonl`.
"""

import argparse
import base64
import ctypes
import io
import json
import os
import tempfile

import gguf
import make_nano
import make_token_cases
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from transformers.convert_slow_tokenizer import bytes_to_unicode

Type = gguf.TokenType


class Llama:
    """A vocabulary as llama.cpp reads it. The parameters' bytes: `vocab_only` is the first switch behind the pointers."""

    class Params(ctypes.Structure):
        _fields_ = [("bytes", ctypes.c_ubyte * 512)]

    VOCAB_ONLY = 72

    def __init__(self, library, path):
        self.lib = ctypes.CDLL(library)
        self.lib.llama_model_default_params.restype = self.Params
        self.lib.llama_model_load_from_file.restype = ctypes.c_void_p
        self.lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, self.Params]
        self.lib.llama_model_get_vocab.restype = ctypes.c_void_p
        self.lib.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
        ints = ctypes.POINTER(ctypes.c_int)
        self.lib.llama_tokenize.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ints, ctypes.c_int, ctypes.c_bool, ctypes.c_bool]
        self.lib.llama_detokenize.argtypes = [ctypes.c_void_p, ints, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_bool, ctypes.c_bool]
        params = self.lib.llama_model_default_params()
        params.bytes[self.VOCAB_ONLY] = 1
        self.model = self.lib.llama_model_load_from_file(path.encode(), params)
        assert self.model, path
        self.vocab = self.lib.llama_model_get_vocab(self.model)

    def encode(self, text):
        data = text.encode()
        room = -self.lib.llama_tokenize(self.vocab, data, len(data), None, 0, True, True)
        ids = (ctypes.c_int * max(room, 1))()
        return list(ids[: self.lib.llama_tokenize(self.vocab, data, len(data), ids, room, True, True)])

    def decode(self, ids):
        text = ctypes.create_string_buffer(1 << 20)
        size = self.lib.llama_detokenize(self.vocab, (ctypes.c_int * max(len(ids), 1))(*ids), len(ids), text, 1 << 20, False, True)
        return text.raw[:size]


def train(kind, **options):
    model = io.BytesIO()
    lines = iter([line for line in make_nano.CORPUS.splitlines() if line])
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, model_type=kind, hard_vocab_limit=False, minloglevel=2, num_threads=1,
        **options)
    return model.getvalue()


def write(path, model, ties=1, **metadata):
    """As convert_hf_to_gguf.py writes a tokenizer.model. `ties`: so many scores beside each other become one."""
    sp = sentencepiece.SentencePieceProcessor(model_proto=model)
    tokens, scores, types = [], [], []
    for i in range(sp.vocab_size()):
        kinds = ((sp.is_unknown, Type.UNKNOWN), (sp.is_control, Type.CONTROL), (sp.is_unused, Type.UNUSED), (sp.is_byte, Type.BYTE))
        types.append(next((type_ for test, type_ in kinds if test(i)), Type.NORMAL))
        tokens.append(sp.id_to_piece(i))
        scores.append(float(sp.get_score(i) // ties * ties))
    for token, type_ in (("<sep>", Type.USER_DEFINED), ("  ", Type.USER_DEFINED), ("\n\n", Type.USER_DEFINED), ("</s>x", Type.CONTROL),
                         ("", Type.UNUSED)):
        tokens.append(token)
        scores.append(-1000.0)
        types.append(type_)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    for key, value in metadata.items():
        writer.add_bool(f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_words_gguf(path, vocab):
    """As convert_hf_to_gguf.py writes BERT's words."""
    with open(vocab, encoding="utf-8") as file:
        words = file.read().splitlines()
    named = [word.startswith("[") and word.endswith("]") and len(word) > 2 for word in words]
    tokens = [word if name else word[2:] if word.startswith("##") else "\u2581" + word for word, name in zip(words, named)]
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    writer.add_token_types([Type.CONTROL if name else Type.NORMAL for name in named])
    for add, word in ((writer.add_unk_token_id, "[UNK]"), (writer.add_sep_token_id, "[SEP]"), (writer.add_bos_token_id, "[CLS]")):
        add(words.index(word))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


BPE = {"vocab_size": 420, "byte_fallback": True, "character_coverage": 1.0, "normalization_rule_name": "identity",
       "remove_extra_whitespaces": False, "split_digits": True, "allow_whitespace_only_pieces": True}
KINDS = {"llama": {}, "llama-ties": {"ties": 16, "add_space_prefix": False, "add_bos_token": False, "add_eos_token": True}}


def write_pieces(folder):
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        rules = os.path.join(place, "rules.tsv")
        with open(rules, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{ord(a):X}\t{' '.join(f'{ord(c):X}' for c in b)}\n" for a, b in (("\u6f22", "Han"), ("\ufb01", "fi"), ("\uff11", "1")))
        models = {
            "bpe": train("bpe", **BPE, user_defined_symbols=["<sep>", "\u2581\u2581\u2581"], control_symbols=["<ctl>"]),
            "unigram": train("unigram", vocab_size=220, normalization_rule_tsv=rules, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
                             user_defined_symbols=["<sep>", "e h"])}
    for name, model in models.items():
        proto = sentencepiece_model_pb2.ModelProto.FromString(model)
        proto.normalizer_spec.ClearField("normalization_rule_tsv")  # where the rules lay
        model = proto.SerializeToString()
        with open(os.path.join(folder, f"{name}.model"), "wb") as file:
            file.write(model)


def write_ranks(folder):
    """Tokens of bytes with ranks, by merges, and some that no merge of two tokens leads to."""
    spelled = {char: byte for byte, char in bytes_to_unicode().items()}
    vocab = json.loads(make_token_cases.no_normalizer().to_str())["model"]["vocab"]
    ranks = [bytes(spelled[c] for c in token) for token, _ in sorted(vocab.items(), key=lambda item: item[1]) if all(c in spelled for c in token)]
    ranks += [token for token in (b" the river", b"\n\n\n\n", b"aaa", b"aa", "\u4f60\u597d".encode(), b"xyzw") if token not in ranks]
    encoded = [base64.b64encode(token).decode() for token in ranks]
    with open(os.path.join(folder, "ranks.tiktoken"), "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{token} {rank}\n" for rank, token in enumerate(encoded))
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    with open(os.path.join(folder, "tekken.json"), "w", encoding="utf-8") as file:
        json.dump({"config": {"pattern": make_token_cases.LLAMA3_PATTERN.replace("{1,3}", ""), "default_vocab_size": len(ranks) + 5,
                              "default_num_special_tokens": 10, "version": "v3"},
                   "special_tokens": [{"rank": i, "token_str": token, "is_control": True} for i, token in enumerate(special)],
                   "vocab": [{"rank": i, "token_bytes": token, "token_str": None} for i, token in enumerate(encoded)]}, file)
        file.write("\n")


def write_words(folder):
    with open(os.path.join(folder, "..", "variants", "bert", "tokenizer.json"), encoding="utf-8") as file:  # training it again orders ties anew
        vocab = json.load(file)["model"]["vocab"]
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8", newline="\n") as file:
        file.writelines(token + "\n" for token, _ in sorted(vocab.items(), key=lambda item: item[1]))


def row(llama, kind, text, ends):
    ids = llama.encode(text)
    inner = [i for i in ids if i not in ends]
    case = {"kind": kind, "text": text, "ids": ids}
    try:
        return case | {"inner": inner, "decoded": llama.decode(inner).decode()}
    except UnicodeDecodeError:
        return case


def write_strings(llama, kind, places):
    if not places:
        return
    with open(places[0], encoding="utf-8") as file:
        strings = [json.loads(line) for line in file]
    with open(os.path.join(places[1], f"{kind}.ids"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(llama.encode(text), separators=(",", ":")) + "\n" for text in strings)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--pieces", required=True)
    parser.add_argument("--llama", required=True)
    parser.add_argument("--strings", nargs=2)
    args = parser.parse_args()
    write_pieces(args.pieces)
    write_ranks(args.pieces)
    write_words(args.pieces)
    rows = []
    for kind, options in KINDS.items():
        path = os.path.join(args.output, f"vocab-{kind}.gguf")
        write(path, train("bpe", **BPE), **options)
        llama = Llama(args.llama, path)
        rows += [row(llama, kind, text, (1, 2)) for text in make_token_cases.character_texts() + ["the<sep>river  <sep> a", "\n\n\nthe", "</s>x</s> x"]]
        write_strings(llama, kind, args.strings)
    path = os.path.join(args.output, "vocab-bert.gguf")
    write_words_gguf(path, os.path.join(args.pieces, "vocab.txt"))
    llama = Llama(args.llama, path)
    rows += [{"kind": "bert", "text": text, "ids": llama.encode(text)} for text in make_token_cases.character_texts()
             if "\u2581" not in text]  # which is part of how its tokens are spelled
    write_strings(llama, "bert", args.strings)
    make_token_cases.write_lines(os.path.join(args.output, "scored.jsonl"), rows)


if __name__ == "__main__":
    main()
