/* weft run: one scenario, one seed, one page; or many seeds, one line. */
#define _DEFAULT_SOURCE
#include "analysis/trace_file.h"
#include "core/base/error.h"
#include "core/posix/confine.h"
#include "core/posix/guard.h"
#include "core/posix/posix.h"
#include "sim/cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SETS_MAX 64
#define REPEAT_MAX 4096

struct wishes {
    const char *file, *trace;
    const char *sets[SETS_MAX];
    uint32_t sets_count;
    uint64_t seed, seeds; /* seeds 0: one, with its page */
    bool has_seed, json, keep_going;
    const char *until_text;
    weft_time until;
};

static bool take_seed(void *into, const char *value) {
    struct wishes *wishes = into;
    wishes->has_seed = cli_parse_u64(value, &wishes->seed);
    if (!wishes->has_seed) {
        fprintf(stderr, "weft: \"%s\" is no seed: --seed takes a number from 0 to 2^64 - 1\n",
                value);
    }
    return wishes->has_seed;
}

static bool take_seeds(void *into, const char *value) {
    struct wishes *wishes = into;
    if (cli_parse_u64(value, &wishes->seeds) && wishes->seeds > 0) return true;
    fprintf(stderr, "weft: \"%s\" is no number of seeds: --seeds takes one from 1\n", value);
    return false;
}

static bool take_keep_going(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->keep_going = true;
    return true;
}

static bool take_until(void *into, const char *value) {
    struct wishes *wishes = into;
    wishes->until_text = value;
    if (cli_parse_duration(value, &wishes->until)) return true;
    fprintf(stderr, "weft: \"%s\" is no time: --until takes one such as 90s, 1.5m or 250ms\n",
            value);
    return false;
}

static bool take_trace(void *into, const char *value) {
    ((struct wishes *)into)->trace = value;
    return true;
}

static bool take_json(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->json = true;
    return true;
}

static bool take_set(void *into, const char *value) {
    struct wishes *wishes = into;
    if (strchr(value, '=') == NULL || value[0] == '=') {
        fprintf(stderr, "weft: --set takes key=value, such as population=500, not \"%s\"\n", value);
        return false;
    }
    if (wishes->sets_count == SETS_MAX) {
        fprintf(stderr, "weft: more than %d times --set\n", SETS_MAX);
        return false;
    }
    wishes->sets[wishes->sets_count++] = value;
    return true;
}

static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    if (wishes->file == NULL) {
        wishes->file = path;
        return true;
    }
    fprintf(stderr, "weft: one scenario at a time: \"%s\" after \"%s\"\n", path, wishes->file);
    return false;
}

static const struct cli_option options[] = {
    {"--seed", "N", "what chance does; the scenario's seed, or 1, when not given", take_seed},
    {"--seeds", "N", "run so many seeds, from --seed on, up to one that fails", take_seeds},
    {"--keep-going", NULL, "with --seeds: run them all", take_keep_going},
    {"--until", "T", "stop at virtual time T instead of the scenario's stop", take_until},
    {"--trace", "FILE", "write every event to FILE, for weft trace", take_trace},
    {"--json", NULL, "print one JSON object instead of the page", take_json},
    {"--set", "KEY=VALUE", "override a value of the scenario; may be repeated", take_set},
    {NULL, NULL, NULL, NULL},
};

void cli_run_usage(FILE *out) {
    fputs("usage: weft run FILE [options]\n\nRun the scenario of FILE and judge it, with one seed "
          "or many.\n\n",
          out);
    cli_print_options(out, options);
}

/* --- while it runs --- */

struct running {
    struct cli_progress progress;
    struct ana_trace_writer *writer; /* NULL: no trace file */
    bool confined;
};

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    ana_trace_write(((struct running *)ctx)->writer, event);
}

static void on_progress(void *ctx, weft_time now, weft_time stop, uint64_t events) {
    cli_progress_show(&((struct running *)ctx)->progress, now, stop, events);
}

/* What a panic says: where in the run it was, and how to get there again. */
struct panic_words {
    const struct sim_run_where *where;
    const char *repeat;
};

