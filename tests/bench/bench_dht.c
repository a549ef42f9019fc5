/* Load for a DHT node over UDP: keeps `window` queries under way, counts answers and latencies.
 *
 *     bench_dht PORT [find_node|ping|get_peers] [seconds] [window]
 *
 * One line: "find_node answers/s=... p50_us=... p99_us=... lost=... nodes_bytes=...". The node
 * asked must allow the rate (dht.source_rate). Any KRPC implementation can be measured. */
#define _GNU_SOURCE
#include <arpa/inet.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_MAX 512
#define SAMPLES_MAX 8000000

struct load {
    int fd;
    const char *method;
    unsigned window;
    uint64_t rand;
    int64_t sent_at[WINDOW_MAX]; /* 0: the slot is free */
    uint16_t round[WINDOW_MAX];
    uint64_t answers, lost, nodes_bytes;
    uint32_t *samples; /* latencies, ns */
    size_t samples_count;
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t next_rand(struct load *load) {
    load->rand ^= load->rand << 13;
    load->rand ^= load->rand >> 7;
    load->rand ^= load->rand << 17;
    return load->rand;
}

static size_t put(char *out, const char *text) {
    size_t size = strlen(text);
    memcpy(out, text, size);
    return size;
}

static size_t put_id(struct load *load, char *out) {
    for (size_t i = 0; i < 20; i++) out[i] = (char)next_rand(load);
    return 20;
}

/* A query of the load's method with transaction id (slot, round). */
static size_t make_query(struct load *load, unsigned slot, char *out) {
    size_t at = put(out, "d1:ad2:id20:");
    at += put(out + at, "weft-bench-weft-benc");
    if (strcmp(load->method, "find_node") == 0) {
        at += put(out + at, "6:target20:");
        at += put_id(load, out + at);
    } else if (strcmp(load->method, "get_peers") == 0) {
        at += put(out + at, "9:info_hash20:");
        at += put_id(load, out + at);
    }
    at += (size_t)sprintf(out + at, "e1:q%zu:%s2:roi1e1:t4:", strlen(load->method), load->method);
    out[at++] = (char)(slot & 255);
    out[at++] = (char)(slot >> 8);
    out[at++] = (char)(load->round[slot] & 255);
    out[at++] = (char)(load->round[slot] >> 8);
    return at + put(out + at, "1:y1:qe");
}

/* All queries are of one size, so they go as one message that the kernel cuts (UDP_SEGMENT): the
 * load must not be what is measured. */
static void send_slots(struct load *load, const unsigned *slots, unsigned count) {
    static char packets[WINDOW_MAX * 256];
    size_t total = 0, each = 0;
    int64_t now = now_ns();
    for (unsigned i = 0; i < count; i++) {
        load->round[slots[i]]++;
        load->sent_at[slots[i]] = now;
        each = make_query(load, slots[i], packets + total);
        total += each;
    }
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {packets, total};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count > 1) {
        uint16_t size = (uint16_t)each;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_UDP;
        head->cmsg_type = UDP_SEGMENT;
        head->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(head), &size, sizeof size);
    }
    if (sendmsg(load->fd, &message, 0) < 0) perror("bench_dht: send");
}

static void take_answer(struct load *load, const char *data, size_t size, int64_t now,
                        unsigned *slots, unsigned *count) {
    const char *tid = memmem(data, size, "1:t4:", 5);
    if (tid == NULL || (size_t)(tid - data) + 9 > size) return;
    const unsigned char *raw = (const unsigned char *)tid + 5;
    unsigned slot = raw[0] | (unsigned)raw[1] << 8;
    if (slot >= load->window || load->sent_at[slot] == 0) return;
    if (load->round[slot] != (raw[2] | (unsigned)raw[3] << 8)) return;
    if (memmem(data, size, "1:y1:r", 6) == NULL) return;
    load->answers++;
    const char *nodes = memmem(data, size, "5:nodes", 7);
    if (nodes != NULL) load->nodes_bytes += (uint64_t)strtoul(nodes + 7, NULL, 10);
    if (load->samples_count < SAMPLES_MAX) {
        load->samples[load->samples_count++] = (uint32_t)(now - load->sent_at[slot]);
    }
    load->sent_at[slot] = 0;
    slots[(*count)++] = slot;
}

