/* Trail: what a run did, as lines of text that two runs can be compared by.
 *
 * Every entity has a digest of all it did: the events it was given, what it folded into the hash,
 * what it scheduled and took back, the bytes it sent. So runs part where something is done
 * differently, not only where it arrives. A trail has marks, or events, or both:
 *
 *     mark TIME EVENTS          the state before the first event not earlier than TIME (ns)
 *     ENTITY DIGEST             ... of those that did something since the mark before, ascending
 *     from DIGEST               all of them together, before the first event that is told
 *     event NUMBER ...          an event, and indented what was done in it
 *       ~ ...                   traced in it: shown, not compared, for it may name places of code
 *     past                      no event from here on is told, and the trail ends
 *     end EVENTS HASH           of the run */
#ifndef SIM_CLI_TRAIL_H
#define SIM_CLI_TRAIL_H

#include "sim/cli/cli.h"

struct trail {
    FILE *out;
    weft_duration every; /* between marks; 0: none */
    bool events;         /* those in [from, to] are told */
    weft_time from, to;
    uint32_t nodes;
    struct sim_hash *digests; /* of the nodes, then of the scenario */
    bool *moved;              /* since the last mark */
    weft_time mark;           /* the next */
    uint64_t count;           /* events so far */
    bool told;                /* an event was: `from` has been written */
    uint32_t entity;          /* of the head written last */
    weft_time at;
};

/* `out`, `every`, `events`, `from` and `to` are set. False: no memory. */
bool trail_open(struct trail *trail, uint32_t nodes);
void trail_close(struct trail *trail);

/* For a run's witness and its trace; ctx: the trail. */
void trail_tell(void *ctx, const struct sim_deed *deed);
void trail_trace(void *ctx, const struct weft_trace_event *event);

/* The last mark, and the end. */
void trail_end(struct trail *trail, const struct sim_run_report *report);

#endif
