/* https://www.erlang.org/doc/man/gen_event.html; outcomes as OTP 25 gave for the same steps. */
#include "core/otp/gen_event.h"
#include "core/otp/sys.h"

#include "core/base/assert.h"
#include "core/otp/internal.h"
#include "tests/unit/otp/fake_env.h"

#include <stdio.h>

enum { PLAIN = 1, REMOVE, CRASH, STOP, SWAP_SELF, KEEP_CALL, TIMER, CRASH_END };

struct tape {
    char name[12];
    bool crash_end;
    struct weft_call kept;
};

static weft_pid manager, client, other, handler_a;
static weft_ref ref;
extern const struct weft_gen_event_handler tape_v1;

static struct weft_bytes no_bytes(void) { return weft_bytes(NULL, 0); }

/* arg: the name; "fail" fails. */
static int on_init(weft_self *self, const struct weft_gen_event_init *init) {
    struct tape *tape = weft_state(self);
    WEFT_ASSERT(init->arg.size < sizeof tape->name);
    if (init->arg.size > 0) memcpy(tape->name, init->arg.data, init->arg.size);
    if (strcmp(tape->name, "fail") == 0) return WEFT_ERR_RATE;
    WEFT_ASSERT(strcmp(tape->name, "fault") != 0);
    if (init->swapped)
        note("%s init after %s %.*s", tape->name, weft_error_name(init->status),
             (int)init->result.size, init->result.size > 0 ? (const char *)init->result.data : "");
    else
        note("%s init", tape->name);
    name_pid(weft_self_pid(self), tape->name);
    if (strcmp(tape->name, "a") == 0) handler_a = weft_self_pid(self);
    return WEFT_OK;
}

static void swap_self(weft_self *self) {
    struct weft_gen_event_add add = {.id = "h", .handler = &tape_v1, .arg = weft_bytes_text("h")};
    CHECK_EQ_INT(weft_gen_event_swap_self(self, weft_bytes_text("a1"), &add), WEFT_OK);
}

static void on_event(weft_self *self, const struct weft_msg *event) {
    struct tape *tape = weft_state(self);
    const char *name = (const char *)event->data.data;
    bool own = event->data.size == 0 || (event->data.size == strlen(tape->name) &&
                                         memcmp(name, tape->name, event->data.size) == 0);
    note("%s event %u", tape->name, event->tag);
    CHECK_EQ_INT(event->kind, WEFT_MSG_CAST);
    if (!own) return;
    if (event->tag == REMOVE) weft_gen_event_remove(self);
    if (event->tag == CRASH) fault_assert(self);
    if (event->tag == STOP) stop_boom(self);
    if (event->tag == SWAP_SELF) swap_self(self);
    if (event->tag == CRASH_END) tape->crash_end = true;
    if (event->tag == TIMER)
        CHECK_EQ_INT(weft_timer_start(self, WEFT_MS(1), 9, no_bytes(), &ref), WEFT_OK);
}

static void on_call(weft_self *self, const struct weft_msg *call) {
    struct tape *tape = weft_state(self);
    note("%s call %u %.*s", tape->name, call->tag, (int)call->data.size,
         call->data.size > 0 ? (const char *)call->data.data : "");
    if (call->tag == CRASH) fault_assert(self);
    if (call->tag == KEEP_CALL) return;
    struct weft_call to = weft_call_of(call);
    weft_reply(self, &to, WEFT_OK, weft_bytes_text(tape->name));
    if (call->tag == REMOVE) weft_gen_event_remove(self);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    probe_note(self, ((struct tape *)weft_state(self))->name, info);
}

