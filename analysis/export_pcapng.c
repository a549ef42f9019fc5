/* pcapng: the packets of a run as if somebody had captured each link.
 *
 * The trace is read twice: first to count the links, then to write. A packet is held until it is
 * known what became of it, so that its comment can tell; what is held is bounded by HELD_MAX
 * bytes and HELD_LONGEST of virtual time. */
#include "analysis/export_faults.h"
#include "analysis/export_internal.h"
#include "analysis/names.h"
#include "analysis/pcapng.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define INTERFACES_MAX 65535
#define HELD_SHORTEST WEFT_S(2) /* a packet may arrive twice, or be lost and arrive */
#define HELD_LONGEST WEFT_MIN(1)
#define HELD_MAX ((size_t)64 << 20)
#define FAULTS_TOLD_MAX 8
#define HEAD_VALUE_SIZE 256
#define INBOUND 1
#define OUTBOUND 2

/* What an interface stands for: as fine as their number allows. */
enum grain { GRAIN_LINKS = 0, GRAIN_SENDERS, GRAIN_ONE };

/* A packet whose fate is not known yet. Its key is (sender, number). */
struct held {
    weft_time at, received_at, lost_at;
    uint64_t to, cause;
    uint32_t received_by, copies, losses;
    size_t size, size_sent, told_size; /* told_size: of `told` */
    unsigned char *wire;
    char *told; /* faults that were on when it was sent, a NUL after each */
    struct weft_addr from_addr, to_addr;
};

struct capture {
    struct ana_export *export;
    struct ana__file out;
    struct ana__pcapng block;
    enum grain grain;
    struct ana__table *links, *senders; /* what packets were sent, to choose the grain */
    struct ana__table *interfaces;      /* uint32_t, by grain_key */
    struct ana__table *faults;
    struct ana__table *held;
    size_t held_size;
    uint64_t packets, packets_unwanted;
    bool outside; /* a node on a machine: of the others only their addresses are known */
    char scenario[HEAD_VALUE_SIZE], seed[HEAD_VALUE_SIZE], build[HEAD_VALUE_SIZE], hash[40];
};

/* --- first pass --- */

static void survey_head(void *ctx, const struct ana_trace_reader *reader) {
    struct capture *capture = ctx;
    ana__head_value(reader, "scenario", capture->scenario, sizeof capture->scenario);
    ana__head_value(reader, "seed", capture->seed, sizeof capture->seed);
    ana__head_value(reader, "build", capture->build, sizeof capture->build);
}

/* Who sent it, and whom to: PACKET_DATA. */
static struct ana__key link_of(const struct weft_trace_event *event) {
    bool came_in = event->number[0] & WEFT_TRACE_PACKET_IN;
    return (struct ana__key){came_in ? WEFT_TRACE_NODE_NONE : event->node, event->number[1]};
}

static int count(struct ana__table *table, struct ana__key key) {
    if (ana__table_count(table) > INTERFACES_MAX) return WEFT_OK;
    return ana__table_get(table, key) != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
}

static int survey_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct capture *capture = ctx;
    const struct weft_trace_event *event = &record->event;
    if (event->kind == WEFT_TRACE_RUN_END) {
        snprintf(capture->hash, sizeof capture->hash, "%016llx%016llx",
                 (unsigned long long)event->number[2], (unsigned long long)event->number[3]);
    }
    if (event->kind != WEFT_TRACE_PACKET_DATA) return WEFT_OK;
    capture->packets += wanted;
    capture->packets_unwanted += !wanted;
    if (!wanted) return WEFT_OK;
    struct ana__key link = link_of(event);
    capture->outside = capture->outside || link.a == WEFT_TRACE_NODE_NONE;
    int rv = count(capture->links, link);
    return rv == WEFT_OK ? count(capture->senders, (struct ana__key){link.a, 0}) : rv;
}

