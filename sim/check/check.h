/* Checks: promises that are judged while a run goes on, from trace events and nothing else: so the
 * same check judges the simulator, a testbed of real processes and production.
 *
 * A check counts how often it was evaluated in a way that could have failed. Never evaluated: the
 * run fails (dead check). One file per promise; docs/checks.md says what each judges.
 *
 *   cut   a fault is on that keeps nodes from one another: partition, isolate, pause, degrade
 *   heal  the last cut ended
 *   calm  no cut is on; none went on or off, no node came, went or joined for `within`
 *
 * Of a core the heal is when it was healed, and calm begins `within` after it, whatever happens.
 *
 * Memory that runs out while a run is judged is a panic. */
#ifndef SIM_CHECK_CHECK_H
#define SIM_CHECK_CHECK_H

#include "core/env/trace.h"

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, "key in a scenario", "the promise") */
#define SIM_CHECKS(X)                                                                              \
    X(STORED_FOUND, "stored_found",                                                                \
      "a get of a stored key succeeds when it starts `within` after the last heal, or in calm")    \
    X(PEERS_FOUND, "peers_found",                                                                  \
      "get_peers of an announced info-hash finds a live announcer, likewise")                      \
    X(CLOSEST, "closest", "a lookup that starts in calm returns the true k closest live nodes")    \
    X(RESTARTED, "restarted",                                                                      \
      "a permanent child that died runs again `within`, unless its node is down")                  \
    X(NO_LEAK, "no_leak", "a node that ended in order leaves no process, timer, socket or byte")   \
    X(TABLES, "tables",                                                                            \
      "`within` after it came up or the last heal, a node's routing table holds >= min(k, N-1)")   \
    X(DEAD_FORGOTTEN, "dead_forgotten",                                                            \
      "no lookup that starts `within` after a node's death returns that node")                     \
    X(NO_SURPRISE, "no_surprise",                                                                  \
      "no process faults and no node ends by itself, unless a fault of the scenario did it")       \
    X(SUPERVISED, "supervised",                                                                    \
      "supervisors start, restart, stop and give up by OTP's rules, and in its order")             \
    X(NO_ORPHAN, "no_orphan",                                                                      \
      "no child outlives its supervisor `within`, and a name or pid has one live holder")          \
    X(DURABLE, "durable",                                                                          \
      "what an application acknowledged is found again, or its loss to a lying disk is noticed")

enum sim_check_kind {
    SIM_CHECK_NONE = 0,
#define SIM_CHECK_ENUM(NAME, key, promise) SIM_CHECK_##NAME,
    SIM_CHECKS(SIM_CHECK_ENUM)
#undef SIM_CHECK_ENUM
        SIM_CHECK_KIND_COUNT
};

const char *sim_check_name(enum sim_check_kind kind);
const char *sim_check_promise(enum sim_check_kind kind);

/* What checks must know of the numbers in the trace, from rooms they must not know. A run asserts
 * that these are still theirs (sim/scenario/run.c). */
enum sim_check_number {
    SIM_CHECK_CUT_PARTITION = 1, /* `kind` of FAULT_ON: enum sim_fault_kind */
    SIM_CHECK_CUT_ISOLATE = 2,
    SIM_CHECK_CUT_PAUSE = 7,
    SIM_CHECK_CUT_DEGRADE = 9,
    SIM_CHECK_CUT_REBIND = 14, /* on until it bit: who had been found is not, for a while */
    SIM_CHECK_CUT_MOVE = 15,
    SIM_CHECK_CUT_SLOW = 18,
    SIM_CHECK_CUT_OUTAGE = 19,
    SIM_CHECK_CUT_OVERFLOW = 22,
    SIM_CHECK_CUT_MEMORY = 23,
    SIM_CHECK_LIE_FIRST = 24, /* from wipe to latent_error */
    SIM_CHECK_LIE_LAST = 28,
    SIM_CHECK_PERMANENT = 0, /* `restart` of SUP_CHILD_DOWN: enum weft_restart */
    SIM_CHECK_TRANSIENT = 1,
    SIM_CHECK_TEMPORARY = 2,
    SIM_CHECK_ONE_FOR_ONE = 0, /* `strategy` of SUP_UP: enum weft_strategy */
    SIM_CHECK_ONE_FOR_ALL = 1,
    SIM_CHECK_REST_FOR_ONE = 2,
    SIM_CHECK_SIMPLE = 3,
    SIM_CHECK_AUTO_ANY = 1, /* `auto_shutdown` of SUP_UP */
    SIM_CHECK_AUTO_ALL = 2,
    SIM_CHECK_NORMAL = 0, /* `reason`: enum weft_reason_kind */
    SIM_CHECK_SHUTDOWN = 1,
    SIM_CHECK_KILLED = 3
};

