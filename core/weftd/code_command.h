/* code ... and release ...: the requests about modules (core/otp/code.h), and plan files. */
#ifndef WEFT_WEFTD_CODE_COMMAND_H
#define WEFT_WEFTD_CODE_COMMAND_H

#include "core/base/limits.h"
#include "core/otp/release.h"
#include "core/weftd/text.h"

struct daemon;

/* `line` is what follows "code" or "release". The answer goes to the client that waits for `op`:
 * before this returns, or when every scheduler of the node has done its part. What one of them
 * refuses is undone on the others. */
void code_command(struct daemon *daemon, const char *line, uint64_t op);
void release_command(struct daemon *daemon, const char *line, uint64_t op);

/* A plan as its file says it:
 *
 *     watch: 100
 *     steps:
 *       - {module: log, version: 2, path: log_v2.so}
 *       - module: kv
 *         version: 2
 *         path: kv_v2.so            # beside the plan, unless it begins with /
 *         needs: {log: 2}
 *         extra: some text
 *         point_of_no_return: true */
struct plan_file {
    struct weft_release release;
    struct weft_release_step steps[WEFT_RELEASE_STEPS_MAX];
    struct weft_release_need needs[WEFT_RELEASE_STEPS_MAX][8];
    uint32_t lines[WEFT_RELEASE_STEPS_MAX], columns[WEFT_RELEASE_STEPS_MAX];
    char paths[WEFT_RELEASE_STEPS_MAX][512];
    void *tree; /* the texts */
};

/* False after telling, in lines "file:line:column: what", what is wrong with it. Free it in either
 * case. */
bool plan_file_read(struct plan_file *plan, const char *path, struct text *out);
void plan_file_free(struct plan_file *plan);

#endif