static int survey(struct capture *capture) {
    const struct ana__visitor visitor = {.ctx = capture,
                                         .head = survey_head,
                                         .event = survey_event,
                                         .kinds = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA) |
                                                  WEFT_TRACE_BIT(WEFT_TRACE_RUN_END)};
    struct ana_export *export = capture->export;
    int rv = ana__pass(export, &visitor);
    if (rv != WEFT_OK) return rv;
    if (capture->packets == 0) {
        const char *why = capture->packets_unwanted > 0
                              ? "the filter lets no packet.data through"
                              : "it holds no packet.data; weft run writes it with --trace-packets";
        return ana__fail(export, WEFT_ERR_MALFORMED, "%s: %s", export->trace, why);
    }
    if (ana__table_count(capture->links) > INTERFACES_MAX) capture->grain = GRAIN_SENDERS;
    if (ana__table_count(capture->senders) > INTERFACES_MAX) capture->grain = GRAIN_ONE;
    return WEFT_OK;
}

/* --- blocks --- */

static void section_comment(struct capture *capture, const char *name, const char *value) {
    if (value[0] == '\0') return;
    ana__pcapng_option_text(&capture->block, ANA__PCAPNG_OPTION_COMMENT, "%s: %s", name, value);
}

static void write_section(struct capture *capture) {
    static const char *const grains[] = {
        [GRAIN_LINKS] = "an interface for each link (sender and receiver)",
        [GRAIN_SENDERS] = "an interface for each sender: there are too many links for one each",
        [GRAIN_ONE] = "one interface for all: there are too many senders for one each"};
    struct ana__pcapng *block = &capture->block;
    ana__pcapng_begin(block, ANA__PCAPNG_SECTION);
    ana__pcapng_u32(block, 0x1a2b3c4du); /* the order of bytes */
    ana__pcapng_u16(block, 1);
    ana__pcapng_u16(block, 0);
    ana__pcapng_u64(block, UINT64_MAX); /* the section's length is not given */
    section_comment(capture, "scenario", capture->scenario);
    section_comment(capture, "seed", capture->seed);
    section_comment(capture, "run hash", capture->hash);
    section_comment(capture, "build", capture->build);
    section_comment(capture, "interfaces", grains[capture->grain]);
    section_comment(capture, "time",
                    capture->outside ? "the machine's, from when it was started"
                                     : "virtual, from the beginning of the run");
    ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_USERAPPL, "weft %s", capture->build);
    ana__pcapng_write(block, capture->out.file);
}

static const char *node_text(const struct capture *capture, uint64_t node,
                             char text[ANA_NAME_SIZE]) {
    if (node >= WEFT_TRACE_NODE_NONE) return capture->outside ? "others" : "nobody";
    snprintf(text, ANA_NAME_SIZE, "node%llu", (unsigned long long)node);
    return text;
}

static void describe(struct capture *capture, const struct held *held) {
    char from[ANA_NAME_SIZE], to[ANA_NAME_SIZE];
    char from_addr[WEFT_ADDR_TEXT_SIZE], to_addr[WEFT_ADDR_TEXT_SIZE];
    const char *sender = node_text(capture, ana__table_key(held).a, from);
    const char *receiver = node_text(capture, held->to, to);
    struct ana__pcapng *block = &capture->block;
    if (capture->grain == GRAIN_LINKS) {
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_NAME, "%s-%s", sender, receiver);
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_DESCRIPTION,
                                "what %s (%s) sends to %s (%s)", sender,
                                weft_addr_format(&held->from_addr, from_addr), receiver,
                                weft_addr_format(&held->to_addr, to_addr));
    } else if (capture->grain == GRAIN_SENDERS) {
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_NAME, "%s", sender);
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_DESCRIPTION, "what %s (%s) sends", sender,
                                weft_addr_format(&held->from_addr, from_addr));
    } else {
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_NAME, "mesh");
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_DESCRIPTION, "what all nodes send");
    }
}

