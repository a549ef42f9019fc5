/* What the files of this room share. Nothing outside core/otp includes it.
 *
 * Three rules hold everywhere:
 *   - a function that handlers call checks and touches what the caller gave before it enters the
 *     runtime, so that a bad argument is the caller's fault and not a panic; it writes results
 *     after it has left
 *   - what must reach a process later (EXIT, DOWN, REPLY, TIMER) is allocated when it is asked
 *     for; the record itself is what lies in the mailbox, so telling cannot fail
 *   - nothing is freed while its code is on the stack: a running process is marked and ends when
 *     its handler has returned */
#ifndef WEFT_OTP_INTERNAL_H
#define WEFT_OTP_INTERNAL_H

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/base/list.h"
#include "core/otp/ring.h"
#include "core/otp/sched.h"
#include "core/otp/segments.h"

/* --- reasons, small: the text is shared and counted --- */

struct cause_text {
    uint32_t refs;
    uint32_t size; /* bytes of text with the NUL */
    char text[];
};

struct cause {
    enum weft_reason_kind kind;
    int32_t code;
    struct cause_text *text; /* NULL: none, or there was no memory for it */
};

struct cause weft_otp__cause_make(struct weft_sched *sched, const struct weft_reason *reason);
struct cause weft_otp__cause_plain(enum weft_reason_kind kind, int32_t code);
struct cause weft_otp__cause_share(struct cause cause);
void weft_otp__cause_drop(struct weft_sched *sched, struct cause *cause);
struct weft_reason weft_otp__cause_reason(const struct cause *cause);

/* --- hash table with chains, for lookups only: nothing walks it --- */

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map {
    struct weft_mem *mem;
    struct map_node **buckets;
    uint32_t buckets_count, count;
};

void weft_otp__map_init(struct map *map, struct weft_mem *mem);
void weft_otp__map_deinit(struct map *map);
/* WEFT_ERR_NOMEM */
int weft_otp__map_insert(struct map *map, struct map_node *node, uint64_t hash);
void weft_otp__map_remove(struct map *map, struct map_node *node);
/* The first node with `hash`, and the next one after `node` with the same. */
struct map_node *weft_otp__map_first(const struct map *map, uint64_t hash);
struct map_node *weft_otp__map_next(const struct map_node *node);

/* --- what lies in a mailbox, or waits to --- */

enum mail_place {
    MAIL_NOWHERE = 0,
    MAIL_PENDING, /* with its owner, until it goes off */
    MAIL_QUEUED   /* in its owner's mailbox */
};

enum mail_bit {
    MAIL_OF_LINK = 1, /* EXIT: a struct peer_link, not of weft_exit */
    MAIL_OF_STOP = 2, /* EXIT: of weft_stop_server: it ends whom it is for, trapping or not */
    MAIL_FAR = 4,     /* REPLY: the callee is elsewhere, and knows of it; EXIT: a far_link */
    MAIL_JOB = 8,     /* REPLY: the callee is the env */
    MAIL_LARGE = 16,  /* CAST, CALL: in the mailbox, and counted in its owner's large_bytes */
    MAIL_SPARE = 32   /* EXIT: one of the scheduler's spares, in use */
};

struct mail {
    struct weft_link link;
    weft_pid from;
    uint32_t tag;
    uint8_t kind;  /* enum weft_msg_kind */
    uint8_t place; /* enum mail_place */
    uint8_t bits;  /* enum mail_bit */
};

/* CAST, CALL. Data is aligned for any type. */
struct letter {
    struct mail mail;
    weft_ref ref;
    uint32_t data_size;
    _Alignas(16) unsigned char data[];
};

/* EXIT. */
struct notice {
    struct mail mail;
    struct cause cause;
};

/* TIMER, DOWN, REPLY: its owner waits for it. Its ref leads here until it is freed. */
struct awaited {
    struct mail mail;
    weft_ref ref;
    struct weft_process *owner;
};

/* Those from ROUTE_MONITOR on are ties of a route, see remote_internal.h. */
enum tie_kind {
    TIE_NONE = 0,
    TIE_LINK_0,
    TIE_LINK_1,
    TIE_MONITOR,
    TIE_CALL,
    TIE_FAR,
    TIE_FAR_LINK,
    TIE_WATCH,
    TIE_ROUTE_MONITOR,
    TIE_ROUTE_CALL,
    TIE_ROUTE_LINK
};

/* In the `ties` of a process, unless NONE: what has to be told when it ends, in the order it was
 * made. */