static struct weft_bytes on_end(weft_self *self, const struct weft_gen_event_end *end) {
    static const char *const hows[] = {"?",      "deleted",    "swapped", "removed",
                                       "failed", "adder down", "stopped"};
    struct tape *tape = weft_state(self);
    note("%s end %s %.*s%s", tape->name, hows[end->how], (int)end->arg.size,
         end->arg.size > 0 ? (const char *)end->arg.data : "",
         end->reason != NULL ? why_text(end->reason) : "");
    WEFT_ASSERT(!tape->crash_end);
    return weft_bytes_text(tape->name);
}

WEFT_GEN_EVENT_HANDLER(tape_v1, "tape", 1, sizeof(struct tape), .init = on_init,
                       .handle_event = on_event, .handle_call = on_call, .handle_info = on_info,
                       .terminate = on_end);
static WEFT_GEN_EVENT_HANDLER(bare_v1, "bare", 1, 0, .handle_event = on_event);

/* --- the asking process writes down answers and gen_event_EXITs --- */

struct order {
    void (*fn)(weft_self *self);
};

static void asker_handle(weft_self *self, const struct weft_msg *msg) {
    struct order order;
    if (msg->kind == WEFT_MSG_CAST && msg->tag == WEFT_GEN_EVENT_EXIT) {
        struct weft_gen_event_exit told;
        CHECK_EQ_UINT(msg->data.size, sizeof told);
        memcpy(&told, msg->data.data, sizeof told);
        note("EXIT %s how %d %s", told.id, (int)told.how, why_text(&told.reason));
    } else if (msg->kind == WEFT_MSG_REPLY) {
        note("%s%s%.*s", weft_error_name(msg->status), msg->data.size > 0 ? " " : "",
             (int)msg->data.size, msg->data.size > 0 ? (const char *)msg->data.data : "");
    } else if (msg->kind == WEFT_MSG_CAST && msg->data.size == sizeof order) {
        memcpy(&order, msg->data.data, sizeof order);
        order.fn(self);
    } else {
        probe_note(self, "asker", msg);
    }
}

static int asker_init(weft_self *self, struct weft_bytes arg) {
    weft_trap_exit(self, arg.size == 0);
    return WEFT_OK;
}

static WEFT_PROCESS(asker_v1, .name = "asker", .init = asker_init, .handle = asker_handle);

static uint32_t manager_mailbox;
static void spawn_all(weft_self *self) {
    struct weft_spawn asker = {.behaviour = &asker_v1};
    struct weft_spawn spawn = {.behaviour = &weft_gen_event.behaviour,
                               .mailbox_max = manager_mailbox};
    CHECK_EQ_INT(weft_spawn(self, &asker, &client), WEFT_OK);
    CHECK_EQ_INT(weft_spawn(self, &asker, &other), WEFT_OK);
    CHECK_EQ_INT(weft_spawn(self, &spawn, &manager), WEFT_OK);
    name_pid(manager, "manager");
    name_pid(client, "client");
    name_pid(other, "other");
}

static void prepare(void) {
    world_open();
    in(world.root, spawn_all);
}
static void done(void) { world_close(); }

static struct {
    const char *id, *name, *old, *old_arg;
    bool supervised;
    uint32_t tag;
    const char *data;
    const struct weft_gen_event_handler *handler;
    int rv;
} now;

static void send_add(weft_self *self) {
    struct weft_gen_event_add add = {.id = now.id,
                                     .handler = now.handler,
                                     .arg = weft_bytes_text(now.name),
                                     .supervised = now.supervised};
    now.rv = weft_gen_event_add_handler(self, manager, &add, &ref);
}
static void add_from(weft_pid who, const char *name, bool supervised) {
    now.id = now.name = name;
    now.supervised = supervised;
    now.handler = &tape_v1;
    in(who, send_add);
    CHECK_EQ_INT(now.rv, WEFT_OK);
}
static void add(const char *name) { add_from(client, name, false); }
static void add_sup(const char *name) { add_from(client, name, true); }

