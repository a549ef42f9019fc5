/* The control socket. */
#include "core/weftd/control_socket.h"

#include "core/base/assert.h"
#include "core/weftd/daemon.h"
#include "core/weftd/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* I1  fd < 0: the slot is free
 * I2  op != 0: the node was asked, and its answer is not here yet */
struct client {
    int fd;
    uint64_t op;
    char line[CONTROL_REQUEST_MAX];
    size_t line_size;
    struct text answer;
    size_t written;
};

struct control_socket {
    struct daemon *daemon;
    int fd;
    uint64_t last_op;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct client clients[CONTROL_CLIENTS_MAX];
};

static void client_close(struct control_socket *control, struct client *client) {
    WEFT_ASSERT(client->fd >= 0);
    weft_posix_unwatch(control->daemon->posix, client->fd);
    close(client->fd);
    text_clear(&client->answer);
    client->fd = -1;
    client->op = 0;
}

static void client_write(struct control_socket *control, struct client *client) {
    while (client->written < client->answer.size) {
        ssize_t sent = send(client->fd, client->answer.data + client->written,
                            client->answer.size - client->written, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (sent < 0) break;
        client->written += (size_t)sent;
    }
    client_close(control, client);
}

static void on_client(void *ctx, int fd, int events);

/* The answer is complete: send it, and wait for room if it does not fit at once. */
static void client_answer(struct control_socket *control, struct client *client) {
    WEFT_ASSERT(client->op == 0);
    int fd = client->fd;
    client_write(control, client);
    if (client->fd != fd) return;
    if (weft_posix_watch(control->daemon->posix, fd, WEFT_WATCH_WRITE, on_client, control) != 0) {
        client_close(control, client);
    }
}

static void client_ask(struct control_socket *control, struct client *client,
                       struct weft_node_ask *ask) {
    client->op = ask->op = ++control->last_op;
    /* Nothing more is read; what is watched now is only whether the client goes away. */
    weft_posix_unwatch(control->daemon->posix, client->fd);
    int rv = weft_node_ask(control->daemon->node, ask);
    if (rv == WEFT_OK) return;
    client->op = 0;
    answer_error(rv, NULL, &client->answer);
    client_answer(control, client);
}

static void client_request(struct control_socket *control, struct client *client) {
    struct request request;
    request_parse(&request, client->line);
    switch (request.kind) {
    case REQUEST_ASK:
        client_ask(control, client, &request.ask);
        return;
    case REQUEST_HELP:
        answer_help(&client->answer);
        break;
    case REQUEST_TREE:
        answer_tree(control->daemon, &client->answer);
        break;
    case REQUEST_STOP:
        daemon_stop(control->daemon);
        text_add(&client->answer, "ok\n");
        break;
    case REQUEST_WRONG:
        answer_error(WEFT_ERR_INVAL, request.wrong, &client->answer);
        break;
    }
    client_answer(control, client);
}

static void client_read(struct control_socket *control, struct client *client) {
    size_t room = sizeof client->line - 1 - client->line_size;
    ssize_t got = recv(client->fd, client->line + client->line_size, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        client_close(control, client);
        return;
    }
    client->line_size += (size_t)got;
    client->line[client->line_size] = '\0';
    char *end = memchr(client->line, '\n', client->line_size);
    if (end != NULL) {
        *end = '\0';
        client_request(control, client);
    } else if (client->line_size == sizeof client->line - 1) {
        answer_error(WEFT_ERR_TOO_BIG, "the request is too long", &client->answer);
        client_answer(control, client);
    }
}

static struct client *find_client(struct control_socket *control, int fd) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd == fd) return &control->clients[i];
    }
    return NULL;
}

static void on_client(void *ctx, int fd, int events) {
    struct control_socket *control = ctx;
    struct client *client = find_client(control, fd);
    WEFT_ASSERT(client != NULL);
    if (client->answer.size > 0) {
        client_write(control, client);
    } else if (events & WEFT_WATCH_READ) {
        client_read(control, client);
    }
}

static void on_listener(void *ctx, int fd, int events) {
    struct control_socket *control = ctx;
    (void)events;
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) return;
    struct client *client = find_client(control, -1);
    if (client == NULL ||
        weft_posix_watch(control->daemon->posix, accepted, WEFT_WATCH_READ, on_client, control)) {
        static const char full[] = "error FULL too many clients\n";
        (void)!send(accepted, full, sizeof full - 1, MSG_NOSIGNAL);
        close(accepted);
        return;
    }
    *client = (struct client){.fd = accepted};
}

/* Whether a live daemon listens at `addr`. */
static bool answers(const struct sockaddr_un *addr) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    int rv = connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    close(fd);
    return rv == 0;
}

static int listen_at(const struct sockaddr_un *addr, int *out) {
    if (answers(addr)) return WEFT_ERR_IN_USE;
    struct stat info;
    if (lstat(addr->sun_path, &info) == 0 && !S_ISSOCK(info.st_mode)) return WEFT_ERR_DENIED;
    unlink(addr->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return WEFT_ERR_IO;
    mode_t mask = umask(0177);
    int rv = bind(fd, (const struct sockaddr *)addr, sizeof *addr);
    umask(mask);
    if (rv == 0 && listen(fd, CONTROL_CLIENTS_MAX) == 0) {
        *out = fd;
        return WEFT_OK;
    }
    int error = errno == EACCES || errno == EROFS ? WEFT_ERR_DENIED : WEFT_ERR_IO;
    close(fd);
    return error;
}

int control_socket_open(struct daemon *daemon, const char *path, struct control_socket **out) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path) return WEFT_ERR_INVAL;
    memcpy(addr.sun_path, path, strlen(path));
    struct control_socket *control = calloc(1, sizeof *control);
    if (control == NULL) return WEFT_ERR_NOMEM;
    control->daemon = daemon;
    memcpy(control->path, addr.sun_path, sizeof control->path);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) control->clients[i].fd = -1;
    int rv = listen_at(&addr, &control->fd);
    if (rv != WEFT_OK) goto err_after_alloc;
    rv = weft_posix_watch(daemon->posix, control->fd, WEFT_WATCH_READ, on_listener, control);
    if (rv != WEFT_OK) goto err_after_listen;
    *out = control;
    return WEFT_OK;

err_after_listen:
    close(control->fd);
    unlink(control->path);
err_after_alloc:
    free(control);
    return rv;
}

void control_socket_close(struct control_socket *control) {
    if (control == NULL) return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd >= 0) client_close(control, &control->clients[i]);
    }
    weft_posix_unwatch(control->daemon->posix, control->fd);
    close(control->fd);
    unlink(control->path);
    free(control);
}

void control_socket_reply(struct control_socket *control, const struct weft_node_reply *reply) {
    WEFT_ASSERT(reply->op != 0);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || client->op != reply->op) continue;
        client->op = 0;
        answer_reply(control->daemon, reply, &client->answer);
        client_answer(control, client);
        return;
    }
}
