/* What a line on the control socket asks, and the text that answers it. */
#ifndef WEFT_WEFTD_REQUEST_H
#define WEFT_WEFTD_REQUEST_H

#include "core/node/node.h"
#include "core/weftd/text.h"

struct daemon;

enum request_kind {
    REQUEST_WRONG = 0, /* `wrong` says what */
    REQUEST_HELP,
    REQUEST_TREE,
    REQUEST_STOP,
    REQUEST_PROCS,
    REQUEST_APPS,
    REQUEST_NODES,
    REQUEST_CODE,    /* `words` follow */
    REQUEST_RELEASE, /* `words` follow */
    REQUEST_SYS,     /* one process: `sys` */
    REQUEST_ASK      /* the node: status, table and dht requests */
};

enum sys_verb {
    SYS_SUSPEND,
    SYS_RESUME,
    SYS_STATUS,
    SYS_STATE,
    SYS_TRACE, /* number: on or off */
    SYS_STATS, /* the same, or none: show */
    SYS_LOG    /* number: how many to keep, or none: show */
};

struct sys_request {
    enum sys_verb verb;
    char who[WEFT_NAME_MAX]; /* a name, or a pid in hexadecimal */
    int64_t number;          /* -1: none given */
};

struct request {
    enum request_kind kind;
    const char *wrong;        /* static text */
    struct weft_node_ask ask; /* ASK: without op; its data points into `item` */
    struct sys_request sys;
    char *words; /* CODE, RELEASE: the rest of the line */
    unsigned char item[WEFT_ITEM_SIZE_MAX];
};

/* Read one line of `size` bytes (no newline, a NUL behind it). Changes `line`. */
void request_parse(struct request *request, char *line, size_t size);

/* "ok\n" and a body, or "error NAME text\n". */
void answer_error(int error, const char *what, struct text *out);
void answer_help(struct text *out);
void answer_tree(struct daemon *daemon, struct text *out);
void answer_procs(struct daemon *daemon, struct text *out);
/* Answered as code_command is. */
void apps_command(struct daemon *daemon, uint64_t op);
void answer_nodes(struct daemon *daemon, struct text *out);
void answer_sys(struct daemon *daemon, const struct sys_request *sys, struct text *out);
/* Of a supervisor; `data` as core/otp/supervisor.h says. */
void answer_which(struct weft_bytes data, struct text *out);
void answer_count(struct weft_bytes data, struct text *out);
void answer_reply(struct daemon *daemon, const struct weft_node_reply *reply, struct text *out);

#endif