struct sim_check_spec {
    enum sim_check_kind kind;
    uint32_t line;
    weft_duration within;  /* 0: the check's default */
    uint32_t at_least_ppm; /* share of evaluations that must hold; 0 means all (1,000,000) */
};

struct sim_check_failure {
    weft_time seen_at; /* not before the event told last */
    uint32_t node;
    const char *why; /* as in struct sim_check_result */
};

/* What a check may know beforehand about a run. */
struct sim_check_setup {
    uint32_t nodes;   /* population */
    bool clocks_vary; /* those of some nodes run too fast or too slow: by up to a half */
    /* How long nodes keep what was stored; 0: longer than the run. Of several the shortest. */
    weft_duration item_lifetime, peer_lifetime;
    /* Liveness: only nodes of the core are judged, `core_within` after `core_at`, whatever faults
     * are on; a check's own `within` means nothing. By node, borrowed; NULL: all, all the time. */
    const bool *core;
    weft_time core_at;
    weft_duration core_within;
    /* Told of failures as they are seen, each check's first WEFT_TRACE_FAILURES_MAX; NULL: nobody.
     * `check` is its place in the specs; what is borrowed is so for the call. */
    void (*failed)(void *ctx, uint32_t check, const struct sim_check_failure *failure);
    void *ctx;
};

/* Whether a check says whether a core has converged: what comes true in the end, and stays true.
 * Those that say what never happens are judged over the whole run anyhow. */
bool sim_check_is_of_core(enum sim_check_kind kind);

struct sim_checks;

struct sim_checks *sim_checks_new(const struct sim_check_spec *specs, uint32_t count,
                                  const struct sim_check_setup *setup);
void sim_checks_free(struct sim_checks *checks);

/* Every event of the run, in order of time. */
void sim_checks_trace(struct sim_checks *checks, const struct weft_trace_event *event);

/* Faults stop, and a core is healed: the checks that are of a core judge no more, since others may
 * stay as they are. Those of the core (setup.core) go on. */
void sim_checks_yield(struct sim_checks *checks, weft_time now);

/* The scenario is over: nodes are now told to stop. Judge what is open and past its deadline; from
 * here on only no_leak and no_surprise judge. */
void sim_checks_stopping(struct sim_checks *checks, weft_time now);

/* The run is over at `now`: judge what is still open, if its deadline has passed. */
void sim_checks_finish(struct sim_checks *checks, weft_time now);

/* The kinds of events the checks want, as a mask. */
uint64_t sim_checks_mask(const struct sim_checks *checks);

#define SIM_CHECK_WHY_MAX 200

struct sim_check_result {
    uint64_t evaluated, failed;
    weft_time first_failed_at; /* when failed > 0 */
    uint32_t first_failed_node;
    char why[SIM_CHECK_WHY_MAX]; /* of the first failure: "node 17: get of 3fa9... found nothing" */
    bool holds;                  /* evaluated > 0, and failures within at_least_ppm */
};

void sim_checks_result(const struct sim_checks *checks, uint32_t spec,
                       struct sim_check_result *result);

#endif
