/* A run as one frame: what its trace has told so far. */
#include "sim/cli/top.h"

#include "core/base/assert.h"
#include "core/base/time.h"
#include "sim/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 128
#define FAULTS_MAX 64
#define FAULTS_SHOWN 6
#define REASONS_SHOWN 4
#define NODES_MAX (UINT32_C(1) << 24)
#define WINDOW WEFT_S(1) /* rates are of so long */
#define NS_OF_S 1000000000.0

enum state { STATE_NEW = 0, STATE_UP, STATE_JOINED, STATE_DOWN };

struct node {
    uint8_t state, cause; /* cause: of DOWN, enum weft_node_down_cause */
    uint32_t life, procs, restarts, contacts, lookups;
    uint64_t mailbox, bytes;
};

struct fault {
    uint64_t fault, occurrence;
    weft_time at;
    char text[TEXT_SIZE];
};

/* Counted in a window; `last` is of the one before, a second. */
struct rate {
    uint64_t count;
    double last;
};

enum { RATE_LOOKUPS, RATE_SENT, RATE_LOST, RATE_RESTARTS, RATES };

struct cli_top_run {
    char scenario[TEXT_SIZE], seed[24], build[TEXT_SIZE];
    uint64_t planned; /* nodes */
    weft_time stop, now, window_at;
    struct node *nodes;
    uint32_t count, room;
    uint64_t up, restarts, lookups, lookups_failed, failures, events;
    uint64_t sample[6]; /* the numbers of the last RUN_SAMPLE */
    bool has_sample, ended, held;
    struct rate rates[RATES];
    struct fault faults[FAULTS_MAX];
    uint32_t faults_count, faults_more; /* on; on beside these */
    char failure[TEXT_SIZE];
    weft_time failed_at;
    char reasons[REASONS_SHOWN][TEXT_SIZE];
    uint32_t reasons_count;
};

/* --- head --- */

static bool head_value(const char *head, const char *key, char *out, size_t size) {
    size_t length = strlen(key);
    for (const char *line = head; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, key, length) != 0 || line[length] != '=') continue;
        const char *value = line + length + 1;
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
        return true;
    }
    return false;
}

static uint64_t head_number(const char *head, const char *key) {
    char text[32];
    uint64_t number = 0;
    if (!head_value(head, key, text, sizeof text) || !cli_parse_u64(text, &number)) return 0;
    return number;
}

struct cli_top_run *cli_top_run_new(const char *head) {
    struct cli_top_run *run = calloc(1, sizeof *run);
    if (run == NULL) return NULL;
    (void)head_value(head, "scenario", run->scenario, sizeof run->scenario);
    (void)head_value(head, "seed", run->seed, sizeof run->seed);
    (void)head_value(head, "build", run->build, sizeof run->build);
    run->planned = head_number(head, "nodes");
    uint64_t stop = head_number(head, "stop");
    run->stop = stop < (uint64_t)WEFT_TIME_NEVER ? (weft_time)stop : 0;
    return run;
}

void cli_top_run_free(struct cli_top_run *run) {
    if (run == NULL) return;
    free(run->nodes);
    free(run);
}

/* --- events --- */

/* NULL: it is none that is kept. */
static struct node *node_of(struct cli_top_run *run, uint32_t index) {
    if (index >= NODES_MAX) return NULL;
    if (index >= run->room) {
        uint32_t room = run->room == 0 ? 64 : run->room;
        while (room <= index) room *= 2;
        struct node *nodes = realloc(run->nodes, room * sizeof *nodes);
        if (nodes == NULL) return NULL;
        memset(nodes + run->room, 0, (room - run->room) * sizeof *nodes);
        run->nodes = nodes;
        run->room = room;
    }
    if (index >= run->count) run->count = index + 1;
    return &run->nodes[index];
}

static bool is_up(const struct node *node) {
    return node->state == STATE_UP || node->state == STATE_JOINED;
}

static void copy_text(char out[TEXT_SIZE], struct weft_bytes bytes) {
    size_t size = bytes.size < TEXT_SIZE - 1 ? bytes.size : TEXT_SIZE - 1;
    if (size > 0) memcpy(out, bytes.data, size);
    out[size] = '\0';
}

