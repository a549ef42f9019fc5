/* Recorder: the daemon's trace on disk, the same that a simulated run writes, so that the same
 * tools read it. The daemon is node 0 in it, and its times are the machine's monotonic ones.
 *
 * Events of all schedulers come one after the other; whoever tells one waits for the disk as long
 * as a block takes to write. What was told is seen by readers a second later. When the file has
 * grown to its limit it becomes FILE.1, in place of the last one, and a new one begins; so does one
 * that is there at the start. */
#ifndef WEFT_WEFTD_RECORDER_H
#define WEFT_WEFTD_RECORDER_H

#include "core/weftd/config.h"

struct recorder;

/* Create the file that the configuration names. *out NULL: it names none. False after a complaint
 * in the log. */
bool recorder_open(const struct weftd_config *config, struct recorder **out);

/* The kinds of trace events it wants; NULL: none. */
uint64_t recorder_mask(const struct recorder *recorder);

/* From any thread. NULL is ignored. Trouble with the file is logged once, and ends the trace. */
void recorder_event(struct recorder *recorder, const struct weft_trace_event *event);

/* NODE_UP and NODE_DOWN: what the driver of a node tells. */
void recorder_up(struct recorder *recorder, weft_time now, const struct weft_addr *addr);
void recorder_down(struct recorder *recorder, weft_time now, bool clean);

/* Once a run of the daemon's: tell what it has to carry, and let readers see what was told, when a
 * second has passed since. When it wants to be called again; WEFT_TIME_NEVER: never. */
void recorder_run(struct recorder *recorder, weft_time now, struct weft_sched *sched, size_t bytes);
weft_time recorder_next_at(const struct recorder *recorder);

void recorder_close(struct recorder *recorder);

/* The kinds of "lookup.done,dht". 0: one of them is none. */
uint64_t recorder_kinds(const char *list);

#endif
