/* The handshake as a table: who says what to whom, and what is not believed. */
#include "core/otp/handshake.h"

#include "core/base/error.h"
#include "tests/harness/harness.h"

static struct handshake a, b;

static void prepare(const char *cookie_a, const char *cookie_b) {
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    strcpy(a.own.name, "a@127.0.0.1:1");
    strcpy(b.own.name, "b@127.0.0.1:2");
    strcpy(a.peer.name, b.own.name);
    a.own.creation = 3;
    b.own.creation = 4;
    a.own.nonce[0] = 9;
    b.own.nonce[0] = 8;
    strcpy(a.cookie, cookie_a);
    strcpy(b.cookie, cookie_b);
}

static struct weft_signal hello, challenge, proof, welcome, out;

static void until_proof(void) {
    weft_otp__handshake_listen(&b);
    weft_otp__handshake_call(&a, &hello);
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &hello, &challenge), WEFT_OK);
    CHECK_EQ_INT(weft_otp__handshake_step(&a, &challenge, &proof), WEFT_OK);
}

static void both_know_each_other_in_the_end(void) {
    prepare("secret", "secret");
    until_proof();
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &proof, &welcome), WEFT_OK);
    CHECK_EQ_INT(b.state, HANDSHAKE_DONE);
    CHECK_EQ_INT(weft_otp__handshake_step(&a, &welcome, &out), WEFT_OK);
    CHECK_EQ_INT(a.state, HANDSHAKE_DONE);
    CHECK_EQ_TEXT(b.peer.name, a.own.name);
    CHECK_EQ_UINT(b.peer.creation, 3);
    CHECK_EQ_UINT(a.peer.creation, 4);
}

static void another_cookie_is_denied_and_told_nothing(void) {
    prepare("secret", "Secret");
    until_proof();
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &proof, &out), WEFT_ERR_DENIED);
    CHECK_EQ_INT(b.state, HANDSHAKE_FAILED);
    CHECK_EQ_INT(out.kind, WEFT_SIGNAL_REFUSED);
    CHECK_EQ_UINT(out.data.size, 0);
    CHECK_EQ_INT(weft_otp__handshake_step(&a, &out, &welcome), WEFT_ERR_DENIED);
}

static void a_code_does_not_serve_again(void) {
    prepare("secret", "secret");
    until_proof();
    unsigned char code[WEFT_HMAC_SIZE];
    memcpy(code, proof.data.data, sizeof code);
    /* Sent back as a welcome, */
    struct weft_signal mirrored = {.kind = WEFT_SIGNAL_WELCOME,
                                   .data = weft_bytes(code, sizeof code)};
    CHECK_EQ_INT(weft_otp__handshake_step(&a, &mirrored, &out), WEFT_ERR_DENIED);
    /* or to a listener with another nonce. */
    prepare("secret", "secret");
    b.own.nonce[1] = 1;
    weft_otp__handshake_listen(&b);
    weft_otp__handshake_call(&a, &hello);
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &hello, &challenge), WEFT_OK);
    struct weft_signal replayed = {.kind = WEFT_SIGNAL_PROOF,
                                   .data = weft_bytes(code, sizeof code)};
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &replayed, &out), WEFT_ERR_DENIED);
}

static void whoever_answers_must_be_who_was_called(void) {
    prepare("secret", "secret");
    strcpy(a.peer.name, "c@127.0.0.1:2");
    weft_otp__handshake_listen(&b);
    weft_otp__handshake_call(&a, &hello);
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &hello, &challenge), WEFT_OK);
    CHECK_EQ_INT(weft_otp__handshake_step(&a, &challenge, &out), WEFT_ERR_INVAL);
}

static void nobody_connects_with_himself(void) {
    prepare("secret", "secret");
    strcpy(b.own.name, a.own.name);
    weft_otp__handshake_listen(&b);
    weft_otp__handshake_call(&a, &hello);
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &hello, &out), WEFT_ERR_INVAL);
}

static void refuse_hello(struct weft_signal wrong, int expected) {
    prepare("secret", "secret");
    weft_otp__handshake_listen(&b);
    CHECK_EQ_INT(weft_otp__handshake_step(&b, &wrong, &out), expected);
    CHECK_EQ_INT(b.state, HANDSHAKE_FAILED);
}

static void a_hello_that_is_none_is_refused(void) {
    prepare("secret", "secret");
    weft_otp__handshake_call(&a, &hello);
    struct weft_signal wrong = hello;
    wrong.value = 2;
    refuse_hello(wrong, WEFT_ERR_UNSUPPORTED);
    wrong = hello;
    wrong.data.size--;
    refuse_hello(wrong, WEFT_ERR_MALFORMED);
    wrong = hello;
    wrong.text.size = 0;
    refuse_hello(wrong, WEFT_ERR_MALFORMED);
    wrong = hello;
    wrong.ref = 0;
    refuse_hello(wrong, WEFT_ERR_MALFORMED);
    wrong.ref = UINT64_C(1) << 32;
    refuse_hello(wrong, WEFT_ERR_MALFORMED);
    wrong = hello;
    wrong.text = weft_bytes("a\0b", 3);
    refuse_hello(wrong, WEFT_ERR_MALFORMED);
}

static void what_comes_at_the_wrong_time_is_malformed(void) {
    for (int kind = 1; kind < WEFT_SIGNAL_KIND_END; kind++) {
        struct weft_signal in = {.kind = (enum weft_signal_kind)kind};
        prepare("secret", "secret");
        weft_otp__handshake_listen(&b);
        if (kind != WEFT_SIGNAL_HELLO)
            CHECK_EQ_INT(weft_otp__handshake_step(&b, &in, &out), WEFT_ERR_MALFORMED);
        weft_otp__handshake_call(&a, &hello);
        if (kind != WEFT_SIGNAL_CHALLENGE)
            CHECK_EQ_INT(weft_otp__handshake_step(&a, &in, &out), WEFT_ERR_MALFORMED);
    }
}

/* RFC 4231, test cases 2 and 6. */
static void the_code_is_hmac_sha256(void) {
    unsigned char code[WEFT_HMAC_SIZE], key[131];
    static const unsigned char jefe[4] = {0x5b, 0xdc, 0xc1, 0x46},
                               large[4] = {0x60, 0xe4, 0x31, 0x59};
    weft_hmac(weft_bytes("Jefe", 4), weft_bytes_text("what do ya want for nothing?"), code);
    CHECK_EQ_BYTES(code, jefe, 4);
    memset(key, 0xaa, sizeof key);
    weft_hmac(weft_bytes(key, sizeof key),
              weft_bytes_text("Test Using Larger Than Block-Size Key - Hash Key First"), code);
    CHECK_EQ_BYTES(code, large, 4);
}

TEST_MAIN("otp/handshake", TEST(both_know_each_other_in_the_end),
          TEST(another_cookie_is_denied_and_told_nothing), TEST(a_code_does_not_serve_again),
          TEST(whoever_answers_must_be_who_was_called), TEST(nobody_connects_with_himself),
          TEST(a_hello_that_is_none_is_refused), TEST(what_comes_at_the_wrong_time_is_malformed),
          TEST(the_code_is_hmac_sha256))