static void send_delete(weft_self *self) {
    struct weft_gen_event_old old = {.id = now.old, .arg = weft_bytes_text("darg")};
    CHECK_EQ_INT(weft_gen_event_delete_handler(self, manager, &old, &ref), WEFT_OK);
}
static void delete (const char *id) {
    now.old = id;
    in(client, send_delete);
}

static void send_swap(weft_self *self) {
    struct weft_gen_event_swap swap = {.old = {.id = now.old, .arg = weft_bytes_text("s1")},
                                       .add = {.id = now.id,
                                               .handler = &tape_v1,
                                               .arg = weft_bytes_text(now.id),
                                               .supervised = now.supervised}};
    CHECK_EQ_INT(weft_gen_event_swap_handler(self, manager, &swap, &ref), WEFT_OK);
}
static void swap(const char *old, const char *id, bool supervised) {
    now.old = old;
    now.id = id;
    now.supervised = supervised;
    in(client, send_swap);
}

static void send_notify(weft_self *self) {
    CHECK_EQ_INT(weft_gen_event_notify(self, manager, now.tag, weft_bytes_text(now.data)), WEFT_OK);
}
static void notify(uint32_t tag, const char *data) {
    now.tag = tag;
    now.data = data;
    in(client, send_notify);
}
static void send_sync(weft_self *self) {
    struct weft_gen_event_request request = {.tag = now.tag, .data = weft_bytes_text(now.data)};
    CHECK_EQ_INT(weft_gen_event_sync_notify(self, manager, &request, &ref), WEFT_OK);
}
static void sync(uint32_t tag, const char *data) {
    now.tag = tag;
    now.data = data;
    in(client, send_sync);
}
static void send_call(weft_self *self) {
    struct weft_gen_event_request request = {
        .id = now.id, .tag = now.tag, .data = weft_bytes_text("q"), .timeout = WEFT_S(5)};
    CHECK_EQ_INT(weft_gen_event_call(self, manager, &request, &ref), WEFT_OK);
}
static void call(const char *id, uint32_t tag) {
    now.id = id;
    now.tag = tag;
    in(client, send_call);
}

static char which_text[256];
static void which_handle(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    if (msg->kind != WEFT_MSG_REPLY) {
        CHECK_EQ_INT(weft_gen_event_which_handlers(self, manager, &ref), WEFT_OK);
        return;
    }
    const struct weft_gen_event_info *info = (const void *)msg->data.data;
    size_t size = 0;
    which_text[0] = '\0';
    for (size_t i = 0; i < msg->data.size / sizeof *info; i++) {
        WEFT_ASSERT(size + 8 < sizeof which_text);
        memcpy(which_text + size, info[i].id, 3);
        size += strlen(info[i].id);
        if (!weft_pid_is_none(info[i].adder)) which_text[size++] = '!';
        which_text[size++] = ' ';
        which_text[size] = '\0';
    }
}
static WEFT_PROCESS(which_v1, .name = "which", .handle = which_handle);
static void spawn_which(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &which_v1};
    weft_pid pid;
    CHECK_EQ_INT(weft_spawn(self, &spawn, &pid), WEFT_OK);
    CHECK_EQ_INT(weft_send(self, pid, 0, no_bytes()), WEFT_OK);
}
static const char *which(void) {
    in(client, spawn_which);
    return which_text;
}

/* --- adding and deleting --- */

static void handlers_are_listed_newest_first(void) {
    prepare();
    add("a"), add("b"), add_sup("c");
    CHECK_LOG("a init, OK, b init, OK, c init, OK");
    CHECK_EQ_TEXT(which(), "c! b a ");
    done();
}

static void an_id_is_taken_once(void) {
    prepare();
    add("a"), add("a");
    CHECK_LOG("a init, OK, EXISTS");
    CHECK_EQ_TEXT(which(), "a ");
    done();
}

