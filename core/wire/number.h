/* Little-endian numbers in bytes, wherever they stand. */
#ifndef WEFT_WIRE_NUMBER_H
#define WEFT_WIRE_NUMBER_H

#include <stdint.h>

static inline void weft_number_put16(unsigned char *out, uint16_t value) {
    out[0] = (unsigned char)value;
    out[1] = (unsigned char)(value >> 8);
}

static inline void weft_number_put32(unsigned char *out, uint32_t value) {
    weft_number_put16(out, (uint16_t)value);
    weft_number_put16(out + 2, (uint16_t)(value >> 16));
}

static inline void weft_number_put64(unsigned char *out, uint64_t value) {
    weft_number_put32(out, (uint32_t)value);
    weft_number_put32(out + 4, (uint32_t)(value >> 32));
}

static inline uint16_t weft_number_get16(const unsigned char *in) {
    return (uint16_t)(in[0] | in[1] << 8);
}

static inline uint32_t weft_number_get32(const unsigned char *in) {
    return weft_number_get16(in) | (uint32_t)weft_number_get16(in + 2) << 16;
}

static inline uint64_t weft_number_get64(const unsigned char *in) {
    return weft_number_get32(in) | (uint64_t)weft_number_get32(in + 4) << 32;
}

#endif
