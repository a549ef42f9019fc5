/* Modules are loaded and unloaded by several schedulers at once: each env its own, one linker. */
#include "core/base/error.h"
#include "core/posix/guard.h"
#include "core/posix/posix.h"
#include "tests/harness/harness.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4
#define ROUNDS 60

static atomic_uint wrong;

static const char *const paths[] = {CONTRACT_MODULE_1, CONTRACT_MODULE_2};

static int version_of(struct weft_env *env, struct weft_module *module) {
    const int *version = env->loader->symbol(env, module, "contract_version");
    return version != NULL ? *version : 0;
}

/* Two versions side by side, unloaded in either order; and what is none. */
static void round_of(struct weft_env *env, unsigned round) {
    struct weft_module *module[2] = {NULL, NULL};
    char why[256];
    for (unsigned i = 0; i < 2; i++) {
        unsigned which = (i + round) % 2;
        int rv = env->loader->load(env, paths[which], &module[which], why, sizeof why);
        if (rv != WEFT_OK || version_of(env, module[which]) != (int)which + 1)
            atomic_fetch_add(&wrong, 1);
    }
    struct weft_module *none = NULL;
    if (env->loader->load(env, "/proc/self/exe/no", &none, why, sizeof why) == WEFT_OK)
        atomic_fetch_add(&wrong, 1);
    for (unsigned i = 0; i < 2; i++) {
        if (module[i] != NULL) env->loader->unload(env, module[i]);
    }
    weft_posix_places_read();
}

static void *run(void *arg) {
    struct weft_posix_config config = {.folder = NULL};
    struct weft_posix *posix;
    unsigned first = *(unsigned *)arg;
    if (weft_posix_new(&config, &posix) != WEFT_OK) {
        atomic_fetch_add(&wrong, 1);
        return NULL;
    }
    for (unsigned i = 0; i < ROUNDS; i++) round_of(weft_posix_env(posix), i + first);
    struct weft_posix_stats stats;
    weft_posix_stats(posix, &stats);
    if (stats.modules != 0) atomic_fetch_add(&wrong, 1);
    weft_posix_free(posix);
    return NULL;
}

static void schedulers_load_and_unload_at_once(void) {
    pthread_t thread[THREADS];
    unsigned first[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        first[i] = i;
        REQUIRE(pthread_create(&thread[i], NULL, run, &first[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    CHECK_EQ_UINT(atomic_load(&wrong), 0);
}

TEST_MAIN("posix/loader", TEST(schedulers_load_and_unload_at_once))