static void on_up(struct cli_top_run *run, struct node *node,
                  const struct weft_trace_event *event) {
    uint32_t restarts = node->restarts;
    if (!is_up(node)) run->up++;
    *node =
        (struct node){.state = STATE_UP, .life = (uint32_t)event->number[0], .restarts = restarts};
}

static void on_down(struct cli_top_run *run, struct node *node,
                    const struct weft_trace_event *event) {
    uint32_t restarts = node->restarts;
    if (is_up(node)) run->up--;
    *node = (struct node){.state = STATE_DOWN,
                          .cause = (uint8_t)event->number[2],
                          .life = (uint32_t)event->number[0],
                          .restarts = restarts};
}

static void of_node(struct cli_top_run *run, struct node *node,
                    const struct weft_trace_event *event) {
    const uint64_t *number = event->number;
    if (event->kind == WEFT_TRACE_NODE_UP) on_up(run, node, event);
    if (event->kind == WEFT_TRACE_NODE_DOWN) on_down(run, node, event);
    if (event->kind == WEFT_TRACE_PROC_START) node->procs++;
    if (event->kind == WEFT_TRACE_PROC_EXIT && node->procs > 0) node->procs--;
    if (event->kind == WEFT_TRACE_DHT_JOINED && is_up(node)) node->state = STATE_JOINED;
    if (event->kind == WEFT_TRACE_DHT_TABLE) node->contacts = (uint32_t)(number[0] + number[1]);
    if (event->kind == WEFT_TRACE_LOOKUP_DONE) node->lookups++;
    if (event->kind == WEFT_TRACE_SUP_CHILD_UP && number[3]) node->restarts++;
    if (event->kind != WEFT_TRACE_NODE_SAMPLE) return;
    node->mailbox = number[1];
    node->bytes = number[3];
}

static void on_fault(struct cli_top_run *run, const struct weft_trace_event *event) {
    if (run->faults_count == FAULTS_MAX) {
        run->faults_more++;
        return;
    }
    struct fault *fault = &run->faults[run->faults_count++];
    fault->fault = event->number[0];
    fault->occurrence = event->number[2];
    fault->at = event->at;
    copy_text(fault->text, event->bytes);
}

static void on_fault_over(struct cli_top_run *run, const struct weft_trace_event *event) {
    for (uint32_t i = 0; i < run->faults_count; i++) {
        struct fault *fault = &run->faults[i];
        if (fault->fault != event->number[0] || fault->occurrence != event->number[2]) continue;
        run->faults_count--;
        memmove(fault, fault + 1, (run->faults_count - i) * sizeof *fault);
        return;
    }
    if (run->faults_more > 0) run->faults_more--;
}

static void of_run(struct cli_top_run *run, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_FAULT_ON) on_fault(run, event);
    if (event->kind == WEFT_TRACE_FAULT_OFF) on_fault_over(run, event);
    if (event->kind == WEFT_TRACE_RUN_SAMPLE) {
        memcpy(run->sample, event->number, sizeof run->sample);
        run->has_sample = true;
    }
    if (event->kind == WEFT_TRACE_CHECK_FAILED) {
        run->failures++;
        run->failed_at = event->at;
        copy_text(run->failure, event->bytes);
    }
    if (event->kind == WEFT_TRACE_RUN_REASON && run->reasons_count < REASONS_SHOWN)
        copy_text(run->reasons[run->reasons_count++], event->bytes);
    if (event->kind != WEFT_TRACE_RUN_END) return;
    run->ended = true;
    run->held = event->number[0] != 0;
}

static void count_rates(struct cli_top_run *run, const struct weft_trace_event *event) {
    bool restarts = event->kind == WEFT_TRACE_SUP_CHILD_UP && event->number[3] != 0;
    bool done = event->kind == WEFT_TRACE_LOOKUP_DONE;
    run->rates[RATE_LOOKUPS].count += done;
    run->rates[RATE_SENT].count += event->kind == WEFT_TRACE_PACKET_SENT;
    run->rates[RATE_LOST].count += event->kind == WEFT_TRACE_PACKET_LOST;
    run->rates[RATE_RESTARTS].count += restarts;
    run->restarts += restarts;
    run->lookups += done;
    run->lookups_failed += done && (int64_t)event->number[2] != 0;
}

