/* Connections and the schedule. */
#define _GNU_SOURCE
#include "tests/bench/loadgen/loadgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 1024
#define BURST 256 /* messages between two looks at what came */
#define CONNECTING_MAX 1024
#define PER_SOURCE 20000 /* connections from one source address: ports are 16 bits */
#define SECOND UINT64_C(1000000000)
#define DRAIN (2 * SECOND)
#define GIVE_UP (20 * SECOND)
#define TOO_OLD (120 * SECOND)

uint64_t load_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint32_t draw(struct load *load, uint32_t bound) {
    load->random ^= load->random << 13;
    load->random ^= load->random >> 7;
    load->random ^= load->random << 17;
    return (uint32_t)(load->random % bound);
}

static void *need(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) abort();
    return memory;
}

struct load *load_new(const struct load_options *options, uint32_t conns, uint32_t source) {
    struct load *load = need(1, sizeof *load);
    *load = (struct load){.options = options,
                          .conns = conns,
                          .source = source,
                          .epoll = epoll_create1(0),
                          .random = 88172645463325252u + source,
                          .connection = need(conns, sizeof *load->connection),
                          .open = need(conns, sizeof *load->open),
                          .closed = need(conns, sizeof *load->closed)};
    for (uint32_t i = 0; i < conns; i++) load->connection[i].fd = -1;
    return load;
}

void load_free(struct load *load) {
    for (uint32_t i = 0; i < load->conns; i++)
        if (load->connection[i].fd >= 0) close(load->connection[i].fd);
    close(load->epoll);
    free(load->connection);
    free(load->open);
    free(load->closed);
    free(load);
}

/* --- connections --- */

static void enter_open(struct load *load, uint32_t index) {
    load->connection[index].state = LOAD_OPEN;
    load->connection[index].place = load->open_count;
    load->open[load->open_count++] = index;
}

static void leave_open(struct load *load, uint32_t index) {
    uint32_t place = load->connection[index].place, last = load->open[--load->open_count];
    load->open[place] = last;
    load->connection[last].place = place;
}

/* What it had under way will not come; it is opened again unless we end. */
static void close_connection(struct load *load, uint32_t index) {
    struct load_connection *connection = &load->connection[index];
    switch (connection->state) {
    case LOAD_CONNECTING:
        load->connecting_count--;
        load->stats.failed++;
        break;
    case LOAD_OPEN:
        leave_open(load, index);
        load->stats.innocent_lost++;
        break;
    case LOAD_POISONED:
        load->stats.poison_closed++;
        break;
    case LOAD_CLOSED:
        return;
    }
    load->stats.given_up += connection->pending;
    connection->pending = 0;
    connection->state = LOAD_CLOSED;
    close(connection->fd);
    connection->fd = -1;
    load->closed[load->closed_count++] = index;
}

static int open_socket(struct load *load, uint32_t index) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct linger reset = {.l_onoff = 1}; /* leaves no port in TIME_WAIT */
    uint32_t address = 0x7f010001u + load->source * 256 + index / PER_SOURCE;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0) return fd;
    close(fd);
    return -1;
}

static void connect_one(struct load *load, uint32_t index) {
    struct load_connection *connection = &load->connection[index];
    uint16_t port = (uint16_t)(load->options->port + index % load->options->ports);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = index};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *connection = (struct load_connection){.fd = open_socket(load, index)};
    if (connection->fd < 0) {
        load->stats.failed++;
        return;
    }
    connection->state = LOAD_CONNECTING;
    load->connecting_count++;
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
    if (connect(connection->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        close_connection(load, index);
}

static void connected(struct load *load, uint32_t index) {
    struct load_connection *connection = &load->connection[index];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        close_connection(load, index);
        return;
    }
    load->connecting_count--;
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
    enter_open(load, index);
}

/* --- what comes back --- */

/* Poisons leave on a schedule too. */
static bool near_poison(const struct load *load, uint64_t due) {
    if (load->options->poison == 0) return false;
    uint64_t gap = SECOND / load->options->poison, phase = (due - load->start) % gap;
    return phase < LOAD_WINDOW || phase + LOAD_LEAD > gap;
}

static void echoed(struct load *load, struct load_connection *connection, uint64_t now) {
    uint64_t due;
    memcpy(&due, connection->frame + 8, sizeof due);
    if (connection->frame[4] != 'P' || due > now || now - due > TOO_OLD) {
        load->stats.wrong++;
        return;
    }
    bool near = near_poison(load, due);
    load_slice_add(load, due, now - due, connection->frame[5]);
    load->stats.echoed++;
    if (connection->pending > 0) connection->pending--;
    histogram_add(&load->stats.all, now - due);
    histogram_add(near ? &load->stats.near : &load->stats.far, now - due);
}