/* In a signal handler: no stdio. */
static void on_panic(void *ctx, int fd) {
    const struct panic_words *words = ctx;
    char text[REPEAT_MAX + 128];
    int size = 0;
    if (words->where->world != NULL) {
        weft_time now = sim_engine_now(sim_world_engine(words->where->world));
        bool is_node = words->where->node != WEFT_TRACE_NODE_NONE;
        size = snprintf(text, sizeof text, "at %lld.%09lld s of virtual time, node %lld\n",
                        (long long)(now / WEFT_S(1)), (long long)(now % WEFT_S(1)),
                        is_node ? (long long)words->where->node : -1LL);
    }
    size += snprintf(text + size, sizeof text - (size_t)size, "repeat: %s\n", words->repeat);
    ssize_t written = write(fd, text, (size_t)size);
    (void)written;
}

/* --- the line that repeats it --- */

struct words {
    char text[REPEAT_MAX];
    size_t used;
};

static void put(struct words *words, char c) {
    if (words->used + 1 < sizeof words->text) words->text[words->used++] = c;
    words->text[words->used] = '\0';
}

/* One argument, quoted where a shell would read more into it. */
static void put_word(struct words *words, const char *word) {
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

static void make_repeat(struct words *words, const struct wishes *wishes) {
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)wishes->seed);
    put_word(words, cli_program);
    put_word(words, "run");
    put_word(words, wishes->file);
    put_word(words, "--seed");
    put_word(words, seed);
    if (wishes->until_text != NULL) {
        put_word(words, "--until");
        put_word(words, wishes->until_text);
    }
    for (uint32_t i = 0; i < wishes->sets_count; i++) {
        put_word(words, "--set");
        put_word(words, wishes->sets[i]);
    }
}

/* --- running --- */

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static uint64_t peak_rss(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024u : 0;
}

static int open_trace(const struct wishes *wishes, const struct sim_plan *plan,
                      struct running *running) {
    char head[1024];
    if (wishes->trace == NULL) return WEFT_OK;
    snprintf(head, sizeof head, "scenario=%s\nseed=%llu\nbuild=%s\nnodes=%u\n",
             plan->name != NULL ? plan->name : "", (unsigned long long)wishes->seed, cli_build_id(),
             plan->population);
    int rv = ana_trace_create(wishes->trace, head, &running->writer);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s cannot be written: %s\n", wishes->trace, weft_error_text(rv));
    }
    return rv;
}

static int close_trace(const struct wishes *wishes, struct running *running) {
    if (running->writer == NULL) return WEFT_OK;
    int rv = ana_trace_close(running->writer);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s is not complete: %s\n", wishes->trace, weft_error_text(rv));
    }
    return rv;
}

static void print_report(const struct wishes *wishes, const struct cli_report *report) {
    const char *no_colour = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) == 1 && (no_colour == NULL || no_colour[0] == '\0');
    if (wishes->json) {
        cli_json(stdout, report);
    } else {
        cli_page(stdout, report, colour);
    }
}

/* Run one seed and print its page. Returns the exit status. */
static int run_one(const struct wishes *wishes, const struct sim_plan *plan,
                   struct sim_run_options *run, const char *repeat) {
    struct running *running = run->ctx;
    struct sim_run_report *result = calloc(1, sizeof *result);
    if (result == NULL) return CLI_INTERNAL;
    cli_progress_init(&running->progress);
    uint64_t started = weft_posix_wall_ns();
    int rv = sim_run(plan, run, result);
    cli_progress_clear(&running->progress);
    int status = CLI_INTERNAL;
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: the run could not go on: %s\n", weft_error_text(rv));
    } else {
        struct cli_report report = {.plan = plan,
                                    .run = result,
                                    .wall_ns = weft_posix_wall_ns() - started,
                                    .peak_rss_bytes = peak_rss(),
                                    .confined = running->confined,
                                    .repeat = repeat};
        print_report(wishes, &report);
        status = result->verdict == SIM_HOLDS ? CLI_HOLDS : CLI_FAILS;
    }
    free(result);
    return status;
}

/* The same text is what a panic in the midst of that seed says. */
struct repeater {
    const struct wishes *wishes;
    struct words *words;
};

