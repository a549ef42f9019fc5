/* Requests about modules: done on every scheduler of the node, or undone on all. */
#include "core/weftd/code_command.h"

#include "core/base/assert.h"
#include "core/config/value.h"
#include "core/posix/guard.h"
#include "core/weftd/code_job.h"
#include "core/weftd/daemon.h"
#include "core/weftd/log.h"
#include "core/weftd/permanent.h"
#include "core/weftd/request.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t\r"

/* --- a job --- */

char *code_word(struct code_job *job) {
    job->rest += strspn(job->rest, SPACE);
    if (*job->rest == '\0') return NULL;
    char *word = job->rest;
    job->rest += strcspn(job->rest, SPACE);
    if (*job->rest != '\0') *job->rest++ = '\0';
    return word;
}

static void job_free(struct code_job *job) {
    for (uint32_t i = 0; i < job->count; i++) {
        text_clear(&job->result[i].text);
        code_rows_free(&job->result[i]);
    }
    if (job->plan != NULL) plan_file_free(job->plan);
    free(job->plan);
    text_clear(&job->out);
    free(job);
}

void code_job_end(struct code_job *job) {
    control_socket_answer(job->daemon->control, job->op, &job->out);
    job_free(job);
}

void code_wrong(struct code_job *job, const char *what) {
    answer_error(WEFT_ERR_INVAL, what, &job->out);
    code_job_end(job);
}

bool code_is_end(struct code_job *job) {
    if (code_word(job) == NULL) return true;
    code_wrong(job, "more words than this request takes");
    return false;
}

void code_job_answer(struct code_job *job) {
    if (job->rv == WEFT_OK)
        text_add(&job->out, "ok\n");
    else
        answer_error(job->rv, job->why.text[0] != '\0' ? job->why.text : NULL, &job->out);
    code_job_end(job);
}

static void run_step(struct scheduler_task *task, uint32_t scheduler, struct weft_sched *sched) {
    struct code_job *job = WEFT_CONTAINER(task, struct code_job, task);
    struct code_result *result = &job->result[scheduler];
    WEFT_ASSERT(scheduler < job->count);
    result->rv = WEFT_OK;
    result->why.text[0] = '\0';
    job->step(job, result, sched);
}

static void over(struct scheduler_task *task, bool all) {
    struct code_job *job = WEFT_CONTAINER(task, struct code_job, task);
    if (all)
        job->then(job);
    else
        job_free(job);
}

void code_job_run(struct code_job *job,
                  void (*step)(struct code_job *job, struct code_result *result,
                               struct weft_sched *sched),
                  void (*then)(struct code_job *job)) {
    job->step = step;
    job->then = then;
    job->task.run = run_step;
    job->task.over = over;
    schedulers_run(job->daemon, &job->task);
}

static void tell(struct code_job *job, uint32_t scheduler) {
    const struct code_result *result = &job->result[scheduler];
    const char *text = result->why.text[0] != '\0' ? result->why.text : weft_error_text(result->rv);
    job->rv = result->rv;
    job->why = result->why;
    if (job->count == 1) return;
    int size = snprintf(job->why.text, sizeof job->why.text, "scheduler %u: ", scheduler);
    snprintf(job->why.text + size, sizeof job->why.text - (size_t)size, "%.*s",
             (int)sizeof job->why.text - size - 1, text);
}

uint32_t code_job_refused(struct code_job *job) {
    uint32_t at = 0;
    while (at < job->count && job->result[at].rv == WEFT_OK) at++;
    if (at < job->count) tell(job, at);
    return at;
}

/* The same, but who has nothing of the kind (since another one was quicker to tell it) does not
 * count, unless nobody has. */
static uint32_t refused_by_any(struct code_job *job) {
    bool done = false;
    for (uint32_t i = 0; i < job->count; i++) {
        int rv = job->result[i].rv;
        done = done || rv == WEFT_OK;
        if (rv == WEFT_OK || rv == WEFT_ERR_NOT_FOUND) continue;
        tell(job, i);
        return i;
    }
    return done ? job->count : code_job_refused(job);
}

static bool number_of(const char *text, uint32_t *out) {
    char *end = NULL;
    unsigned long value = text != NULL ? strtoul(text, &end, 10) : 0;
    if (text == NULL || text[0] < '0' || text[0] > '9' || *end != '\0') return false;
    if (value > UINT32_MAX) return false;
    *out = (uint32_t)value;
    return true;
}

/* --- what is refused is undone --- */

