/* simple_one_for_one: otp25-vectors sup.simple.*, and
 * https://www.erlang.org/doc/man/supervisor.html. */
#include "tests/unit/otp/sup_kit.h"

#include <stdio.h>

/* The children: their arg is the template's "t" and what the start adds. */
static char seen[256];
static weft_pid pids[64];
static uint32_t count;
static int init_result;

static int simple_init(weft_self *self, struct weft_bytes arg) {
    size_t at = strlen(seen);
    snprintf(seen + at, sizeof seen - at, "%.*s ", (int)arg.size, (const char *)arg.data);
    unsigned char options = arg.size > 1 ? ((const unsigned char *)arg.data)[1] : 0;
    weft_trap_exit(self, options == 'T' || options == 'S');
    weft_trap_parent_exit(self, options == 'S');
    if (init_result == WEFT_OK) pids[count++] = weft_self_pid(self);
    return init_result;
}

static void simple_handle(weft_self *self, const struct weft_msg *msg) {
    void (*fn)(weft_self *);
    if (msg->kind != WEFT_MSG_CAST) return;
    memcpy(&fn, msg->data.data, sizeof fn);
    fn(self);
}

static void simple_end(weft_self *self, const struct weft_reason *why) {
    (void)self;
    note("end %s", why_text(why));
}

static WEFT_PROCESS(simple_v1, .name = "simple", .init = simple_init, .handle = simple_handle,
                    .terminate = simple_end);

static struct weft_child_spec template;
static struct weft_sup_config config;

static void open_template(enum weft_restart restart, weft_duration shutdown) {
    seen[0] = '\0';
    count = 0;
    init_result = WEFT_OK;
    template = (struct weft_child_spec){.id = "conn",
                                        .behaviour = &simple_v1,
                                        .arg = weft_bytes_text("t"),
                                        .restart = restart,
                                        .shutdown = shutdown};
    config = (struct weft_sup_config){.strategy = WEFT_SIMPLE_ONE_FOR_ONE,
                                      .intensity = 5,
                                      .children = &template,
                                      .children_count = 1};
    sup_open(&config);
}

static int start(const char *extra) { return ask_simple(weft_bytes_text(extra)); }

static void a_template_starts_no_child_by_itself(void) {
    open_template(WEFT_PERMANENT, 0);
    CHECK_EQ_TEXT(which_text(), "");
    CHECK_EQ_TEXT(seen, "");
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.specs, 1);
    CHECK_EQ_UINT(answer.as.counts.workers, 0);
    world_close();
}

static void a_child_gets_the_templates_arg_and_the_extra(void) {
    open_template(WEFT_PERMANENT, 0);
    CHECK_EQ_INT(start("1"), WEFT_OK);
    CHECK(weft_pid_equal(answer.as.pid, pids[0]));
    CHECK_EQ_INT(start("2"), WEFT_OK);
    CHECK_EQ_INT(start(""), WEFT_OK);
    CHECK_EQ_TEXT(seen, "t1 t2 t ");
    template.arg = weft_bytes(NULL, 0);
    world_close();
}

static void a_restarted_child_gets_its_own_extra_again(void) {
    open_template(WEFT_PERMANENT, 0);
    start("1");
    start("2");
    in(pids[0], fault_assert);
    CHECK_EQ_TEXT(seen, "t1 t2 t1 ");
    CHECK_EQ_TEXT(which_text(), ":run :run ");
    world_close();
}

static void requests_by_id_are_refused(void) {
    open_template(WEFT_PERMANENT, 0);
    start("1");
    CHECK_EQ_INT(ask_terminate("conn"), WEFT_ERR_UNSUPPORTED);
    CHECK_EQ_INT(ask_restart("conn"), WEFT_ERR_UNSUPPORTED);
    CHECK_EQ_INT(ask_delete("conn"), WEFT_ERR_UNSUPPORTED);
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_UNSUPPORTED);
    CHECK_EQ_TEXT(which_text(), ":run ");
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.specs, 1);
    CHECK_EQ_UINT(answer.as.counts.active, 1);
    CHECK_EQ_UINT(answer.as.counts.supervisors, 0);
    CHECK_EQ_UINT(answer.as.counts.workers, 1);
    world_close();
}

static void start_simple_under_another_strategy_is_refused(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 1, 0);
    CHECK_EQ_INT(start("1"), WEFT_ERR_UNSUPPORTED);
    world_close();
}

