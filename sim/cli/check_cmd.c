/* weft check: read scenarios, say what is wrong with them. */
#include "core/base/error.h"
#include "sim/cli/cli.h"

#define FILES_MAX 1024

struct wishes {
    const char *files[FILES_MAX];
    uint32_t files_count;
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

static bool take_modules(void *into, const char *value) {
    return cli_take_folder(&((struct wishes *)into)->folders, value);
}

static const struct cli_option options[] = {
    {"--modules", "DIR", "look there for modules too; may be repeated", take_modules},
    {NULL, NULL, NULL, NULL}};

void cli_check_usage(FILE *out) {
    fputs("usage: weft check FILE...\n\n"
          "Read scenarios without running them. Every mistake is one line,\n"
          "file:line:column: what is wrong, what was expected.\n\n",
          out);
    cli_print_options(out, options);
}

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static int check_file(const char *path, const struct cli_folders *folders) {
    struct sim_plan_report report = {
        .mistake = on_mistake, .folders = folders->list, .folders_count = folders->count};
    struct sim_plan_sets sets = {.sets = NULL, .count = 0};
    struct sim_plan *plan = NULL;
    int rv = sim_plan_read(path, &sets, &report, &plan);
    if (rv != WEFT_OK) return rv;
    printf("%s: %s, %u nodes, %u workloads, %u faults, %u checks, %lld s\n", path,
           plan->name != NULL ? plan->name : "no name", plan->population, plan->works_count,
           plan->faults_count, plan->checks_count, (long long)(plan->stop / WEFT_S(1)));
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
        int rv = check_file(wishes.files[i], &wishes.folders);
        if (rv == WEFT_ERR_NOMEM) return CLI_INTERNAL;
        if (rv != WEFT_OK) status = CLI_BAD_INPUT;
    }
    return status;
}
