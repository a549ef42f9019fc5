/* Module: what an application's shared object exports, so that a running node can load it, and
 * load the next version beside it (core/otp/code.h, docs/upgrade.md).
 *
 *     static const struct weft_behaviour *const kv_behaviours[] = {&kv_server, &kv_session};
 *     WEFT_MODULE(.name = "kv", .version = 2, WEFT_BEHAVIOURS(kv_behaviours));
 *
 * Built with -shared -fPIC and linked with nothing: the weft_* functions are those of the program
 * that loads it. A module owns no writable data; whatever it keeps is state of a process. */
#ifndef WEFT_OTP_MODULE_H
#define WEFT_OTP_MODULE_H

#include "core/base/list.h"
#include "core/otp/application.h"

/* What the program and the module must agree on: a number that is raised when a meaning changes,
 * and the sizes of what both fill in, so that a change of a struct is noticed by itself. */
#define WEFT_ABI_VERSION 1u
#define WEFT_ABI_AND(type, rest) ((uint32_t)sizeof(type) * 31u + (rest)*37u)
#define WEFT_ABI_HANDLED                                                                           \
    WEFT_ABI_AND(struct weft_msg,                                                                  \
                 WEFT_ABI_AND(struct weft_event, (uint32_t)sizeof(struct weft_reason)))
#define WEFT_ABI_GIVEN                                                                             \
    WEFT_ABI_AND(struct weft_spawn, WEFT_ABI_AND(struct weft_child_spec, WEFT_ABI_HANDLED))
#define WEFT_ABI_EXPORTED                                                                          \
    WEFT_ABI_AND(struct weft_behaviour, WEFT_ABI_AND(struct weft_application, WEFT_ABI_GIVEN))
/* A module calls an allocator's functions itself: core/base/mem.h has them inline. */
#define WEFT_ABI_MEM                                                                               \
    WEFT_ABI_AND(struct weft_mem, WEFT_ABI_AND(struct weft_mem_ops, WEFT_ABI_EXPORTED))
#define WEFT_ABI_ENV WEFT_ABI_AND(struct weft_env, WEFT_ABI_AND(struct weft_net_ops, WEFT_ABI_MEM))
#define WEFT_ABI                                                                                   \
    (WEFT_ABI_VERSION << 24 |                                                                      \
     (WEFT_ABI_AND(struct weft_code_change, WEFT_ABI_ENV) & UINT32_C(0xffffff)))

/* I1  `abi` stays the first field for ever: it is read before anything else is believed
 * I2  behaviours have names, and no two the same: across versions they are matched by it */
struct weft_module_info {
    uint32_t abi;     /* WEFT_ABI as this module was built */
    const char *name; /* 1 to WEFT_NAME_MAX - 1 bytes; the same in every version */
    uint32_t version; /* >= 1, another in every version; a greater one is the newer */
    const struct weft_behaviour *const *behaviours;
    size_t behaviours_count;
    const struct weft_application *application; /* NULL: a library of behaviours */
};

/* The name of the exported object. */
#define WEFT_MODULE_SYMBOL "weft_module"

#define WEFT_MODULE(...)                                                                           \
    extern __attribute__((visibility("default"))) const struct weft_module_info weft_module;       \
    const struct weft_module_info weft_module = {.abi = WEFT_ABI, __VA_ARGS__}

#define WEFT_BEHAVIOURS(array)                                                                     \
    .behaviours = (array), .behaviours_count = sizeof(array) / sizeof((array)[0])

enum weft_code_direction { WEFT_CODE_UP = 1, WEFT_CODE_DOWN };

/* What a behaviour's code_change is given: gen_server's code_change/3
 * (https://www.erlang.org/doc/man/gen_server.html#Module:code_change-3).
 *
 * It is that of the newer of the two versions that runs, in both directions: the older one cannot
 * know a layout that came after it. It fills new_state, which is cleared, from old_state, and
 * returns WEFT_OK; the process then goes on with new_state and new code, at its next message. Any
 * other result, or a fault, leaves it as it was, old code and all: the bytes of its state and of
 * what it had allocated (the oldest up to WEFT_CODE_SNAPSHOT_MAX bytes; what was written beyond
 * stays), and what it allocated or freed meanwhile is undone. What else it did stays done:
 * better to send, spawn and start timers in the first message than here.
 *
 * The state moves: lists whose head is in it, and pointers into it, have to be moved along
 * (weft_code_move_list). Without a code_change, and with equal sizes, it stays where it is. */
struct weft_code_change {
    uint32_t from_version, to_version; /* of the module */
    enum weft_code_direction direction;
    const void *old_state;
    size_t old_size;
    void *new_state;
    size_t new_size;
    struct weft_bytes extra; /* as given with the upgrade; also on the way back */
};

/* Take all elements of the list `from`, in the old state, over to `to`, in the new one, which need
 * not be initialised. */
static inline void weft_code_move_list(const struct weft_link *from, struct weft_link *to) {
    weft_list_init(to);
    if (from->next == from) return;
    *to = *from;
    to->next->prev = to;
    to->prev->next = to;
}

#endif
