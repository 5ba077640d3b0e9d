#include "activations/tokens_strings.h"

#include <stdint.h>

static const char *const pieces[] = {
    /* words and their edges */
    "Hello",
    " world",
    "The capital of France is",
    "unbelievable",
    "HTTPServer",
    "camelCase",
    "snake_case_name",
    "I'm",
    "don't",
    "WE'LL",
    "they\xE2\x80\x99re",
    "it's",
    "O'Neill's",
    "x",
    " a",
    "A",
    "Zebra,",
    "end.",
    "\"quoted\"",
    "(well)",
    "e.g.",
    "...",
    "!!!",
    "?!",
    "--",
    " - ",
    "#hashtag",
    "@name",
    "100%",
    "$5.00",
    "a+b=c",
    "<b>bold</b>",
    "&amp;",
    /* digits */
    "7",
    "42",
    "365",
    "2018",
    "12345",
    "1234567",
    "3.14159",
    "1,000,000",
    "0x1F",
    "B  9",
    "v2.0.1",
    "\xD9\xA1\xD9\xA2\xD9\xA3",
    "\xEF\xBC\x91\xEF\xBC\x92",
    "\xC2\xBD",
    "x\xC2\xB2",
    /* white space */
    " ",
    "  ",
    "   ",
    "        ",
    "\n",
    "\n\n",
    " \n",
    "\n ",
    "\r\n",
    "\t",
    "\t\tif",
    " \t ",
    "a  b",
    "a   b",
    "line\n\n\nline",
    "\xC2\xA0",
    "\xE3\x80\x80",
    "\xE2\x80\x8B",
    "trailing ",
    " leading",
    /* code and addresses */
    "for (int i = 0; i < n; i++) {\n    sum += a[i];\n}",
    "def f(x):\n    return x ** 2\n",
    "#include <stdio.h>",
    "https://example.org/a?b=c&d=1",
    "name@example.org",
    "C:\\path\\file.txt",
    "{\"key\": [1, null]}",
    "SELECT * FROM t;",
    "\\frac{1}{2}",
    "//comment",
    "a->b::c",
    /* scripts */
    "Gr\xC3\xB6\xC3\x9F"
    "e",
    "na\xC3\xAFve caf\xC3\xA9",
    "cafe\xCC\x81",
    "\xC3\x85ngstr\xC3\xB6m",
    "\xE2\x84\xAB",
    "\xEF\xAC\x81ne",
    "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82",
    " \xD0\x9C\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0",
    "\xCE\xBA\xCE\xB1\xCE\xBB\xCE\xB7\xCE\xBC\xCE\xAD\xCF\x81\xCE\xB1",
    "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
    "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7",
    "\xE0\xA4\xA8\xE0\xA4\xAE\xE0\xA4\xB8\xE0\xA5\x8D\xE0\xA4\xA4\xE0\xA5\x87",
    "\xE0\xB8\xAA\xE0\xB8\xA7\xE0\xB8\xB1\xE0\xB8\xAA\xE0\xB8\x94\xE0\xB8\xB5",
    "\xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8C\xE4\xB8\x96\xE7\x95\x8C",
    "\xE6\x88\xBF",
    "\xE6\x9D\xB1\xE4\xBA\xAC\xE3\x82\xBF\xE3\x83\xAF\xE3\x83\xBC",
    "\xE3\x81\x93\xE3\x82\x93\xE3\x81\xAB\xE3\x81\xA1\xE3\x81\xAF",
    "\xEC\x95\x88\xEB\x85\x95",
    "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB",
    "ti\xE1\xBA\xBFng Vi\xE1\xBB\x87t",
    "\xC4\xB0stanbul",
    /* signs */
    "\xF0\x9F\x98\x80",
    "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
    "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA",
    "\xE2\x98\x83\xEF\xB8\x8F",
    "\xE2\x82\xAC"
    "20",
    "\xE2\x80\x9Cquote\xE2\x80\x9D",
    "\xE2\x80\xA6",
    "\xE2\x80\x94",
    "\xE2\x88\x91x\xE2\x82\x99",
    "\xF0\x9D\x92\xB3",
    "\xEF\xBF\xBD",
    /* special tokens, of those that have them */
    "<|im_start|>user\n",
    "<|im_end|>",
    "<|endoftext|>",
    "<s>",
    "</s>",
    "[INST]",
    "<think>",
    "<|begin_of_text|>",
};
#define PIECES (sizeof pieces / sizeof *pieces)

/* The multiplier and increment of MMIX (Knuth, The Art of Computer Programming 2, 3.3.4); its high bits. */
static size_t draw(uint64_t *state, size_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*state >> 33) % below;
}

void tokens_string(size_t index, struct buffer *out)
{
    uint64_t state = index;
    out->size = 0;
    if (index < PIECES) {
        buffer_text(out, pieces[index]);
        return;
    }
    for (size_t count = 2 + draw(&state, 4); count; count--)
        buffer_text(out, pieces[draw(&state, PIECES)]);
}
