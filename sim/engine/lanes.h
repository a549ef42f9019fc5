/* Lanes: one engine on several threads, with the same events, the same hash and the same order of
 * what is traced as on one.
 *
 * The nodes are shared out among lanes, each an engine with a queue of its own; what happens to the
 * scenario has a queue too, that of the engine that was split. All time is cut into windows shorter
 * than the least time anything takes from one node to another (the lookahead; Chandy and Misra
 * 1979, Bryant 1977, in the synchronous form): within one no lane can hear of another, so each runs
 * on its own thread. What goes to another lane waits in an outbox until the window is over.
 *
 * Where the scenario acts, everything else stands still, unless it acts on one node only
 * (sim_event.only): that is handed out to the node's lane and done there in its turn. As the
 * scenario numbers what it schedules, and has one chain, such events are done one after another: a
 * lane that comes to one before its turn waits until the others have done theirs. They are about as
 * far in time as it is, so it does not wait long.
 *
 * Nodes are dealt to the lanes in blocks: neighbours, which often do the same at the same time,
 * such as to join, are shared out, and each lane's rows in tables by node are in cache lines of its
 * own.
 *
 *     while ((turn = sim_engine_turn(...)).kind != SIM_TURN_OVER)
 *         SIM_TURN_ONE:     sim_engine_next(turn.lane, turn.last), once, and act on it
 *         SIM_TURN_WINDOW:  on each lane's thread: sim_engine_lane_next(lane, ...) until it is
 *                           DONE, then, when all have, sim_engine_collect(lane); then, again when
 *                           all have, sim_engine_window_end
 *
 * Between turns, and during ONE, all lanes belong to one thread. */
#ifndef SIM_ENGINE_LANES_H
#define SIM_ENGINE_LANES_H

#include "sim/engine/engine.h"

#define SIM_LANES_MAX 64u

/* Share out the nodes of an engine in which nothing is scheduled yet. False: out of memory, and
 * nothing has changed. `lanes` >= 2. */
bool sim_engine_split(struct sim_engine *engine, uint32_t lanes);

uint32_t sim_engine_lanes(const struct sim_engine *engine); /* 0: it was not split */
uint32_t sim_engine_lane_of(const struct sim_engine *engine, uint32_t node);
struct sim_engine *sim_engine_lane(const struct sim_engine *engine, uint32_t lane);

enum sim_turn_kind { SIM_TURN_OVER = 0, SIM_TURN_ONE, SIM_TURN_WINDOW };

struct sim_turn {
    enum sim_turn_kind kind;
    struct sim_engine *lane; /* ONE: whose the next event is */
    weft_time last;          /* no event after it */
};

/* What is to be done next, up to `until`. Where the scenario acts, it does so in every lane, and
 * all clocks are the same. An event passes from one node to another in `lookahead` at the least, >
 * 0. OVER: all clocks are at `until`, and the scenario acts. */
struct sim_turn sim_engine_turn(struct sim_engine *engine, weft_time until,
                                weft_duration lookahead);

/* Of a window: pop the lane's next event, as sim_engine_next does. WAITS: it is the scenario's, and
 * not its turn; try again, or do another lane's first: one of them does not wait. What was popped
 * before has been acted on. */
enum sim_lane_step { SIM_LANE_DONE = 0, SIM_LANE_WAITS, SIM_LANE_EVENT };
enum sim_lane_step sim_engine_lane_next(struct sim_engine *lane, struct sim_event *event);

/* Take in what other lanes have sent to this one. */
void sim_engine_collect(struct sim_engine *lane);
void sim_engine_window_end(struct sim_engine *engine);

/* The scenario's clock goes on to `at`, a time in the window that is over: for what it is told of
 * that. Not back. */
void sim_engine_scenario_at(struct sim_engine *engine, weft_time at);

/* The place of what a lane does now in the order of the whole run: that of the greatest event it
 * has popped in this window. What happened in another lane came before it if and only if its mark
 * is smaller: an engine that is not split pops the least of what it has, and so an event before
 * another one exactly if all that led up to it in its own lane is smaller. */
struct sim_mark {
    weft_time at;
    uint64_t tie;
    struct sim_cause cause;
};

struct sim_mark sim_engine_mark(const struct sim_engine *lane);
bool sim_mark_before(const struct sim_mark *a, const struct sim_mark *b);

#endif
