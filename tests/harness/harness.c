/* The harness: CUnit underneath, JUnit-style XML of our own (CUnit's is malformed). */
#define _GNU_SOURCE
#include "tests/harness/harness.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const char *suite;
    FILE *xml;
    const char *only;
    bool failed_here;
    char first_failure[8192];
} state;

static void note_failure(const char *message, const char *file, int line) {
    fprintf(stderr, "%s:%d: %s\n", file, line, message);
    if (!state.failed_here) {
        snprintf(state.first_failure, sizeof state.first_failure, "%s:%d: %s", file, line, message);
    }
    state.failed_here = true;
}

static bool report(bool held, const char *message, const char *file, int line) {
    CU_assertImplementation(held ? CU_TRUE : CU_FALSE, (unsigned)line, message, file, "", CU_FALSE);
    if (!held) note_failure(message, file, line);
    return held;
}

bool test_check(bool held, const char *text, const char *file, int line) {
    return report(held, text, file, line);
}

bool test_eq_int(int64_t a, int64_t b, const char *text, const char *file, int line) {
    char message[256];
    snprintf(message, sizeof message, "%s: %lld and %lld", text, (long long)a, (long long)b);
    return report(a == b, message, file, line);
}

bool test_eq_uint(uint64_t a, uint64_t b, const char *text, const char *file, int line) {
    char message[256];
    snprintf(message, sizeof message, "%s: %llu and %llu", text, (unsigned long long)a,
             (unsigned long long)b);
    return report(a == b, message, file, line);
}

bool test_eq_text(const char *a, const char *b, const char *text, const char *file, int line) {
    char message[512];
    a = a != NULL ? a : "(null)";
    b = b != NULL ? b : "(null)";
    snprintf(message, sizeof message, "%s: \"%s\" and \"%s\"", text, a, b);
    return report(strcmp(a, b) == 0, message, file, line);
}

bool test_eq_bytes(const void *a, const void *b, size_t size, const char *file, int line) {
    const unsigned char *left = a, *right = b;
    for (size_t i = 0; i < size; i++) {
        if (left[i] == right[i]) continue;
        char message[128];
        snprintf(message, sizeof message, "byte %zu of %zu: 0x%02x and 0x%02x", i, size, left[i],
                 right[i]);
        return report(false, message, file, line);
    }
    return report(true, "bytes", file, line);
}

static void xml_text(const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", state.xml);
            break;
        case '>':
            fputs("&gt;", state.xml);
            break;
        case '&':
            fputs("&amp;", state.xml);
            break;
        case '"':
            fputs("&quot;", state.xml);
            break;
        default:
            fputc((unsigned char)*text < 32 ? ' ' : *text, state.xml);
        }
    }
}

static void on_test_start(const CU_pTest test, const CU_pSuite suite) {
    (void)test;
    (void)suite;
    state.failed_here = false;
}

static void on_test_complete(const CU_pTest test, const CU_pSuite suite,
                             const CU_pFailureRecord failure) {
    (void)suite;
    bool failed = state.failed_here || failure != NULL;
    printf("%s %s\n", failed ? "FAILED" : "ok    ", test->pName);
    if (state.xml == NULL) return;
    fputs("  <testcase name=\"", state.xml);
    xml_text(test->pName);
    fputs("\" classname=\"", state.xml);
    xml_text(state.suite);
    if (failed) {
        fputs("\"><failure message=\"", state.xml);
        xml_text(state.first_failure);
        fputs("\"/></testcase>\n", state.xml);
    } else {
        fputs("\"/>\n", state.xml);
    }
}

static void open_xml(size_t count) {
    const char *folder = getenv("WEFT_XML");
    if (folder == NULL) return;
    mkdir(folder, 0777);
    char path[512], flat[256];
    snprintf(flat, sizeof flat, "%s", state.suite);
    for (char *at = flat; *at != '\0'; at++) *at = *at == '/' ? '.' : *at;
    snprintf(path, sizeof path, "%s/%s.xml", folder, flat);
    state.xml = fopen(path, "w");
    if (state.xml == NULL) return;
    fprintf(state.xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"%s\" tests=\"%zu\">\n",
            state.suite, count);
}

static int add_tests(const struct test_case *cases, size_t count) {
    CU_pSuite suite = CU_add_suite(state.suite, NULL, NULL);
    if (suite == NULL) return -1;
    for (size_t i = 0; i < count; i++) {
        if (state.only != NULL && strcmp(state.only, cases[i].name) != 0) continue;
        if (CU_add_test(suite, cases[i].name, cases[i].run) == NULL) return -1;
    }
    return 0;
}

/* A network namespace with a loopback of its own: no packet and no port of a test running beside.
 * Where the system refuses it, the machine's loopback stays. */
static void own_network(void) {
    if (unshare(CLONE_NEWNET) != 0) return;
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        fprintf(stderr, "no loopback in a network namespace\n");
    close(fd);
}

int test_main(const char *suite, const struct test_case *cases, size_t count,
              struct test_args args) {
    state.suite = suite;
    state.only = args.argc > 1 ? args.argv[1] : NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    own_network();
    if (CU_initialize_registry() != CUE_SUCCESS || add_tests(cases, count) != 0) {
        fprintf(stderr, "%s: %s\n", suite, CU_get_error_msg());
        return 1;
    }
    open_xml(count);
    CU_set_test_start_handler(on_test_start);
    CU_set_test_complete_handler(on_test_complete);
    CU_run_all_tests();
    unsigned run = CU_get_number_of_tests_run(), failed = CU_get_number_of_tests_failed();
    printf("%u passed, %u failed\n", run - failed, failed);
    if (state.xml != NULL) {
        fputs("</testsuite>\n", state.xml);
        fclose(state.xml);
    }
    CU_cleanup_registry();
    return failed != 0 || run == 0;
}

const char *test_bin_folder(void) {
    const char *folder = getenv("WEFT_BIN");
    return folder != NULL ? folder : "build/bin";
}

const char *test_source_folder(void) {
    const char *folder = getenv("WEFT_SOURCE");
    return folder != NULL ? folder : ".";
}