static void end_window(struct cli_top_run *run, weft_time now) {
    double seconds = (double)(now - run->window_at) / NS_OF_S;
    for (int i = 0; i < RATES; i++) {
        run->rates[i].last = (double)run->rates[i].count / seconds;
        run->rates[i].count = 0;
    }
    run->window_at = now;
}

void cli_top_run_event(struct cli_top_run *run, const struct weft_trace_event *event) {
    if (run->events++ == 0) run->window_at = event->at;
    if (event->at - run->window_at >= WINDOW) end_window(run, event->at);
    run->now = event->at;
    count_rates(run, event);
    struct node *node = node_of(run, event->node);
    if (node != NULL) of_node(run, node, event);
    of_run(run, event);
}

bool cli_top_run_ended(const struct cli_top_run *run) { return run->ended; }

/* --- the frame --- */

static const char *bytes_text(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double size = (double)bytes;
    for (; size >= 1024 && unit < 4; unit++) size /= 1024;
    snprintf(text, 32, "%.*f %s", unit == 0 ? 0 : 1, size, units[unit]);
    return text;
}

static void draw_title(const struct cli_top_run *run, struct cli_screen *screen) {
    double now = (double)run->now / NS_OF_S;
    char when[64];
    if (run->stop > 0)
        snprintf(when, sizeof when, "%.3f of %.0f s", now, (double)run->stop / NS_OF_S);
    else
        snprintf(when, sizeof when, "%.3f s", now);
    const char *how = !run->ended ? "" : run->held ? "   holds" : "   FAILS";
    cli_screen_title(screen, "%s%s%s   %s%s", run->scenario[0] != '\0' ? run->scenario : run->build,
                     run->seed[0] != '\0' ? ", seed " : "", run->seed, when, how);
}

static void draw_sums(const struct cli_top_run *run, struct cli_screen *screen) {
    char all[32], up[32], procs[32], bytes[32], mailbox[32], pending[32];
    uint64_t sums[4] = {0}; /* procs, mailbox, bytes, contacts */
    for (uint32_t i = 0; i < run->count; i++) {
        sums[0] += run->nodes[i].procs;
        sums[1] += run->nodes[i].mailbox;
        sums[2] += run->nodes[i].bytes;
        sums[3] += run->nodes[i].contacts;
    }
    if (run->has_sample && !run->ended) {
        sums[1] = run->sample[2];
        sums[2] = run->sample[4];
    }
    uint64_t planned = run->planned > run->count ? run->planned : run->count;
    cli_screen_line(screen, "nodes      %s up of %s, %.1f contacts each",
                    cli_thousands(run->up, up), cli_thousands(planned, all),
                    run->up > 0 ? (double)sums[3] / (double)run->up : 0.0);
    cli_screen_line(screen, "processes  %s, %llu restarts (%.1f/s)", cli_thousands(sums[0], procs),
                    (unsigned long long)run->restarts, run->rates[RATE_RESTARTS].last);
    cli_screen_line(screen, "waiting    %s messages in mailboxes, %s events in the queue",
                    cli_thousands(sums[1], mailbox),
                    cli_thousands(run->ended ? 0 : run->sample[3], pending));
    cli_screen_line(screen, "memory     %s in nodes", bytes_text(sums[2], bytes));
}

static void draw_rates(const struct cli_top_run *run, struct cli_screen *screen) {
    char lookups[32], sent[32], lost[32];
    cli_screen_line(screen, "lookups    %.1f/s, %s so far, %llu failed",
                    run->rates[RATE_LOOKUPS].last, cli_thousands(run->lookups, lookups),
                    (unsigned long long)run->lookups_failed);
    cli_screen_line(screen, "packets    %s/s sent, %s/s lost",
                    cli_thousands((uint64_t)run->rates[RATE_SENT].last, sent),
                    cli_thousands((uint64_t)run->rates[RATE_LOST].last, lost));
}

