/* App check: what a shared object imports, owns and runs, read with libelf. */
#define _GNU_SOURCE
#include "sim/cli/app_check.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/otp/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT_NAME "weft_module"

/* Bytes the C runtime's own start files put into every shared object. */
#define CRT_BYTES_MAX 16

struct check {
    Elf *elf;
    size_t names; /* section of section names */
    struct cli_app_facts *facts;
    void (*tell)(void *ctx, const struct cli_app_finding *finding);
    void *ctx;
};

static void found(struct check *check, const struct cli_app_finding *finding) {
    WEFT_ASSERT(finding->name != NULL);
    WEFT_ASSERT(finding->why != NULL);
    check->facts->findings++;
    check->tell(check->ctx, finding);
}

static const char *section_name(struct check *check, const GElf_Shdr *header) {
    const char *name = elf_strptr(check->elf, check->names, header->sh_name);
    return name != NULL ? name : "?";
}

/* The next section of `type` after `section` (NULL: the first), with its header. */
static Elf_Scn *next_of(struct check *check, Elf_Scn *section, uint32_t type, GElf_Shdr *header) {
    while ((section = elf_nextscn(check->elf, section)) != NULL) {
        if (gelf_getshdr(section, header) != NULL && header->sh_type == type) return section;
    }
    return NULL;
}

/* Call `fn` for every symbol of the symbol table of `type`; false when there is none. */
static bool each_symbol(struct check *check, uint32_t type,
                        void (*fn)(struct check *check, const GElf_Sym *symbol, const char *name,
                                   size_t section),
                        size_t section_index) {
    GElf_Shdr header;
    Elf_Scn *section = next_of(check, NULL, type, &header);
    Elf_Data *data = section != NULL ? elf_getdata(section, NULL) : NULL;
    if (data == NULL || header.sh_entsize == 0) return false;
    size_t count = header.sh_size / header.sh_entsize;
    for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL) return false;
        const char *name = elf_strptr(check->elf, header.sh_link, symbol.st_name);
        if (name != NULL && name[0] != '\0') fn(check, &symbol, name, section_index);
    }
    return true;
}

static void on_import(struct check *check, const GElf_Sym *symbol, const char *name,
                      size_t section) {
    (void)section;
    if (symbol->st_shndx != SHN_UNDEF) return;
    check->facts->imports++;
    if (strncmp(name, "weft_", 5) == 0) check->facts->weft_imports++;
    struct cli_app_finding finding = {.what = "imports", .name = name};
    finding.why = cli_app_import_why(name, &finding.instead);
    bool is_weak = GELF_ST_BIND(symbol->st_info) == STB_WEAK;
    if (finding.why == NULL && strncmp(name, "weft_", 5) == 0 && !is_weak &&
        dlsym(RTLD_DEFAULT, name) == NULL)
        finding.why = "this weft has no such function";
    if (finding.why != NULL) found(check, &finding);
}

/* What the C runtime's start files own. */
static bool is_crt(const char *name) {
    return strncmp(name, "completed.", 10) == 0 || strcmp(name, "__dso_handle") == 0 ||
           strcmp(name, "__TMC_END__") == 0 || strcmp(name, "__JCR_END__") == 0;
}

static void on_owned(struct check *check, const GElf_Sym *symbol, const char *name,
                     size_t section) {
    int type = GELF_ST_TYPE(symbol->st_info);
    if (symbol->st_shndx != section || (type != STT_OBJECT && type != STT_TLS)) return;
    if (symbol->st_size == 0 || is_crt(name)) return;
    found(check, &(struct cli_app_finding){
                     .what = type == STT_TLS ? "owns thread data" : "owns writable data",
                     .name = name,
                     .why = "it is shared by all its processes and lost by an upgrade",
                     .instead = "the state of a process"});
}

