/* weft run --top: the frames of a run, in a process beside it. */
#include "sim/cli/top.h"

#include <stdio.h>
#include <unistd.h>

#define FRAME_MS 250

struct view {
    const char *head;
    struct cli_top_run *run;
    struct cli_feed_reader feed;
    enum cli_top_order order;
};

static void on_event(void *ctx, const struct weft_trace_event *event) {
    cli_top_run_event(((struct view *)ctx)->run, event);
}

/* The end of the run is looked at until a key says that it was seen. */
static void show(struct view *view, struct cli_screen *screen) {
    for (int key = 0; key != 'q' && !view->feed.ended;) {
        if (!cli_feed_read_all(&view->feed, on_event, view, FRAME_MS)) return;
        if (key == 's')
            view->order = (enum cli_top_order)((view->order + 1u) % CLI_TOP_ORDER_COUNT);
        cli_top_run_draw(view->run, view->order, screen);
        key = cli_screen_wait(screen, -1, cli_top_run_ended(view->run) ? FRAME_MS : 0);
    }
}

static int run_view(void *ctx, int fd) {
    struct view *view = ctx;
    struct cli_screen screen;
    view->feed.fd = fd;
    view->run = cli_top_run_new(view->head);
    if (view->run == NULL || !cli_screen_open(&screen)) return 1;
    show(view, &screen);
    cli_screen_close(&screen);
    return 0;
}

bool cli_top_start(struct cli_feed *feed, const char *head) {
    struct view view = {.head = head};
    if (isatty(STDOUT_FILENO) == 1 && isatty(STDIN_FILENO) == 1)
        return cli_feed_start(feed, run_view, &view);
    fputs("weft: --top needs a terminal\n", stderr);
    return false;
}
