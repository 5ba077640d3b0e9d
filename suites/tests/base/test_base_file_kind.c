/* What a file is that cannot be read as what it was taken for. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/json.h"
#include "base_fixture.h"
#include "fixtures.h"

static void make(void)
{
    scratch_make();
}

TestSuite(file_kind, .init = make, .fini = scratch_remove, .timeout = 60);

#define POINTER "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4976698672\n"
#define ZIP(name_length, name) "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" name_length "\0\0\0" name
#define BYTES(text) text, sizeof(text) - 1

static const struct kind_case {
    const char *name, *data;
    size_t size;
    enum file_kind wanted;
    const char *says; /* NULL: nothing is known of it */
} cases[] = {
    {"model.safetensors", BYTES(POINTER), FILE_SAFETENSORS,
     "is a Git LFS pointer to 4976698672 bytes, not the file itself: fetch that (git lfs pull)"},
    {"model.gguf", BYTES(POINTER), FILE_GGUF, "is a Git LFS pointer to 4976698672 bytes"},
    {"tokenizer.json", BYTES(POINTER), FILE_TEXT, "is a Git LFS pointer to 4976698672 bytes"},
    {"a.safetensors", BYTES("version https://git-lfs.github.com/spec/v1\n"), FILE_SAFETENSORS, "is text"},
    {"a.bin", BYTES("# xet version 0\n"), FILE_SAFETENSORS, "is a Xet pointer"},
    {"a.bin", BYTES("/annex/objects/MD5E-s12--34\n"), FILE_SAFETENSORS, "is a git-annex pointer"},
    {"model.gguf", BYTES("\xEF\xBB\xBF\r\n <!DOCTYPE HTML><html>"), FILE_SAFETENSORS, "is an HTML page"},
    {"config.json", BYTES("<html><body>Sign in"), FILE_TEXT, "is an HTML page"},
    {"a.safetensors", BYTES("<?xml version='1.0'?><Error>"), FILE_SAFETENSORS, "is an XML page"},
    {"a.safetensors", BYTES("Entry not found"), FILE_SAFETENSORS, "is text, which begins \"Entry not found\""},
    {"a.safetensors", BYTES("Access to it is restricted.\nSign in\n"), FILE_SAFETENSORS,
     "begins \"Access to it is restricted.\""},
    {"a.safetensors", BYTES(" {\"error\": \"gated\"}"), FILE_SAFETENSORS, "is JSON, no weights"},
    {"config.json", BYTES("{\"broken"), FILE_TEXT, NULL},
    {"a.safetensors", BYTES(""), FILE_SAFETENSORS, "is empty (0 bytes)"},
    {"a.safetensors", BYTES("a\1"), FILE_SAFETENSORS, NULL},
    {"m.gguf.part1of2", BYTES("GGUF\3"), FILE_GGUF,
     "is piece 1 of 2 of a file that was cut: join them all: cat $(ls -v m.gguf.part*) > m.gguf"},
    {"m.gguf.part12of12", BYTES("\1\2"), FILE_SAFETENSORS, "is piece 12 of 12 of a file that was cut"},
    {"m.Q4_0.gguf-split-b", BYTES("\1\2"), FILE_SAFETENSORS,
     "is piece b of a file that was cut: join them all: cat $(ls -v m.Q4_0.gguf-split-*) > m.Q4_0.gguf"},
    {"m.safetensors.part-00003", BYTES("\1\2"), FILE_SAFETENSORS, "is piece 00003 of a file"},
    {"m.gguf.002", BYTES("\1\2"), FILE_SAFETENSORS, "cat $(ls -v m.gguf.[0-9][0-9][0-9]) > m.gguf"},
    {"m.gguf.ab", BYTES("\1\2"), FILE_SAFETENSORS, "cat $(ls -v m.gguf.[a-z][a-z]) > m.gguf"},
    {"m.party", BYTES("\1\2"), FILE_SAFETENSORS, NULL},
    {"model-00001-of-00002.safetensors", BYTES("\1\2"), FILE_SAFETENSORS, NULL},
    {"a.gguf.incomplete", BYTES("GGUF\3"), FILE_GGUF, "is a download that has not ended (.incomplete)"},
    {"a.safetensors.crdownload", BYTES("\1"), FILE_SAFETENSORS, "is a download that has not ended (.crdownload)"},
    {"a.gguf.part", BYTES("GGUF\3"), FILE_GGUF, "is a download that has not ended (.part)"},
    {"pytorch_model.bin", BYTES(ZIP("\x10", "archive/data.pkl")), FILE_SAFETENSORS, "is a PyTorch file"},
    {"model.safetensors", BYTES(ZIP("\x10", "archive/data.pkl")), FILE_SAFETENSORS, "is a PyTorch file"},
    {"a.pth", BYTES(ZIP("\x01", "x")), FILE_SAFETENSORS, "is a PyTorch file"},
    {"a.pt", BYTES("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."), FILE_SAFETENSORS,
     "is a PyTorch file of the kind before version 1.6"},
    {"a.pkl", BYTES("\x80\x04\x95"), FILE_SAFETENSORS, "is a Python pickle"},
    {"a.npz", BYTES(ZIP("\x07", "ids.npy")), FILE_SAFETENSORS, "is an archive of numpy arrays"},
    {"a.npy", BYTES("\x93NUMPY\1\0"), FILE_SAFETENSORS, "is a numpy array"},
    {"a.npy", BYTES("\x93NUMPY\1\0"), FILE_NUMPY, NULL},
    {"a.zip", BYTES(ZIP("\x05", "a.txt")), FILE_SAFETENSORS, "is a zip archive"},
    {"a.safetensors", BYTES("PK\3\4"), FILE_SAFETENSORS, "is a zip archive"},
    {"a.7z", BYTES("7z\xBC\xAF\x27\x1C\0"), FILE_SAFETENSORS, "is a 7z archive"},
    {"a.gz", BYTES("\x1F\x8B\x08"), FILE_SAFETENSORS, "is compressed with gzip"},
    {"a.zst", BYTES("\x28\xB5\x2F\xFD"), FILE_SAFETENSORS, "is compressed with zstd"},
    {"tf_model.h5", BYTES("\x89HDF\r\n\x1a\n"), FILE_SAFETENSORS, "is an HDF5 file"},
    {"flax_model.msgpack", BYTES("\x81\xa5"), FILE_SAFETENSORS, "holds Flax weights"},
    {"model.onnx", BYTES("\x08\x07\x12\x07pytorch"), FILE_SAFETENSORS, "is an ONNX graph"},
    {"model.bin", BYTES("\x08\x07\x12\x07pytorch"), FILE_SAFETENSORS, "is an ONNX graph"},
    {"ggml-model-q4_0.bin", BYTES("tjgg\3\0"), FILE_SAFETENSORS, "is a GGML file"},
    {"tokenizer.model", BYTES("\x0a\x0e\x0a\x05<unk>\x15"), FILE_TEXT,
     "is a SentencePiece model; a tokenizer is read from the folder"},
    {"a.llamafile",
     BYTES("\x7F"
           "ELF\2"),
     FILE_SAFETENSORS, "is a program"},
    {"a.safetensors", BYTES("GGUF\3\0\0\0"), FILE_SAFETENSORS, "is a GGUF file"},
    {"a.gguf", BYTES("GGUF\3\0\0\0"), FILE_GGUF, NULL},
    {"tokenizer.json", BYTES("\2\0\0\0\0\0\0\0{}"), FILE_TEXT, "is a safetensors file"},
    {"a.safetensors", BYTES("\2\0\0\0\0\0\0\0{}"), FILE_SAFETENSORS, NULL},
};