struct tie {
    struct weft_link link;
    uint32_t tag; /* of a link's EXIT; MONITOR, CALL: slot of whom it is tied to */
    uint8_t kind; /* enum tie_kind */
};

/* tie[i] lies with end[i]; when that one ends, the record becomes the EXIT of the other.
 * end[0] is the one who linked, or the parent of the other; its EXIT carries tie[0].tag. */
struct peer_link {
    union {
        struct {
            struct tie tie[2];
            struct weft_process *end[2];
        };
        struct notice notice;
    };
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct peer_link) == 64, "a link is a cache line");

/* Tied to the watched while it is pending; then it is the DOWN. */
struct monitor {
    struct awaited awaited;
    union {
        struct tie tie;
        struct cause cause;
    };
    uint32_t name_size;
    char name[]; /* by which it was asked for, without a NUL; comes with the DOWN */
};

/* Follows a struct awaited, whose kind tells what goes off.
 * I1  seq 0: not set. */
struct alarm {
    weft_time at;
    uint64_t seq; /* which one it was, times 256; plus its rank in the forest, or its run */
    struct alarm *child, *next, *prev;
};

struct timer {
    struct awaited awaited;
    struct alarm alarm;
    uint32_t data_size;
    _Alignas(16) unsigned char data[];
};

#define REPLY_INLINE 64 /* bytes of an answer that need no memory of their own */

struct code_version;

/* A call as its caller keeps it; becomes the REPLY. Tied to the callee while it is pending. */
struct call {
    struct awaited awaited;
    union {
        struct {
            struct alarm alarm;
            struct tie tie;
        };
        _Alignas(16) unsigned char room[REPLY_INLINE]; /* of the answer */
    };
    int status;
    uint32_t data_size;
    union {
        unsigned char *data;       /* of the REPLY: `room`, or a record */
        struct code_version *code; /* of a job that is pending: held while its function may run */
    };
};

_Static_assert(offsetof(struct timer, alarm) == offsetof(struct call, alarm), "found the same way");

struct event_mail {
    struct mail mail;
    struct weft_event event;
    _Alignas(16) unsigned char data[];
};

/* A socket of a process. */
struct sock {
    struct weft_link link;
    weft_socket socket;
};

/* What weft_alloc hands out lies behind one of these. */
struct block {
    struct weft_link link;
    struct weft_process *owner;
    size_t size;
};

_Static_assert(sizeof(struct block) % 16 == 0, "blocks are aligned for any type");

/* --- processes --- */

enum proc_flag {
    PROC_QUEUED = 1,  /* in a run queue */
    PROC_RUNNING = 2, /* a callback of it is on the stack */
    PROC_TRAP = 4,
    PROC_DOOMED = 8,    /* an exit signal ends it */
    PROC_STOPPING = 16, /* weft_stop ends it, after terminate */
    PROC_CONTINUE = 32, /* handle_continue comes first */
    PROC_POISONED = 64,
    PROC_TRAP_PARENT = 128,
    PROC_STARTING = 256,   /* its init has not returned */
    PROC_SUSPENDED = 512,  /* by sys: no message is handled */
    PROC_WATCHED = 1024,   /* by sys: it has a record in sched->debugs */
    PROC_CHANGING = 2048,  /* its code_change runs: memory.c keeps what it frees */
    PROC_HIBERNATE = 4096, /* pack the state away when the turn ends with nothing to do */
    PROC_ASLEEP = 8192,    /* `state` is a struct packed */
    PROC_LATE = 16384,     /* a call to it timed out since its mailbox was empty */
    PROC_DIST = 32768,     /* it holds the connections to other nodes */
    PROC_QUOTA_KILL = 1 << 16,
    PROC_OVERFLOW_KILL = 1 << 17,
    PROC_OVERFLOW_DROP = 1 << 18,
    PROC_UNREADY = PROC_ASLEEP | PROC_POISONED /* looked at before its turn */
};

/* Another pid of a process. */
struct alias {
    weft_pid pid;
    struct weft_process *proc;
    struct alias *next;
};

/* What few processes have, made when it is first needed.
 * I1  `memory` is the sum of the sizes of `blocks`. */
struct extra {
    struct weft_process *proc;
    struct name *name;
    struct alias *aliases; /* the last made first */
    weft_ref idle;         /* gen_server's timer, or 0 */
    struct weft_mem mem;
    struct weft_link blocks;
    size_t memory, memory_max;
    struct ring sockets; /* oldest first */
    uint32_t sockets_count;
    uint32_t events_count;         /* EVENTs in the mailbox */
    uint32_t mailbox_max;          /* messages */
    size_t large_bytes, large_max; /* of large messages in the mailbox */
};

