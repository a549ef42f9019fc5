/* supervised: each rule of OTP's supervisor, kept and broken, told by hand. */
#include "core/otp/supervisor.h"
#include "tests/unit/sim/check/events.h"

#define SUP 100
#define PID(place) (200 + (uint64_t)(place))

static struct run run;

static const struct sim_check_spec spec = {.kind = SIM_CHECK_SUPERVISED};

static void sup_in(enum sim_check_number strategy, uint64_t intensity, uint64_t automatic) {
    tell(&run, 1,
         (struct weft_trace_event){
             .kind = WEFT_TRACE_SUP_UP,
             .number = {SUP, (uint64_t)strategy, intensity, (uint64_t)WEFT_S(5), automatic}});
}

static void sup_up(enum sim_check_number strategy, uint64_t intensity, uint64_t automatic) {
    run = run_of(spec, 8);
    sup_in(strategy, intensity, automatic);
}

static void sup_up_with_odd_clocks(uint64_t intensity) {
    const struct sim_check_setup setup = {.nodes = RUN_NODES, .clocks_vary = true};
    run = (struct run){.checks = sim_checks_new(&spec, 1, &setup), .k = 8};
    sup_in(SIM_CHECK_ONE_FOR_ONE, intensity, 0);
}

static const char *const ids[] = {"a", "b", "c", "d"};

static void child_up(uint64_t place, uint64_t pid, uint64_t restart, bool again) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_UP,
                                   .number = {SUP, pid, restart, again, place},
                                   .bytes = weft_bytes_text(ids[place])});
}

static void child_added(uint64_t place, uint64_t restart) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_ADDED,
                                   .number = {SUP, place, restart, restart != WEFT_PERMANENT},
                                   .bytes = weft_bytes_text(ids[place])});
}

static void children(unsigned count, uint64_t restart) {
    for (unsigned i = 0; i < count; i++) child_added(i, restart);
    for (unsigned i = 0; i < count; i++) child_up(i, PID(i), restart, false);
}

static void ended(uint64_t pid, uint64_t reason) {
    tell(&run, 1, (struct weft_trace_event){.kind = WEFT_TRACE_PROC_EXIT, .number = {pid, reason}});
}

struct down {
    uint64_t place, pid, restart, reason;
    bool again, asked;
};

static void told_down(struct down down) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_DOWN,
                                   .number = {SUP, down.pid, down.restart, down.reason, down.again,
                                              down.asked, down.place}});
}

static void child_down(struct down down) {
    ended(down.pid, down.reason);
    told_down(down);
}

static void restart_of(uint64_t place) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_RESTART, .number = {SUP, place, 1}});
}

static void removed(uint64_t place) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_REMOVED,
                                   .number = {SUP, WEFT_TEMPORARY, place}});
}

static void give_up(void) {
    tell(&run, 1, (struct weft_trace_event){.kind = WEFT_TRACE_SUP_GIVE_UP, .number = {SUP, 2}});
}

static void stopping(enum weft_sup_stopping_cause cause) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_STOPPING, .number = {SUP, cause}});
}

static void holds(void) {
    struct sim_check_result result = result_of(&run);
    CHECK(result.evaluated > 0);
    CHECK_EQ_TEXT(result.why, "");
    CHECK_EQ_UINT(result.failed, 0);
}

static void fails(const char *why) {
    struct sim_check_result result = result_of(&run);
    CHECK(result.failed > 0);
    CHECK(strstr(result.why, why) != NULL);
    if (strstr(result.why, why) == NULL) CHECK_EQ_TEXT(result.why, why);
}

static void dies(uint64_t place, bool again) {
    child_down((struct down){place, PID(place), WEFT_PERMANENT, WEFT_REASON_FAULT, again, false});
}

static void stops(uint64_t place, bool again) {
    child_down((struct down){place, PID(place), WEFT_PERMANENT, WEFT_REASON_SHUTDOWN, again, true});
}

static void one_for_one_restarts_the_one_that_died(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(3, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    child_up(1, PID(11), WEFT_PERMANENT, true);
    holds();
}

static void a_permanent_child_not_restarted_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_PERMANENT);
    dies(0, false);
    fails("child \"a\": is not restarted");
}

static void a_temporary_child_restarted_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_TEMPORARY);
    child_down((struct down){0, PID(0), WEFT_TEMPORARY, WEFT_REASON_FAULT, true, false});
    fails("is restarted");
}

static void transient_is_by_reason(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 5, 0);
    children(3, WEFT_TRANSIENT);
    child_down((struct down){0, PID(0), WEFT_TRANSIENT, WEFT_REASON_NORMAL, false, false});
    child_down((struct down){1, PID(1), WEFT_TRANSIENT, WEFT_REASON_SHUTDOWN, false, false});
    child_down((struct down){2, PID(2), WEFT_TRANSIENT, WEFT_REASON_KILLED, true, false});
    holds();
}

