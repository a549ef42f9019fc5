/* What commands that run a scenario have in common. */
#define _DEFAULT_SOURCE
#include "sim/cli/wishes.h"
#include "sim/cli/flow.h"
#include "sim/cli/memory.h"

#include "core/base/error.h"
#include "core/posix/guard.h"
#include "core/posix/posix.h"
#include "core/posix/team.h"
#include "sim/engine/lanes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_take_seed(void *into, const char *value) {
    struct cli_wishes *wishes = into;
    wishes->seed_text = value;
    wishes->has_seed = cli_parse_u64(value, &wishes->seed);
    if (!wishes->has_seed) {
        fprintf(stderr, "weft: \"%s\" is no seed: --seed takes a number from 0 to 2^64 - 1\n",
                value);
    }
    return wishes->has_seed;
}

bool cli_take_until(void *into, const char *value) {
    struct cli_wishes *wishes = into;
    wishes->until_text = value;
    if (cli_parse_duration(value, &wishes->until)) return true;
    fprintf(stderr, "weft: \"%s\" is no time: --until takes one such as 90s, 1.5m or 250ms\n",
            value);
    return false;
}

bool cli_take_json(void *into, const char *value) {
    (void)value;
    ((struct cli_wishes *)into)->json = true;
    return true;
}

bool cli_take_set(void *into, const char *value) {
    struct cli_wishes *wishes = into;
    if (strchr(value, '=') == NULL || value[0] == '=') {
        fprintf(stderr, "weft: --set takes key=value, such as population=500, not \"%s\"\n", value);
        return false;
    }
    if (wishes->sets_count == CLI_SETS_MAX) {
        fprintf(stderr, "weft: more than %d times --set\n", CLI_SETS_MAX);
        return false;
    }
    wishes->sets[wishes->sets_count++] = value;
    return true;
}

bool cli_take_fail(void *into, const char *value) {
    struct cli_wishes *wishes = into;
    wishes->fail = value;
    if (cli_parse_point(value, &wishes->point)) return true;
    fprintf(stderr,
            "weft: \"%s\" is no point: --fail takes one such as memory:12, or memory:12@3 of node "
            "3\n",
            value);
    return false;
}

bool cli_take_modules(void *into, const char *value) {
    return cli_take_folder(&((struct cli_wishes *)into)->folders, value);
}

bool cli_take_threads(void *into, const char *value) {
    uint64_t *threads = &((struct cli_wishes *)into)->threads;
    if (cli_parse_u64(value, threads) && *threads >= 1 && *threads <= SIM_LANES_MAX) return true;
    fprintf(stderr, "weft: \"%s\" is no number of threads: --threads takes one from 1 to %u\n",
            value, SIM_LANES_MAX);
    return false;
}

bool cli_take_file(void *into, const char *path) {
    struct cli_wishes *wishes = into;
    if (wishes->file == NULL) {
        wishes->file = path;
        return true;
    }
    fprintf(stderr, "weft: one scenario at a time: \"%s\" after \"%s\"\n", path, wishes->file);
    return false;
}

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static struct sim_plan *read_plan(const struct cli_wishes *wishes, const uint64_t *seed,
                                  int *status) {
    struct sim_plan_sets sets = {.sets = wishes->sets, .count = wishes->sets_count, .seed = seed};
    struct sim_plan_report report = {.mistake = on_mistake,
                                     .folders = wishes->folders.list,
                                     .folders_count = wishes->folders.count};
    struct sim_plan *plan = NULL;
    int rv = sim_plan_read(wishes->file, &sets, &report, &plan);
    *status = rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    return plan;
}

struct sim_plan *cli_draw_plan(const struct cli_wishes *wishes, uint64_t seed, int *status) {
    return read_plan(wishes, &seed, status);
}

/* The model that the plan asks for. NULL after telling why there is none. */
static struct sim_plan *with_flow(struct cli_wishes *wishes, struct sim_plan *plan, int *status) {
    if (plan == NULL || cli_flow_load(plan, &wishes->flow)) {
        if (plan != NULL) wishes->flow_setup = &plan->flow.setup;
        return plan;
    }
    *status = CLI_BAD_INPUT;
    sim_plan_free(plan);
    return NULL;
}

struct sim_plan *cli_read_plan(struct cli_wishes *wishes, int *status) {
    wishes->folders_given = wishes->folders.count;
    cli_own_folders(&wishes->folders);
    struct sim_plan *plan = read_plan(wishes, NULL, status);
    if (plan == NULL) return NULL;
    if (!wishes->has_seed) wishes->seed = plan->seed;
    if (plan->has_swarm && wishes->seed != plan->seed) {
        sim_plan_free(plan);
        plan = cli_draw_plan(wishes, wishes->seed, status);
    }
    return with_flow(wishes, plan, status);
}

/* --- the line that repeats it --- */

static void put(struct cli_words *words, char c) {
    if (words->used + 1 < sizeof words->text) words->text[words->used++] = c;
    words->text[words->used] = '\0';
}

