/* The service process on a real scheduler, in a small world: nodes whose datagrams take 10 ms, and
 * disks that remember files. */
#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/dht/service.h"
#include "core/otp/sched.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define NODES_MAX 4
#define FILES_MAX 4
#define QUEUE_MAX 4096
#define TABLE_FILE "dht/table"

struct file {
    char name[64];
    unsigned char data[65536];
    size_t size;
    bool used;
};

struct node {
    struct weft_env env;
    struct weft_mem_heap heap;
    struct weft_sched *sched;
    weft_pid root;
    struct weft_dht_service_config config;
    const struct weft_dht_service_config *arg; /* of the service: it borrows what this points at */
    struct weft_addr bootstrap;
    struct file files[FILES_MAX];
    uint64_t owner; /* of the one socket */
    uint64_t entropy;
    size_t traced[WEFT_TRACE_KIND_COUNT];
    weft_id id; /* as told by DHT_UP */
    bool restored;
    int open_error;
    size_t replies; /* to calls of the root */
    int status;
    unsigned char reply[65536];
    size_t reply_size;
};

struct datagram {
    weft_time at;
    size_t to;
    struct weft_addr from;
    unsigned char data[WEFT_KRPC_SIZE_MAX];
    size_t size;
};

static struct {
    struct node nodes[NODES_MAX];
    struct datagram queue[QUEUE_MAX];
    size_t head, tail;
    weft_time now;
} * world;

static struct node *node_of(struct weft_env *env) {
    return (struct node *)(void *)((char *)env - offsetof(struct node, env));
}

static struct weft_addr node_addr(size_t index) {
    return weft_addr_v4(10, 0, 0, (unsigned char)(index + 1), 6881);
}

/* --- env --- */

static weft_time on_monotonic(struct weft_env *env) {
    (void)env;
    return world->now;
}

static void on_fill(struct weft_env *env, void *out, size_t size) {
    struct node *node = node_of(env);
    unsigned char *bytes = out;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)weft_draw(9, env->node, 0, node->entropy++);
    }
}

static int on_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                   weft_socket *out) {
    struct node *node = node_of(env);
    (void)local;
    if (node->open_error != WEFT_OK) return node->open_error;
    node->owner = owner;
    *out = 1;
    return WEFT_OK;
}

static int on_send(struct weft_env *env, weft_socket socket, const struct weft_addr *to,
                   const void *data, size_t size) {
    (void)socket;
    size_t index = to->ip[3] - 1u;
    if (index >= NODES_MAX || world->nodes[index].sched == NULL) return WEFT_OK;
    struct datagram *datagram = &world->queue[world->tail++ % QUEUE_MAX];
    datagram->at = world->now + WEFT_MS(10);
    datagram->to = index;
    datagram->from = node_addr(env->node);
    datagram->size = size;
    memcpy(datagram->data, data, size);
    return WEFT_OK;
}

static void on_own(struct weft_env *env, weft_socket socket, uint64_t owner) {
    (void)socket;
    node_of(env)->owner = owner;
}

static void on_close(struct weft_env *env, weft_socket socket) {
    (void)socket;
    node_of(env)->owner = 0;
}

static struct file *file_named(struct node *node, const char *name) {
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (node->files[i].used && strcmp(node->files[i].name, name) == 0) return &node->files[i];
    }
    return NULL;
}

static int disk_open(struct weft_env *env, const char *path, int mode, weft_file *out) {
    struct node *node = node_of(env);
    struct file *file = file_named(node, path);
    for (size_t i = 0; file == NULL && (mode & WEFT_DISK_CREATE) && i < FILES_MAX; i++) {
        if (node->files[i].used) continue;
        file = &node->files[i];
        file->used = true;
        file->size = 0;
        strcpy(file->name, path);
    }
    if (file == NULL) return WEFT_ERR_NOT_FOUND;
    if (mode & WEFT_DISK_TRUNCATE) file->size = 0;
    *out = (weft_file)(file - node->files) + 1;
    return WEFT_OK;
}

static int64_t disk_read(struct weft_env *env, weft_file file, uint64_t offset, void *data,
                         size_t size) {
    const struct file *it = &node_of(env)->files[file - 1];
    size_t left = offset < it->size ? it->size - offset : 0;
    if (size > left) size = left;
    memcpy(data, it->data + offset, size);
    return (int64_t)size;
}

static int disk_write(struct weft_env *env, weft_file file, uint64_t offset, const void *data,
                      size_t size) {
    struct file *it = &node_of(env)->files[file - 1];
    memcpy(it->data + offset, data, size);
    it->size = offset + size;
    return WEFT_OK;
}

