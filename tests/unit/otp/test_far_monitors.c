/* What test_monitors.c claims, of processes on different schedulers. */
#include "tests/unit/otp/far_main.h"
#include "tests/unit/otp/test_monitors.c"

FAR_MAIN("otp/far_monitors", "the_told_are_told_in_the_order_they_asked")
