/* The wire format of protocol buffers (protobuf.dev/programming-guides/encoding), one field after the other. Private to
 * engine/text. Of a SentencePiece model eleven fields of four messages are wanted: that is less than a schema and the
 * code that a compiler makes of it, and every length is checked here. */
#ifndef ASSAY_TEXT_PROTOBUF_H
#define ASSAY_TEXT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message; start with `at` = 0. */
struct proto {
    const char *data;
    size_t size;
    size_t at;
};

struct proto_field {
    uint32_t number;
    bool is_bytes;
    uint64_t value;   /* of a number: as it is stored, 32 bits, 64 bits or of variable length */
    const char *data; /* of bytes, a text or a message within: borrowed */
    size_t size;
};

/* 1: a field, at which `*field` points then; 0: the message ends; -1: it is malformed, or has groups. */
int proto_next(struct proto *proto, struct proto_field *field);

/* The value as these types are stored. */
float proto_float(const struct proto_field *field);
int64_t proto_int(const struct proto_field *field);

#endif