void cli_put_word(struct cli_words *words, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./=:,+@%";
    bool quote = word[0] == '\0' || word[strspn(word, plain)] != '\0';
    if (words->used > 0) put(words, ' ');
    if (quote) put(words, '\'');
    for (; *word != '\0'; word++) {
        const char *text = *word == '\'' ? "'\\''" : (char[]){*word, '\0'};
        for (; *text != '\0'; text++) put(words, *text);
    }
    if (quote) put(words, '\'');
}

void cli_make_repeat(struct cli_words *words, const struct cli_wishes *wishes) {
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)wishes->seed);
    words->used = 0;
    cli_put_word(words, cli_program);
    cli_put_word(words, "run");
    cli_put_word(words, wishes->file);
    cli_put_word(words, "--seed");
    cli_put_word(words, seed);
    if (wishes->fail != NULL) {
        cli_put_word(words, "--fail");
        cli_put_word(words, wishes->fail);
    }
    if (wishes->until_text != NULL) {
        cli_put_word(words, "--until");
        cli_put_word(words, wishes->until_text);
    }
    for (uint32_t i = 0; i < wishes->folders_given; i++) {
        cli_put_word(words, "--modules");
        cli_put_word(words, wishes->folders.list[i]);
    }
    for (uint32_t i = 0; i < wishes->sets_count; i++) {
        cli_put_word(words, "--set");
        cli_put_word(words, wishes->sets[i]);
    }
}

/* --- what a run has below it --- */

/* In a signal handler: no stdio. */
static void on_panic(void *ctx, int fd) {
    const struct cli_host *host = ctx;
    const struct sim_run_where *where = &host->where;
    char text[CLI_REPEAT_MAX + 128];
    int size = 0;
    if (where->world != NULL) {
        weft_time now = sim_engine_now(sim_world_engine(where->world));
        bool is_node = where->node != WEFT_TRACE_NODE_NONE;
        size = snprintf(text, sizeof text, "at %lld.%09lld s of virtual time, node %lld\n",
                        (long long)(now / WEFT_S(1)), (long long)(now % WEFT_S(1)),
                        is_node ? (long long)where->node : -1LL);
    }
    size += snprintf(text + size, sizeof text - (size_t)size, "repeat: %s\n", host->repeat);
    ssize_t written = write(fd, text, (size_t)size);
    (void)written;
}

bool cli_host_open(struct cli_host *host, const struct cli_wishes *wishes, const char *repeat) {
    *host = (struct cli_host){.repeat = repeat}; /* it loads modules, and nothing else */
    if (weft_posix_new(&(struct weft_posix_config){.folder = NULL}, &host->machine) != WEFT_OK) {
        fputs("weft: no machine to load modules with\n", stderr);
        return false;
    }
    struct weft_env *env = weft_posix_env(host->machine);
    host->host =
        (struct sim_host){.guard = &weft_posix_guard, .loader = env->loader, .loader_env = env};
    host->host.flow = wishes->flow;
    if (wishes->flow != NULL && wishes->flow->open(wishes->flow_setup) != WEFT_OK) {
        fputs("weft: the platform could be opened once, and not again\n", stderr);
        weft_posix_free(host->machine);
        return false;
    }
    weft_posix_panic_context(on_panic, host);
    return true;
}

static void run_team(void *ctx, void (*fn)(void *arg, uint32_t index), void *arg) {
    weft_posix_team_run(ctx, fn, arg);
}

static void prepare_memory(void *ctx, uint32_t index) {
    if (index > 0) cli_memory_prepare_thread(*(const uint32_t *)ctx);
}

static void rest(void *ctx) {
    (void)ctx;
    weft_posix_team_rest();
}

bool cli_host_threads(struct cli_host *host, const struct sim_plan *plan,
                      const struct cli_wishes *wishes) {
    uint64_t threads = wishes->threads;
    const char *alone = sim_plan_alone(plan);
    if (wishes->fail != NULL) alone = "--fail counts in the order of one";
    if (threads < 2) return true;
    if (alone != NULL) {
        fprintf(stderr, "weft: on one thread: %s\n", alone);
        return true;
    }
    int rv = weft_posix_team_new((uint32_t)threads, &host->threads);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: no %llu threads: %s\n", (unsigned long long)threads,
                rv == WEFT_ERR_FULL ? "the system starts no more of them" : weft_error_text(rv));
        return false;
    }
    weft_posix_team_panic_context(host->threads, on_panic, host);
    uint32_t count = (uint32_t)threads;
    weft_posix_team_run(host->threads, prepare_memory, &count);
    host->team =
        (struct sim_team){.count = count, .run = run_team, .rest = rest, .ctx = host->threads};
    host->host.team = &host->team;
    return true;
}

void cli_host_close(struct cli_host *host) {
    if (host->threads != NULL) weft_posix_team_free(host->threads);
    weft_posix_panic_context(NULL, NULL);
    weft_posix_free(host->machine);
}
