/* The composition root: the supervision tree of a node. */
#include "core/node/node.h"

#include "core/base/assert.h"
#include "core/base/fetch.h"
#include "core/node/control.h"
#include "core/otp/code.h"

#include <string.h>

/* Messages a node handles in one weft_node_run: enough to be cheap, few enough to stay fair to the
 * driver's sockets. */
#define RUN_MESSAGES_MAX 1024

#define INTENSITY_DEFAULT 10
#define PERIOD_DEFAULT WEFT_S(10)

/* How long a DHT may take to save its table when the node stops. */
#define DHT_SHUTDOWN WEFT_S(2)

struct weft_node {
    struct weft_env *env;
    struct weft_sched *sched;
    weft_pid root;
    struct weft_app_spec *specs;    /* of the configuration and of its modules, if it has any */
    size_t specs_count, specs_room; /* room in bytes */
    bool stopping;
};

/* `name` is copied by the supervisor, as all of it is. */
static struct weft_child_spec apps_spec(const struct weft_app_config *apps, const char *name) {
    return (struct weft_child_spec){.id = "application",
                                    .name = name,
                                    .behaviour = &weft_app_controller,
                                    .arg = weft_bytes(apps, sizeof *apps),
                                    .shutdown = WEFT_INFINITY};
}

static int load_module(struct weft_node *node, const struct weft_node_module *module,
                       struct weft_reason *why) {
    const struct weft_module_info *info;
    struct weft_code_text text;
    int rv = weft_code_load(node->sched, module->path, &info, &text);
    if (rv != WEFT_OK) {
        *why = weft_reason_text(WEFT_REASON_START, rv, "%s", text.text);
        return rv;
    }
    if (info->application == NULL) return WEFT_OK;
    weft_code_keep(node->sched, info); /* the specs below point into it */
    node->specs[node->specs_count++] = (struct weft_app_spec){.application = info->application,
                                                              .type = module->type,
                                                              .load_only = module->load_only,
                                                              .env = module->env,
                                                              .env_count = module->env_count};
    return WEFT_OK;
}

static size_t specs_room(const struct weft_node_config *config) {
    return (config->apps_count + config->modules_count) * sizeof(struct weft_app_spec);
}

/* Modules are loaded, and what they bring stands behind what the configuration has. */
static int load_modules(struct weft_node *node, const struct weft_node_config *config,
                        struct weft_reason *why) {
    int rv = WEFT_OK;
    if (config->modules_count == 0) return WEFT_OK;
    node->specs = weft_mem_zalloc(node->env->mem, specs_room(config));
    if (node->specs == NULL) return WEFT_ERR_NOMEM;
    for (size_t i = 0; i < config->apps_count; i++)
        node->specs[node->specs_count++] = config->apps[i];
    for (size_t i = 0; rv == WEFT_OK && i < config->modules_count; i++)
        rv = load_module(node, &config->modules[i], why);
    return rv;
}

/* Children of the root that are on scheduler 0 only. Their specs point at `place`, which outlives
 * the start of the root. */
static size_t own_children(const struct weft_node_config *const *place,
                           struct weft_child_spec *children) {
    const struct weft_node_config *config = *place;
    size_t count = 0;
    if (config->dist != NULL) {
        children[count++] =
            (struct weft_child_spec){.id = "dist",
                                     .behaviour = &weft_dist,
                                     .arg = weft_bytes(config->dist, sizeof *config->dist)};
    }
    if (config->dht != NULL) {
        children[count++] =
            (struct weft_child_spec){.id = "dht",
                                     .name = WEFT_DHT_NAME,
                                     .behaviour = &weft_dht_service,
                                     .arg = weft_bytes(&config->dht, sizeof config->dht),
                                     .shutdown = DHT_SHUTDOWN};
    }
    children[count++] = (struct weft_child_spec){.id = "control",
                                                 .name = WEFT_CONTROL_NAME,
                                                 .behaviour = &weft_node__control,
                                                 .arg = weft_bytes(place, sizeof *place)};
    return count;
}

static struct weft_child_spec each_spec(const struct weft_sup_config *each) {
    return (struct weft_child_spec){.id = "each",
                                    .behaviour = &weft_supervisor,
                                    .arg = weft_bytes(each, sizeof *each),
                                    .type = WEFT_TYPE_SUPERVISOR,
                                    .shutdown = WEFT_INFINITY};
}

/* Start the tree. The specs are on the stack: the supervisor copies them; what they point at is
 * the configuration, which outlives the node. */
static int start_tree(struct weft_node *node, const struct weft_node_config *config,
                      struct weft_reason *why) {
    struct weft_app_config apps = {.apps = config->apps, .apps_count = config->apps_count};
    if (node->specs != NULL) {
        apps = (struct weft_app_config){.apps = node->specs, .apps_count = node->specs_count};
    }
    struct weft_sup_config each = {.strategy = WEFT_ONE_FOR_ONE,
                                   .children = config->each,
                                   .children_count = config->each_count};
    struct weft_child_spec children[5];
    char controller[WEFT_APP_CONTROLLER_MAX];
    size_t count = config->scheduler == 0 ? own_children(&config, children) : 0;
    weft_app_controller_name(config->scheduler, controller);
    if (apps.apps_count > 0 || config->apps_later) children[count++] = apps_spec(&apps, controller);
    if (config->each_count > 0) children[count++] = each_spec(&each);
    struct weft_sup_config root = {.strategy = WEFT_ONE_FOR_ONE,
                                   .intensity = config->intensity != 0 ? config->intensity
                                                                       : INTENSITY_DEFAULT,
                                   .period = config->period != 0 ? config->period : PERIOD_DEFAULT,
                                   .children = children,
                                   .children_count = count};
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&root, sizeof root),
                               .name = config->scheduler == 0 ? "root" : NULL};
    return weft_sched_start(node->sched, &spawn, &node->root, why);
}