static int64_t disk_size(struct weft_env *env, weft_file file) {
    return (int64_t)node_of(env)->files[file - 1].size;
}

static int disk_sync(struct weft_env *env, weft_file file) {
    (void)env;
    (void)file;
    return WEFT_OK;
}

static void disk_close(struct weft_env *env, weft_file file) {
    (void)env;
    (void)file;
}

static int disk_remove(struct weft_env *env, const char *path) {
    struct file *file = file_named(node_of(env), path);
    if (file == NULL) return WEFT_ERR_NOT_FOUND;
    file->used = false;
    return WEFT_OK;
}

static int disk_rename(struct weft_env *env, const char *from, const char *to) {
    struct file *file = file_named(node_of(env), from);
    if (file == NULL) return WEFT_ERR_NOT_FOUND;
    (void)disk_remove(env, to);
    strcpy(file->name, to);
    return WEFT_OK;
}

static int disk_sync_folder(struct weft_env *env, const char *path) {
    (void)env;
    CHECK_EQ_TEXT(path, "dht");
    return WEFT_OK;
}

static bool guard_run(struct weft_env *env, void (*fn)(void *arg), void *arg,
                      volatile int *runtime_depth, struct weft_fault *fault) {
    (void)env;
    (void)runtime_depth;
    (void)fault;
    fn(arg);
    return true;
}

static void on_emit(struct weft_env *env, const struct weft_trace_event *event) {
    struct node *node = node_of(env);
    node->traced[event->kind]++;
    if (event->kind != WEFT_TRACE_DHT_UP) return;
    memcpy(&node->id, event->bytes.data, sizeof node->id);
    node->restored = event->number[1] != 0;
}

static const struct weft_clock_ops clock_ops = {.monotonic = on_monotonic};
static const struct weft_entropy_ops entropy_ops = {.fill = on_fill};
static const struct weft_net_ops net_ops = {.datagram_open = on_open,
                                            .datagram_send = on_send,
                                            .own = on_own,
                                            .close = on_close,
                                            .abort = on_close};
static const struct weft_disk_ops disk_ops = {.open = disk_open,
                                              .read = disk_read,
                                              .write = disk_write,
                                              .size = disk_size,
                                              .sync = disk_sync,
                                              .close = disk_close,
                                              .rename = disk_rename,
                                              .remove = disk_remove,
                                              .sync_folder = disk_sync_folder};
static const struct weft_guard_ops guard_ops = {.run = guard_run};
static const struct weft_trace_ops trace_ops = {on_emit};

/* --- the root: starts the service, asks it what it is told to ask --- */

static int root_init(weft_self *self, struct weft_bytes arg) {
    weft_pid pid;
    weft_trap_exit(self, true);
    return weft_spawn(self,
                      &(struct weft_spawn){
                          .behaviour = &weft_dht_service, .arg = arg, .name = "dht", .link = true},
                      &pid);
}

static void root_handle(weft_self *self, const struct weft_msg *msg) {
    struct node *node = node_of(weft_self_env(self));
    weft_ref ref;
    if (msg->kind == WEFT_MSG_CAST && msg->tag == 0) {
        struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
        weft_exit(self, weft_whereis(self, "dht"), &why);
    } else if (msg->kind == WEFT_MSG_CAST) {
        CHECK_EQ_INT(
            weft_call(self, weft_whereis(self, "dht"), msg->tag, msg->data, WEFT_S(60), &ref),
            WEFT_OK);
    } else if (msg->kind == WEFT_MSG_REPLY) {
        node->replies++;
        node->status = msg->status;
        node->reply_size = msg->data.size;
        if (msg->data.size > 0) memcpy(node->reply, msg->data.data, msg->data.size);
    }
}

static WEFT_PROCESS(root_v1, .name = "root", .version = 1, .init = root_init,
                    .handle = root_handle);