static void a_handler_without_an_id_has_its_behaviours_name(void) {
    prepare();
    now.handler = &tape_v1;
    now.id = NULL;
    now.name = "x";
    now.supervised = false;
    in(client, send_add);
    CHECK_LOG("x init, OK");
    call("tape", PLAIN);
    CHECK_LOG("x call 1 q, OK x");
    done();
}

static void a_failed_init_is_the_answer_and_adds_nothing(void) {
    prepare();
    add("fail"), add("fault");
    CHECK_LOG("RATE, FAULT");
    CHECK_EQ_TEXT(which(), "");
    CHECK(alive(manager));
    done();
}

static void an_id_too_long_is_refused_when_asked(void) {
    char name[WEFT_NAME_MAX + 1];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    prepare();
    now.handler = &tape_v1;
    now.id = name;
    now.name = "a";
    in(client, send_add);
    CHECK_EQ_INT(now.rv, WEFT_ERR_INVAL);
    now.id = name + 1;
    in(client, send_add);
    CHECK_EQ_INT(now.rv, WEFT_OK);
    CHECK_LOG("a init, OK");
    done();
}

static void deleting_gives_what_terminate_returned(void) {
    prepare();
    add("a");
    delete ("a");
    CHECK_LOG("a init, OK, a end deleted darg, OK a");
    CHECK_EQ_TEXT(which(), "");
    delete ("a");
    CHECK_LOG("NOT_FOUND");
    CHECK_EQ_UINT(stats().procs, 5);
    done();
}

static void handlers_are_bounded(void) {
    prepare();
    char name[8];
    for (uint32_t i = 0; i < WEFT_HANDLERS_MAX; i++) {
        snprintf(name, sizeof name, "%u", i);
        add(name);
        (void)world_log_clear();
    }
    add("more");
    CHECK_LOG("FULL");
    done();
}

/* --- events --- */

static void events_go_to_all_handlers_newest_first(void) {
    prepare();
    add("a"), add("b");
    (void)world_log_clear();
    notify(PLAIN, "");
    CHECK_LOG("b event 1, a event 1");
    done();
}

static void sync_notify_answers_when_all_have_handled_it(void) {
    prepare();
    sync(PLAIN, "");
    CHECK_LOG("OK");
    add("a"), add("b");
    (void)world_log_clear();
    sync(PLAIN, "");
    CHECK_LOG("b event 1, a event 1, OK");
    done();
}

static void two_events(weft_self *self) {
    now.tag = PLAIN;
    send_notify(self);
    now.tag = KEEP_CALL;
    send_sync(self);
    now.tag = TIMER + 10;
    send_notify(self);
}

static void a_handler_sees_the_events_in_order(void) {
    prepare();
    add("a");
    (void)world_log_clear();
    now.data = "";
    in(client, two_events);
    CHECK_LOG("a event 1, a event 6, a event 17, OK");
    done();
}

static void a_handler_that_faults_goes_alone(void) {
    prepare();
    add("a"), add_sup("b"), add("c");
    (void)world_log_clear();
    sync(CRASH, "b");
    CHECK_LOG("c event 3, b event 3, a event 3, EXIT b how 4 fault/1, OK");
    CHECK_EQ_TEXT(which(), "c a ");
    CHECK_EQ_UINT(stats().faulted, 1);
    done();
}

static void a_handler_may_remove_itself(void) {
    prepare();
    add("a"), add_sup("b");
    (void)world_log_clear();
    sync(REMOVE, "b");
    CHECK_LOG("b event 2, b end removed , a event 2, EXIT b how 3 normal/0, OK");
    CHECK_EQ_TEXT(which(), "a ");
    done();
}

static void a_handler_that_stops_itself_has_failed(void) {
    prepare();
    add_sup("a");
    (void)world_log_clear();
    notify(STOP, "a");
    CHECK_LOG("a event 4, a end failed error/7, EXIT a how 4 error/7");
    CHECK(alive(manager));
    done();
}

