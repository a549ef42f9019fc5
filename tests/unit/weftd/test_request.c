/* Lines of the control socket, as a table. */
#include "core/base/error.h"
#include "core/weftd/request.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY "0123456789abcdef0123456789abcdef01234567"
#define NO_KEY "expected a key of 40 hexadecimal digits"
#define NO_PORT "expected a key and a port from 0 (that of the packet) to 65535"
#define NO_VERB "expected dht find, peers, announce, get, put, withdraw or add"
#define UNKNOWN "unknown request; 'help' lists them"
#define NO_SYS "expected sys suspend, resume, status, state, trace, stats or log"
#define NO_WHO "expected a process: its name, or its pid in hexadecimal"
#define MORE "more words than this request takes"

static const struct {
    const char *line;
    enum request_kind kind;
    int ask; /* ASK: which */
    const char *wrong;
} lines[] = {
    {"help", REQUEST_HELP, 0, NULL},
    {"tree", REQUEST_TREE, 0, NULL},
    {"stop", REQUEST_STOP, 0, NULL},
    {"status", REQUEST_ASK, WEFT_NODE_DHT_STATS, NULL},
    {"table", REQUEST_ASK, WEFT_NODE_DHT_TABLE, NULL},
    {" \t status \t\r", REQUEST_ASK, WEFT_NODE_DHT_STATS, NULL},
    {"dht find " KEY, REQUEST_ASK, WEFT_NODE_FIND_NODES, NULL},
    {"dht\tfind\t" KEY "\r", REQUEST_ASK, WEFT_NODE_FIND_NODES, NULL},
    {"dht peers " KEY, REQUEST_ASK, WEFT_NODE_GET_PEERS, NULL},
    {"dht get " KEY, REQUEST_ASK, WEFT_NODE_GET, NULL},
    {"dht withdraw " KEY, REQUEST_ASK, WEFT_NODE_WITHDRAW, NULL},
    {"dht announce " KEY " 0", REQUEST_ASK, WEFT_NODE_ANNOUNCE, NULL},
    {"dht announce " KEY " 65535", REQUEST_ASK, WEFT_NODE_ANNOUNCE, NULL},
    {"dht add 127.0.0.1:1", REQUEST_ASK, WEFT_NODE_ADD, NULL},
    {"dht add [2001:db8::1]:6881", REQUEST_ASK, WEFT_NODE_ADD, NULL},
    {"dht put x", REQUEST_ASK, WEFT_NODE_PUT, NULL},
    {"procs", REQUEST_PROCS, 0, NULL},
    {"apps", REQUEST_APPS, 0, NULL},
    {"app start kv", REQUEST_ASK, WEFT_NODE_APP_START, NULL},
    {"app start kv transient", REQUEST_ASK, WEFT_NODE_APP_START, NULL},
    {"app stop kv", REQUEST_ASK, WEFT_NODE_APP_STOP, NULL},
    {"sup which root", REQUEST_ASK, WEFT_NODE_SUP_WHICH, NULL},
    {"sup count root", REQUEST_ASK, WEFT_NODE_SUP_COUNT, NULL},
    {"sys suspend dht", REQUEST_SYS, SYS_SUSPEND, NULL},
    {"sys resume 1000001", REQUEST_SYS, SYS_RESUME, NULL},
    {"sys status dht", REQUEST_SYS, SYS_STATUS, NULL},
    {"sys state dht", REQUEST_SYS, SYS_STATE, NULL},
    {"sys trace dht on", REQUEST_SYS, SYS_TRACE, NULL},
    {"sys stats dht", REQUEST_SYS, SYS_STATS, NULL},
    {"sys stats dht off", REQUEST_SYS, SYS_STATS, NULL},
    {"sys log dht", REQUEST_SYS, SYS_LOG, NULL},
    {"sys log dht 9999999", REQUEST_SYS, SYS_LOG, NULL},
    {"app", REQUEST_WRONG, 0, "expected app start or stop"},
    {"app begin x", REQUEST_WRONG, 0, "expected app start or stop"},
    {"app start", REQUEST_WRONG, 0, "expected a name"},
    {"app start kv always", REQUEST_WRONG, 0, "expected permanent, transient or temporary"},
    {"app start kv transient x", REQUEST_WRONG, 0, MORE},
    {"app stop kv now", REQUEST_WRONG, 0, MORE},
    {"sup", REQUEST_WRONG, 0, "expected sup which or count"},
    {"sup which", REQUEST_WRONG, 0, "expected a name"},
    {"sys", REQUEST_WRONG, 0, NO_SYS},
    {"sys kill dht", REQUEST_WRONG, 0, NO_SYS},
    {"sys suspend", REQUEST_WRONG, 0, NO_WHO},
    {"sys trace dht", REQUEST_WRONG, 0, "expected a process, and on or off"},
    {"sys trace dht yes", REQUEST_WRONG, 0, "expected on or off"},
    {"sys log dht x", REQUEST_WRONG, 0, "expected how many messages to keep"},
    {"sys log dht 99999999", REQUEST_WRONG, 0, "expected how many messages to keep"},
    {"sys log dht -1", REQUEST_WRONG, 0, "expected how many messages to keep"},
    {"sys suspend 0123456789012345678901234567890123456789012345678901234567890123", REQUEST_WRONG,
     0, NO_WHO},
    {"", REQUEST_WRONG, 0, UNKNOWN},
    {" ", REQUEST_WRONG, 0, UNKNOWN},
    {"Status", REQUEST_WRONG, 0, UNKNOWN},
    {"statu", REQUEST_WRONG, 0, UNKNOWN},
    {"statuss", REQUEST_WRONG, 0, UNKNOWN},
    {"dhtx", REQUEST_WRONG, 0, UNKNOWN},
    {"find " KEY, REQUEST_WRONG, 0, UNKNOWN},
    {"status now", REQUEST_WRONG, 0, MORE},
    {"help status", REQUEST_WRONG, 0, MORE},
    {"dht", REQUEST_WRONG, 0, NO_VERB},
    {"dht ", REQUEST_WRONG, 0, NO_VERB},
    {"dht dht", REQUEST_WRONG, 0, NO_VERB},
    {"dht status", REQUEST_WRONG, 0, NO_VERB},
    {"dht find", REQUEST_WRONG, 0, NO_KEY},
    {"dht find 0", REQUEST_WRONG, 0, NO_KEY},
    {"dht find " KEY "0", REQUEST_WRONG, 0, NO_KEY},
    {"dht find " KEY " " KEY, REQUEST_WRONG, 0, MORE},
    {"dht get 0x23456789abcdef0123456789abcdef0123456", REQUEST_WRONG, 0, NO_KEY},
    {"dht announce", REQUEST_WRONG, 0, NO_KEY},
    {"dht announce 1 1", REQUEST_WRONG, 0, NO_KEY},
    {"dht announce " KEY, REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " 65536", REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " -1", REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " +1", REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " 1x", REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " 18446744073709551617", REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " -18446744073709551610", REQUEST_WRONG, 0, NO_PORT},
    {"dht announce " KEY " 1 2", REQUEST_WRONG, 0, MORE},
    {"dht add", REQUEST_WRONG, 0, "expected ADDRESS:PORT"},
    {"dht add -", REQUEST_WRONG, 0, "expected ADDRESS:PORT"},
    {"dht add 127.0.0.1", REQUEST_WRONG, 0, "expected ADDRESS:PORT"},
    {"dht add 127.0.0.1:0", REQUEST_WRONG, 0, "expected ADDRESS:PORT"},
    {"dht add 127.0.0.1:1 x", REQUEST_WRONG, 0, MORE},
    {"dht put", REQUEST_WRONG, 0, "expected a text to store"},
    {"dht put  \t ", REQUEST_WRONG, 0, "expected a text to store"},
    {"dht put a\x01", REQUEST_WRONG, 0, "control characters; a request is a line of text"},
    {"\x1b[A", REQUEST_WRONG, 0, "control characters; a request is a line of text"},
    {"sta\ntus", REQUEST_WRONG, 0, "control characters; a request is a line of text"},
};

