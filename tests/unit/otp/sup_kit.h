/* For tests of supervisors: children are probes called "a", "b", ... that write when they start. */
#ifndef WEFT_TESTS_OTP_SUP_KIT_H
#define WEFT_TESTS_OTP_SUP_KIT_H

#include "tests/unit/otp/fake_env.h"

extern weft_pid parent, sup; /* the parent traps and is called "parent" */
/* The init of a child "x" returns start_error so many times; then it starts. */
extern int start_error;
extern uint32_t start_failures;

/* A child registered under its id. `options` as of probes. */
struct weft_child_spec kid(const char *id, enum weft_restart restart, unsigned options);

/* Opens the world, starts the supervisor; the log is empty afterwards. */
void sup_open(const struct weft_sup_config *config);
/* The same in two steps; start returns what weft_spawn did. `config` must live until then. */
void sup_prepare(const struct weft_sup_config *config);
int sup_start(void);
/* Three permanent children a, b, c. */
void sup_open_abc(enum weft_strategy strategy, uint32_t intensity, unsigned options);

weft_pid pid_of(const char *name);
void end_kid(const char *name, enum weft_reason_kind kind, int32_t code);
void kill_kid(const char *name);

/* The reply to the last request, as the parent saw it. */
struct answer {
    int status;
    size_t size;
    union {
        weft_pid pid;
        struct weft_child_counts counts;
        struct weft_child_info infos[16];
        _Alignas(16) unsigned char bytes[65536];
    } as;
};
extern struct answer answer;
#define ANSWER_SPEC ((const struct weft_childspec *)(const void *)answer.as.bytes)
#define ANSWER_PAGE ((const struct weft_children_page *)(const void *)answer.as.bytes)
extern uint32_t answers;

/* Each runs the request in the parent and settles. */
int ask_start(const struct weft_child_spec *spec);
int ask_terminate(const char *id);
int ask_terminate_pid(weft_pid pid);
int ask_restart(const char *id);
int ask_delete(const char *id);
int ask_which(void);
int ask_page(uint32_t cursor);
int ask_spec(const char *id);
int ask_spec_pid(weft_pid pid);
int ask_simple(struct weft_bytes extra);
int ask_count(void);
/* "a:run b:- " */
const char *which_text(void);

#endif