static void draw_trouble(const struct cli_top_run *run, struct cli_screen *screen) {
    uint32_t all = run->faults_count + run->faults_more;
    cli_screen_line(screen, "faults on  %u", all);
    for (uint32_t i = 0; i < run->faults_count && i < FAULTS_SHOWN; i++) {
        cli_screen_line(screen, "  since %9.3f s  %s", (double)run->faults[i].at / NS_OF_S,
                        run->faults[i].text);
    }
    if (all > FAULTS_SHOWN) cli_screen_line(screen, "  and %u more", all - FAULTS_SHOWN);
    if (run->failures > 0) {
        cli_screen_line(screen, "failures   %llu, the last at %.3f s: %s",
                        (unsigned long long)run->failures, (double)run->failed_at / NS_OF_S,
                        run->failure);
    }
    for (uint32_t i = 0; i < run->reasons_count; i++)
        cli_screen_line(screen, "  %s", run->reasons[i]);
}

/* --- the nodes --- */

static uint64_t key_of(const struct node *node, enum cli_top_order order) {
    switch (order) {
    case CLI_TOP_MAILBOX:
        return node->mailbox;
    case CLI_TOP_RESTARTS:
        return node->restarts;
    case CLI_TOP_MEMORY:
        return node->bytes;
    case CLI_TOP_PROCS:
        return node->procs;
    case CLI_TOP_LOOKUPS:
        return node->lookups;
    case CLI_TOP_NODE:
    case CLI_TOP_ORDER_COUNT:
        break;
    }
    return 0;
}

/* The first `max` of the order into `out`: few, kept sorted. Equal ones by number. */
static uint32_t choose(const struct cli_top_run *run, enum cli_top_order order, uint32_t *out,
                       uint32_t max) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->count && max > 0; i++) {
        if (run->nodes[i].state == STATE_NEW) continue;
        uint64_t key = key_of(&run->nodes[i], order);
        if (count == max && key <= key_of(&run->nodes[out[max - 1]], order)) continue;
        uint32_t at = count < max ? count++ : max - 1;
        for (; at > 0 && key_of(&run->nodes[out[at - 1]], order) < key; at--) out[at] = out[at - 1];
        out[at] = i;
    }
    return count;
}

static const char *state_name(const struct node *node) {
    static const char *const down[] = {"ended", "stopped", "crashed", "killed", "unstarted"};
    if (node->state == STATE_JOINED) return "joined";
    if (node->state == STATE_UP) return "up";
    return node->cause < sizeof down / sizeof down[0] ? down[node->cause] : "down";
}

static void draw_nodes(const struct cli_top_run *run, enum cli_top_order order,
                       struct cli_screen *screen) {
    uint32_t shown[CLI_SCREEN_COLUMNS_MAX];
    if (cli_screen_left(screen) < 3) return;
    cli_screen_line(screen, "%s", "");
    cli_screen_title(screen, "%8s  %-9s %5s %6s %8s %10s %8s %8s %7s", "node", "state", "life",
                     "procs", "mailbox", "memory", "contacts", "restarts", "lookups");
    uint32_t max = cli_screen_left(screen);
    if (max > CLI_SCREEN_COLUMNS_MAX) max = CLI_SCREEN_COLUMNS_MAX;
    uint32_t count = choose(run, order, shown, max);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *node = &run->nodes[shown[i]];
        char bytes[32];
        cli_screen_line(screen, "%8u  %-9s %5u %6u %8llu %10s %8u %8u %7u", shown[i],
                        state_name(node), node->life, node->procs,
                        (unsigned long long)node->mailbox, bytes_text(node->bytes, bytes),
                        node->contacts, node->restarts, node->lookups);
    }
}

void cli_top_run_draw(const struct cli_top_run *run, enum cli_top_order order,
                      struct cli_screen *screen) {
    cli_screen_begin(screen);
    draw_title(run, screen);
    draw_sums(run, screen);
    draw_rates(run, screen);
    draw_trouble(run, screen);
    draw_nodes(run, order, screen);
    cli_screen_end(screen);
}

/* --- order --- */

static const char *const order_names[] = {
#define TOP_NAME(NAME, name) name,
    CLI_TOP_ORDERS(TOP_NAME)
#undef TOP_NAME
};

const char *cli_top_order_name(enum cli_top_order order) {
    WEFT_ASSERT((unsigned)order < CLI_TOP_ORDER_COUNT);
    return order_names[order];
}

bool cli_top_order_of(const char *name, enum cli_top_order *out) {
    for (unsigned i = 0; i < CLI_TOP_ORDER_COUNT; i++) {
        if (strcmp(order_names[i], name) != 0) continue;
        *out = (enum cli_top_order)i;
        return true;
    }
    return false;
}
