/* What test_calls.c claims, of processes on different schedulers. */
#include "tests/unit/otp/far_main.h"
#include "tests/unit/otp/test_calls.c"

FAR_MAIN("otp/far_calls", "calls_in_flight_do_not_mix")
