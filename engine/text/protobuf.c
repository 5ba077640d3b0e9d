#include "text/protobuf.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static bool varint(struct proto *proto, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && proto->at < proto->size; shift += 7) {
        unsigned char byte = (unsigned char)proto->data[proto->at++];
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool fixed(struct proto *proto, size_t size, uint64_t *value)
{
    if (proto->size - proto->at < size)
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)(unsigned char)proto->data[proto->at + i] << 8 * i;
    proto->at += size;
    return true;
}

int proto_next(struct proto *proto, struct proto_field *field)
{
    uint64_t tag = 0, value = 0;
    bool good = true;
    *field = (struct proto_field){0};
    if (proto->at == proto->size)
        return 0;
    if (!varint(proto, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
        return -1;
    switch ((enum wire)(tag & 7)) {
    case WIRE_VARINT:
        good = varint(proto, &value);
        break;
    case WIRE_FIXED64:
        good = fixed(proto, 8, &value);
        break;
    case WIRE_FIXED32:
        good = fixed(proto, 4, &value);
        break;
    case WIRE_BYTES:
        good = varint(proto, &value) && value <= proto->size - proto->at;
        field->is_bytes = true;
        field->data = good ? proto->data + proto->at : NULL;
        field->size = good ? (size_t)value : 0;
        proto->at += field->size;
        break;
    default:
        good = false;
    }
    field->number = (uint32_t)(tag >> 3);
    field->value = value;
    return good ? 1 : -1;
}

float proto_float(const struct proto_field *field)
{
    uint32_t bits = (uint32_t)field->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int64_t proto_int(const struct proto_field *field)
{
    return (int64_t)field->value;
}
