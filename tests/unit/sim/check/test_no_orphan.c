/* no_orphan: who may live after whom, and who holds a name. */
#include "tests/unit/sim/check/events.h"

static struct run run;

static void start(void) {
    run = run_of((struct sim_check_spec){.kind = SIM_CHECK_NO_ORPHAN, .within = WEFT_S(5)}, 8);
}

static void born(uint32_t node, uint64_t pid, uint64_t parent, const char *name) {
    const char *text = name != NULL ? name : "worker";
    tell(&run, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_PROC_START,
                                   .number = {pid, parent, name != NULL},
                                   .bytes = weft_bytes_text(text)});
}

static void supervises(uint64_t pid) {
    tell(&run, 1, (struct weft_trace_event){.kind = WEFT_TRACE_SUP_UP, .number = {pid}});
}

static void ended(uint64_t pid) {
    tell(&run, 1, (struct weft_trace_event){.kind = WEFT_TRACE_PROC_EXIT, .number = {pid}});
}

static void named(uint64_t pid, bool on, const char *name) {
    tell(&run, 1,
         (struct weft_trace_event){
             .kind = WEFT_TRACE_PROC_NAME, .number = {pid, on}, .bytes = weft_bytes_text(name)});
}

static void fails(const char *why) {
    struct sim_check_result result = result_of(&run);
    CHECK(result.failed > 0);
    CHECK(strstr(result.why, why) != NULL);
}

static void holds(void) {
    struct sim_check_result result = result_of(&run);
    CHECK(result.evaluated > 0);
    CHECK_EQ_TEXT(result.why, "");
}

static void family(void) {
    start();
    born(1, 10, 0, NULL);
    supervises(10);
    born(1, 11, 10, NULL);
}

static void children_that_end_before_hold(void) {
    family();
    ended(11);
    ended(10);
    holds();
}

static void a_child_that_ends_within_holds(void) {
    family();
    ended(10);
    run.now += WEFT_S(4);
    ended(11);
    run.now += WEFT_S(60);
    holds();
}

static void a_child_that_lives_on_fails(void) {
    family();
    ended(10);
    run.now += WEFT_S(6);
    fails("1 children outlive supervisor a");
}

static void the_child_of_a_worker_may_live_on(void) {
    start();
    born(1, 10, 0, "w");
    born(1, 11, 10, NULL);
    ended(10);
    run.now += WEFT_S(60);
    holds();
}

static void a_node_that_went_down_takes_all_with_it(void) {
    family();
    ended(10);
    down(&run, 1, WEFT_NODE_CRASHED);
    born(1, 10, 0, "again");
    run.now += WEFT_S(60);
    holds();
}

static void a_name_with_two_holders_fails(void) {
    start();
    born(1, 10, 0, "store");
    born(1, 11, 0, "store");
    fails("\"store\" has two holders");
}

static void a_name_is_free_when_its_holder_ended(void) {
    start();
    born(1, 10, 0, "store");
    ended(10);
    born(1, 11, 0, "store");
    holds();
}

static void a_name_is_free_when_given_up(void) {
    start();
    born(1, 10, 0, "store");
    named(10, false, "store");
    named(10, true, "shop");
    born(1, 11, 0, "store");
    holds();
}

static void a_name_taken_later_counts(void) {
    start();
    born(1, 10, 0, NULL);
    named(10, true, "store");
    born(1, 11, 0, "store");
    fails("two holders");
}

static void each_node_has_names_of_its_own(void) {
    start();
    born(1, 10, 0, "store");
    born(2, 10, 0, "store");
    holds();
}

static void a_behaviours_name_is_no_name(void) {
    start();
    born(1, 10, 0, NULL);
    born(1, 11, 0, NULL);
    born(1, 12, 0, "held");
    holds();
}

static void a_pid_given_twice_fails(void) {
    start();
    born(1, 10, 0, NULL);
    born(1, 10, 0, NULL);
    fails("pid a was given twice");
}

static void an_end_told_twice_fails(void) {
    start();
    born(1, 10, 0, NULL);
    ended(10);
    ended(10);
    fails("pid a ended twice");
}

static void a_supervisor_that_is_stopping_is_no_orphan(void) {
    family();
    supervises(11);
    born(1, 12, 11, NULL);
    tell(&run, 1, (struct weft_trace_event){.kind = WEFT_TRACE_SUP_STOPPING, .number = {11}});
    ended(10);
    run.now += WEFT_S(20);
    ended(12);
    ended(11);
    holds();
}

static void the_children_of_one_that_was_stopping_are_orphans(void) {
    family();
    supervises(11);
    born(1, 12, 11, NULL);
    tell(&run, 1, (struct weft_trace_event){.kind = WEFT_TRACE_SUP_STOPPING, .number = {11}});
    ended(10);
    ended(11);
    run.now += WEFT_S(20);
    fails("1 children outlive supervisor b");
}

/* A node's pids begin anew with each life. */
static void another_life_has_the_same_pids(void) {
    family();
    ended(10);
    run.now += WEFT_S(1);
    down(&run, 1, WEFT_NODE_KILLED);
    born(1, 10, 0, NULL);
    supervises(10);
    born(1, 11, 10, NULL);
    run.now += WEFT_S(3);
    ended(10);
    run.now += WEFT_S(3);
    ended(11);
    run.now += WEFT_S(20);
    holds();
}

TEST_MAIN("sim/check/no_orphan", TEST(a_supervisor_that_is_stopping_is_no_orphan),
          TEST(the_children_of_one_that_was_stopping_are_orphans),
          TEST(another_life_has_the_same_pids), TEST(children_that_end_before_hold),
          TEST(a_child_that_ends_within_holds), TEST(a_child_that_lives_on_fails),
          TEST(the_child_of_a_worker_may_live_on), TEST(a_node_that_went_down_takes_all_with_it),
          TEST(a_name_with_two_holders_fails), TEST(a_name_is_free_when_its_holder_ended),
          TEST(a_name_is_free_when_given_up), TEST(a_name_taken_later_counts),
          TEST(each_node_has_names_of_its_own), TEST(a_behaviours_name_is_no_name),
          TEST(a_pid_given_twice_fails), TEST(an_end_told_twice_fails))