static void write_interface(struct capture *capture, const struct held *held) {
    struct ana__pcapng *block = &capture->block;
    const unsigned char nanoseconds = 9;
    ana__pcapng_begin(block, ANA__PCAPNG_INTERFACE);
    ana__pcapng_u16(block, ANA__PCAPNG_LINKTYPE_RAW);
    ana__pcapng_u16(block, 0);
    ana__pcapng_u32(block, 0); /* packets of any length */
    describe(capture, held);
    ana__pcapng_option(block, ANA__PCAPNG_OPTION_TSRESOL, weft_bytes(&nanoseconds, 1));
    ana__pcapng_write(block, capture->out.file);
}

/* Its number; written when it is the first packet of it. NULL: out of memory. */
static const uint32_t *interface_of(struct capture *capture, const struct held *held) {
    struct ana__key key = {0, 0};
    if (capture->grain != GRAIN_ONE) key.a = ana__table_key(held).a;
    if (capture->grain == GRAIN_LINKS) key.b = held->to;
    uint32_t *index = ana__table_find(capture->interfaces, key);
    if (index != NULL) return index;
    index = ana__table_add(capture->interfaces, key);
    if (index == NULL) return NULL;
    *index = (uint32_t)ana__table_count(capture->interfaces) - 1;
    write_interface(capture, held);
    return index;
}

#define SECONDS(time) (long long)((time) / WEFT_S(1)), (long long)((time) % WEFT_S(1))

static void comment_fate(struct capture *capture, const struct held *held) {
    struct ana__pcapng *block = &capture->block;
    char text[ANA_NAME_SIZE];
    if (held->copies > 0) {
        weft_duration took = held->received_at - held->at;
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_COMMENT,
                                "received by node%u at %lld.%09lld s, %lld.%06lld ms after",
                                held->received_by, SECONDS(held->received_at),
                                (long long)(took / WEFT_MS(1)), (long long)(took % WEFT_MS(1)));
    }
    if (held->copies > 1) {
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_COMMENT, "received %u times",
                                held->copies);
    }
    if (held->losses > 0) {
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_COMMENT, "%s at %lld.%09lld s: %s",
                                held->copies > 0 ? "a copy was lost" : "lost",
                                SECONDS(held->lost_at),
                                ana_name_or_number(ana_loss_name(held->cause), held->cause, text));
    }
    if (held->copies == 0 && held->losses == 0 && !capture->outside) {
        ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_COMMENT,
                                "not known to be received or lost");
    }
}

static void comment(struct capture *capture, const struct held *held) {
    struct ana__pcapng *block = &capture->block;
    char from[ANA_NAME_SIZE], to[ANA_NAME_SIZE];
    struct ana__key key = ana__table_key(held);
    ana__pcapng_option_text(block, ANA__PCAPNG_OPTION_COMMENT, "packet %llu of %s to %s",
                            (unsigned long long)(key.b & ~WEFT_TRACE_PACKET_IN),
                            node_text(capture, key.a, from), node_text(capture, held->to, to));
    for (size_t at = 0; at < held->told_size; at += strlen(held->told + at) + 1) {
        ana__pcapng_option(block, ANA__PCAPNG_OPTION_COMMENT, weft_bytes_text(held->told + at));
    }
    comment_fate(capture, held);
}