static void a_transient_child_restarted_after_normal_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 5, 0);
    children(1, WEFT_TRANSIENT);
    child_down((struct down){0, PID(0), WEFT_TRANSIENT, WEFT_REASON_NORMAL, true, false});
    fails("is restarted");
}

static void a_restart_beyond_the_intensity_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_PERMANENT);
    dies(0, true);
    restart_of(0);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    run.now += WEFT_S(5);
    child_down((struct down){0, PID(10), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
    restart_of(0);
    fails("goes on after a restart too many");
}

static void restarts_leave_the_window_after_the_period(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_PERMANENT);
    dies(0, true);
    restart_of(0);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    run.now += WEFT_S(5) + 1;
    child_down((struct down){0, PID(10), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
    restart_of(0);
    holds();
}

static void giving_up_takes_a_restart_too_many(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    dies(0, true);
    restart_of(0);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    child_down((struct down){0, PID(10), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
    give_up();
    stopping(WEFT_SUP_GAVE_UP);
    stops(1, false);
    ended(SUP, WEFT_REASON_SHUTDOWN);
    holds();
}

static void giving_up_too_early_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 2, 0);
    children(1, WEFT_PERMANENT);
    dies(0, true);
    restart_of(0);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    child_down((struct down){0, PID(10), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
    give_up();
    fails("gave up within its intensity");
}

/* One restart in 5 s, counted by a clock: the next death is `after` the first. */
static void dies_again(weft_duration after) {
    sup_up_with_odd_clocks(1);
    children(1, WEFT_PERMANENT);
    dies(0, true);
    restart_of(0);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    run.now += after;
    child_down((struct down){0, PID(10), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
}

static void where_clocks_drift_the_period_may_be_shorter_or_longer_but_not_by_any_amount(void) {
    dies_again(WEFT_S(3));
    restart_of(0);
    fails("goes on after a restart too many");
    dies_again(WEFT_S(4));
    restart_of(0);
    holds();
    dies_again(WEFT_S(9));
    give_up();
    stopping(WEFT_SUP_GAVE_UP);
    ended(SUP, WEFT_REASON_SHUTDOWN);
    holds();
    dies_again(WEFT_S(11));
    give_up();
    fails("gave up within its intensity");
}

static void without_memory_a_supervisor_may_give_up_early(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 2, 0);
    children(1, WEFT_PERMANENT);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_MEMORY);
    dies(0, true);
    give_up();
    stopping(WEFT_SUP_GAVE_UP);
    ended(SUP, WEFT_REASON_SHUTDOWN);
    holds();
}

static void one_for_all_stops_in_reverse_and_starts_in_order(void) {
    sup_up(SIM_CHECK_ONE_FOR_ALL, 1, 0);
    children(3, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    stops(2, true);
    stops(0, true);
    for (unsigned i = 0; i < 3; i++) child_up(i, PID(10 + i), WEFT_PERMANENT, true);
    holds();
}

static void one_for_all_stopping_in_order_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ALL, 1, 0);
    children(3, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    stops(0, true);
    fails("child \"a\": stopped before one that started after it");
}

static void one_for_all_starting_before_all_are_down_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ALL, 1, 0);
    children(3, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    stops(2, true);
    child_up(1, PID(11), WEFT_PERMANENT, true);
    fails("started before all of its group were stopped");
}

static void one_for_all_starting_in_another_order_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ALL, 1, 0);
    children(2, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    stops(0, true);
    child_up(1, PID(11), WEFT_PERMANENT, true);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    fails("started out of order");
}

static void rest_for_one_leaves_those_before(void) {
    sup_up(SIM_CHECK_REST_FOR_ONE, 1, 0);
    children(3, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    stops(2, true);
    child_up(1, PID(11), WEFT_PERMANENT, true);
    child_up(2, PID(12), WEFT_PERMANENT, true);
    holds();
}

static void rest_for_one_stopping_those_before_fails(void) {
    sup_up(SIM_CHECK_REST_FOR_ONE, 1, 0);
    children(3, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1);
    stops(2, true);
    stops(0, true);
    fails("stopped with a group it is not of");
}

static void a_supervisor_stops_its_children_in_reverse(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(3, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    stops(2, false);
    stops(1, false);
    stops(0, false);
    ended(SUP, WEFT_REASON_SHUTDOWN);
    holds();
}

static void ending_before_the_children_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    stops(1, false);
    ended(SUP, WEFT_REASON_SHUTDOWN);
    fails("child \"a\": runs when its supervisor has ended");
}

static void a_killed_supervisor_owes_nothing(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    ended(SUP, WEFT_REASON_KILLED);
    holds();
}

static void starting_while_ending_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_PERMANENT);
    child_added(1, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    child_up(1, PID(1), WEFT_PERMANENT, false);
    fails("started while its supervisor ends");
}

static void any_significant_child_ends_its_supervisor(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, SIM_CHECK_AUTO_ANY);
    children(2, WEFT_TRANSIENT);
    child_down((struct down){0, PID(0), WEFT_TRANSIENT, WEFT_REASON_NORMAL, false, false});
    stopping(WEFT_SUP_AUTO);
    holds();
}

static void going_on_without_its_significant_child_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, SIM_CHECK_AUTO_ANY);
    children(2, WEFT_TRANSIENT);
    child_down((struct down){0, PID(0), WEFT_TRANSIENT, WEFT_REASON_NORMAL, false, false});
    child_added(2, WEFT_PERMANENT);
    fails("goes on after its significant child ended");
}

