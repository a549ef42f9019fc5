/* "stray", an application that does what simulated code must not, each version something else. */
#define _GNU_SOURCE
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#include <pthread.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if STRAY_VERSION == 5
static void *nothing(void *arg) { return arg; }
#endif

static uint64_t stray(void) {
#if STRAY_VERSION == 1
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_nsec;
#elif STRAY_VERSION == 2
    return (uint64_t)time(NULL);
#elif STRAY_VERSION == 3
    uint64_t bytes = 0;
    ssize_t size = getrandom(&bytes, sizeof bytes, 0);
    return bytes + (uint64_t)size;
#elif STRAY_VERSION == 4
    return (uint64_t)socket(AF_INET, SOCK_STREAM, 0);
#elif STRAY_VERSION == 5
    pthread_t thread;
    return (uint64_t)pthread_create(&thread, NULL, nothing, NULL);
#elif STRAY_VERSION == 6
    return __builtin_ia32_rdtsc();
#else
    return (uint64_t)usleep(1);
#endif
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    *(uint64_t *)weft_state(self) = stray();
    return WEFT_OK;
}

static WEFT_GEN_SERVER(stray_server, .name = "stray", .version = STRAY_VERSION,
                       .state_size = sizeof(uint64_t), .init = on_init);

static const struct weft_behaviour *const behaviours[] = {&stray_server};

static WEFT_APPLICATION(stray_app, .name = "stray", .version = "1",
                        .children = {{.id = "stray", .name = "stray", .behaviour = &stray_server}});

WEFT_MODULE(.name = "stray", .version = STRAY_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &stray_app);
