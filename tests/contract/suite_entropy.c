/* Claims about entropy. */
#include "tests/contract/contract.h"

void entropy_differs_between_calls(void) {
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    unsigned char drawn[64][16];
    bool differ = true;
    for (size_t i = 0; i < 64; i++) {
        env->entropy->fill(env, drawn[i], sizeof drawn[i]);
        for (size_t k = 0; k < i; k++) differ = differ && memcmp(drawn[i], drawn[k], 16) != 0;
    }
    CHECK(differ);
    contract_end();
}

void entropy_differs_between_nodes(void) {
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    unsigned char of_a[32], of_b[32];
    a->entropy->fill(a, of_a, sizeof of_a);
    b->entropy->fill(b, of_b, sizeof of_b);
    CHECK(memcmp(of_a, of_b, sizeof of_a) != 0);
    contract_end();
}

/* All of `size` bytes are drawn: over 64 draws each byte is non-zero once, but for one chance in
 * 2^512 a byte. What is after them is untouched. */
static bool fills(struct weft_env *env, size_t size) {
    static unsigned char data[2050], any[2049];
    memset(any, 0, sizeof any);
    for (int i = 0; i < 64; i++) {
        memset(data, 0, sizeof data);
        env->entropy->fill(env, data, size);
        for (size_t k = 0; k < size; k++) any[k] |= data[k];
        if (data[size] != 0) return false;
    }
    for (size_t k = 0; k < size; k++) {
        if (any[k] == 0) return false;
    }
    return true;
}

void entropy_fills_every_size(void) {
    static const size_t sizes[] = {1, 2, 3, 20, 255, 256, 257, 2049};
    if (!contract_begin()) return;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CHECK(fills(contract_env(CONTRACT_A), sizes[i]));
    }
    contract_end();
}

void entropy_of_nothing_touches_nothing(void) {
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    unsigned char data[2] = {7, 9};
    env->entropy->fill(env, data, 0);
    CHECK_EQ_INT(data[0], 7);
    CHECK_EQ_INT(data[1], 9);
    contract_end();
}
