/* Answers of the control socket, as text. */
#include "core/base/assert.h"
#include "core/weftd/daemon.h"
#include "core/weftd/request.h"
#include "core/weftd/version.h"

#include <stdlib.h>
#include <string.h>

void answer_error(int error, const char *what, struct text *out) {
    text_add(out, "error %s %s\n", weft_error_name(error),
             what != NULL ? what : weft_error_text(error));
}

void answer_help(struct text *out) {
    text_add(out,
             "ok\n"
             "status                  the node in numbers\n"
             "tree                    its processes, by supervisor\n"
             "table                   its routing table\n"
             "dht find KEY            the nodes closest to a key\n"
             "dht put TEXT            store a text; prints its key\n"
             "dht get KEY             fetch it\n"
             "dht announce KEY PORT   say that we serve KEY (0: the port packets come from)\n"
             "dht peers KEY           who serves KEY\n"
             "dht withdraw KEY        stop repeating a put or an announce\n"
             "dht add ADDRESS:PORT    try this contact\n"
             "procs                   its processes, one a line\n"
             "apps                    its applications\n"
             "nodes                   the other nodes it knows\n"
             "app start NAME [TYPE]   with what it needs; permanent, transient or temporary\n"
             "app stop NAME           in order\n"
             "sup which NAME          the children of a supervisor\n"
             "sup count NAME          how many\n"
             "sys suspend PROC        hold a process (a name, or a pid in hexadecimal)\n"
             "sys resume PROC         let it go on\n"
             "sys status PROC         all about it\n"
             "sys state PROC          the bytes of its state\n"
             "sys trace PROC on|off   its messages, in the log of weftd\n"
             "sys stats PROC [on|off] count its messages; without on or off: show\n"
             "sys log PROC [N]        keep its last N messages; without N: show\n"
             "code list               modules and their versions\n"
             "code status MODULE      how its last upgrade is doing\n"
             "code which PROC         the module and version it runs\n"
             "code load PATH          load a version beside the others\n"
             "code upgrade MODULE PATH|VERSION [--canary P%%] [--process PROC] [--watch N]\n"
             "                        [--extra WORD] [--eager|--lazy]: processes go over to it\n"
             "code rollback MODULE    back to the version before\n"
             "code commit MODULE      no way back any more\n"
             "code purge MODULE [--brutal]  unload what nobody runs\n"
             "release PLAN [--dry-run]  several modules, all or nothing\n"
             "stop                    shut down in order\n");
}

/* --- tree --- */

struct tree {
    struct weft_proc_info *procs;
    size_t count, capacity;
    bool failed;
};

static void tree_take(void *ctx, const struct weft_proc_info *info) {
    struct tree *tree = ctx;
    if (tree->failed) return;
    if (tree->count == tree->capacity) {
        size_t capacity = tree->capacity == 0 ? 64 : 2 * tree->capacity;
        struct weft_proc_info *procs = realloc(tree->procs, capacity * sizeof *procs);
        tree->failed = procs == NULL;
        if (tree->failed) return;
        tree->procs = procs;
        tree->capacity = capacity;
    }
    tree->procs[tree->count++] = *info;
}

#define TREE_DEPTH_MAX 64

static void tree_add(const struct tree *tree, weft_pid parent, unsigned depth, struct text *out) {
    if (depth > TREE_DEPTH_MAX) return;
    for (size_t i = 0; i < tree->count; i++) {
        const struct weft_proc_info *proc = &tree->procs[i];
        if (!weft_pid_equal(proc->parent, parent)) continue;
        const char *name = proc->name != NULL ? proc->name : "-";
        text_add(out, "%*s%-*s %-12s mail %u  timers %u  sockets %u  links %u  %zu B  %llu msgs\n",
                 (int)(2 * depth), "", (int)(24 - 2 * (depth < 10 ? depth : 10)), name,
                 proc->behaviour, proc->mailbox, proc->timers, proc->sockets, proc->links,
                 proc->memory, (unsigned long long)proc->messages);
        tree_add(tree, proc->pid, depth + 1, out);
    }
}