static int boot(size_t index) {
    struct node *node = &world->nodes[index];
    struct weft_reason why;
    weft_mem_heap_init(&node->heap, 0);
    node->env = (struct weft_env){.clock = &clock_ops,
                                  .entropy = &entropy_ops,
                                  .net = &net_ops,
                                  .disk = &disk_ops,
                                  .guard = &guard_ops,
                                  .trace = &trace_ops,
                                  .trace_mask = WEFT_TRACE_ALL,
                                  .mem = &node->heap.base,
                                  .node = (uint32_t)index};
    node->arg = &node->config;
    node->config.bind4 = node_addr(index);
    node->config.path = TABLE_FILE;
    node->bootstrap = node_addr(0);
    node->config.bootstrap = &node->bootstrap;
    node->config.bootstrap_count = index > 0;
    memset(node->traced, 0, sizeof node->traced);
    CHECK_EQ_INT(weft_sched_new(&node->env, &(struct weft_sched_config){0}, &node->sched), WEFT_OK);
    return weft_sched_start(node->sched,
                            &(struct weft_spawn){.behaviour = &root_v1,
                                                 .arg = weft_bytes(&node->arg, sizeof node->arg)},
                            &node->root, &why);
}

static void halt(size_t index) {
    struct node *node = &world->nodes[index];
    weft_sched_free(node->sched);
    node->sched = NULL;
    CHECK_EQ_UINT(node->heap.bytes, 0);
    CHECK_EQ_UINT(node->heap.blocks, 0);
}

static void open_world(void) {
    world = calloc(1, sizeof *world);
    if (world == NULL) abort();
    world->now = WEFT_S(5);
}

static void close_world(void) {
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (world->nodes[i].sched != NULL) halt(i);
    }
    free(world);
}

static void run_all(void) {
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (world->nodes[i].sched == NULL) continue;
        while (weft_sched_run(world->nodes[i].sched, 1000)) continue;
    }
}

static weft_time next_at(void) {
    weft_time at =
        world->head < world->tail ? world->queue[world->head % QUEUE_MAX].at : WEFT_TIME_NEVER;
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (world->nodes[i].sched == NULL) continue;
        at = weft_time_min(at, weft_sched_next_at(world->nodes[i].sched));
    }
    return at;
}

static void deliver(void) {
    while (world->head < world->tail && world->queue[world->head % QUEUE_MAX].at <= world->now) {
        struct datagram *datagram = &world->queue[world->head++ % QUEUE_MAX];
        struct node *node = &world->nodes[datagram->to];
        const struct weft_event event = {.kind = WEFT_EVENT_DATAGRAM,
                                         .owner = node->owner,
                                         .socket = 1,
                                         .from = datagram->from,
                                         .data = datagram->data,
                                         .size = datagram->size};
        if (node->sched != NULL && node->owner != 0) weft_sched_deliver(node->sched, &event);
    }
}

static void pass(weft_duration duration) {
    weft_time until = world->now + duration;
    run_all();
    while (next_at() <= until) {
        world->now = weft_time_max(world->now, next_at());
        deliver();
        run_all();
    }
    world->now = until;
}

static void ask(size_t index, uint32_t tag, const void *data, size_t size) {
    struct node *node = &world->nodes[index];
    size_t before = node->replies;
    CHECK_EQ_INT(weft_sched_send(node->sched, node->root, tag, weft_bytes(data, size)), WEFT_OK);
    for (int i = 0; i < 300 && node->replies == before; i++) pass(WEFT_MS(100));
    CHECK_EQ_UINT(node->replies, before + 1);
}

static struct weft_dht_stats stats_of(size_t index) {
    struct weft_dht_stats stats = {0};
    ask(index, WEFT_DHT_REQ_STATS, NULL, 0);
    CHECK_EQ_UINT(world->nodes[index].reply_size, sizeof stats);
    memcpy(&stats, world->nodes[index].reply, sizeof stats);
    return stats;
}

/* --- tests --- */

static void services_bootstrap_put_and_get(void) {
    open_world();
    for (size_t i = 0; i < 3; i++) CHECK_EQ_INT(boot(i), WEFT_OK);
    pass(WEFT_S(10));
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ_UINT(stats_of(i).contacts4, 2);
        CHECK_EQ_UINT(world->nodes[i].traced[WEFT_TRACE_DHT_UP], 1);
        CHECK_EQ_UINT(world->nodes[i].traced[WEFT_TRACE_DHT_JOINED], 1);
        CHECK(world->nodes[i].traced[WEFT_TRACE_DHT_TABLE] >= 2);
    }
    unsigned char request[sizeof(struct weft_dht_ask) + 7];
    struct weft_dht_ask question = {.op = 0};
    struct weft_dht_answer_view view;
    memcpy(request, &question, sizeof question);
    memcpy(request + sizeof question, "5:hello", 7);
    ask(1, WEFT_DHT_REQ_PUT, request, sizeof request);
    CHECK_EQ_INT(world->nodes[1].status, WEFT_OK);
    REQUIRE(weft_dht_answer_read(weft_bytes(world->nodes[1].reply, world->nodes[1].reply_size),
                                 &view) == WEFT_OK);
    CHECK_EQ_UINT(view.head.stored, 2);
    CHECK_EQ_UINT(view.head.closest_count, 2);
    question.target = view.head.target;
    ask(2, WEFT_DHT_REQ_GET, &question, sizeof question);
    CHECK_EQ_INT(world->nodes[2].status, WEFT_OK);
    REQUIRE(weft_dht_answer_read(weft_bytes(world->nodes[2].reply, world->nodes[2].reply_size),
                                 &view) == WEFT_OK);
    REQUIRE(view.head.value_size == 7);
    CHECK_EQ_BYTES(view.value, "5:hello", 7);
    close_world();
}