/* `state` is `body`, unless code of today has one of another size elsewhere: that one is a record
 * of behaviour->state_size bytes.
 * I1  DOOMED and STOPPING exclude each other and end_* are valid when one is set.
 * I2  QUEUED only if the mailbox holds something or CONTINUE, STOPPING is set. */
struct weft_process {
    struct weft_sched *sched;
    weft_pid pid, parent;
    const struct weft_behaviour *behaviour;
    void *state;
    struct weft_link run;                 /* a run queue, or the dying */
    struct ring mailbox;                  /* struct mail */
    struct ring pending;                  /* struct awaited */
    struct ring ties;                     /* struct tie */
    struct extra *extra;                  /* NULL: none yet */
    uint64_t messages, reductions, bytes; /* handled; those and calls of the API; received */
    struct cause_text *end_text;          /* the cause of its end: with end_kind, end_code */
    int32_t end_code;
    uint32_t mailbox_count;
    uint32_t tag;            /* as given at spawn */
    uint32_t code_epoch;     /* differs from the scheduler's: code is to be looked at */
    uint32_t body_size : 24; /* bytes */
    uint32_t priority : 2;   /* enum weft_priority */
    uint32_t end_kind : 6;   /* enum weft_reason_kind */
    uint32_t flags;          /* enum proc_flag */
    uint32_t code_messages;  /* handled before it had this code */
    uint16_t app;            /* the application it belongs to; 0: none */
    _Alignas(16) unsigned char body[];
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct weft_process) <= 160, "a process is small");

struct name {
    struct map_node node;
    struct weft_process *proc;
    uint32_t size; /* with the NUL */
    char text[];
};

struct poison {
    struct weft_link link;
    weft_pid pid;
    struct weft_planted planted;
};

/* --- memory of records (pool.c) --- */

#define POOL_STEP 16
#define POOL_MAX 512 /* bytes of the largest record that is kept */
#define POOL_CLASSES (POOL_MAX / POOL_STEP)

/* I1  a class never has a free record while it grows.
 * I2  a record goes back to the class of the size it was asked for with.
 * I3  with no classes, what stands from `free` on is not there. */
struct pool {
    struct slab *slabs;
    uint32_t classes;            /* POOL_CLASSES, or 0: each record is an allocation of its own */
    uint32_t used;               /* records in use that are of a class */
    void *free[POOL_CLASSES];    /* each begins with the next */
    uint32_t made[POOL_CLASSES]; /* free or not */
};

/* --- who runs next (run_queue.c) --- */

#define RUN_QUEUES 3

struct run_queues {
    struct weft_link at[RUN_QUEUES];    /* by enum weft_priority */
    uint32_t count;                     /* in all of them */
    uint32_t high_turns;                /* of HIGH in a row while others waited */
    uint32_t normal_turns;              /* of NORMAL since the last of LOW, while LOW waited */
    const struct weft_order_ops *order; /* of the env; NULL: none */
};

/* --- timers (timer.c) --- */

#define ALARM_RUNS 4
#define ALARM_RANKS 16

/* Alarms set in the order they are due make runs: each is a ring, first due first. The others are
 * in a forest of trees in which nobody is due before its parent; tree[r] has rank r.
 * I1  `first_at` is when the earliest is due; WEFT_TIME_NEVER when there is none. */
struct alarms {
    struct alarm *run[ALARM_RUNS]; /* its first, or NULL */
    weft_time run_end[ALARM_RUNS]; /* when its last is due */
    struct alarm *tree[ALARM_RANKS];
    uint32_t trees; /* bit r: tree[r] is not NULL */
    uint32_t count;
    uint64_t seq;
    weft_time first_at;
};

/* --- one weft_sched_run (turn.c) --- */

struct run {
    uint32_t left;      /* messages it may still handle */
    uint32_t unclocked; /* handled since the clock was read */
    weft_time began, clocked;
};

struct weft_sched {
    struct weft_env *env;
    volatile int runtime_depth;
    weft_time now;
    uintptr_t stack_probed; /* the stack is there down to this address; UINTPTR_MAX: unknown */

    struct run run;
    uint32_t message_cost;        /* ns, as measured; 0: too little to see */
    weft_pid recent;              /* who had the last event: for weft_sched_fetch */
    struct weft_process *running; /* whose turn it is */
    struct mail *handling;        /* freed also when the handler faults */

    struct weft_watch watch;
    weft_duration handler_max;      /* 0: none */
    const struct weft_fault *fault; /* of the process that ends by it, until that is reported */

