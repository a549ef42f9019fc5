/* Requests about modules. */
#include "core/weftd/code_command.h"

#include "core/base/assert.h"
#include "core/config/value.h"
#include "core/posix/guard.h"
#include "core/weftd/daemon.h"
#include "core/weftd/log.h"
#include "core/weftd/permanent.h"
#include "core/weftd/request.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t\r"

struct command {
    struct daemon *daemon;
    struct weft_sched *sched;
    char *rest;
    struct text *out;
    struct weft_code_text why;
};

static char *next_word(char **rest) {
    *rest += strspn(*rest, SPACE);
    if (**rest == '\0') return NULL;
    char *word = *rest;
    *rest += strcspn(*rest, SPACE);
    if (**rest != '\0') *(*rest)++ = '\0';
    return word;
}

static void wrong(struct command *command, const char *what) {
    answer_error(WEFT_ERR_INVAL, what, command->out);
}

static bool is_end(struct command *command) {
    if (next_word(&command->rest) == NULL) return true;
    wrong(command, "more words than this request takes");
    return false;
}

static void done(struct command *command, int rv) {
    if (rv == WEFT_OK) {
        text_add(command->out, "ok\n");
    } else {
        answer_error(rv, command->why.text[0] != '\0' ? command->why.text : NULL, command->out);
    }
}

static bool number_of(const char *text, uint32_t *out) {
    char *end = NULL;
    unsigned long value = text != NULL ? strtoul(text, &end, 10) : 0;
    if (text == NULL || text[0] < '0' || text[0] > '9' || *end != '\0') return false;
    if (value > UINT32_MAX) return false;
    *out = (uint32_t)value;
    return true;
}

/* --- code list, status, which --- */

static void list_one(void *ctx, const struct weft_code_info *info) {
    struct text *out = ctx;
    const char *role = info->current ? "current" : (info->canary ? "canary" : "-");
    text_add(out, "%-16s %5u  %-7s  processes %u  held %u  %s\n", info->module, info->version, role,
             info->procs, info->holds, info->path);
}

static void on_list(struct command *command) {
    if (!is_end(command)) return;
    text_add(command->out, "ok\n");
    weft_code_each(command->sched, list_one, command->out);
}

static void on_status(struct command *command) {
    static const char *const states[] = {"none", "open", "committed", "rolled back"};
    const char *module = next_word(&command->rest);
    struct weft_code_status status;
    if (module == NULL) {
        wrong(command, "expected code status MODULE");
        return;
    }
    if (!is_end(command)) return;
    int rv = weft_code_status(command->sched, module, &status);
    if (rv != WEFT_OK) {
        done(command, rv);
        return;
    }
    text_add(command->out, "ok\nupgrade %s\nfrom %u\nto %u\ncanary %s\n", states[status.state],
             status.from, status.to, status.canary ? "yes" : "no");
    text_add(command->out, "switched %u\nfailed %u\nbehind %u\n", status.switched, status.failed,
             status.behind);
    if (status.why.text[0] != '\0') text_add(command->out, "why %s\n", status.why.text);
}

static weft_pid pid_of(const struct command *command, const char *who) {
    weft_pid pid = weft_sched_whereis(command->sched, who);
    char *end = NULL;
    if (!weft_pid_is_none(pid)) return pid;
    pid.raw = strtoull(who, &end, 16);
    return *end == '\0' ? pid : WEFT_PID_NONE;
}

static void on_which(struct command *command) {
    const char *who = next_word(&command->rest);
    struct weft_code_which which;
    if (who == NULL) {
        wrong(command, "expected code which NAME or PID");
        return;
    }
    if (!is_end(command)) return;
    int rv = weft_code_which(command->sched, pid_of(command, who), &which);
    if (rv != WEFT_OK) {
        done(command, rv);
        return;
    }
    text_add(command->out, "ok\n%s %u %s\n", which.module, which.version, which.behaviour);
}

