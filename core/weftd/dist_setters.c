/* Values of the configuration that are about schedulers and other nodes. */
#include "core/weftd/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *weftd_set_schedulers(struct weftd_config *config, const char *text) {
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < 1 ||
        value > WEFT_SCHEDULERS_MAX) {
        return "expected a number from 1 to 64";
    }
    config->schedulers = (uint32_t)value;
    return NULL;
}

static const char *set_name(char to[WEFT_NODE_NAME_MAX], const char *text) {
    struct weft_addr addr;
    if (weft_node_name_addr(text, &addr) != WEFT_OK) return "expected name@address:port";
    memcpy(to, text, strlen(text) + 1);
    return NULL;
}

const char *weftd_set_node(struct weftd_config *config, const char *text) {
    return set_name(config->node, text);
}

const char *weftd_set_connect(struct weftd_config *config, const char *text) {
    size_t count = config->connect_count;
    if (count == WEFTD_CONNECT_MAX) return "too many nodes to connect with";
    const char *wrong = set_name(config->connect[count], text);
    if (wrong == NULL) config->connect_count++;
    return wrong;
}

const char *weftd_set_dist_listen(struct weftd_config *config, const char *text) {
    struct weft_addr addr;
    if (weft_addr_parse(&addr, text) != WEFT_OK || addr.port == 0) return "expected address:port";
    config->dist_listen = addr;
    return NULL;
}

const char *weftd_set_cookie(struct weftd_config *config, const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size >= sizeof config->cookie) return "expected 1 to 127 bytes";
    memcpy(config->cookie, text, size + 1);
    return NULL;
}

const char *weftd_set_cookie_file(struct weftd_config *config, const char *path) {
    char line[WEFTD_COOKIE_MAX + 2];
    FILE *file = fopen(path, "rb");
    if (file == NULL) return "cannot read that file";
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    if (got == NULL) return "that file is empty";
    line[strcspn(line, "\r\n")] = '\0';
    return weftd_set_cookie(config, line);
}