static void terminate_by_pid_forgets_the_child(void) {
    open_template(WEFT_PERMANENT, 0);
    start("1");
    start("2");
    CHECK_EQ_INT(ask_terminate_pid(pids[0]), WEFT_OK);
    CHECK(!alive(pids[0]));
    CHECK_EQ_TEXT(which_text(), ":run ");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_REMOVED), 1);
    world_close();
}

static void terminate_by_a_dead_pid_is_ok_and_by_a_strangers_not_found(void) {
    open_template(WEFT_PERMANENT, 0);
    start("1");
    CHECK_EQ_INT(ask_terminate_pid(pids[0]), WEFT_OK);
    CHECK_EQ_INT(ask_terminate_pid(pids[0]), WEFT_OK);
    CHECK_EQ_INT(ask_terminate_pid(parent), WEFT_ERR_NOT_FOUND);
    world_close();
}

static void a_child_that_is_not_restarted_is_forgotten(void) {
    open_template(WEFT_TRANSIENT, 0);
    start("1");
    start("2");
    in(pids[0], stop_normal);
    CHECK_LOG("end normal/0");
    CHECK_EQ_TEXT(which_text(), ":run ");
    in(pids[1], fault_assert);
    CHECK_EQ_TEXT(which_text(), ":run ");
    world_close();
}

static void a_child_that_chooses_ignore_is_no_child(void) {
    open_template(WEFT_PERMANENT, 0);
    init_result = WEFT_ERR_IGNORE;
    CHECK_EQ_INT(start("1"), WEFT_OK);
    CHECK(weft_pid_is_none(answer.as.pid));
    CHECK_EQ_TEXT(which_text(), "");
    init_result = WEFT_ERR_IO;
    CHECK_EQ_INT(start("1"), WEFT_ERR_IO);
    CHECK_EQ_TEXT(which_text(), "");
    world_close();
}

static void a_restart_that_fails_is_tried_again_and_one_that_is_ignored_forgotten(void) {
    open_template(WEFT_PERMANENT, 0);
    start("1");
    init_result = WEFT_ERR_IGNORE;
    in(pids[0], fault_assert);
    CHECK_EQ_TEXT(which_text(), "");
    init_result = WEFT_OK;
    start("2");
    init_result = WEFT_ERR_IO;
    in(pids[1], fault_assert);
    CHECK(!alive(sup));
    /* The sixth try is one too many, the ignored one being the first. */
    CHECK_EQ_TEXT(seen, "t1 t1 t2 t2 t2 t2 t2 ");
    world_log_clear();
    world_close();
}

static void get_childspec_by_id_or_pid_is_the_template(void) {
    open_template(WEFT_TRANSIENT, WEFT_MS(70));
    start("1");
    CHECK_EQ_INT(ask_spec("conn"), WEFT_OK);
    CHECK_EQ_TEXT(ANSWER_SPEC->id, "conn");
    CHECK_EQ_INT(ANSWER_SPEC->spec.restart, WEFT_TRANSIENT);
    CHECK_EQ_INT(ANSWER_SPEC->spec.shutdown, WEFT_MS(70));
    CHECK_EQ_UINT(ANSWER_SPEC->spec.arg.size, 1);
    CHECK_EQ_BYTES(answer.as.bytes + sizeof(struct weft_childspec), "t", 1);
    CHECK_EQ_INT(ask_spec_pid(pids[0]), WEFT_OK);
    CHECK_EQ_TEXT(ANSWER_SPEC->id, "conn");
    CHECK_EQ_INT(ask_spec_pid(parent), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_spec("none"), WEFT_ERR_NOT_FOUND);
    world_close();
}

static void end_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

