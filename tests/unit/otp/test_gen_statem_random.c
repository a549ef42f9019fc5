/* Random state machines against a naive model of the rules in gen_statem.h: what is called, in
 * which state, in which order. What the n-th call does is drawn from the seed and n, for both. */
#include "core/otp/gen_statem.h"

#include "core/base/assert.h"
#include "core/base/rand.h"
#include "tests/unit/otp/fake_env.h"

#include <stdio.h>

#define SEEDS 4000
#define STEPS 10
#define CALLS 150 /* after so many calls nothing new is asked for */
#define ROOM 1024
#define TEXT_SIZE 16384
#define STATES 3

/* What both are asked to do. */
struct verbs {
    void (*next)(void *on, uint32_t state);
    void (*repeat)(void *on);
    void (*postpone)(void *on);
    void (*insert)(void *on, uint32_t tag);
    /* `how`: 0 set, 1 update, 2 cancel; kind 0 state, 1 event, 2 and 3 named so */
    void (*timeout)(void *on, uint32_t kind, uint32_t how, weft_duration after);
};

static uint64_t seed;

static uint32_t draw(uint64_t n, uint64_t what, uint32_t bound) {
    return (uint32_t)(weft_draw(seed, n, what, 0) % bound);
}

static void ask_timeouts(uint64_t n, const struct verbs *verbs, void *on) {
    static const weft_duration delays[] = {0,          0,          WEFT_MS(1),
                                           WEFT_MS(2), WEFT_MS(5), WEFT_TIME_NEVER};
    uint32_t count = draw(n, 20, 3);
    for (uint64_t i = 0; i < count; i++)
        verbs->timeout(on, draw(n, 30 + i, 4), draw(n, 40 + i, 3), delays[draw(n, 50 + i, 6)]);
}

static void ask(uint64_t n, bool entering, const struct verbs *verbs, void *on) {
    if (n > CALLS) return;
    ask_timeouts(n, verbs, on);
    if (entering) {
        if (draw(n, 1, 6) == 0) verbs->repeat(on);
        return;
    }
    if (draw(n, 2, 3) == 0) verbs->postpone(on);
    uint32_t inserts = draw(n, 3, 5) == 0 ? draw(n, 4, 3) : 0;
    for (uint32_t i = 0; i < inserts; i++) verbs->insert(on, (uint32_t)(n * 10) + i);
    uint32_t how = draw(n, 5, 10);
    if (how < 4) verbs->next(on, draw(n, 6, STATES));
    if (how == 4) verbs->repeat(on);
}

struct text {
    char text[TEXT_SIZE];
    size_t size;
};

static void write_call(struct text *to, uint32_t type, uint32_t tag, uint32_t state) {
    char line[48];
    int length = snprintf(line, sizeof line, "%u:%u@%u ", type, tag, state);
    if (to->size + (size_t)length >= TEXT_SIZE) return;
    memcpy(to->text + to->size, line, (size_t)length + 1);
    to->size += (size_t)length;
}

/* --- the model: arrays, searched and shifted --- */

struct event {
    uint32_t type, tag;
};

struct events {
    struct event at[ROOM];
    uint32_t count;
};

struct set {
    uint32_t kind, tag; /* tag: as the event has it */
    bool due, mailed;
    weft_time at;
};

static struct {
    struct text log;
    uint64_t calls;
    uint32_t state, next;
    bool repeat, postpone;
    struct events queue, postponed, inserted, mailbox; /* mailbox: type NONE is timeout `tag` */
    struct set sets[8];
    uint32_t sets_count;
    struct {
        uint32_t kind, how, tag;
        weft_duration after;
    } orders[16];
    uint32_t orders_count;
    weft_time now;
} model;

#define FROM_TIMER 99

static void put_back(struct events *list, struct event event) {
    WEFT_ASSERT(list->count < ROOM);
    list->at[list->count++] = event;
}

static struct event remove_at(struct events *list, uint32_t index) {
    struct event event = list->at[index];
    WEFT_ASSERT(index < list->count);
    for (uint32_t i = index; i + 1 < list->count; i++) list->at[i] = list->at[i + 1];
    list->count--;
    return event;
}

static void put_all_in_front(struct events *list, struct events *from) {
    struct events all = *from;
    for (uint32_t i = 0; i < list->count; i++) put_back(&all, list->at[i]);
    *list = all;
    from->count = 0;
}