    struct run_queues queues;
    struct alarms alarms;

    struct segments slots;
    uint32_t free_head, free_tail;
    uint32_t procs_count, procs_max, aliases_count;

    struct segments refs;
    uint32_t refs_free;

    struct map names;
    struct weft_hash_key key;

    struct weft_link dying, poisons, debugs;
    struct {
        weft_pid pid;           /* hangs, as planted: nobody runs meanwhile */
        weft_time since, until; /* until 0: nobody hangs */
    } stall;
    struct weft_mem no_memory; /* gives none: weft_self_mem of a process that cannot have one */
    bool reaping;
    int spawn_depth;

    struct app_table *apps; /* NULL: none was ever loaded */
    struct remote *remote;  /* NULL: there is no elsewhere */
    uint64_t place;         /* the bits of its pids that tell this scheduler */
    weft_pid far_parent;    /* of what is started for a process elsewhere */
    const struct weft_behaviour *const *offers;
    size_t offers_count;

    weft_pid root;
    bool ended, halting; /* halting: ended_why is set already */
    struct cause ended_why;
    struct weft_reason *last_reason; /* of the last spawn that failed; NULL: none yet */
    bool last_failed;                /* the last spawn did */

    /* For the end when memory is short: supervisors stop one child after the other, and each is
     * told while the notice that told its parent is still held. */
    struct notice spares[2];

    uint32_t sockets_count;
    uint64_t spawned, exited, faulted, messages, dropped, expired;
    uint64_t refused; /* allocations, by memory_max */
    size_t process_bytes;

    struct weft_code *code; /* NULL until a module is loaded */
    uint32_t code_epoch;    /* raised when some process may have to change its code */
    bool code_sweeping;     /* weft_otp__code_sweep has work */

    struct pool pool; /* I1  the last: of a scheduler without classes only its head is there */
};

#define STACK_NEEDED 12288 /* bytes: what the runtime may use of it */

/* Touch as much of the stack. */
void weft_otp__probe_stack(struct weft_sched *sched);

/* Enter the runtime on behalf of a handler. The stack that the runtime may need is touched first,
 * unless it has been: a stack that ends here ends in the handler. */
static inline struct weft_sched *weft_otp__enter(weft_self *self) {
    struct weft_sched *sched = self->sched;
    if ((uintptr_t)__builtin_frame_address(0) - STACK_NEEDED < sched->stack_probed)
        weft_otp__probe_stack(sched);
    self->reductions++;
    sched->runtime_depth = sched->runtime_depth + 1;
    return sched;
}

static inline void weft_otp__leave(struct weft_sched *sched) {
    WEFT_ASSERT(sched->runtime_depth > 0);
    sched->runtime_depth = sched->runtime_depth - 1;
}

/* Whether `pid` is of another scheduler or node, and there is such a thing. */
static inline bool weft_otp__is_far(const struct weft_sched *sched, weft_pid pid) {
    if (sched->remote == NULL || weft_pid_is_none(pid)) return false;
    return (pid.raw ^ sched->place) >> (WEFT_PID_SLOT_BITS + WEFT_PID_SERIAL_BITS) != 0;
}

/* A handler of `behaviour` is about to be called: it has its own time. */
static inline void weft_otp__watch(struct weft_sched *sched,
                                   const struct weft_behaviour *behaviour) {
    weft_duration own = behaviour->handler_max;
    sched->watch.limit = own == 0 ? sched->handler_max : own == WEFT_TIME_NEVER ? 0 : own;
    sched->watch.beat = sched->watch.beat + 1;
}

/* It has returned: whoever was called before it goes on, with its time anew. */
static inline void weft_otp__watch_back(struct weft_sched *sched, weft_duration limit) {
    sched->watch.limit = limit;
    sched->watch.beat = sched->watch.beat + 1;
}

/* Read all of it once: a bad pointer faults here. */
void weft_otp__touch(struct weft_bytes bytes);

/* Double a table of `size` byte elements. WEFT_ERR_NOMEM */
int weft_otp__grow(struct weft_mem *mem, void **table, uint32_t *room, size_t size);

/* pool.c */
void weft_otp__pool_init(struct pool *pool, bool plain);
/* Bytes of a scheduler (I1 of struct weft_sched). */
size_t weft_otp__sched_size(bool plain);
void weft_otp__pool_deinit(struct weft_sched *sched);
/* One more record of `class`, which has none free; NULL when there is no memory. */
void *weft_otp__pool_grow(struct weft_sched *sched, uint32_t class);

