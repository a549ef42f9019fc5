/* Which functions of the C library an app may use, and what to use instead of the others. */
#include "sim/cli/app_check.h"

#include "core/base/assert.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SYMBOL_MAX 256

/* A name that ends in '*' stands for all that begin so. */
static bool matches(const char *pattern, const char *name) {
    size_t size = strlen(pattern);
    WEFT_ASSERT(size > 0);
    if (pattern[size - 1] == '*') return strncmp(pattern, name, size - 1) == 0;
    return strcmp(pattern, name) == 0;
}

static bool in_list(const char *const *list, const char *name) {
    for (; *list != NULL; list++) {
        if (matches(*list, name)) return true;
    }
    return false;
}

/* What computes and nothing else; and what the compiler and linker put in by themselves. */
static const char *const pure[] = {"weft_*",
                                   "mem*",
                                   "bcmp",
                                   "bcopy",
                                   "bzero",
                                   "strlen",
                                   "strnlen",
                                   "strcmp",
                                   "strncmp",
                                   "strcasecmp",
                                   "strncasecmp",
                                   "strchr",
                                   "strrchr",
                                   "strchrnul",
                                   "strstr",
                                   "strcasestr",
                                   "strspn",
                                   "strcspn",
                                   "strpbrk",
                                   "strsep",
                                   "strtok_r",
                                   "strcpy",
                                   "strncpy",
                                   "strcat",
                                   "strncat",
                                   "stpcpy",
                                   "stpncpy",
                                   "strtol",
                                   "strtoul",
                                   "strtoll",
                                   "strtoull",
                                   "strtoimax",
                                   "strtoumax",
                                   "isoc23_strto*",
                                   "isoc23_sscanf",
                                   "isoc99_sscanf",
                                   "atoi",
                                   "atol",
                                   "atoll",
                                   "sscanf",
                                   "snprintf",
                                   "vsnprintf",
                                   "sprintf",
                                   "vsprintf",
                                   "qsort",
                                   "qsort_r",
                                   "bsearch",
                                   "abs",
                                   "labs",
                                   "llabs",
                                   "div",
                                   "ldiv",
                                   "lldiv",
                                   "ffs",
                                   "ffsl",
                                   "ffsll",
                                   "ctype_b_loc",
                                   "ctype_tolower_loc",
                                   "ctype_toupper_loc",
                                   "isalnum",
                                   "isalpha",
                                   "isdigit",
                                   "isxdigit",
                                   "isspace",
                                   "isupper",
                                   "islower",
                                   "isprint",
                                   "ispunct",
                                   "iscntrl",
                                   "tolower",
                                   "toupper",
                                   "htonl",
                                   "htons",
                                   "ntohl",
                                   "ntohs",
                                   "inet_ntop",
                                   "inet_pton",
                                   "errno_location",
                                   "stack_chk_fail",
                                   "cxa_finalize",
                                   "gmon_start__",
                                   "_ITM_*",
                                   "ITM_*",
                                   "asan_*",
                                   "ubsan_*",
                                   "tsan_*",
                                   "sanitizer_*",
                                   "explicit_bzero",
                                   NULL};

struct rule {
    const char *const *names;
    const char *why, *instead;
};

static const char *const clocks[] = {
    "clock_gettime", "clock_getres", "clock",  "time",   "gettimeofday", "timespec_get", "times",
    "localtime*",    "gmtime*",      "mktime", "ctime*", "ftime",        "getrusage",    NULL};
static const char *const sleeps[] = {"sleep", "usleep",    "nanosleep", "clock_nanosleep",
                                     "alarm", "setitimer", "timer_*",   "timerfd_*",
                                     "pause", NULL};
static const char *const entropies[] = {
    "rand",    "srand",   "rand_r",  "random*", "srandom*",  "initstate*", "drand48",     "erand48",
    "lrand48", "nrand48", "mrand48", "jrand48", "getrandom", "getentropy", "arc4random*", NULL};
static const char *const threads[] = {"pthread_*", "thrd_*",    "mtx_*",   "cnd_*", "tss_*",
                                      "sem_*",     "call_once", "sched_*", NULL};
static const char *const programs[] = {
    "fork", "vfork", "clone*", "exec*",     "posix_spawn*", "system", "popen",  "pclose",  "wait*",
    "kill", "raise", "signal", "sigaction", "sig*",         "daemon", "ptrace", "syscall", NULL};
static const char *const prints[] = {
    "printf", "vprintf", "puts",    "putchar", "fprintf", "vfprintf", "fputs",   "fputc",   "putc",
    "fwrite", "perror",  "dprintf", "stdout",  "stderr",  "syslog",   "vsyslog", "openlog", NULL};
