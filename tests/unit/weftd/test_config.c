/* Where each key of the file and each option goes, with values that differ from every default. */
#include "core/weftd/config.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ID "0123456789abcdef0123456789abcdef01234567"

static const char text[] = "data: /some/where\n"
                           "control: /some/socket\n"
                           "log: debug\n"
                           "dht:\n"
                           "  bind: [127.0.0.2, '::1']\n"
                           "  port: 1001\n"
                           "  bootstrap: ['192.0.2.1:11', '[2001:db8::1]:12']\n"
                           "  id: " ID "\n"
                           "  save_after: 2s\n"
                           "  k: 7\n"
                           "  alpha: 2\n"
                           "  read_only: true\n"
                           "  refuse_martians: true\n"
                           "  query_timeout: 11s\n"
                           "  query_slow: 12s\n"
                           "  verify_after: 13s\n"
                           "  stale_after: 14s\n"
                           "  forget_after: 15s\n"
                           "  refresh_after: 16s\n"
                           "  peer_lifetime: 17s\n"
                           "  item_lifetime: 18s\n"
                           "  republish_after: 19s\n"
                           "  token_rotation: 20s\n"
                           "  keys_max: 1\n"
                           "  peers_max: 2\n"
                           "  pending_max: 3\n"
                           "  sources_max: 2\n"
                           "  source_rate: 21\n"
                           "  source_burst: 22\n"
                           "  global_rate: 23\n"
                           "  global_burst: 24\n"
                           "apps:\n"
                           "  - module: ./kv.so\n"
                           "    type: transient\n"
                           "    env: {port: 7000, size: big}\n"
                           "  - {env: {a: b}, module: web.so}\n";

static char path[64];

static enum weftd_start read_with(struct weftd_config *config, const char *const *more) {
    static char name[] = "weftd", file_option[] = "--config";
    char *argv[32] = {name, file_option, path};
    int argc = 3;
    for (; *more != NULL; more++) argv[argc++] = (char *)(uintptr_t)*more;
    snprintf(path, sizeof path, "/tmp/weft-config-%ld.yaml", (long)getpid());
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) abort();
    enum weftd_start start = weftd_config_read(config, argc, argv, stderr);
    unlink(path);
    return start;
}

static bool same_addr(const struct weft_addr *addr, const char *wanted) {
    char shown[WEFT_ADDR_TEXT_SIZE];
    return CHECK_EQ_TEXT(weft_addr_format(addr, shown), wanted);
}

static void each_key_of_the_file_goes_where_it_belongs(void) {
    struct weftd_config config;
    const char *none[] = {NULL};
    CHECK_EQ_INT(read_with(&config, none), WEFTD_RUN);
    CHECK_EQ_TEXT(config.data, "/some/where");
    CHECK_EQ_TEXT(config.control, "/some/socket");
    CHECK(!config.control_off);
    CHECK_EQ_INT(config.log_level, WEFT_LOG_DEBUG);
    CHECK_EQ_TEXT(config.dht.path, "dht/table");
    same_addr(&config.dht.bind4, "127.0.0.2:1001");
    same_addr(&config.dht.bind6, "[::1]:1001");
    CHECK_EQ_UINT(config.dht.bootstrap_count, 2);
    same_addr(&config.dht.bootstrap[0], "192.0.2.1:11");
    same_addr(&config.dht.bootstrap[1], "[2001:db8::1]:12");
    char id[WEFT_ID_TEXT_SIZE];
    CHECK(config.dht.has_id);
    weft_id_format(&config.dht.id, id);
    CHECK_EQ_TEXT(id, ID);
    CHECK_EQ_INT(config.dht.save_after, WEFT_S(2));
}

static void each_number_of_the_file_goes_where_it_belongs(void) {
    struct weftd_config config;
    const char *none[] = {NULL};
    CHECK_EQ_INT(read_with(&config, none), WEFTD_RUN);
    const struct weft_dht_config *dht = &config.dht.dht;
    CHECK(dht->v4);
    CHECK(dht->v6);
    CHECK(dht->read_only);
    CHECK(dht->refuse_martians);
    const uint32_t counts[][2] = {{dht->k, 7},
                                  {dht->alpha, 2},
                                  {dht->keys_max, 1},
                                  {dht->peers_max, 2},
                                  {dht->pending_max, 3},
                                  {dht->sources_max, 2},
                                  {dht->source_rate, 21},
                                  {dht->source_burst, 22},
                                  {dht->global_rate, 23},
                                  {dht->global_burst, 24}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        CHECK_EQ_UINT(counts[i][0], counts[i][1]);
    }
    const weft_duration times[] = {dht->query_timeout, dht->query_slow,    dht->verify_after,
                                   dht->stale_after,   dht->forget_after,  dht->refresh_after,
                                   dht->peer_lifetime, dht->item_lifetime, dht->republish_after,
                                   dht->token_rotation};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        CHECK_EQ_INT(times[i], WEFT_S(11 + (int64_t)i));
    }
}

static void applications_of_the_file_are_read_in_order(void) {
    struct weftd_config config;
    const char *none[] = {NULL};
    CHECK_EQ_INT(read_with(&config, none), WEFTD_RUN);
    REQUIRE(config.apps_count == 2);
    CHECK_EQ_TEXT(config.apps[0].module, "./kv.so");
    CHECK_EQ_INT(config.apps[0].type, WEFT_TRANSIENT);
    REQUIRE(config.apps[0].keys_count == 2);
    CHECK_EQ_TEXT(config.apps[0].keys[0].key, "port");
    CHECK_EQ_TEXT(config.apps[0].keys[0].value, "7000");
    CHECK_EQ_TEXT(config.apps[0].keys[1].value, "big");
    CHECK_EQ_TEXT(config.apps[1].module, "web.so");
    CHECK_EQ_INT(config.apps[1].type, WEFT_PERMANENT);
    CHECK_EQ_UINT(config.apps[1].keys_count, 1);
}