static void undo_step(struct code_job *job, struct code_result *result, struct weft_sched *sched) {
    if (result->begun) (void)weft_code_rollback(sched, job->module, NULL); /* or it has been */
    if (result->loaded) result->rv = weft_code_unload(sched, result->info, &result->why);
    result->begun = false;
}

/* What cannot be undone is said. */
static void undo_then(struct code_job *job) {
    static const char more[] = "; its module stays loaded";
    bool stays = false;
    for (uint32_t i = 0; i < job->count; i++) stays = stays || job->result[i].rv != WEFT_OK;
    size_t size = strlen(job->why.text);
    if (stays && size + sizeof more <= sizeof job->why.text)
        memcpy(job->why.text + size, more, sizeof more);
    weft_posix_places_read();
    code_job_answer(job);
}

/* --- code load --- */

/* The first version of a module is current at once, and its application known. */
static int know_application(struct weft_sched *sched, struct code_result *result) {
    const struct weft_module_info *info = result->info;
    struct weft_reason why;
    if (info->application == NULL || weft_code_current(sched, info->name) != info) return WEFT_OK;
    int rv = weft_sched_app_load(sched, info->application, &why);
    if (rv == WEFT_OK || rv == WEFT_ERR_EXISTS) return WEFT_OK;
    snprintf(result->why.text, sizeof result->why.text, "%s", why.text);
    return rv;
}

static void load_step(struct code_job *job, struct code_result *result, struct weft_sched *sched) {
    result->rv = weft_code_load(sched, job->source, &result->info, &result->why);
    if (result->rv != WEFT_OK) return;
    result->loaded = true;
    result->rv = know_application(sched, result);
}

static void load_then(struct code_job *job) {
    if (code_job_refused(job) < job->count) {
        code_job_run(job, undo_step, undo_then);
        return;
    }
    weft_posix_places_read();
    const struct weft_module_info *info = job->result[0].info;
    text_add(&job->out, "ok\n%s %u\n", info->name, info->version);
    code_job_end(job);
}

static void on_load(struct code_job *job) {
    job->source = code_word(job);
    if (job->source == NULL)
        code_wrong(job, "expected code load PATH");
    else if (code_is_end(job))
        code_job_run(job, load_step, load_then);
}

/* --- code upgrade --- */

/* One option. NULL, or what is wrong. */
static const char *take_option(struct code_job *job, const char *word) {
    struct weft_code_upgrade *spec = &job->upgrade;
    if (strcmp(word, "--eager") == 0 || strcmp(word, "--lazy") == 0) {
        spec->mode = word[2] == 'e' ? WEFT_CODE_EAGER : WEFT_CODE_LAZY;
        return NULL;
    }
    const char *value = code_word(job);
    if (value == NULL) return "a value is missing after an option";
    if (strcmp(word, "--canary") == 0) {
        bool fits = weft_value_percent(value, &spec->ppm) && spec->ppm > 0;
        return fits ? NULL : "--canary: expected a percentage such as 10%";
    }
    if (strcmp(word, "--watch") == 0)
        return number_of(value, &spec->watch) ? NULL : "--watch: expected a number of messages";
    if (strcmp(word, "--extra") == 0) {
        spec->extra = weft_bytes_text(value);
        return NULL;
    }
    if (strcmp(word, "--process") == 0) {
        job->pid = code_pid_of(job, value);
        spec->pids = &job->pid;
        spec->pids_count = 1;
        return weft_pid_is_none(job->pid) ? "--process: no such process" : NULL;
    }
    return "expected --canary P%, --watch N, --extra WORD, --process WHO, --eager or --lazy";
}

static const char *take_upgrade(struct code_job *job) {
    job->module = job->upgrade.module = code_word(job);
    job->source = code_word(job);
    if (job->source == NULL) return "expected code upgrade MODULE, and a PATH or a version";
    for (const char *word; (word = code_word(job)) != NULL;) {
        const char *what = take_option(job, word);
        if (what != NULL) return what;
    }
    return NULL;
}

/* Something may have been committed. */
static void make_permanent(struct code_job *job) {
    if (permanent_write(job->daemon) == WEFT_OK) return;
    log_line(WEFT_LOG_WARN, "a restart will run the old code: %s/permanent cannot be written",
             job->daemon->config.data);
}

static void upgrade_step(struct code_job *job, struct code_result *result,
                         struct weft_sched *sched) {
    result->rv = weft_code_upgrade(sched, &job->upgrade, &result->why);
    result->begun = result->rv == WEFT_OK;
}