static void parse(struct request *request, const char *line) {
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", line);
    request_parse(request, copy, strlen(copy));
}

static void each_line_asks_what_it_says(void) {
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct request request;
        parse(&request, lines[i].line);
        bool held = CHECK_EQ_INT(request.kind, lines[i].kind);
        if (lines[i].kind == REQUEST_ASK) held &= CHECK_EQ_INT(request.ask.kind, lines[i].ask);
        if (lines[i].kind == REQUEST_SYS) held &= CHECK_EQ_INT(request.sys.verb, lines[i].ask);
        if (lines[i].wrong != NULL) held &= CHECK_EQ_TEXT(request.wrong, lines[i].wrong);
        if (!held) fprintf(stderr, "    the line: '%s'\n", lines[i].line);
    }
}

static void the_parts_of_a_request_are_read(void) {
    struct request request;
    weft_id key;
    struct weft_addr addr;
    CHECK_EQ_INT(weft_id_parse(&key, KEY), WEFT_OK);
    parse(&request, "dht announce " KEY " 4711");
    CHECK(weft_id_equal(&request.ask.target, &key));
    CHECK_EQ_UINT(request.ask.port, 4711);
    CHECK(request.ask.repeat);
    parse(&request, "dht get " KEY);
    CHECK(weft_id_equal(&request.ask.target, &key));
    CHECK(!request.ask.repeat);
    parse(&request, "dht add [2001:db8::1]:6881");
    CHECK_EQ_INT(weft_addr_parse(&addr, "[2001:db8::1]:6881"), WEFT_OK);
    CHECK(weft_addr_equal(&request.ask.addr, &addr));
}

