#include "base/file_kind.h"

#include <ctype.h>
#include <limits.h>
#include <regex.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/wording.h"

#define START_BYTES 1024
#define QUOTED_MOST 60

/* A file as far as the rows look into it. */
struct start {
    const char *path, *name;
    uint64_t file_size; /* 0 also where it cannot be read */
    bool readable;
    size_t size;
    char data[START_BYTES + 1]; /* its first bytes, and a NUL */
};

static void start_read(const char *path, struct start *start)
{
    struct file_state state;
    *start = (struct start){.path = path, .name = path_base(path)};
    int descriptor = file_open(path, &state, NULL);
    if (descriptor < 0)
        return;
    size_t size = state.size < START_BYTES ? (size_t)state.size : START_BYTES;
    start->readable = file_read_at(descriptor, path, 0, start->data, size, NULL);
    start->size = start->readable ? size : 0;
    start->file_size = state.size;
    close(descriptor);
}

static bool lies(const struct start *start, size_t at, const char *bytes, size_t length)
{
    return at + length <= start->size && memcmp(start->data + at, bytes, length) == 0;
}

/* --- what is in the place of a file --- */

static bool say_dead_link(const struct start *start, struct buffer *out)
{
    char target[PATH_MAX];
    ssize_t length = file_exists(start->path) ? -1 : readlink(start->path, target, sizeof target);
    if (length >= 0)
        buffer_format(out, "is a link to '%.*s', which does not exist: fetch the file again", (int)length, target);
    return length >= 0;
}

static bool say_empty(const struct start *start, struct buffer *out)
{
    if (start->readable && !start->file_size)
        buffer_text(out, "is empty (0 bytes): fetch it again");
    return start->readable && !start->file_size;
}

static bool say_lfs(const struct start *start, struct buffer *out)
{
    static const char magic[] = "version https://git-lfs", size_line[] = "\nsize ";
    const char *line = lies(start, 0, magic, sizeof magic - 1) ? strstr(start->data, size_line) : NULL;
    if (line)
        line += sizeof size_line - 1;
    if (line)
        buffer_format(out, "is a Git LFS pointer to %.*s bytes, not the file itself: fetch that (git lfs pull)",
                      (int)strspn(line, "0123456789"), line);
    return line;
}

static const char *first_mark(const struct start *start)
{
    const char *at = lies(start, 0, "\xEF\xBB\xBF", 3) ? start->data + 3 : start->data;
    return at + strspn(at, " \t\r\n");
}

static bool say_page(const struct start *start, struct buffer *out)
{
    static const char *const beginnings[] = {"<!doctype html", "<html", "<head", "<?xml", "<error>"};
    const char *at = first_mark(start);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncasecmp(at, beginnings[i], strlen(beginnings[i])) == 0)
            return buffer_format(out,
                                 "is %s page (a login, an error, a view of the file) that was saved instead of the "
                                 "file: fetch the file itself; on the Hub its address has /resolve/, not /blob/",
                                 i < 3 ? "an HTML" : "an XML");
    return false;
}

static bool say_zeros(const struct start *start, struct buffer *out)
{
    size_t zeros = 0;
    while (zeros < start->size && !start->data[zeros])
        zeros++;
    if (zeros < START_BYTES)
        return false;
    return buffer_format(
        out, "begins with %zu bytes of zeros, as a download does that has only reserved its room: fetch it again",
        zeros);
}

/* How files are cut into pieces, as the names of the pieces tell: in front of the piece's number or letters, these, and
 * behind them, of how many. `rest` stands for the numbers of all pieces. */
