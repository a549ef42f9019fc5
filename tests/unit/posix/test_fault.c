/* The kernel says no: system calls that fail on command. The program's own definitions stand
 * before the C library's. */
#define _GNU_SOURCE
#include "tests/unit/posix/node.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each: fail with `error` the next `times` times, after `skip` calls that succeed. */
struct fault {
    int error, skip, times, calls;
};

static struct fault on_sendmmsg, on_sendto, on_epoll_ctl, on_epoll_pwait2, on_fdatasync, on_fsync,
    on_pwrite, on_pread, on_accept4;

static bool fails(struct fault *fault) {
    fault->calls++;
    if (fault->times == 0) return false;
    if (fault->skip > 0) {
        fault->skip--;
        return false;
    }
    fault->times--;
    errno = fault->error;
    return true;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    if (fails(&on_sendmmsg)) return -1;
    return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t to_size) {
    const void *name = to.__sockaddr__;
    if (fails(&on_sendto)) return -1;
    return syscall(SYS_sendto, fd, data, size, flags, name, to_size);
}

int epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event) {
    if (op != EPOLL_CTL_DEL && fails(&on_epoll_ctl)) return -1;
    return (int)syscall(SYS_epoll_ctl, epoll_fd, op, fd, event);
}

int epoll_pwait2(int epoll_fd, struct epoll_event *events, int max, const struct timespec *timeout,
                 const sigset_t *mask) {
    if (fails(&on_epoll_pwait2)) return -1;
    return (int)syscall(SYS_epoll_pwait2, epoll_fd, events, max, timeout, mask, 8);
}

int fdatasync(int fd) { return fails(&on_fdatasync) ? -1 : (int)syscall(SYS_fdatasync, fd); }

int fsync(int fd) { return fails(&on_fsync) ? -1 : (int)syscall(SYS_fsync, fd); }

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    if (fails(&on_pwrite)) return -1;
    if (on_pwrite.calls < 3 && size > 5) size = 5; /* short, so that the loop has something to do */
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
    if (fails(&on_pread)) return -1;
    if (on_pread.calls < 3 && size > 5) size = 5;
    return syscall(SYS_pread64, fd, data, size, offset);
}

int accept4(int fd, __SOCKADDR_ARG name, socklen_t *size, int flags) {
    void *to = name.__sockaddr__;
    if (fails(&on_accept4)) return -1;
    return (int)syscall(SYS_accept4, fd, to, size, flags);
}

/* What was set on descriptors, by level and option. */
static int nodelay_count;

int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
    if (level == IPPROTO_TCP && option == TCP_NODELAY) nodelay_count++;
    return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

static const struct weft_posix_config plain = {.folder = NULL};

struct pair {
    struct node *node;
    struct weft_addr addr;
    weft_socket socket;
};

static bool open_pair(struct pair *pair) {
    pair->node = node_new(&plain);
    pair->addr = weft_addr_v4(127, 0, 0, 1, 0);
    struct weft_env *env = pair->node->env;
    return CHECK_EQ_INT(env->net->datagram_open(env, &pair->addr, 0, &pair->socket), WEFT_OK);
}

static int send_one(struct pair *pair, size_t size) {
    static unsigned char data[2000];
    struct weft_env *env = pair->node->env;
    return env->net->datagram_send(env, pair->socket, &pair->addr, data, size);
}

static uint64_t dropped(struct pair *pair) {
    struct weft_posix_stats stats;
    weft_posix_stats(pair->node->posix, &stats);
    return stats.datagrams_dropped;
}

static void a_full_send_queue_drops_and_then_says_again(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_OK);
    CHECK_EQ_INT(send_one(&pair, 20), WEFT_OK);
    CHECK_EQ_INT(send_one(&pair, 30), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EAGAIN, .times = 1};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_UINT(dropped(&pair), 3);
    on_sendto = (struct fault){.error = EAGAIN, .times = 2};
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_ERR_AGAIN);
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_ERR_AGAIN);
    CHECK_EQ_INT(send_one(&pair, 11), WEFT_OK); /* room again */
    CHECK_EQ_INT(send_one(&pair, 12), WEFT_OK);
    CHECK_EQ_INT(on_sendto.calls, 3); /* the last one was held back again */
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, 2));
    CHECK_EQ_UINT(pair.node->events[0].size, 11);
    CHECK_EQ_UINT(pair.node->events[1].size, 12);
    node_free(pair.node);
}

