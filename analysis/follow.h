/* Follow: a message or a call on its way through nodes, as a story.
 *
 * What a node tells at one time belongs together: a step. A packet received begins a step; packets
 * that the node sends in it, after that, are its effects, and so are the steps where they arrive.
 * So a story is a tree. Its root is where it began: an operation that was asked for or started, or
 * a timer of which nothing is told.
 *
 * Of a packet the story has its causes, back to the root, and all its effects. Of an operation it
 * has the steps in which the node tells of that operation, and what follows from the first of them,
 * to the end of the operation. */
#ifndef ANALYSIS_FOLLOW_H
#define ANALYSIS_FOLLOW_H

#include "analysis/trace_file.h"

#include <stdio.h>

struct ana_follow {
    const char *trace;  /* the file to read */
    bool is_op;         /* else a packet */
    uint32_t node;      /* who sent it; who does it */
    uint64_t number;    /* the packet's; the operation's */
    uint32_t lines_max; /* 0: ANA_FOLLOW_LINES */
    /* out */
    uint64_t lines; /* told */
    bool more;      /* there was more to tell */
    struct ana_trace_damage damage;
    char why[256]; /* on an error: one line, with the file it is about */
};

#define ANA_FOLLOW_LINES 2000
/* A packet's causes are looked for among so many of the packets before it. */
#define ANA_FOLLOW_PACKETS (1u << 20)

/* Write the story to `out`, an event a line, two columns further right for each packet on the way;
 * the packet that is followed is marked ">".
 *   WEFT_ERR_NOT_FOUND  no such file, or it does not tell of the packet or the operation
 *   WEFT_ERR_MALFORMED, WEFT_ERR_IO, WEFT_ERR_NOMEM */
int ana_follow(struct ana_follow *follow, FILE *out);

#endif