static void all_significant_waits_for_the_last(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, SIM_CHECK_AUTO_ALL);
    children(2, WEFT_TRANSIENT);
    child_down((struct down){0, PID(0), WEFT_TRANSIENT, WEFT_REASON_NORMAL, false, false});
    stopping(WEFT_SUP_AUTO);
    fails("shut down by itself without cause");
}

static void a_child_said_to_have_ended_that_runs_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_PERMANENT);
    told_down((struct down){0, PID(0), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
    fails("is said to have ended, and runs");
}

static void another_reason_than_the_real_one_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_TRANSIENT);
    ended(PID(0), WEFT_REASON_FAULT);
    told_down((struct down){0, PID(0), WEFT_TRANSIENT, WEFT_REASON_NORMAL, false, false});
    fails("is said to have another reason");
}

static void a_place_is_used_again_after_removal(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_TEMPORARY);
    child_down((struct down){0, PID(0), WEFT_TEMPORARY, WEFT_REASON_NORMAL, false, false});
    removed(0);
    child_added(0, WEFT_TEMPORARY);
    child_up(0, PID(20), WEFT_TEMPORARY, false);
    stopping(WEFT_SUP_TOLD);
    child_down((struct down){0, PID(20), WEFT_TEMPORARY, WEFT_REASON_SHUTDOWN, false, true});
    child_down((struct down){1, PID(1), WEFT_TEMPORARY, WEFT_REASON_SHUTDOWN, false, true});
    ended(SUP, WEFT_REASON_SHUTDOWN);
    holds();
}

static void removal_of_a_running_child_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(1, WEFT_TEMPORARY);
    removed(0);
    fails("was removed while it runs");
}

static void a_request_stops_any_child(void) {
    sup_up(SIM_CHECK_ONE_FOR_ALL, 1, 0);
    children(3, WEFT_PERMANENT);
    stops(0, false);
    child_up(0, PID(20), WEFT_PERMANENT, false);
    holds();
}

static void a_start_that_fails_is_tried_again_and_counted(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 2, 0);
    children(1, WEFT_PERMANENT);
    dies(0, true);
    for (int i = 0; i < 2; i++) {
        restart_of(0);
        tell(&run, 1,
             (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_FAILED, .number = {SUP, 0}});
    }
    give_up();
    stopping(WEFT_SUP_GAVE_UP);
    holds();
}

static void a_restart_nobody_owes_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 2, 0);
    children(1, WEFT_PERMANENT);
    restart_of(0);
    fails("restarts though it was not owed");
}

static void a_child_without_a_spec_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 2, 0);
    child_up(0, PID(0), WEFT_PERMANENT, false);
    fails("started without having been added");
}

static void the_check_is_dead_without_supervisors(void) {
    run = run_of((struct sim_check_spec){.kind = SIM_CHECK_SUPERVISED}, 8);
    ended(PID(0), WEFT_REASON_NORMAL);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void sup_ended(uint64_t reason, bool fault) {
    tell(
        &run, 1,
        (struct weft_trace_event){.kind = WEFT_TRACE_PROC_EXIT, .number = {SUP, reason, 0, fault}});
}

static void given_up(uint64_t place) {
    told_down((struct down){place, 0, WEFT_PERMANENT, WEFT_REASON_SHUTDOWN, false, true});
}

static void failed(uint64_t place) {
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_FAILED, .number = {SUP, place}});
}

static void a_child_is_started_again_on_request(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    stops(0, false);
    child_up(0, PID(10), WEFT_PERMANENT, false);
    holds();
}

static void a_start_on_request_of_one_to_be_restarted_fails(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    dies(0, true);
    child_up(0, PID(10), WEFT_PERMANENT, false);
    fails("started on request, and was to be restarted");
}

