/* App check: whether an app's module may run in both worlds. It reads the file and runs none of it.
 *
 * A module runs in the simulator only if everything that could differ between two runs comes to it
 * through its process: so it may import from Weft, and from the C library what computes (memory,
 * text, sorting), and it keeps its data in the state of processes. What it must not do:
 *   - import a clock, entropy, thread, file, socket, environment or allocating function
 *   - own writable data: every simulated node of a process would share it, and an upgrade lose it
 *   - run code when it is loaded (constructors)
 *   - need libraries other than the C library: their code was not checked
 *   - be built for another abi than this program's (WEFT_ABI), or call a weft_ function it lacks
 * Code that asks the machine itself (inline assembly, rdtsc) is not seen. */
#ifndef SIM_CLI_APP_CHECK_H
#define SIM_CLI_APP_CHECK_H

#include <stddef.h>

/* One thing that is wrong. Borrowed for the call that tells it. */
struct cli_app_finding {
    const char *what;    /* "imports", "owns writable data", "runs code when loaded", ... */
    const char *name;    /* the symbol, section or library; never NULL */
    const char *why;     /* "reads the machine's clock"; never NULL */
    const char *instead; /* "weft_now(self)"; NULL: nothing to offer */
};

struct cli_app_facts {
    unsigned findings, imports, weft_imports;
};

#define CLI_APP_WHY_SIZE 160

/* Check the module at `path`; `tell` is called for each finding, in the order of the file.
 *   WEFT_ERR_NOT_FOUND, WEFT_ERR_IO, WEFT_ERR_MALFORMED (no shared object), WEFT_ERR_UNSUPPORTED
 *   (built for another machine): `why` says more, and the facts mean nothing */
int cli_app_check(const char *path, void (*tell)(void *ctx, const struct cli_app_finding *finding),
                  void *ctx, struct cli_app_facts *facts, char why[CLI_APP_WHY_SIZE]);

/* What an import is: NULL when an app may use it; else why not, and in *instead what to use
 * (or NULL). */
const char *cli_app_import_why(const char *symbol, const char **instead);

#endif
