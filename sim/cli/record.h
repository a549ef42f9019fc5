/* Record: the trace that a run writes; which kinds of events are in it, and what its head says. */
#ifndef SIM_CLI_RECORD_H
#define SIM_CLI_RECORD_H

#include "sim/cli/wishes.h"

#define CLI_HEAD_MAX 8192

struct ana_trace_writer;

/* 0 in all: no trace. */
struct cli_record {
    const char *file;   /* --trace */
    uint64_t only;      /* --trace-only: these kinds; 0: not given */
    bool packets;       /* --trace-packets */
    weft_duration last; /* --trace-last; 0: all of it */
    struct ana_trace_writer *writer;
    uint32_t unseen; /* events that who reads the file while it grows does not see yet */
};

/* For a table of options: add the kinds of "lookup.done,packet" to `only`. False after telling
 * which there is none of. */
bool cli_record_take_only(struct cli_record *record, const char *list);

/* The kinds that are written: all but packet.data, unless told otherwise. What a page says is
 * always written, so that every trace tells what came of its run. 0: there is no trace. */
uint64_t cli_record_mask(const struct cli_record *record);

/* What a run says of itself at the start of its trace, one "key=value" a line. */
struct cli_record_head {
    const struct sim_plan *plan;
    const struct cli_wishes *wishes;
    const char *repeat;
    uint64_t without; /* kinds that are not written, so that who reads it knows them from those of
                         which there was nothing to write */
};

void cli_record_write_head(const struct cli_record_head *head, char text[CLI_HEAD_MAX]);

/* Create the file, or with --trace-last what it may be made of. `head` is its text. False after
 * telling why not. */
bool cli_record_open(struct cli_record *record, const char *head);
/* If it is of a kind that is written. */
void cli_record_event(struct cli_record *record, const struct weft_trace_event *event);
/* With --trace-last the file is written now, if the run has failed, and it is told that it was.
 * False after telling what is not complete. */
bool cli_record_close(struct cli_record *record, bool failed);
/* The run is in a panic: what is in memory goes to the file, as cli_record_close with `failed`.
 * Of --trace-last it asks for no memory and waits for nobody; else it waits for the thread that
 * writes. Nothing may be recorded afterwards. */
void cli_record_panic(struct cli_record *record);

#endif
