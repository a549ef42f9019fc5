/* What a supervisor that gives up says, and what is left of it at the top. */
#include "tests/unit/otp/sup_kit.h"

#include <stdio.h>

static struct weft_child_spec leaf;
static struct weft_sup_config configs[8];
static struct weft_child_spec branches[8];
static char ids[8][48];

/* A chain of supervisors under `depth` levels, the innermost with the kid "a"; each may restart
 * `intensity` times. */
static void open_chain(int depth, uint32_t intensity, const char *id) {
    leaf = kid("a", WEFT_PERMANENT, 0);
    for (int i = 0; i < depth; i++) {
        snprintf(ids[i], sizeof ids[i], "%s%d", id, i);
        configs[i] = (struct weft_sup_config){.intensity = intensity,
                                              .intensity_zero = true,
                                              .period = WEFT_S(10),
                                              .children = i == 0 ? &leaf : &branches[i - 1],
                                              .children_count = 1};
        branches[i] = (struct weft_child_spec){.id = ids[i],
                                               .behaviour = &weft_supervisor,
                                               .arg = weft_bytes(&configs[i], sizeof configs[i])};
    }
    sup_open(&configs[depth - 1]);
}

/* Of the outermost, when it has given up. */
static const char *last_words(void) {
    CHECK(!alive(sup));
    const struct fake_trace *last = NULL;
    for (size_t i = 0; i < world.traces_count; i++)
        if (world.traces[i].kind == WEFT_TRACE_PROC_EXIT && world.traces[i].number[0] == sup.raw)
            last = &world.traces[i];
    CHECK(last != NULL);
    CHECK_EQ_UINT(last->number[1], WEFT_REASON_SHUTDOWN);
    return last->text;
}

static void close_chain(void) {
    world_log_clear();
    world_close();
}

static void giving_up_names_the_child_how_often_how_long_and_why(void) {
    open_chain(1, 2, "s");
    for (int i = 0; i < 2; i++) kill_kid("a");
    end_kid("a", WEFT_REASON_ERROR, 7);
    CHECK_EQ_TEXT(last_words(), "3 restarts in 10 s, last child 'a': error 7");
    close_chain();
}

static void boom(weft_self *self) {
    struct weft_reason why = weft_reason_text(WEFT_REASON_FAULT, 2, "core/x.c:12: n > 0");
    weft_stop(self, &why);
}

static void the_place_of_a_fault_is_in_the_text(void) {
    open_chain(1, 0, "s");
    in(pid_of("a"), boom);
    CHECK_EQ_TEXT(last_words(), "1 restarts in 10 s, last child 'a': fault core/x.c:12: n > 0");
    close_chain();
}

static void each_level_adds_itself(void) {
    open_chain(2, 0, "s");
    in(pid_of("a"), boom);
    CHECK_EQ_TEXT(last_words(), "1 restarts in 10 s, last child 's0': shutdown 1 restarts in 10 s, "
                                "last child 'a': fault core/x.c:12: n > 0");
    close_chain();
}

static void through_many_levels_the_first_cause_stays(void) {
    open_chain(6, 0, "a-long-name-for-a-supervisor-");
    in(pid_of("a"), boom);
    CHECK_EQ_TEXT(last_words(),
                  "1 restarts in 10 s, last child 'a-long-name-for-a-supervisor-4': ... "
                  "1 restarts in 10 s, last child 'a': fault core/x.c:12: n > 0");
    close_chain();
}

static void boom_at_length(weft_self *self) {
    char place[160];
    memset(place, 'p', sizeof place);
    memcpy(place, "core/", 5);
    place[sizeof place - 1] = '\0';
    struct weft_reason why = weft_reason_text(WEFT_REASON_FAULT, 2, "%s", place);
    weft_stop(self, &why);
}

static void a_long_cause_is_cut_at_its_end(void) {
    open_chain(3, 0, "s");
    in(pid_of("a"), boom_at_length);
    const char *words = last_words();
    CHECK_EQ_UINT(strlen(words), WEFT_REASON_TEXT_SIZE - 1);
    CHECK(strncmp(words, "... 1 restarts in 10 s, last child 'a': fault core/ppp", 54) == 0);
    close_chain();
}

static void a_child_without_id_is_called_by_its_behaviour(void) {
    struct weft_sup_config config = {.intensity_zero = true, .period = WEFT_MS(1500)};
    sup_open(&config);
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    spec.id = NULL;
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    kill_kid("a");
    CHECK_EQ_TEXT(last_words(), "1 restarts in 1500 ms, last child 'probe': killed");
    close_chain();
}

static void starts_that_fail_are_named_with_their_error(void) {
    struct weft_child_spec spec = kid("x", WEFT_PERMANENT, 0);
    struct weft_sup_config config = {.intensity = 3, .children = &spec, .children_count = 1};
    sup_open(&config);
    start_failures = 100;
    kill_kid("x");
    CHECK_EQ_TEXT(last_words(), "4 restarts in 5 s, last child 'x': error -14");
    close_chain();
}

static void a_death_during_an_operation_keeps_its_text(void) {
    struct weft_child_spec specs[] = {kid("a", WEFT_PERMANENT, 0),
                                      kid("b", WEFT_PERMANENT, PROBE_SLOW)};
    specs[1].shutdown = WEFT_MS(10);
    struct weft_sup_config config = {
        .intensity_zero = true, .children = specs, .children_count = 2};
    sup_open(&config);
    ask_terminate("b");
    in(pid_of("a"), boom);
    pass(WEFT_MS(10));
    CHECK_EQ_TEXT(last_words(), "1 restarts in 5 s, last child 'a': fault core/x.c:12: n > 0");
    close_chain();
}

static void the_root_that_gives_up_ends_the_node_with_the_text(void) {
    world_open_bare();
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    struct weft_sup_config config = {
        .intensity_zero = true, .children = &spec, .children_count = 1};
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&config, sizeof config)};
    CHECK_EQ_INT(weft_sched_start(world.sched, &spawn, &sup, NULL), WEFT_OK);
    in(pid_of("a"), boom);
    struct weft_reason why;
    CHECK(weft_sched_ended(world.sched, &why));
    CHECK_EQ_TEXT(why.text, "1 restarts in 5 s, last child 'a': fault core/x.c:12: n > 0");
    close_chain();
}

TEST_MAIN("otp/escalation", TEST(giving_up_names_the_child_how_often_how_long_and_why),
          TEST(the_place_of_a_fault_is_in_the_text), TEST(each_level_adds_itself),
          TEST(through_many_levels_the_first_cause_stays), TEST(a_long_cause_is_cut_at_its_end),
          TEST(a_child_without_id_is_called_by_its_behaviour),
          TEST(starts_that_fail_are_named_with_their_error),
          TEST(a_death_during_an_operation_keeps_its_text),
          TEST(the_root_that_gives_up_ends_the_node_with_the_text))
