/* Runs inputs through a fuzz target: replay TARGET PATH..., a path being a file or a folder of files. Tells each before
 * it runs, so that the last one told is the one that crashed or hung. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

static size_t ran;

static int replay_file(const struct fuzz_target *target, const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    /* just as large as the input: a sanitizer then sees a read behind it */
    uint8_t *data = malloc(size);
    if (!file || (size && !data) || fread(data, 1, size, file) != size) {
        perror(path);
        return 2;
    }
    fclose(file);
    printf("%s\n", path);
    fflush(stdout);
    target->run(data, size);
    free(data);
    ran++;
    return 0;
}

static int replay(const struct fuzz_target *target, const char *path);

static int replay_folder(const struct fuzz_target *target, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), status = count < 0 ? 2 : 0;
    for (int i = 0; i < count; i++) {
        char inside[4096];
        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (!status && entries[i]->d_name[0] != '.')
            status = replay(target, inside);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return status;
}

static int replay(const struct fuzz_target *target, const char *path)
{
    struct stat state;
    if (stat(path, &state)) {
        perror(path);
        return 2;
    }
    return S_ISDIR(state.st_mode) ? replay_folder(target, path) : replay_file(target, path, (size_t)state.st_size);
}

int main(int count, char **arguments)
{
    const struct fuzz_target *target = count > 2 ? fuzz_target_find(arguments[1]) : NULL;
    int status = 0;
    if (!target) {
        fprintf(stderr, "usage: %s TARGET PATH...\ntargets:", arguments[0]);
        for (target = fuzz_targets; target->name; target++)
            fprintf(stderr, " %s", target->name);
        fputc('\n', stderr);
        return 2;
    }
    for (int i = 2; i < count && !status; i++)
        status = replay(target, arguments[i]);
    printf("%s: %zu inputs\n", target->name, ran);
    return status ? status : ran == 0;
}