static void after_a_full_queue_an_unreachable_endpoint_is_told(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_OK);
    on_sendmmsg = (struct fault){.error = ENOBUFS, .times = 1};
    weft_posix_flush(pair.node->posix);
    on_sendto = (struct fault){.error = EHOSTUNREACH, .times = 1};
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_ERR_UNREACHABLE);
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_OK);
    CHECK_EQ_INT(on_sendto.calls, 1);
    node_free(pair.node);
}

static void joined_datagrams_that_are_refused_go_singly(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    for (size_t i = 0; i < 5; i++) CHECK_EQ_INT(send_one(&pair, i < 4 ? 100 : 40), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EIO, .times = 1};
    on_sendto = (struct fault){.times = 0};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_INT(on_sendto.calls, 5);
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, 5));
    CHECK_EQ_UINT(pair.node->events[3].size, 100);
    CHECK_EQ_UINT(pair.node->events[4].size, 40);
    CHECK_EQ_UINT(dropped(&pair), 0);
    /* From now on this socket does not join: one refusal costs one datagram. */
    for (size_t i = 0; i < 3; i++) CHECK_EQ_INT(send_one(&pair, 50), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EIO, .times = 1};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_UINT(dropped(&pair), 1);
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, 7));
    node_free(pair.node);
}

static void singly_sent_datagrams_that_find_the_queue_full_are_counted(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    for (size_t i = 0; i < 5; i++) CHECK_EQ_INT(send_one(&pair, 100), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EIO, .times = 1};
    on_sendto = (struct fault){.error = EAGAIN, .skip = 2, .times = 1};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_UINT(dropped(&pair), 3);
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, 2));
    node_turn(pair.node, WEFT_MS(2));
    CHECK_EQ_UINT(pair.node->count, 2);
    node_free(pair.node);
}

static void an_endpoint_that_takes_nothing_does_not_end_joining(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    for (size_t i = 0; i < 3; i++) CHECK_EQ_INT(send_one(&pair, 100), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EHOSTUNREACH, .times = 1};
    on_sendto = (struct fault){.error = EHOSTUNREACH, .times = 3};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_UINT(dropped(&pair), 3);
    for (size_t i = 0; i < 3; i++) CHECK_EQ_INT(send_one(&pair, 100), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EIO, .times = 1};
    on_sendto = (struct fault){.times = 0};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_INT(on_sendto.calls, 3); /* they had been joined */
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, 3));
    node_free(pair.node);
}

static void joined_datagrams_fit_one(void) {
    enum { COUNT = 64 };
    struct pair pair;
    if (!open_pair(&pair)) return;
    on_sendto = (struct fault){.times = 0};
    for (size_t i = 0; i < COUNT; i++) CHECK_EQ_INT(send_one(&pair, 1200), WEFT_OK);
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_INT(on_sendto.calls, 0);
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, COUNT));
    CHECK_EQ_UINT(pair.node->events[COUNT - 1].size, 1200);
    node_free(pair.node);
}

static void an_interrupted_send_is_repeated(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    CHECK_EQ_INT(send_one(&pair, 10), WEFT_OK);
    on_sendmmsg = (struct fault){.error = EINTR, .times = 2};
    weft_posix_flush(pair.node->posix);
    CHECK_EQ_INT(on_sendmmsg.calls, 3);
    CHECK(node_wait(pair.node, WEFT_EVENT_DATAGRAM, 1));
    node_free(pair.node);
}

static void open_descriptors(int *count) {
    *count = 0;
    for (int fd = 0; fd < 256; fd++) *count += fcntl(fd, F_GETFD) >= 0;
}

static void a_socket_that_cannot_be_waited_for_leaves_nothing(void) {
    struct pair pair;
    if (!open_pair(&pair)) return;
    struct weft_env *env = pair.node->env;
    struct weft_posix_stats stats;
    weft_socket socket = WEFT_SOCKET_NONE;
    int before, after;
    open_descriptors(&before);
    struct weft_addr addr = weft_addr_v4(127, 0, 0, 1, 0);
    on_epoll_ctl = (struct fault){.error = ENOSPC, .times = 3};
    CHECK_EQ_INT(env->net->datagram_open(env, &addr, 0, &socket), WEFT_ERR_FULL);
    CHECK_EQ_INT(env->net->stream_listen(env, &addr, 4, 0, &socket), WEFT_ERR_FULL);
    CHECK_EQ_INT(env->net->stream_connect(env, &pair.addr, 0, &socket), WEFT_ERR_FULL);
    CHECK_EQ_INT(addr.port, 0);
    open_descriptors(&after);
    CHECK_EQ_INT(after, before);
    weft_posix_stats(pair.node->posix, &stats);
    CHECK_EQ_UINT(stats.sockets, 1);
    node_free(pair.node);
}

