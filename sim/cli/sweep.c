/* Runs with one failure each, many at once. */
#define _DEFAULT_SOURCE
#include "sim/cli/sweep.h"

#include "core/base/error.h"
#include "core/posix/confine.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64

/* A process that runs one. */
struct job {
    pid_t pid; /* 0: free */
    struct sim_points point;
    FILE *said; /* its stderr */
    int result; /* it writes its outcome there */
};

/* --- one run --- */

static void judge(const struct sim_run_report *report, struct sweep_outcome *out) {
    out->end = report->verdict == SIM_HOLDS ? SWEEP_HOLDS : SWEEP_FAILS;
    if (report->reasons_count > 0)
        snprintf(out->reason, sizeof out->reason, "%s", report->reasons[0]);
}

static void run_on(const struct sweep *sweep, const struct cli_host *host,
                   struct sweep_outcome *out) {
    struct sim_run_report *report = calloc(1, sizeof *report);
    struct sim_run_where where = {.world = NULL};
    struct sim_run_options run = {.seed = sweep->wishes.seed,
                                  .until = sweep->wishes.until,
                                  .host = host->host,
                                  .points = &out->points,
                                  .where = &where};
    int rv = report != NULL ? sim_run(sweep->plan, &run, report) : WEFT_ERR_NOMEM;
    if (rv == WEFT_OK) {
        judge(report, out);
    } else {
        out->end = SWEEP_BROKEN;
        snprintf(out->reason, sizeof out->reason, "the run could not go on: %s",
                 weft_error_text(rv));
    }
    free(report);
}

void sweep_run(const struct sweep *sweep, const struct sim_points *points,
               struct sweep_outcome *out) {
    struct cli_words repeat = {.used = 0};
    struct cli_wishes wishes = sweep->wishes;
    char fail[64];
    *out = (struct sweep_outcome){.points = *points};
    if (points->kind != SIM_POINT_NONE) wishes.fail = cli_name_point(points, fail);
    cli_make_repeat(&repeat, &wishes);
    struct cli_host host;
    if (cli_host_open(&host, &wishes, repeat.text)) {
        if (points->kind != SIM_POINT_NONE) (void)weft_posix_confine();
        run_on(sweep, &host, out);
        cli_host_close(&host);
    } else {
        out->end = SWEEP_BROKEN;
    }
}

/* --- in a process of its own --- */

__attribute__((noreturn)) static void be_job(const struct sweep *sweep, const struct job *job,
                                             int result) {
    struct sweep_outcome outcome;
    dup2(fileno(job->said), STDERR_FILENO);
    alarm(sweep->seconds_max);
    sweep_run(sweep, &job->point, &outcome);
    ssize_t written = write(result, &outcome, sizeof outcome); /* less than a pipe holds */
    _exit(written == (ssize_t)sizeof outcome ? 0 : CLI_INTERNAL);
}

static bool start(const struct sweep *sweep, const struct sim_points *point, struct job *job) {
    int ends[2];
    *job = (struct job){.point = *point, .said = tmpfile()};
    if (job->said == NULL) return false;
    if (pipe(ends) != 0) {
        fclose(job->said);
        return false;
    }
    fflush(NULL);
    job->pid = fork();
    if (job->pid == 0) be_job(sweep, job, ends[1]);
    close(ends[1]);
    job->result = ends[0];
    if (job->pid > 0) return true;
    job->pid = 0;
    close(ends[0]);
    fclose(job->said);
    return false;
}

/* What a process said before it went: its first two lines, a panic and where. */
static void hear(FILE *said, char *out, size_t size) {
    char line[SWEEP_REASON_MAX];
    size_t used = 0;
    rewind(said);
    out[0] = '\0';
    for (int i = 0; i < 2 && fgets(line, sizeof line, said) != NULL; i++) {
        line[strcspn(line, "\n")] = '\0';
        int wrote = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : "; ", line);
        used += wrote > 0 && (size_t)wrote < size - used ? (size_t)wrote : 0;
    }
}