static void the_table_and_the_id_come_back_from_disk(void) {
    open_world();
    for (size_t i = 0; i < 3; i++) CHECK_EQ_INT(boot(i), WEFT_OK);
    pass(WEFT_S(20)); /* joined, and saved 5 s later */
    weft_id before = world->nodes[1].id;
    CHECK(!world->nodes[1].restored);
    halt(1); /* no terminate: as a crash */
    pass(WEFT_S(1));
    CHECK_EQ_INT(boot(1), WEFT_OK);
    CHECK(world->nodes[1].restored);
    CHECK(weft_id_equal(&world->nodes[1].id, &before));
    pass(WEFT_S(2));
    CHECK_EQ_UINT(stats_of(1).contacts4, 2);
    close_world();
}

static void the_id_is_kept_from_the_first_moment(void) {
    open_world();
    CHECK_EQ_INT(boot(0), WEFT_OK);
    weft_id before = world->nodes[0].id;
    halt(0);
    CHECK_EQ_INT(boot(0), WEFT_OK);
    CHECK(weft_id_equal(&world->nodes[0].id, &before));
    close_world();
}

static void a_damaged_file_is_logged_and_ignored(void) {
    open_world();
    CHECK_EQ_INT(boot(0), WEFT_OK);
    weft_id before = world->nodes[0].id;
    halt(0);
    struct file *file = file_named(&world->nodes[0], TABLE_FILE);
    REQUIRE(file != NULL);
    file->data[20] ^= 1;
    CHECK_EQ_INT(boot(0), WEFT_OK);
    CHECK(!weft_id_equal(&world->nodes[0].id, &before));
    CHECK_EQ_UINT(world->nodes[0].traced[WEFT_TRACE_LOG], 1);
    close_world();
}

/* Boot three, let node 1 save twice, and crash it. */
static weft_id save_twice(void) {
    open_world();
    for (size_t i = 0; i < 3; i++) CHECK_EQ_INT(boot(i), WEFT_OK);
    pass(WEFT_S(20));
    CHECK(file_named(&world->nodes[1], TABLE_FILE ".last") != NULL);
    weft_id before = world->nodes[1].id;
    halt(1);
    return before;
}

static void the_last_table_but_one_stands_in_for_a_damaged_one(void) {
    weft_id before = save_twice();
    file_named(&world->nodes[1], TABLE_FILE)->data[20] ^= 1;
    CHECK_EQ_INT(boot(1), WEFT_OK);
    CHECK(world->nodes[1].restored);
    CHECK(weft_id_equal(&world->nodes[1].id, &before));
    pass(WEFT_S(20));
    halt(1);
    CHECK_EQ_INT(boot(1), WEFT_OK);
    CHECK(weft_id_equal(&world->nodes[1].id, &before));
    close_world();
}

static void the_last_table_but_one_stands_in_for_a_missing_one(void) {
    weft_id before = save_twice();
    file_named(&world->nodes[1], TABLE_FILE)->used = false; /* a crash between the two renames */
    CHECK_EQ_INT(boot(1), WEFT_OK);
    CHECK(weft_id_equal(&world->nodes[1].id, &before));
    close_world();
}

static void two_damaged_tables_are_ignored(void) {
    weft_id before = save_twice();
    file_named(&world->nodes[1], TABLE_FILE)->data[20] ^= 1;
    file_named(&world->nodes[1], TABLE_FILE ".last")->data[20] ^= 1;
    CHECK_EQ_INT(boot(1), WEFT_OK);
    CHECK(!weft_id_equal(&world->nodes[1].id, &before));
    close_world();
}

