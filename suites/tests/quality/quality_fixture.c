#include "quality_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

#include "quality/quality.h"

const char *dictionary_folder;
struct dictionaries *__real_dictionaries_new(const char *folder);
struct dictionaries *__wrap_dictionaries_new(const char *folder);

struct dictionaries *__wrap_dictionaries_new(const char *folder)
{
    return __real_dictionaries_new(dictionary_folder ? dictionary_folder : folder);
}

struct quality *judge_open(const char *rules)
{
    struct error error = {0};
    struct quality *quality = quality_open(rules, &error);
    cr_assert(quality, "%s", error_text(&error));
    return quality;
}

struct quality *judge_open_rules(void)
{
    struct error error = {0};
    cJSON *json = json_read(RULES, MIB, &error);
    cr_assert(json, "%s", error_text(&error));
    cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "evidence"), "alarms",
                                           cJSON_CreateNumber(0));
    char *text = cJSON_Print(json), path[64] = "/tmp/assay-rules-XXXXXX";
    int file = mkstemp(path);
    cr_assert(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    struct quality *quality = judge_open(path);
    unlink(path);
    cJSON_free(text);
    cJSON_Delete(json);
    return quality;
}

struct judgement judge(struct quality *quality, const char *text, size_t size, const struct expects *expects)
{
    struct error error = {0};
    struct judgement out;
    cr_assert(
        quality_judge(quality, &(struct quality_text){.text = text, .size = size, .expects = expects}, &out, &error),
        "%s", error_text(&error));
    return out;
}

bool hits(const struct judgement *judgement, const char *rule)
{
    for (size_t i = 0; i < judgement->hit_count; i++)
        if (strcmp(judgement->hits[i].rule, rule) == 0)
            return true;
    return false;
}

const char *all_hits(const struct judgement *judgement)
{
    static char buffers[4][2048];
    static size_t turn;
    char *out = buffers[turn++ % 4];
    *out = 0;
    for (size_t i = 0; i < judgement->hit_count && strlen(out) < 1800; i++)
        sprintf(out + strlen(out), "%s%s", i ? " " : "", judgement->hits[i].rule);
    return out;
}
