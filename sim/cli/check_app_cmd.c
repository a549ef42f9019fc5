/* weft check-app: may this module run in both worlds? */
#include "core/base/error.h"
#include "sim/cli/app_check.h"
#include "sim/cli/cli.h"

#include <ctype.h>

#define FILES_MAX 64

struct wishes {
    const char *files[FILES_MAX];
    unsigned files_count;
};

static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    if (wishes->files_count == FILES_MAX) {
        fprintf(stderr, "weft: more than %d modules\n", FILES_MAX);
        return false;
    }
    wishes->files[wishes->files_count++] = path;
    return true;
}

static const struct cli_option options[] = {
    {NULL, NULL, NULL, NULL},
};

void cli_check_app_usage(FILE *out) {
    fputs("usage: weft check-app FILE.so ...\n\n"
          "Say whether a module may run on weftd and in the simulator alike. Refused is one that\n"
          "imports a clock, entropy, thread, file, socket or allocating function, owns writable\n"
          "data, runs code when it is loaded, needs other libraries, exports no weft_module, or\n"
          "was built for another abi than this weft's.\n"
          "It reads the file and runs none of it.\n",
          out);
}

/* A name comes from the file, and may hold anything. */
static void print_name(const char *name) {
    for (; *name != '\0'; name++) putchar(isprint((unsigned char)*name) ? *name : '?');
}

static void print(void *ctx, const struct cli_app_finding *finding) {
    printf("%s: %s ", *(const char *const *)ctx, finding->what);
    print_name(finding->name);
    printf(": %s", finding->why);
    if (finding->instead != NULL) printf("; use %s", finding->instead);
    putchar('\n');
}

static int check_one(const char *path) {
    struct cli_app_facts facts;
    char why[CLI_APP_WHY_SIZE];
    int rv = cli_app_check(path, print, &path, &facts, why);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", path, why);
        return CLI_BAD_INPUT;
    }
    if (facts.findings > 0) {
        printf("%s: refused: %u finding%s\n", path, facts.findings, facts.findings == 1 ? "" : "s");
        return CLI_FAILS;
    }
    printf("%s: fit for both worlds: %u imports, %u of them from weft\n", path, facts.imports,
           facts.weft_imports);
    return CLI_HOLDS;
}

int cli_check_app(struct cli_args args) {
    struct wishes wishes = {.files_count = 0};
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.files_count == 0) {
        cli_check_app_usage(stderr);
        return CLI_BAD_INPUT;
    }
    int worst = CLI_HOLDS;
    for (unsigned i = 0; i < wishes.files_count; i++) {
        int status = check_one(wishes.files[i]);
        if (status > worst) worst = status;
    }
    return worst;
}
