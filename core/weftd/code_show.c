/* code list, status and which: sums over the schedulers. */
#include "core/weftd/code_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A version on one scheduler; its texts belong to that one's thread, and are copied. */
struct code_row {
    char module[WEFT_NAME_MAX], path[WEFTD_PATH_MAX];
    uint32_t version, procs, holds;
    bool current, canary, seen;
};

void code_rows_free(struct code_result *result) {
    free(result->rows);
    result->rows = NULL;
    result->rows_count = 0;
}

static void add_row(void *ctx, const struct weft_code_info *info) {
    struct code_result *result = ctx;
    struct code_row *rows = realloc(result->rows, (result->rows_count + 1) * sizeof *rows);
    if (rows == NULL) {
        result->rv = WEFT_ERR_NOMEM;
        return;
    }
    result->rows = rows;
    struct code_row *row = &rows[result->rows_count++];
    *row = (struct code_row){.version = info->version,
                             .procs = info->procs,
                             .holds = info->holds,
                             .current = info->current,
                             .canary = info->canary};
    snprintf(row->module, sizeof row->module, "%s", info->module);
    snprintf(row->path, sizeof row->path, "%s", info->path);
}

static void list_step(struct code_job *job, struct code_result *result, struct weft_sched *sched) {
    (void)job;
    weft_code_each(sched, add_row, result);
}

static struct code_row *same_row(const struct code_result *result, const struct code_row *like) {
    for (size_t i = 0; i < result->rows_count; i++) {
        struct code_row *row = &result->rows[i];
        if (row->version == like->version && strcmp(row->module, like->module) == 0) return row;
    }
    return NULL;
}

/* One line a version. What the schedulers do not agree on is mixed: it is under way, or one of
 * them lags behind. */
static void show_row(struct code_job *job, uint32_t from, struct code_row *row) {
    struct code_row sum = *row;
    uint32_t on = 1;
    bool mixed = false;
    for (uint32_t i = from + 1; i < job->count; i++) {
        struct code_row *other = same_row(&job->result[i], row);
        if (other == NULL) continue;
        on++;
        other->seen = true;
        sum.procs += other->procs;
        sum.holds += other->holds;
        mixed = mixed || other->current != row->current || other->canary != row->canary;
    }
    const char *role = sum.current ? "current" : (sum.canary ? "canary" : "-");
    if (mixed) role = "mixed";
    text_add(&job->out, "%-16s %5u  %-7s  processes %u  held %u  %s", sum.module, sum.version, role,
             sum.procs, sum.holds, sum.path);
    if (on < job->count) text_add(&job->out, "  on %u of %u schedulers", on, job->count);
    text_add(&job->out, "\n");
}

static void list_then(struct code_job *job) {
    if (code_job_refused(job) < job->count) {
        code_job_answer(job);
        return;
    }
    text_add(&job->out, "ok\n");
    for (uint32_t i = 0; i < job->count; i++) {
        for (size_t k = 0; k < job->result[i].rows_count; k++) {
            struct code_row *row = &job->result[i].rows[k];
            if (!row->seen) show_row(job, i, row);
        }
    }
    code_job_end(job);
}

void code_list(struct code_job *job) {
    if (code_is_end(job)) code_job_run(job, list_step, list_then);
}

static void status_step(struct code_job *job, struct code_result *result,
                        struct weft_sched *sched) {
    result->rv = weft_code_status(sched, job->module, &result->status);
}

/* The node's upgrade is rolled back as soon as that of one is, and open as long as one is. */
static void add_status(struct weft_code_status *sum, const struct weft_code_status *more) {
    bool back = more->state == WEFT_CODE_ROLLED_BACK && sum->state != WEFT_CODE_ROLLED_BACK;
    bool open = more->state == WEFT_CODE_OPEN && sum->state != WEFT_CODE_ROLLED_BACK;
    sum->switched += more->switched;
    sum->failed += more->failed;
    sum->behind += more->behind;
    sum->canary = sum->canary || more->canary;
    if (back || open) sum->state = more->state;
    if (back) sum->why = more->why;
}

static void status_then(struct code_job *job) {
    static const char *const states[] = {"none", "open", "committed", "rolled back"};
    if (code_job_refused(job) < job->count) {
        code_job_answer(job);
        return;
    }
    struct weft_code_status sum = job->result[0].status;
    for (uint32_t i = 1; i < job->count; i++) add_status(&sum, &job->result[i].status);
    text_add(&job->out, "ok\nupgrade %s\nfrom %u\nto %u\ncanary %s\n", states[sum.state], sum.from,
             sum.to, sum.canary ? "yes" : "no");
    text_add(&job->out, "switched %u\nfailed %u\nbehind %u\n", sum.switched, sum.failed,
             sum.behind);
    if (sum.why.text[0] != '\0') text_add(&job->out, "why %s\n", sum.why.text);
    code_job_end(job);
}

void code_status(struct code_job *job) {
    job->module = code_word(job);
    if (job->module == NULL)
        code_wrong(job, "expected code status MODULE");
    else if (code_is_end(job))
        code_job_run(job, status_step, status_then);
}

weft_pid code_pid_of(const struct code_job *job, const char *who) {
    weft_pid pid = weft_sched_whereis(weft_node_sched(job->daemon->node), who);
    char *end = NULL;
    if (!weft_pid_is_none(pid)) return pid;
    pid.raw = strtoull(who, &end, 16);
    return *end == '\0' ? pid : WEFT_PID_NONE;
}

/* Only its own scheduler knows. */
static void which_step(struct code_job *job, struct code_result *result, struct weft_sched *sched) {
    struct weft_code_which which;
    bool mine = result == &job->result[weft_pid_sched(job->pid) % job->count];
    if (!mine) return;
    result->rv = weft_code_which(sched, job->pid, &which);
    if (result->rv == WEFT_OK)
        text_add(&result->text, "%s %u %s\n", which.module, which.version, which.behaviour);
}

static void which_then(struct code_job *job) {
    const struct text *text = &job->result[weft_pid_sched(job->pid) % job->count].text;
    if (code_job_refused(job) == job->count) {
        text_add(&job->out, "ok\n");
        text_add_bytes(&job->out, text->data, text->size);
        code_job_end(job);
    } else {
        job->why.text[0] = '\0';
        code_job_answer(job);
    }
}

void code_which(struct code_job *job) {
    const char *who = code_word(job);
    if (who == NULL) {
        code_wrong(job, "expected code which NAME or PID");
        return;
    }
    if (!code_is_end(job)) return;
    job->pid = code_pid_of(job, who);
    code_job_run(job, which_step, which_then);
}
