/* A request about modules on its way through the schedulers of the node. Private to code_*.c. */
#ifndef WEFT_WEFTD_CODE_JOB_H
#define WEFT_WEFTD_CODE_JOB_H

#include "core/weftd/code_command.h"
#include "core/weftd/control_socket.h"
#include "core/weftd/schedulers.h"

/* What one scheduler has done of it. Written in that one's thread, read in the daemon's. */
struct code_result {
    int rv;
    struct weft_code_text why; /* rv != WEFT_OK */
    bool loaded, begun;        /* by this request: undone when it is refused */
    const struct weft_module_info *info;
    struct weft_code_status status;
    size_t failed;    /* step of a plan */
    struct text text; /* what it has to show */
    struct code_row *rows;
    size_t rows_count;
};

/* A step is run by every scheduler, then `then` by the daemon; which goes on with another step, or
 * answers. */
struct code_job {
    struct scheduler_task task;
    struct daemon *daemon;
    uint64_t op; /* of the client */
    void (*step)(struct code_job *job, struct code_result *result, struct weft_sched *sched);
    void (*then)(struct code_job *job);
    char line[CONTROL_REQUEST_MAX];
    char *rest; /* of the line; words point into it */
    const char *module, *source;
    bool brutal, dry_run;
    weft_pid pid;
    struct weft_code_upgrade upgrade;
    struct plan_file *plan;
    struct text out;
    int rv; /* why it is refused, while what it began is undone */
    struct weft_code_text why;
    uint32_t count;
    struct code_result result[WEFT_SCHEDULERS_MAX];
};

/* Run `step` everywhere. Results of steps before stay, but for rv and why. */
void code_job_run(struct code_job *job,
                  void (*step)(struct code_job *job, struct code_result *result,
                               struct weft_sched *sched),
                  void (*then)(struct code_job *job));

/* Send job->out, and forget the job. */
void code_job_end(struct code_job *job);

/* "ok", or what job->rv and job->why say, and the end. */
void code_job_answer(struct code_job *job);

/* The first that said no; the schedulers' count when none did. Then job->rv and job->why say it,
 * with its number when there are several. */
uint32_t code_job_refused(struct code_job *job);

char *code_word(struct code_job *job); /* the next; NULL: none */
bool code_is_end(struct code_job *job);
void code_wrong(struct code_job *job, const char *what);

/* code_show.c: what the verbs are, after their name. */
void code_list(struct code_job *job);
void code_status(struct code_job *job);
void code_which(struct code_job *job);
weft_pid code_pid_of(const struct code_job *job, const char *who);
void code_rows_free(struct code_result *result);

#endif
