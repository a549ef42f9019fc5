/* Names of places in machine code: function, file and line from the debug information of the object
 * that is loaded there, program and modules alike. Objects are found by the name they were loaded
 * by, so that a module loaded from a memfd is read again through its descriptor.
 *
 * Shared by all threads: reading an object's information takes milliseconds, and is done once. */
#define _GNU_SOURCE
#include "core/posix/guard_internal.h"

#include "core/base/assert.h"
#include "core/posix/spans.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE 1024 /* places; a power of two */

struct known {
    uintptr_t code; /* 0: nothing */
    struct weft_place place;
};

/* `unloaded` objects since the program started: what is known is of those still there. */
static struct {
    pthread_mutex_t lock;
    Dwfl *dwfl; /* NULL: nothing read */
    unsigned long long unloaded;
    struct known cache[CACHE_SIZE];
} places = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct object {
    uintptr_t code; /* looked for */
    uintptr_t bias;
    const char *path; /* NULL: not found */
    unsigned long long unloaded;
};

static int object_here(struct dl_phdr_info *info, size_t size, void *arg) {
    struct object *object = arg;
    (void)size;
    object->unloaded = info->dlpi_subs;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || object->code < start) continue;
        if (object->code - start >= part->p_memsz) continue;
        object->bias = info->dlpi_addr;
        object->path = info->dlpi_name[0] != '\0' ? info->dlpi_name : "/proc/self/exe";
        return 1;
    }
    return 0;
}

/* Separate files of debug information are not looked for: that may ask servers. */
static int no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                        const char *file, const char *link, GElf_Word crc, char **found) {
    (void)module, (void)user, (void)name, (void)base;
    (void)file, (void)link, (void)crc, (void)found;
    return -1;
}

static int no_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, char **file,
                  Elf **elf) {
    (void)module, (void)user, (void)name, (void)base, (void)file, (void)elf;
    return -1;
}

static const Dwfl_Callbacks callbacks = {.find_elf = no_elf, .find_debuginfo = no_debuginfo};

static int free_spans(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr start,
                      void *arg) {
    (void)module, (void)name, (void)start, (void)arg;
    struct weft_posix__spans *spans = *user;
    if (spans != NULL) weft_posix__spans_free(spans);
    free(spans);
    *user = NULL;
    return DWARF_CB_OK;
}

static void forget(unsigned long long unloaded) {
    if (places.dwfl != NULL) {
        (void)dwfl_getmodules(places.dwfl, free_spans, NULL, 0);
        dwfl_end(places.dwfl);
    }
    places.dwfl = NULL;
    places.unloaded = unloaded;
    memset(places.cache, 0, sizeof places.cache);
}

static Dwfl_Module *module_of(const struct object *object) {
    if (object->path == NULL) return NULL;
    if (places.dwfl == NULL) places.dwfl = dwfl_begin(&callbacks);
    if (places.dwfl == NULL) return NULL;
    Dwfl_Module *module = dwfl_addrmodule(places.dwfl, object->code);
    if (module != NULL) return module;
    dwfl_report_begin_add(places.dwfl);
    module = dwfl_report_elf(places.dwfl, object->path, object->path, -1, object->bias, true);
    if (dwfl_report_end(places.dwfl, NULL, NULL) != 0) return NULL;
    return module;
}

/* The end of a path that does not fit, from a '/' on. */
static void copy_path(char *out, size_t size, const char *path) {
    size_t length = strlen(path);
    if (length >= size) {
        const char *rest = path + length - size + 1, *slash = strchr(rest, '/');
        path = slash != NULL ? slash + 1 : rest;
    }
    snprintf(out, size, "%s", path);
}

/* As the compiler was told it: without the folder it was called in. */
static const char *told(const char *path, Dwarf_Die *unit) {
    Dwarf_Attribute attribute;
    const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    size_t size = folder == NULL ? 0 : strlen(folder);
    if (size == 0 || strncmp(path, folder, size) != 0 || path[size] != '/') return path;
    return path + size + 1;
}

/* clang writes no table of addresses: then the units are asked one by one. */
static Dwarf_Die *unit_of(Dwfl_Module *module, uintptr_t code, Dwarf_Addr *bias) {
    Dwarf_Die *unit = dwfl_module_addrdie(module, code, bias);
    if (unit != NULL) return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)) != NULL)
        if (dwarf_haspc(unit, code - *bias) > 0) return unit;
    return NULL;
}

static void find_line(Dwarf_Die *unit, Dwarf_Addr bias, struct known *known) {
    Dwarf_Line *line = unit == NULL ? NULL : dwarf_getsrc_die(unit, known->code - bias);
    if (line == NULL || dwarf_lineno(line, &known->place.line) != 0) return;
    const char *path = dwarf_linesrc(line, NULL, NULL);
    if (path != NULL) copy_path(known->place.file, sizeof known->place.file, told(path, unit));
}

/* By the tree of the unit, which is slow. */
static const char *scope_at(Dwarf_Die *unit, Dwarf_Addr code) {
    Dwarf_Die *scopes = NULL;
    const char *name = NULL;
    int count = unit == NULL ? 0 : dwarf_getscopes(unit, code, &scopes);
    for (int i = 0; i < count && name == NULL; i++) name = weft_posix__scope_name(&scopes[i]);
    free(scopes);
    return name;
}

