/* A question, put to the subject as its chat template puts it. */
#ifndef ASSAY_RUN_CHAT_H
#define ASSAY_RUN_CHAT_H

#include "run/subject.h"

/* One turn of the user, behind what the system says (NULL: nothing), up to where the answer begins: the ids are
 * appended to `ids` and the text, which special tokens are part of, to `text`. transformers: apply_chat_template with
 * add_generation_prompt.
 *
 * The template is looked for beside the tokenizer: chat_template.jinja, "chat_template" of tokenizer_config.json (of
 * several the one named default), the same of chat_template.json; of a GGUF file it is metadata. bos_token and its like
 * are those of tokenizer_config.json, or of special_tokens_map.json where that has no "added_tokens_decoder"; where the
 * files say nothing, those that transformers' class of that name sets (GPT2, CodeGen, Qwen2, GPTNeoX; not of a class
 * that only the kind of model implies). A template that prints today's date makes other ids every day.
 *
 * An error where there is no template (it says where it was looked for), where the template cannot be applied, and
 * where it refuses. The subject must have a tokenizer. */
bool subject_chat(const struct subject *subject, const char *system, const char *prompt, struct ids *ids,
                  struct buffer *text, struct error *error);

#endif
