/* weft: the workbench. */
#include "core/config/suggest.h"
#include "core/posix/guard.h"
#include "sim/cli/cli.h"
#include "sim/cli/memory.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS_SECONDS 10

const char *cli_program = "weft";

struct command {
    const char *name;
    int (*run)(struct cli_args args);
    void (*usage)(FILE *out);
    const char *about;
};

static const struct command commands[] = {
    {"run", cli_run, cli_run_usage, "run a scenario and judge it"},
    {"check", cli_check, cli_check_usage, "read scenarios and say what is wrong with them"},
    {"sweep", cli_sweep, cli_sweep_usage, "fail each call of a run once, and say what breaks"},
    {"diff", cli_diff, cli_diff_usage, "run twice, and name the first event that is not alike"},
    {"trail", cli_trail, cli_trail_usage, "run, and print every event and what was done in it"},
    {"top", cli_top, cli_top_usage, "show what a run or daemons are up to, in the terminal"},
    {"trace", cli_trace, cli_trace_usage, "print the events of a trace file"},
    {"stats", cli_stats, cli_stats_usage,
     "say in numbers what runs were like, and how they differ"},
    {"plot", cli_plot, cli_plot_usage, "draw a run from its trace file"},
    {"report", cli_report, cli_report_usage, "write a trace as a page for a browser"},
    {"check-app", cli_check_app, cli_check_app_usage,
     "say whether an app's module may run in both worlds"},
};

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

static struct {
    void (*fn)(void *ctx);
    void *ctx;
} last_words;

void cli_on_panic(void (*fn)(void *ctx), void *ctx) {
    last_words.ctx = ctx;
    last_words.fn = fn;
}

static void on_alarm(int signo) {
    (void)signo;
    _exit(CLI_INTERNAL);
}

/* A panic ends in abort, after it has said what is wrong and where. The last words may fault, or
 * wait for what this thread itself holds: then that was all. */
static void on_abort(int signo) {
    void (*fn)(void *ctx) = last_words.fn;
    (void)signo;
    last_words.fn = NULL;
    if (fn != NULL) {
        signal(SIGALRM, on_alarm);
        alarm(LAST_WORDS_SECONDS);
        fn(last_words.ctx);
    }
    _exit(CLI_INTERNAL);
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static void usage(FILE *out) {
    fputs("usage: weft COMMAND ...\n\n", out);
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        fprintf(out, "  %-18s %s\n", commands[i].name, commands[i].about);
    }
    fputs("  help [COMMAND]     say more about a command\n"
          "  --version          print the version and the commit it was built from\n"
          "\nexit status: 0 every check held, 1 a check failed, 2 bad input, 3 internal error\n",
          out);
}

static int unknown(const char *name) {
    const char *names[COMMANDS_COUNT + 2];
    for (size_t i = 0; i < COMMANDS_COUNT; i++) names[i] = commands[i].name;
    names[COMMANDS_COUNT] = "help";
    names[COMMANDS_COUNT + 1] = "--version";
    const char *nearest = weft_suggest(name, names, COMMANDS_COUNT + 2);
    fprintf(stderr, "weft: unknown %s \"%s\"", name[0] == '-' ? "option" : "command", name);
    if (nearest != NULL) fprintf(stderr, ", did you mean \"%s\"?", nearest);
    fputs("\n", stderr);
    return CLI_BAD_INPUT;
}

static int help(struct cli_args args) {
    const struct command *command = args.count > 0 ? find(args.list[0]) : NULL;
    if (args.count > 0 && command == NULL) return unknown(args.list[0]);
    if (command != NULL) {
        command->usage(stdout);
    } else {
        usage(stdout);
    }
    return CLI_HOLDS;
}

static bool asks_for_help(struct cli_args args) {
    for (int i = 0; i < args.count; i++) {
        if (strcmp(args.list[i], "--help") == 0 || strcmp(args.list[i], "-h") == 0) return true;
    }
    return false;
}

int main(int argc, char **argv) {
    signal(SIGABRT, on_abort);
    cli_memory_prepare();
    weft_posix_guard_install();
    if (argc > 0) cli_program = argv[0];
    if (argc < 2) {
        usage(stderr);
        return CLI_BAD_INPUT;
    }
    const char *name = argv[1];
    struct cli_args args = {.count = argc - 2, .list = argv + 2};
    const struct command *command = find(name);
    if (command != NULL && asks_for_help(args)) {
        command->usage(stdout);
        return CLI_HOLDS;
    }
    if (command != NULL) return command->run(args);
    if (strcmp(name, "--version") == 0) {
        printf("%s\n", cli_build_id());
        return CLI_HOLDS;
    }
    bool helps =
        strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    return helps ? help(args) : unknown(name);
}
