/* Where control sockets are by default. */
#include "core/weftd/control_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *control_folder(void) {
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (folder != NULL && folder[0] != '\0') return folder;
    return getuid() == 0 ? "/run" : "/tmp";
}

void control_default_path(char *path, size_t size, uint16_t port) {
    snprintf(path, size, "%s/weftd-%u.sock", control_folder(), (unsigned)port);
}
