/* The env as a whole: what reaches the sink, what entropy forgets, two nodes in a program. */
#define _GNU_SOURCE
#include "core/posix/internal.h"
#include "tests/unit/posix/node.h"

#include <fcntl.h>

struct sink {
    size_t count;
    uint64_t last_level;
    uint32_t last_node;
};

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct sink *sink = ctx;
    sink->count++;
    sink->last_level = event->number[0];
    sink->last_node = event->node;
}

static void logs_above_the_level_are_not_passed_on(void) {
    struct sink sink = {.count = 0};
    struct weft_posix_config config = {
        .node = 9, .log_level = WEFT_LOG_WARN, .trace = on_trace, .trace_ctx = &sink};
    struct node *node = node_new(&config);
    weft_log(node->env, WEFT_LOG_ERROR, "one");
    weft_log(node->env, WEFT_LOG_WARN, "two");
    weft_log(node->env, WEFT_LOG_INFO, "three");
    weft_log(node->env, WEFT_LOG_DEBUG, "four");
    CHECK_EQ_UINT(sink.count, 2);
    CHECK_EQ_UINT(sink.last_level, WEFT_LOG_WARN);
    CHECK_EQ_UINT(sink.last_node, 9);
    node_free(node);
}

static void without_sink_or_level_nothing_is_built(void) {
    struct sink sink = {.count = 0};
    struct weft_posix_config silent = {.trace_mask = WEFT_TRACE_ALL, .log_level = WEFT_LOG_DEBUG};
    struct weft_posix_config quiet = {
        .trace_mask = WEFT_TRACE_ALL, .trace = on_trace, .trace_ctx = &sink};
    struct node *node = node_new(&silent);
    CHECK_EQ_UINT(node->env->trace_mask, 0);
    weft_log(node->env, WEFT_LOG_ERROR, "to nobody");
    node_free(node);
    node = node_new(&quiet);
    CHECK_EQ_UINT(node->env->trace_mask, WEFT_TRACE_ALL & ~WEFT_TRACE_BIT(WEFT_TRACE_LOG));
    weft_log(node->env, WEFT_LOG_ERROR, "not wanted");
    CHECK_EQ_UINT(sink.count, 0);
    node_free(node);
}

static void entropy_that_was_handed_out_is_forgotten(void) {
    static const struct weft_posix_config plain = {.folder = NULL};
    static const unsigned char zeros[200];
    struct node *node = node_new(&plain);
    unsigned char drawn[200];
    node->env->entropy->fill(node->env, drawn, sizeof drawn);
    CHECK_EQ_UINT(node->posix->entropy_left, POSIX_ENTROPY_SIZE - 200);
    CHECK_EQ_BYTES(node->posix->entropy + node->posix->entropy_left, zeros, 200);
    node->env->entropy->fill(node->env, drawn, sizeof drawn); /* more than is left: fresh */
    CHECK_EQ_UINT(node->posix->entropy_left, POSIX_ENTROPY_SIZE - 200);
    node_free(node);
}

static size_t descriptors(void) {
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void nothing_is_left_after_free(void) {
    static const struct weft_posix_config plain = {.folder = "/tmp"};
    size_t before = descriptors();
    struct node *node = node_new(&plain);
    weft_socket socket;
    struct weft_addr udp = weft_addr_v4(127, 0, 0, 1, 0), tcp = udp;
    CHECK_EQ_INT(node->env->net->datagram_open(node->env, &udp, 0, &socket), WEFT_OK);
    CHECK_EQ_INT(node->env->net->stream_listen(node->env, &tcp, 4, 0, &socket), WEFT_OK);
    CHECK_EQ_INT(node->env->net->stream_connect(node->env, &tcp, 0, &socket), WEFT_OK);
    CHECK(node_wait(node, WEFT_EVENT_ACCEPTED, 1));
    CHECK(descriptors() > before);
    node_free(node);
    CHECK_EQ_UINT(descriptors(), before);
    weft_posix_free(NULL);
}

static void held_back_datagrams_are_sent_at_close_and_free(void) {
    static const struct weft_posix_config plain = {.folder = NULL};
    struct node *sender = node_new(&plain), *receiver = node_new(&plain);
    struct weft_addr to = weft_addr_v4(127, 0, 0, 1, 0), from = to;
    weft_socket in, out;
    REQUIRE(receiver->env->net->datagram_open(receiver->env, &to, 0, &in) == WEFT_OK);
    REQUIRE(sender->env->net->datagram_open(sender->env, &from, 0, &out) == WEFT_OK);
    CHECK_EQ_INT(sender->env->net->datagram_send(sender->env, out, &to, "a", 1), WEFT_OK);
    sender->env->net->close(sender->env, out);
    CHECK(node_wait(receiver, WEFT_EVENT_DATAGRAM, 1));
    REQUIRE(sender->env->net->datagram_open(sender->env, &from, 0, &out) == WEFT_OK);
    CHECK_EQ_INT(sender->env->net->datagram_send(sender->env, out, &to, "b", 1), WEFT_OK);
    node_free(sender);
    CHECK(node_wait(receiver, WEFT_EVENT_DATAGRAM, 2));
    node_free(receiver);
}

static const struct test_case cases[] = {
    TEST(logs_above_the_level_are_not_passed_on),
    TEST(without_sink_or_level_nothing_is_built),
    TEST(entropy_that_was_handed_out_is_forgotten),
    TEST(nothing_is_left_after_free),
    TEST(held_back_datagrams_are_sent_at_close_and_free),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("posix/posix", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
