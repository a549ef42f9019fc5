/* A small mesh: node 0 looks something up by asking nodes 1 and 2, of which 2 asks 3; beside it
 * nodes 4 and 5 talk of something else. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "analysis/follow.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "tests/harness/harness.h"

#include <stdlib.h>
#include <unistd.h>

static void tell(struct ana_trace_writer *writer, struct weft_trace_event event) {
    ana_trace_write(writer, &event);
}

#define TELL(ms, node_, KIND, ...)                                                                 \
    tell(writer, (struct weft_trace_event){.at = WEFT_MS(ms),                                      \
                                           .node = (node_),                                        \
                                           .kind = WEFT_TRACE_##KIND,                              \
                                           .number = {__VA_ARGS__}})

static void sent(struct ana_trace_writer *writer, int ms, const uint32_t ends[2], uint64_t packet) {
    TELL(ms, ends[0], PACKET_SENT, ends[1], 50, packet);
}

static void received(struct ana_trace_writer *writer, int ms, const uint32_t ends[2],
                     uint64_t packet) {
    TELL(ms, ends[1], PACKET_RECEIVED, ends[0], 50, packet);
}

#define ENDS(from, to) ((const uint32_t[2]){from, to})

static void write_trace(const char *path) {
    struct ana_trace_writer *writer;
    weft_id id = {.bytes = {1}};
    REQUIRE(ana_trace_create(path, "seed=1\n", &writer) == WEFT_OK);
    tell(writer, (struct weft_trace_event){.at = WEFT_MS(10),
                                           .kind = WEFT_TRACE_LOOKUP_START,
                                           .number = {7, 1},
                                           .bytes = weft_bytes(&id, sizeof id)});
    sent(writer, 10, ENDS(0, 1), 1);
    sent(writer, 10, ENDS(0, 2), 2);
    sent(writer, 12, ENDS(4, 5), 1);
    received(writer, 20, ENDS(0, 1), 1);
    sent(writer, 20, ENDS(1, 0), 1);
    received(writer, 22, ENDS(4, 5), 1);
    received(writer, 25, ENDS(0, 2), 2);
    sent(writer, 25, ENDS(2, 3), 1);
    received(writer, 30, ENDS(1, 0), 1);
    TELL(35, 2, PACKET_LOST, 3, 50, 1, 1);
    sent(writer, 40, ENDS(5, 4), 1);
    tell(writer, (struct weft_trace_event){.at = WEFT_MS(50),
                                           .kind = WEFT_TRACE_LOOKUP_DONE,
                                           .number = {7, 1, 0, 0, 2, 1, 1, (uint64_t)WEFT_MS(40)},
                                           .bytes = weft_bytes(&id, sizeof id)});
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

struct story {
    struct ana_follow follow;
    int rv;
    char *text;
};

static struct story follow(struct ana_follow wanted) {
    struct story story = {.follow = wanted};
    char path[] = "/tmp/weft-follow-XXXXXX";
    size_t size;
    close(mkstemp(path));
    write_trace(path);
    if (story.follow.trace == NULL) story.follow.trace = path;
    FILE *out = open_memstream(&story.text, &size);
    story.rv = ana_follow(&story.follow, out);
    fclose(out);
    unlink(path);
    return story;
}

/* Line `index` holds both, in this order. */
static void check_line(const struct story *story, unsigned index, const char *one,
                       const char *other) {
    const char *line = story->text;
    for (unsigned i = 0; i < index && line != NULL; i++) {
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    REQUIRE(line != NULL);
    const char *end = strchr(line, '\n');
    const char *first = strstr(line, one);
    const char *second = first != NULL ? strstr(first, other) : NULL;
    CHECK(end != NULL && second != NULL && second < end);
}

static void a_packet_has_its_causes_and_its_effects(void) {
    struct story story = follow((struct ana_follow){.node = 2, .number = 1});
    CHECK_EQ_INT(story.rv, WEFT_OK);
    CHECK_EQ_UINT(story.follow.lines, 6);
    check_line(&story, 0, "node 0 ", "lookup.start");
    check_line(&story, 1, "node 0 ", "to=1 size=50 packet=1"); /* of the same step */
    check_line(&story, 2, "node 0 ", "to=2 size=50 packet=2");
    check_line(&story, 3, "node 2 ", "  packet.received   from=0 size=50 packet=2");
    check_line(&story, 4, ">", "to=3 size=50 packet=1");
    check_line(&story, 5, "node 2 ", "packet.lost");
    CHECK(strstr(story.text, "node 1 ") == NULL); /* another branch */
    CHECK(strstr(story.text, "node 5 ") == NULL);
    free(story.text);
}

static void an_operation_has_all_that_follows_from_it(void) {
    struct story story = follow((struct ana_follow){.is_op = true, .node = 0, .number = 7});
    CHECK_EQ_INT(story.rv, WEFT_OK);
    check_line(&story, 0, "node 0 ", "lookup.start");
    CHECK(strstr(story.text, "lookup.done") != NULL);
    CHECK(strstr(story.text, "node 1 ") != NULL && strstr(story.text, "node 2 ") != NULL);
    CHECK(strstr(story.text, "node 4 ") == NULL && strstr(story.text, "node 5 ") == NULL);
    CHECK(!story.follow.more);
    free(story.text);
}

static void a_long_story_is_cut_and_says_so(void) {
    struct story story =
        follow((struct ana_follow){.is_op = true, .node = 0, .number = 7, .lines_max = 3});
    CHECK_EQ_INT(story.rv, WEFT_OK);
    CHECK(story.follow.more);
    CHECK(story.follow.lines <= 3);
    free(story.text);
}

static void check_untold(struct ana_follow wanted) {
    struct story story = follow(wanted);
    CHECK_EQ_INT(story.rv, WEFT_ERR_NOT_FOUND);
    CHECK(story.follow.why[0] != '\0' && strchr(story.follow.why, '\n') == NULL);
    CHECK_EQ_TEXT(story.text, "");
    free(story.text);
}

static void what_the_trace_does_not_tell_of_is_an_error(void) {
    check_untold((struct ana_follow){.node = 3, .number = 1});
    check_untold((struct ana_follow){.node = 0, .number = 3});
    check_untold((struct ana_follow){.is_op = true, .node = 1, .number = 7});
    check_untold((struct ana_follow){.trace = "/no/such/trace", .node = 0, .number = 1});
}

TEST_MAIN("analysis/follow", TEST(a_packet_has_its_causes_and_its_effects),
          TEST(an_operation_has_all_that_follows_from_it), TEST(a_long_story_is_cut_and_says_so),
          TEST(what_the_trace_does_not_tell_of_is_an_error))
