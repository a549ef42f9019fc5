/* One side of a diff: its process, and the lines of it. */
#define _GNU_SOURCE
#include "sim/cli/diff.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

static void add(struct diff_words *words, const char *word) {
    if (words->count + 1 < DIFF_WORDS_MAX) words->list[words->count++] = word;
    words->list[words->count] = NULL;
}

static void add_option(struct diff_words *words, const char *name, const char *value) {
    if (value == NULL) return;
    add(words, name);
    add(words, value);
}

void diff_words_of(struct diff_words *words, const struct diff_wishes *wishes) {
    const struct cli_wishes *base = &wishes->base;
    add(words, base->file);
    add_option(words, "--seed", base->seed_text);
    add_option(words, "--until", base->until_text);
    add_option(words, "--fail", base->fail);
    for (uint32_t i = 0; i < base->folders_given; i++)
        add_option(words, "--modules", base->folders.list[i]);
    for (uint32_t i = 0; i < base->sets_count; i++) add_option(words, "--set", base->sets[i]);
}

/* Memory that is read before it was written holds something else on each side. */
__attribute__((noreturn)) static void be_side(const struct diff_side *side, unsigned number,
                                              const struct diff_words *extra, int out) {
    struct diff_words words = {.count = 0};
    const char *program = side->wishes->with != NULL ? side->wishes->with : SELF;
    char *argv[DIFF_WORDS_MAX + 2];
    add(&words, side->wishes->with != NULL ? program : cli_program);
    add(&words, "trail");
    diff_words_of(&words, side->wishes);
    for (uint32_t i = 0; i < extra->count; i++) add(&words, extra->list[i]);
    for (uint32_t i = 0; i <= words.count; i++)
        argv[i] = words.list[i] != NULL ? strdup(words.list[i]) : NULL;
    dup2(out, STDOUT_FILENO);
    setenv("MALLOC_PERTURB_", number == 0 ? "85" : "170", 1);
    execv(program, argv);
    fprintf(stderr, "weft: %s cannot be run: %s\n", program, strerror(errno));
    _exit(CLI_BAD_INPUT);
}

bool diff_start(struct diff_side *side, unsigned number, const struct diff_words *extra) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    fflush(NULL);
    side->ended = false;
    side->pid = fork();
    if (side->pid == 0) be_side(side, number, extra, ends[1]);
    close(ends[1]);
    side->from = side->pid > 0 ? fdopen(ends[0], "r") : NULL;
    if (side->from != NULL) return true;
    close(ends[0]);
    fputs("weft: no process could be started\n", stderr);
    return false;
}

static void reap(struct diff_side *side) {
    int status = 0;
    if (side->pid <= 0) return;
    (void)waitpid(side->pid, &status, 0);
    side->pid = 0;
    side->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool diff_read(struct diff_side *side) {
    ssize_t size = side->ended ? -1 : getline(&side->line, &side->room, side->from);
    if (size > 0) {
        side->line[strcspn(side->line, "\n")] = '\0';
        return true;
    }
    if (!side->ended) reap(side);
    side->ended = true;
    if (side->line != NULL) side->line[0] = '\0';
    return false;
}

/* --- what is kept --- */

static void keep(struct diff_ring *ring, char *line) {
    char **place = &ring->lines[ring->count++ % DIFF_RING];
    free(*place);
    *place = line;
}

static void forget(struct diff_ring *ring) {
    for (uint32_t i = 0; i < DIFF_RING; i++) free(ring->lines[i]);
    *ring = (struct diff_ring){.count = 0};
}

/* The line before is of the past once another is asked for. */
static void keep_last(struct diff_side *side) {
    if (side->line == NULL || side->line[0] == '\0') return;
    if (side->line[0] == ' ') {
        keep(&side->within, strdup(side->line));
    } else if (strncmp(side->line, "event ", 6) == 0) {
        if (side->head != NULL) keep(&side->heads, side->head);
        side->head = strdup(side->line);
        forget(&side->within);
    }
}

bool diff_read_event(struct diff_side *side) {
    do {
        keep_last(side);
        if (!diff_read(side)) return false;
    } while (strncmp(side->line, "  ~", 3) == 0);
    return true;
}

void diff_stop(struct diff_side *side) {
    if (side->pid > 0) kill(side->pid, SIGKILL);
    if (side->from != NULL) fclose(side->from);
    reap(side);
    forget(&side->heads);
    forget(&side->within);
    free(side->head);
    free(side->line);
    *side = (struct diff_side){.wishes = side->wishes, .name = side->name, .status = side->status};
}