static const char *repeat_of(void *ctx, uint64_t seed) {
    struct repeater *repeater = ctx;
    struct wishes wishes = *repeater->wishes;
    wishes.seed = seed;
    repeater->words->used = 0;
    make_repeat(repeater->words, &wishes);
    return repeater->words->text;
}

static int run_seeds(const struct wishes *wishes, const struct sim_plan *plan,
                     struct sim_run_options *run, struct words *repeat) {
    struct repeater repeater = {wishes, repeat};
    run->progress = NULL;
    struct cli_seeds seeds = {.plan = plan,
                              .options = *run,
                              .count = wishes->seeds,
                              .keep_going = wishes->keep_going,
                              .json = wishes->json,
                              .repeat = repeat_of,
                              .ctx = &repeater};
    return cli_seeds(&seeds);
}

static int run_plan(const struct wishes *wishes, const struct sim_plan *plan,
                    struct running *running) {
    struct words repeat = {.used = 0};
    struct sim_run_where where = {.world = NULL};
    make_repeat(&repeat, wishes);
    struct weft_posix *machine = NULL; /* it loads modules, and nothing else */
    if (weft_posix_new(&(struct weft_posix_config){.folder = NULL}, &machine) != WEFT_OK) {
        fputs("weft: no machine to load modules with\n", stderr);
        return CLI_INTERNAL;
    }
    struct weft_env *env = weft_posix_env(machine);
    struct sim_host host = {.guard = &weft_posix_guard, .loader = env->loader, .loader_env = env};
    struct panic_words words = {.where = &where, .repeat = repeat.text};
    struct sim_run_options run = {.seed = wishes->seed,
                                  .until = wishes->until,
                                  .host = host,
                                  .trace = running->writer != NULL ? on_trace : NULL,
                                  .trace_mask = WEFT_TRACE_ALL,
                                  .progress = on_progress,
                                  .ctx = running,
                                  .where = &where};
    weft_posix_panic_context(on_panic, &words);
    running->confined = weft_posix_confine() == WEFT_OK;
    int status = wishes->seeds > 0 ? run_seeds(wishes, plan, &run, &repeat)
                                   : run_one(wishes, plan, &run, repeat.text);
    weft_posix_panic_context(NULL, NULL);
    weft_posix_free(machine);
    return status;
}

static int run_with_trace(struct wishes *wishes, const struct sim_plan *plan) {
    struct running running = {.writer = NULL};
    if (!wishes->has_seed) wishes->seed = plan->seed;
    if (open_trace(wishes, plan, &running) != WEFT_OK) return CLI_BAD_INPUT;
    int status = run_plan(wishes, plan, &running);
    return close_trace(wishes, &running) == WEFT_OK ? status : CLI_INTERNAL;
}

/* What each option alone does not show. */
static bool fit_together(const struct wishes *wishes) {
    const char *wrong = NULL;
    if (wishes->seeds > 0 && wishes->trace != NULL)
        wrong = "--trace is of one seed, not with --seeds";
    if (wishes->seeds == 0 && wishes->keep_going) wrong = "--keep-going goes with --seeds";
    if (wishes->seeds > 0 && wishes->seed > UINT64_MAX - (wishes->seeds - 1))
        wrong = "--seed and --seeds reach beyond 2^64 - 1";
    if (wrong != NULL) fprintf(stderr, "weft: %s\n", wrong);
    return wrong == NULL;
}

int cli_run(struct cli_args args) {
    struct wishes wishes = {.until = WEFT_TIME_NEVER};
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.file == NULL) {
        cli_run_usage(stderr);
        return CLI_BAD_INPUT;
    }
    if (!fit_together(&wishes)) return CLI_BAD_INPUT;
    struct sim_plan_sets sets = {.sets = wishes.sets, .count = wishes.sets_count};
    struct sim_plan_report report = {.mistake = on_mistake};
    struct sim_plan *plan = NULL;
    int rv = sim_plan_read(wishes.file, &sets, &report, &plan);
    if (rv == WEFT_ERR_NOMEM) return CLI_INTERNAL;
    if (rv != WEFT_OK) return CLI_BAD_INPUT;
    int status = run_with_trace(&wishes, plan);
    sim_plan_free(plan);
    return status;
}