void answer_tree(struct daemon *daemon, struct text *out) {
    struct tree tree = {0};
    weft_sched_each(weft_node_sched(daemon->node), tree_take, &tree);
    if (tree.failed) {
        answer_error(WEFT_ERR_NOMEM, NULL, out);
    } else {
        text_add(out, "ok\n");
        tree_add(&tree, WEFT_PID_NONE, 0, out);
    }
    free(tree.procs);
}

/* --- what the node answered --- */

static void answer_status(struct daemon *daemon, struct weft_bytes data, struct text *out) {
    struct weft_dht_stats dht;
    struct weft_sched_stats sched;
    char id[WEFT_ID_TEXT_SIZE];
    WEFT_ASSERT(data.size == sizeof dht);
    memcpy(&dht, data.data, sizeof dht);
    weft_sched_stats(weft_node_sched(daemon->node), &sched);
    weft_id_format(&daemon->dht_id, id);
    struct weft_env *env = weft_posix_env(daemon->posix);
    const struct weft_mem_heap *heap = (const struct weft_mem_heap *)(const void *)env->mem;
    text_add(out, "ok\nversion %s\nid %s\nuptime_s %lld\nport %u\n", WEFT_VERSION, id,
             (long long)((weft_env_now(env) - daemon->started) / WEFT_S(1)),
             (unsigned)daemon->config.port);
    text_add(out, "contacts4 %u\ncontacts6 %u\ncandidates %u\nbuckets %u\n", dht.contacts4,
             dht.contacts6, dht.candidates, dht.buckets);
    text_add(out, "lookups %u\npending %u\nkeys %u\nvalues %u\nsources %u\n", dht.lookups,
             dht.pending, dht.keys, dht.values, dht.sources);
    text_add(out, "received %llu\nsent %llu\nanswered %llu\nmalformed %llu\n",
             (unsigned long long)dht.received, (unsigned long long)dht.sent,
             (unsigned long long)dht.answered, (unsigned long long)dht.malformed);
    text_add(out, "unsolicited %llu\nrate_limited %llu\ntimeouts %llu\n",
             (unsigned long long)dht.unsolicited, (unsigned long long)dht.rate_limited,
             (unsigned long long)dht.timeouts);
    text_add(out, "restarts %llu\nlookups_done %llu\nmailbox %llu\n",
             (unsigned long long)atomic_load(&daemon->restarts),
             (unsigned long long)atomic_load(&daemon->lookups_done),
             (unsigned long long)weft_sched_waiting(weft_node_sched(daemon->node)));
    text_add(out, "processes %u\ntimers %u\nsockets %u\nfaulted %llu\nmemory_bytes %zu\n",
             sched.procs, sched.timers, sched.sockets, (unsigned long long)sched.faulted,
             heap->bytes);
}

static void answer_table(struct weft_bytes data, struct text *out) {
    struct weft_contact_info info;
    WEFT_ASSERT(data.size % sizeof info == 0);
    text_add(out, "ok\n");
    for (size_t at = 0; at < data.size; at += sizeof info) {
        char id[WEFT_ID_TEXT_SIZE], addr[WEFT_ADDR_TEXT_SIZE];
        memcpy(&info, data.data + at, sizeof info);
        weft_id_format(&info.contact.id, id);
        text_add(out, "%3u %s %-21s %s failures %u silent_s %lld\n", info.bucket, id,
                 weft_addr_format(&info.contact.addr, addr),
                 info.in_cache ? "cache   " : (info.verified ? "verified" : "unproven"),
                 info.failures, (long long)(info.silent / WEFT_S(1)));
    }
}

static void add_contacts(const struct weft_dht_answer_view *view, struct text *out) {
    for (uint32_t i = 0; i < view->head.closest_count; i++) {
        struct weft_contact contact;
        char id[WEFT_ID_TEXT_SIZE], addr[WEFT_ADDR_TEXT_SIZE];
        memcpy(&contact, view->closest + i * sizeof contact, sizeof contact);
        weft_id_format(&contact.id, id);
        text_add(out, "%s %s\n", id, weft_addr_format(&contact.addr, addr));
    }
}

