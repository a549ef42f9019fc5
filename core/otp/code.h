/* Code: modules of a running node, several versions side by side, and how its processes go from
 * one to another and back (https://www.erlang.org/doc/reference_manual/code_loading.html,
 * https://www.erlang.org/doc/man/release_handler.html).
 *
 *     weft_code_load(sched, "kv_v2.so", &id, &why);
 *     weft_code_upgrade(sched, &(struct weft_code_upgrade){.module = "kv", .version = 2,
 *                       .watch = 100}, &why);
 *     ...
 *     weft_code_rollback(sched, "kv", &why)   or   weft_code_purge(sched, "kv", false, &why)
 *
 * Nothing stops. An upgrade only changes which version is current; each process goes over at the
 * start of its next turn, between two messages, by its behaviour's code_change (module.h); those
 * that have no message are looked after in the background, WEFT_CODE_SWEEP_MAX slots a run. What
 * a process has (pid, name, mailbox, links, monitors, timers, sockets, memory) is not touched.
 *
 * An upgrade rolls itself back, for every process it has moved, when one code_change fails, and
 * when one of the first `watch` messages that a process handles with the new code faults (its init
 * counts). The process that faulted ends as usual; its supervisor starts it again with the old
 * code. Until weft_code_commit, or until the old version is purged, it can be rolled back by hand.
 *
 * Spawning a behaviour of any version starts that of the current one with the same name, if it has
 * one: nobody has to be told the new address. This holds for child specs too.
 *
 * Differences from OTP: any number of versions live side by side (OTP: two); nothing is suspended;
 * a process's code changes only here, not by a qualified call; loading a third version kills
 * nobody.
 *
 * All functions are for whoever drives the scheduler: not from handlers. Where there is a `why`,
 * it is filled on an error; it may be NULL. */
#ifndef WEFT_OTP_CODE_H
#define WEFT_OTP_CODE_H

#include "core/otp/module.h"
#include "core/otp/sched.h"

#define WEFT_CODE_TEXT_SIZE 256

struct weft_code_text {
    char text[WEFT_CODE_TEXT_SIZE];
};

/* Load the object at `path` beside what is loaded. The first version of a module becomes current at
 * once; a later one does nothing until an upgrade. *out, if not NULL, lives until it is purged.
 *   WEFT_ERR_NOT_FOUND    no such file
 *   WEFT_ERR_MALFORMED    no object for this machine, a symbol it needs is missing, or it exports
 *                         no weft_module
 *   WEFT_ERR_UNSUPPORTED  built against another WEFT_ABI
 *   WEFT_ERR_INVAL        what it exports is not valid (a name is missing or comes twice ...)
 *   WEFT_ERR_EXISTS       this version of the module is loaded; *out is what it exports
 *   WEFT_ERR_FULL         WEFT_MODULES_MAX, WEFT_VERSIONS_MAX
 *   WEFT_ERR_NOMEM */
int weft_code_load(struct weft_sched *sched, const char *path, const struct weft_module_info **out,
                   struct weft_code_text *why);

/* The memory of what `info` is in stays as long as the scheduler, also when it is purged: something
 * other than processes points into it. */
void weft_code_keep(struct weft_sched *sched, const struct weft_module_info *info);

/* Unload a version that is of no use after all: one that nobody runs, that is neither current (but
 * for the only one, whose application is not loaded) nor part of an open upgrade.
 *   WEFT_ERR_NOT_FOUND  it is not loaded
 *   WEFT_ERR_IN_USE     it stays */
int weft_code_unload(struct weft_sched *sched, const struct weft_module_info *info,
                     struct weft_code_text *why);

/* What the current version of `module` exports, or NULL. Borrowed until that version is purged. */
const struct weft_module_info *weft_code_current(const struct weft_sched *sched,
                                                 const char *module);

enum weft_code_mode {
    WEFT_CODE_SWEEP = 0, /* at the next message; those without one in the background */
    WEFT_CODE_LAZY,      /* at the next message only */
    WEFT_CODE_EAGER      /* all before this returns: for few processes, or when it must be now */
};

/* Whom it moves: all; or, as a canary, the processes `pids`, or `ppm` parts per million of the
 * processes, chosen by their pids, and of those that start meanwhile. A canary is ended by an
 * upgrade to the same version for all (or for more), by a rollback, or by itself.
 *
 * `watch` 0: faults roll nothing back.
 *
 * A node with several schedulers upgrades each of them, with the same `number`: of the upgrades of
 * this life of the node, from 1 up. Whichever of them rolls it back, by itself or when asked, tells
 * the others, which roll it back as well, or refuse to begin it when they hear before they have. A
 * release that is past its point of no return on a scheduler stays there. */
