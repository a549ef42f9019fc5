/* What a daemon is told: by flags, by a YAML file, or both; a flag wins over the file. */
#ifndef WEFT_WEFTD_CONFIG_H
#define WEFT_WEFTD_CONFIG_H

#include "core/dht/service.h"
#include "core/node/node.h"
#include "core/otp/hub.h"

#include <stdio.h>

#define WEFTD_PATH_MAX 512
#define WEFTD_APPS_MAX 16      /* applications of one daemon */
#define WEFTD_APP_KEYS_MAX 16  /* keys of one application's `env` */
#define WEFTD_APP_TEXT_MAX 256 /* bytes of such a key or value, with the NUL */
#define WEFTD_COOKIE_MAX 128
#define WEFTD_CONNECT_MAX 64

struct weftd_app {
    char module[WEFTD_PATH_MAX];
    enum weft_restart type; /* [permanent] */
    bool load_only;         /* known, and started by whoever asks */
    struct weftd_app_key {
        char key[WEFTD_APP_TEXT_MAX], value[WEFTD_APP_TEXT_MAX];
    } keys[WEFTD_APP_KEYS_MAX];
    size_t keys_count;
};

struct weftd_config {
    struct weft_dht_service_config dht; /* bootstrap points below */
    struct weft_addr bootstrap[WEFT_DHT_BOOTSTRAP_MAX];
    uint16_t port;                /* of both families [6881] */
    char data[WEFTD_PATH_MAX];    /* folder; "": keep nothing on disk */
    char control[WEFTD_PATH_MAX]; /* socket; "": the default place */
    bool control_off;
    enum weft_log_level log_level; /* [INFO] */
    struct weftd_app apps[WEFTD_APPS_MAX];
    size_t apps_count;
    uint32_t schedulers;           /* threads that run processes [1] */
    bool share_ports;              /* with other daemons that do */
    char node[WEFT_NODE_NAME_MAX]; /* name@address:port; "": talk to no other node */
    struct weft_addr dist_listen;  /* family NONE: where the name says */
    char cookie[WEFTD_COOKIE_MAX];
    char connect[WEFTD_CONNECT_MAX][WEFT_NODE_NAME_MAX];
    const char *connect_names[WEFTD_CONNECT_MAX];
    size_t connect_count;
    char trace[WEFTD_PATH_MAX]; /* file; "": none is written */
    uint64_t trace_kinds;       /* a bit each; 0: all but packet.data */
    bool trace_packets;         /* packet.data too */
    uint64_t trace_size;        /* bytes of a file, about [256 MiB] */
    weft_duration tick;         /* 0: the default */
    weft_duration watchdog;     /* how long a handler may run [10 s]; WEFT_TIME_NEVER: for ever */
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
/* app: one more, permanent, from the module at a path. type: of the last one. */
const char *weftd_add_app(struct weftd_config *config, const char *path);
const char *weftd_set_app_type(struct weftd_config *config, const char *text);
/* node: "name@address:port". connect: likewise, added to those there. cookie: 1 to 127 bytes;
 * cookie_file: the first line of a file, as nobody should see it on a command line. */
const char *weftd_set_schedulers(struct weftd_config *config, const char *text);
const char *weftd_set_node(struct weftd_config *config, const char *text);
const char *weftd_set_connect(struct weftd_config *config, const char *text);
const char *weftd_set_dist_listen(struct weftd_config *config, const char *text);
const char *weftd_set_cookie(struct weftd_config *config, const char *text);
const char *weftd_set_cookie_file(struct weftd_config *config, const char *path);
/* trace_only: "lookup.done,dht", added to those there. trace_size: "64M"; at least 64K. */
const char *weftd_set_trace_only(struct weftd_config *config, const char *text);
const char *weftd_set_trace_size(struct weftd_config *config, const char *text);
const char *weftd_set_path(char to[WEFTD_PATH_MAX], const char *text);

#endif
