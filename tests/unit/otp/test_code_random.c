/* Random traffic, upgrades, canaries, rollbacks, purges and failing memory: no message is lost, the
 * order of each sender is kept, and nothing leaks. */
#include "tests/unit/otp/code_kit.h"

#include "core/base/rand.h"

#define KVS WEFT_LIMIT(20, 6)
#define STEPS 400

struct model {
    struct weft_rand rand;
    weft_pid pids[KVS];
    uint32_t counts[KVS];
};

static struct model model;

static uint32_t below(uint32_t bound) { return (uint32_t)weft_rand_below(&model.rand, bound); }

static void talk(void) {
    if (WEFT_LIMIT(0, 1)) settle(); /* small mailboxes would be full */
    for (uint32_t i = below(20); i > 0; i--) {
        uint32_t at = below(KVS);
        kv_add(model.pids[at], below(KIT_SENDERS));
        model.counts[at]++;
    }
}

static void change(void) {
    static const char *const paths[] = {"kv1", "kv2", "kv4"};
    static const uint32_t versions[] = {1, 2, 4};
    uint32_t which = below(3);
    struct weft_code_upgrade spec = {.module = "kv",
                                     .version = versions[which],
                                     .mode = (enum weft_code_mode)below(3),
                                     .ppm = below(3) == 0 ? 300000 : 0,
                                     .watch = below(2) * 5};
    (void)load(paths[which]);
    /* What is over WEFT_CODE_SNAPSHOT_MAX would stay spoilt. */
    kit_change = below(4) == 0 ? WEFT_LIMIT(CHANGE_SPOIL, CHANGE_FAULT) : CHANGE_WELL;
    kit_change_of = model.pids[below(KVS)];
    (void)weft_code_upgrade(world.sched, &spec, &why);
}

static void step(void) {
    talk();
    switch (below(6)) {
    case 0:
        change();
        break;
    case 1:
        (void)weft_code_rollback(world.sched, "kv", &why);
        break;
    case 2:
        (void)weft_code_purge(world.sched, "kv", false, &why);
        break;
    case 3:
        (void)weft_code_commit(world.sched, "kv", &why);
        break;
    case 4:
        (void)weft_sched_run(world.sched, below(30) + 1);
        break;
    default:
        settle();
        break;
    }
}

static void total(void *ctx, const struct weft_code_info *info) { *(uint32_t *)ctx += info->procs; }

static void run(uint64_t seed) {
    code_open();
    weft_rand_init(&model.rand, seed);
    for (uint32_t i = 0; i < KVS; i++) {
        model.pids[i] = kv();
        model.counts[i] = 0;
    }
    for (int i = 0; i < STEPS; i++) step();
    kit_change = CHANGE_WELL;
    settle();
    CHECK_EQ_UINT(kit_disorder, 0);
    for (uint32_t i = 0; i < KVS; i++) CHECK_EQ_UINT(kv_count(model.pids[i]), model.counts[i]);
    uint32_t procs = 0;
    weft_code_each(world.sched, total, &procs);
    CHECK_EQ_UINT(procs, KVS);
    world_close();
    CHECK_EQ_UINT(kit_loaded, 0);
}

static void no_message_is_lost_and_none_overtakes(void) {
    for (uint64_t seed = 1; seed <= 50; seed++) run(seed);
}

static void a_run_is_the_same_again(void) {
    uint64_t switched[2];
    for (int i = 0; i < 2; i++) {
        code_open();
        weft_rand_init(&model.rand, 7);
        for (uint32_t k = 0; k < KVS; k++) model.pids[k] = kv();
        for (int s = 0; s < STEPS; s++) step();
        switched[i] = 0;
        for (size_t t = 0; t < world.traces_count; t++)
            switched[i] = switched[i] * 31 + world.traces[t].kind + world.traces[t].number[0];
        world_close();
    }
    CHECK_EQ_UINT(switched[0], switched[1]);
}

TEST_MAIN("otp code random", TEST(no_message_is_lost_and_none_overtakes),
          TEST(a_run_is_the_same_again))