static inline uint32_t weft_otp__class(size_t size) {
    size_t class = (size - 1) / POOL_STEP;
    return class < POOL_CLASSES ? (uint32_t) class : POOL_CLASSES;
}

/* `size` bytes (> 0) aligned for any type, not cleared; NULL when there is no memory. */
static inline void *weft_otp__alloc(struct weft_sched *sched, size_t size) {
    uint32_t class = weft_otp__class(size);
    struct pool *pool = &sched->pool;
    if (class >= pool->classes) return weft_mem_alloc(sched->env->mem, size);
    void **first = pool->free[class];
    if (first == NULL) return weft_otp__pool_grow(sched, class);
    pool->free[class] = *first;
    pool->used++;
    __builtin_prefetch(*first, 1);
    return first;
}

/* `size` is what was asked for. NULL is ignored. */
static inline void weft_otp__free(struct weft_sched *sched, void *ptr, size_t size) {
    if (ptr == NULL) return;
    uint32_t class = weft_otp__class(size);
    struct pool *pool = &sched->pool;
    if (class >= pool->classes) {
        weft_mem_free(sched->env->mem, ptr, size);
        return;
    }
    WEFT_ASSERT(pool->used > 0);
    *(void **)ptr = pool->free[class];
    pool->free[class] = ptr;
    pool->used--;
}

/* As realloc: on NULL `ptr` still stands. */
void *weft_otp__resize(struct weft_sched *sched, void *ptr, size_t old_size, size_t size);

/* run_queue.c */
void weft_otp__queues_init(struct run_queues *queues);
void weft_otp__queue_push(struct weft_process *proc);
/* To behind `last` in its queue, whose head is the first `last`; the next `last` is returned. */
struct weft_link *weft_otp__queue_ahead(struct weft_process *proc, struct weft_link *last);
/* Out of its queue, or of the dying; harmless when it is in none. */
void weft_otp__queue_remove(struct weft_process *proc);
/* The next to run, in no queue any more; NULL when nobody is runnable. */
struct weft_process *weft_otp__queue_pop(struct weft_sched *sched);

/* proc_table.c */
void weft_otp__table_init(struct weft_sched *sched);

/* The word of a slot with one of these bits is no process. */
#define SLOT_FREE UINT64_C(1)
#define SLOT_ALIAS UINT64_C(2)

/* Who is meant by `pid` where the slot holds `word`, no process; NULL: nobody. */
struct weft_process *weft_otp__find_alias(uint64_t word, weft_pid pid);

/* NULL: not here, or not any more. */
static inline struct weft_process *weft_otp__find(const struct weft_sched *sched, weft_pid pid) {
    uint32_t index = weft_pid_slot(pid);
    if (index >= sched->slots.count) return NULL;
    uint64_t word = *segments_at(&sched->slots, index);
    /* A pid of elsewhere has bits above the serial and so equals none here. */
    if (word & (SLOT_FREE | SLOT_ALIAS)) return weft_otp__find_alias(word, pid);
    struct weft_process *proc = (struct weft_process *)(uintptr_t)word;
    return weft_pid_equal(proc->pid, pid) ? proc : NULL;
}

/* Who holds the slot `index` < slots.count, or NULL. */
struct weft_process *weft_otp__table_at(const struct weft_sched *sched, uint32_t index);
/* They get a pid by it. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_otp__table_add(struct weft_sched *sched, struct weft_process *proc);
void weft_otp__table_remove(struct weft_sched *sched, struct weft_process *proc);
int weft_otp__table_add_alias(struct weft_sched *sched, struct alias *alias);
void weft_otp__table_remove_alias(struct weft_sched *sched, const struct alias *alias);

/* refs.c: WEFT_ERR_NOMEM */
void weft_otp__refs_init(struct weft_sched *sched);
int weft_otp__ref_new(struct weft_sched *sched, struct awaited *awaited);
struct awaited *weft_otp__ref_get(const struct weft_sched *sched, weft_ref ref);
void weft_otp__ref_drop(struct weft_sched *sched, struct awaited *awaited);

/* extra.c: what there is, made if it is not; NULL when there is no memory. */
struct extra *weft_otp__extra(struct weft_process *proc);
void weft_otp__extra_free(struct weft_process *proc);

