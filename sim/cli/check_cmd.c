/* weft check: read scenarios, say what is wrong with them, or what a seed makes of them. */
#include "core/base/error.h"
#include "sim/cli/cli.h"
#include "sim/cli/flow.h"

#define FILES_MAX 1024
#define SETS_MAX 64

struct wishes {
    const char *files[FILES_MAX];
    uint32_t files_count;
    const char *sets[SETS_MAX];
    uint32_t sets_count;
    uint64_t seed;
    bool has_seed, print;
    struct cli_folders folders;
};

static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    if (wishes->files_count == FILES_MAX) {
        fprintf(stderr, "weft: more than %d files\n", FILES_MAX);
        return false;
    }
    wishes->files[wishes->files_count++] = path;
    return true;
}

static bool take_seed(void *into, const char *value) {
    struct wishes *wishes = into;
    wishes->has_seed = cli_parse_u64(value, &wishes->seed);
    if (!wishes->has_seed) fprintf(stderr, "weft: \"%s\" is no seed: a number from 0\n", value);
    return wishes->has_seed;
}

static bool take_set(void *into, const char *value) {
    struct wishes *wishes = into;
    if (wishes->sets_count == SETS_MAX) {
        fprintf(stderr, "weft: more than %d times --set\n", SETS_MAX);
        return false;
    }
    wishes->sets[wishes->sets_count++] = value;
    return true;
}

static bool take_print(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->print = true;
    return true;
}

static bool take_modules(void *into, const char *value) {
    return cli_take_folder(&((struct wishes *)into)->folders, value);
}

static const struct cli_option options[] = {
    {"--modules", "DIR", "look there for modules too; may be repeated", take_modules},
    {"--set", "KEY=VALUE", "override a value of the scenario; may be repeated", take_set},
    {"--seed", "N", "read it as this seed draws its swarm, and nothing else of that", take_seed},
    {"--print", NULL, "print it as a scenario without a swarm, that runs the same", take_print},
    {NULL, NULL, NULL, NULL},
};

void cli_check_usage(FILE *out) {
    fputs("usage: weft check FILE... [options]\n\n"
          "Read scenarios without running them. Every mistake is one line,\n"
          "file:line:column: what is wrong, what was expected.\n\n",
          out);
    cli_print_options(out, options);
}

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static void print_summary(const char *path, const struct sim_plan *plan) {
    printf("%s: %s, %u nodes, %u workloads, %u faults, %u checks, %lld s%s\n", path,
           plan->name != NULL ? plan->name : "no name", plan->population, plan->works_count,
           plan->faults_count, plan->checks_count, (long long)(plan->stop / WEFT_S(1)),
           plan->has_swarm ? ", as a seed draws it" : "");
}

static int check_file(const struct wishes *wishes, const char *path) {
    struct sim_plan_report report = {.mistake = on_mistake,
                                     .folders = wishes->folders.list,
                                     .folders_count = wishes->folders.count};
    struct sim_plan_sets sets = {.sets = wishes->sets,
                                 .count = wishes->sets_count,
                                 .seed = wishes->has_seed ? &wishes->seed : NULL,
                                 .plain = wishes->print};
    struct sim_plan *plan = NULL;
    int rv = sim_plan_read(path, &sets, &report, &plan);
    if (rv != WEFT_OK) return rv;
    const struct sim_flow_ops *flow;
    if (!cli_flow_load(plan, &flow)) {
        sim_plan_free(plan);
        return WEFT_ERR_MALFORMED;
    }
    if (wishes->print)
        fputs(plan->plain, stdout);
    else
        print_summary(path, plan);
    sim_plan_free(plan);
    return WEFT_OK;
}

int cli_check(struct cli_args args) {
    struct wishes wishes = {.files_count = 0};
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.files_count == 0) {
        cli_check_usage(stderr);
        return CLI_BAD_INPUT;
    }
    cli_own_folders(&wishes.folders);
    int status = CLI_HOLDS;
    for (uint32_t i = 0; i < wishes.files_count; i++) {
        int rv = check_file(&wishes, wishes.files[i]);
        if (rv == WEFT_ERR_NOMEM) return CLI_INTERNAL;
        if (rv != WEFT_OK) status = CLI_BAD_INPUT;
    }
    return status;
}