static void a_handlers_timer_is_its_own(void) {
    prepare();
    add("a"), add("b");
    (void)world_log_clear();
    notify(TIMER, "a");
    pass(WEFT_MS(1));
    CHECK_LOG("b event 7, a event 7, a timer 9");
    done();
}

static void tag_of_the_manager(weft_self *self) {
    (void)weft_gen_event_notify(self, manager, WEFT_GEN_EVENT_TAGS, no_bytes());
}
static void notifying_with_a_tag_of_the_manager_is_a_fault(void) {
    prepare();
    in(client, tag_of_the_manager);
    CHECK(!alive(client));
    CHECK_EQ_UINT(stats().faulted, 1);
    done();
}

/* --- calls --- */

static void a_call_is_answered_by_the_handler(void) {
    prepare();
    add("a"), add("b");
    (void)world_log_clear();
    call("a", PLAIN);
    CHECK_LOG("a call 1 q, OK a");
    call("zz", PLAIN);
    CHECK_LOG("NOT_FOUND");
    done();
}

static void a_call_that_crashes_the_handler_is_answered_no_proc(void) {
    prepare();
    add("a");
    (void)world_log_clear();
    call("a", CRASH);
    CHECK_LOG("a call 3 q, NO_PROC");
    CHECK_EQ_TEXT(which(), "");
    done();
}

static void a_handler_may_answer_a_call_and_go(void) {
    prepare();
    add("a");
    (void)world_log_clear();
    call("a", REMOVE);
    CHECK_LOG("a call 2 q, a end removed , OK a");
    done();
}

static void a_handler_without_handle_call_answers_unsupported(void) {
    prepare();
    now.handler = &bare_v1;
    now.id = NULL;
    now.name = "";
    now.supervised = false;
    in(client, send_add);
    call("bare", PLAIN);
    CHECK_LOG("OK, UNSUPPORTED");
    done();
}

static void requests_under_way_are_bounded(void) {
    prepare();
    add("a");
    (void)world_log_clear();
    uint32_t max = WEFT_EVENT_REQUESTS_MAX < 100 ? WEFT_EVENT_REQUESTS_MAX : 0;
    for (uint32_t i = 0; i < max; i++) {
        call("a", KEEP_CALL);
        CHECK_LOG("a call 6 q");
    }
    call("a", KEEP_CALL);
    if (max > 0) CHECK_LOG("FULL");
    (void)world_log_clear();
    done();
}

static uint64_t manager_memory(void) {
    struct weft_sys_status status;
    CHECK_EQ_INT(weft_sched_sys_get_status(world.sched, manager, &status), WEFT_OK);
    return status.info.memory;
}

/* Its asker has given up: nothing is kept for it. */
static void calls_that_are_never_answered_are_forgotten_with_their_askers(void) {
    prepare();
    add("a");
    call("a", KEEP_CALL);
    pass(WEFT_S(6));
    uint64_t before = manager_memory();
    for (int i = 0; i < 3; i++) call("a", KEEP_CALL);
    CHECK(manager_memory() > before);
    pass(WEFT_S(6));
    CHECK_EQ_UINT(manager_memory(), before);
    (void)world_log_clear();
    done();
}

static void send_endless_call(weft_self *self) {
    struct weft_gen_event_request request = {.id = "a", .tag = KEEP_CALL};
    CHECK_EQ_INT(weft_gen_event_call(self, manager, &request, &ref), WEFT_OK);
}

static void who_waits_for_ever_is_told_after_a_long_time(void) {
    prepare();
    add("a");
    (void)world_log_clear();
    in(client, send_endless_call);
    pass(WEFT_GEN_EVENT_ANSWER_MAX - WEFT_S(1));
    CHECK_LOG("a call 6 ");
    pass(WEFT_S(2));
    CHECK_LOG("TIMEOUT");
    done();
}

/* --- swapping --- */

