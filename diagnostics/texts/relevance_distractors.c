#include "texts/relevance.h"

/* Far apart in topic, form and language, so that one of them rarely fits a text that they were not written for; none
 * is a prompt of a bundled suite. */
static const char *const distractors[] = {
    "The weather forecast for tomorrow:",
    "How do I change a flat tyre on my car?",
    "In 1969, two astronauts landed on",
    "def fibonacci(n):",
    "<!DOCTYPE html>\n<html>\n<head>",
    "Recipe for vegetable soup. Ingredients:",
    "The patient came to the doctor with a fever and",
    "Solve for x: 3x + 5 = 20.",
    "The company's shares fell after",
    "Write a poem about the moon.",
    "Wie komme ich zum Bahnhof?",
    "Raconte-moi l'histoire d'un petit chat.",
    "¿Qué tiempo hace hoy en Madrid?",
    "请介绍一下中国的春节。",
    "Расскажи о своей семье.",
    "The home team won the match because",
};

const char *const *relevance_distractors(size_t *count)
{
    *count = sizeof distractors / sizeof *distractors;
    return distractors;
}