static void a_starved_listener_is_not_asked_again_at_once(void) {
    struct node *node = node_new(&plain);
    struct weft_addr addr = weft_addr_v4(127, 0, 0, 1, 0);
    struct weft_posix_stats stats;
    weft_socket listener, stream;
    REQUIRE(node->env->net->stream_listen(node->env, &addr, 4, 0, &listener) == WEFT_OK);
    REQUIRE(node->env->net->stream_connect(node->env, &addr, 0, &stream) == WEFT_OK);
    on_accept4 = (struct fault){.error = ENFILE, .times = 1};
    weft_time start = weft_env_now(node->env);
    CHECK(node_wait(node, WEFT_EVENT_ACCEPTED, 1));
    CHECK(weft_env_now(node->env) - start >= WEFT_MS(100));
    weft_posix_stats(node->posix, &stats);
    CHECK_EQ_UINT(stats.accepts_paused, 1);
    node_free(node);
}

static void streams_do_not_wait_to_fill_segments(void) {
    struct node *node = node_new(&plain);
    struct weft_addr addr = weft_addr_v4(127, 0, 0, 1, 0);
    weft_socket listener, stream;
    nodelay_count = 0;
    REQUIRE(node->env->net->stream_listen(node->env, &addr, 4, 0, &listener) == WEFT_OK);
    REQUIRE(node->env->net->stream_connect(node->env, &addr, 0, &stream) == WEFT_OK);
    CHECK(node_wait(node, WEFT_EVENT_ACCEPTED, 1));
    CHECK_EQ_INT(nodelay_count, 2);
    node_free(node);
}

static void a_connection_that_went_away_before_accept_is_skipped(void) {
    struct node *node = node_new(&plain);
    struct weft_addr addr = weft_addr_v4(127, 0, 0, 1, 0);
    struct weft_posix_stats stats;
    weft_socket listener, stream;
    REQUIRE(node->env->net->stream_listen(node->env, &addr, 4, 0, &listener) == WEFT_OK);
    REQUIRE(node->env->net->stream_connect(node->env, &addr, 0, &stream) == WEFT_OK);
    on_accept4 = (struct fault){.error = ECONNABORTED, .times = 1};
    CHECK(node_wait(node, WEFT_EVENT_ACCEPTED, 1));
    weft_posix_stats(node->posix, &stats);
    CHECK_EQ_UINT(stats.accepts_paused, 0);
    node_free(node);
}

static void an_old_kernel_waits_in_milliseconds_and_never_too_short(void) {
    struct node *node = node_new(&plain);
    on_epoll_pwait2 = (struct fault){.error = ENOSYS, .times = 1000};
    for (int i = 0; i < 5; i++) {
        node->next_at = weft_env_now(node->env) + WEFT_US(300 * (i + 1));
        CHECK_EQ_INT(node_turn(node, WEFT_TIME_NEVER), WEFT_OK);
        CHECK(weft_env_now(node->env) >= node->next_at);
    }
    on_epoll_pwait2.times = 0;
    node_free(node);
}

static void an_interrupted_wait_is_a_turn_without_events(void) {
    struct node *node = node_new(&plain);
    on_epoll_pwait2 = (struct fault){.error = EINTR, .times = 1};
    CHECK_EQ_INT(node_turn(node, WEFT_TIME_NEVER), WEFT_OK);
    CHECK_EQ_UINT(node->count, 0);
    node_free(node);
}

static void a_wait_that_cannot_be_ends_the_loop(void) {
    struct node *node = node_new(&plain);
    on_epoll_pwait2 = (struct fault){.error = EBADF, .times = 1};
    CHECK_EQ_INT(weft_posix_loop(node->posix, &node->driver), WEFT_ERR_IO);
    node_free(node);
}

static char folder[] = "/tmp/weft-fault-XXXXXX";

struct disk {
    struct node *node;
    struct weft_env *env;
    weft_file file;
};

static bool open_disk(struct disk *disk) {
    struct weft_posix_config config = {.folder = folder};
    disk->node = node_new(&config);
    disk->env = disk->node->env;
    int mode = WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE;
    return CHECK_EQ_INT(disk->env->disk->open(disk->env, "file", mode, &disk->file), WEFT_OK);
}

