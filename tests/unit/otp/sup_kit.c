#include "tests/unit/otp/sup_kit.h"

#include <stdio.h>

weft_pid parent, sup;
int start_error;
uint32_t start_failures;
struct answer answer;
uint32_t answers;

static struct probe_arg args[26];

static int kid_init(weft_self *self) {
    const char *name = weft_state(self);
    if (name[0] == 'x' && start_failures > 0) {
        start_failures--;
        note("fail %s", name);
        return start_error;
    }
    note("start %s", name);
    return WEFT_OK;
}

struct weft_child_spec kid(const char *id, enum weft_restart restart, unsigned options) {
    struct probe_arg *arg = &args[id[0] - 'a'];
    *arg = (struct probe_arg){.name = id, .options = options, .init = kid_init};
    return (struct weft_child_spec){.id = id,
                                    .name = id,
                                    .behaviour = &probe_v1,
                                    .arg = weft_bytes(arg, sizeof *arg),
                                    .restart = restart};
}

/* The parent: a gen_server that keeps the last answer and can be given orders. */
static void parent_cast(weft_self *self, const struct weft_msg *msg) {
    void (*fn)(weft_self *);
    memcpy(&fn, msg->data.data, sizeof fn);
    fn(self);
}

static void parent_info(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_REPLY) {
        memset(&answer, 0, sizeof answer);
        answer.status = msg->status;
        answer.size = msg->data.size;
        size_t size = msg->data.size < sizeof answer.as ? msg->data.size : sizeof answer.as;
        if (size > 0) memcpy(&answer.as, msg->data.data, size);
        answers++;
        return;
    }
    probe_note(self, "parent", msg);
}

static int parent_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_trap_exit(self, true);
    return WEFT_OK;
}

static WEFT_GEN_SERVER(parent_v1, .name = "parent", .init = parent_init, .handle_cast = parent_cast,
                       .handle_info = parent_info);

static const struct weft_sup_config *configuring;
static int rv;

static void start_sup(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(configuring, sizeof *configuring),
                               .link = true};
    rv = weft_spawn(self, &spawn, &sup);
    if (rv == WEFT_OK) name_pid(sup, "sup");
}

void sup_prepare(const struct weft_sup_config *config) {
    configuring = config;
    start_error = WEFT_ERR_IO;
    start_failures = 0;
    answers = 0;
    world_open_bare();
    struct weft_spawn spawn = {.behaviour = &parent_v1};
    CHECK_EQ_INT(weft_sched_start(world.sched, &spawn, &parent, NULL), WEFT_OK);
    world.root = parent;
    name_pid(parent, "parent");
    rv = WEFT_ERR_NO_PROC;
}

int sup_start(void) {
    in(parent, start_sup);
    return rv;
}

void sup_open(const struct weft_sup_config *config) {
    sup_prepare(config);
    CHECK_EQ_INT(sup_start(), WEFT_OK);
    world_log_clear();
    world.traces_count = 0;
}

void sup_open_abc(enum weft_strategy strategy, uint32_t intensity, unsigned options) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, options),
                                         kid("b", WEFT_PERMANENT, options),
                                         kid("c", WEFT_PERMANENT, options)};
    struct weft_sup_config config = {
        .strategy = strategy, .intensity = intensity, .children = children, .children_count = 3};
    sup_open(&config);
}

weft_pid pid_of(const char *name) { return weft_sched_whereis(world.sched, name); }

static struct weft_reason ending;

static void stop_so(weft_self *self) { weft_stop(self, &ending); }

void end_kid(const char *name, enum weft_reason_kind kind, int32_t code) {
    weft_pid pid = pid_of(name);
    CHECK(!weft_pid_is_none(pid));
    ending = weft_reason(kind, code);
    in(pid, stop_so);
}

void kill_kid(const char *name) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, pid_of(name), &why);
    settle();
}

static struct {
    const char *id;
    weft_pid pid;
    const struct weft_child_spec *spec;
    int (*by_id)(weft_self *, weft_pid, const char *, weft_ref *);
    int (*plain)(weft_self *, weft_pid, weft_ref *);
    int (*by_pid)(weft_self *, weft_pid, weft_pid, weft_ref *);
    struct weft_bytes extra;
    uint32_t cursor;
} asking;

static void do_by_id(weft_self *self) {
    weft_ref ref;
    rv = asking.by_id(self, sup, asking.id, &ref);
}
static void do_plain(weft_self *self) {
    weft_ref ref;
    rv = asking.plain(self, sup, &ref);
}
static void do_start(weft_self *self) {
    weft_ref ref;
    rv = weft_sup_start_child(self, sup, asking.spec, &ref);
}
static void do_by_pid(weft_self *self) {
    weft_ref ref;
    rv = asking.by_pid(self, sup, asking.pid, &ref);
}
static void do_page(weft_self *self) {
    weft_ref ref;
    rv = weft_sup_children_page(self, sup, asking.cursor, &ref);
}
static void do_simple(weft_self *self) {
    weft_ref ref;
    rv = weft_sup_start_simple(self, sup, asking.extra, &ref);
}

static int ask(void (*fn)(weft_self *)) {
    answer.status = 12345;
    in(parent, fn);
    CHECK_EQ_INT(rv, WEFT_OK);
    return answer.status;
}

static int ask_id(int (*by_id)(weft_self *, weft_pid, const char *, weft_ref *), const char *id) {
    asking.by_id = by_id;
    asking.id = id;
    return ask(do_by_id);
}

int ask_start(const struct weft_child_spec *spec) {
    asking.spec = spec;
    return ask(do_start);
}
int ask_terminate(const char *id) { return ask_id(weft_sup_terminate_child, id); }
int ask_restart(const char *id) { return ask_id(weft_sup_restart_child, id); }
int ask_delete(const char *id) { return ask_id(weft_sup_delete_child, id); }
static int ask_pid(int (*by_pid)(weft_self *, weft_pid, weft_pid, weft_ref *), weft_pid pid) {
    asking.by_pid = by_pid;
    asking.pid = pid;
    return ask(do_by_pid);
}
int ask_terminate_pid(weft_pid pid) { return ask_pid(weft_sup_terminate_pid, pid); }
int ask_spec_pid(weft_pid pid) { return ask_pid(weft_sup_get_childspec_pid, pid); }
int ask_spec(const char *id) { return ask_id(weft_sup_get_childspec, id); }
int ask_page(uint32_t cursor) {
    asking.cursor = cursor;
    return ask(do_page);
}
int ask_simple(struct weft_bytes extra) {
    asking.extra = extra;
    return ask(do_simple);
}
int ask_which(void) {
    asking.plain = weft_sup_which_children;
    return ask(do_plain);
}
int ask_count(void) {
    asking.plain = weft_sup_count_children;
    return ask(do_plain);
}

const char *which_text(void) {
    static char text[512];
    size_t at = 0;
    text[0] = '\0';
    CHECK_EQ_INT(ask_which(), WEFT_OK);
    for (size_t i = 0; i < answer.size / sizeof(struct weft_child_info); i++) {
        const struct weft_child_info *info = &answer.as.infos[i];
        const char *state = !weft_pid_is_none(info->pid) ? "run" : info->restarting ? "try" : "-";
        at += (size_t)snprintf(text + at, sizeof text - at, "%s:%s ", info->id, state);
    }
    return text;
}