static void finish(const struct sweep *sweep, struct job *job, int status,
                   struct sweep_outcome *out) {
    bool whole = read(job->result, out, sizeof *out) == (ssize_t)sizeof *out;
    if (!whole) {
        *out = (struct sweep_outcome){.end = SWEEP_PANICS, .points = job->point};
        hear(job->said, out->reason, sizeof out->reason);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
            out->end = SWEEP_HANGS;
            snprintf(out->reason, sizeof out->reason, "no end after %u s", sweep->seconds_max);
        }
    }
    close(job->result);
    fclose(job->said);
    job->pid = 0;
}

/* --- what was found --- */

static const char *skip_number(const char *text) {
    while (isxdigit((unsigned char)*text) || *text == '.') text++;
    return text;
}

/* The same words, whatever the numbers. */
static bool alike(const char *a, const char *b) {
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a = skip_number(a);
            b = skip_number(b);
        }
        if (*a != *b) return false;
        if (*a == '\0') return true;
    }
    return *a == *b;
}

bool sweep_alike(const struct sweep_outcome *a, const struct sweep_outcome *b) {
    const struct sim_point_site *at = &a->points.site, *bt = &b->points.site;
    return a->end == b->end && a->points.kind == b->points.kind &&
           strcmp(at->call, bt->call) == 0 && strcmp(at->who, bt->who) == 0 &&
           alike(a->reason, b->reason);
}

static bool is_before(const struct sim_points *a, const struct sim_points *b) {
    return a->kind != b->kind ? a->kind < b->kind : a->number < b->number;
}

static void keep(struct sweep *sweep, const struct sweep_outcome *outcome) {
    sweep->found++;
    for (uint32_t i = 0; i < sweep->findings_count; i++) {
        struct sweep_finding *finding = &sweep->findings[i];
        if (!sweep_alike(&finding->first, outcome)) continue;
        finding->count++;
        if (is_before(&outcome->points, &finding->first.points)) finding->first = *outcome;
        return;
    }
    if (sweep->findings_count == SWEEP_FINDINGS_MAX) return;
    sweep->findings[sweep->findings_count++] = (struct sweep_finding){*outcome, 1};
}

static void take(struct sweep *sweep, const struct sweep_outcome *outcome) {
    struct sweep_sum *sum = &sweep->sums[outcome->points.kind];
    sum->tried++;
    if (outcome->end == SWEEP_HOLDS)
        sum->held++;
    else
        keep(sweep, outcome);
}

static int by_point(const void *a, const void *b) {
    const struct sweep_finding *x = a, *y = b;
    return is_before(&x->first.points, &y->first.points) ? -1 : 1;
}

/* --- all of them --- */

static struct job *free_job(struct job *jobs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (jobs[i].pid == 0) return &jobs[i];
    return NULL;
}

static bool wait_for_one(struct sweep *sweep, struct job *jobs, uint32_t count) {
    struct sweep_outcome outcome;
    int status;
    pid_t pid = wait(&status);
    for (uint32_t i = 0; i < count && pid > 0; i++) {
        if (jobs[i].pid != pid) continue;
        finish(sweep, &jobs[i], status, &outcome);
        take(sweep, &outcome);
        return true;
    }
    return pid > 0;
}

static bool sweep_kind(struct sweep *sweep, enum sim_point_kind kind, struct job *jobs,
                       uint32_t count) {
    uint64_t points = sweep->sums[kind].count;
    uint64_t step = points / sweep->most + (points % sweep->most != 0);
    if (step < sweep->every) step = sweep->every;
    for (uint64_t number = 1; number <= points; number += step) {
        struct sim_points point = {.node = sweep->node, .kind = kind, .number = number};
        struct job *job;
        while ((job = free_job(jobs, count)) == NULL)
            if (!wait_for_one(sweep, jobs, count)) return false;
        if (!start(sweep, &point, job)) return false;
    }
    return true;
}

bool sweep_all(struct sweep *sweep) {
    struct job jobs[JOBS_MAX] = {{.pid = 0}};
    uint32_t count = sweep->jobs < JOBS_MAX ? sweep->jobs : JOBS_MAX;
    bool fine = true;
    for (unsigned kind = 1; fine && kind < SIM_POINT_KIND_COUNT; kind++)
        if (sweep->wanted[kind]) fine = sweep_kind(sweep, kind, jobs, count);
    while (wait_for_one(sweep, jobs, count)) continue;
    qsort(sweep->findings, sweep->findings_count, sizeof sweep->findings[0], by_point);
    return fine;
}
