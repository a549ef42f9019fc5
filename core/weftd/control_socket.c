/* The control socket. */
#include "core/weftd/control_socket.h"

#include "core/base/assert.h"
#include "core/weftd/code_command.h"
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
 * I2  op != 0: the node was asked, and its answer is not here yet
 * I3  op == 0 and answer.size == 0: the request is not complete */
struct client {
    int fd;
    uint64_t op;
    weft_time since; /* accepted, asked, or some of the answer written */
    char line[CONTROL_REQUEST_MAX];
    size_t line_size;
    struct text answer;
    size_t written;
};

/* I4  paused: the listener is not watched; it is again from resume_at on */
struct control_socket {
    struct daemon *daemon;
    int fd;
    uint64_t last_op;
    bool paused;
    weft_time resume_at;
    dev_t device; /* of the socket's name, so that only our own is removed */
    ino_t inode;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct client clients[CONTROL_CLIENTS_MAX];
};

static weft_time now_of(const struct control_socket *control) {
    return weft_env_now(weft_posix_env(control->daemon->posix));
}

static void client_close(struct control_socket *control, struct client *client) {
    WEFT_ASSERT(client->fd >= 0);
    weft_posix_unwatch(control->daemon->posix, client->fd);
    close(client->fd);
    text_clear(&client->answer);
    client->fd = -1;
    client->op = 0;
    control->resume_at = 0; /* there is room */
}

static void client_write(struct control_socket *control, struct client *client) {
    while (client->written < client->answer.size) {
        ssize_t sent = send(client->fd, client->answer.data + client->written,
                            client->answer.size - client->written, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) break;
        client->written += (size_t)sent;
        client->since = now_of(control);
    }
    client_close(control, client);
}

static void on_client(void *ctx, int fd, int events);

/* The answer is complete: send it, and wait for room if it does not fit at once. */
static void client_answer(struct control_socket *control, struct client *client) {
    WEFT_ASSERT(client->op == 0);
    int fd = client->fd;
    if (client->answer.failed) { /* a part would look like the whole */
        text_clear(&client->answer);
        answer_error(WEFT_ERR_NOMEM, NULL, &client->answer);
    }
    client_write(control, client);
    if (client->fd != fd) return;
    if (weft_posix_watch(control->daemon->posix, fd, WEFT_WATCH_WRITE, on_client, control) != 0) {
        client_close(control, client);
    }
}

/* It waits for an answer: nothing more is read; a client that goes away is still noticed. */
static int client_wait(struct control_socket *control, struct client *client) {
    client->op = ++control->last_op;
    client->since = now_of(control);
    return weft_posix_watch(control->daemon->posix, client->fd, 0, on_client, control);
}

static void client_refuse(struct control_socket *control, struct client *client, int error) {
    client->op = 0;
    answer_error(error, NULL, &client->answer);
    client_answer(control, client);
}

static void client_ask(struct control_socket *control, struct client *client,
                       struct weft_node_ask *ask) {
    int rv = client_wait(control, client);
    ask->op = client->op;
    if (rv == WEFT_OK) rv = weft_node_ask(control->daemon->node, ask);
    if (rv != WEFT_OK) client_refuse(control, client, rv);
}

static void client_command(struct control_socket *control, struct client *client,
                           const struct request *request) {
    int rv = client_wait(control, client);
    if (rv != WEFT_OK) {
        client_refuse(control, client, rv);
    } else if (request->kind == REQUEST_CODE) {
        code_command(control->daemon, request->words, client->op);
    } else if (request->kind == REQUEST_RELEASE) {
        release_command(control->daemon, request->words, client->op);
    } else {
        apps_command(control->daemon, client->op);
    }
}

static void client_request(struct control_socket *control, struct client *client, size_t size) {
    struct request request;
    request_parse(&request, client->line, size);
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
    case REQUEST_PROCS:
        answer_procs(control->daemon, &client->answer);
        break;
    case REQUEST_APPS:
    case REQUEST_CODE:
    case REQUEST_RELEASE:
        client_command(control, client, &request);
        return;
    case REQUEST_NODES:
        answer_nodes(control->daemon, &client->answer);
        break;
    case REQUEST_SYS:
        answer_sys(control->daemon, &request.sys, &client->answer);
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
        client_request(control, client, (size_t)(end - client->line));
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
    if (client->op != 0) {
        client_close(control, client); /* its answer will find nobody */
    } else if (client->answer.size > 0) {
        client_write(control, client);
    } else if (events & WEFT_WATCH_READ) {
        client_read(control, client);
    }
}

/* Leave newcomers in the kernel's queue until resume_at, or until a client goes. */
static void pause_accept(struct control_socket *control, weft_time resume_at) {
    weft_posix_unwatch(control->daemon->posix, control->fd);
    control->paused = true;
    control->resume_at = resume_at;
}

static void on_listener(void *ctx, int fd, int events) {
    struct control_socket *control = ctx;
    struct client *client = find_client(control, -1);
    (void)events;
    if (client == NULL) {
        pause_accept(control, WEFT_TIME_NEVER);
        return;
    }
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) { /* gone again; or out of descriptors, which would come back at once */
        bool gone = errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
        if (!gone) pause_accept(control, weft_time_add(now_of(control), WEFT_S(1)));
        return;
    }
    if (weft_posix_watch(control->daemon->posix, accepted, WEFT_WATCH_READ, on_client, control)) {
        static const char full[] = "error FULL too many clients\n";
        (void)!send(accepted, full, sizeof full - 1, MSG_NOSIGNAL);
        close(accepted);
        return;
    }
    *client = (struct client){.fd = accepted, .since = now_of(control)};
}

