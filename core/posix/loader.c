/* Shared objects, each loaded from a copy in memory: the file may change, and a second load of the
 * same path gives the new code. The same bytes are loaded once, however many ask: modules own no
 * writable data, and a simulator has a hundred thousand nodes. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define NAME_SIZE 32

static void copy_name(int fd, char name[NAME_SIZE]) {
    int size = snprintf(name, NAME_SIZE, "/proc/self/fd/%d", fd);
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT(size < NAME_SIZE);
}

static int copy_all(int from, int to) {
    for (;;) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)1 << 30);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return (int)sent;
    }
}

/* WEFT_ERR_NOT_FOUND also when it may not be read. */
static int copy_to_memory(const char *path, int *out) {
    int rv = WEFT_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return errno == ENOMEM || errno == EMFILE ? WEFT_ERR_NOMEM : WEFT_ERR_NOT_FOUND;
    int copy = memfd_create("weft-module", MFD_CLOEXEC);
    if (copy < 0) rv = WEFT_ERR_NOMEM;
    if (rv == WEFT_OK && copy_all(file, copy) != 0) {
        rv = errno == ENOSPC || errno == ENOMEM ? WEFT_ERR_NOMEM : WEFT_ERR_MALFORMED;
    }
    int was = errno; /* says why */
    if (rv != WEFT_OK && copy >= 0) close(copy);
    close(file);
    errno = was;
    *out = copy;
    return rv;
}

/* Clears the head's machine when it is no ELF file of 64 bits. */
static void read_head(int fd, Elf64_Ehdr *head) {
    ssize_t size = fd >= 0 ? pread(fd, head, sizeof *head, 0) : -1;
    bool is_elf = size == (ssize_t)sizeof *head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0;
    if (!is_elf || head->e_ident[EI_CLASS] != ELFCLASS64) *head = (Elf64_Ehdr){.e_type = ET_NONE};
}

/* What is wrong with it before the linker looks: of another machine's objects it only says that
 * there is no such file. NULL: nothing. */
static const char *file_trouble(int fd) {
    Elf64_Ehdr head, own;
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    read_head(self, &own);
    if (self >= 0) close(self);
    read_head(fd, &head);
    if (sizeof(void *) != 8 || own.e_type == ET_NONE) return NULL; /* nothing to compare with */
    if (head.e_type != ET_DYN) return "is no shared object of 64 bits: build it with -shared -fPIC";
    if (head.e_machine != own.e_machine) return "is built for another kind of machine than this";
    return NULL;
}

/* The linker's words speak of the copy: put the path in its place. */
static void explain(const char *name, const char *path, char *why, size_t why_size) {
    const char *words = dlerror();
    if (words == NULL) words = "unknown reason";
    size_t size = strlen(name);
    if (strncmp(words, name, size) == 0) {
        snprintf(why, why_size, "%s%s", path, words + size);
    } else {
        snprintf(why, why_size, "%s: %s", path, words);
    }
}

#define COMPARE_SIZE 16384

static bool same_bytes(int a, int b) {
    unsigned char left[COMPARE_SIZE], right[COMPARE_SIZE];
    for (off_t at = 0;; at += COMPARE_SIZE) {
        ssize_t size = pread(a, left, sizeof left, at), other = pread(b, right, sizeof right, at);
        if (size < 0 || size != other) return false;
        if (memcmp(left, right, (size_t)size) != 0) return false;
        if (size < COMPARE_SIZE) return true;
    }
}

/* The module that was loaded from these bytes, or NULL. */
static struct weft_module *find_same(const struct weft_posix *posix, int fd) {
    const struct weft_link *list = &posix->modules;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct weft_module *module = WEFT_CONTAINER(at, struct weft_module, link);
        if (same_bytes(module->fd, fd)) return module;
    }
    return NULL;
}

static int loader_load(struct weft_env *env, const char *path, struct weft_module **out, char *why,
                       size_t why_size) {
    struct weft_posix *posix = weft_posix__of(env);
    char name[NAME_SIZE];
    int fd = -1;
    WEFT_ASSERT(path != NULL);
    int rv = copy_to_memory(path, &fd);
    if (rv != WEFT_OK) {
        const char *words = rv == WEFT_ERR_MALFORMED ? "is no shared object" : strerror(errno);
        snprintf(why, why_size, "%s: %s", path, words);
        return rv;
    }
    struct weft_module *module = find_same(posix, fd);
    if (module != NULL) {
        close(fd);
        module->refs++;
        *out = module;
        return WEFT_OK;
    }
    module = weft_mem_alloc(&posix->own.base, sizeof *module);
    if (module == NULL) {
        rv = WEFT_ERR_NOMEM;
        goto err_after_copy;
    }
    copy_name(fd, name);
    const char *trouble = file_trouble(fd);
    *module = (struct weft_module){.fd = fd, .refs = 1};
    if (trouble == NULL) module->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (module->handle == NULL) {
        if (trouble != NULL) snprintf(why, why_size, "%s: %s", path, trouble);
        if (trouble == NULL) explain(name, path, why, why_size);
        rv = WEFT_ERR_MALFORMED;
        goto err_after_alloc;
    }
    weft_list_push_back(&posix->modules, &module->link);
    posix->stats.modules++;
    *out = module;
    return WEFT_OK;

err_after_alloc:
    weft_mem_free(&posix->own.base, module, sizeof *module);
err_after_copy:
    close(fd);
    return rv;
}

static const void *loader_symbol(struct weft_env *env, struct weft_module *module,
                                 const char *name) {
    (void)env;
    WEFT_ASSERT(module != NULL);
    WEFT_ASSERT(name != NULL);
    return dlsym(module->handle, name);
}

static void loader_unload(struct weft_env *env, struct weft_module *module) {
    struct weft_posix *posix = weft_posix__of(env);
    char name[NAME_SIZE];
    WEFT_ASSERT(module != NULL);
    WEFT_ASSERT(posix->stats.modules > 0);
    WEFT_ASSERT(module->refs > 0);
    if (--module->refs > 0) return;
    weft_list_remove(&module->link);
    dlclose(module->handle);
    copy_name(module->fd, name);
    /* An object that cannot be unloaded keeps its name, and so its descriptor: a later copy with
     * that number would be taken for it. */
    void *stays = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (stays == NULL) close(module->fd);
    posix->stats.modules--;
    weft_mem_free(&posix->own.base, module, sizeof *module);
}

const struct weft_loader_ops weft_posix__loader = {
    .load = loader_load, .symbol = loader_symbol, .unload = loader_unload};

void weft_posix__loader_deinit(struct weft_posix *posix) {
    while (!weft_list_empty(&posix->modules)) {
        struct weft_module *module = WEFT_CONTAINER(posix->modules.next, struct weft_module, link);
        module->refs = 1;
        loader_unload(&posix->env, module);
    }
}