static uint32_t index_of(uint32_t kind) {
    for (uint32_t i = 0; i < model.sets_count; i++)
        if (model.sets[i].kind == kind) return i;
    return UINT32_MAX;
}

static void forget(uint32_t kind) {
    uint32_t index = index_of(kind);
    if (index == UINT32_MAX) return;
    for (uint32_t i = index; i + 1 < model.sets_count; i++) model.sets[i] = model.sets[i + 1];
    model.sets_count--;
    for (uint32_t i = 0; i < model.mailbox.count; i++) {
        if (model.mailbox.at[i].type != FROM_TIMER || model.mailbox.at[i].tag != kind) continue;
        (void)remove_at(&model.mailbox, i);
        return;
    }
}

static void m_next(void *on, uint32_t state) {
    (void)on;
    model.next = state;
    model.repeat = false;
}
static void m_repeat(void *on) {
    (void)on;
    model.next = model.state;
    model.repeat = true;
}
static void m_postpone(void *on) {
    (void)on;
    model.postpone = true;
}
static void m_insert(void *on, uint32_t tag) {
    (void)on;
    put_back(&model.inserted, (struct event){WEFT_STATEM_INTERNAL, tag});
}

static uint32_t tag_of(uint32_t kind, uint32_t how) { return kind < 2 ? 1000 + how : kind; }

static void m_timeout(void *on, uint32_t kind, uint32_t how, weft_duration after) {
    (void)on;
    if (kind == 1 && how != 0) return; /* an event timeout is only set */
    for (uint32_t i = 0; i < model.orders_count; i++) {
        if (model.orders[i].kind != kind) continue;
        for (uint32_t j = i; j + 1 < model.orders_count; j++) model.orders[j] = model.orders[j + 1];
        model.orders_count--;
        break;
    }
    uint32_t at = model.orders_count++;
    model.orders[at].kind = kind;
    model.orders[at].how = how;
    model.orders[at].tag = tag_of(kind, how);
    model.orders[at].after = after;
}

static const struct verbs model_verbs = {m_next, m_repeat, m_postpone, m_insert, m_timeout};

static void m_carry_out(void) {
    for (uint32_t i = 0; i < model.orders_count; i++) {
        uint32_t kind = model.orders[i].kind, old = index_of(kind);
        weft_duration after = model.orders[i].how == 1 ? 0 : model.orders[i].after;
        if (model.orders[i].how == 1 && old != UINT32_MAX) {
            model.sets[old].tag = model.orders[i].tag;
            continue;
        }
        forget(kind);
        if (model.orders[i].how == 2 || after == WEFT_TIME_NEVER) continue;
        model.sets[model.sets_count++] = (struct set){
            .kind = kind, .tag = model.orders[i].tag, .due = after == 0, .at = model.now + after};
    }
    model.orders_count = 0;
}

static void m_call(uint32_t type, uint32_t tag) {
    model.next = model.state;
    model.repeat = model.postpone = false;
    write_call(&model.log, type, tag, model.state);
    ask(model.calls++, type == WEFT_STATEM_ENTER, &model_verbs, NULL);
}

static void m_enter(uint32_t from) {
    do {
        m_call(WEFT_STATEM_ENTER, from);
        from = model.state;
    } while (model.repeat);
}

static void m_after(uint32_t old_state, bool enters) {
    if (enters) m_enter(old_state);
    put_all_in_front(&model.queue, &model.inserted);
    m_carry_out();
}

static void m_event(struct event event) {
    forget(1);
    m_call(event.type, event.tag);
    if (model.postpone) put_back(&model.postponed, event);
    uint32_t old_state = model.state;
    bool changes = model.next != old_state, enters = changes || model.repeat;
    model.state = model.next;
    if (changes) {
        put_all_in_front(&model.queue, &model.postponed);
        forget(0);
    }
    m_after(old_state, enters);
}

static void m_timed(uint32_t kind) {
    static const uint32_t types[] = {WEFT_STATEM_STATE_TIMEOUT, WEFT_STATEM_TIMEOUT,
                                     WEFT_STATEM_NAMED_TIMEOUT, WEFT_STATEM_NAMED_TIMEOUT};
    struct event event = {types[kind], model.sets[index_of(kind)].tag};
    forget(kind);
    m_event(event);
}

static uint32_t first_due(void) {
    for (uint32_t i = 0; i < model.sets_count; i++)
        if (model.sets[i].due) return model.sets[i].kind;
    return UINT32_MAX;
}