/* --- code load --- */

static int load(struct command *command, const char *path, const struct weft_module_info **info) {
    int rv = weft_code_load(command->sched, path, info, &command->why);
    if (rv == WEFT_OK) weft_posix_places_read();
    if (rv != WEFT_OK || (*info)->application == NULL) return rv;
    if (weft_code_current(command->sched, (*info)->name) != *info) return WEFT_OK;
    struct weft_reason why;
    rv = weft_sched_app_load(command->sched, (*info)->application, &why);
    if (rv == WEFT_OK || rv == WEFT_ERR_EXISTS) return WEFT_OK;
    snprintf(command->why.text, sizeof command->why.text, "%s", why.text);
    return rv;
}

static void on_load(struct command *command) {
    const char *path = next_word(&command->rest);
    const struct weft_module_info *info;
    if (path == NULL) {
        wrong(command, "expected code load PATH");
        return;
    }
    if (!is_end(command)) return;
    int rv = load(command, path, &info);
    done(command, rv);
    if (rv == WEFT_OK) text_add(command->out, "%s %u\n", info->name, info->version);
}

/* --- code upgrade --- */

struct upgrading {
    struct weft_code_upgrade spec;
    const char *source; /* a version, or a path */
    weft_pid pid;
};

/* One option. NULL, or what is wrong. */
static const char *take_option(struct command *command, const char *word,
                               struct upgrading *upgrading) {
    struct weft_code_upgrade *spec = &upgrading->spec;
    if (strcmp(word, "--eager") == 0 || strcmp(word, "--lazy") == 0) {
        spec->mode = word[2] == 'e' ? WEFT_CODE_EAGER : WEFT_CODE_LAZY;
        return NULL;
    }
    const char *value = next_word(&command->rest);
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
        upgrading->pid = pid_of(command, value);
        spec->pids = &upgrading->pid;
        spec->pids_count = 1;
        return weft_pid_is_none(upgrading->pid) ? "--process: no such process" : NULL;
    }
    return "expected --canary P%, --watch N, --extra WORD, --process WHO, --eager or --lazy";
}

static const char *take_upgrade(struct command *command, struct upgrading *upgrading) {
    upgrading->spec.module = next_word(&command->rest);
    upgrading->source = next_word(&command->rest);
    if (upgrading->source == NULL) return "expected code upgrade MODULE, and a PATH or a version";
    for (const char *word; (word = next_word(&command->rest)) != NULL;) {
        const char *what = take_option(command, word, upgrading);
        if (what != NULL) return what;
    }
    return NULL;
}

static int upgrade(struct command *command, struct upgrading *upgrading) {
    const struct weft_module_info *info;
    if (!number_of(upgrading->source, &upgrading->spec.version)) {
        int rv = load(command, upgrading->source, &info);
        if (rv != WEFT_OK) return rv;
        upgrading->spec.version = info->version;
        if (strcmp(info->name, upgrading->spec.module) != 0) {
            snprintf(command->why.text, sizeof command->why.text, "%s is of module '%s'",
                     upgrading->source, info->name);
            return WEFT_ERR_INVAL;
        }
    }
    return weft_code_upgrade(command->sched, &upgrading->spec, &command->why);
}

static void on_upgrade(struct command *command) {
    struct upgrading upgrading = {.source = NULL};
    const char *what = take_upgrade(command, &upgrading);
    if (what != NULL) {
        wrong(command, what);
        return;
    }
    int rv = upgrade(command, &upgrading);
    done(command, rv);
    if (rv != WEFT_OK) return;
    text_add(command->out, "%s to %u; code status %s tells how it goes\n", upgrading.spec.module,
             upgrading.spec.version, upgrading.spec.module);
}

/* --- code rollback, commit, purge --- */

static void on_rollback(struct command *command) {
    const char *module = next_word(&command->rest);
    if (module == NULL) {
        wrong(command, "expected code rollback MODULE");
    } else if (is_end(command)) {
        done(command, weft_code_rollback(command->sched, module, &command->why));
    }
}