static void read_frames(struct load *load, uint32_t index) {
    struct load_connection *connection = &load->connection[index];
    uint8_t data[LOAD_FRAME * 32];
    for (;;) {
        ssize_t got = read(connection->fd, data, sizeof data);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            close_connection(load, index);
            return;
        }
        uint64_t now = load_now();
        for (size_t at = 0; at < (size_t)got;) {
            size_t part = LOAD_FRAME - (size_t)connection->got;
            if (part > (size_t)got - at) part = (size_t)got - at;
            memcpy(connection->frame + connection->got, data + at, part);
            connection->got = (uint8_t)(connection->got + part);
            at += part;
            if (connection->got < LOAD_FRAME) continue;
            connection->got = 0;
            echoed(load, connection, now);
        }
        if ((size_t)got < sizeof data) return;
    }
}

void load_wait(struct load *load, uint64_t ns) {
    struct epoll_event events[EVENTS];
    struct timespec time = {.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};
    int count = epoll_pwait2(load->epoll, events, EVENTS, &time, NULL);
    for (int i = 0; i < count; i++) {
        uint32_t index = events[i].data.u32;
        struct load_connection *connection = &load->connection[index];
        if (connection->state == LOAD_CLOSED) continue;
        if (connection->state == LOAD_CONNECTING) {
            connected(load, index);
        } else {
            read_frames(load, index);
        }
    }
}

/* Many connections, at a rate, and not too many on their way. */
void load_open_all(struct load *load) {
    uint64_t start = load_now();
    uint64_t end = start + GIVE_UP + 3 * SECOND * load->conns / load->options->rate;
    uint32_t next = 0;
    while ((next < load->conns || load->connecting_count > 0) && load_now() < end) {
        uint64_t allowed = (load_now() - start) * load->options->rate / SECOND + 1;
        while (next < load->conns && next < allowed && load->connecting_count < CONNECTING_MAX)
            connect_one(load, next++);
        load_wait(load, 1000000);
    }
    load->closed_count = 0;
}

/* --- what is sent --- */

static bool send_frame(struct load *load, uint32_t index, char op, uint64_t due) {
    uint8_t frame[LOAD_FRAME] = {0, 0, 0, 60, (uint8_t)op};
    memcpy(frame + 8, &due, sizeof due);
    memcpy(frame + 16, &index, sizeof index);
    ssize_t sent = send(load->connection[index].fd, frame, sizeof frame, MSG_NOSIGNAL);
    if (sent == LOAD_FRAME) return true;
    if (sent < 0 && errno == EAGAIN) {
        load->stats.full++;
    } else {
        close_connection(load, index);
    }
    return false;
}

static void send_message(struct load *load, uint64_t due) {
    if (load->open_count == 0) return;
    uint32_t index = load->open[draw(load, load->open_count)];
    if (!send_frame(load, index, 'P', due)) return;
    load->stats.sent++;
    load->connection[index].pending++;
}

static void send_poison(struct load *load, uint64_t now) {
    if (load->open_count == 0) return;
    uint32_t index = load->open[draw(load, load->open_count)];
    if (!send_frame(load, index, 'X', now)) return;
    leave_open(load, index);
    load->connection[index].state = LOAD_POISONED;
    load->stats.poisoned++;
}

static void open_again(struct load *load) {
    while (load->closed_count > 0 && load->connecting_count < CONNECTING_MAX)
        connect_one(load, load->closed[--load->closed_count]);
}

static uint64_t at_rate(uint64_t start, uint64_t count, uint32_t rate) {
    return start + count * SECOND / rate;
}

uint64_t load_unanswered(const struct load *load) {
    return load->stats.sent - load->stats.echoed - load->stats.given_up;
}

static void drain(struct load *load) {
    uint64_t end = load_now() + DRAIN;
    while (load_now() < end && load_unanswered(load) > 0) load_wait(load, 5000000);
}

void load_run(struct load *load) {
    const struct load_options *options = load->options;
    uint64_t start = load_now(), end = start + options->secs * SECOND;
    uint64_t messages = 0, poisons = 0;
    int swaps = 0;
    load->start = start;
    for (uint64_t now = start; now < end; now = load_now()) {
        if (options->swap != 0 && swaps < 2 && now >= start + load_swap_at(load, swaps))
            kill((pid_t)options->swap, swaps++ == 0 ? SIGUSR1 : SIGUSR2);
        for (int i = 0; i < BURST; i++, messages++) {
            uint64_t due = at_rate(start, messages, options->msgs);
            if (due > now) break;
            send_message(load, due);
        }
        while (options->poison > 0 && at_rate(start, poisons, options->poison) <= now) {
            send_poison(load, now);
            poisons++;
        }
        open_again(load);
        uint64_t next = at_rate(start, messages, options->msgs);
        now = load_now();
        load_wait(load, next > now ? next - now : 0);
    }
    drain(load);
}
