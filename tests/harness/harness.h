/* Tests on CUnit: a test is a function whose name is the claim.
 *
 *     static void a_dead_pid_is_not_somebody_else(void) { CHECK_EQ_INT(f(), 3); }
 *     TEST_MAIN("otp/process", TEST(a_dead_pid_is_not_somebody_else))
 *
 * A program run with a test's name as argument runs that one. With WEFT_XML=DIR in the
 * environment it writes DIR/<suite>.xml in JUnit's form. Exit 0 when all passed, 1 otherwise. */
#ifndef WEFT_TESTS_HARNESS_H
#define WEFT_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*run)(void);
};

#define TEST(fn)                                                                                   \
    { #fn, fn }

#define TEST_MAIN(suite, ...)                                                                      \
    int main(int argc, char **argv) {                                                              \
        static const struct test_case cases[] = {__VA_ARGS__};                                     \
        return test_main(suite, cases, sizeof cases / sizeof cases[0],                             \
                         (struct test_args){argc, argv});                                          \
    }

struct test_args {
    int argc;
    char **argv;
};

int test_main(const char *suite, const struct test_case *cases, size_t count,
              struct test_args args);

/* Each prints both operands when it fails, and the test goes on. */
#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQ_INT(a, b) test_eq_int((int64_t)(a), (int64_t)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_UINT(a, b)                                                                        \
    test_eq_uint((uint64_t)(a), (uint64_t)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_TEXT(a, b) test_eq_text((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_BYTES(a, b, size) test_eq_bytes((a), (b), (size), __FILE__, __LINE__)
/* Fails and leaves the test: for what everything after depends on. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        bool held_ = (condition);                                                                  \
        test_check(held_, #condition, __FILE__, __LINE__);                                         \
        if (!held_) return;                                                                        \
    } while (0)

bool test_check(bool held, const char *text, const char *file, int line);
bool test_eq_int(int64_t a, int64_t b, const char *text, const char *file, int line);
bool test_eq_uint(uint64_t a, uint64_t b, const char *text, const char *file, int line);
bool test_eq_text(const char *a, const char *b, const char *text, const char *file, int line);
bool test_eq_bytes(const void *a, const void *b, size_t size, const char *file, int line);

/* The value of WEFT_BIN or WEFT_SOURCE, or a sensible default: for tests that run programs. */
const char *test_bin_folder(void);
const char *test_source_folder(void);

#endif
