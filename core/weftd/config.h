/* What a daemon is told: by flags, by a YAML file, or both; a flag wins over the file. */
#ifndef WEFT_WEFTD_CONFIG_H
#define WEFT_WEFTD_CONFIG_H

#include "core/dht/service.h"
#include "core/node/node.h"

#include <stdio.h>

#define WEFTD_PATH_MAX 512
#define WEFTD_APPS_MAX 32

struct weftd_config {
    struct weft_dht_service_config dht; /* bootstrap points below */
    struct weft_addr bootstrap[WEFT_DHT_BOOTSTRAP_MAX];
    uint16_t port;                /* of both families [6881] */
    char data[WEFTD_PATH_MAX];    /* folder; "": keep nothing on disk */
    char control[WEFTD_PATH_MAX]; /* socket; "": the default place */
    bool control_off;
    struct weft_node_module apps[WEFTD_APPS_MAX]; /* their paths below */
    char app_paths[WEFTD_APPS_MAX][WEFTD_PATH_MAX];
    size_t apps_count;
    enum weft_log_level log_level; /* [INFO] */
    weft_duration watchdog; /* how long a handler may run [10 s]; WEFT_TIME_NEVER: for ever */
};

enum weftd_start { WEFTD_RUN, WEFTD_SHOWN /* --help, --version: done */, WEFTD_WRONG };

/* Read the command line, and the file it names. Each mistake is one line on `err` that names the
 * option or file:line:column. Host names are looked up here, once. */
enum weftd_start weftd_config_read(struct weftd_config *config, int argc, char **argv, FILE *err);

/* Read the YAML file `path` into `config`. False after a mistake was told. */
bool weftd_config_file(struct weftd_config *config, const char *path, FILE *err);

/* The setters both use. Each returns NULL, or what is wrong (static text).
 *
 * bootstrap: "HOST:PORT", where HOST is an address, "[v6]" or a name: every address of a name is
 * added. bind: an address without port; one of each family. */
const char *weftd_set_bootstrap(struct weftd_config *config, const char *text);
const char *weftd_set_bind(struct weftd_config *config, const char *text);
const char *weftd_set_port(struct weftd_config *config, const char *text);
const char *weftd_set_log(struct weftd_config *config, const char *text);
const char *weftd_set_watchdog(struct weftd_config *config, const char *text);
const char *weftd_set_control(struct weftd_config *config, const char *text);
const char *weftd_add_app(struct weftd_config *config, const char *path, const char *type);
const char *weftd_set_path(char to[WEFTD_PATH_MAX], const char *text);

#endif
