/* What test_links.c claims, of processes on different schedulers. */
#include "tests/unit/otp/far_main.h"
#include "tests/unit/otp/test_links.c"

FAR_MAIN("otp/far_links", "an_untrapped_signal_acts_at_once_and_discards_the_mailbox",
         "a_cascade_ends_a_whole_ring_in_the_order_of_links")
