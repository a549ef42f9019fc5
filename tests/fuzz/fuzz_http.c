/* Requests to the live page: whatever comes is answered with a status or waits for more, and what
 * is a request stays one however it is cut on its way. */
#include "sim/cli/http.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path) {
    WEFT_ASSERT(path[0] == '/');
    WEFT_ASSERT(strlen(path) < CLI_HTTP_PATH_MAX);
    WEFT_ASSERT(strchr(path, '?') == NULL && strchr(path, ' ') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cli_http_request request;
    char head[CLI_HTTP_HEAD_MAX];
    size_t taken = size < CLI_HTTP_REQUEST_MAX ? size : CLI_HTTP_REQUEST_MAX;
    char *text = malloc(taken > 0 ? taken : 1);
    if (text == NULL) return 0;
    if (taken > 0) memcpy(text, data, taken);
    int first = 0;
    for (size_t cut = 0; cut <= taken && first == 0; cut++) {
        first = cli_http_parse(text, cut, &request);
        WEFT_ASSERT(first == 0 || cli_http_answer(head, first, "text/html", cut) < sizeof head);
        if (first == 200) check_path(request.path);
    }
    WEFT_ASSERT(first != 0 || taken < CLI_HTTP_REQUEST_MAX);
    if (first == 200) WEFT_ASSERT(cli_http_parse(text, taken, &request) == 200);
    free(text);
    return 0;
}
