/* weftd: a node on real sockets. */
#include "core/weftd/daemon.h"

#include <stdio.h>

int main(int argc, char **argv) {
    static struct daemon daemon;
    switch (weftd_config_read(&daemon.config, argc, argv, stderr)) {
    case WEFTD_SHOWN:
        return 0;
    case WEFTD_WRONG:
        return 2;
    case WEFTD_RUN:
        break;
    }
    return daemon_run(&daemon);
}
