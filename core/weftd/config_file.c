/* The configuration file of weftd:
 *
 *     data: /var/lib/weft
 *     control: /run/weftd.sock
 *     log: info
 *     apps:
 *       - {module: /usr/lib/weft/kv.so, type: permanent}
 *     dht:
 *       bind: [0.0.0.0, "::"]
 *       port: 6881
 *       bootstrap: [router.example.org:6881]
 *       k: 8
 *       source_rate: 50
 *     apps:
 *       - module: ./kv.so
 *         type: permanent
 *         env: {port: 7000}
 *
 * Every mistake is one line "file:line:column: what is wrong". */
#include "core/base/assert.h"
#include "core/config/suggest.h"
#include "core/config/value.h"
#include "core/config/yaml_tree.h"
#include "core/weftd/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct weftd_config *config;
    const char *path;
    FILE *err;
    unsigned mistakes;
};

/* A key of a mapping: how its value is read, and for numbers where it goes and its bounds. */
struct key {
    const char *name;
    void (*read)(struct reading *reading, const struct weft_yaml_node *node, const struct key *key);
    size_t offset; /* in struct weft_dht_config */
    int64_t least, most;
};

static void mistake(struct reading *reading, const struct weft_yaml_node *node, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

static void mistake(struct reading *reading, const struct weft_yaml_node *node, const char *format,
                    ...) {
    va_list args;
    reading->mistakes++;
    fprintf(reading->err, "%s:%u:%u: ", reading->path, node->line, node->column);
    va_start(args, format);
    vfprintf(reading->err, format, args);
    va_end(args);
    fputc('\n', reading->err);
}

__attribute__((format(printf, 3, 0))) static void
yaml_mistake(void *ctx, const struct weft_yaml_place *place, const char *format, va_list args) {
    struct reading *reading = ctx;
    reading->mistakes++;
    fprintf(reading->err, "%s:%u:%u: ", reading->path, place->line, place->column);
    vfprintf(reading->err, format, args);
    fputc('\n', reading->err);
}

static const char *scalar(struct reading *reading, const struct weft_yaml_node *node,
                          const struct key *key, const char *expected) {
    if (node->kind == WEFT_YAML_SCALAR) return node->text;
    if (node->kind != WEFT_YAML_BROKEN) {
        mistake(reading, node, "'%s': expected %s", key->name, expected);
    }
    return NULL;
}

static void *field(struct reading *reading, const struct key *key) {
    return (char *)&reading->config->dht.dht + key->offset;
}

static void read_count(struct reading *reading, const struct weft_yaml_node *node,
                       const struct key *key) {
    uint64_t value;
    const char *text = scalar(reading, node, key, "a number");
    if (text == NULL) return;
    if (!weft_value_count(text, &value) || value < (uint64_t)key->least ||
        value > (uint64_t)key->most) {
        mistake(reading, node, "'%s' is '%s', expected a number from %lld to %lld", key->name, text,
                (long long)key->least, (long long)key->most);
        return;
    }
    *(uint32_t *)field(reading, key) = (uint32_t)value;
}

/* False after a mistake was told. */
static bool duration_of(struct reading *reading, const struct weft_yaml_node *node,
                        const struct key *key, weft_duration *out) {
    const char *text = scalar(reading, node, key, "a duration such as 500ms, 2s, 5min, 1h");
    if (text == NULL) return false;
    if (weft_value_duration(text, out) && *out >= key->least && *out <= key->most) return true;
    char least[WEFT_VALUE_TEXT_MAX], most[WEFT_VALUE_TEXT_MAX];
    mistake(reading, node, "'%s' is '%s', expected a duration from %s to %s", key->name, text,
            weft_value_show_duration(key->least, least), weft_value_show_duration(key->most, most));
    return false;
}

static void read_duration(struct reading *reading, const struct weft_yaml_node *node,
                          const struct key *key) {
    weft_duration value;
    if (duration_of(reading, node, key, &value)) *(weft_duration *)field(reading, key) = value;
}

static void read_flag(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    bool value;
    const char *text = scalar(reading, node, key, "true or false");
    if (text == NULL) return;
    if (!weft_value_bool(text, &value)) {
        mistake(reading, node, "'%s' is '%s', expected true or false", key->name, text);
        return;
    }
    *(bool *)field(reading, key) = value;
}

static void tell(struct reading *reading, const struct weft_yaml_node *node, const struct key *key,
                 const char *wrong) {
    if (wrong != NULL) mistake(reading, node, "'%s' is '%s': %s", key->name, node->text, wrong);
}

static void read_port(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    const char *text = scalar(reading, node, key, "a port");
    if (text != NULL) tell(reading, node, key, weftd_set_port(reading->config, text));
}

static void read_log(struct reading *reading, const struct weft_yaml_node *node,
                     const struct key *key) {
    const char *text = scalar(reading, node, key, "error, warn, info or debug");
    if (text != NULL) tell(reading, node, key, weftd_set_log(reading->config, text));
}

static void read_watchdog(struct reading *reading, const struct weft_yaml_node *node,
                          const struct key *key) {
    const char *text = scalar(reading, node, key, "a duration, or off");
    if (text != NULL) tell(reading, node, key, weftd_set_watchdog(reading->config, text));
}

static void read_data(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    const char *text = scalar(reading, node, key, "a folder");
    if (text != NULL) tell(reading, node, key, weftd_set_path(reading->config->data, text));
}

static void read_control(struct reading *reading, const struct weft_yaml_node *node,
                         const struct key *key) {
    const char *text = scalar(reading, node, key, "a path, or false for none");
    if (text == NULL) return;
    if (strcmp(text, "false") == 0) {
        reading->config->control_off = true;
    } else {
        tell(reading, node, key, weftd_set_control(reading->config, text));
    }
}

static void read_id(struct reading *reading, const struct weft_yaml_node *node,
                    const struct key *key) {
    const char *text = scalar(reading, node, key, "40 hexadecimal digits");
    if (text == NULL) return;
    reading->config->dht.has_id = weft_id_parse(&reading->config->dht.id, text) == WEFT_OK;
    if (!reading->config->dht.has_id) tell(reading, node, key, "expected 40 hexadecimal digits");
}

/* One value, or a list of them. */
static void read_each(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key,
                      const char *(*set)(struct weftd_config *config, const char *text)) {
    uint32_t count = node->kind == WEFT_YAML_SEQUENCE ? node->count : 1;
    for (uint32_t i = 0; i < count; i++) {
        const struct weft_yaml_node *item =
            node->kind == WEFT_YAML_SEQUENCE ? node->items[i] : node;
        const char *text = scalar(reading, item, key, "an address or a list of addresses");
        if (text != NULL) tell(reading, item, key, set(reading->config, text));
    }
}

static void read_bind(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    read_each(reading, node, key, weftd_set_bind);
}

static void read_bootstrap(struct reading *reading, const struct weft_yaml_node *node,
                           const struct key *key) {
    read_each(reading, node, key, weftd_set_bootstrap);
}

static void read_save_after(struct reading *reading, const struct weft_yaml_node *node,
                            const struct key *key) {
    weft_duration value;
    if (duration_of(reading, node, key, &value)) reading->config->dht.save_after = value;
}

#define COUNT(name, least, most)                                                                   \
    { #name, read_count, offsetof(struct weft_dht_config, name), least, most }
#define TIME(name)                                                                                 \
    { #name, read_duration, offsetof(struct weft_dht_config, name), WEFT_MS(10), WEFT_HOUR(720) }
#define FLAG(name)                                                                                 \
    { #name, read_flag, offsetof(struct weft_dht_config, name), 0, 1 }

static const struct key dht_keys[] = {
    {"bind", read_bind, 0, 0, 0},
    {"port", read_port, 0, 0, 0},
    {"bootstrap", read_bootstrap, 0, 0, 0},
    {"id", read_id, 0, 0, 0},
    {"save_after", read_save_after, 0, WEFT_S(1), WEFT_HOUR(720)},
    COUNT(k, 1, WEFT_DHT_K_MAX),
    COUNT(alpha, 1, WEFT_DHT_ALPHA_MAX),
    FLAG(read_only),
    FLAG(refuse_martians),
    TIME(query_timeout),
    TIME(query_slow),
    TIME(verify_after),
    TIME(stale_after),
    TIME(forget_after),
    TIME(refresh_after),
    TIME(peer_lifetime),
    TIME(item_lifetime),
    TIME(republish_after),
    TIME(token_rotation),
    COUNT(keys_max, 1, WEFT_DHT_KEYS_MAX),
    COUNT(peers_max, 1, WEFT_DHT_PEERS_MAX),
    COUNT(pending_max, 1, WEFT_DHT_PENDING_MAX),
    COUNT(sources_max, 1, WEFT_DHT_SOURCES_MAX),
    COUNT(source_rate, 1, 1000000), /* what the machine can count */
    COUNT(source_burst, 1, 1000000),
    COUNT(global_rate, 0, 1000000000), /* 0: no limit */
    COUNT(global_burst, 0, 1000000000),
};

#define KEYS_MAX 64

static const struct key *find_key(const struct key *keys, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name) == 0) return &keys[i];
    }
    return NULL;
}

static void unknown_key(struct reading *reading, const struct weft_yaml_node *node,
                        const struct key *keys, size_t count) {
    const char *names[KEYS_MAX];
    WEFT_ASSERT(count <= KEYS_MAX);
    for (size_t i = 0; i < count; i++) names[i] = keys[i].name;
    const char *near = weft_suggest(node->text, names, count);
    if (near != NULL) {
        mistake(reading, node, "unknown key '%s', did you mean '%s'?", node->text, near);
    } else {
        mistake(reading, node, "unknown key '%s'; docs/weftd.md lists them", node->text);
    }
}

static void read_mapping(struct reading *reading, const struct weft_yaml_node *node,
                         const struct key *keys, size_t count) {
    if (node->kind != WEFT_YAML_MAPPING) {
        if (node->kind == WEFT_YAML_BROKEN) return;
        mistake(reading, node, "expected keys and values, such as '%s: ...'", keys[0].name);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct key *key = find_key(keys, count, node->keys[i]->text);
        if (key != NULL) {
            key->read(reading, node->items[i], key);
        } else {
            unknown_key(reading, node->keys[i], keys, count);
        }
    }
}

static void read_dht(struct reading *reading, const struct weft_yaml_node *node,
                     const struct key *key) {
    (void)key;
    read_mapping(reading, node, dht_keys, sizeof dht_keys / sizeof dht_keys[0]);
}

/* --- applications --- */

static struct weftd_app *last_app(struct reading *reading) {
    WEFT_ASSERT(reading->config->apps_count > 0);
    return &reading->config->apps[reading->config->apps_count - 1];
}

/* Read before the others, by read_app. */
static void read_module(struct reading *reading, const struct weft_yaml_node *node,
                        const struct key *key) {
    (void)reading;
    (void)node;
    (void)key;
}

static void read_type(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    const char *text = scalar(reading, node, key, "permanent, transient or temporary");
    if (text != NULL) tell(reading, node, key, weftd_set_app_type(reading->config, text));
}

static void read_env_key(struct reading *reading, const struct weft_yaml_node *name,
                         const struct weft_yaml_node *node) {
    struct weftd_app *app = last_app(reading);
    const struct key key = {.name = name->text};
    const char *text = scalar(reading, node, &key, "a text");
    if (text == NULL) return;
    if (strlen(name->text) >= WEFTD_APP_TEXT_MAX || strlen(text) >= WEFTD_APP_TEXT_MAX) {
        mistake(reading, name, "'%.32s': longer than %d bytes", name->text, WEFTD_APP_TEXT_MAX - 1);
    } else if (app->keys_count == WEFTD_APP_KEYS_MAX) {
        mistake(reading, name, "'%s': more than %d keys", name->text, WEFTD_APP_KEYS_MAX);
    } else {
        struct weftd_app_key *added = &app->keys[app->keys_count++];
        memcpy(added->key, name->text, strlen(name->text) + 1);
        memcpy(added->value, text, strlen(text) + 1);
    }
}

static void read_env(struct reading *reading, const struct weft_yaml_node *node,
                     const struct key *key) {
    if (node->kind != WEFT_YAML_MAPPING) {
        if (node->kind == WEFT_YAML_BROKEN) return;
        mistake(reading, node, "'%s': expected keys and values", key->name);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) read_env_key(reading, node->keys[i], node->items[i]);
}

static const struct key app_keys[] = {
    {"module", read_module, 0, 0, 0},
    {"type", read_type, 0, 0, 0},
    {"env", read_env, 0, 0, 0},
};

static const struct weft_yaml_node *module_of(const struct weft_yaml_node *node) {
    for (uint32_t i = 0; node->kind == WEFT_YAML_MAPPING && i < node->count; i++) {
        if (strcmp(node->keys[i]->text, "module") == 0) return node->items[i];
    }
    return NULL;
}

static void read_app(struct reading *reading, const struct weft_yaml_node *node) {
    if (node->kind == WEFT_YAML_BROKEN) return;
    const struct weft_yaml_node *module = module_of(node);
    if (module == NULL) {
        mistake(reading, node, "an application needs a 'module', such as 'module: ./kv.so'");
        return;
    }
    const char *path = scalar(reading, module, &app_keys[0], "a path");
    if (path == NULL) return;
    const char *wrong = weftd_add_app(reading->config, path);
    tell(reading, module, &app_keys[0], wrong);
    if (wrong == NULL) read_mapping(reading, node, app_keys, sizeof app_keys / sizeof app_keys[0]);
}

static void read_apps(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    if (node->kind != WEFT_YAML_SEQUENCE) {
        if (node->kind == WEFT_YAML_BROKEN) return;
        mistake(reading, node, "'%s': expected a list, such as '- module: ./kv.so'", key->name);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) read_app(reading, node->items[i]);
}

static void read_schedulers(struct reading *reading, const struct weft_yaml_node *node,
                            const struct key *key) {
    const char *text = scalar(reading, node, key, "a number");
    if (text != NULL) tell(reading, node, key, weftd_set_schedulers(reading->config, text));
}

static void read_share_port(struct reading *reading, const struct weft_yaml_node *node,
                            const struct key *key) {
    const char *text = scalar(reading, node, key, "true or false");
    if (text == NULL) return;
    bool yes = strcmp(text, "true") == 0, no = strcmp(text, "false") == 0;
    reading->config->share_ports = yes;
    if (!yes && !no) tell(reading, node, key, "expected true or false");
}

static void read_node_name(struct reading *reading, const struct weft_yaml_node *node,
                           const struct key *key) {
    const char *text = scalar(reading, node, key, "name@address:port");
    if (text != NULL) tell(reading, node, key, weftd_set_node(reading->config, text));
}

static void read_dist_listen(struct reading *reading, const struct weft_yaml_node *node,
                             const struct key *key) {
    const char *text = scalar(reading, node, key, "address:port");
    if (text != NULL) tell(reading, node, key, weftd_set_dist_listen(reading->config, text));
}

static void read_cookie(struct reading *reading, const struct weft_yaml_node *node,
                        const struct key *key) {
    const char *text = scalar(reading, node, key, "a text");
    if (text != NULL) tell(reading, node, key, weftd_set_cookie(reading->config, text));
}

static void read_cookie_file(struct reading *reading, const struct weft_yaml_node *node,
                             const struct key *key) {
    const char *text = scalar(reading, node, key, "a file");
    if (text != NULL) tell(reading, node, key, weftd_set_cookie_file(reading->config, text));
}

static void read_connect(struct reading *reading, const struct weft_yaml_node *node,
                         const struct key *key) {
    read_each(reading, node, key, weftd_set_connect);
}

static void read_tick(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    weft_duration value;
    if (duration_of(reading, node, key, &value)) reading->config->tick = value;
}

static const struct key dist_keys[] = {
    {"name", read_node_name, 0, 0, 0},  {"listen", read_dist_listen, 0, 0, 0},
    {"cookie", read_cookie, 0, 0, 0},   {"cookie_file", read_cookie_file, 0, 0, 0},
    {"connect", read_connect, 0, 0, 0}, {"tick", read_tick, 0, WEFT_MS(100), WEFT_HOUR(24)},
};

static void read_dist(struct reading *reading, const struct weft_yaml_node *node,
                      const struct key *key) {
    (void)key;
    read_mapping(reading, node, dist_keys, sizeof dist_keys / sizeof dist_keys[0]);
}

static const struct key top_keys[] = {
    {"data", read_data, 0, 0, 0},
    {"control", read_control, 0, 0, 0},
    {"log", read_log, 0, 0, 0},
    {"watchdog", read_watchdog, 0, 0, 0},
    {"apps", read_apps, 0, 0, 0},
    {"dht", read_dht, 0, 0, 0},
    {"schedulers", read_schedulers, 0, 0, 0},
    {"share_port", read_share_port, 0, 0, 0},
    {"dist", read_dist, 0, 0, 0},
};

/* The file's bytes; NULL after a complaint. One byte over the limit is read, so that the reader
 * of the tree says it is too large. */
static char *slurp(struct reading *reading, size_t *size) {
    FILE *file = fopen(reading->path, "rb");
    char *data = file != NULL ? malloc(WEFT_YAML_SIZE_MAX + 1) : NULL;
    if (data != NULL) *size = fread(data, 1, WEFT_YAML_SIZE_MAX + 1, file);
    if (data == NULL || ferror(file)) {
        fprintf(reading->err, "weftd: --config %s: %s\n", reading->path, strerror(errno));
        free(data);
        data = NULL;
    }
    if (file != NULL) fclose(file);
    return data;
}

bool weftd_config_file(struct weftd_config *config, const char *path, FILE *err) {
    struct reading reading = {.config = config, .path = path, .err = err};
    struct weft_yaml_report report = {
        .mistake = yaml_mistake, .ctx = &reading, .expected = "a configuration"};
    bool no_memory = false;
    size_t size = 0;
    char *data = slurp(&reading, &size);
    if (data == NULL) return false;
    struct weft_yaml_node *root = weft_yaml_read(weft_bytes(data, size), &report, &no_memory);
    if (root != NULL) {
        read_mapping(&reading, root, top_keys, sizeof top_keys / sizeof top_keys[0]);
    }
    weft_yaml_free(root);
    free(data);
    if (no_memory) fputs("weftd: out of memory\n", err);
    return reading.mistakes == 0 && !no_memory && root != NULL;
}
