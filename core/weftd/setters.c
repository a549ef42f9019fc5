/* Values of the configuration, whoever gives them. */
#include "core/config/value.h"
#include "core/weftd/config.h"
#include "core/weftd/recorder.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

const char *weftd_set_bind(struct weftd_config *config, const char *text) {
    struct weft_addr addr;
    if (weft_addr_parse(&addr, text) != WEFT_OK) return "expected an IPv4 or IPv6 address";
    if (addr.family == WEFT_FAMILY_NONE) return "expected an IPv4 or IPv6 address";
    bool dotted = text[strcspn(text, ".:[")] == '.';
    if (text[0] == '[' || (dotted && strchr(text, ':') != NULL)) {
        return "expected an address without a port";
    }
    struct weft_addr *bind =
        addr.family == WEFT_FAMILY_V4 ? &config->dht.bind4 : &config->dht.bind6;
    if (bind->family != WEFT_FAMILY_NONE) return "at most one address of each family";
    *bind = addr;
    return NULL;
}

static const char *add_bootstrap(struct weftd_config *config, const struct weft_addr *addr) {
    if (config->dht.bootstrap_count == WEFT_DHT_BOOTSTRAP_MAX) return "too many bootstrap nodes";
    config->bootstrap[config->dht.bootstrap_count++] = *addr;
    return NULL;
}

static struct weft_addr addr_of(const struct addrinfo *info, uint16_t port) {
    struct weft_addr addr;
    memset(&addr, 0, sizeof addr);
    addr.port = port;
    if (info->ai_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, info->ai_addr, sizeof in);
        addr.family = WEFT_FAMILY_V4;
        memcpy(addr.ip, &in.sin_addr, 4);
    } else {
        struct sockaddr_in6 in;
        memcpy(&in, info->ai_addr, sizeof in);
        addr.family = WEFT_FAMILY_V6;
        memcpy(addr.ip, &in.sin6_addr, 16);
    }
    return addr;
}

static const char *resolve(struct weftd_config *config, const char *host, uint16_t port) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return "no such host";
    const char *wrong = NULL;
    for (struct addrinfo *at = found; at != NULL && wrong == NULL; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
        struct weft_addr addr = addr_of(at, port);
        wrong = add_bootstrap(config, &addr);
    }
    freeaddrinfo(found);
    return wrong;
}

/* 1 to 65535, in digits alone. */
static bool read_port(const char *text, uint16_t *port) {
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > 65535) return false;
    *port = (uint16_t)value;
    return true;
}

const char *weftd_set_bootstrap(struct weftd_config *config, const char *text) {
    struct weft_addr addr;
    if (weft_addr_parse(&addr, text) == WEFT_OK) {
        return addr.port != 0 ? add_bootstrap(config, &addr) : "expected HOST:PORT";
    }
    const char *colon = strrchr(text, ':');
    char host[256];
    uint16_t port;
    if (colon == NULL || !read_port(colon + 1, &port)) return "expected HOST:PORT";
    if (colon == text || (size_t)(colon - text) >= sizeof host) return "expected HOST:PORT";
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    return resolve(config, host, port);
}

const char *weftd_set_path(char to[WEFTD_PATH_MAX], const char *text) {
    size_t length = strlen(text);
    if (length == 0) return "expected a path";
    if (length >= WEFTD_PATH_MAX) return "the path is too long";
    memcpy(to, text, length + 1);
    return NULL;
}

const char *weftd_set_control(struct weftd_config *config, const char *text) {
    const struct sockaddr_un *addr = NULL;
    if (strlen(text) >= sizeof addr->sun_path) {
        return "the path is too long for a socket, at most 107 bytes";
    }
    config->control_off = false; /* said later, it counts more */
    return weftd_set_path(config->control, text);
}

const char *weftd_set_log(struct weftd_config *config, const char *text) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        config->log_level = (enum weft_log_level)(WEFT_LOG_ERROR + (int)i);
        return NULL;
    }
    return "expected error, warn, info or debug";
}

const char *weftd_set_watchdog(struct weftd_config *config, const char *text) {
    weft_duration value = WEFT_TIME_NEVER;
    if (strcmp(text, "off") != 0 && strcmp(text, "false") != 0) {
        bool fits = weft_value_duration(text, &value) && value >= WEFT_MS(100);
        if (!fits || value > WEFT_HOUR(1)) return "expected a time from 100ms to 1h, or off";
    }
    config->watchdog = value;
    return NULL;
}

const char *weftd_set_port(struct weftd_config *config, const char *text) {
    return read_port(text, &config->port) ? NULL : "expected a port from 1 to 65535";
}

const char *weftd_add_app(struct weftd_config *config, const char *path) {
    if (config->apps_count == WEFTD_APPS_MAX) return "too many applications";
    struct weftd_app *app = &config->apps[config->apps_count];
    memset(app, 0, sizeof *app);
    const char *wrong = weftd_set_path(app->module, path);
    if (wrong == NULL) config->apps_count++;
    return wrong;
}

const char *weftd_set_app_type(struct weftd_config *config, const char *text) {
    static const char *const names[] = {"permanent", "transient", "temporary"};
    struct weftd_app *app = &config->apps[config->apps_count - 1];
    app->load_only = strcmp(text, "load") == 0;
    if (app->load_only) return NULL;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        app->type = (enum weft_restart)i;
        return NULL;
    }
    return "expected permanent, transient, temporary or load";
}

const char *weftd_set_trace_only(struct weftd_config *config, const char *text) {
    uint64_t kinds = recorder_kinds(text);
    config->trace_kinds |= kinds;
    return kinds != 0 ? NULL : "expected kinds of events, such as lookup.done,dht";
}

const char *weftd_set_trace_size(struct weftd_config *config, const char *text) {
    static const char *const wrong = "expected 64K to 64G";
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') return wrong;
    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (shift > 0) end++;
    if (*end != '\0' || value > (UINT64_C(64) << 30 >> shift) || value << shift < 65536)
        return wrong;
    config->trace_size = value << shift;
    return NULL;
}
