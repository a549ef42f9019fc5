/* What every part of the runtime speaks of: pids, reasons, messages. */
#ifndef WEFT_OTP_TYPES_H
#define WEFT_OTP_TYPES_H

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/time.h"
#include "core/env/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A process: its slot and the serial of the slot's present holder, so that a pid kept across a
 * restart is dead, never somebody else. 0 is no process.
 * Bits: 0-23 slot, 24-43 serial, 44-49 scheduler of the node, 50-63 node (0: this one). */
typedef struct {
    uint64_t raw;
} weft_pid;

#define WEFT_PID_NONE ((weft_pid){0})
#define WEFT_PID_SLOT_BITS 24
#define WEFT_PID_SERIAL_BITS 20
#define WEFT_PID_SCHED_BITS 6
#define WEFT_PID_NODE_BITS 14

static inline uint32_t weft_pid_slot(weft_pid pid) { return (uint32_t)(pid.raw & 0xffffff); }
static inline uint32_t weft_pid_serial(weft_pid pid) { return (uint32_t)(pid.raw >> 24 & 0xfffff); }
static inline uint32_t weft_pid_sched(weft_pid pid) { return (uint32_t)(pid.raw >> 44 & 0x3f); }
static inline uint32_t weft_pid_node(weft_pid pid) { return (uint32_t)(pid.raw >> 50); }

static inline bool weft_pid_equal(weft_pid a, weft_pid b) { return a.raw == b.raw; }
static inline bool weft_pid_is_none(weft_pid pid) { return pid.raw == 0; }

/* Names a call, a timer or a monitor of one process; never reused within a node's life. 0: none. */
typedef uint64_t weft_ref;

/* Why a process ended. X(NAME, text). The first four are OTP's reasons with a meaning of their own
 * (https://www.erlang.org/doc/reference_manual/processes.html#errors).
 *
 * Difference from OTP: a reason is this small value and a text, not any term. */
#define WEFT_REASONS(X)                                                                            \
    X(NORMAL, "normal")                                                                            \
    X(SHUTDOWN, "shutdown") /* with code != 0: OTP's {shutdown, Term} */                           \
    X(KILL, "kill")         /* sent; cannot be trapped */                                          \
    X(KILLED, "killed")     /* what others see of a process ended by KILL */                       \
    X(NOPROC, "noproc")                                                                            \
    X(ERROR, "error") /* the process's own; code tells which */                                    \
    X(FAULT, "fault") /* a fault in a handler; code is enum weft_fault_kind */                     \
    X(TIMEOUT, "timeout")                                                                          \
    X(START, "failed_to_start")     /* a supervisor whose child would not start */                 \
    X(LIMIT, "limit")               /* ran into a bound: mailbox or memory */                      \
    X(NOCONNECTION, "noconnection") /* the node of the process was lost */

enum weft_reason_kind {
#define WEFT_REASON_ENUM(name, text) WEFT_REASON_##name,
    WEFT_REASONS(WEFT_REASON_ENUM)
#undef WEFT_REASON_ENUM
};

/* Room for a chain of supervisors that gave up, with the fault at its end. */
#define WEFT_REASON_TEXT_SIZE 184

struct weft_reason {
    enum weft_reason_kind kind;
    int32_t code;
    char
        text[WEFT_REASON_TEXT_SIZE]; /* for people: "core/dht/table.c:120: count <= k"; may be "" */
};

/* A reason without text. */
struct weft_reason weft_reason(enum weft_reason_kind kind, int32_t code);

/* A reason with a printf-made text, cut to fit. */
struct weft_reason weft_reason_text(enum weft_reason_kind kind, int32_t code, const char *format,
                                    ...) __attribute__((format(printf, 3, 4)));

/* "normal", "shutdown", ...; never NULL. */
const char *weft_reason_name(enum weft_reason_kind kind);

/* NORMAL, SHUTDOWN with any code: what does not restart a transient child. */
bool weft_reason_is_clean(const struct weft_reason *reason);

enum weft_msg_kind {
    WEFT_MSG_CAST = 1, /* weft_send: tag, data; from is the sender */
    WEFT_MSG_CALL,     /* a request; answer with weft_reply */
    WEFT_MSG_REPLY,    /* the answer to weft_call: ref, status, data */
    WEFT_MSG_EXIT,     /* exit signal of a linked or sending process, when trapping: from, reason */
    WEFT_MSG_DOWN,     /* a monitored process ended: ref, from, reason */
    WEFT_MSG_TIMER,    /* ref, tag, data as given to weft_timer_start */
    WEFT_MSG_EVENT     /* of a socket this process owns: event */
};

/* A message as a handler sees it; borrowed until the handler returns. */
struct weft_msg {
    enum weft_msg_kind kind;
    uint32_t tag;
    weft_pid from;
    weft_ref ref;
    int status;                       /* REPLY: WEFT_OK, WEFT_ERR_TIMEOUT, WEFT_ERR_NO_PROC, or
                                         what the server gave to weft_reply */
    struct weft_bytes data;           /* CAST, CALL, REPLY, TIMER */
    const struct weft_reason *reason; /* EXIT, DOWN; else NULL */
    const struct weft_event *event;   /* EVENT; else NULL */
};

/* What a later weft_reply needs of a call: copy it into the state to answer later. */
struct weft_call {
    weft_pid from;
    weft_ref ref;
};

#endif