struct weft_code_upgrade {
    const char *module;
    uint32_t version; /* loaded; an older one is a downgrade */
    uint32_t ppm;     /* 0 with no pids: all */
    const weft_pid *pids;
    size_t pids_count;
    uint32_t watch;
    enum weft_code_mode mode;
    struct weft_bytes extra; /* for code_change; copied */
    uint64_t number;         /* 0: it is this scheduler's alone */
};

/* Begin it. What is checked first, so that an error means nothing happened: each behaviour that
 * processes run exists in the other version, and where its state has another size, the newer one
 * has a code_change. An open upgrade of the module to another version is committed.
 *   WEFT_ERR_NOT_FOUND    no such module, or version
 *   WEFT_ERR_EXISTS       it is current, and no canary
 *   WEFT_ERR_IN_USE       a canary of another version is open
 *   WEFT_ERR_UNSUPPORTED  what is checked
 *   WEFT_ERR_TOO_BIG      extra is over WEFT_CODE_EXTRA_MAX
 *   WEFT_ERR_NOMEM
 *   WEFT_ERR_FAULT        EAGER: a code_change failed, all is as it was; or another scheduler has
 *                         rolled it back already */
int weft_code_upgrade(struct weft_sched *sched, const struct weft_code_upgrade *upgrade,
                      struct weft_code_text *why);

/* Back to the version before, for all, with the code_change of the one that is left; those that
 * cannot go back keep the code they have. The other modules of a release go back with it.
 *   WEFT_ERR_NOT_FOUND    no such module, or no upgrade that is open
 *   WEFT_ERR_UNSUPPORTED  past the release's point of no return */
int weft_code_rollback(struct weft_sched *sched, const char *module, struct weft_code_text *why);

/* The open upgrade, and the release it is part of, can no longer be rolled back, by hand or by
 * itself (release_handler:make_permanent). As errors of weft_code_rollback; WEFT_ERR_IN_USE: it is
 * a canary. */
int weft_code_commit(struct weft_sched *sched, const char *module, struct weft_code_text *why);

/* Unload the versions of `module` that are neither current nor a canary and that nobody uses:
 * no process runs it, none of its code is held by a job, and no request that waits in a supervisor
 * or an event manager may name it. Child specs that name its
 * behaviours are told the current ones. Commits the open upgrade, unless that is a canary.
 * `brutal`: processes that still run it are killed, and seen as KILLED (code:purge).
 *   WEFT_ERR_NOT_FOUND  no such module
 *   WEFT_ERR_IN_USE     some are used; the others are gone. Idle processes are on their way: try
 *                       again (code:soft_purge) */
int weft_code_purge(struct weft_sched *sched, const char *module, bool brutal,
                    struct weft_code_text *why);

/* Which code a process runs. WEFT_ERR_NO_PROC, WEFT_ERR_NOT_FOUND: not of a module. */
struct weft_code_which {
    const char *module, *behaviour; /* borrowed */
    uint32_t version;
};
int weft_code_which(const struct weft_sched *sched, weft_pid pid, struct weft_code_which *out);

/* One version, as tools see it. Texts borrowed. */
struct weft_code_info {
    const char *module, *path;
    uint32_t version;
    bool current, canary;
    uint32_t procs; /* that run it */
    uint32_t holds; /* jobs that may run it */
    size_t behaviours;
};

/* For every version of every module, in the order they were loaded. */
void weft_code_each(const struct weft_sched *sched,
                    void (*fn)(void *ctx, const struct weft_code_info *info), void *ctx);

/* How the last upgrade of a module is doing. */
enum weft_code_state { WEFT_CODE_NONE, WEFT_CODE_OPEN, WEFT_CODE_COMMITTED, WEFT_CODE_ROLLED_BACK };

struct weft_code_status {
    enum weft_code_state state;
    uint32_t from, to;
    uint32_t switched; /* moves that succeeded, there and back */
    uint32_t failed;   /* and that did not */
    uint32_t behind;   /* processes that run another version than they are to */
    bool canary;
    struct weft_code_text why; /* ROLLED_BACK: what rolled it back */
};

/* WEFT_ERR_NOT_FOUND */
int weft_code_status(const struct weft_sched *sched, const char *module,
                     struct weft_code_status *out);

#endif
