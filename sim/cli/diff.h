/* Diff: two runs, and the first event that is not alike.
 *
 * Each side is a process, of this program or of another build, that writes its trail
 * (sim/cli/trail.h). A first pass compares marks, and ends at the first that is not alike. A second
 * runs both again up to there and compares event by event. Nothing is kept of a trail but a few
 * lines. The memory of each side is filled with another pattern before it is used. */
#ifndef SIM_CLI_DIFF_H
#define SIM_CLI_DIFF_H

#include "sim/cli/wishes.h"

#include <sys/types.h>

#define DIFF_WORDS_MAX (2 * (CLI_SETS_MAX + CLI_FOLDERS_MAX) + 24)
#define DIFF_RING 24u

/* Of one run. */
struct diff_wishes {
    struct cli_wishes base;
    const char *with; /* the program; NULL: this one */
};

/* The last lines of something. */
struct diff_ring {
    char *lines[DIFF_RING];
    uint64_t count; /* ever put in */
};

struct diff_side {
    const struct diff_wishes *wishes;
    const char *name; /* "A" */
    pid_t pid;        /* 0: none runs */
    FILE *from;
    char *line; /* the one read last, without its end; "" after the last */
    size_t room;
    bool ended;              /* there is no more */
    int status;              /* exit status, when it has ended; -1: a signal ended it */
    struct diff_ring heads;  /* events before the present one */
    char *head;              /* the present one; NULL: none */
    struct diff_ring within; /* what was done in it so far */
};

struct diff {
    struct diff_wishes wishes[2];
    bool json;
    struct diff_side sides[2];
    weft_duration every;
    weft_time from, to; /* the marks between which they part */
    uint64_t entities;  /* that part there */
    uint32_t first;     /* the first of these */
    uint64_t events;    /* of runs that are alike */
    char hash[2][SIM_HASH_TEXT_SIZE];
};

/* What a pass has found. */
enum diff_found { DIFF_ALIKE = 0, DIFF_PARTS, DIFF_ELSEWHERE, DIFF_BROKEN };

/* --- sides (diff_side.c) --- */

struct diff_words {
    const char *list[DIFF_WORDS_MAX];
    uint32_t count;
};

/* The run of a side, as words of a command line: what follows "weft run". */
void diff_words_of(struct diff_words *words, const struct diff_wishes *wishes);

/* Start its process, with `extra` words. `number`: 0 or 1. False after telling why. */
bool diff_start(struct diff_side *side, unsigned number, const struct diff_words *extra);
/* The next line, into side->line. False: there is none, and side->status is known. */
bool diff_read(struct diff_side *side);
/* The next line that counts: heads and what is done are kept. */
bool diff_read_event(struct diff_side *side);
/* End its process, if it runs, and forget what was read. */
void diff_stop(struct diff_side *side);

/* Its command line, which is of no more words than `text` has room for. */
void diff_command_of(struct cli_words *text, const struct diff_side *side);

/* --- passes (diff.c) --- */

/* By marks. PARTS: from, to, entities and first are set. ALIKE: events and hashes are. */
enum diff_found diff_marks(struct diff *diff);
/* By events, from `from` to `to`. PARTS: both sides are at their first line that is not alike.
 * ELSEWHERE: they were alike there, or parted before: these runs do not repeat. */
enum diff_found diff_events(struct diff *diff);
/* After diff_events; reads on to the end of the event. */
void diff_page(FILE *out, struct diff *diff);

/* --- what is found, as one JSON object (diff_json.c) --- */
void diff_json_alike(FILE *out, const struct diff *diff);
/* After diff_events; reads on to the end of the event. */
void diff_json_parts(FILE *out, struct diff *diff);
/* They part each time elsewhere. */
void diff_json_elsewhere(FILE *out, const struct diff *diff);

#endif
