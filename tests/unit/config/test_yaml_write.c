#include "core/config/yaml_tree.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

static void on_mistake(void *ctx, const struct weft_yaml_place *place, const char *format,
                       va_list args) {
    (void)ctx;
    (void)place;
    (void)args;
    CHECK_EQ_TEXT(format, "");
}

static struct weft_yaml_node *read(const char *text) {
    const struct weft_yaml_report report = {.mistake = on_mistake, .expected = "a text"};
    bool no_memory = false;
    struct weft_yaml_node *node = weft_yaml_read(weft_bytes_text(text), &report, &no_memory);
    CHECK(node != NULL);
    return node;
}

static void check_line(const char *text, const char *expected) {
    struct weft_yaml_node *node = read(text);
    char *line = weft_yaml_line(node);
    CHECK_EQ_TEXT(line, expected);
    struct weft_yaml_node *again = read(line);
    char *same = weft_yaml_line(again);
    CHECK_EQ_TEXT(same, expected);
    free(line);
    free(same);
    weft_yaml_free(node);
    weft_yaml_free(again);
}

static void a_tree_is_written_in_braces(void) {
    check_line("a: 1\nb: [x, 5%, {c: d}]\n", "{a: 1, b: [x, 5%, {c: d}]}");
    check_line("[3, 5-10]", "[3, 5-10]");
    check_line("{}", "{}");
}

static void what_yaml_would_read_more_into_is_quoted(void) {
    check_line("- 'two words'\n- 'a: b'\n- '#x'\n- '-'\n- ''\n",
               "[\"two words\", \"a: b\", \"#x\", \"-\", \"\"]");
    check_line("- \"tab\\there \\\"q\\\" \\\\\"\n", "[\"tab\\x09here \\\"q\\\" \\\\\"]");
    check_line("- 'k\xc3\xb6ln'\n", "[\"k\xc3\xb6ln\"]");
}

static void a_document_has_a_line_for_each_entry(void) {
    struct weft_yaml_node *node =
        read("name: x\nfaults: [{crash: {at: 1s}}, word]\nnetwork: {loss: 1%}\n");
    char *text = weft_yaml_document(node);
    CHECK_EQ_TEXT(text, "name: x\nfaults:\n  - crash: {at: 1s}\n  - word\nnetwork: {loss: 1%}\n");
    free(text);
    weft_yaml_free(node);
}

static void an_entry_can_be_taken_out(void) {
    struct weft_yaml_node *node = read("a: 1\nb: 2\nc: 3\n");
    struct weft_yaml_node *taken = weft_yaml_take(node, "b");
    CHECK_EQ_TEXT(taken->text, "2");
    CHECK(weft_yaml_take(node, "b") == NULL);
    char *text = weft_yaml_line(node);
    CHECK_EQ_TEXT(text, "{a: 1, c: 3}");
    free(text);
    weft_yaml_free(taken);
    weft_yaml_free(node);
}

TEST_MAIN("config/yaml_write", TEST(a_tree_is_written_in_braces),
          TEST(what_yaml_would_read_more_into_is_quoted),
          TEST(a_document_has_a_line_for_each_entry), TEST(an_entry_can_be_taken_out))
