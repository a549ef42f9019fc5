/* The command line of weftd. */
#include "core/base/assert.h"
#include "core/config/suggest.h"
#include "core/weftd/config.h"
#include "core/weftd/version.h"

#include <getopt.h>
#include <string.h>

#define TRACE_SIZE (UINT64_C(256) << 20)

static const char help[] =
    "weftd: a Weft node on real sockets\n"
    "\n"
    "  weftd [--config FILE] [options]\n"
    "\n"
    "  --config FILE          read a YAML file; options on the command line win\n"
    "  --dht-bind ADDR        address to serve the DHT on; once for IPv4, once for IPv6 [0.0.0.0]\n"
    "  --dht-port N           UDP port [6881]\n"
    "  --bootstrap HOST:PORT  a node to join through; may be given several times\n"
    "  --read-only            ask, do not serve (BEP 43)\n"
    "  --app FILE             run the application of this module (.so); may be given several "
    "times\n"
    "  --data FOLDER          keep the routing table there; without it nothing is kept\n"
    "  --control PATH         socket for weftctl [weftd-PORT.sock in $XDG_RUNTIME_DIR, /run or "
    "/tmp]\n"
    "  --no-control           no such socket\n"
    "  --schedulers N         threads that run processes [1]\n"
    "  --share-port           let other daemons that say so bind to the same ports\n"
    "  --node NAME@ADDR:PORT  be reached by other nodes under this name\n"
    "  --cookie-file FILE     its first line is what the nodes of a cluster know\n"
    "  --connect NODE         a node to stay connected with; may be given several times\n"
    "  --log LEVEL            error, warn, info or debug [info]\n"
    "  --trace FILE           write every event to FILE, for weft trace and weft top\n"
    "  --trace-only KINDS     of these kinds alone, such as lookup.done,dht\n"
    "  --trace-packets        also the bytes of every datagram, for Wireshark\n"
    "  --trace-size SIZE      FILE becomes FILE.1 when it has grown to it [256M]\n"
    "  --watchdog TIME        a handler that runs longer ends its process, or 'off' [10s]\n"
    "  --help, --version\n"
    "\n"
    "It logs to standard error. SIGTERM and SIGINT shut the tree down in order.\n";

enum option_code {
    OPT_CONFIG = 256,
    OPT_BIND,
    OPT_PORT,
    OPT_BOOTSTRAP,
    OPT_READ_ONLY,
    OPT_APP,
    OPT_DATA,
    OPT_CONTROL,
    OPT_NO_CONTROL,
    OPT_SCHEDULERS,
    OPT_SHARE_PORT,
    OPT_NODE,
    OPT_COOKIE_FILE,
    OPT_CONNECT,
    OPT_LOG,
    OPT_TRACE,
    OPT_TRACE_ONLY,
    OPT_TRACE_PACKETS,
    OPT_TRACE_SIZE,
    OPT_WATCHDOG,
    OPT_HELP,
    OPT_VERSION
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"dht-bind", required_argument, NULL, OPT_BIND},
    {"dht-port", required_argument, NULL, OPT_PORT},
    {"bootstrap", required_argument, NULL, OPT_BOOTSTRAP},
    {"read-only", no_argument, NULL, OPT_READ_ONLY},
    {"app", required_argument, NULL, OPT_APP},
    {"data", required_argument, NULL, OPT_DATA},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"no-control", no_argument, NULL, OPT_NO_CONTROL},
    {"schedulers", required_argument, NULL, OPT_SCHEDULERS},
    {"share-port", no_argument, NULL, OPT_SHARE_PORT},
    {"node", required_argument, NULL, OPT_NODE},
    {"cookie-file", required_argument, NULL, OPT_COOKIE_FILE},
    {"connect", required_argument, NULL, OPT_CONNECT},
    {"log", required_argument, NULL, OPT_LOG},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"trace-only", required_argument, NULL, OPT_TRACE_ONLY},
    {"trace-packets", no_argument, NULL, OPT_TRACE_PACKETS},
    {"trace-size", required_argument, NULL, OPT_TRACE_SIZE},
    {"watchdog", required_argument, NULL, OPT_WATCHDOG},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* One option. NULL, or what is wrong with its value. */
static const char *take(struct weftd_config *config, int code, const char *value) {
    switch (code) {
    case OPT_BIND:
        return weftd_set_bind(config, value);
    case OPT_PORT:
        return weftd_set_port(config, value);
    case OPT_BOOTSTRAP:
        return weftd_set_bootstrap(config, value);
    case OPT_READ_ONLY:
        config->dht.dht.read_only = true;
        return NULL;
    case OPT_APP:
        return weftd_add_app(config, value);
    case OPT_DATA:
        return weftd_set_path(config->data, value);
    case OPT_CONTROL:
        return weftd_set_control(config, value);
    case OPT_NO_CONTROL:
        config->control_off = true;
        return NULL;
    case OPT_LOG:
        return weftd_set_log(config, value);
    case OPT_SCHEDULERS:
        return weftd_set_schedulers(config, value);
    case OPT_SHARE_PORT:
        config->share_ports = true;
        return NULL;
    case OPT_NODE:
        return weftd_set_node(config, value);
    case OPT_COOKIE_FILE:
        return weftd_set_cookie_file(config, value);
    case OPT_CONNECT:
        return weftd_set_connect(config, value);
    case OPT_TRACE:
        return weftd_set_path(config->trace, value);
    case OPT_TRACE_ONLY:
        return weftd_set_trace_only(config, value);
    case OPT_TRACE_PACKETS:
        config->trace_packets = true;
        return NULL;
    case OPT_TRACE_SIZE:
        return weftd_set_trace_size(config, value);
    case OPT_WATCHDOG:
        return weftd_set_watchdog(config, value);
    default:
        WEFT_UNREACHABLE("every option is in the table");
    }
}