static void the_next_handler_is_given_the_last_ones_result(void) {
    prepare();
    add("a");
    swap("a", "b", false);
    CHECK_LOG("a init, OK, a end swapped s1, b init after OK a, OK");
    CHECK_EQ_TEXT(which(), "b ");
    done();
}

static void swapping_none_starts_the_next_all_the_same(void) {
    prepare();
    swap("zz", "b", false);
    CHECK_LOG("b init after NOT_FOUND , OK");
    done();
}

static void swapping_for_an_id_that_is_taken_changes_nothing(void) {
    prepare();
    add("a"), add("b");
    (void)world_log_clear();
    swap("a", "b", false);
    CHECK_LOG("EXISTS");
    CHECK_EQ_TEXT(which(), "b a ");
    done();
}

static void a_handler_may_be_swapped_for_one_of_the_same_id(void) {
    prepare();
    add("a");
    swap("a", "a", false);
    CHECK_LOG("a init, OK, a end swapped s1, a init after OK a, OK");
    done();
}

static void a_failed_init_after_a_swap_leaves_none(void) {
    prepare();
    add("a");
    swap("a", "fail", false);
    CHECK_LOG("a init, OK, a end swapped s1, RATE");
    CHECK_EQ_TEXT(which(), "");
    notify(PLAIN, "");
    done();
}

static void swap_and_notify(weft_self *self) {
    now.tag = PLAIN;
    send_notify(self);
    send_swap(self);
    now.tag = PLAIN + 10;
    send_notify(self);
    send_sync(self);
}

static void events_after_a_swap_go_to_the_next_handler(void) {
    prepare();
    add("a");
    (void)world_log_clear();
    now.old = "a";
    now.id = "b";
    now.supervised = false;
    now.data = "";
    in(client, swap_and_notify);
    CHECK_LOG("a event 1, a end swapped s1, b init after OK a, OK, b event 11, b event 11, OK");
    done();
}

static void a_swapped_handlers_supervision_goes_on(void) {
    prepare();
    add_sup("a");
    swap("a", "b", false);
    CHECK_LOG("a init, OK, a end swapped s1, b init after OK a, OK, EXIT a how 2 normal/0");
    CHECK_EQ_TEXT(which(), "b! ");
    delete ("b");
    CHECK_LOG("b end deleted darg, OK b, EXIT b how 1 normal/0");
    done();
}

static void swapping_under_supervision_supervises(void) {
    prepare();
    add("a");
    swap("a", "b", true);
    CHECK_EQ_TEXT(which(), "b! ");
    CHECK_LOG("a init, OK, a end swapped s1, b init after OK a, OK");
    done();
}

static void a_handler_may_swap_itself(void) {
    prepare();
    add_sup("g"), add("d");
    (void)world_log_clear();
    sync(SWAP_SELF, "g");
    CHECK_LOG(
        "d event 5, g event 5, g end swapped a1, OK, h init after OK g, EXIT g how 2 normal/0");
    CHECK_EQ_TEXT(which(), "h! d ");
    done();
}

static void a_handler_that_dies_of_a_swap_is_replaced(void) {
    prepare();
    add("a");
    notify(CRASH_END, "a");
    (void)world_log_clear();
    swap("a", "b", false);
    CHECK_LOG("a end swapped s1, b init after NO_PROC , OK");
    CHECK_EQ_TEXT(which(), "b ");
    done();
}

/* --- supervision --- */

static void handlers_go_with_the_process_that_supervises_them(void) {
    prepare();
    add_from(other, "p", true), add("a");
    (void)world_log_clear();
    in(other, stop_boom);
    CHECK_LOG("p end adder down error/7");
    CHECK_EQ_TEXT(which(), "a ");
    CHECK(alive(manager));
    done();
}

static uint32_t links_of(weft_pid pid) {
    return weft_otp__info(weft_otp__find(world.sched, pid)).links;
}

