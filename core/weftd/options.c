/* The command line of weftd. */
#include "core/base/assert.h"
#include "core/weftd/config.h"
#include "core/weftd/version.h"

#include <getopt.h>
#include <string.h>

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
    "  --data FOLDER          keep the routing table there; without it nothing is kept\n"
    "  --control PATH         socket for weftctl [weftd-PORT.sock in $XDG_RUNTIME_DIR, /run or "
    "/tmp]\n"
    "  --no-control           no such socket\n"
    "  --log LEVEL            error, warn, info or debug [info]\n"
    "  --help, --version\n"
    "\n"
    "It logs to standard error. SIGTERM and SIGINT shut the tree down in order.\n";

enum option_code {
    OPT_CONFIG = 256,
    OPT_BIND,
    OPT_PORT,
    OPT_BOOTSTRAP,
    OPT_READ_ONLY,
    OPT_DATA,
    OPT_CONTROL,
    OPT_NO_CONTROL,
    OPT_LOG,
    OPT_HELP,
    OPT_VERSION
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"dht-bind", required_argument, NULL, OPT_BIND},
    {"dht-port", required_argument, NULL, OPT_PORT},
    {"bootstrap", required_argument, NULL, OPT_BOOTSTRAP},
    {"read-only", no_argument, NULL, OPT_READ_ONLY},
    {"data", required_argument, NULL, OPT_DATA},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"no-control", no_argument, NULL, OPT_NO_CONTROL},
    {"log", required_argument, NULL, OPT_LOG},
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
    case OPT_DATA:
        return weftd_set_path(config->data, value);
    case OPT_CONTROL:
        return weftd_set_path(config->control, value);
    case OPT_NO_CONTROL:
        config->control_off = true;
        return NULL;
    case OPT_LOG:
        return weftd_set_log(config, value);
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
    if (config->log_level == 0) config->log_level = WEFT_LOG_INFO;
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
static void give_way(struct weftd_config *config, int code, bool replaced[2]) {
    if (code == OPT_BIND && !replaced[0]) {
        memset(&config->dht.bind4, 0, sizeof config->dht.bind4);
        memset(&config->dht.bind6, 0, sizeof config->dht.bind6);
        replaced[0] = true;
    }
    if (code == OPT_BOOTSTRAP && !replaced[1]) {
        config->dht.bootstrap_count = 0;
        replaced[1] = true;
    }
}

static bool read_file_option(struct weftd_config *config, int argc, char **argv, FILE *err) {
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0) {
            return weftd_config_file(config, argv[i] + 9, err);
        }
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            return weftd_config_file(config, argv[i + 1], err);
        }
    }
    return true;
}

static const char *name_of(int code) {
    for (const struct option *at = options; at->name != NULL; at++) {
        if (at->val == code) return at->name;
    }
    WEFT_UNREACHABLE("getopt returns only codes of the table");
}

/* WEFTD_RUN: go on with the next option. */
static enum weftd_start read_option(struct weftd_config *config, int code, bool replaced[2],
                                    FILE *err) {
    if (code == OPT_HELP || code == OPT_VERSION) return show(code);
    if (code == '?') {
        fputs("weftd: see weftd --help\n", err);
        return WEFTD_WRONG;
    }
    if (code == OPT_CONFIG) return WEFTD_RUN;
    give_way(config, code, replaced);
    const char *wrong = take(config, code, optarg);
    if (wrong == NULL) return WEFTD_RUN;
    fprintf(err, "weftd: --%s %s: %s\n", name_of(code), optarg != NULL ? optarg : "", wrong);
    return WEFTD_WRONG;
}

enum weftd_start weftd_config_read(struct weftd_config *config, int argc, char **argv, FILE *err) {
    bool replaced[2] = {false, false};
    memset(config, 0, sizeof *config);
    if (!read_file_option(config, argc, argv, err)) return WEFTD_WRONG;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        enum weftd_start start = read_option(config, code, replaced, err);
        if (start != WEFTD_RUN) return start;
    }
    if (optind < argc) {
        fprintf(err, "weftd: unexpected argument '%s'; see weftd --help\n", argv[optind]);
        return WEFTD_WRONG;
    }
    finish(config);
    return WEFTD_RUN;
}