static const struct piece_row {
    const char *pattern, *rest;
} piece_rows[] = {
    {"^((.+)[-._](part|split|chunk|piece)[-._]?)([0-9]+)([-._]?of[-._]?([0-9]+))?$", "*"},
    {"^((.+)[-._](part|split|chunk|piece)[-._])([a-z]{1,2})()()$", "*"},
    {"^((.+\\.(gguf|safetensors|bin|pth|pt|zip|7z|tar|t?gz))\\.)([0-9]{3})()()$", "[0-9][0-9][0-9]"},
    {"^((.+\\.(gguf|safetensors|bin|pth|pt|zip|7z|tar|t?gz))\\.)([a-z]{2})()()$", "[a-z][a-z]"},
};
enum { PIECE_LEAD = 1, PIECE_WHOLE, PIECE_WORD, PIECE_NUMBER, PIECE_TAIL, PIECE_COUNT, PIECE_MATCHES };

#define MATCHED(match) (int)((match).rm_eo - (match).rm_so), name + (match).rm_so

static bool say_piece(const struct start *start, struct buffer *out)
{
    const char *name = start->name;
    regmatch_t match[PIECE_MATCHES];
    regex_t pattern;
    for (size_t i = 0; start->readable && i < sizeof piece_rows / sizeof *piece_rows; i++) {
        if (regcomp(&pattern, piece_rows[i].pattern, REG_EXTENDED | REG_ICASE) != 0)
            continue;
        bool fits = regexec(&pattern, name, PIECE_MATCHES, match, 0) == 0;
        regfree(&pattern);
        if (!fits)
            continue;
        bool counted = match[PIECE_COUNT].rm_so < match[PIECE_COUNT].rm_eo;
        buffer_format(out, "is piece %.*s", MATCHED(match[PIECE_NUMBER]));
        if (counted)
            buffer_format(out, " of %.*s", MATCHED(match[PIECE_COUNT]));
        return buffer_format(out, " of a file that was cut: join them all: cat $(ls -v %.*s%s) > %.*s",
                             MATCHED(match[PIECE_LEAD]), piece_rows[i].rest, MATCHED(match[PIECE_WHOLE]));
    }
    return false;
}

/* By its own name, or by that of what the program that fetches it keeps beside it. */
static bool say_unfinished(const struct start *start, struct buffer *out)
{
    static const char *const endings[] = {".incomplete", ".crdownload", ".part", ".partial",
                                          ".download",   ".!qB",        ".aria2"};
    const char *mark = NULL;
    for (size_t i = 0; start->readable && !mark && i < sizeof endings / sizeof *endings; i++)
        if (text_ends_with(start->name, endings[i]))
            mark = endings[i];
    struct buffer beside = {0};
    if (start->readable && !mark && buffer_format(&beside, "%s.aria2", start->path) && file_exists(beside.data))
        mark = path_base(beside.data);
    if (mark)
        buffer_format(out, "is a download that has not ended (%s): let it end, or fetch the file again", mark);
    buffer_free(&beside);
    return mark;
}

/* --- other programs' formats --- */

/* The first entry of a zip archive has a name that ends so, or the file itself does. */
static bool zip_holds(const struct start *start, const char *ending)
{
    size_t length = lies(start, 0, "PK\3\4", 4) && start->size >= 30 ? (unsigned char)start->data[26] : 0;
    size_t tail = strlen(ending);
    return length >= tail && lies(start, 30 + length - tail, ending, tail);
}

static bool fits_torch(const struct start *start)
{
    static const char *const endings[] = {".bin", ".pt", ".pth", ".ckpt"};
    bool named = false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        named = named || text_ends_with(start->name, endings[i]);
    return zip_holds(start, "/data.pkl") || (named && lies(start, 0, "PK", 2));
}