int weft_node_new(struct weft_env *env, const struct weft_node_config *config,
                  struct weft_node **out, struct weft_reason *why) {
    WEFT_ASSERT(env != NULL);
    WEFT_ASSERT(config != NULL);
    WEFT_ASSERT(why != NULL);
    struct weft_node *node = weft_mem_zalloc(env->mem, sizeof *node);
    *why = weft_reason_text(WEFT_REASON_START, WEFT_ERR_NOMEM, "no memory for a node");
    if (node == NULL) return WEFT_ERR_NOMEM;
    node->env = env;
    node->specs_room = specs_room(config);
    struct weft_sched_config sched = {.hub = config->hub,
                                      .index = config->scheduler,
                                      .plain_memory = config->plain_memory,
                                      .offers = config->offers,
                                      .offers_count = config->offers_count,
                                      .handler_max = config->handler_max};
    int rv = weft_sched_new(env, &sched, &node->sched);
    if (rv != WEFT_OK) goto err_after_node;
    rv = load_modules(node, config, why);
    if (rv == WEFT_OK) rv = start_tree(node, config, why);
    if (rv != WEFT_OK) goto err_after_sched;
    *out = node;
    return WEFT_OK;

err_after_sched:
    weft_sched_free(node->sched);
    weft_mem_free(env->mem, node->specs, node->specs_room);
err_after_node:
    weft_mem_free(env->mem, node, sizeof *node);
    return rv;
}

void weft_node_free(struct weft_node *node) {
    WEFT_ASSERT(node != NULL);
    WEFT_ASSERT(node->sched != NULL);
    weft_sched_free(node->sched);
    weft_mem_free(node->env->mem, node->specs, node->specs_room);
    weft_mem_free(node->env->mem, node, sizeof *node);
}

void weft_node_deliver(struct weft_node *node, const struct weft_event *event) {
    WEFT_ASSERT(node != NULL);
    WEFT_ASSERT(event != NULL);
    weft_sched_deliver(node->sched, event);
}

void weft_node_fetch(const struct weft_node *node, unsigned step) {
    if (step == 0) {
        weft_fetch(node, sizeof *node);
        return;
    }
    const void *state = weft_sched_fetch(node->sched, step - 1, &weft_dht_service);
    if (state != NULL) weft_dht_service_fetch(state, step - 1 - WEFT_SCHED_FETCH_STEPS);
}

bool weft_node_run(struct weft_node *node) { return weft_sched_run(node->sched, RUN_MESSAGES_MAX); }

weft_time weft_node_next_at(const struct weft_node *node) {
    return weft_sched_next_at(node->sched);
}

void weft_node_stop(struct weft_node *node) {
    WEFT_ASSERT(node != NULL);
    if (node->stopping) return;
    node->stopping = true;
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_sched_exit(node->sched, node->root, &shutdown);
}

bool weft_node_ended(const struct weft_node *node, struct weft_reason *why) {
    WEFT_ASSERT(node != NULL);
    bool ended = weft_sched_ended(node->sched, why);
    /* A supervisor that gives up ends with SHUTDOWN (OTP), as one that was told to. */
    bool gave_up = ended && !node->stopping && !weft_sched_halting(node->sched);
    if (gave_up && why != NULL && weft_reason_is_clean(why)) why->kind = WEFT_REASON_LIMIT;
    return ended;
}

struct weft_sched *weft_node_sched(struct weft_node *node) {
    return node->sched;
}

int weft_node_ask(struct weft_node *node, const struct weft_node_ask *ask) {
    WEFT_ASSERT(node != NULL);
    WEFT_ASSERT((ask->op >> 63) == 0);
    WEFT_ASSERT(ask->kind >= WEFT_NODE_FIND_NODES);
    WEFT_ASSERT(ask->kind <= WEFT_NODE_SUP_COUNT);
    if (ask->data.size > WEFT_ITEM_SIZE_MAX) return WEFT_ERR_TOO_BIG;
    weft_pid control = weft_sched_whereis(node->sched, WEFT_CONTROL_NAME);
    if (weft_pid_is_none(control)) return WEFT_ERR_NO_PROC;
    unsigned char bytes[sizeof *ask + WEFT_ITEM_SIZE_MAX];
    struct weft_node_ask head = *ask;
    head.data = weft_bytes(NULL, head.data.size); /* its bytes follow */
    memcpy(bytes, &head, sizeof head);
    if (ask->data.size > 0) memcpy(bytes + sizeof *ask, ask->data.data, ask->data.size);
    return weft_sched_send(node->sched, control, ask->kind,
                           weft_bytes(bytes, sizeof *ask + ask->data.size));
}
