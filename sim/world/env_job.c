/* Jobs of a simulated machine: the function runs at once, under the host's guard, and its answer
 * comes when SIM_JOB_WORKERS workers, each taking one job after another for its modelled time,
 * would have it. A machine that is paused hears of it when it goes on. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "sim/world/internal.h"

#include <stdlib.h>
#include <string.h>

struct sim_job {
    struct weft_link link; /* in its machine, in the order they were asked for */
    uint64_t number;       /* arg of its engine event */
    uint64_t owner, id;
    bool due; /* and the machine is paused */
    weft_job_fn fn;
    struct weft_bytes arg;
    struct weft_job_out out;
    int status;
    const char *text; /* FAULT: static */
    _Alignas(16) unsigned char result[];
};

static void run_job(void *arg) {
    struct sim_job *job = arg;
    job->status = job->fn(job->arg, &job->out);
    WEFT_ASSERT(job->out.size <= job->out.size_max);
}

/* The place is left out: another compiler may put it elsewhere. */
static void run_guarded(struct weft_env *env, struct sim_job *job) {
    volatile int depth = 0;
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    if (env->guard->run(env, run_job, job, &depth, &fault)) return;
    job->status = WEFT_ERR_FAULT;
    job->text = fault.what;
    job->out.size = 0;
}

static weft_time worker_takes(struct sim_machine *machine, weft_duration duration) {
    weft_time now = sim_fabric__now(machine);
    weft_time *free_at = sim_fabric__rest(machine)->job_free_at, *worker = free_at;
    for (unsigned i = 1; i < SIM_JOB_WORKERS; i++)
        if (free_at[i] < *worker) worker = &free_at[i];
    weft_time start = *worker > now ? *worker : now;
    *worker = weft_time_add(start, duration > 0 ? duration : SIM_JOB_DURATION);
    return *worker;
}

/* Its engine event stays, and finds nothing: numbers are not used twice. */
static void job_free(struct sim_machine *machine, struct sim_job *job) {
    weft_list_remove(&job->link);
    WEFT_ASSERT(machine->rest->jobs_count > 0);
    machine->rest->jobs_count--;
    free(job);
}

static int submit(struct weft_env *env, const struct weft_job_request *request) {
    struct sim_machine *machine = sim_fabric__machine(env);
    if (sim_fabric__refused(machine, SIM_POINT_JOB, "submit", 0)) return WEFT_ERR_NOMEM;
    if (sim_fabric__rest(machine)->jobs_count >= WEFT_JOBS_MAX) return WEFT_ERR_FULL;
    struct sim_job *job = malloc(sizeof *job + request->result_max);
    if (job == NULL) return WEFT_ERR_NOMEM;
    memset(job, 0, sizeof *job);
    job->number = sim_fabric__serial(machine);
    job->owner = request->owner;
    job->id = request->id;
    job->fn = request->fn;
    job->arg = request->arg;
    job->out = (struct weft_job_out){.data = job->result, .size_max = request->result_max};
    struct sim_event event = {.at = worker_takes(machine, request->duration),
                              .kind = SIM_EVENT_JOB,
                              .entity = machine->node,
                              .arg = job->number};
    if (sim_engine_schedule(machine->fabric->config.engine, &event) == 0) {
        free(job);
        return WEFT_ERR_NOMEM;
    }
    weft_list_init(&job->link);
    weft_list_push_back(&machine->rest->jobs, &job->link);
    machine->rest->jobs_count++;
    run_guarded(env, job);
    return WEFT_OK;
}

/* What it had to run has run already. */
static bool cancel(struct weft_env *env, uint64_t owner, uint64_t id) {
    struct sim_machine *machine = sim_fabric__machine(env);
    if (machine->rest == NULL) return false;
    const struct weft_link *jobs = &machine->rest->jobs;
    for (struct weft_link *at = jobs->next; at != jobs; at = at->next) {
        struct sim_job *job = WEFT_CONTAINER(at, struct sim_job, link);
        if (job->owner != owner || job->id != id) continue;
        job_free(machine, job);
        break;
    }
    return false;
}

const struct weft_job_ops sim_fabric__job = {.submit = submit, .cancel = cancel};

static void deliver(struct sim_machine *machine, struct sim_job *job) {
    struct sim_fabric *fabric = machine->fabric;
    bool fault = job->text != NULL;
    struct weft_event event = {.kind = WEFT_EVENT_JOB,
                               .owner = job->owner,
                               .socket = job->id,
                               .error = job->status,
                               .data = fault ? (const void *)job->text : job->out.data,
                               .size = fault ? strlen(job->text) : job->out.size};
    weft_list_remove(&job->link);
    machine->rest->jobs_count--;
    sim_engine_fold(fabric->config.engine, (uint64_t)event.kind << 56 ^ event.socket);
    sim_engine_fold_bytes(fabric->config.engine, event.data, event.size);
    fabric->config.deliver(fabric->config.ctx, machine->node, &event);
    free(job);
}

void sim_fabric__job_due(struct sim_machine *machine, uint64_t number) {
    if (machine->rest == NULL) return;
    const struct weft_link *jobs = &machine->rest->jobs;
    for (struct weft_link *at = jobs->next; at != jobs; at = at->next) {
        struct sim_job *job = WEFT_CONTAINER(at, struct sim_job, link);
        if (job->number != number) continue;
        job->due = true;
        if (sim_fabric__deaf(machine))
            sim_fabric__hold(machine);
        else
            deliver(machine, job);
        return;
    }
}

void sim_fabric__jobs_resume(struct sim_machine *machine) {
    if (machine->rest == NULL) return;
    const struct weft_link *jobs = &machine->rest->jobs;
    for (struct weft_link *at = jobs->next; at != jobs;) {
        struct sim_job *job = WEFT_CONTAINER(at, struct sim_job, link);
        at = at->next;
        if (!job->due) continue;
        deliver(machine, job);
        at = jobs->next; /* whoever heard of it may have cancelled others */
    }
}

bool sim_fabric__jobs_due(const struct sim_machine *machine) {
    const struct weft_link *jobs = &machine->rest->jobs;
    for (struct weft_link *at = jobs->next; at != jobs; at = at->next)
        if (WEFT_CONTAINER(at, struct sim_job, link)->due) return true;
    return false;
}

void sim_fabric__jobs_forget(struct sim_machine *machine) {
    struct sim_machine_rest *rest = machine->rest;
    if (rest == NULL) return;
    while (!weft_list_empty(&rest->jobs))
        job_free(machine, WEFT_CONTAINER(rest->jobs.next, struct sim_job, link));
    memset(rest->job_free_at, 0, sizeof rest->job_free_at);
}