static void on_commit(struct command *command) {
    const char *module = next_word(&command->rest);
    if (module == NULL) {
        wrong(command, "expected code commit MODULE");
    } else if (is_end(command)) {
        int rv = weft_code_commit(command->sched, module, &command->why);
        if (rv == WEFT_OK && permanent_write(command->daemon) != WEFT_OK)
            log_line(WEFT_LOG_WARN,
                     "a restart will run the old code: %s/permanent cannot be "
                     "written",
                     command->daemon->config.data);
        done(command, rv);
    }
}

static void on_purge(struct command *command) {
    const char *module = next_word(&command->rest), *option = next_word(&command->rest);
    if (module == NULL || (option != NULL && strcmp(option, "--brutal") != 0)) {
        wrong(command, "expected code purge MODULE [--brutal]");
    } else if (is_end(command)) {
        done(command, weft_code_purge(command->sched, module, option != NULL, &command->why));
        weft_posix_places_read();
    }
}

static const struct {
    const char *name;
    void (*run)(struct command *command);
} verbs[] = {{"list", on_list},     {"status", on_status},   {"which", on_which},
             {"load", on_load},     {"upgrade", on_upgrade}, {"rollback", on_rollback},
             {"commit", on_commit}, {"purge", on_purge}};

void code_command(struct daemon *daemon, char *line, struct text *out) {
    struct command command = {
        .daemon = daemon, .sched = weft_node_sched(daemon->node), .rest = line, .out = out};
    const char *word = next_word(&command.rest);
    for (size_t i = 0; word != NULL && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(word, verbs[i].name) != 0) continue;
        verbs[i].run(&command);
        return;
    }
    wrong(&command, "expected code list, status, which, load, upgrade, rollback, commit or purge");
}

/* --- release --- */

static void report(void *ctx, const char *line) { text_add(ctx, "%s\n", line); }

/* The first line says how it went, so that what is told on the way waits until then. */
static void run_plan(struct command *command, struct plan_file *plan, const char *path) {
    struct text steps = {.data = NULL};
    size_t failed = 0;
    plan->release.report = report;
    plan->release.ctx = &steps;
    int rv = weft_code_release(command->sched, &plan->release, &failed, &command->why);
    if (rv == WEFT_OK) {
        text_add(command->out, "ok\n");
        text_add_bytes(command->out, steps.data, steps.size);
    } else if (failed < plan->release.steps_count) {
        text_add(command->out, "error %s %s:%u:%u: %s\n", weft_error_name(rv), path,
                 plan->lines[failed], plan->columns[failed], command->why.text);
    } else {
        done(command, rv);
    }
    text_clear(&steps);
}

void release_command(struct daemon *daemon, char *line, struct text *out) {
    struct command command = {
        .daemon = daemon, .sched = weft_node_sched(daemon->node), .rest = line, .out = out};
    const char *path = next_word(&command.rest), *option = next_word(&command.rest);
    bool dry_run = option != NULL && strcmp(option, "--dry-run") == 0;
    if (path == NULL || (option != NULL && !dry_run)) {
        wrong(&command, "expected release PLAN.yaml [--dry-run]");
        return;
    }
    struct plan_file *plan = is_end(&command) ? calloc(1, sizeof *plan) : NULL;
    if (plan == NULL) {
        if (out->size == 0) answer_error(WEFT_ERR_NOMEM, NULL, out);
        return;
    }
    struct text mistakes = {.data = NULL};
    if (plan_file_read(plan, path, &mistakes)) {
        plan->release.dry_run = dry_run;
        run_plan(&command, plan, path);
    } else {
        text_add(out, "error MALFORMED ");
        text_add_bytes(out, mistakes.data, mistakes.size);
    }
    text_clear(&mistakes);
    plan_file_free(plan);
    free(plan);
}