static void add_peers(const struct weft_dht_answer_view *view, struct text *out) {
    for (uint32_t i = 0; i < view->head.peers_count; i++) {
        struct weft_addr peer;
        char addr[WEFT_ADDR_TEXT_SIZE];
        memcpy(&peer, view->peers + i * sizeof peer, sizeof peer);
        text_add(out, "%s\n", weft_addr_format(&peer, addr));
    }
}

/* The bytes of a bencoded string, or the whole item when it is something else. */
static struct weft_bytes plain_value(const unsigned char *value, size_t size) {
    size_t length = 0, at = 0;
    for (; at < size && at < 5 && value[at] >= '0' && value[at] <= '9'; at++) {
        length = 10 * length + (size_t)(value[at] - '0');
    }
    bool is_string = at > 0 && at < size && value[at] == ':' && at + 1 + length == size;
    return is_string ? weft_bytes(value + at + 1, length) : weft_bytes(value, size);
}

static void answer_operation(const struct weft_node_reply *reply, struct text *out) {
    struct weft_dht_answer_view view;
    char key[WEFT_ID_TEXT_SIZE];
    if (weft_dht_answer_read(reply->data, &view) != WEFT_OK) {
        answer_error(reply->status != WEFT_OK ? reply->status : WEFT_ERR_MALFORMED, NULL, out);
        return;
    }
    if (reply->status != WEFT_OK) {
        answer_error(reply->status, NULL, out);
        return;
    }
    text_add(out, "ok\n");
    weft_id_format(&view.head.target, key);
    if (reply->kind == WEFT_NODE_FIND_NODES) add_contacts(&view, out);
    if (reply->kind == WEFT_NODE_GET_PEERS) add_peers(&view, out);
    if (reply->kind == WEFT_NODE_PUT || reply->kind == WEFT_NODE_ANNOUNCE) {
        text_add(out, "key %s\nstored %u\n", key, view.head.stored);
    }
    if (reply->kind == WEFT_NODE_GET) {
        struct weft_bytes value = plain_value(view.value, view.head.value_size);
        text_add_bytes(out, value.data, value.size);
        text_add(out, "\n");
    }
}

static const char *text_of(struct weft_bytes data) {
    return data.size > 0 ? (const char *)data.data : "";
}

/* An application that does not start says why. */
static void answer_refusal(const struct weft_node_reply *reply, struct text *out) {
    if (reply->kind == WEFT_NODE_APP_START && reply->data.size > 0) {
        text_add(out, "error %s %s: %.*s\n", weft_error_name(reply->status),
                 weft_error_text(reply->status), (int)reply->data.size, text_of(reply->data));
    } else {
        answer_error(reply->status, NULL, out);
    }
}

void answer_reply(struct daemon *daemon, const struct weft_node_reply *reply, struct text *out) {
    switch (reply->kind) {
    case WEFT_NODE_FIND_NODES:
    case WEFT_NODE_GET_PEERS:
    case WEFT_NODE_ANNOUNCE:
    case WEFT_NODE_GET:
    case WEFT_NODE_PUT:
        answer_operation(reply, out);
        return;
    case WEFT_NODE_WITHDRAW:
    case WEFT_NODE_ADD:
    case WEFT_NODE_DHT_STATS:
    case WEFT_NODE_DHT_TABLE:
    case WEFT_NODE_APP_START:
    case WEFT_NODE_APP_STOP:
    case WEFT_NODE_SUP_WHICH:
    case WEFT_NODE_SUP_COUNT:
        break;
    }
    if (reply->status != WEFT_OK) {
        answer_refusal(reply, out);
    } else if (reply->kind == WEFT_NODE_SUP_WHICH) {
        answer_which(reply->data, out);
    } else if (reply->kind == WEFT_NODE_SUP_COUNT) {
        answer_count(reply->data, out);
    } else if (reply->kind == WEFT_NODE_APP_START) {
        text_add(out, "ok\n%.*s%s", (int)reply->data.size, text_of(reply->data),
                 reply->data.size > 0 ? "\n" : "");
    } else if (reply->kind == WEFT_NODE_DHT_STATS) {
        answer_status(daemon, reply->data, out);
    } else if (reply->kind == WEFT_NODE_DHT_TABLE) {
        answer_table(reply->data, out);
    } else {
        text_add(out, "ok\n");
    }
}
