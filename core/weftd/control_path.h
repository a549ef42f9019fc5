/* Where control sockets are by default, for weftd and weftctl alike. */
#ifndef WEFT_WEFTD_CONTROL_PATH_H
#define WEFT_WEFTD_CONTROL_PATH_H

#include <stddef.h>
#include <stdint.h>

/* $XDG_RUNTIME_DIR, else /run for root, else /tmp. */
const char *control_folder(void);

/* "<folder>/weftd-<port>.sock" */
void control_default_path(char *path, size_t size, uint16_t port);

#endif
