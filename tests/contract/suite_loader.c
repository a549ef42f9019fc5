/* Claims about the loader. CONTRACT_MODULE_1 and _2 are the paths of module/module.c, built twice.
 */
#define _GNU_SOURCE
#include "tests/contract/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int version_of(struct weft_env *env, struct weft_module *module) {
    const int *version = env->loader->symbol(env, module, "contract_version");
    return version != NULL ? *version : -1;
}

static bool copy_file(const char *from, const char *to) {
    static char data[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    bool ok = in != NULL && out != NULL;
    size_t size = ok ? fread(data, 1, sizeof data, in) : 0;
    ok = ok && size > 0 && size < sizeof data && fwrite(data, 1, size, out) == size;
    if (in != NULL) fclose(in);
    if (out != NULL && fclose(out) != 0) ok = false;
    return ok;
}

void a_module_gives_its_symbols(void) {
    char why[256] = "";
    struct weft_module *module;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    REQUIRE(env->loader->load(env, CONTRACT_MODULE_1, &module, why, sizeof why) == WEFT_OK);
    CHECK_EQ_INT(version_of(env, module), 1);
    CHECK(env->loader->symbol(env, module, "no_such_symbol") == NULL);
    env->loader->unload(env, module);
    contract_end();
}

void a_changed_module_loads_beside_the_old(void) {
    char path[] = "/tmp/weft-contract-XXXXXX", why[256] = "";
    struct weft_module *old, *new;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    CHECK(copy_file(CONTRACT_MODULE_1, path));
    REQUIRE(env->loader->load(env, path, &old, why, sizeof why) == WEFT_OK);
    CHECK(copy_file(CONTRACT_MODULE_2, path));
    REQUIRE(env->loader->load(env, path, &new, why, sizeof why) == WEFT_OK);
    CHECK_EQ_INT(version_of(env, old), 1);
    CHECK_EQ_INT(version_of(env, new), 2);
    env->loader->unload(env, old);
    CHECK_EQ_INT(version_of(env, new), 2);
    CHECK(copy_file(CONTRACT_MODULE_1, path));
    REQUIRE(env->loader->load(env, path, &old, why, sizeof why) == WEFT_OK);
    CHECK_EQ_INT(version_of(env, old), 1);
    env->loader->unload(env, old);
    env->loader->unload(env, new);
    unlink(path);
    contract_end();
}

void a_missing_module_is_not_found(void) {
    char why[256] = "";
    struct weft_module *module = NULL;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    CHECK_EQ_INT(env->loader->load(env, "/nowhere/x.so", &module, why, sizeof why),
                 WEFT_ERR_NOT_FOUND);
    CHECK(strstr(why, "/nowhere/x.so") != NULL);
    CHECK(module == NULL);
    contract_end();
}

void a_file_that_is_no_module_is_malformed(void) {
    char path[] = "/tmp/weft-contract-XXXXXX", why[256] = "";
    struct weft_module *module = NULL;
    if (!contract_begin()) return;
    struct weft_env *env = contract_env(CONTRACT_A);
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    CHECK_EQ_INT(write(fd, "int main;\n", 10), 10);
    close(fd);
    CHECK_EQ_INT(env->loader->load(env, path, &module, why, sizeof why), WEFT_ERR_MALFORMED);
    CHECK(strstr(why, path) == why);
    CHECK(module == NULL);
    unlink(path);
    contract_end();
}