static void the_parts_of_what_is_asked_of_a_process_are_read(void) {
    struct request request;
    parse(&request, "app start kv transient");
    CHECK_EQ_UINT(request.ask.data.size, 2);
    CHECK_EQ_BYTES(request.ask.data.data, "kv", 2);
    CHECK_EQ_INT(request.ask.app_type, WEFT_TRANSIENT);
    parse(&request, "app start kv");
    CHECK_EQ_INT(request.ask.app_type, WEFT_TEMPORARY);
    parse(&request, "sys log counter 12");
    CHECK_EQ_TEXT(request.sys.who, "counter");
    CHECK_EQ_INT(request.sys.number, 12);
    parse(&request, "sys log counter");
    CHECK_EQ_INT(request.sys.number, -1);
    parse(&request, "sys trace counter off");
    CHECK_EQ_INT(request.sys.number, 0);
    parse(&request, "sys stats counter on");
    CHECK_EQ_INT(request.sys.number, 1);
}

static void a_put_is_the_bencoding_of_the_rest_of_the_line(void) {
    struct request request;
    parse(&request, "dht put   two  words ");
    CHECK_EQ_UINT(request.ask.data.size, 14);
    CHECK_EQ_BYTES(request.ask.data.data, "11:two  words ", 14);
    CHECK(request.ask.repeat);
}

static void a_put_is_bounded_by_the_item(void) {
    char line[WEFT_ITEM_SIZE_MAX + 64];
    struct request request;
    int head = snprintf(line, sizeof line, "dht put ");
    memset(line + head, 'x', 997);
    line[head + 996] = '\0';
    parse(&request, line);
    CHECK_EQ_INT(request.kind, REQUEST_ASK);
    CHECK_EQ_UINT(request.ask.data.size, WEFT_ITEM_SIZE_MAX);
    line[head + 996] = 'x';
    line[head + 997] = '\0';
    parse(&request, line);
    CHECK_EQ_TEXT(request.wrong, "the text is too long, at most 996 bytes");
}

static void a_nul_inside_the_line_is_refused(void) {
    char line[] = "status\0now";
    struct request request;
    request_parse(&request, line, sizeof line - 1);
    CHECK_EQ_INT(request.kind, REQUEST_WRONG);
}

TEST_MAIN("weftd/request", TEST(each_line_asks_what_it_says), TEST(the_parts_of_a_request_are_read),
          TEST(the_parts_of_what_is_asked_of_a_process_are_read),
          TEST(a_put_is_the_bencoding_of_the_rest_of_the_line), TEST(a_put_is_bounded_by_the_item),
          TEST(a_nul_inside_the_line_is_refused))