/* Written only by the loader, before any code runs. */
static bool is_loader_data(const char *name) {
    return strncmp(name, ".data.rel.ro", 12) == 0 || strncmp(name, ".got", 4) == 0 ||
           strcmp(name, ".dynamic") == 0 || strcmp(name, ".tm_clone_table") == 0;
}

static void check_owned(struct check *check, uint32_t type) {
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    while ((section = next_of(check, section, type, &header)) != NULL) {
        const char *name = section_name(check, &header);
        if (!(header.sh_flags & SHF_WRITE) || !(header.sh_flags & SHF_ALLOC)) continue;
        if (is_loader_data(name) || header.sh_size == 0) continue;
        unsigned before = check->facts->findings;
        bool has_names = each_symbol(check, SHT_SYMTAB, on_owned, elf_ndxscn(section));
        if (has_names && check->facts->findings == before) continue;
        if (has_names || header.sh_size <= CRT_BYTES_MAX) continue;
        found(check,
              &(struct cli_app_finding){.what = "owns writable data",
                                        .name = name,
                                        .why = "strip has removed the names of what it holds",
                                        .instead = "the state of a process"});
    }
}

/* One entry is the compiler's own. */
static void check_constructors(struct check *check) {
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    while ((section = next_of(check, section, SHT_INIT_ARRAY, &header)) != NULL) {
        if (header.sh_size <= sizeof(void *)) continue;
        found(check, &(struct cli_app_finding){.what = "runs code when it is loaded",
                                               .name = section_name(check, &header),
                                               .why = "it has constructors",
                                               .instead = "the init of a process"});
    }
}

static bool is_c_library(const char *name) {
    static const char *const known[] = {"libc.so",    "ld-linux",    "libgcc_s.so",
                                        "libasan.so", "libubsan.so", "libtsan.so"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(name, known[i], strlen(known[i])) == 0) return true;
    }
    return false;
}

static void check_needed(struct check *check) {
    GElf_Shdr header;
    Elf_Scn *section = next_of(check, NULL, SHT_DYNAMIC, &header);
    Elf_Data *data = section != NULL ? elf_getdata(section, NULL) : NULL;
    GElf_Dyn entry;
    if (data == NULL) return;
    for (int i = 0; gelf_getdyn(data, i, &entry) != NULL && entry.d_tag != DT_NULL; i++) {
        if (entry.d_tag != DT_NEEDED) continue;
        const char *name = elf_strptr(check->elf, header.sh_link, entry.d_un.d_val);
        if (name == NULL || is_c_library(name)) continue;
        found(check, &(struct cli_app_finding){.what = "needs library",
                                               .name = name,
                                               .why = "its code is not checked",
                                               .instead = "link it into the module"});
    }
}

struct export_search {
    bool seen;
    GElf_Sym symbol;
};

static void on_export(struct check *check, const GElf_Sym *symbol, const char *name,
                      size_t section) {
    struct export_search *search = check->ctx;
    (void)section;
    if (symbol->st_shndx == SHN_UNDEF || strcmp(name, EXPORT_NAME) != 0) return;
    search->seen = true;
    search->symbol = *symbol;
}

/* The first field of what `symbol` names, as it is in the file; 0 when it is not there. */
static uint32_t read_abi(struct check *check, const GElf_Sym *symbol) {
    GElf_Shdr header;
    uint32_t abi = 0;
    Elf_Scn *section = elf_getscn(check->elf, symbol->st_shndx);
    if (section == NULL || gelf_getshdr(section, &header) == NULL) return 0;
    Elf_Data *data = header.sh_type != SHT_NOBITS ? elf_rawdata(section, NULL) : NULL;
    if (data == NULL || data->d_buf == NULL || symbol->st_value < header.sh_addr) return 0;
    uint64_t at = symbol->st_value - header.sh_addr;
    if (at > data->d_size || data->d_size - at < sizeof abi) return 0;
    memcpy(&abi, (const char *)data->d_buf + at, sizeof abi);
    return abi;
}