/* The timers that went off go into the mailbox by time, then by age. */
static void m_mail(void) {
    for (;;) {
        struct set *best = NULL;
        for (uint32_t i = 0; i < model.sets_count; i++) {
            struct set *set = &model.sets[i];
            if (set->due || set->mailed || set->at > model.now) continue;
            if (best == NULL || set->at < best->at) best = set;
        }
        if (best == NULL) return;
        best->mailed = true;
        put_back(&model.mailbox, (struct event){FROM_TIMER, best->kind});
    }
}

static void m_run(void) {
    m_mail();
    for (;;) {
        if (model.queue.count > 0) {
            m_event(remove_at(&model.queue, 0));
        } else if (first_due() != UINT32_MAX) {
            m_timed(first_due());
        } else if (model.mailbox.count > 0) {
            struct event event = model.mailbox.at[0];
            if (event.type == FROM_TIMER) {
                m_timed(event.tag);
            } else {
                m_event(remove_at(&model.mailbox, 0));
            }
        } else {
            return;
        }
    }
}

/* --- the machine --- */

static struct text seen;
static uint64_t calls;
static weft_pid machine;

static void s_next(void *on, uint32_t state) { weft_statem_next_state(on, state); }
static void s_repeat(void *on) { weft_statem_repeat_state(on); }
static void s_postpone(void *on) { weft_statem_postpone(on); }
static void s_insert(void *on, uint32_t tag) {
    weft_statem_next_event(on, tag, weft_bytes("data", tag % 5));
}
static void s_timeout(void *on, uint32_t kind, uint32_t how, weft_duration after) {
    struct weft_bytes data = weft_bytes("bytes", (size_t)kind);
    if (kind == 0 && how == 0) weft_statem_state_timeout(on, after, tag_of(0, how), data);
    if (kind == 0 && how == 1) weft_statem_state_timeout_update(on, tag_of(0, how), data);
    if (kind == 0 && how == 2) weft_statem_state_timeout_cancel(on);
    if (kind == 1 && how == 0) weft_statem_event_timeout(on, after, tag_of(1, how), data);
    if (kind > 1 && how == 0) weft_statem_timeout(on, kind, after, data);
    if (kind > 1 && how == 1) weft_statem_timeout_update(on, kind, data);
    if (kind > 1 && how == 2) weft_statem_timeout_cancel(on, kind);
}

static const struct verbs machine_verbs = {s_next, s_repeat, s_postpone, s_insert, s_timeout};

static void on_event(weft_self *self, const struct weft_statem_event *event) {
    if (event->type == WEFT_STATEM_INTERNAL) CHECK_EQ_UINT(event->data.size, event->tag % 5);
    write_call(&seen, event->type, event->tag, weft_statem_state(self));
    ask(calls++, event->type == WEFT_STATEM_ENTER, &machine_verbs, self);
}

static const struct weft_statem_state names[STATES] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
static WEFT_STATEM(machine_v1, "machine", 1, .events_max = ROOM,
                   .callbacks = {.states = names,
                                 .states_count = STATES,
                                 .handle_event = on_event,
                                 .state_enter = true});

static void spawn_machine(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &machine_v1.behaviour};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &machine), WEFT_OK);
}

/* --- both --- */

static void one_life(void) {
    memset(&model, 0, sizeof model);
    memset(&seen, 0, sizeof seen);
    calls = 0;
    world_open();
    in(world.root, spawn_machine);
    model.now = world.now;
    m_after(0, true);
    m_run();
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t count = draw(step, 70, 4);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t tag = 100 + step * 10 + i;
            CHECK_EQ_INT(weft_sched_send(world.sched, machine, tag, weft_bytes(NULL, 0)), WEFT_OK);
            put_back(&model.mailbox, (struct event){WEFT_STATEM_CAST, tag});
        }
        world.now += WEFT_MS(draw(step, 71, 4));
        model.now = world.now;
        settle();
        m_run();
    }
    CHECK_EQ_UINT(stats().faulted, 0);
    CHECK(alive(machine));
    world_close();
}

static void machines_do_what_the_model_does(void) {
    uint64_t total = 0;
    for (seed = 1; seed <= SEEDS; seed++) {
        one_life();
        total += calls;
        if (CHECK_EQ_TEXT(seen.text, model.log.text)) continue;
        printf("seed %llu\n", (unsigned long long)seed);
        return;
    }
    /* They lived. */
    CHECK(total > UINT64_C(20) * SEEDS);
}

TEST_MAIN("otp/gen_statem_random", TEST(machines_do_what_the_model_does))