static int write_packet(struct capture *capture, const struct held *held) {
    struct ana__pcapng *block = &capture->block;
    const uint32_t *index = interface_of(capture, held);
    if (index == NULL) return WEFT_ERR_NOMEM;
    ana__pcapng_begin(block, ANA__PCAPNG_PACKET);
    ana__pcapng_u32(block, *index);
    ana__pcapng_u32(block, (uint32_t)((uint64_t)held->at >> 32));
    ana__pcapng_u32(block, (uint32_t)held->at);
    ana__pcapng_u32(block, (uint32_t)held->size);
    ana__pcapng_u32(block, (uint32_t)held->size_sent);
    ana__pcapng_bytes(block, weft_bytes(held->wire, held->size));
    comment(capture, held);
    ana__pcapng_u16(block, ANA__PCAPNG_OPTION_FLAGS);
    ana__pcapng_u16(block, 4);
    ana__pcapng_u32(block, ana__table_key(held).a == WEFT_TRACE_NODE_NONE ? INBOUND : OUTBOUND);
    ana__pcapng_u16(block, ANA__PCAPNG_OPTION_PACKETID);
    ana__pcapng_u16(block, 8);
    ana__pcapng_u64(block, ana__table_key(held).b);
    ana__pcapng_write(block, capture->out.file);
    return block->failed ? WEFT_ERR_NOMEM : WEFT_OK;
}

/* --- what is held --- */

static void let_go(struct capture *capture, struct held *held) {
    capture->held_size -= held->size + held->told_size + sizeof *held;
    free(held->wire);
    free(held->told);
    ana__table_remove(capture->held, held);
}

static bool may_go(const struct capture *capture, const struct held *held, weft_time now) {
    weft_duration age = now - held->at;
    bool is_known = held->copies > 0 || held->losses > 0;
    return age >= HELD_LONGEST || capture->outside || (is_known && age >= HELD_SHORTEST) ||
           capture->held_size > HELD_MAX;
}

/* Write those that wait no longer, in the order they were sent. */
static int release(struct capture *capture, weft_time now) {
    struct held *held;
    int rv = WEFT_OK;
    while (rv == WEFT_OK && (held = ana__table_next(capture->held, NULL)) != NULL &&
           may_go(capture, held, now)) {
        rv = write_packet(capture, held);
        let_go(capture, held);
    }
    return rv;
}

static bool tell_faults(const struct capture *capture, struct held *held) {
    char told[(FAULTS_TOLD_MAX + 1) * (ANA__FAULT_TEXT_SIZE + 64)];
    size_t size = 0, count_told = 0;
    const struct ana__fault *fault = NULL;
    while ((fault = ana__table_next(capture->faults, fault)) != NULL &&
           count_told < FAULTS_TOLD_MAX) {
        size += (size_t)snprintf(told + size, sizeof told - size, "fault %llu %s is on",
                                 (unsigned long long)ana__table_key(fault).a, fault->text) +
                1;
        count_told++;
    }
    if (fault != NULL) {
        size += (size_t)snprintf(told + size, sizeof told - size, "and %zu faults more",
                                 ana__table_count(capture->faults) - count_told) +
                1;
    }
    held->told_size = size;
    held->told = malloc(size > 0 ? size : 1);
    if (held->told != NULL) memcpy(held->told, told, size);
    return held->told != NULL;
}

static bool make_wire(struct held *held, const struct ana__packet *packet) {
    unsigned char headers[ANA__IP_HEADERS_MAX];
    struct weft_bytes payload = packet->payload;
    memcpy(&held->from_addr, packet->from.data, sizeof held->from_addr);
    memcpy(&held->to_addr, packet->to.data, sizeof held->to_addr);
    size_t size = ana__ip_headers(headers, &held->from_addr, &held->to_addr, &payload);
    held->wire = malloc(size + payload.size);
    if (held->wire == NULL) return false;
    memcpy(held->wire, headers, size);
    if (payload.size > 0) memcpy(held->wire + size, payload.data, payload.size);
    held->size = size + payload.size;
    held->size_sent = size + packet->payload.size;
    return true;
}