static void upgrade_then(struct code_job *job) {
    if (code_job_refused(job) < job->count) {
        code_job_run(job, undo_step, undo_then);
        return;
    }
    make_permanent(job);
    text_add(&job->out, "ok\n%s to %u; code status %s tells how it goes\n", job->module,
             job->upgrade.version, job->module);
    code_job_end(job);
}

static void begin_upgrade(struct code_job *job) {
    job->upgrade.number = ++job->daemon->upgrades;
    code_job_run(job, upgrade_step, upgrade_then);
}

static void load_and_upgrade(struct code_job *job) {
    const struct weft_module_info *info = job->result[0].info;
    bool other = false;
    if (code_job_refused(job) == job->count) {
        weft_posix_places_read();
        other = strcmp(info->name, job->module) != 0;
        job->upgrade.version = info->version;
        if (!other) {
            begin_upgrade(job);
            return;
        }
    }
    if (other) {
        job->rv = WEFT_ERR_INVAL;
        snprintf(job->why.text, sizeof job->why.text, "%.160s is of module '%s'", job->source,
                 info->name);
    }
    code_job_run(job, undo_step, undo_then);
}

/* Loading what is to be upgraded to is not yet knowing its application: what runs is another's. */
static void load_only_step(struct code_job *job, struct code_result *result,
                           struct weft_sched *sched) {
    if (weft_code_current(sched, job->module) == NULL) {
        result->rv = WEFT_ERR_NOT_FOUND;
        snprintf(result->why.text, sizeof result->why.text,
                 "no module '%.63s' is loaded: code load PATH", job->module);
        return;
    }
    result->rv = weft_code_load(sched, job->source, &result->info, &result->why);
    result->loaded = result->rv == WEFT_OK;
}

static void on_upgrade(struct code_job *job) {
    const char *what = take_upgrade(job);
    if (what != NULL)
        code_wrong(job, what);
    else if (number_of(job->source, &job->upgrade.version))
        begin_upgrade(job);
    else
        code_job_run(job, load_only_step, load_and_upgrade);
}

/* --- code rollback, commit, purge --- */

static void rollback_step(struct code_job *job, struct code_result *result,
                          struct weft_sched *sched) {
    result->rv = weft_code_rollback(sched, job->module, &result->why);
}

static void rollback_then(struct code_job *job) {
    (void)refused_by_any(job);
    code_job_answer(job);
}

static void on_rollback(struct code_job *job) {
    job->module = code_word(job);
    if (job->module == NULL)
        code_wrong(job, "expected code rollback MODULE");
    else if (code_is_end(job))
        code_job_run(job, rollback_step, rollback_then);
}

static void commit_step(struct code_job *job, struct code_result *result,
                        struct weft_sched *sched) {
    result->rv = weft_code_commit(sched, job->module, &result->why);
}

static void commit_then(struct code_job *job) {
    (void)code_job_refused(job);
    if (job->rv == WEFT_OK) make_permanent(job);
    code_job_answer(job);
}

static void on_commit(struct code_job *job) {
    job->module = code_word(job);
    if (job->module == NULL)
        code_wrong(job, "expected code commit MODULE");
    else if (code_is_end(job))
        code_job_run(job, commit_step, commit_then);
}

static void purge_step(struct code_job *job, struct code_result *result, struct weft_sched *sched) {
    result->rv = weft_code_purge(sched, job->module, job->brutal, &result->why);
}

static void purge_then(struct code_job *job) {
    (void)refused_by_any(job);
    make_permanent(job);
    weft_posix_places_read();
    code_job_answer(job);
}

static void on_purge(struct code_job *job) {
    job->module = code_word(job);
    const char *option = code_word(job);
    job->brutal = option != NULL;
    if (job->module == NULL || (option != NULL && strcmp(option, "--brutal") != 0))
        code_wrong(job, "expected code purge MODULE [--brutal]");
    else if (code_is_end(job))
        code_job_run(job, purge_step, purge_then);
}

static const struct {
    const char *name;
    void (*run)(struct code_job *job);
} verbs[] = {{"list", code_list},   {"status", code_status}, {"which", code_which},
             {"load", on_load},     {"upgrade", on_upgrade}, {"rollback", on_rollback},
             {"commit", on_commit}, {"purge", on_purge}};

