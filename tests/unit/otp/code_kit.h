/* For tests of code: a loader over a table of modules, and "kv", a server in several versions.
 *
 * A kv keeps what it is sent in blocks, in a list whose head is in its state, and checks that each
 * sender's messages come in order. Version 1 has a small state, 2 a larger one with a code_change,
 * 3 the layout of 2 and no code_change, 4 faults at KV_BOOM, 5 lacks the behaviour "session". */
#ifndef WEFT_TESTS_OTP_CODE_KIT_H
#define WEFT_TESTS_OTP_CODE_KIT_H

#include "core/base/limits.h"
#include "core/otp/code.h"
#include "core/otp/release.h"
#include "tests/unit/otp/fake_env.h"

#define KIT_SENDERS 4
#define KV_VERSIONS 5

enum kv_tag { KV_ADD = 1, KV_FAULT, KV_BOOM, KV_TIMER };

struct kv_add {
    uint32_t sender, seq;
};

/* What the change of version 2 and later does; for one process, or for all. */
enum kit_change {
    CHANGE_WELL = 0,
    CHANGE_REFUSE,
    CHANGE_FAULT,
    CHANGE_SPOIL, /* overwrite blocks and state, allocate, free, then fault */
    CHANGE_STOP   /* succeed, and end itself */
};
extern enum kit_change kit_change;
extern weft_pid kit_change_of;           /* NONE: all */
extern int kit_init_fault;               /* the init of this version faults */
extern uint32_t kit_disorder;            /* messages that came out of order */
extern struct weft_code_change kit_told; /* to the last code_change */
extern char kit_extra[32];

extern uint32_t kit_loaded; /* handles that are open */

/* A world with the loader, and version 1 of kv loaded. */
void code_open(void);
/* Paths "kv1" ... "kv5", and of a second module "log1", "log2"; others by kit_put. */
void kit_put(const char *path, const struct weft_module_info *info);
const struct weft_module_info *kit_module(const char *path);

int load(const char *path);
int upgrade(uint32_t version); /* of kv, for all, watching nothing */
extern struct weft_code_text why;

/* A kv of the version that is current, started by the root. */
weft_pid kv(void);
/* A process of the module "log". */
weft_pid logger(void);
uint32_t version_of(weft_pid pid);    /* 0: none */
uint32_t kv_count(weft_pid pid);      /* items it holds, by walking its list */
uint32_t kv_generation(weft_pid pid); /* migrations seen */
void kv_add(weft_pid pid, uint32_t sender);
void cast(weft_pid pid, uint32_t tag);
uint32_t procs_of(const char *module, uint32_t version);
struct weft_code_status status_of(const char *module);

#endif
