#include "fixtures.h"

#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

/* Fixtures do not fail: a test that cannot write its files is no test. */
static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

const char *scratch_make(void)
{
    strcpy(root, "/tmp/assay-test-XXXXXX");
    must(mkdtemp(root) != NULL, root);
    return root;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void scratch_remove(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch(const char *format, ...)
{
    static char paths[64][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 64];
    int length = snprintf(path, PATH_MAX, "%s/", root);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, PATH_MAX - (size_t)length, format, arguments);
    va_end(arguments);
    for (char *at = path + length; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(path, 0777);
        *at = '/';
    }
    return path;
}

void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, path);
}

void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

char *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    must(file && fseek(file, 0, SEEK_END) == 0, path);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    must(data && fread(data, 1, *size, file) == *size && fclose(file) == 0, path);
    data[*size] = '\0';
    return data;
}

static void put_length(FILE *file, uint64_t length)
{
    for (int i = 0; i < 8; i++)
        fputc((int)(length >> (8 * i) & 0xFF), file);
}

static void put_pattern(FILE *file, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fputc((int)(i % 251), file);
}

void write_header(const char *path, const char *header, size_t header_size, size_t data_size)
{
    FILE *file = fopen(path, "wb");
    must(file != NULL, path);
    put_length(file, header_size);
    fwrite(header, 1, header_size, file);
    put_pattern(file, data_size);
    must(fclose(file) == 0, path);
}

void write_tensors(const char *path, const struct plain_tensor *tensors, size_t count, const char *metadata)
{
    char *header = NULL;
    size_t size = 0, at = 0;
    FILE *text = open_memstream(&header, &size), *file = fopen(path, "wb");
    must(text && file, path);
    fputc('{', text);
    if (metadata)
        fprintf(text, "\"__metadata__\":%s%s", metadata, count ? "," : "");
    for (size_t i = 0; i < count; i++) {
        fprintf(text, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}", i ? "," : "",
                tensors[i].name, tensors[i].dtype, tensors[i].shape, at, at + tensors[i].bytes);
        at += tensors[i].bytes;
    }
    fputc('}', text);
    must(fclose(text) == 0, path);
    put_length(file, size);
    fwrite(header, 1, size, file);
    for (size_t i = 0; i < count; i++) {
        if (tensors[i].data)
            fwrite(tensors[i].data, 1, tensors[i].bytes, file);
        else
            put_pattern(file, tensors[i].bytes);
    }
    must(fclose(file) == 0, path);
    free(header);
}