/* mailbox.c */
/* A record of `size` bytes, cleared up to `clear`. */
struct record {
    enum weft_msg_kind kind;
    size_t size, clear;
};
/* NULL when there is no memory. */
void *weft_otp__mail_new(struct weft_sched *sched, const struct record *record);
/* The same, of what `owner` awaits, with a ref. */
void *weft_otp__awaited_new(struct weft_process *owner, const struct record *record);
void weft_otp__mail_free(struct weft_sched *sched, struct mail *mail);
/* Into the mailbox of `owner`: from where it is pending, or from nowhere. */
void weft_otp__mail_push(struct weft_process *owner, struct mail *mail);
/* Out of where it is. */
void weft_otp__mail_take(struct weft_process *owner, struct mail *mail);
/* One that counted by its bytes has left the mailbox. */
void weft_otp__large_gone(struct weft_process *owner, struct mail *mail);

/* The first of the mailbox, which is not empty, taken out. */
static inline struct mail *weft_otp__mail_first(struct weft_process *owner) {
    struct weft_link *first = owner->mailbox.first;
    struct mail *mail = WEFT_CONTAINER(first, struct mail, link);
    WEFT_ASSERT(mail->place == MAIL_QUEUED);
    WEFT_ASSERT(owner->mailbox_count > 0);
    owner->mailbox_count--;
    if (mail->bits & MAIL_LARGE) weft_otp__large_gone(owner, mail);
    ring_remove(&owner->mailbox, first);
    if (mail->kind == WEFT_MSG_EVENT) owner->extra->events_count--;
    mail->place = MAIL_NOWHERE;
    return mail;
}
void weft_otp__awaited_pending(struct awaited *awaited);
void weft_otp__runnable(struct weft_process *proc);

static inline uint32_t weft_otp__mailbox_max(const struct weft_process *proc) {
    return proc->extra != NULL ? proc->extra->mailbox_max : WEFT_MAILBOX_MAX;
}

/* CAST or CALL as wanted. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
struct post {
    enum weft_msg_kind kind;
    weft_pid from;
    weft_ref ref;
    uint32_t tag;
    struct weft_bytes data;
    bool force; /* whatever the mailbox holds */
};
int weft_otp__post(struct weft_process *to, const struct post *post);

/* signal.c */
struct signal {
    weft_pid from;
    struct cause cause;     /* borrowed */
    struct peer_link *link; /* the link it comes by, taken; NULL: weft_exit */
};
void weft_otp__signal(struct weft_process *to, const struct signal *signal);
/* As weft_exit. */
void weft_otp__exit(struct weft_sched *sched, weft_pid from, weft_pid to,
                    const struct weft_reason *why);
/* It ends for `cause`, trapping or not: when its handler has returned, or at the next reap. The
 * first such cause counts; a weft_stop before it counts more, except before KILLED. */
void weft_otp__doom(struct weft_process *proc, struct cause cause);
void weft_otp__stop(struct weft_process *proc, struct cause cause);
/* End it now. It must not be running. `cause` is taken. */
void weft_otp__finish(struct weft_process *proc, struct cause cause, bool fault);
/* End those who were doomed. */
void weft_otp__reap(struct weft_sched *sched);
/* The cause of its end: set, replacing another (`cause` is taken); and taken out. */
void weft_otp__end_set(struct weft_process *proc, struct cause cause);
struct cause weft_otp__end_take(struct weft_process *proc);
/* Free what it has and itself, telling nobody. */
void weft_otp__discard(struct weft_process *proc);

/* link.c */
void weft_otp__tie_add(struct weft_process *proc, struct tie *tie, enum tie_kind kind);
/* Harmless when it is NONE. */
void weft_otp__tie_remove(struct weft_process *proc, struct tie *tie);
/* The same of a monitor or a call, wherever it is tied. */
void weft_otp__tie_drop(struct weft_sched *sched, struct tie *tie);
/* The first, which is NONE then; or NULL. */
struct tie *weft_otp__tie_pop(struct weft_process *proc, enum tie_kind *kind);
struct peer_link *weft_otp__link_new(struct weft_process *a, struct weft_process *b, uint32_t tag);
struct peer_link *weft_otp__link_find(struct weft_process *a, struct weft_process *b);
void weft_otp__link_drop(struct peer_link *link);
/* `name` may be empty. */
struct monitor *weft_otp__monitor_new(struct weft_process *watcher, weft_pid to,
                                      struct weft_bytes name);
void weft_otp__monitor_drop(struct monitor *monitor);
void weft_otp__monitor_fire(struct monitor *monitor, struct cause cause);

/* alias.c */
void weft_otp__aliases_free(struct extra *extra);

/* hibernate.c */
/* In its turn, guarded: pack the state away, if that is asked for and possible. */
void weft_otp__hibernate(struct weft_process *proc);
/* Its state stands again; false: it could not, and the process is gone. */
bool weft_otp__wake(struct weft_process *proc);
/* Give back what stands for its state outside of its record. */
void weft_otp__state_free(struct weft_process *proc);
struct monitor *weft_otp__monitor_at(struct weft_process *watcher, weft_pid to, const char *name);

