/* Signal frames. */
#include "core/wire/signal.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/wire/number.h"

size_t weft_signal_size(const struct weft_signal *signal) {
    WEFT_ASSERT(signal->text.size <= WEFT_SIGNAL_TEXT_MAX);
    WEFT_ASSERT(signal->data.size <= WEFT_MESSAGE_MAX + 4);
    return WEFT_SIGNAL_HEAD + signal->text.size + signal->data.size;
}

void weft_signal_encode(const struct weft_signal *signal, unsigned char *out) {
    size_t size = weft_signal_size(signal);
    WEFT_ASSERT(signal->kind > 0 && signal->kind < WEFT_SIGNAL_KIND_END);
    WEFT_ASSERT((signal->flags & ~WEFT_SIGNAL_MORE) == 0);
    weft_number_put32(out, (uint32_t)(size - 4));
    out[4] = (unsigned char)signal->kind;
    out[5] = signal->flags;
    weft_number_put16(out + 6, (uint16_t)signal->text.size);
    weft_number_put32(out + 8, signal->tag);
    weft_number_put32(out + 12, (uint32_t)signal->value);
    weft_number_put64(out + 16, signal->from);
    weft_number_put64(out + 24, signal->to);
    weft_number_put64(out + 32, signal->ref);
    out += WEFT_SIGNAL_HEAD;
    if (signal->text.size > 0) memcpy(out, signal->text.data, signal->text.size);
    if (signal->data.size > 0)
        memcpy(out + signal->text.size, signal->data.data, signal->data.size);
}

static int check(struct weft_bytes in, size_t size) {
    WEFT_ASSERT(in.size >= size);
    size_t text_size = weft_number_get16(in.data + 6);
    if (in.data[4] == 0 || in.data[4] >= WEFT_SIGNAL_KIND_END) return WEFT_ERR_MALFORMED;
    if ((in.data[5] & ~WEFT_SIGNAL_MORE) != 0) return WEFT_ERR_MALFORMED;
    if (text_size > WEFT_SIGNAL_TEXT_MAX) return WEFT_ERR_MALFORMED;
    if (WEFT_SIGNAL_HEAD + text_size > size) return WEFT_ERR_MALFORMED;
    size_t data_size = size - WEFT_SIGNAL_HEAD - text_size;
    return data_size > WEFT_MESSAGE_MAX + 4 ? WEFT_ERR_TOO_BIG : WEFT_OK;
}

int weft_signal_decode(struct weft_bytes in, struct weft_signal *signal, size_t *size) {
    WEFT_ASSERT(signal != NULL);
    *size = 0;
    if (in.size < 4) return WEFT_ERR_AGAIN;
    size_t rest = weft_number_get32(in.data);
    if (rest < WEFT_SIGNAL_HEAD - 4) return WEFT_ERR_MALFORMED;
    if (rest > WEFT_SIGNAL_SIZE_MAX - 4) return WEFT_ERR_TOO_BIG;
    *size = rest + 4;
    if (in.size < *size) return WEFT_ERR_AGAIN;
    int rv = check(in, *size);
    if (rv != WEFT_OK) return rv;
    size_t text_size = weft_number_get16(in.data + 6);
    const unsigned char *text = in.data + WEFT_SIGNAL_HEAD;
    *signal = (struct weft_signal){
        .kind = (enum weft_signal_kind)in.data[4],
        .flags = in.data[5],
        .tag = weft_number_get32(in.data + 8),
        .value = (int32_t)weft_number_get32(in.data + 12),
        .from = weft_number_get64(in.data + 16),
        .to = weft_number_get64(in.data + 24),
        .ref = weft_number_get64(in.data + 32),
        .text = weft_bytes(text, text_size),
        .data = weft_bytes(text + text_size, *size - WEFT_SIGNAL_HEAD - text_size)};
    return WEFT_OK;
}