static void a_child_whose_restart_was_ignored_may_be_asked_for(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    dies(0, true);
    restart_of(0);
    given_up(0);
    child_up(0, PID(10), WEFT_PERMANENT, false);
    holds();
}

static void a_supervisor_that_faulted_owes_nothing(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(2, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    stops(1, false);
    sup_ended(WEFT_REASON_FAULT, true);
    holds();
}

static void the_child_it_was_stopping_when_told_to_end_comes_first(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(4, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    stops(1, false);
    stops(3, false);
    stops(2, false);
    stops(0, false);
    holds();
}

static void only_one_child_comes_first_when_told_to_end(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 1, 0);
    children(4, WEFT_PERMANENT);
    stopping(WEFT_SUP_TOLD);
    stops(1, false);
    stops(2, false);
    fails("stopped before one that started after it");
}

static void nothing_was_under_way_when_it_gave_up(void) {
    sup_up(SIM_CHECK_ONE_FOR_ONE, 0, 0);
    children(3, WEFT_PERMANENT);
    dies(2, true);
    give_up();
    stopping(WEFT_SUP_GAVE_UP);
    stops(0, false);
    fails("stopped before one that started after it");
}

static void those_before_a_failed_start_are_still_owed(void) {
    sup_up(SIM_CHECK_REST_FOR_ONE, 5, 0);
    children(2, WEFT_PERMANENT);
    stops(1, false);
    dies(0, true);
    restart_of(0); /* and waits; meanwhile: */
    child_up(1, PID(11), WEFT_PERMANENT, false);
    child_down((struct down){1, PID(11), WEFT_PERMANENT, WEFT_REASON_FAULT, true, false});
    restart_of(1);
    failed(1);
    restart_of(0);
    child_up(0, PID(10), WEFT_PERMANENT, true);
    holds();
}

static void a_group_takes_those_in_it_that_waited(void) {
    sup_up(SIM_CHECK_REST_FOR_ONE, 5, 0);
    children(2, WEFT_PERMANENT);
    dies(1, true);
    restart_of(1); /* and waits */
    dies(0, true);
    restart_of(0); /* and waits */
    given_up(0);
    child_up(1, PID(11), WEFT_PERMANENT, false);
    holds();
}

TEST_MAIN(
    "sim/check/supervised", TEST(a_child_is_started_again_on_request),
    TEST(a_start_on_request_of_one_to_be_restarted_fails),
    TEST(a_child_whose_restart_was_ignored_may_be_asked_for),
    TEST(a_supervisor_that_faulted_owes_nothing),
    TEST(the_child_it_was_stopping_when_told_to_end_comes_first),
    TEST(only_one_child_comes_first_when_told_to_end), TEST(nothing_was_under_way_when_it_gave_up),
    TEST(those_before_a_failed_start_are_still_owed), TEST(a_group_takes_those_in_it_that_waited),
    TEST(one_for_one_restarts_the_one_that_died), TEST(a_permanent_child_not_restarted_fails),
    TEST(a_temporary_child_restarted_fails), TEST(transient_is_by_reason),
    TEST(a_transient_child_restarted_after_normal_fails),
    TEST(a_restart_beyond_the_intensity_fails), TEST(restarts_leave_the_window_after_the_period),
    TEST(where_clocks_drift_the_period_may_be_shorter_or_longer_but_not_by_any_amount),
    TEST(without_memory_a_supervisor_may_give_up_early), TEST(giving_up_takes_a_restart_too_many),
    TEST(giving_up_too_early_fails), TEST(one_for_all_stops_in_reverse_and_starts_in_order),
    TEST(one_for_all_stopping_in_order_fails), TEST(one_for_all_starting_before_all_are_down_fails),
    TEST(one_for_all_starting_in_another_order_fails), TEST(rest_for_one_leaves_those_before),
    TEST(rest_for_one_stopping_those_before_fails),
    TEST(a_supervisor_stops_its_children_in_reverse), TEST(ending_before_the_children_fails),
    TEST(a_killed_supervisor_owes_nothing), TEST(starting_while_ending_fails),
    TEST(any_significant_child_ends_its_supervisor),
    TEST(going_on_without_its_significant_child_fails), TEST(all_significant_waits_for_the_last),
    TEST(a_child_said_to_have_ended_that_runs_fails), TEST(another_reason_than_the_real_one_fails),
    TEST(a_place_is_used_again_after_removal), TEST(removal_of_a_running_child_fails),
    TEST(a_request_stops_any_child), TEST(a_start_that_fails_is_tried_again_and_counted),
    TEST(a_restart_nobody_owes_fails), TEST(a_child_without_a_spec_fails),
    TEST(the_check_is_dead_without_supervisors))
