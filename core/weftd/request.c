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

static void parse_words(struct request *request, char **rest) {
    request->words = *rest;
    *rest += strlen(*rest);
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

/* --- applications and supervisors --- */

/* A name into `item`, where the ask's data points. */
static void parse_name(struct request *request, char **rest) {
    const char *word = next_word(rest);
    size_t length = word != NULL ? strlen(word) : 0;
    if (length == 0 || length >= WEFT_NAME_MAX) {
        refuse(request, "expected a name");
        return;
    }
    memcpy(request->item, word, length + 1);
    request->ask.data = weft_bytes(request->item, length);
}

static void parse_app_start(struct request *request, char **rest) {
    static const char *const types[] = {"permanent", "transient", "temporary"};
    parse_name(request, rest);
    const char *word = request->kind != REQUEST_WRONG ? next_word(rest) : NULL;
    request->ask.app_type = WEFT_TEMPORARY;
    if (word == NULL) return;
    for (size_t i = 0; i < 3; i++) {
        request->ask.app_type = (enum weft_restart)i;
        if (strcmp(word, types[i]) == 0) return;
    }
    refuse(request, "expected permanent, transient or temporary");
}

/* --- one process --- */

static void parse_who(struct request *request, char **rest) {
    const char *word = next_word(rest);
    request->sys.number = -1;
    if (word == NULL || strlen(word) >= sizeof request->sys.who) {
        refuse(request, "expected a process: its name, or its pid in hexadecimal");
        return;
    }
    memcpy(request->sys.who, word, strlen(word) + 1);
}

static void parse_switch(struct request *request, char **rest) {
    parse_who(request, rest);
    const char *word = request->kind != REQUEST_WRONG ? next_word(rest) : NULL;
    if (word == NULL) {
        if (request->sys.verb == SYS_TRACE) refuse(request, "expected a process, and on or off");
        return;
    }
    bool on = strcmp(word, "on") == 0;
    if (!on && strcmp(word, "off") != 0) refuse(request, "expected on or off");
    request->sys.number = on ? 1 : 0;
}

static void parse_who_count(struct request *request, char **rest) {
    parse_who(request, rest);
    const char *word = request->kind != REQUEST_WRONG ? next_word(rest) : NULL;
    if (word == NULL) return;
    bool digits = strspn(word, "0123456789") == strlen(word) && strlen(word) < 8;
    if (!digits) refuse(request, "expected how many messages to keep");
    request->sys.number = digits ? strtol(word, NULL, 10) : 0;
}

/* A request of one word, or of the name of a group and one more. */
struct verb {
    const char *name;
    enum request_kind kind;
    enum weft_node_ask_kind ask;
    void (*parse)(struct request *request, char **rest);
    enum sys_verb sys;
};

static const struct verb verbs[] = {
    {"help", REQUEST_HELP, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"status", REQUEST_ASK, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"table", REQUEST_ASK, WEFT_NODE_DHT_TABLE, parse_nothing, 0},
    {"tree", REQUEST_TREE, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"stop", REQUEST_STOP, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"procs", REQUEST_PROCS, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"apps", REQUEST_APPS, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"nodes", REQUEST_NODES, WEFT_NODE_DHT_STATS, parse_nothing, 0},
    {"code", REQUEST_CODE, WEFT_NODE_DHT_STATS, parse_words, 0},
    {"release", REQUEST_RELEASE, WEFT_NODE_DHT_STATS, parse_words, 0},
};

static const struct verb dht_verbs[] = {
    {"find", REQUEST_ASK, WEFT_NODE_FIND_NODES, parse_id, 0},
    {"peers", REQUEST_ASK, WEFT_NODE_GET_PEERS, parse_id, 0},
    {"announce", REQUEST_ASK, WEFT_NODE_ANNOUNCE, parse_announce, 0},
    {"get", REQUEST_ASK, WEFT_NODE_GET, parse_id, 0},
    {"put", REQUEST_ASK, WEFT_NODE_PUT, parse_put, 0},
    {"withdraw", REQUEST_ASK, WEFT_NODE_WITHDRAW, parse_id, 0},
    {"add", REQUEST_ASK, WEFT_NODE_ADD, parse_add, 0},
};

static const struct verb app_verbs[] = {
    {"start", REQUEST_ASK, WEFT_NODE_APP_START, parse_app_start, 0},
    {"stop", REQUEST_ASK, WEFT_NODE_APP_STOP, parse_name, 0},
};

static const struct verb sup_verbs[] = {
    {"which", REQUEST_ASK, WEFT_NODE_SUP_WHICH, parse_name, 0},
    {"count", REQUEST_ASK, WEFT_NODE_SUP_COUNT, parse_name, 0},
};

static const struct verb sys_verbs[] = {
    {"suspend", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_who, SYS_SUSPEND},
    {"resume", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_who, SYS_RESUME},
    {"status", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_who, SYS_STATUS},
    {"state", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_who, SYS_STATE},
    {"trace", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_switch, SYS_TRACE},
    {"stats", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_switch, SYS_STATS},
    {"log", REQUEST_SYS, WEFT_NODE_DHT_STATS, parse_who_count, SYS_LOG},
};

struct group {
    const char *name, *wrong;
    const struct verb *verbs;
    size_t count;
};

#define GROUP(name, wrong)                                                                         \
    { #name, wrong, name##_verbs, sizeof name##_verbs / sizeof name##_verbs[0] }

static const struct group groups[] = {
    GROUP(dht, "expected dht find, peers, announce, get, put, withdraw or add"),
    GROUP(app, "expected app start or stop"),
    GROUP(sup, "expected sup which or count"),
    GROUP(sys, "expected sys suspend, resume, status, state, trace, stats or log"),
};

/* The group whose name `line` begins with; *rest is then behind it. */
static const struct group *find_group(char *line, char **rest) {
    size_t length = strcspn(line, SPACE);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (strlen(groups[i].name) != length) continue;
        if (strncmp(line, groups[i].name, length) != 0) continue;
        *rest = line + length;
        return &groups[i];
    }
    return NULL;
}

static bool parse_verb(struct request *request, const struct verb *table, size_t count,
                       char **rest) {
    char *word = next_word(rest);
    for (size_t i = 0; word != NULL && i < count; i++) {
        if (strcmp(word, table[i].name) != 0) continue;
        request->kind = table[i].kind;
        request->ask.kind = table[i].ask;
        request->sys.verb = table[i].sys;
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
    const struct group *group = find_group(rest, &rest);
    if (group != NULL) {
        if (!parse_verb(request, group->verbs, group->count, &rest)) {
            refuse(request, group->wrong);
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
