/* Lines of the control socket: what they ask. */
#include "core/weftd/request.h"

#include "core/base/assert.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t\r"

static char *next_word(char **rest) {
    *rest += strspn(*rest, SPACE);
    if (**rest == '\0') return NULL;
    char *word = *rest;
    *rest += strcspn(*rest, SPACE);
    if (**rest != '\0') *(*rest)++ = '\0';
    return word;
}

static void refuse(struct request *request, const char *what) {
    request->kind = REQUEST_WRONG;
    request->wrong = what;
}

static void parse_nothing(struct request *request, char **rest) {
    (void)request;
    (void)rest;
}

static void parse_id(struct request *request, char **rest) {
    char *word = next_word(rest);
    if (word != NULL && weft_id_parse(&request->ask.target, word) == WEFT_OK) return;
    refuse(request, "expected a key of 40 hexadecimal digits");
}

static void parse_announce(struct request *request, char **rest) {
    parse_id(request, rest);
    if (request->kind == REQUEST_WRONG) return;
    const char *word = next_word(rest);
    bool digits = word != NULL && strspn(word, "0123456789") == strlen(word);
    unsigned long port = digits ? strtoul(word, NULL, 10) : ULONG_MAX;
    if (port > 65535) {
        refuse(request, "expected a key and a port from 0 (that of the packet) to 65535");
        return;
    }
    request->ask.port = (uint16_t)port;
    request->ask.repeat = true;
}

static void parse_put(struct request *request, char **rest) {
    *rest += strspn(*rest, SPACE);
    size_t length = strlen(*rest);
    int head = snprintf((char *)request->item, sizeof request->item, "%zu:", length);
    WEFT_ASSERT(head > 0);
    if (length == 0) {
        refuse(request, "expected a text to store");
    } else if ((size_t)head + length > sizeof request->item) {
        refuse(request, "the text is too long, at most 996 bytes");
    } else {
        memcpy(request->item + head, *rest, length);
        request->ask.data = weft_bytes(request->item, (size_t)head + length);
        request->ask.repeat = true;
    }
    *rest += length;
}

static void parse_add(struct request *request, char **rest) {
    char *word = next_word(rest);
    struct weft_addr *addr = &request->ask.addr;
    if (word != NULL && weft_addr_parse(addr, word) == WEFT_OK && addr->port != 0) return;
    refuse(request, "expected ADDRESS:PORT");
}

/* A request of one word, or of "dht" and one more. */
struct verb {
    const char *name;
    enum request_kind kind;
    enum weft_node_ask_kind ask;
    void (*parse)(struct request *request, char **rest);
};

static const struct verb verbs[] = {
    {"help", REQUEST_HELP, WEFT_NODE_DHT_STATS, parse_nothing},
    {"status", REQUEST_ASK, WEFT_NODE_DHT_STATS, parse_nothing},
    {"table", REQUEST_ASK, WEFT_NODE_DHT_TABLE, parse_nothing},
    {"tree", REQUEST_TREE, WEFT_NODE_DHT_STATS, parse_nothing},
    {"stop", REQUEST_STOP, WEFT_NODE_DHT_STATS, parse_nothing},
};

static const struct verb dht_verbs[] = {
    {"find", REQUEST_ASK, WEFT_NODE_FIND_NODES, parse_id},
    {"peers", REQUEST_ASK, WEFT_NODE_GET_PEERS, parse_id},
    {"announce", REQUEST_ASK, WEFT_NODE_ANNOUNCE, parse_announce},
    {"get", REQUEST_ASK, WEFT_NODE_GET, parse_id},
    {"put", REQUEST_ASK, WEFT_NODE_PUT, parse_put},
    {"withdraw", REQUEST_ASK, WEFT_NODE_WITHDRAW, parse_id},
    {"add", REQUEST_ASK, WEFT_NODE_ADD, parse_add},
};

static bool parse_verb(struct request *request, const struct verb *table, size_t count,
                       char **rest) {
    char *word = next_word(rest);
    for (size_t i = 0; word != NULL && i < count; i++) {
        if (strcmp(word, table[i].name) != 0) continue;
        request->kind = table[i].kind;
        request->ask.kind = table[i].ask;
        table[i].parse(request, rest);
        return true;
    }
    return false;
}

static bool is_text(const char *line, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < ' ' && line[i] != '\t' && line[i] != '\r') return false;
    }
    return true;
}

void request_parse(struct request *request, char *line, size_t size) {
    WEFT_ASSERT(line[size] == '\0');
    memset(request, 0, sizeof *request);
    if (!is_text(line, size)) {
        refuse(request, "control characters; a request is a line of text");
        return;
    }
    char *rest = line + strspn(line, SPACE);
    if (strncmp(rest, "dht", 3) == 0 && (rest[3] == '\0' || strchr(SPACE, rest[3]) != NULL)) {
        rest += 3;
        if (!parse_verb(request, dht_verbs, sizeof dht_verbs / sizeof dht_verbs[0], &rest)) {
            refuse(request, "expected dht find, peers, announce, get, put, withdraw or add");
            return;
        }
    } else if (!parse_verb(request, verbs, sizeof verbs / sizeof verbs[0], &rest)) {
        refuse(request, "unknown request; 'help' lists them");
        return;
    }
    if (request->kind != REQUEST_WRONG && next_word(&rest) != NULL) {
        refuse(request, "more words than this request takes");
    }
}