/* --- who is silent for too long --- */

/* When `client` has to go. */
static weft_time client_due(const struct control_socket *control, const struct client *client) {
    WEFT_ASSERT(client->fd >= 0);
    if (client->op != 0) return weft_time_add(client->since, CONTROL_ANSWER_MAX);
    weft_duration max = control->paused ? CONTROL_SILENT_FULL_MAX : CONTROL_SILENT_MAX;
    return weft_time_add(client->since, max);
}

static void client_late(struct control_socket *control, struct client *client) {
    if (client->op == 0) {
        client_close(control, client);
        return;
    }
    client->op = 0;
    answer_error(WEFT_ERR_TIMEOUT, "the node does not answer", &client->answer);
    client_answer(control, client);
}

void control_socket_run(struct control_socket *control) {
    weft_time now = now_of(control);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd >= 0 && client_due(control, client) <= now) client_late(control, client);
    }
    if (!control->paused || control->resume_at > now) return;
    control->paused = weft_posix_watch(control->daemon->posix, control->fd, WEFT_WATCH_READ,
                                       on_listener, control) != WEFT_OK;
    if (control->paused) control->resume_at = weft_time_add(now, WEFT_S(1));
}

weft_time control_socket_next_at(const struct control_socket *control) {
    weft_time at = control->paused ? control->resume_at : WEFT_TIME_NEVER;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &control->clients[i];
        if (client->fd >= 0) at = weft_time_min(at, client_due(control, client));
    }
    return at;
}

/* --- its place in the file system --- */

static int place_error(int number) {
    switch (number) {
    case EADDRINUSE:
        return WEFT_ERR_IN_USE;
    case ENOENT:
    case ENOTDIR:
        return WEFT_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return WEFT_ERR_DENIED;
    default:
        return WEFT_ERR_IO;
    }
}

/* How a connection to `addr` fails: 0 when somebody listens there, busy or not. */
static int probe(const struct sockaddr_un *addr) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int rv = connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    int number = rv == 0 || errno == EAGAIN ? 0 : errno;
    close(fd);
    return number;
}

/* Take away what a dead daemon left at `addr`. */
static int clear_place(const struct sockaddr_un *addr) {
    struct stat info;
    if (lstat(addr->sun_path, &info) != 0) return errno == ENOENT ? WEFT_OK : place_error(errno);
    if (!S_ISSOCK(info.st_mode)) return WEFT_ERR_EXISTS;
    int number = probe(addr);
    if (number == 0) return WEFT_ERR_IN_USE;
    if (number != ECONNREFUSED) return WEFT_ERR_DENIED; /* somebody else's */
    return unlink(addr->sun_path) == 0 || errno == ENOENT ? WEFT_OK : place_error(errno);
}

static int listen_at(struct control_socket *control, const struct sockaddr_un *addr) {
    struct stat info;
    int rv = clear_place(addr);
    if (rv != WEFT_OK) return rv;
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->fd < 0) return WEFT_ERR_IO;
    mode_t mask = umask(0177);
    int failed = bind(control->fd, (const struct sockaddr *)addr, sizeof *addr);
    umask(mask);
    if (failed == 0) failed = listen(control->fd, CONTROL_CLIENTS_MAX);
    if (failed == 0) failed = lstat(addr->sun_path, &info);
    if (failed != 0) {
        int error = place_error(errno);
        close(control->fd);
        return error;
    }
    control->device = info.st_dev;
    control->inode = info.st_ino;
    return WEFT_OK;
}

static void remove_place(const struct control_socket *control) {
    struct stat info;
    if (lstat(control->path, &info) != 0) return;
    if (info.st_dev == control->device && info.st_ino == control->inode) unlink(control->path);
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
    int rv = listen_at(control, &addr);
    if (rv != WEFT_OK) goto err_after_alloc;
    rv = weft_posix_watch(daemon->posix, control->fd, WEFT_WATCH_READ, on_listener, control);
    if (rv != WEFT_OK) goto err_after_listen;
    *out = control;
    return WEFT_OK;

err_after_listen:
    close(control->fd);
    remove_place(control);
err_after_alloc:
    free(control);
    return rv;
}

void control_socket_close(struct control_socket *control) {
    if (control == NULL) return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd >= 0 && client->op != 0) {
            answer_error(WEFT_ERR_CLOSED, "the daemon is stopping", &client->answer);
            client->op = 0;
            client_write(control, client);
        }
        if (client->fd >= 0) client_close(control, client);
    }
    weft_posix_unwatch(control->daemon->posix, control->fd);
    close(control->fd);
    remove_place(control);
    free(control);
}

static struct client *find_op(struct control_socket *control, uint64_t op) {
    WEFT_ASSERT(op != 0);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd >= 0 && client->op == op) return client;
    }
    return NULL;
}

void control_socket_answer(struct control_socket *control, uint64_t op, struct text *answer) {
    struct client *client = control != NULL ? find_op(control, op) : NULL;
    if (client == NULL) {
        text_clear(answer);
        return;
    }
    client->op = 0;
    client->answer = *answer;
    *answer = (struct text){.data = NULL};
    client_answer(control, client);
}

void control_socket_reply(struct control_socket *control, const struct weft_node_reply *reply) {
    struct client *client = find_op(control, reply->op);
    if (client == NULL) return;
    client->op = 0;
    answer_reply(control->daemon, reply, &client->answer);
    client_answer(control, client);
}