/* NULL: answered that there is no memory. */
static struct code_job *job_new(struct daemon *daemon, const char *line, uint64_t op) {
    struct code_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        struct text out = {.data = NULL};
        answer_error(WEFT_ERR_NOMEM, NULL, &out);
        control_socket_answer(daemon->control, op, &out);
        return NULL;
    }
    job->daemon = daemon;
    job->op = op;
    job->count = schedulers_count(daemon->schedulers);
    snprintf(job->line, sizeof job->line, "%s", line);
    job->rest = job->line;
    return job;
}

void code_command(struct daemon *daemon, const char *line, uint64_t op) {
    struct code_job *job = job_new(daemon, line, op);
    const char *word = job != NULL ? code_word(job) : NULL;
    if (job == NULL) return;
    for (size_t i = 0; word != NULL && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(word, verbs[i].name) != 0) continue;
        verbs[i].run(job);
        return;
    }
    code_wrong(job, "expected code list, status, which, load, upgrade, rollback, commit or purge");
}

/* --- release --- */

static void report(void *ctx, const char *line) { text_add(ctx, "%s\n", line); }

/* What it does is the same on all: scheduler 0 tells. */
static void release_on(struct code_job *job, struct code_result *result, struct weft_sched *sched,
                       bool dry_run) {
    struct weft_release release = job->plan->release;
    text_clear(&result->text);
    release.dry_run = dry_run;
    release.report = result == &job->result[0] ? report : NULL;
    release.ctx = &result->text;
    release.number = job->upgrade.number;
    result->rv = weft_code_release(sched, &release, &result->failed, &result->why);
}

static void try_step(struct code_job *job, struct code_result *result, struct weft_sched *sched) {
    release_on(job, result, sched, true);
}

static void release_step(struct code_job *job, struct code_result *result,
                         struct weft_sched *sched) {
    release_on(job, result, sched, false);
    result->begun = result->rv == WEFT_OK;
}

static void answer_release(struct code_job *job, uint32_t refused) {
    const struct plan_file *plan = job->plan;
    size_t failed = refused < job->count ? job->result[refused].failed : 0;
    if (refused == job->count) {
        make_permanent(job);
        text_add(&job->out, "ok\n");
        text_add_bytes(&job->out, job->result[0].text.data, job->result[0].text.size);
    } else if (failed < plan->release.steps_count) {
        text_add(&job->out, "error %s %s:%u:%u: %s\n", weft_error_name(job->rv), job->source,
                 plan->lines[failed], plan->columns[failed], job->why.text);
    } else {
        answer_error(job->rv, job->why.text[0] != '\0' ? job->why.text : NULL, &job->out);
    }
}

static void release_undone(struct code_job *job) { code_job_end(job); }

/* Its first line says how it went, so that what is told on the way waits until then. */
static void release_then(struct code_job *job) {
    uint32_t refused = code_job_refused(job);
    answer_release(job, refused);
    job->module = job->plan->release.steps[0].module;
    if (refused == job->count)
        code_job_end(job);
    else
        code_job_run(job, undo_step, release_undone);
}

/* All of them can: now they do. */
static void try_then(struct code_job *job) {
    uint32_t refused = code_job_refused(job);
    if (refused == job->count && !job->dry_run) {
        code_job_run(job, release_step, release_then);
        return;
    }
    answer_release(job, refused);
    code_job_end(job);
}

static void run_plan(struct code_job *job) {
    job->upgrade.number = ++job->daemon->upgrades;
    if (job->dry_run || job->count > 1)
        code_job_run(job, try_step, try_then);
    else
        code_job_run(job, release_step, release_then);
}

void release_command(struct daemon *daemon, const char *line, uint64_t op) {
    struct code_job *job = job_new(daemon, line, op);
    if (job == NULL) return;
    job->source = code_word(job);
    const char *option = code_word(job);
    job->dry_run = option != NULL && strcmp(option, "--dry-run") == 0;
    if (job->source == NULL || (option != NULL && !job->dry_run)) {
        code_wrong(job, "expected release PLAN.yaml [--dry-run]");
        return;
    }
    if (!code_is_end(job)) return;
    struct text mistakes = {.data = NULL};
    job->plan = calloc(1, sizeof *job->plan);
    if (job->plan == NULL) {
        job->rv = WEFT_ERR_NOMEM;
        code_job_answer(job);
    } else if (plan_file_read(job->plan, job->source, &mistakes)) {
        run_plan(job);
    } else {
        text_add(&job->out, "error MALFORMED ");
        text_add_bytes(&job->out, mistakes.data, mistakes.size);
        code_job_end(job);
    }
    text_clear(&mistakes);
}