/* The one line that is told about a file that is only `yaml`. */
static const char *told(const char *yaml) {
    static char line[256];
    static struct weftd_config config;
    snprintf(path, sizeof path, "/tmp/weft-config-%ld.yaml", (long)getpid());
    FILE *file = fopen(path, "w"), *err = tmpfile();
    if (file == NULL || err == NULL || fputs(yaml, file) < 0 || fclose(file) != 0) abort();
    memset(&config, 0, sizeof config);
    CHECK(!weftd_config_file(&config, path, err));
    rewind(err);
    if (fgets(line, sizeof line, err) == NULL) line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(err);
    unlink(path);
    return line + strlen(path);
}

static void mistakes_about_applications_are_told_with_their_place(void) {
    CHECK_EQ_TEXT(told("apps: kv.so\n"),
                  ":1:7: 'apps': expected a list, such as '- module: ./kv.so'");
    CHECK_EQ_TEXT(told("apps:\n  - type: permanent\n"),
                  ":2:5: an application needs a 'module', such as 'module: ./kv.so'");
    CHECK_EQ_TEXT(told("apps:\n  - {module: a, type: always}\n"),
                  ":2:23: 'type' is 'always': expected permanent, transient, temporary or load");
    CHECK_EQ_TEXT(told("apps:\n  - {module: a, typ: x}\n"),
                  ":2:17: unknown key 'typ', did you mean 'type'?");
    CHECK_EQ_TEXT(told("apps:\n  - {module: a, env: [1]}\n"),
                  ":2:22: 'env': expected keys and values");
    CHECK_EQ_TEXT(told("apps:\n  - {module: a, env: {k: [1]}}\n"), ":2:26: 'k': expected a text");
    CHECK_EQ_TEXT(told("apps:\n  - {module: [a]}\n"), ":2:14: 'module': expected a path");
}

static void an_app_option_replaces_the_file_s_and_they_are_bounded(void) {
    static struct weftd_config config;
    const char *more[] = {"--app", "x.so", "--app", "y.so", NULL};
    CHECK_EQ_INT(read_with(&config, more), WEFTD_RUN);
    REQUIRE(config.apps_count == 2);
    CHECK_EQ_TEXT(config.apps[0].module, "x.so");
    CHECK_EQ_TEXT(config.apps[1].module, "y.so");
    CHECK_EQ_UINT(config.apps[1].keys_count, 0);
    while (config.apps_count < WEFTD_APPS_MAX) CHECK(weftd_add_app(&config, "z") == NULL);
    CHECK_EQ_TEXT(weftd_add_app(&config, "z"), "too many applications");
    config.apps_count = 0;
    CHECK_EQ_TEXT(weftd_add_app(&config, ""), "expected a path");
    CHECK_EQ_UINT(config.apps_count, 0);
}

static void options_win_and_replace_lists(void) {
    struct weftd_config config;
    const char *more[] = {"--dht-bind", "::1", "--dht-port=7", "--bootstrap", "192.0.2.9:9",
                          "--data",     "d",   "--control",    "c",           "--log",
                          "error",      NULL};
    CHECK_EQ_INT(read_with(&config, more), WEFTD_RUN);
    CHECK_EQ_UINT(config.dht.bind4.family, WEFT_FAMILY_NONE);
    CHECK(!config.dht.dht.v4);
    same_addr(&config.dht.bind6, "[::1]:7");
    CHECK_EQ_UINT(config.dht.bootstrap_count, 1);
    same_addr(&config.dht.bootstrap[0], "192.0.2.9:9");
    CHECK_EQ_TEXT(config.data, "d");
    CHECK_EQ_TEXT(config.control, "c");
    CHECK_EQ_INT(config.log_level, WEFT_LOG_ERROR);
    CHECK_EQ_UINT(config.dht.dht.k, 7); /* what no option says stays */
}

static void the_last_of_control_and_no_control_counts(void) {
    struct weftd_config config;
    const char *off[] = {"--control", "c", "--no-control", NULL};
    const char *on[] = {"--no-control", "--control", "c", NULL};
    CHECK_EQ_INT(read_with(&config, off), WEFTD_RUN);
    CHECK(config.control_off);
    CHECK_EQ_INT(read_with(&config, on), WEFTD_RUN);
    CHECK(!config.control_off);
}

static void without_anything_the_defaults_are_those_of_the_help(void) {
    struct weftd_config config;
    char name[] = "weftd", *argv[] = {name, NULL};
    CHECK_EQ_INT(weftd_config_read(&config, 1, argv, stderr), WEFTD_RUN);
    same_addr(&config.dht.bind4, "0.0.0.0:6881");
    CHECK_EQ_UINT(config.dht.bind6.family, WEFT_FAMILY_NONE);
    CHECK_EQ_UINT(config.dht.bootstrap_count, 0);
    CHECK_EQ_INT(config.log_level, WEFT_LOG_INFO);
    CHECK(config.dht.path == NULL);
    CHECK_EQ_TEXT(config.control, "");
}

TEST_MAIN("weftd/config", TEST(each_key_of_the_file_goes_where_it_belongs),
          TEST(each_number_of_the_file_goes_where_it_belongs), TEST(options_win_and_replace_lists),
          TEST(applications_of_the_file_are_read_in_order),
          TEST(mistakes_about_applications_are_told_with_their_place),
          TEST(an_app_option_replaces_the_file_s_and_they_are_bounded),
          TEST(the_last_of_control_and_no_control_counts),
          TEST(without_anything_the_defaults_are_those_of_the_help))
