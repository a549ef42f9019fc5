/* The report of a run while it goes on: a small server on the loopback address. */
#define _GNU_SOURCE
#include "sim/cli/live.h"

#include "analysis/report.h"
#include "core/base/error.h"
#include "sim/cli/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 32
#define BACKLOG 16
#define CLIENT_TIME 10000 /* ms that one may take to ask and to hear */
#define LOOK_EVERY 1000   /* ms, for those that take too long */

/* fd -1: free. */
struct client {
    int fd;
    char in[CLI_HTTP_REQUEST_MAX];
    size_t in_size;
    char head[CLI_HTTP_HEAD_MAX];
    size_t head_size;
    char *body; /* NULL: it is still asking */
    size_t body_size, sent;
    int64_t until; /* ms */
};

struct server {
    int fd;
    const char *head;
    struct ana_live *live;
    struct cli_feed_reader feed;
    struct client clients[CLIENTS_MAX];
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one client --- */

static void drop(struct client *client) {
    close(client->fd);
    free(client->body);
    *client = (struct client){.fd = -1};
}

/* What is at `path`, and its type. NOT_FOUND, NOMEM */
static int find(const struct server *server, const char *path, struct client *client,
                const char **type) {
    if (strcmp(path, "/") == 0) {
        *type = "text/html; charset=utf-8";
        return ana_live_page(&client->body, &client->body_size);
    }
    if (strcmp(path, "/state.json") == 0) {
        *type = "application/json";
        return ana_live_state(server->live, &client->body, &client->body_size);
    }
    return WEFT_ERR_NOT_FOUND;
}

/* Something to say where there is nothing to show. */
static bool explain(struct client *client, int status) {
    static const char forbidden[] = "only for a browser on this machine: http://127.0.0.1\n";
    static const char missing[] = "here are / and /state.json\n";
    static const char method[] = "GET and HEAD are all that is answered\n";
    static const char wrong[] = "this is not a request\n";
    const char *words = status == 403   ? forbidden
                        : status == 404 ? missing
                        : status == 405 ? method
                                        : wrong;
    client->body = strdup(words);
    client->body_size = strlen(words);
    return client->body != NULL;
}

static void answer(const struct server *server, struct client *client, int status,
                   const struct cli_http_request *request) {
    const char *type = "text/plain; charset=utf-8";
    if (status == 200) {
        int rv = find(server, request->path, client, &type);
        if (rv != WEFT_OK) status = rv == WEFT_ERR_NOT_FOUND ? 404 : 500;
    }
    if (status != 200 && !explain(client, status)) {
        drop(client);
        return;
    }
    client->head_size = cli_http_answer(client->head, status, type, client->body_size);
    if (request->head) client->body_size = 0;
}

static void read_some(const struct server *server, struct client *client) {
    size_t room = sizeof client->in - client->in_size;
    ssize_t got = read(client->fd, client->in + client->in_size, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        drop(client);
        return;
    }
    client->in_size += (size_t)got;
    struct cli_http_request request;
    int status = cli_http_parse(client->in, client->in_size, &request);
    if (status != 0) answer(server, client, status, &request);
}

static void write_some(struct client *client) {
    size_t all = client->head_size + client->body_size;
    while (client->sent < all) {
        bool in_head = client->sent < client->head_size;
        size_t at = in_head ? client->sent : client->sent - client->head_size;
        const char *data = in_head ? client->head : client->body;
        size_t size = (in_head ? client->head_size : client->body_size) - at;
        ssize_t done = send(client->fd, data + at, size, MSG_NOSIGNAL);
        if (done < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (done < 0) break;
        client->sent += (size_t)done;
    }
    shutdown(client->fd, SHUT_WR);
    drop(client);
}

/* --- all of them --- */

static void accept_one(struct server *server) {
    int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->fd >= 0) continue;
        *client = (struct client){.fd = fd, .until = now_ms() + CLIENT_TIME};
        return;
    }
    close(fd); /* a browser tries again */
}

static void serve_clients(struct server *server, const struct pollfd *polled) {
    int64_t now = now_ms();
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->fd < 0 || polled[i].fd != client->fd) continue;
        if (polled[i].revents & POLLIN && client->body == NULL) read_some(server, client);
        if (client->fd >= 0 && client->body != NULL) write_some(client);
        if (client->fd >= 0 && client->until < now) drop(client);
    }
}

static void on_event(void *ctx, const struct weft_trace_event *event) {
    ana_live_add(((struct server *)ctx)->live, event);
}

/* False: the run's process is gone. */
static bool serve(struct server *server) {
    struct pollfd polled[2 + CLIENTS_MAX] = {{.fd = server->fd, .events = POLLIN},
                                             {.fd = server->feed.fd, .events = POLLIN}};
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &server->clients[i];
        polled[2 + i].fd = client->fd;
        polled[2 + i].events = client->body != NULL ? POLLOUT : POLLIN;
    }
    if (poll(polled, 2 + CLIENTS_MAX, LOOK_EVERY) < 0 && errno != EINTR) return false;
    if (polled[1].revents != 0 && !cli_feed_read(&server->feed, on_event, server)) return false;
    serve_clients(server, polled + 2);
    if (polled[0].revents != 0) accept_one(server);
    return !server->feed.ended;
}

static int run_server(void *ctx, int fd) {
    struct server *server = ctx;
    server->feed.fd = fd;
    server->live = ana_live_new(server->head);
    if (server->live == NULL) return 1;
    while (serve(server)) {
    }
    return 0;
}

/* --- start --- */

/* The socket, or -1 after telling why there is none. */
static int listen_at(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
        listen(fd, BACKLOG) == 0) {
        return fd;
    }
    if (errno == EADDRINUSE) {
        fprintf(stderr, "weft: --live: port %u is in use; --live=PORT takes another, 0 any\n",
                port);
    } else {
        fprintf(stderr, "weft: --live: no port %u: %s\n", port, strerror(errno));
    }
    if (fd >= 0) close(fd);
    return -1;
}

static void tell_where(int fd) {
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0) return;
    fprintf(stderr, "weft: live at http://127.0.0.1:%u/\n", ntohs(at.sin_port));
}

bool cli_live_start(struct cli_feed *feed, uint16_t port, const char *head) {
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) return false;
    server->head = head;
    server->fd = listen_at(port);
    for (size_t i = 0; i < CLIENTS_MAX; i++) server->clients[i].fd = -1;
    bool started = server->fd >= 0 && cli_feed_start(feed, run_server, server);
    if (started) tell_where(server->fd);
    if (server->fd >= 0) close(server->fd);
    free(server);
    return started;
}