static void check_abi(struct check *check, uint32_t abi) {
    char has[32], why[64];
    if (abi == WEFT_ABI) return;
    snprintf(has, sizeof has, "%u.%06x", abi >> 24, abi & 0xffffffu);
    snprintf(why, sizeof why, "this weft has %u.%06x", WEFT_ABI >> 24, WEFT_ABI & 0xffffffu);
    found(check, &(struct cli_app_finding){.what = "is built for abi",
                                           .name = has,
                                           .why = why,
                                           .instead = "the headers of this weft"});
}

static void check_export(struct check *check) {
    struct export_search search = {.seen = false};
    struct check look = *check;
    look.ctx = &search;
    (void)each_symbol(&look, SHT_DYNSYM, on_export, 0);
    if (search.seen) {
        check_abi(check, read_abi(check, &search.symbol));
        return;
    }
    found(check, &(struct cli_app_finding){.what = "does not export",
                                           .name = EXPORT_NAME,
                                           .why = "so nothing in it can be started",
                                           .instead = "WEFT_MODULE(...)"});
}

/* --- the machine it is for --- */

static const char *machine_name(unsigned machine) {
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_AARCH64:
        return "AArch64";
    case EM_ARM:
        return "ARM";
    case EM_386:
        return "i386";
    case EM_RISCV:
        return "RISC-V";
    default:
        return "another machine";
    }
}

/* EM_NONE when it cannot be told. */
static unsigned own_machine(void) {
    GElf_Ehdr header = {.e_machine = EM_NONE};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    Elf *elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    if (elf != NULL && gelf_getehdr(elf, &header) == NULL) header.e_machine = EM_NONE;
    elf_end(elf);
    if (fd >= 0) close(fd);
    return header.e_machine;
}

static int check_elf(struct check *check, char why[CLI_APP_WHY_SIZE]) {
    GElf_Ehdr header;
    if (elf_kind(check->elf) != ELF_K_ELF || gelf_getehdr(check->elf, &header) == NULL ||
        header.e_type != ET_DYN || elf_getshdrstrndx(check->elf, &check->names) != 0) {
        snprintf(why, CLI_APP_WHY_SIZE, "is no shared object (build it with -shared -fPIC)");
        return WEFT_ERR_MALFORMED;
    }
    unsigned own = own_machine();
    if (own != EM_NONE && header.e_machine != own) {
        snprintf(why, CLI_APP_WHY_SIZE, "is built for %s, this weft for %s",
                 machine_name(header.e_machine), machine_name(own));
        return WEFT_ERR_UNSUPPORTED;
    }
    if (!each_symbol(check, SHT_DYNSYM, on_import, 0)) {
        snprintf(why, CLI_APP_WHY_SIZE, "has no table of dynamic symbols");
        return WEFT_ERR_MALFORMED;
    }
    check_needed(check);
    check_owned(check, SHT_PROGBITS);
    check_owned(check, SHT_NOBITS);
    check_constructors(check);
    check_export(check);
    return WEFT_OK;
}

int cli_app_check(const char *path, void (*tell)(void *ctx, const struct cli_app_finding *finding),
                  void *ctx, struct cli_app_facts *facts, char why[CLI_APP_WHY_SIZE]) {
    struct check check = {.facts = facts, .tell = tell, .ctx = ctx};
    WEFT_ASSERT(tell != NULL);
    WEFT_ASSERT(facts != NULL);
    *facts = (struct cli_app_facts){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, CLI_APP_WHY_SIZE, "%s", strerror(errno));
        return errno == ENOENT ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IO;
    }
    int rv = WEFT_ERR_IO;
    if (elf_version(EV_CURRENT) != EV_NONE) check.elf = elf_begin(fd, ELF_C_READ, NULL);
    if (check.elf != NULL) {
        rv = check_elf(&check, why);
        elf_end(check.elf);
    } else {
        snprintf(why, CLI_APP_WHY_SIZE, "cannot be read: %s", elf_errmsg(-1));
    }
    close(fd);
    return rv;
}
