/* Points: the calls of a node that the outside may refuse, each of them named and counted, and one
 * of them refused. A point is a kind and its number among those of its kind, from 1, in the order
 * of the run: the same run has the same points. Memory is the node's own, the env's `mem`. */
#ifndef SIM_WORLD_POINTS_H
#define SIM_WORLD_POINTS_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, "name"), and what a refused call returns */
#define SIM_POINTS(X)                                                                              \
    X(MEMORY, "memory") /* alloc, resize: NULL */                                                  \
    X(DISK, "disk")     /* all but close: IO */                                                    \
    X(NET, "net")       /* open, listen, connect: NOMEM; send: AGAIN; read, write: RESET; finish:  \
                           CLOSED */                                                               \
    X(JOB, "job")       /* submit: NOMEM */                                                        \
    X(LOAD, "load")     /* load a module: NOMEM */                                                 \
    X(APP, "app")       /* weft_fault_point: true; the call is its name */

enum sim_point_kind {
    SIM_POINT_NONE = 0,
#define SIM_POINT_ENUM(NAME, name) SIM_POINT_##NAME,
    SIM_POINTS(SIM_POINT_ENUM)
#undef SIM_POINT_ENUM
        SIM_POINT_KIND_COUNT
};

const char *sim_point_name(enum sim_point_kind kind);

#define SIM_POINT_CALL_MAX 32
#define SIM_POINT_WHO_MAX 96
#define SIM_POINT_ALL_NODES UINT32_MAX

/* Where the refused call was made. */
struct sim_point_site {
    weft_time at;
    uint32_t node;
    size_t size;                   /* bytes asked for; 0: that says nothing */
    char call[SIM_POINT_CALL_MAX]; /* "alloc" */
    char who[SIM_POINT_WHO_MAX];   /* the process: its name, or that of its behaviour */
};

struct sim_points {
    uint32_t node;            /* only its points count; ALL_NODES: of all */
    enum sim_point_kind kind; /* NONE: none is refused */
    uint64_t number;
    /* told */
    uint64_t count[SIM_POINT_KIND_COUNT];
    bool reached;
    struct sim_point_site site; /* when it was */
};

#endif