static int put(struct disk *disk) {
    return disk->env->disk->write(disk->env, disk->file, 0, "0123456789abcdef", 16);
}

static void short_and_interrupted_calls_are_finished(void) {
    struct disk disk;
    char data[20] = "";
    if (!open_disk(&disk)) return;
    on_pwrite = (struct fault){.error = EINTR, .skip = 1, .times = 1};
    CHECK_EQ_INT(put(&disk), WEFT_OK);
    CHECK(on_pwrite.calls >= 3);
    on_pread = (struct fault){.error = EINTR, .skip = 1, .times = 1};
    CHECK_EQ_INT(disk.env->disk->read(disk.env, disk.file, 0, data, sizeof data), 16);
    CHECK_EQ_TEXT(data, "0123456789abcdef");
    node_free(disk.node);
}

static void errors_of_the_disk_are_told(void) {
    struct disk disk;
    char byte;
    if (!open_disk(&disk)) return;
    on_pwrite = (struct fault){.error = ENOSPC, .times = 1};
    CHECK_EQ_INT(put(&disk), WEFT_ERR_NO_SPACE);
    on_pwrite = (struct fault){.error = EDQUOT, .skip = 1, .times = 1};
    CHECK_EQ_INT(put(&disk), WEFT_ERR_NO_SPACE);
    on_pwrite = (struct fault){.error = EIO, .times = 1};
    CHECK_EQ_INT(put(&disk), WEFT_ERR_IO);
    on_pread = (struct fault){.error = EIO, .times = 1};
    CHECK_EQ_INT(disk.env->disk->read(disk.env, disk.file, 0, &byte, 1), WEFT_ERR_IO);
    on_fdatasync = (struct fault){.error = EIO, .times = 1};
    CHECK_EQ_INT(disk.env->disk->sync(disk.env, disk.file), WEFT_ERR_IO);
    CHECK_EQ_INT(disk.env->disk->sync(disk.env, disk.file), WEFT_OK);
    on_fsync = (struct fault){.error = EIO, .times = 1};
    CHECK_EQ_INT(disk.env->disk->sync_folder(disk.env, "file"), WEFT_ERR_IO);
    CHECK_EQ_INT(disk.env->disk->sync_folder(disk.env, "file"), WEFT_OK);
    node_free(disk.node);
}

static void a_new_folder_is_synced_up_to_the_nodes_own(void) {
    struct disk disk;
    weft_file file;
    if (!open_disk(&disk)) return;
    int mode = WEFT_DISK_WRITE | WEFT_DISK_CREATE;
    REQUIRE(disk.env->disk->open(disk.env, "a/b/file", mode, &file) == WEFT_OK);
    on_fsync = (struct fault){.times = 0};
    CHECK_EQ_INT(disk.env->disk->sync_folder(disk.env, "a/b/file"), WEFT_OK);
    CHECK_EQ_INT(on_fsync.calls, 3);
    CHECK_EQ_INT(disk.env->disk->remove(disk.env, "a/b/file"), WEFT_OK);
    node_free(disk.node);
}

static const struct test_case cases[] = {
    TEST(a_full_send_queue_drops_and_then_says_again),
    TEST(after_a_full_queue_an_unreachable_endpoint_is_told),
    TEST(joined_datagrams_that_are_refused_go_singly),
    TEST(singly_sent_datagrams_that_find_the_queue_full_are_counted),
    TEST(an_endpoint_that_takes_nothing_does_not_end_joining),
    TEST(joined_datagrams_fit_one),
    TEST(an_interrupted_send_is_repeated),
    TEST(a_socket_that_cannot_be_waited_for_leaves_nothing),
    TEST(a_starved_listener_is_not_asked_again_at_once),
    TEST(streams_do_not_wait_to_fill_segments),
    TEST(a_connection_that_went_away_before_accept_is_skipped),
    TEST(an_old_kernel_waits_in_milliseconds_and_never_too_short),
    TEST(an_interrupted_wait_is_a_turn_without_events),
    TEST(a_wait_that_cannot_be_ends_the_loop),
    TEST(short_and_interrupted_calls_are_finished),
    TEST(errors_of_the_disk_are_told),
    TEST(a_new_folder_is_synced_up_to_the_nodes_own),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    if (mkdtemp(folder) == NULL) return 1;
    int rv = test_main("posix/fault", cases, sizeof cases / sizeof cases[0],
                       (struct test_args){argc, argv});
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? rv : 1;
}
