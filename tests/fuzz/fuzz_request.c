/* Lines of the control socket: whatever comes is refused with a reason or means one thing. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/weftd/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ask(const struct request *request) {
    const struct weft_node_ask *ask = &request->ask;
    WEFT_ASSERT(ask->kind >= WEFT_NODE_FIND_NODES);
    WEFT_ASSERT(ask->kind <= WEFT_NODE_SUP_COUNT);
    WEFT_ASSERT(ask->op == 0);
    WEFT_ASSERT((ask->data.size > 0) == (ask->kind == WEFT_NODE_PUT));
    WEFT_ASSERT(ask->data.size <= WEFT_ITEM_SIZE_MAX);
    if (ask->kind == WEFT_NODE_PUT) {
        WEFT_ASSERT(ask->data.data == request->item);
        const unsigned char *colon = memchr(ask->data.data, ':', ask->data.size);
        WEFT_ASSERT(colon != NULL);
        unsigned long length = strtoul((const char *)ask->data.data, NULL, 10);
        WEFT_ASSERT(length == ask->data.size - (size_t)(colon + 1 - ask->data.data));
    }
    if (ask->kind == WEFT_NODE_ADD) WEFT_ASSERT(ask->addr.port != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct request request;
    char *line = malloc(size + 1);
    if (line == NULL) return 0;
    if (size > 0) memcpy(line, data, size);
    line[size] = '\0';
    request_parse(&request, line, size);
    WEFT_ASSERT((request.kind == REQUEST_WRONG) == (request.wrong != NULL));
    WEFT_ASSERT(size == 0 || memchr(data, '\0', size) == NULL || request.kind == REQUEST_WRONG);
    if (request.kind == REQUEST_ASK) check_ask(&request);
    free(line);
    return 0;
}
