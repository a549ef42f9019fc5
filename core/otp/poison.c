/* Planted faults: at its next message the process makes a real one, under the real guard, so that
 * what follows is what follows a mistake of its own. Only a hang is modelled: virtual time does
 * not pass in a handler, so the scheduler stands still for as long as a watchdog would wait. */
#include "core/otp/internal.h"

#define HANG_DEFAULT WEFT_S(10) /* where no limit is set */

#ifdef WEFT_UBSAN /* its checks would end the program first */
#define REAL_FAULT __attribute__((noinline, no_sanitize("undefined")))
#else
#define REAL_FAULT __attribute__((noinline))
#endif

int weft_sched_plant(struct weft_sched *sched, weft_pid pid, const struct weft_planted *planted) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(planted->kind != WEFT_FAULT_NONE && planted->kind != WEFT_FAULT_BUS);
    WEFT_ASSERT(planted->lasts >= 0);
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    if (proc->flags & PROC_POISONED) return WEFT_OK;
    struct poison *poison = weft_otp__alloc(sched, sizeof *poison);
    if (poison == NULL) return WEFT_ERR_NOMEM;
    *poison = (struct poison){.pid = pid, .planted = *planted};
    weft_list_init(&poison->link);
    weft_list_push_back(&sched->poisons, &poison->link);
    proc->flags |= PROC_POISONED;
    return WEFT_OK;
}

int weft_sched_poison(struct weft_sched *sched, weft_pid pid, const char *text) {
    WEFT_ASSERT(text != NULL);
    struct weft_planted planted = {.kind = WEFT_FAULT_ASSERT, .text = text};
    return weft_sched_plant(sched, pid, &planted);
}

static struct weft_planted planted_of(const struct weft_process *proc) {
    const struct weft_link *list = &proc->sched->poisons;
    for (const struct weft_link *at = list->next; at != list; at = at->next) {
        const struct poison *poison = (const struct poison *)at;
        if (weft_pid_equal(poison->pid, proc->pid)) return poison->planted;
    }
    WEFT_UNREACHABLE("a poisoned process is in the list");
}

REAL_FAULT static void write_to_null(void) {
    volatile uintptr_t nowhere = 0;
    *(volatile int *)nowhere = 1;
}

REAL_FAULT static int divide(void) {
    volatile int dividend = 7, zero = 0;
    return dividend / zero;
}

/* Wide frames, each touched once: the end of the stack is near, and little of it is used. */
typedef int (*volatile deeper)(int level, const volatile void *self);

REAL_FAULT static int dig(int level, const volatile void *self) {
    volatile unsigned char frame[32768];
    deeper next = *(const deeper *)self;
    frame[0] = (unsigned char)level;
    return next(level + 1, self) + frame[0];
}

static void fault_really(void *arg) {
    const struct weft_planted *planted = arg;
    deeper next = dig;
    volatile int result = 0;
    if (planted->kind == WEFT_FAULT_SEGV) write_to_null();
    if (planted->kind == WEFT_FAULT_FPE) result = divide();
    if (planted->kind == WEFT_FAULT_STACK) result = dig(result, &next);
    weft_panic("planted", 0, planted->text != NULL ? planted->text : "planted fault");
}

/* Recognised by its first word: checks tell what was planted from what was not. */
static const char *text_of(enum weft_fault_kind kind) {
    static const char *const texts[] = {"planted: no fault",
#define PLANTED_TEXT(name, text) "planted: " text,
                                        WEFT_FAULTS(PLANTED_TEXT)
#undef PLANTED_TEXT
    };
    return texts[kind];
}

static struct weft_fault make_fault(struct weft_sched *sched, struct weft_planted *planted) {
    struct weft_env *env = sched->env;
    struct weft_fault fault = {.kind = WEFT_FAULT_ASSERT};
    if (planted->kind != WEFT_FAULT_ASSERT) {
        int depth = sched->runtime_depth;
        bool returned = env->guard->run(env, fault_really, planted, &sched->runtime_depth, &fault);
        WEFT_ASSERT(!returned);
        sched->runtime_depth = depth;
    }
    bool told = planted->text != NULL && planted->kind == WEFT_FAULT_ASSERT;
    fault.what = told ? planted->text : text_of(fault.kind);
    return fault;
}

static weft_duration hang_time(const struct weft_process *proc,
                               const struct weft_planted *planted) {
    weft_duration own = proc->behaviour->handler_max;
    if (planted->lasts > 0) return planted->lasts;
    if (own > 0 && own != WEFT_TIME_NEVER) return own;
    return proc->sched->handler_max > 0 ? proc->sched->handler_max : HANG_DEFAULT;
}

void weft_otp__poison_strikes(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    struct weft_planted planted = planted_of(proc);
    proc->messages++;
    sched->messages++;
    if (planted.kind == WEFT_FAULT_HANG) {
        sched->stall.pid = proc->pid;
        sched->stall.since = sched->now;
        sched->stall.until = weft_time_add(sched->now, hang_time(proc, &planted));
        sched->run.left = 0;
        return;
    }
    struct weft_fault fault = make_fault(sched, &planted);
    weft_otp__end_by_fault(proc, &fault);
}

bool weft_otp__stalled(struct weft_sched *sched) {
    if (sched->stall.until == 0) return false;
    if (sched->now < sched->stall.until) return true;
    struct weft_process *proc = weft_otp__find(sched, sched->stall.pid);
    struct weft_fault fault = {.kind = WEFT_FAULT_HANG,
                               .what = "planted: ",
                               .ran = sched->stall.until - sched->stall.since};
    sched->stall.until = 0;
    if (proc == NULL) return false;
    weft_otp__end_by_fault(proc, &fault);
    weft_otp__reap(sched);
    return false;
}
