/* The code of a scheduler, shared by the files code_*.c. */
#ifndef WEFT_OTP_CODE_INTERNAL_H
#define WEFT_OTP_CODE_INTERNAL_H

#include "core/otp/code.h"
#include "core/otp/internal.h"

/* A behaviour of one version. */
struct code_entry {
    struct map_node node; /* by the behaviour's address: looked up, never walked */
    const struct weft_behaviour *behaviour;
    struct code_version *version;
    uint32_t procs;
};

/* I1  `procs` is the sum over the entries, and counts the living.
 * I2  a handle is unloaded when its version is freed, and not before. */
struct code_version {
    struct weft_link link; /* of the module, in the order of loading */
    struct code_module *module;
    struct weft_module *handle;
    const struct weft_module_info *info;
    char *path;
    size_t path_size; /* with the NUL */
    uint32_t version, procs, holds;
    bool keep;            /* weft_code_keep */
    bool led;             /* it was current once: specs of it may be in use */
    unsigned char *extra; /* of the last upgrade that had this as its newer end */
    size_t extra_size;
    size_t count;
    struct code_entry entries[];
};

/* One module's part of an upgrade. */
struct code_step {
    struct code_module *module;
    struct code_version *from, *to;
    bool final; /* once it has begun, there is no way back */
};

/* One module, or a release: then a step begins when all processes of the one before have moved.
 * I3  open: each step's module has it as `upgrade`.
 * I5  the first `begun` steps have begun, at least one when it is open. */
struct code_upgrade {
    uint32_t serial; /* draws of a canary */
    uint64_t number; /* of the node's upgrades; 0: this scheduler's alone */
    uint32_t ppm, watch;
    enum weft_code_mode mode;
    bool canary;
    size_t begun;
    weft_pid *pids; /* sorted */
    size_t pids_count;
    size_t steps_count;
    struct code_step steps[];
};

/* I4  `current` is set; `candidate` is set when `upgrade` is a canary, and is its `to`. */
struct code_module {
    struct weft_link link;
    struct weft_link versions;
    uint32_t versions_count;
    struct code_version *current, *candidate;
    struct code_upgrade *upgrade; /* NULL: none open */
    struct weft_code_status last;
    char name[WEFT_NAME_MAX];
};

/* What a scheduler has once a module was loaded. */
struct weft_code {
    struct weft_link modules; /* in the order of loading */
    struct weft_link kept;    /* versions that are gone but for their memory */
    uint32_t modules_count;
    struct map entries;
    uint32_t serials;
    uint32_t sweep_at, sweep_epoch; /* the next slot, and what the sweep is for */
    uint64_t undone; /* number of the last upgrade that another scheduler rolled back */
};

/* printf into `why`, unless that is NULL. Returns `error`. */
int weft_otp__code_why(struct weft_code_text *why, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct code_entry *weft_otp__code_entry(const struct weft_sched *sched,
                                        const struct weft_behaviour *behaviour);
struct code_entry *weft_otp__code_named(struct code_version *version, const char *name);
struct code_module *weft_otp__code_module(const struct weft_sched *sched, const char *name);
struct code_version *weft_otp__code_version(const struct code_module *module, uint32_t version);
/* Found, or told. */
struct code_module *weft_otp__code_find(const struct weft_sched *sched, const char *name,
                                        struct weft_code_text *why);

/* It is current from now on. */
void weft_otp__code_lead(struct code_version *version);

/* Make the processes look again. */
void weft_otp__code_raise(struct weft_sched *sched, enum weft_code_mode mode);

/* The version `proc`, which has `have`, is to run. */
struct code_version *weft_otp__code_wanted(const struct weft_process *proc,
                                           const struct code_entry *have);

/* code_load.c */
/* Load and check, without a trace. */
int weft_otp__code_open(struct weft_sched *sched, const char *path, struct code_version **out,
                        struct weft_code_text *why);
/* Unload: nobody uses it. The module goes with its last version. The memory of one that was
 * current and whose application has supervisors under its supervisor stays until the scheduler
 * ends: their child specs lie in it, and are read when they are restarted. So what they name is
 * still known, and today's code is started for it. */
void weft_otp__code_close(struct weft_sched *sched, struct code_version *version);
void weft_otp__code_unload_kept(struct weft_sched *sched);

/* code_upgrade.c */
/* Whether processes can go from one to the other. WEFT_ERR_UNSUPPORTED */
int weft_otp__code_check(const struct code_version *from, struct code_version *to,
                         struct weft_code_text *why);
/* The same from every version of the module. */
int weft_otp__code_check_all(const struct code_module *module, struct code_version *to,
                             struct weft_code_text *why);
/* Is there a way back? */
bool weft_otp__code_is_final(const struct code_upgrade *upgrade);
/* A sweep has ended: the releases whose step is done go on to their next. */
void weft_otp__code_advance(struct weft_sched *sched);
/* WEFT_ERR_FAULT when the upgrade has been rolled back already. */
int weft_otp__code_outcome(const struct code_module *module, struct weft_code_text *why);
/* Roll back all of it, for the reason told; other schedulers hear of it. */
void weft_otp__code_undo(struct weft_sched *sched, struct code_upgrade *upgrade, bool asked,
                         const char *reason);
/* Another scheduler has rolled back upgrade `number`. */
void weft_otp__code_told(struct weft_sched *sched, uint64_t number, uint32_t scheduler,
                         struct weft_bytes reason);
/* Whether upgrade `number` may begin: WEFT_ERR_FAULT when another scheduler rolled it back. */
int weft_otp__code_may_begin(const struct weft_sched *sched, uint64_t number,
                             struct weft_code_text *why);
void weft_otp__code_commit(struct weft_sched *sched, struct code_upgrade *upgrade);
/* For `steps_count` steps, which the caller fills in; NULL: no memory. */
struct code_upgrade *weft_otp__code_upgrade_new(struct weft_sched *sched, size_t steps_count,
                                                const struct weft_code_upgrade *spec);
void weft_otp__code_upgrade_free(struct weft_sched *sched, struct code_upgrade *upgrade);
/* The first step begins; cannot fail. `upgrade` is taken. */
void weft_otp__code_begin(struct weft_sched *sched, struct code_upgrade *upgrade);
/* The newer of the two gets a copy of `extra`. WEFT_ERR_NOMEM */
int weft_otp__code_extra(struct weft_sched *sched, struct code_version *version,
                         struct weft_bytes extra);

#endif
