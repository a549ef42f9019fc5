/* Up the stack from a fault: by the unwinder's tables, which cover code without frame pointers, and
 * by frame pointers where the tables end at once (a call through a bad pointer). */
#define _GNU_SOURCE
#include "core/posix/guard_internal.h"

#include "core/base/assert.h"

#include <stddef.h>
#include <unwind.h>

struct unwinding {
    const struct weft_posix__walk *walk;
    uintptr_t *frames;
    volatile uint32_t *count;
    bool reached; /* the frame that faulted */
    bool stopped; /* at walk->stop */
};

static bool is_below(struct unwinding *state, struct _Unwind_Context *context, uintptr_t code) {
    const struct weft_posix__walk *walk = state->walk;
    if (state->reached) return false;
    state->reached =
        walk->is_signal ? code == walk->code : (uintptr_t)_Unwind_GetCFA(context) > walk->above;
    return !state->reached;
}

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *arg) {
    struct unwinding *state = arg;
    int is_before = 0;
    uintptr_t code = (uintptr_t)_Unwind_GetIPInfo(context, &is_before);
    if (code == 0) return _URC_END_OF_STACK;
    if (is_below(state, context, code)) return _URC_NO_REASON;
    if (state->walk->stop != 0 && (uintptr_t)_Unwind_GetRegionStart(context) == state->walk->stop) {
        state->stopped = true;
        return _URC_END_OF_STACK;
    }
    state->frames[*state->count] = is_before ? code : code - 1; /* the call, not the return */
    *state->count = *state->count + 1;
    return *state->count < WEFT_FAULT_FRAMES_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
}

__attribute__((no_sanitize("address"))) static bool word_at(const struct weft_posix__walk *walk,
                                                            uintptr_t address, uintptr_t *word) {
    if (address % sizeof *word != 0 || address < walk->low) return false;
    if (address < walk->stack || address > walk->high - sizeof *word) return false;
    *word = *(const uintptr_t *)address;
    return true;
}

/* The return address lies where the stack pointer points when a call went nowhere. */
static void by_frame_pointers(const struct weft_posix__walk *walk, uintptr_t *frames,
                              volatile uint32_t *count) {
    uintptr_t base = walk->base, back, outer;
    frames[0] = walk->code;
    *count = 1;
    if (!word_at(walk, walk->stack, &back)) return;
    frames[(*count)++] = back - 1;
    while (*count < WEFT_FAULT_FRAMES_MAX && word_at(walk, base, &outer) &&
           word_at(walk, base + sizeof back, &back) && back != 0) {
        frames[*count] = back - 1;
        *count = *count + 1;
        if (outer <= base) return;
        base = outer;
    }
}

void weft_posix__walk(const struct weft_posix__walk *walk, uintptr_t *frames,
                      volatile uint32_t *count) {
    struct unwinding state = {.walk = walk, .frames = frames, .count = count};
    WEFT_ASSERT(frames != NULL);
    *count = 0;
    _Unwind_Backtrace(step, &state);
    bool lost = *count <= 1 && !state.stopped;
    if (lost && walk->is_signal && walk->high > walk->low) by_frame_pointers(walk, frames, count);
    WEFT_ASSERT(*count <= WEFT_FAULT_FRAMES_MAX);
}