static void the_link_to_an_adder_goes_with_its_last_handler(void) {
    prepare();
    add_sup("a"), add_sup("b");
    CHECK_EQ_UINT(links_of(client), 1);
    delete ("a");
    CHECK_EQ_UINT(links_of(client), 1);
    delete ("b");
    CHECK_EQ_UINT(links_of(client), 0);
    (void)world_log_clear();
    done();
}

static void fill_client(weft_self *self) {
    for (;;)
        if (weft_send(self, client, 77, weft_bytes_text("x")) != WEFT_OK) break;
    now.tag = CRASH;
    now.data = "a";
    send_notify(self);
}

static void an_adder_whose_mailbox_is_full_is_told(void) {
    prepare();
    add_sup("a");
    (void)world_log_clear();
    weft_otp__extra(weft_otp__find(world.sched, client))->mailbox_max = 3;
    /* The client waits while the manager and its handler run. */
    weft_otp__find(world.sched, client)->flags |= PROC_RUNNING;
    in_later(other, fill_client);
    for (int i = 0; i < 50; i++) (void)weft_sched_run(world.sched, 1);
    weft_otp__find(world.sched, client)->flags &= (uint16_t)~PROC_RUNNING;
    weft_otp__runnable(weft_otp__find(world.sched, client));
    settle();
    CHECK(strstr(world.log, "EXIT a how 4 fault/1") != NULL);
    (void)world_log_clear();
    done();
}

static void tiny_mailbox_event(weft_self *self) {
    now.data = "";
    for (int i = 0; i < 8; i++) {
        now.tag = PLAIN;
        send_notify(self);
    }
}

static void a_handler_that_cannot_take_an_event_is_removed(void) {
    prepare();
    add_sup("a"), add("b");
    (void)world_log_clear();
    struct weft_process *slow = weft_otp__find(world.sched, handler_a);
    weft_otp__extra(slow)->mailbox_max = 2;
    slow->flags |= PROC_RUNNING; /* as one that is suspended */
    in_later(client, tiny_mailbox_event);
    for (int i = 0; i < 60; i++) (void)weft_sched_run(world.sched, 1);
    slow->flags &= (uint16_t)~PROC_RUNNING;
    weft_otp__runnable(slow);
    settle();
    CHECK_LOG("b event 1, b event 1, b event 1, b event 1, b event 1, b event 1, b event 1, "
              "b event 1, a event 1, a event 1, a end failed limit/-3, EXIT a how 4 limit/-3");
    CHECK_EQ_TEXT(which(), "b ");
    done();
}

/* --- the manager's end --- */

static void send_stop(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    CHECK_EQ_INT(weft_gen_event_stop(self, manager, &why, &ref), WEFT_OK);
}

static void stopping_ends_all_handlers_and_tells_their_adders(void) {
    prepare();
    add_sup("k"), add("q");
    (void)world_log_clear();
    in(client, send_stop);
    /* Whose turn it is first depends on how long turns are. */
    CHECK(strstr(world.log, "k end stopped normal/0, q end stopped normal/0") != NULL);
    CHECK(strstr(world.log, "EXIT k how 6 shutdown/0, asker exit manager normal/0") != NULL);
    (void)world_log_clear();
    CHECK(!alive(manager));
    CHECK_EQ_UINT(stats().procs, 3);
    done();
}

static void kill_manager(weft_self *self) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, manager, &kill);
}

static void a_killed_manager_takes_its_handlers_along(void) {
    prepare();
    add("k");
    (void)world_log_clear();
    in(client, kill_manager);
    CHECK_LOG("k end stopped killed/0");
    CHECK_EQ_UINT(stats().procs, 3);
    done();
}

static void send_garbage(weft_self *self) {
    weft_ref any;
    char bytes[64];
    memset(bytes, 0xff, sizeof bytes);
    for (uint32_t op = 0; op < 12; op++)
        for (size_t size = 0; size <= sizeof bytes; size += 8)
            if (op != 7 || size != sizeof(struct weft_reason))
                (void)weft_call(self, manager, op, weft_bytes(bytes, size), WEFT_TIME_NEVER, &any);
}