static enum weftd_start show(int code) {
    fputs(code == OPT_HELP ? help : "weftd " WEFT_VERSION "\n", stdout);
    return WEFTD_SHOWN;
}

/* What the file and the flags left open. */
static void finish(struct weftd_config *config) {
    if (config->port == 0) config->port = 6881;
    if (config->schedulers == 0) config->schedulers = 1;
    if (config->log_level == 0) config->log_level = WEFT_LOG_INFO;
    if (config->trace_size == 0) config->trace_size = TRACE_SIZE;
    if (config->watchdog == 0) config->watchdog = WEFT_S(10);
    struct weft_dht_service_config *dht = &config->dht;
    if (dht->bind4.family == WEFT_FAMILY_NONE && dht->bind6.family == WEFT_FAMILY_NONE) {
        dht->bind4 = weft_addr_v4(0, 0, 0, 0, 0);
    }
    dht->dht.v4 = dht->bind4.family != WEFT_FAMILY_NONE;
    dht->dht.v6 = dht->bind6.family != WEFT_FAMILY_NONE;
    if (dht->dht.v4) dht->bind4.port = config->port;
    if (dht->dht.v6) dht->bind6.port = config->port;
    dht->bootstrap = config->bootstrap;
    dht->path = config->data[0] != '\0' ? "dht/table" : NULL;
}

/* A list given by flags replaces the file's; it is not mixed with it. */
static void give_way(struct weftd_config *config, int code, bool replaced[3]) {
    if (code == OPT_BIND && !replaced[0]) {
        memset(&config->dht.bind4, 0, sizeof config->dht.bind4);
        memset(&config->dht.bind6, 0, sizeof config->dht.bind6);
        replaced[0] = true;
    }
    if (code == OPT_BOOTSTRAP && !replaced[1]) {
        config->dht.bootstrap_count = 0;
        replaced[1] = true;
    }
    if (code == OPT_APP && !replaced[2]) {
        config->apps_count = 0;
        replaced[2] = true;
    }
}

static const char *name_of(int code) {
    for (const struct option *at = options; at->name != NULL; at++) {
        if (at->val == code) return at->name;
    }
    WEFT_UNREACHABLE("getopt returns only codes of the table");
}

/* What getopt does not take, as one line. `word` is what stands on the command line. */
static enum weftd_start refuse(int code, const char *word, FILE *err) {
    const char *names[sizeof options / sizeof options[0]];
    size_t count = 0, length = strcspn(word, "=");
    char name[WEFT_SUGGEST_SIZE_MAX + 1] = "";
    for (; options[count].name != NULL; count++) names[count] = options[count].name;
    if (strncmp(word, "--", 2) == 0 && length - 2 < sizeof name) {
        memcpy(name, word + 2, length - 2);
    }
    const char *near = weft_suggest(name, names, count);
    if (code == ':') {
        fprintf(err, "weftd: --%s: a value is missing; see weftd --help\n", name_of(optopt));
    } else if (optopt >= OPT_CONFIG) {
        fprintf(err, "weftd: --%s takes no value; see weftd --help\n", name_of(optopt));
    } else if (near != NULL) {
        fprintf(err, "weftd: unknown option %s, did you mean --%s?\n", word, near);
    } else {
        fprintf(err, "weftd: unknown option %s; see weftd --help\n", word);
    }
    return WEFTD_WRONG;
}

/* The first pass: every option is known and has what it needs, --help and --version, and the name
 * of the file, which is read before the options that win over it. */
static enum weftd_start scan(int argc, char **argv, const char **file, FILE *err) {
    optind = 0; /* start over, in the GNU library */
    opterr = 0;
    int at = 1;
    for (int code; (code = getopt_long(argc, argv, "+:", options, NULL)) != -1; at = optind) {
        if (code == OPT_HELP || code == OPT_VERSION) return show(code);
        if (code == '?' || code == ':') return refuse(code, argv[at], err);
        if (code != OPT_CONFIG) continue;
        if (*file != NULL) {
            fprintf(err, "weftd: --config %s: one file at most, %s is given\n", optarg, *file);
            return WEFTD_WRONG;
        }
        *file = optarg;
    }
    if (optind == argc) return WEFTD_RUN;
    fprintf(err, "weftd: unexpected argument '%s'; see weftd --help\n", argv[optind]);
    return WEFTD_WRONG;
}

/* The second pass: the values. */
static bool take_all(struct weftd_config *config, int argc, char **argv, FILE *err) {
    bool replaced[3] = {false, false, false};
    optind = 0;
    for (int code; (code = getopt_long(argc, argv, "+:", options, NULL)) != -1;) {
        if (code == OPT_CONFIG) continue;
        give_way(config, code, replaced);
        const char *wrong = take(config, code, optarg);
        if (wrong == NULL) continue;
        fprintf(err, "weftd: --%s %s: %s\n", name_of(code), optarg != NULL ? optarg : "", wrong);
        return false;
    }
    return true;
}

enum weftd_start weftd_config_read(struct weftd_config *config, int argc, char **argv, FILE *err) {
    const char *file = NULL;
    memset(config, 0, sizeof *config);
    enum weftd_start start = scan(argc, argv, &file, err);
    if (start != WEFTD_RUN) return start;
    if (file != NULL && !weftd_config_file(config, file, err)) return WEFTD_WRONG;
    if (!take_all(config, argc, argv, err)) return WEFTD_WRONG;
    finish(config);
    if (config->node[0] != '\0' && config->cookie[0] == '\0') {
        fputs("weftd: --node needs a cookie: --cookie-file FILE, or dist: cookie in the file\n",
              err);
        return WEFTD_WRONG;
    }
    return WEFTD_RUN;
}