/* Bytes of each packet in a message that the kernel joined; `size` if it is one packet. */
static size_t segment_of(struct msghdr *message, size_t size) {
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_UDP || head->cmsg_type != UDP_GRO) continue;
        int segment;
        memcpy(&segment, CMSG_DATA(head), sizeof segment);
        if (segment > 0) return (size_t)segment;
    }
    return size;
}

static unsigned receive(struct load *load, unsigned *slots) {
    static char packets[65536];
    unsigned count = 0;
    for (;;) {
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {packets, sizeof packets};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t got = recvmsg(load->fd, &message, MSG_DONTWAIT);
        if (got <= 0) return count;
        int64_t now = now_ns();
        size_t each = segment_of(&message, (size_t)got);
        for (size_t at = 0; at < (size_t)got; at += each) {
            size_t size = (size_t)got - at < each ? (size_t)got - at : each;
            take_answer(load, packets + at, size, now, slots, &count);
        }
        if (count == load->window) return count;
    }
}

/* Queries older than half a second are lost; their slots are used again. */
static unsigned expire(struct load *load, unsigned *slots) {
    unsigned count = 0;
    int64_t limit = now_ns() - 500000000;
    for (unsigned slot = 0; slot < load->window; slot++) {
        if (load->sent_at[slot] == 0 || load->sent_at[slot] > limit) continue;
        load->lost++;
        slots[count++] = slot;
    }
    return count;
}

static void run(struct load *load, int64_t duration) {
    unsigned slots[WINDOW_MAX];
    for (unsigned i = 0; i < load->window; i++) slots[i] = i;
    send_slots(load, slots, load->window);
    for (int64_t end = now_ns() + duration; now_ns() < end;) {
        struct pollfd wait = {.fd = load->fd, .events = POLLIN};
        unsigned count;
        if (poll(&wait, 1, 100) > 0) {
            count = receive(load, slots);
        } else {
            count = expire(load, slots);
        }
        if (count > 0) send_slots(load, slots, count);
    }
}

static int by_value(const void *a, const void *b) {
    uint32_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

static int open_to(unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int join = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_UDP, UDP_GRO, &join, sizeof join);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    perror("bench_dht");
    return -1;
}

int main(int argc, char **argv) {
    static struct load load;
    if (argc < 2) {
        fputs("usage: bench_dht PORT [find_node|ping|get_peers] [seconds] [window]\n", stderr);
        return 2;
    }
    double seconds = argc > 3 ? atof(argv[3]) : 5;
    load.method = argc > 2 ? argv[2] : "find_node";
    load.window = argc > 4 ? (unsigned)atoi(argv[4]) : 64;
    if (load.window == 0 || load.window > WINDOW_MAX) load.window = WINDOW_MAX;
    load.rand = 88172645463325252u;
    load.samples = malloc(SAMPLES_MAX * sizeof *load.samples);
    load.fd = open_to((unsigned)atoi(argv[1]));
    if (load.fd < 0 || load.samples == NULL) return 1;
    run(&load, (int64_t)(seconds * 1e9));
    qsort(load.samples, load.samples_count, sizeof *load.samples, by_value);
    size_t n = load.samples_count;
    printf("%s answers/s=%.0f p50_us=%.0f p99_us=%.0f lost=%llu nodes_bytes=%.0f\n", load.method,
           (double)load.answers / seconds, n > 0 ? load.samples[n / 2] / 1e3 : 0.0,
           n > 0 ? load.samples[n * 99 / 100] / 1e3 : 0.0, (unsigned long long)load.lost,
           load.answers > 0 ? (double)load.nodes_bytes / (double)load.answers : 0.0);
    return load.answers > 0 ? 0 : 1;
}