static bool fits_old_torch(const struct start *start)
{
    static const char number[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    return lies(start, 0, number, sizeof number - 1) ||
           (lies(start, 257, "ustar", 5) && (lies(start, 0, "sys_info", 8) || lies(start, 0, "storages", 8)));
}

static bool fits_numpy_archive(const struct start *start)
{
    return zip_holds(start, ".npy") || (lies(start, 0, "PK", 2) && text_ends_with(start->name, ".npz"));
}

static bool fits_pickle(const struct start *start)
{
    return start->size > 1 && start->data[0] == '\x80' && start->data[1] >= 2 && start->data[1] <= 5;
}

/* A protocol buffer whose first field is the version, a small number, and whose second is the producer's name. */
static bool fits_onnx(const struct start *start)
{
    return text_ends_with(start->name, ".onnx") || (start->size > 3 && start->data[0] == 8 && start->data[1] > 2 &&
                                                    start->data[1] < 32 && start->data[2] == 18);
}

static bool fits_pieces_of_words(const struct start *start)
{
    return lies(start, 2, "\x0a\x05<unk>", 7) || text_ends_with(start->name, "tokenizer.model") ||
           text_ends_with(start->name, ".spm");
}

static bool fits_msgpack(const struct start *start)
{
    return text_ends_with(start->name, ".msgpack");
}

static bool fits_tar(const struct start *start)
{
    return lies(start, 257, "ustar", 5);
}

static bool fits_safetensors(const struct start *start)
{
    return start->size > 8 && start->data[8] == '{' && lies(start, 4, "\0\0\0\0", 4);
}

/* The rows that give one sentence: what begins with `magic`, or fits. */
static const struct format_row {
    const char *magic;
    bool (*fits)(const struct start *start);
    enum file_kind kind;
    const char *says;
} format_rows[] = {
    {"# xet version", NULL, FILE_OTHER, "is a Xet pointer, not the file itself: fetch that (hf download)"},
    {"/annex/objects/", NULL, FILE_OTHER, "is a git-annex pointer, not the file itself: fetch that (git annex get)"},
    {NULL, fits_torch, FILE_TORCH,
     "is a PyTorch file: name the file itself to read it as a model; as gold (--golden) it is read if it holds token "
     "ids"},
    {NULL, fits_old_torch, FILE_OTHER,
     "is a PyTorch file of the kind before version 1.6: save its tensors as safetensors (torch.load, then "
     "safetensors.torch.save_file)"},
    {NULL, fits_numpy_archive, FILE_OTHER,
     "is an archive of numpy arrays (.npz), which is read as gold (--golden), and not as weights"},
    {NULL, fits_pickle, FILE_OTHER, "is a Python pickle, which nothing here runs: save its tensors as safetensors"},
    {"PK\3\4", NULL, FILE_OTHER, "is a zip archive: unpack it (unzip)"},
    {"7z\xBC\xAF\x27\x1C", NULL, FILE_OTHER, "is a 7z archive: unpack it (7z x)"},
    {"Rar!", NULL, FILE_OTHER, "is a RAR archive: unpack it (unrar x)"},
    {"\x1F\x8B", NULL, FILE_OTHER,
     "is compressed with gzip: unpack it (gzip -d; tar xzf where its name has .tar or .tgz)"},
    {"BZh", NULL, FILE_OTHER, "is compressed with bzip2: unpack it (bzip2 -d)"},
    {"\xFD"
     "7zXZ",
     NULL, FILE_OTHER, "is compressed with xz: unpack it (xz -d)"},
    {"\x28\xB5\x2F\xFD", NULL, FILE_OTHER, "is compressed with zstd: unpack it (zstd -d)"},
    {NULL, fits_tar, FILE_OTHER, "is a tar archive: unpack it (tar xf)"},
    {"\x93NUMPY", NULL, FILE_NUMPY,
     "is a numpy array, no model; a dump of arrays is a folder of MODULE.npy beside ids.npy"},
    {"\x89HDF\r\n", NULL, FILE_OTHER,
     "is an HDF5 file, as TensorFlow and Keras write weights: load it there and save it as safetensors"},
    {NULL, fits_msgpack, FILE_OTHER, "holds Flax weights (msgpack): load it with Flax and save it as safetensors"},
    {NULL, fits_onnx, FILE_OTHER, "is an ONNX graph: take the checkpoint that it was exported from"},
    {"lmgg", NULL, FILE_OTHER,
     "is a GGML file, of llama.cpp before GGUF: convert it (llama.cpp's convert_llama_ggml_to_gguf.py)"},
    {"fmgg", NULL, FILE_OTHER,
     "is a GGML file, of llama.cpp before GGUF: convert it (llama.cpp's convert_llama_ggml_to_gguf.py)"},
    {"tjgg", NULL, FILE_OTHER,
     "is a GGML file, of llama.cpp before GGUF: convert it (llama.cpp's convert_llama_ggml_to_gguf.py)"},
    {NULL, fits_pieces_of_words, FILE_OTHER,
     "is a SentencePiece model; a tokenizer is read from the folder that it lies in"},
    {"PAR1", NULL, FILE_OTHER, "is a Parquet table, no weights"},
    {"%PDF", NULL, FILE_OTHER, "is a PDF document"},
    {"\x7F"
     "ELF",
     NULL, FILE_OTHER,
     "is a program; if it is a llamafile, it is a zip archive with a GGUF file in it: extract that (unzip)"},
    {"MZ", NULL, FILE_OTHER,
     "is a program; if it is a llamafile, it is a zip archive with a GGUF file in it: extract that (unzip)"},
    {"GGUF", NULL, FILE_GGUF, "is a GGUF file"},
    {NULL, fits_safetensors, FILE_SAFETENSORS, "is a safetensors file"},
};

static bool fits(const struct format_row *row, const struct start *start)
{
    return row->magic ? lies(start, 0, row->magic, strlen(row->magic)) : row->fits(start);
}

static bool is_wanted(const struct start *start, enum file_kind wanted)
{
    for (size_t i = 0; wanted != FILE_OTHER && i < sizeof format_rows / sizeof *format_rows; i++)
        if (format_rows[i].kind == wanted && fits(&format_rows[i], start))
            return true;
    return false;
}

static bool say_format(const struct start *start, struct buffer *out)
{
    for (size_t i = 0; i < sizeof format_rows / sizeof *format_rows; i++)
        if (fits(&format_rows[i], start))
            return buffer_text(out, format_rows[i].says);
    return false;
}

/* Text where something else was wanted, as servers answer in one line what they would not give. */
static bool say_text(const struct start *start, struct buffer *out)
{
    const char *at = first_mark(start);
    for (const char *byte = at; byte < start->data + start->size; byte++)
        if (!isprint((unsigned char)*byte) && !isspace((unsigned char)*byte))
            return false;
    if (!*at)
        return false;
    if (*at == '{' || *at == '[')
        return buffer_text(out, "is JSON, no weights: name the folder that it lies in");
    size_t length = strcspn(at, "\r\n");
    return buffer_format(out, "is text, which begins \"%.*s\": fetch the file itself",
                         (int)(length < QUOTED_MOST ? length : QUOTED_MOST), at);
}

bool file_kind_say(const char *path, enum file_kind wanted, struct buffer *out)
{
    /* What stands in the place of a file comes first, then what its name says, then what it holds. */
    static bool (*const sayers[])(const struct start *, struct buffer *) = {
        say_dead_link, say_empty, say_lfs, say_page, say_piece, say_unfinished, say_zeros};
    struct start start;
    start_read(path, &start);
    for (size_t i = 0; i < sizeof sayers / sizeof *sayers; i++)
        if (sayers[i](&start, out))
            return true;
    return start.size && !is_wanted(&start, wanted) &&
           (say_format(&start, out) || (wanted != FILE_TEXT && say_text(&start, out)));
}

bool file_kind_error(const char *path, enum file_kind wanted, struct error *met, struct error *error)
{
    struct buffer text = {0};
    if (met->kind == ERROR_ANY && file_kind_say(path, wanted, &text) && !text.failed)
        error_set(error, "%s: %s", path, text.data);
    else
        error_take(error, met);
    error_clear(met);
    buffer_free(&text);
    return false;
}
