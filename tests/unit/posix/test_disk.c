/* The disk beyond the contract: links, special files, limits, the node's folder. */
#define _GNU_SOURCE
#include "tests/unit/posix/node.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NEW = WEFT_DISK_WRITE | WEFT_DISK_CREATE };

/* Everything below one temporary folder: what a broken disk reaches by leaving the node's folder is
 * still the test's own. */
static char root[] = "/tmp/weft-disk-XXXXXX";
static char folder[64], outside[64];

static struct node *open_node(void) {
    struct weft_posix_config config = {.folder = folder};
    return node_new(&config);
}

static int open_mode(struct node *node, const char *path, int mode) {
    weft_file file = WEFT_FILE_NONE;
    int rv = node->env->disk->open(node->env, path, mode, &file);
    if (rv == WEFT_OK) node->env->disk->close(node->env, file);
    CHECK_EQ_INT(file != WEFT_FILE_NONE, rv == WEFT_OK);
    return rv;
}

/* `name` below the node's folder. */
static const char *below(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void links_are_not_followed(void) {
    struct node *node = open_node();
    char secret[80];
    snprintf(secret, sizeof secret, "%s/secret", outside);
    int fd = open(secret, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ_INT(symlink(secret, below("link")), 0);
    CHECK_EQ_INT(symlink(outside, below("out")), 0);
    CHECK_EQ_INT(symlink("..", below("up")), 0);
    CHECK_EQ_INT(open_mode(node, "link", WEFT_DISK_READ), WEFT_ERR_DENIED);
    CHECK_EQ_INT(open_mode(node, "link", NEW), WEFT_ERR_DENIED);
    CHECK(open_mode(node, "out/secret", WEFT_DISK_READ) != WEFT_OK);
    CHECK(open_mode(node, "up/file", NEW) != WEFT_OK);
    CHECK(node->env->disk->rename(node->env, "out/secret", "mine") != WEFT_OK);
    CHECK(node->env->disk->remove(node->env, "out/secret") != WEFT_OK);
    CHECK(node->env->disk->sync_folder(node->env, "out/secret") != WEFT_OK);
    CHECK_EQ_INT(node->env->disk->remove(node->env, "link"), WEFT_OK); /* the link itself */
    CHECK_EQ_INT(access(secret, F_OK), 0);
    CHECK_EQ_INT(node->env->disk->remove(node->env, "out"), WEFT_OK);
    CHECK_EQ_INT(node->env->disk->remove(node->env, "up"), WEFT_OK);
    node_free(node);
}

static void what_is_no_file_is_not_opened(void) {
    struct node *node = open_node();
    CHECK_EQ_INT(mkfifo(below("fifo"), 0600), 0);
    CHECK_EQ_INT(mkdir(below("dir"), 0700), 0);
    CHECK_EQ_INT(open_mode(node, "fifo", WEFT_DISK_READ), WEFT_ERR_INVAL);
    CHECK_EQ_INT(open_mode(node, "fifo", WEFT_DISK_WRITE), WEFT_ERR_INVAL);
    CHECK_EQ_INT(open_mode(node, "dir", WEFT_DISK_READ), WEFT_ERR_INVAL);
    CHECK_EQ_INT(open_mode(node, "dir", NEW), WEFT_ERR_INVAL);
    CHECK_EQ_INT(node->env->disk->remove(node->env, "dir"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(open_mode(node, "file", NEW), WEFT_OK);
    CHECK_EQ_INT(open_mode(node, "file/inside", NEW), WEFT_ERR_NOT_FOUND);
    node_free(node);
}

static void files_and_folders_are_the_owners_only(void) {
    struct node *node = open_node();
    struct stat stat_file, stat_folder;
    CHECK_EQ_INT(open_mode(node, "private/file", NEW), WEFT_OK);
    CHECK_EQ_INT(stat(below("private/file"), &stat_file), 0);
    CHECK_EQ_INT(stat(below("private"), &stat_folder), 0);
    CHECK_EQ_UINT(stat_file.st_mode & 077, 0);
    CHECK_EQ_UINT(stat_folder.st_mode & 077, 0);
    node_free(node);
}

static void open_files_are_bounded(void) {
    struct node *node = open_node();
    weft_file files[2000];
    int rv = WEFT_OK;
    size_t count = 0;
    for (; count < 2000 && rv == WEFT_OK; count++) {
        rv = node->env->disk->open(node->env, "file", NEW, &files[count]);
    }
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK(count > 2);
    CHECK_EQ_INT(open_mode(node, "file", NEW), WEFT_ERR_FULL);
    node->env->disk->close(node->env, files[0]);
    CHECK_EQ_INT(open_mode(node, "file", NEW), WEFT_OK);
    node_free(node); /* closes the rest */
}

static void descriptors_that_ran_out_are_told(void) {
    struct node *node = open_node();
    struct rlimit old, low;
    getrlimit(RLIMIT_NOFILE, &old);
    int next = dup(0);
    close(next);
    low = (struct rlimit){(rlim_t)next, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    int rv = open_mode(node, "file", NEW);
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_INT(open_mode(node, "file", NEW), WEFT_OK);
    node_free(node);
}

static void a_file_that_may_not_grow_has_no_space(void) {
    struct node *node = open_node();
    struct rlimit old, low;
    weft_file file;
    char data[4096] = "";
    getrlimit(RLIMIT_FSIZE, &old);
    low = (struct rlimit){1000, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(node->env->disk->open(node->env, "large", NEW, &file) == WEFT_OK);
    setrlimit(RLIMIT_FSIZE, &low);
    int rv = node->env->disk->write(node->env, file, 0, data, sizeof data);
    int truncated = node->env->disk->truncate(node->env, file, 5000);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_EQ_INT(rv, WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(truncated, WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(node->env->disk->write(node->env, file, 0, data, sizeof data), WEFT_OK);
    node_free(node);
}

static void offsets_out_of_range_are_invalid(void) {
    struct node *node = open_node();
    weft_file file;
    char byte = 'x';
    REQUIRE(node->env->disk->open(node->env, "file", NEW, &file) == WEFT_OK);
    CHECK_EQ_INT(node->env->disk->write(node->env, file, UINT64_MAX, &byte, 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(node->env->disk->write(node->env, file, INT64_MAX, &byte, 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(node->env->disk->read(node->env, file, UINT64_MAX, &byte, 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(node->env->disk->truncate(node->env, file, UINT64_MAX), WEFT_ERR_INVAL);
    node_free(node);
}

static void a_node_without_folder_has_no_disk(void) {
    struct weft_posix_config config = {.folder = NULL};
    struct node *node = node_new(&config);
    CHECK_EQ_INT(open_mode(node, "file", NEW), WEFT_ERR_DENIED);
    CHECK_EQ_INT(node->env->disk->remove(node->env, "file"), WEFT_ERR_DENIED);
    CHECK_EQ_INT(node->env->disk->rename(node->env, "file", "b"), WEFT_ERR_DENIED);
    CHECK_EQ_INT(node->env->disk->sync_folder(node->env, ""), WEFT_ERR_DENIED);
    node_free(node);
}

static void the_folder_is_made_with_those_above_it(void) {
    char path[512];
    struct weft_posix *posix = NULL;
    snprintf(path, sizeof path, "%s/x/y/z", folder);
    struct weft_posix_config config = {.folder = path};
    REQUIRE(weft_posix_new(&config, &posix) == WEFT_OK);
    CHECK_EQ_INT(access(below("x/y/z"), W_OK), 0);
    weft_posix_free(posix);
}

static void a_folder_that_is_none_is_refused(void) {
    struct weft_posix *posix = NULL;
    int fd = open(below("plain"), O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    char path[512];
    snprintf(path, sizeof path, "%s/plain", folder);
    struct weft_posix_config config = {.folder = path};
    CHECK_EQ_INT(weft_posix_new(&config, &posix), WEFT_ERR_INVAL);
    snprintf(path, sizeof path, "%s/plain/below", folder);
    CHECK_EQ_INT(weft_posix_new(&config, &posix), WEFT_ERR_INVAL);
    CHECK(posix == NULL);
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw) {
    (void)stat;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static const struct test_case cases[] = {
    TEST(links_are_not_followed),
    TEST(what_is_no_file_is_not_opened),
    TEST(files_and_folders_are_the_owners_only),
    TEST(open_files_are_bounded),
    TEST(descriptors_that_ran_out_are_told),
    TEST(a_file_that_may_not_grow_has_no_space),
    TEST(offsets_out_of_range_are_invalid),
    TEST(a_node_without_folder_has_no_disk),
    TEST(the_folder_is_made_with_those_above_it),
    TEST(a_folder_that_is_none_is_refused),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    if (mkdtemp(root) == NULL) return 1;
    snprintf(folder, sizeof folder, "%s/node", root);
    snprintf(outside, sizeof outside, "%s/outside", root);
    if (mkdir(outside, 0700) != 0) return 1;
    int rv = test_main("posix/disk", cases, sizeof cases / sizeof cases[0],
                       (struct test_args){argc, argv});
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return rv;
}
