/* HTTP: as much of it (RFC 9112) as it takes to show a page to a browser on this machine. */
#ifndef SIM_CLI_HTTP_H
#define SIM_CLI_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_HTTP_REQUEST_MAX 8192
#define CLI_HTTP_PATH_MAX 256
#define CLI_HTTP_HEAD_MAX 512

struct cli_http_request {
    bool head;                    /* HEAD: the answer's body is not wanted */
    char path[CLI_HTTP_PATH_MAX]; /* without the query */
};

/* What `size` bytes of a request are: 0: not all of it; 200: a request for `out->path`; else the
 * status to answer it with:
 *   400  it is no request; 404  its path is too long to be any
 *   403  it names another host than this machine: a page of somebody else asks through a browser
 *   405  neither GET nor HEAD
 *   431  it is longer than CLI_HTTP_REQUEST_MAX */
int cli_http_parse(const char *text, size_t size, struct cli_http_request *out);

/* The head of an answer. Its size. */
size_t cli_http_answer(char out[CLI_HTTP_HEAD_MAX], int status, const char *type, size_t body_size);

#endif
