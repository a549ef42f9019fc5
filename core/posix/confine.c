/* Confine on x86-64 Linux: a filter of system calls, a vDSO that cannot be executed, and a time
 * stamp counter that faults. */
#define _GNU_SOURCE
#include "core/posix/confine.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/posix/guard_internal.h"
#include "core/posix/strays.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where our own reading of the clock puts its answer: how the filter knows it. */
static struct timespec wall;

uint64_t weft_posix_wall_ns(void) {
    long rv = syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &wall);
    WEFT_ASSERT(rv == 0);
    return (uint64_t)wall.tv_sec * UINT64_C(1000000000) + (uint64_t)wall.tv_nsec;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && defined(__linux__) && !defined(SANITIZED)

#include <elf.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* What to use instead ends the text of the panic. */
#define CLOCK "stray call: a clock was read (%s); simulated code has env->clock"
#define TIMER "stray call: the machine's time was waited for (%s); simulated code has timers"
#define ENTROPY "stray call: random bytes of the machine (%s); simulated code has env->entropy"
#define THREAD "stray call: a thread or process was started (%s); simulated code has env->job"
#define SOCKET "stray call: a socket of the machine (%s); simulated code has env->net"

struct stray {
    int number;
    const char *name, *text;
};

static const struct stray strays[] = {
#define STRAY(name, text) {SYS_##name, #name, text},
    WEFT_POSIX_STRAYS(STRAY)
#undef STRAY
};

#define STRAYS (sizeof strays / sizeof strays[0])
#define TEXT_MAX 128

static struct {
    bool on;
    uintptr_t vdso, vdso_end;
    char text[TEXT_MAX]; /* of the panic that is under way */
} confined;

/* A program is in panic once: the text stands until it ends. */
static _Noreturn void stray_panic(const char *format, const char *name, const ucontext_t *context) {
    char *at = confined.text;
    const char *hole = strstr(format, "%s");
    WEFT_ASSERT(hole != NULL && strlen(format) + strlen(name) < TEXT_MAX);
    at = mempcpy(at, format, (size_t)(hole - format));
    at = stpcpy(at, name);
    (void)stpcpy(at, hole + 2);
    struct weft_fault fault = {.kind = WEFT_FAULT_ILL, .what = confined.text};
    fault.code = weft_posix__context_code(context);
    weft_posix__panic(&fault, context);
}

/* seccomp(2), SECCOMP_RET_TRAP: si_syscall is the call's number. */
static void on_call(int signo, siginfo_t *info, void *ucontext) {
    (void)signo;
    if (!confined.on) {
        ((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
        return;
    }
    for (size_t i = 0; i < STRAYS; i++) {
        if (strays[i].number == info->si_syscall)
            stray_panic(strays[i].text, strays[i].name, ucontext);
    }
    stray_panic("stray call: a system call that is stopped (%s)", "unknown", ucontext);
}

static bool is_rdtsc(const unsigned char *code) {
    return code[0] == 0x0f && (code[1] == 0x31 || (code[1] == 0x01 && code[2] == 0xf9));
}

void weft_posix__check_stray(const siginfo_t *info, const ucontext_t *context) {
    if (!confined.on || info->si_code <= 0) return;
    uintptr_t code = weft_posix__context_code(context);
    if (code >= confined.vdso && code < confined.vdso_end)
        stray_panic(CLOCK, "clock_gettime, time or the like, by the vDSO", context);
    if (info->si_code == SI_KERNEL && is_rdtsc((const unsigned char *)code))
        stray_panic(CLOCK, "rdtsc", context);
}

/* Where the vDSO is, from its own headers; false: there is none. */
static bool find_vdso(void) {
    uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0) return false;
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)base;
    const Elf64_Phdr *parts = (const Elf64_Phdr *)(base + header->e_phoff);
    uintptr_t size = 0, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < header->e_phnum; i++) {
        uintptr_t end = parts[i].p_vaddr + parts[i].p_memsz;
        if (parts[i].p_type == PT_LOAD && end > size) size = end;
    }
    confined.vdso = base;
    confined.vdso_end = base + ((size + page - 1) & ~(page - 1));
    return size > 0;
}

#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
/* Skip `past` instructions unless it is equal. */
#define UNLESS(value, past) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, past)

static int filter_calls(void) {
    uint64_t own = (uint64_t)(uintptr_t)&wall;
    struct sock_filter code[STRAYS * 2 + 16] = {
        LOAD(FIELD(arch)),
        UNLESS(AUDIT_ARCH_X86_64, 6), /* another ABI's numbers mean other calls: all pass */
        LOAD(FIELD(nr)),
        UNLESS(SYS_clock_gettime, 5),
        LOAD(FIELD(args[1])),
        UNLESS((uint32_t)own, 3),
        LOAD(FIELD(args[1]) + 4),
        UNLESS((uint32_t)(own >> 32), 1),
        ANSWER(SECCOMP_RET_ALLOW),
        LOAD(FIELD(nr)),
    };
    unsigned short count = 10;
    for (size_t i = 0; i + 1 < STRAYS; i++) {
        code[count++] = (struct sock_filter)UNLESS((uint32_t)strays[i].number, 1);
        code[count++] = (struct sock_filter)ANSWER(SECCOMP_RET_TRAP);
    }
    const struct sock_filter stacks[] = {
        UNLESS(SYS_mmap, 3),
        LOAD(FIELD(args[3])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_STACK, 0, 1),
        ANSWER(SECCOMP_RET_TRAP),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    memcpy(code + count, stacks, sizeof stacks);
    count += sizeof stacks / sizeof stacks[0];
    WEFT_ASSERT(count <= sizeof code / sizeof code[0]);
    struct sock_fprog program = {.len = count, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return WEFT_ERR_UNSUPPORTED;
    long rv = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    return rv == 0 ? WEFT_OK : WEFT_ERR_UNSUPPORTED;
}

static void catch_calls(void) {
    struct sigaction action = {.sa_sigaction = on_call,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    int rv = sigaction(SIGSYS, &action, NULL);
    WEFT_ASSERT(rv == 0);
}

int weft_posix_confine(void) {
    if (confined.on) return WEFT_OK;
    if (!find_vdso()) return WEFT_ERR_UNSUPPORTED;
    catch_calls();
    if (filter_calls() != WEFT_OK) return WEFT_ERR_UNSUPPORTED;
    confined.on = true;
    /* Both may be refused; what they stop is then not stopped, and the filter stands. */
    int rv =
        mprotect((void *)confined.vdso, (size_t)(confined.vdso_end - confined.vdso), PROT_READ);
    int tsc = prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
    return rv == 0 && tsc == 0 ? WEFT_OK : WEFT_ERR_UNSUPPORTED;
}

/* The filter and the vDSO are of all threads; the trap of rdtsc is of one. */
bool weft_posix__confine_thread(void) {
    if (!confined.on) return false;
    (void)prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0); /* refused here: refused to the first too */
    return true;
}

void weft_posix__unconfine(void) {
    if (!confined.on) return;
    confined.on = false;
    size_t size = (size_t)(confined.vdso_end - confined.vdso);
    (void)mprotect((void *)confined.vdso, size, PROT_READ | PROT_EXEC);
    (void)prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
}

#else

bool weft_posix__confine_thread(void) { return false; }

void weft_posix__unconfine(void) {}

void weft_posix__check_stray(const siginfo_t *info, const ucontext_t *context) {
    (void)info;
    (void)context;
}

int weft_posix_confine(void) { return WEFT_ERR_UNSUPPORTED; }

#endif