static void expect_said(const char *path, enum file_kind wanted, const char *says)
{
    struct buffer said = {0};
    bool known = file_kind_say(path, wanted, &said);
    cr_expect_eq(known, says != NULL, "%s: %s", path, said.data ? said.data : "nothing");
    cr_expect(says ? said.data && strstr(said.data, says) : !said.size, "%s: %s", path, said.data);
    buffer_free(&said);
}

Test(file_kind, is_told_by_name_and_first_bytes)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_bytes(scratch("%zu/%s", i, cases[i].name), cases[i].data, cases[i].size);
        expect_said(scratch("%zu/%s", i, cases[i].name), cases[i].wanted, cases[i].says);
    }
}

Test(file_kind, of_a_tar_archive_and_of_what_was_never_filled)
{
    static char bytes[4096];
    write_bytes(scratch("model.safetensors"), bytes, sizeof bytes);
    expect_said(scratch("model.safetensors"), FILE_SAFETENSORS,
                "zeros, as a download does that has only reserved its room");
    memcpy(bytes, "model.bin", 9);
    memcpy(bytes + 257, "ustar", 5);
    write_bytes(scratch("model.tar"), bytes, sizeof bytes);
    expect_said(scratch("model.tar"), FILE_SAFETENSORS, "is a tar archive");
    memcpy(bytes, "sys_info", 9);
    write_bytes(scratch("model.pt"), bytes, sizeof bytes);
    expect_said(scratch("model.pt"), FILE_SAFETENSORS, "is a PyTorch file of the kind before");
}

Test(file_kind, of_links_pipes_and_what_another_program_still_fetches)
{
    cr_assert_eq(symlink("../../blobs/01ab", scratch("model.safetensors")), 0);
    expect_said(scratch("model.safetensors"), FILE_SAFETENSORS,
                "is a link to '../../blobs/01ab', which does not exist");
    cr_assert_eq(mkfifo(scratch("pipe.part1"), 0666), 0);
    expect_said(scratch("pipe.part1"), FILE_SAFETENSORS, NULL);
    expect_said(scratch("nowhere.part1"), FILE_SAFETENSORS, NULL);
    write_text(scratch("a.gguf"), "GGUF");
    write_text(scratch("a.gguf.aria2"), "\1");
    expect_said(scratch("a.gguf"), FILE_GGUF, "is a download that has not ended (a.gguf.aria2)");
}

Test(file_kind, is_the_error_of_a_reader_where_it_is_known)
{
    struct error error = {0};
    write_text(scratch("config.json"), POINTER);
    cr_expect(!json_read(scratch("config.json"), 1000, &error) && error.kind == ERROR_ANY);
    cr_expect(strstr(error_text(&error), "config.json: is a Git LFS pointer"), "%s", error_text(&error));
    error_clear(&error);
    write_text(scratch("config.json"), "{\"broken\": ");
    cr_expect(!json_read(scratch("config.json"), 1000, &error) &&
              strstr(error_text(&error), "does not end (truncated?"));
    error_clear(&error);
    write_text(scratch("config.json"), "{\"broken\": }\n");
    cr_expect(!json_read(scratch("config.json"), 1000, &error) && !strstr(error_text(&error), "truncated"));
    error_clear(&error);
    struct error met = {0};
    error_memory(&met, "tensors"); /* the machine's fault is no file's */
    write_text(scratch("config.json"), POINTER);
    cr_expect(!file_kind_error(scratch("config.json"), FILE_TEXT, &met, &error));
    cr_expect(error.kind == ERROR_MEMORY && !met.text, "%s", error_text(&error));
    error_clear(&error);
}
