/* What normalizers do with single characters: accents, controls, Chinese. Private to engine/text. */
#ifndef ASSAY_TEXT_ACCENTS_H
#define ASSAY_TEXT_ACCENTS_H

#include "base/buffer.h"

#include <stdint.h>

/* Each is true where it has written what the character becomes, which may be nothing; false: the character stays. */

/* Of BertNormalizer: controls go, white space becomes a space; */
bool bert_clean(struct buffer *out, uint32_t code);
/* a Chinese character gets spaces around it; */
bool bert_chinese(struct buffer *out, uint32_t code);
/* marks that take no room go. */
bool bert_accent(struct buffer *out, uint32_t code);

/* Of StripAccents: all marks go. */
bool combining_mark(struct buffer *out, uint32_t code);

#endif
