/* Echo of datagrams through the loop on loopback: pairs (a question and its answer) a second with
 * a window of 64 unanswered questions, the client in a process of its own. */
#define _GNU_SOURCE
#include "core/posix/loop.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 64, SIZE = 100 };

struct echo {
    struct weft_env *env;
    weft_socket socket;
    bool done;
};

static void echo_deliver(void *ctx, const struct weft_event *event) {
    struct echo *echo = ctx;
    echo->env->net->datagram_send(echo->env, echo->socket, &event->from, event->data, event->size);
}

static bool echo_run(void *ctx) {
    (void)ctx;
    return false;
}

static weft_time echo_next_at(void *ctx) {
    (void)ctx;
    return WEFT_TIME_NEVER;
}

static bool echo_done(void *ctx) { return ((struct echo *)ctx)->done; }

static void echo_stop(void *ctx, int signo) {
    (void)signo;
    ((struct echo *)ctx)->done = true;
}

static double seconds(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int client_socket(uint16_t port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct timeval patience = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) exit(1);
    return fd;
}

static void client(uint16_t port, double duration) {
    static unsigned char data[SIZE], got[WINDOW][2048];
    static struct mmsghdr out[WINDOW], in[WINDOW];
    struct iovec one = {data, sizeof data};
    static struct iovec each[WINDOW];
    for (int i = 0; i < WINDOW; i++) {
        out[i].msg_hdr = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1};
        each[i] = (struct iovec){got[i], sizeof got[i]};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &each[i], .msg_iovlen = 1};
    }
    int fd = client_socket(port);
    double start = seconds(CLOCK_MONOTONIC), now = start;
    uint64_t pairs = 0;
    int room = WINDOW;
    while (now - start < duration) {
        int sent = sendmmsg(fd, out, (unsigned)room, 0);
        if (sent < 0) exit(1);
        int answers = recvmmsg(fd, in, WINDOW, MSG_WAITFORONE, NULL);
        if (answers <= 0) exit(1);
        pairs += (uint64_t)answers;
        room = room - sent + answers;
        now = seconds(CLOCK_MONOTONIC);
    }
    printf("%.0f pairs/s\n", (double)pairs / (now - start));
}

int main(int argc, char **argv) {
    double duration = argc > 1 ? atof(argv[1]) : 3;
    struct weft_posix *posix;
    struct weft_addr local = weft_addr_v4(127, 0, 0, 1, 0);
    struct weft_posix_config config = {.folder = NULL};
    if (weft_posix_new(&config, &posix) != 0) return 1;
    struct echo echo = {.env = weft_posix_env(posix)};
    if (echo.env->net->datagram_open(echo.env, &local, 0, &echo.socket) != 0) return 1;
    weft_posix_on_signal(posix, SIGCHLD, echo_stop, &echo);
    pid_t child = fork();
    if (child == 0) {
        client(local.port, duration);
        fflush(stdout);
        _exit(0);
    }
    struct weft_posix_driver driver = {&echo, echo_deliver, echo_run, echo_next_at, echo_done};
    double busy = seconds(CLOCK_PROCESS_CPUTIME_ID);
    weft_posix_loop(posix, &driver);
    busy = seconds(CLOCK_PROCESS_CPUTIME_ID) - busy;
    struct weft_posix_stats stats;
    weft_posix_stats(posix, &stats);
    printf("%.3f us of server processor time a pair, %llu dropped\n",
           busy * 1e6 / (double)stats.datagrams_received,
           (unsigned long long)stats.datagrams_dropped);
    weft_posix_free(posix);
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}
