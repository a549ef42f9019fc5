/* Who runs next: one queue for each priority, each first in, first out, unless the env has another
 * order. */
#include "core/otp/internal.h"

void weft_otp__queues_init(struct run_queues *queues) {
    WEFT_ASSERT(queues->count == 0);
    for (int i = 0; i < RUN_QUEUES; i++) weft_list_init(&queues->at[i]);
}

void weft_otp__queue_push(struct weft_process *proc) {
    struct run_queues *queues = &proc->sched->queues;
    WEFT_ASSERT(weft_list_empty(&proc->run));
    WEFT_ASSERT(proc->priority < RUN_QUEUES);
    proc->flags |= PROC_QUEUED;
    weft_list_push_back(&queues->at[proc->priority], &proc->run);
    queues->count++;
}

void weft_otp__queue_remove(struct weft_process *proc) {
    if (proc->flags & PROC_QUEUED) {
        WEFT_ASSERT(proc->sched->queues.count > 0);
        proc->sched->queues.count--;
        proc->flags &= ~(uint32_t)PROC_QUEUED;
    }
    weft_list_remove(&proc->run);
}

struct weft_link *weft_otp__queue_ahead(struct weft_process *proc, struct weft_link *last) {
    WEFT_ASSERT(proc->flags & PROC_QUEUED);
    weft_list_remove(&proc->run);
    weft_list_insert_before(last->next, &proc->run);
    return &proc->run;
}

static bool waits(const struct run_queues *queues, enum weft_priority priority) {
    return !weft_list_empty(&queues->at[priority]);
}

/* Turns are counted only while somebody of a lower priority waits: who comes when nobody waited
 * finds the whole measure ahead of it. */
static enum weft_priority next_of(struct run_queues *queues) {
    bool normal = waits(queues, WEFT_PRIORITY_NORMAL), low = waits(queues, WEFT_PRIORITY_LOW);
    if (waits(queues, WEFT_PRIORITY_HIGH)) {
        bool others = normal || low;
        if (!others || queues->high_turns < WEFT_HIGH_TURNS_MAX) {
            queues->high_turns = others ? queues->high_turns + 1 : 0;
            return WEFT_PRIORITY_HIGH;
        }
    }
    queues->high_turns = 0;
    if (normal && (!low || queues->normal_turns < WEFT_NORMAL_TURNS_MAX)) {
        queues->normal_turns = low ? queues->normal_turns + 1 : 0;
        return WEFT_PRIORITY_NORMAL;
    }
    queues->normal_turns = 0;
    return WEFT_PRIORITY_LOW;
}

/* Those who come next are on their way into the cache while this one runs: the message of the
 * next, whom the turn before asked for, and the one after it. */
static void fetch_next(struct weft_link *queue) {
    struct weft_link *next = queue->next;
    if (next == queue) return;
    __builtin_prefetch(WEFT_CONTAINER(next, struct weft_process, run)->mailbox.first);
    const char *after = (const char *)next->next;
    __builtin_prefetch(after);
    __builtin_prefetch(after + 64);
}

/* Those of the line whom the env passes over go to its end. */
static void pass_over(struct weft_sched *sched, struct weft_link *queue) {
    uint64_t whom[WEFT_ORDER_MAX];
    uint32_t count = 0;
    for (struct weft_link *at = queue->next; at != queue && count < WEFT_ORDER_MAX; at = at->next)
        whom[count++] = WEFT_CONTAINER(at, struct weft_process, run)->pid.raw;
    if (count < 2) return;
    uint32_t passed = sched->queues.order->pass(sched->env, whom, count);
    WEFT_ASSERT(passed < count);
    for (; passed > 0; passed--) weft_list_push_back(queue, weft_list_pop_front(queue));
}

struct weft_process *weft_otp__queue_pop(struct weft_sched *sched) {
    struct run_queues *queues = &sched->queues;
    if (queues->count == 0) return NULL;
    struct weft_link *queue = &queues->at[next_of(queues)];
    if (__builtin_expect(queues->order != NULL, 0)) pass_over(sched, queue);
    struct weft_link *first = weft_list_pop_front(queue);
    WEFT_ASSERT(first != NULL);
    struct weft_process *proc = WEFT_CONTAINER(first, struct weft_process, run);
    fetch_next(queue);
    proc->flags &= ~(uint32_t)PROC_QUEUED;
    queues->count--;
    return proc;
}

void weft_set_priority(weft_self *self, enum weft_priority priority) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT((unsigned)priority < RUN_QUEUES);
    struct weft_sched *sched = weft_otp__enter(self);
    /* A handler runs, so the process is in no queue: the next time it is put in one counts. */
    self->priority = (unsigned)priority & 3;
    weft_otp__leave(sched);
}