static void a_given_id_wins_over_the_saved_one(void) {
    open_world();
    CHECK_EQ_INT(boot(0), WEFT_OK);
    halt(0);
    world->nodes[0].config.has_id = true;
    world->nodes[0].config.id = (weft_id){{7}};
    CHECK_EQ_INT(boot(0), WEFT_OK);
    CHECK(weft_id_equal(&world->nodes[0].id, &(weft_id){{7}}));
    close_world();
}

static void stopping_saves_and_tells(void) {
    open_world();
    for (size_t i = 0; i < 2; i++) CHECK_EQ_INT(boot(i), WEFT_OK);
    pass(WEFT_S(2));
    (void)disk_remove(&world->nodes[1].env, TABLE_FILE);
    CHECK_EQ_INT(
        weft_sched_send(world->nodes[1].sched, world->nodes[1].root, 0, weft_bytes(NULL, 0)),
        WEFT_OK);
    pass(WEFT_S(1));
    CHECK_EQ_UINT(world->nodes[1].traced[WEFT_TRACE_DHT_DOWN], 1);
    const struct file *file = file_named(&world->nodes[1], TABLE_FILE);
    REQUIRE(file != NULL);
    CHECK_EQ_UINT(file->size, 44 + 26);
    close_world();
}

static void init_fails_with_the_sockets_error(void) {
    open_world();
    world->nodes[0].open_error = WEFT_ERR_IN_USE;
    CHECK_EQ_INT(boot(0), WEFT_ERR_IN_USE);
    close_world();
}

static void bootstrapping_goes_on_while_the_table_is_empty(void) {
    open_world();
    CHECK_EQ_INT(boot(1), WEFT_OK); /* its bootstrap node is not there yet */
    pass(WEFT_S(30));
    CHECK_EQ_UINT(stats_of(1).contacts4, 0);
    CHECK_EQ_INT(boot(0), WEFT_OK);
    pass(WEFT_S(12));
    CHECK_EQ_UINT(stats_of(1).contacts4, 1);
    CHECK_EQ_UINT(stats_of(0).contacts4, 1);
    close_world();
}

static void bad_requests_are_refused(void) {
    open_world();
    CHECK_EQ_INT(boot(0), WEFT_OK);
    ask(0, 99, NULL, 0);
    CHECK_EQ_INT(world->nodes[0].status, WEFT_ERR_UNSUPPORTED);
    for (uint32_t tag = WEFT_DHT_REQ_FIND_NODES; tag <= WEFT_DHT_REQ_ADD; tag++) {
        ask(0, tag, "x", 1);
        CHECK_EQ_INT(world->nodes[0].status, WEFT_ERR_INVAL);
    }
    ask(0, WEFT_DHT_REQ_TABLE, NULL, 0);
    CHECK_EQ_INT(world->nodes[0].status, WEFT_OK);
    CHECK_EQ_UINT(world->nodes[0].reply_size, 0);
    struct weft_dht_answer_view view;
    CHECK_EQ_INT(weft_dht_answer_read(weft_bytes("x", 1), &view), WEFT_ERR_MALFORMED);
    struct weft_dht_answer lies = {.closest_count = UINT32_MAX};
    CHECK_EQ_INT(weft_dht_answer_read(weft_bytes(&lies, sizeof lies), &view), WEFT_ERR_MALFORMED);
    close_world();
}

static void the_table_is_listed(void) {
    open_world();
    for (size_t i = 0; i < 2; i++) CHECK_EQ_INT(boot(i), WEFT_OK);
    pass(WEFT_S(2));
    ask(0, WEFT_DHT_REQ_TABLE, NULL, 0);
    REQUIRE(world->nodes[0].reply_size == sizeof(struct weft_contact_info));
    struct weft_contact_info info;
    memcpy(&info, world->nodes[0].reply, sizeof info);
    CHECK(info.verified);
    CHECK(weft_id_equal(&info.contact.id, &world->nodes[1].id));
    close_world();
}

TEST_MAIN("dht/service", TEST(services_bootstrap_put_and_get),
          TEST(the_table_and_the_id_come_back_from_disk),
          TEST(the_id_is_kept_from_the_first_moment), TEST(a_damaged_file_is_logged_and_ignored),
          TEST(the_last_table_but_one_stands_in_for_a_damaged_one),
          TEST(the_last_table_but_one_stands_in_for_a_missing_one),
          TEST(two_damaged_tables_are_ignored), TEST(a_given_id_wins_over_the_saved_one),
          TEST(stopping_saves_and_tells), TEST(init_fails_with_the_sockets_error),
          TEST(bootstrapping_goes_on_while_the_table_is_empty), TEST(bad_requests_are_refused),
          TEST(the_table_is_listed))