static void children_are_stopped_together_under_one_timer(void) {
    open_template(WEFT_PERMANENT, WEFT_MS(50));
    for (int i = 0; i < 5; i++) start("S");
    for (int i = 0; i < 5; i++) start("T");
    start("");
    in(parent, end_sup);
    CHECK_LOG("end shutdown/0, end shutdown/0, end shutdown/0, end shutdown/0, end shutdown/0");
    CHECK_EQ_UINT(stats().timers, 1);
    pass(WEFT_MS(49));
    CHECK(alive(sup));
    CHECK_EQ_UINT(stats().procs, 2 + 5);
    pass(WEFT_MS(1));
    CHECK_LOG("parent exit sup shutdown/0");
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void the_supervisor_ends_when_the_last_child_has(void) {
    open_template(WEFT_PERMANENT, WEFT_MS(50));
    for (int i = 0; i < 3; i++) start("S");
    in(parent, end_sup);
    for (int i = 0; i < 3; i++) {
        CHECK(alive(sup));
        in(pids[i], stop_normal);
    }
    CHECK_LOG("end normal/0, end normal/0, end normal/0, parent exit sup shutdown/0");
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void brutal_kill_and_infinity_hold_for_all(void) {
    open_template(WEFT_PERMANENT, WEFT_BRUTAL_KILL);
    for (int i = 0; i < 3; i++) start("S");
    in(parent, end_sup);
    CHECK_LOG("parent exit sup shutdown/0");
    world_close();
    open_template(WEFT_PERMANENT, WEFT_INFINITY);
    start("S");
    in(parent, end_sup);
    pass(WEFT_MIN(100));
    CHECK(alive(sup));
    in(pids[0], stop_normal);
    CHECK_LOG("end normal/0, parent exit sup shutdown/0");
    world_close();
}

static void unlink_parent(weft_self *self) { weft_unlink(self, weft_self_parent(self)); }

static void a_child_that_unlinked_cannot_hang_the_end(void) {
    open_template(WEFT_PERMANENT, WEFT_INFINITY);
    start("S");
    start("S");
    in(pids[0], unlink_parent);
    in(parent, end_sup);
    in(pids[1], unlink_parent);
    in(pids[0], stop_normal);
    in(pids[1], stop_normal);
    CHECK_LOG("end normal/0, end normal/0, parent exit sup shutdown/0");
    world_close();
}

static void the_end_takes_over_from_a_terminate_under_way(void) {
    open_template(WEFT_PERMANENT, WEFT_MS(50));
    start("S");
    start("T");
    ask_terminate_pid(pids[0]);
    CHECK_EQ_UINT(answers, 2);
    pass(WEFT_MS(20));
    in(parent, end_sup);
    CHECK_LOG("end shutdown/0");
    pass(WEFT_MS(50));
    CHECK_LOG("parent exit sup shutdown/0");
    CHECK_EQ_INT(answer.status, WEFT_ERR_NO_PROC);
    world_close();
}

static void all_significant_ends_with_the_last_child(void) {
    open_template(WEFT_TEMPORARY, 0);
    world_close();
    template.significant = true;
    config.auto_shutdown = WEFT_AUTO_ALL_SIGNIFICANT;
    seen[0] = '\0';
    count = 0;
    sup_open(&config);
    start("1");
    start("2");
    in(pids[0], stop_normal);
    CHECK(alive(sup));
    in(pids[1], stop_normal);
    CHECK(!alive(sup));
    CHECK_LOG("end normal/0, end normal/0, parent exit sup shutdown/0");
    world_close();
}

static void a_template_is_one_spec_without_name(void) {
    struct weft_reason why;
    config.children_count = 0;
    CHECK_EQ_INT(weft_sup_check(&config, &why), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "simple_one_for_one takes one child spec");
    config.children_count = 1;
    template = (struct weft_child_spec){.behaviour = &simple_v1, .name = "n"};
    CHECK_EQ_INT(weft_sup_check(&config, &why), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "a template cannot have a name");
}

TEST_MAIN("otp/simple", TEST(a_template_starts_no_child_by_itself),
          TEST(a_child_gets_the_templates_arg_and_the_extra),
          TEST(a_restarted_child_gets_its_own_extra_again), TEST(requests_by_id_are_refused),
          TEST(start_simple_under_another_strategy_is_refused),
          TEST(terminate_by_pid_forgets_the_child),
          TEST(terminate_by_a_dead_pid_is_ok_and_by_a_strangers_not_found),
          TEST(a_child_that_is_not_restarted_is_forgotten),
          TEST(a_child_that_chooses_ignore_is_no_child),
          TEST(a_restart_that_fails_is_tried_again_and_one_that_is_ignored_forgotten),
          TEST(get_childspec_by_id_or_pid_is_the_template),
          TEST(children_are_stopped_together_under_one_timer),
          TEST(the_supervisor_ends_when_the_last_child_has),
          TEST(brutal_kill_and_infinity_hold_for_all),
          TEST(a_child_that_unlinked_cannot_hang_the_end),
          TEST(the_end_takes_over_from_a_terminate_under_way),
          TEST(all_significant_ends_with_the_last_child), TEST(a_template_is_one_spec_without_name))