static void requests_that_are_not_well_formed_are_refused(void) {
    prepare();
    add("a");
    in(client, send_garbage);
    CHECK(alive(manager));
    CHECK(strstr(world.log, "MALFORMED") != NULL);
    (void)world_log_clear();
    done();
}

/* Whichever allocation fails, whoever asked is answered, or its caller told at once. */
static void without_memory_requests_fail_and_the_manager_lives(void) {
    uint32_t answered = 0;
    for (uint64_t fail = 1; fail < 40; fail++) {
        prepare();
        add("a");
        (void)world_log_clear();
        now.id = now.name = "b";
        now.old = "a";
        now.supervised = true;
        in_later(client, send_add);
        world.allocs = 0;
        world.alloc_fail = fail;
        settle();
        world.alloc_fail = 0;
        if (now.rv == WEFT_OK) {
            CHECK(strstr(world.log, "OK") != NULL || strstr(world.log, "NOMEM") != NULL);
            answered += strstr(world.log, "NOMEM") != NULL;
        }
        CHECK(alive(manager));
        CHECK(alive(client));
        (void)world_log_clear();
        done();
    }
    CHECK(answered > 0);
}

TEST_MAIN("otp/gen_event", TEST(handlers_are_listed_newest_first), TEST(an_id_is_taken_once),
          TEST(a_handler_without_an_id_has_its_behaviours_name),
          TEST(a_failed_init_is_the_answer_and_adds_nothing),
          TEST(an_id_too_long_is_refused_when_asked), TEST(deleting_gives_what_terminate_returned),
          TEST(handlers_are_bounded), TEST(events_go_to_all_handlers_newest_first),
          TEST(sync_notify_answers_when_all_have_handled_it),
          TEST(a_handler_sees_the_events_in_order), TEST(a_handler_that_faults_goes_alone),
          TEST(a_handler_may_remove_itself), TEST(a_handler_that_stops_itself_has_failed),
          TEST(a_handlers_timer_is_its_own), TEST(notifying_with_a_tag_of_the_manager_is_a_fault),
          TEST(a_call_is_answered_by_the_handler),
          TEST(a_call_that_crashes_the_handler_is_answered_no_proc),
          TEST(a_handler_may_answer_a_call_and_go),
          TEST(a_handler_without_handle_call_answers_unsupported),
          TEST(requests_under_way_are_bounded),
          TEST(calls_that_are_never_answered_are_forgotten_with_their_askers),
          TEST(who_waits_for_ever_is_told_after_a_long_time),
          TEST(the_next_handler_is_given_the_last_ones_result),
          TEST(swapping_none_starts_the_next_all_the_same),
          TEST(swapping_for_an_id_that_is_taken_changes_nothing),
          TEST(a_handler_may_be_swapped_for_one_of_the_same_id),
          TEST(a_failed_init_after_a_swap_leaves_none),
          TEST(events_after_a_swap_go_to_the_next_handler),
          TEST(a_swapped_handlers_supervision_goes_on), TEST(swapping_under_supervision_supervises),
          TEST(a_handler_may_swap_itself), TEST(a_handler_that_dies_of_a_swap_is_replaced),
          TEST(handlers_go_with_the_process_that_supervises_them),
          TEST(the_link_to_an_adder_goes_with_its_last_handler),
          TEST(an_adder_whose_mailbox_is_full_is_told),
          TEST(a_handler_that_cannot_take_an_event_is_removed),
          TEST(stopping_ends_all_handlers_and_tells_their_adders),
          TEST(a_killed_manager_takes_its_handlers_along),
          TEST(requests_that_are_not_well_formed_are_refused),
          TEST(without_memory_requests_fail_and_the_manager_lives))
