/* The tests of another file again, with processes that do not share a scheduler. Include this, then
 * that file, then say which of its tests are about one scheduler and do not hold:
 *
 *     #include "tests/unit/otp/far_main.h"
 *     #include "tests/unit/otp/test_links.c"
 *     FAR_MAIN("otp/far_links", "an_untrapped_signal_acts_at_once_and_discards_the_mailbox")
 */
#ifndef WEFT_TESTS_OTP_FAR_MAIN_H
#define WEFT_TESTS_OTP_FAR_MAIN_H

#include "tests/unit/otp/fake_env.h"

#undef TEST_MAIN
#define TEST_MAIN(suite, ...) static const struct test_case near_cases[] = {__VA_ARGS__};

#define FAR_CASES_MAX 128

#define FAR_MAIN(suite, ...)                                                                       \
    int main(int argc, char **argv) {                                                              \
        static const char *const left_out[] = {__VA_ARGS__};                                       \
        struct test_case cases[FAR_CASES_MAX];                                                     \
        size_t count = 0, left = 0;                                                                \
        for (size_t i = 0; i < sizeof near_cases / sizeof near_cases[0]; i++) {                    \
            bool out = false;                                                                      \
            for (size_t j = 0; j < sizeof left_out / sizeof left_out[0]; j++)                      \
                out = out || strcmp(near_cases[i].name, left_out[j]) == 0;                         \
            if (out) left++;                                                                       \
            if (!out) cases[count++] = near_cases[i];                                              \
        }                                                                                          \
        bool all = strcmp(left_out[0], "none") == 0;                                               \
        if (!all && left != sizeof left_out / sizeof left_out[0]) return 2; /* no such test */     \
        world_far = true;                                                                          \
        return test_main(suite, cases, count, (struct test_args){argc, argv});                     \
    }

#endif