/* remote_api.c: for a pid that is elsewhere. */
int weft_otp__send_far(struct weft_sched *sched, weft_pid to, const struct post *post);
void weft_otp__exit_far(struct weft_sched *sched, weft_pid from, weft_pid to,
                        const struct weft_reason *why);
void weft_otp__reply_far(weft_self *self, const struct weft_call *call, int status,
                         struct weft_bytes data);
int weft_otp__link_far(weft_self *self, weft_pid to);
void weft_otp__unlink_far(weft_self *self, weft_pid to);
/* WEFT_ERR_NOMEM */
int weft_otp__monitor_far(struct monitor *monitor, const char *name);
void weft_otp__demonitor_far(struct monitor *monitor);
void weft_otp__call_over_far(struct call *call);
bool weft_otp__alive_far(const struct weft_sched *sched, weft_pid pid);
/* A tie of one of the far kinds: told, or (cause NULL) only forgotten. */
void weft_otp__tie_far(struct weft_process *proc, struct tie *tie, enum tie_kind kind,
                       const struct cause *cause);
/* Names of a node with several schedulers. EXISTS, NOMEM */
int weft_otp__name_claim(struct weft_process *proc, const char *text);
void weft_otp__name_disclaim(struct weft_process *proc, const char *text);
weft_pid weft_otp__name_far(const struct weft_sched *sched, const char *text);
/* The process that the scheduler of `other` knows by this slot and serial. */
weft_pid weft_otp__pid_beside(const weft_self *self, weft_pid other, uint64_t local);

/* call.c */
/* What a timeout given by a handler means: WEFT_INHERIT becomes what remains. */
weft_duration weft_otp__timeout(weft_self *self, weft_duration timeout);
/* Whether the caller of the CALL `mail` has had its TIMEOUT already. */
bool weft_otp__call_expired(const struct weft_sched *sched, const struct mail *mail);
struct call *weft_otp__call_new(weft_self *self, weft_pid to);
void weft_otp__call_done(struct call *call, int status, struct weft_bytes data);
/* The call `to`, while it waits for its answer; or NULL. Not of a job. */
struct call *weft_otp__call_waiting(const struct weft_sched *sched, const struct weft_call *to);
/* A pending one, of which nobody is told. */
void weft_otp__call_drop(struct weft_sched *sched, struct call *call);

/* timer.c */
void weft_otp__alarms_init(struct alarms *alarms);
/* `alarm` is cleared, or was cancelled. WEFT_ERR_FULL */
int weft_otp__alarm_set(struct weft_sched *sched, struct alarm *alarm, weft_time at);
/* Harmless when it is not set. */
void weft_otp__alarm_cancel(struct weft_sched *sched, struct alarm *alarm);
void weft_otp__alarms_fire(struct weft_sched *sched);
void weft_otp__timer_drop(struct weft_sched *sched, struct timer *timer);

/* names.c */
/* WEFT_ERR_NOMEM; the name is free. */
int weft_otp__name_set(struct weft_process *proc, const char *text);
void weft_otp__name_clear(struct weft_process *proc);
struct weft_process *weft_otp__name_find(const struct weft_sched *sched, const char *text);
bool weft_otp__name_valid(const char *text);
/* NULL: none */
const char *weft_otp__name_text(const struct weft_process *proc);

/* memory.c */
/* A weft_mem that never gives any. */
void weft_otp__no_memory_init(struct weft_mem *mem);
void weft_otp__memory_init(struct extra *extra);
void weft_otp__memory_free(struct extra *extra);
/* A code_change: until the end of it, nothing that was there before is freed or moved. The link
 * marks where in the blocks it began. Then the frees are done, or all is as it was. */
void weft_otp__memory_begin(struct weft_process *proc, struct weft_link *mark);
void weft_otp__memory_commit(struct weft_process *proc, struct weft_link *mark);
void weft_otp__memory_undo(struct weft_process *proc, struct weft_link *mark);

/* socket.c */
void weft_otp__sockets_close(struct extra *extra);

/* sched.c */
struct weft_proc_info weft_otp__info(const struct weft_process *proc);

/* sys.c */
/* `mail` lies in the mailbox of a suspended process: if it is the exit of its parent, act on it. */
void weft_otp__suspended_exit(struct weft_process *proc, struct mail *mail);
void weft_otp__resume(struct weft_process *proc);
/* What format_status writes, guarded, with a NUL behind it. How many bytes. */
size_t weft_otp__describe(struct weft_process *proc, char *text, size_t room);

