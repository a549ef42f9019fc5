/* Handshake of two nodes. */
#include "core/otp/handshake.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/wire/number.h"

#define SIDE_SIZE (WEFT_NODE_NAME_MAX + 4 + HANDSHAKE_NONCE)

static void write_side(const struct handshake_side *side, unsigned char *out) {
    size_t size = strlen(side->name);
    WEFT_ASSERT(size < WEFT_NODE_NAME_MAX);
    memset(out, 0, SIDE_SIZE);
    memcpy(out, side->name, size);
    weft_number_put32(out + WEFT_NODE_NAME_MAX, side->creation);
    memcpy(out + WEFT_NODE_NAME_MAX + 4, side->nonce, HANDSHAKE_NONCE);
}

/* Of the caller, or of the listener. */
static void code_of(const struct handshake *handshake, bool caller,
                    unsigned char code[WEFT_HMAC_SIZE]) {
    unsigned char message[1 + 2 * SIDE_SIZE];
    const struct handshake_side *calls = handshake->caller ? &handshake->own : &handshake->peer;
    const struct handshake_side *hears = handshake->caller ? &handshake->peer : &handshake->own;
    message[0] = caller ? 'c' : 'l';
    write_side(calls, message + 1);
    write_side(hears, message + 1 + SIDE_SIZE);
    weft_hmac(weft_bytes_text(handshake->cookie), weft_bytes(message, sizeof message), code);
}

static struct weft_signal introduce(const struct handshake *handshake, enum weft_signal_kind kind) {
    return (struct weft_signal){.kind = kind,
                                .value = WEFT_SIGNAL_VERSION,
                                .ref = handshake->own.creation,
                                .text = weft_bytes_text(handshake->own.name),
                                .data = weft_bytes(handshake->own.nonce, HANDSHAKE_NONCE)};
}

void weft_otp__handshake_call(struct handshake *handshake, struct weft_signal *out) {
    WEFT_ASSERT(handshake->own.creation > 0);
    WEFT_ASSERT(handshake->peer.name[0] != '\0');
    handshake->caller = true;
    handshake->state = HANDSHAKE_CALLING;
    *out = introduce(handshake, WEFT_SIGNAL_HELLO);
}

void weft_otp__handshake_listen(struct handshake *handshake) {
    WEFT_ASSERT(handshake->own.creation > 0);
    handshake->caller = false;
    handshake->state = HANDSHAKE_LISTENING;
}

static int meet(struct handshake *handshake, const struct weft_signal *in) {
    struct handshake_side *peer = &handshake->peer;
    if (in->value != WEFT_SIGNAL_VERSION) return WEFT_ERR_UNSUPPORTED;
    if (in->data.size != HANDSHAKE_NONCE || in->text.size == 0) return WEFT_ERR_MALFORMED;
    if (in->text.size >= WEFT_NODE_NAME_MAX) return WEFT_ERR_MALFORMED;
    if (in->ref == 0 || in->ref > UINT32_MAX) return WEFT_ERR_MALFORMED;
    if (memchr(in->text.data, '\0', in->text.size) != NULL) return WEFT_ERR_MALFORMED;
    if (weft_bytes_equal(in->text, weft_bytes_text(handshake->own.name))) return WEFT_ERR_INVAL;
    if (handshake->caller && !weft_bytes_equal(in->text, weft_bytes_text(peer->name)))
        return WEFT_ERR_INVAL;
    memset(peer->name, 0, sizeof peer->name);
    memcpy(peer->name, in->text.data, in->text.size);
    peer->creation = (uint32_t)in->ref;
    memcpy(peer->nonce, in->data.data, HANDSHAKE_NONCE);
    return WEFT_OK;
}

static void prove(struct handshake *handshake, enum weft_signal_kind kind,
                  struct weft_signal *out) {
    code_of(handshake, handshake->caller, handshake->code);
    *out = (struct weft_signal){.kind = kind, .data = weft_bytes(handshake->code, WEFT_HMAC_SIZE)};
}

static int check_code(const struct handshake *handshake, const struct weft_signal *in) {
    unsigned char code[WEFT_HMAC_SIZE];
    if (in->data.size != WEFT_HMAC_SIZE) return WEFT_ERR_MALFORMED;
    code_of(handshake, !handshake->caller, code);
    return weft_hmac_equal(code, in->data.data) ? WEFT_OK : WEFT_ERR_DENIED;
}

static int advance(struct handshake *handshake, const struct weft_signal *in,
                   struct weft_signal *out) {
    enum handshake_state state = handshake->state;
    int rv = WEFT_ERR_MALFORMED;
    if (in->kind == WEFT_SIGNAL_REFUSED) return in->value < 0 ? in->value : WEFT_ERR_MALFORMED;
    if (state == HANDSHAKE_LISTENING && in->kind == WEFT_SIGNAL_HELLO) {
        rv = meet(handshake, in);
        if (rv == WEFT_OK) *out = introduce(handshake, WEFT_SIGNAL_CHALLENGE);
        handshake->state = HANDSHAKE_CHECKING;
    } else if (state == HANDSHAKE_CALLING && in->kind == WEFT_SIGNAL_CHALLENGE) {
        rv = meet(handshake, in);
        if (rv == WEFT_OK) prove(handshake, WEFT_SIGNAL_PROOF, out);
        handshake->state = HANDSHAKE_PROVING;
    } else if (state == HANDSHAKE_CHECKING && in->kind == WEFT_SIGNAL_PROOF) {
        rv = check_code(handshake, in);
        if (rv == WEFT_OK) prove(handshake, WEFT_SIGNAL_WELCOME, out);
        handshake->state = HANDSHAKE_DONE;
    } else if (state == HANDSHAKE_PROVING && in->kind == WEFT_SIGNAL_WELCOME) {
        rv = check_code(handshake, in);
        handshake->state = HANDSHAKE_DONE;
    }
    return rv;
}

int weft_otp__handshake_step(struct handshake *handshake, const struct weft_signal *in,
                             struct weft_signal *out) {
    memset(out, 0, sizeof *out);
    int rv = advance(handshake, in, out);
    if (rv == WEFT_OK) return rv;
    handshake->state = HANDSHAKE_FAILED;
    if (in->kind != WEFT_SIGNAL_REFUSED)
        *out = (struct weft_signal){.kind = WEFT_SIGNAL_REFUSED, .value = rv};
    return rv;
}