/* NULL: there was no memory to look there. */
static struct weft_posix__spans **spans_of(Dwfl_Module *module) {
    void **user = NULL;
    (void)dwfl_module_info(module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
    return (struct weft_posix__spans **)(void *)user;
}

static void find_function(Dwfl_Module *module, Dwarf_Die *unit, Dwarf_Addr bias,
                          struct known *known) {
    struct weft_posix__spans **spans = spans_of(module);
    bool sorted = spans != NULL && *spans != NULL && (*spans)->sorted;
    const char *name = sorted ? weft_posix__spans_find(*spans, known->code - bias)
                              : scope_at(unit, known->code - bias);
    if (name == NULL) name = dwfl_module_addrname(module, known->code);
    if (name != NULL) snprintf(known->place.function, sizeof known->place.function, "%s", name);
}

static void find_place(Dwfl_Module *module, struct known *known) {
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = unit_of(module, known->code, &bias);
    find_line(unit, bias, known);
    find_function(module, unit, bias, known);
}

static void look_up(const struct object *object, struct known *known) {
    *known = (struct known){.code = object->code};
    Dwfl_Module *module = module_of(object);
    if (module != NULL) find_place(module, known);
}

static struct known *slot_of(uintptr_t code) {
    return &places.cache[(code ^ (code >> 10)) & (CACHE_SIZE - 1)];
}

void weft_posix__describe(struct weft_env *env, uintptr_t code, struct weft_place *place) {
    struct object object = {.code = code};
    (void)env;
    WEFT_ASSERT(place != NULL);
    pthread_mutex_lock(&places.lock);
    dl_iterate_phdr(object_here, &object);
    if (object.unloaded != places.unloaded) forget(object.unloaded);
    struct known *known = slot_of(code);
    if (known->code != code) look_up(&object, known);
    *place = known->place;
    pthread_mutex_unlock(&places.lock);
}

/* --- reading ahead --- */

#define OBJECTS_MAX 64
#define MODULE_PREFIX "/proc/self/fd/" /* what the loader loads by */

struct objects {
    struct object object[OBJECTS_MAX];
    size_t count;
};

/* The program and the modules: in other libraries a fault has a caller that is of these. */
static int note_object(struct dl_phdr_info *info, size_t size, void *arg) {
    struct objects *objects = arg;
    bool is_module = strncmp(info->dlpi_name, MODULE_PREFIX, strlen(MODULE_PREFIX)) == 0;
    (void)size;
    if (info->dlpi_name[0] != '\0' && !is_module) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        if (objects->count < OBJECTS_MAX)
            objects->object[objects->count++].code = info->dlpi_addr + part->p_vaddr;
        return 0;
    }
    return 0;
}

/* All of a unit that a look-up there needs: its lines, and the names of its functions. */
static void read_functions(Dwfl_Module *module, Dwarf_Die *unit, size_t index) {
    struct weft_posix__spans **spans = spans_of(module);
    Dwarf_Lines *lines;
    size_t count;
    (void)dwarf_getsrclines(unit, &lines, &count);
    if (spans == NULL) return;
    if (*spans == NULL) *spans = calloc(1, sizeof **spans);
    if (*spans != NULL) weft_posix__spans_add(*spans, unit, index);
}

/* Then the table of the object is complete; and its table of addresses is read with the first
 * look-up, which is this. */
static void read_end(Dwfl_Module *module, uintptr_t code, size_t units) {
    struct weft_posix__spans **spans = spans_of(module);
    struct known unused = {.code = code};
    if (spans != NULL && *spans != NULL) weft_posix__spans_sort(*spans, units);
    find_place(module, &unused);
}

/* One unit at a time: whoever faults meanwhile waits for no more than that. A module that is
 * unloaded meanwhile ends it. False: there is no further one. */
static bool read_unit(uintptr_t code, size_t index) {
    struct object object = {.code = code};
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;
    pthread_mutex_lock(&places.lock);
    dl_iterate_phdr(object_here, &object);
    if (object.unloaded != places.unloaded) forget(object.unloaded);
    Dwfl_Module *module = module_of(&object);
    for (size_t i = 0; module != NULL && i <= index; i++) {
        unit = dwfl_module_nextcu(module, unit, &bias);
        if (unit == NULL) break;
    }
    if (unit != NULL) {
        read_functions(module, unit, index);
    } else if (module != NULL) {
        read_end(module, code, index);
    }
    pthread_mutex_unlock(&places.lock);
    return unit != NULL;
}

static void *read_ahead(void *arg) {
    struct objects *objects = arg;
    for (size_t i = 0; i < objects->count; i++) {
        size_t unit = 0;
        while (read_unit(objects->object[i].code, unit)) unit++;
    }
    free(objects);
    return NULL;
}

void weft_posix_places_read(void) {
    struct objects *objects = calloc(1, sizeof *objects);
    pthread_t thread;
    sigset_t all, before;
    if (objects == NULL) return;
    dl_iterate_phdr(note_object, objects);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rv = pthread_create(&thread, NULL, read_ahead, objects);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == 0) {
        pthread_detach(thread);
    } else {
        free(objects); /* the first fault reads what it needs */
    }
}