static const char *const files[] = {
    "open*",           "creat*",       "fopen*",   "fdopen",        "freopen*",
    "fclose",          "fread*",       "fget*",    "getc*",         "getline",
    "getdelim",        "scanf",        "fscanf",   "isoc99_fscanf", "isoc99_scanf",
    "isoc23_fscanf",   "isoc23_scanf", "stdin",    "fseek*",        "ftell*",
    "fflush",          "rewind",       "setvbuf",  "feof",          "ferror",
    "fileno",          "read*",        "write*",   "pread*",        "pwrite*",
    "lseek*",          "close",        "fsync",    "fdatasync",     "stat*",
    "fstat*",          "lstat*",       "xstat*",   "access",        "unlink*",
    "rename*",         "remove",       "mkdir*",   "rmdir",         "opendir",
    "closedir",        "chdir",        "getcwd",   "truncate*",     "ftruncate*",
    "fallocate*",      "tmpfile*",     "mkstemp*", "mkdtemp",       "ioctl",
    "fcntl*",          "dup*",         "pipe*",    "inotify_*",     "sendfile*",
    "copy_file_range", "flock",        NULL};
static const char *const sockets[] = {
    "socket*",      "bind",         "listen",     "accept*",     "connect",     "send*",
    "recv*",        "shutdown",     "getsockopt", "setsockopt",  "getsockname", "getpeername",
    "poll",         "ppoll",        "select",     "pselect",     "epoll_*",     "eventfd*",
    "getaddrinfo*", "freeaddrinfo", "gethostby*", "getnameinfo", "io_uring_*",  NULL};
static const char *const memories[] = {"malloc",        "calloc",         "realloc*", "free",
                                       "aligned_alloc", "posix_memalign", "memalign", "valloc",
                                       "strdup",        "strndup",        "asprintf", "vasprintf",
                                       "mmap*",         "munmap",         "mremap",   "brk",
                                       "sbrk",          "open_memstream", NULL};
static const char *const surroundings[] = {
    "getenv",      "secure_getenv", "setenv",     "putenv",      "unsetenv",  "environ",
    "getpid",      "getppid",       "gettid",     "getuid",      "geteuid",   "getgid",
    "gethostname", "uname",         "sysconf",    "getpagesize", "getauxval", "get_nprocs*",
    "setlocale",   "nl_langinfo*",  "localeconv", NULL};
static const char *const ends[] = {"exit",        "_exit",  "_Exit",      "quick_exit",    "abort",
                                   "assert_fail", "atexit", "cxa_atexit", "at_quick_exit", NULL};
static const char *const jumps[] = {"setjmp",      "_setjmp",     "sigsetjmp",  "longjmp",
                                    "siglongjmp",  "longjmp_chk", "getcontext", "setcontext",
                                    "makecontext", "swapcontext", NULL};
static const char *const loaders[] = {"dlopen", "dlmopen", "dlsym", "dlclose", "dladdr*", NULL};
static const char *const statics[] = {"strtok",   "strerror*", "hcreate",   "hsearch",
                                      "hdestroy", "getopt*",   "inet_ntoa", NULL};

static const struct rule rules[] = {
    {memories, "is not freed when its process ends", "weft_alloc(self, size), freed with it"},
    {clocks, "reads the machine's clock", "weft_now(self)"},
    {sleeps, "waits on the machine's clock", "weft_timer_start(self, ...)"},
    {entropies, "draws what no seed repeats", "weft_self_env(self)->entropy"},
    {threads, "starts or joins threads", "weft_spawn(self, ...), or weft_job for long work"},
    {jumps, "leaves handlers behind the runtime's back", "return from the handler"},
    {programs, "reaches other programs", "weft_job for work that must run elsewhere"},
    {prints, "writes to the machine's files", "weft_log(weft_self_env(self), ...)"},
    {files, "reaches the machine's files", "weft_self_env(self)->disk"},
    {sockets, "reaches the machine's network", "weft_datagram_open, weft_stream_listen, ..."},
    {surroundings, "reads what differs between machines", "the application's env"},
    {ends, "ends the program", "weft_stop(self, &reason), or WEFT_ASSERT"},
    {loaders, "loads code", "weft_code_load, or a release"},
    {statics, "keeps data between calls", "its form that takes the data, as strtok_r"},
};

/* "__memcpy_chk" as "memcpy", "__errno_location" as "errno_location". */
static void plain_name(const char *symbol, char plain[SYMBOL_MAX]) {
    if (strncmp(symbol, "__", 2) == 0) symbol += 2;
    snprintf(plain, SYMBOL_MAX, "%s", symbol);
    size_t size = strlen(plain);
    if (size > 4 && strcmp(plain + size - 4, "_chk") == 0) plain[size - 4] = '\0';
}

const char *cli_app_import_why(const char *symbol, const char **instead) {
    char plain[SYMBOL_MAX];
    WEFT_ASSERT(symbol != NULL);
    WEFT_ASSERT(instead != NULL);
    *instead = NULL;
    plain_name(symbol, plain);
    if (in_list(pure, plain)) return NULL;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!in_list(rules[i].names, plain)) continue;
        *instead = rules[i].instead;
        return rules[i].why;
    }
    return "is not known to give the same on every machine and in every run";
}
