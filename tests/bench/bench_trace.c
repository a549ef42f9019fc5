/* A trace of so many gigabytes: written, summarised, read event by event. Each in a process of its
 * own, so that its peak memory is known; times are of the processor, a core's.
 *
 *     bench_trace [gigabytes of records] [file]    default 1 /tmp/weft-bench.trace
 *
 * The events are as those of the demo in kind and size: packets sent, received and lost, and the
 * bytes of one in eight; lookups; tables. */
#define _DEFAULT_SOURCE
#include "analysis/trace_summary.h"
#include "core/base/error.h"
#include "core/base/rand.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODES 1000u
#define DATA_SIZE 160u

struct bench {
    const char *path;
    uint64_t raw_wanted; /* bytes */
};

static void fail(const char *what, int rv) {
    fprintf(stderr, "bench_trace: %s: %s\n", what, weft_error_text(rv));
    exit(1);
}

/* --- what each process does --- */

static struct weft_trace_event event_of(uint64_t i, const unsigned char *data) {
    static const enum weft_trace_kind kinds[8] = {
        WEFT_TRACE_PACKET_SENT, WEFT_TRACE_PACKET_DATA,     WEFT_TRACE_PACKET_RECEIVED,
        WEFT_TRACE_PACKET_SENT, WEFT_TRACE_PACKET_RECEIVED, WEFT_TRACE_DHT_TABLE,
        WEFT_TRACE_PACKET_LOST, WEFT_TRACE_LOOKUP_START};
    uint64_t raw = weft_draw__mix(i);
    struct weft_trace_event event = {.at = (weft_time)(i * 48000 + raw % 48000),
                                     .node = (uint32_t)(raw >> 40) % NODES,
                                     .kind = kinds[i % 8],
                                     .number = {(raw >> 20) % NODES, 70 + raw % 240, i / 900, 1}};
    if (event.kind == WEFT_TRACE_PACKET_DATA)
        event.bytes = weft_bytes(data + raw % 4096, DATA_SIZE);
    if (event.kind == WEFT_TRACE_LOOKUP_START) event.bytes = weft_bytes(data + raw % 4096, 20);
    return event;
}

/* How much a block of these takes is known by writing a few. */
static uint64_t events_for(uint64_t bytes) {
    uint64_t average = (1 + 3 + 2 + 1 + 2 + 1 + 3) + (DATA_SIZE + 20) / 8;
    return bytes / average;
}

static void write_trace(const struct bench *bench) {
    static unsigned char data[8192];
    struct ana_trace_writer *writer;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)weft_draw__mix(i / 3);
    int rv = ana_trace_create(bench->path, "scenario=bench\nnodes=1000\n", &writer);
    if (rv != WEFT_OK) fail(bench->path, rv);
    uint64_t count = events_for(bench->raw_wanted);
    for (uint64_t i = 0; i < count; i++) {
        struct weft_trace_event event = event_of(i, data);
        ana_trace_write(writer, &event);
    }
    rv = ana_trace_close(writer);
    if (rv != WEFT_OK) fail(bench->path, rv);
}

static struct ana_trace_reader *open_trace(const struct bench *bench) {
    struct ana_trace_reader *reader;
    const char *why;
    int rv = ana_trace_open(bench->path, &reader, &why);
    if (rv != WEFT_OK) fail(why, rv);
    return reader;
}

static void summarise(const struct bench *bench) {
    static struct ana_trace_summary summary;
    struct ana_trace_reader *reader = open_trace(bench);
    int rv = ana_trace_summarise(reader, &summary);
    if (rv != WEFT_OK) fail(bench->path, rv);
    if (summary.events != events_for(bench->raw_wanted)) fail("events are missing", 0);
    ana_trace_free(reader);
}

static void read_all(const struct bench *bench) {
    struct ana_trace_reader *reader = open_trace(bench);
    struct ana_trace_record record;
    uint64_t count = 0, sum = 0;
    int rv;
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        count++;
        sum += record.event.number[0] + record.event.bytes.size;
    }
    if (rv != WEFT_ERR_CLOSED || count != events_for(bench->raw_wanted) || sum == 0)
        fail("events are missing", rv);
    ana_trace_free(reader);
}

/* --- the processes --- */

struct spent {
    double seconds, rss; /* of the processor; bytes at most */
};

static struct spent spend(void (*work)(const struct bench *bench), const struct bench *bench) {
    struct rusage usage;
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        work(bench);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) exit(1);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    return (struct spent){seconds, (double)usage.ru_maxrss * 1024};
}

static void row(const char *what, struct spent spent, double raw, double file) {
    printf("trace %-22s %8.2f s %10.0f MB/s of records %8.0f MB/s of file %8.1f MiB at most\n",
           what, spent.seconds, raw / spent.seconds * 1e-6, file / spent.seconds * 1e-6,
           spent.rss / 1048576);
}

int main(int argc, char **argv) {
    double gigabytes = argc > 1 ? strtod(argv[1], NULL) : 1;
    struct bench bench = {argc > 2 ? argv[2] : "/tmp/weft-bench.trace",
                          (uint64_t)(gigabytes * 1e9)};
    if (bench.raw_wanted == 0) {
        fputs("usage: bench_trace [gigabytes of records] [file]\n", stderr);
        return 2;
    }
    struct spent written = spend(write_trace, &bench);
    static struct ana_trace_summary summary;
    struct ana_trace_reader *reader = open_trace(&bench);
    int rv = ana_trace_summarise(reader, &summary);
    if (rv != WEFT_OK) fail(bench.path, rv);
    ana_trace_free(reader);
    double raw = (double)summary.raw_size, file = (double)summary.file_size;
    printf("trace of %.0f events, %.2f GB of records, %.2f GB of file\n", (double)summary.events,
           raw * 1e-9, file * 1e-9);
    row("write", written, raw, file);
    row("summary", spend(summarise, &bench), raw, file);
    row("read every event", spend(read_all, &bench), raw, file);
    if (argc <= 2) unlink(bench.path);
    return 0;
}