/* debug.c */
void weft_otp__debug_free(struct weft_process *proc);
/* Of a process with PROC_WATCHED: `msg` comes in or goes out; its `from` is the other side. */
void weft_otp__watched(struct weft_process *proc, const struct weft_msg *msg, bool out);
/* The same of what it posts to `to`. */
void weft_otp__watched_post(struct weft_process *proc, weft_pid to, const struct post *post);

/* app_table.c */
void weft_otp__apps_free(struct weft_sched *sched);

/* job.c */
/* The env forgets it, if it is a job that is not done. */
void weft_otp__job_stop(struct call *call);
void weft_otp__job_done(struct weft_sched *sched, const struct weft_event *event);

/* bounds.c */
/* WEFT_ERR_NOMEM */
int weft_otp__bounds_set(struct weft_process *proc, const struct weft_spawn *spec);
/* `size` bytes more would pass memory_max. */
void weft_otp__quota_reached(struct weft_process *proc, size_t size);
/* WEFT_OK: there is room for `post` now. WEFT_ERR_FULL: there is none, and `to` may be gone. */
int weft_otp__mailbox_full(struct weft_process *to, const struct post *post);
/* A message over WEFT_MAIL_LARGE comes. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_otp__large_room(struct weft_process *to, const struct post *post);

/* poison.c */
/* What was planted in it happens. It may be gone afterwards; if it hangs, the run is over. */
void weft_otp__poison_strikes(struct weft_process *proc);
/* A planted hang goes on, until the time of its end. */
bool weft_otp__stalled(struct weft_sched *sched);
void weft_otp__end_by_fault(struct weft_process *proc, const struct weft_fault *fault);

/* crash.c */
struct weft_reason weft_otp__fault_reason(struct weft_sched *sched, const struct weft_fault *fault);
/* Where the fault stood, to the log. */
void weft_otp__log_frames(const struct weft_sched *sched, const struct weft_fault *fault);

/* spawn.c */
/* As weft_last_reason. */
const struct weft_reason *weft_otp__last_reason(const struct weft_sched *sched);
int weft_otp__spawn(struct weft_sched *sched, struct weft_process *parent,
                    const struct weft_spawn *spec, weft_pid *out);

/* code.c and code_*.c. Each does nothing, cheaply, while no module is loaded. */
struct code_version;
/* That of a loaded module with this name: of the module loaded first. NULL: there is none. */
const struct weft_behaviour *weft_otp__code_offer(const struct weft_sched *sched,
                                                  struct weft_bytes name);
/* The behaviour to start where `behaviour` was asked for. */
const struct weft_behaviour *weft_otp__code_start_as(const struct weft_sched *sched,
                                                     const struct weft_behaviour *behaviour);
void weft_otp__code_born(struct weft_process *proc);
void weft_otp__code_died(struct weft_process *proc);
/* At the start of a turn, when the epochs differ: go over to the code it is to have. */
void weft_otp__code_catch_up(struct weft_process *proc);
/* A callback of it returned outside a turn: what it did to itself, an end or mail, takes effect. */
void weft_otp__was_called(struct weft_process *proc);
/* A bounded number of processes that have no messages. */
void weft_otp__code_sweep(struct weft_sched *sched);
/* A handler of it faulted. */
void weft_otp__code_faulted(struct weft_process *proc, const struct weft_reason *why);
/* Keep the code of `behaviour` loaded while something other than its processes may run it: a job.
 * NULL, which release ignores, when it is of no module. `runs`: nobody will say when it runs no
 * more; its memory stays. */
struct code_version *weft_otp__code_hold(struct weft_sched *sched,
                                         const struct weft_behaviour *behaviour);
void weft_otp__code_release(struct code_version *version, bool runs);
void weft_otp__code_free(struct weft_sched *sched);

/* app_change.c: what is known of the application `from` goes on with `to`. False when it is loaded
 * and `to` is no such application. */
struct weft_application;
bool weft_otp__app_rebind(struct weft_sched *sched, const struct weft_application *from,
                          const struct weft_application *to);

/* Handlers take so long that turns are cut short. */
static inline bool weft_otp__is_slow(const struct weft_sched *sched) {
    return sched->message_cost > WEFT_TURN_TIME / WEFT_TURN_MAX;
}

/* turn.c: turns, until nobody is runnable or sched->run says it is enough. */
void weft_otp__turns(struct weft_sched *sched);

#endif