static int hold(struct capture *capture, const struct weft_trace_event *event) {
    struct ana__packet packet;
    struct ana__key key = {link_of(event).a, event->number[0]};
    if (!ana__packet_of(event->bytes, &packet)) return WEFT_OK;
    struct held *held = ana__table_find(capture->held, key);
    if (held != NULL) { /* nobody numbers packets so, but a trace may say it */
        int rv = write_packet(capture, held);
        let_go(capture, held);
        if (rv != WEFT_OK) return rv;
    }
    held = ana__table_add(capture->held, key);
    if (held == NULL) return WEFT_ERR_NOMEM;
    held->at = event->at;
    held->to = event->number[1];
    bool made = make_wire(held, &packet) && tell_faults(capture, held);
    capture->held_size += held->size + held->told_size + sizeof *held;
    return made ? WEFT_OK : WEFT_ERR_NOMEM;
}

static void learn_fate(struct capture *capture, const struct weft_trace_event *event) {
    bool is_lost = event->kind == WEFT_TRACE_PACKET_LOST;
    struct ana__key key = {is_lost ? event->node : event->number[0], event->number[2]};
    struct held *held = ana__table_find(capture->held, key);
    if (held == NULL) return;
    if (is_lost && held->losses++ == 0) {
        held->lost_at = event->at;
        held->cause = event->number[3];
    } else if (!is_lost && held->copies++ == 0) {
        held->received_at = event->at;
        held->received_by = event->node;
    }
}

static int on_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct capture *capture = ctx;
    const struct weft_trace_event *event = &record->event;
    int rv = release(capture, event->at);
    if (rv == WEFT_OK) rv = ana__faults_see(capture->faults, event);
    if (rv == WEFT_OK && wanted && event->kind == WEFT_TRACE_PACKET_DATA) rv = hold(capture, event);
    if (event->kind == WEFT_TRACE_PACKET_LOST || event->kind == WEFT_TRACE_PACKET_RECEIVED) {
        learn_fate(capture, event);
    }
    return rv == WEFT_OK && ana__file_failed(&capture->out) ? ANA__ENOUGH : rv;
}

/* --- the export --- */

static int write_file(struct capture *capture) {
    const struct ana__visitor visitor = {
        .ctx = capture,
        .event = on_event,
        .kinds = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_LOST) |
                 WEFT_TRACE_BIT(WEFT_TRACE_PACKET_RECEIVED) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_ON) |
                 WEFT_TRACE_BIT(WEFT_TRACE_FAULT_OFF)};
    int rv = ana__file_open(&capture->out, capture->export);
    if (rv != WEFT_OK) return rv;
    write_section(capture);
    rv = ana__pass(capture->export, &visitor);
    if (rv == WEFT_OK) rv = release(capture, WEFT_TIME_NEVER);
    if (rv == WEFT_ERR_NOMEM) ana__fail(capture->export, rv, "out of memory");
    return ana__file_close(&capture->out, capture->export, rv);
}

static bool make_tables(struct capture *capture) {
    capture->links = ana__table_new(1);
    capture->senders = ana__table_new(1);
    capture->interfaces = ana__table_new(sizeof(uint32_t));
    capture->faults = ana__faults_new();
    capture->held = ana__table_new(sizeof(struct held));
    return capture->links != NULL && capture->senders != NULL && capture->interfaces != NULL &&
           capture->faults != NULL && capture->held != NULL;
}

static void free_tables(struct capture *capture) {
    struct held *held;
    while (capture->held != NULL && (held = ana__table_next(capture->held, NULL)) != NULL) {
        let_go(capture, held);
    }
    ana__table_free(capture->links);
    ana__table_free(capture->senders);
    ana__table_free(capture->interfaces);
    ana__table_free(capture->faults);
    ana__table_free(capture->held);
    ana__pcapng_free(&capture->block);
}

int ana_export_pcapng(struct ana_export *export) {
    struct capture capture = {.export = export};
    int rv = make_tables(&capture) ? survey(&capture) : WEFT_ERR_NOMEM;
    if (rv == WEFT_ERR_NOMEM) ana__fail(export, rv, "out of memory");
    if (rv == WEFT_OK) rv = write_file(&capture);
    free_tables(&capture);
    return rv;
}
