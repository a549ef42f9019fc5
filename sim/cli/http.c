/* Requests and answers. */
#define _GNU_SOURCE
#include "sim/cli/http.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct line {
    const char *text;
    size_t size;
};

/* The next line, without its end, which may be LF alone. False: it is not there yet. */
static bool next_line(const char **at, const char *end, struct line *line) {
    const char *feed = memchr(*at, '\n', (size_t)(end - *at));
    if (feed == NULL) return false;
    line->text = *at;
    line->size = (size_t)(feed - *at);
    if (line->size > 0 && feed[-1] == '\r') line->size--;
    *at = feed + 1;
    return true;
}

/* Up to the next space, which is passed over. */
static struct line next_word(struct line *line) {
    const char *space = memchr(line->text, ' ', line->size);
    size_t size = space != NULL ? (size_t)(space - line->text) : line->size;
    struct line word = {line->text, size};
    size_t passed = space != NULL ? size + 1 : size;
    line->text += passed;
    line->size -= passed;
    return word;
}

static bool is(struct line word, const char *text) {
    return word.size == strlen(text) && memcmp(word.text, text, word.size) == 0;
}

static int parse_first(struct line line, struct cli_http_request *out) {
    struct line method = next_word(&line), target = next_word(&line), version = line;
    if (!is(version, "HTTP/1.1") && !is(version, "HTTP/1.0")) return 400;
    if (method.size == 0 || target.size == 0 || target.text[0] != '/') return 400;
    out->head = is(method, "HEAD");
    if (!out->head && !is(method, "GET")) return 405;
    const char *query = memchr(target.text, '?', target.size);
    if (query != NULL) target.size = (size_t)(query - target.text);
    if (target.size >= sizeof out->path) return 404;
    memcpy(out->path, target.text, target.size);
    out->path[target.size] = '\0';
    return strlen(out->path) == target.size ? 200 : 400;
}

/* "localhost", with a port or without. */
static bool is_here(struct line host) {
    static const char *const names[] = {"127.0.0.1", "localhost"};
    const char *colon = memchr(host.text, ':', host.size);
    if (colon != NULL) host.size = (size_t)(colon - host.text);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (host.size == strlen(names[i]) && strncasecmp(host.text, names[i], host.size) == 0)
            return true;
    }
    return false;
}

static int parse_field(struct line line) {
    const char *colon = memchr(line.text, ':', line.size);
    if (colon == NULL || colon == line.text) return 400;
    if (colon - line.text != 4 || strncasecmp(line.text, "host", 4) != 0) return 200;
    struct line value = {colon + 1, line.size - 5};
    while (value.size > 0 && (value.text[0] == ' ' || value.text[0] == '\t')) {
        value.text++;
        value.size--;
    }
    return is_here(value) ? 200 : 403;
}

int cli_http_parse(const char *text, size_t size, struct cli_http_request *out) {
    const char *at = text, *end = text + size;
    struct line line;
    *out = (struct cli_http_request){.head = false};
    bool more = size < CLI_HTTP_REQUEST_MAX;
    if (!next_line(&at, end, &line)) return more ? 0 : 431;
    int status = parse_first(line, out);
    while (status == 200) {
        if (!next_line(&at, end, &line)) return more ? 0 : 431;
        if (line.size == 0) return 200;
        status = parse_field(line);
    }
    return status;
}

static const char *reason_of(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) return reasons[i].reason;
    }
    WEFT_UNREACHABLE("a status that is never answered");
}

size_t cli_http_answer(char out[CLI_HTTP_HEAD_MAX], int status, const char *type,
                       size_t body_size) {
    int size = snprintf(out, CLI_HTTP_HEAD_MAX,
                        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s"
                        "Connection: close\r\n\r\n",
                        status, reason_of(status), type, body_size,
                        status == 405 ? "Allow: GET, HEAD\r\n" : "");
    WEFT_ASSERT(size > 0 && size < CLI_HTTP_HEAD_MAX);
    return (size_t)size;
}
