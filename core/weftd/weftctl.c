/* weftctl: ask a running weftd. */
#include "core/weftd/control_path.h"
#include "core/weftd/version.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_SIZE 512
#define CONNECT_MAX_S 30
#define ANSWER_MAX_S 240 /* longer than the daemon takes for anything */

static const char usage[] =
    "weftctl: ask a running weftd\n"
    "\n"
    "  weftctl [--control PATH | --port N] REQUEST\n"
    "\n"
    "  weftctl help           lists the requests\n"
    "\n"
    "Without --control or --port it asks the only weftd that has a socket in the default place\n"
    "($XDG_RUNTIME_DIR, /run or /tmp). Exit 0: answered; 1: refused; 2: bad usage; 3: no daemon.\n";

static int complain(int code, const char *what, const char *detail) {
    fprintf(stderr, "weftctl: %s%s\n", what, detail);
    return code;
}

static bool is_socket_name(const char *name) {
    size_t length = strlen(name);
    return strncmp(name, "weftd-", 6) == 0 && length > 11 &&
           strcmp(name + length - 5, ".sock") == 0;
}

/* A socket connected to `path`, or -1 and errno. With `wait_s` 0 it never waits. */
static int connect_to(const char *path, long wait_s) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct timeval send_max = {.tv_sec = wait_s}, answer_max = {.tv_sec = ANSWER_MAX_S};
    if (strlen(path) >= sizeof addr.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_s == 0 ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_max, sizeof send_max);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &answer_max, sizeof answer_max);
    if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0) return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

/* Whether a daemon listens there, and not only the socket of a dead one is left. */
static bool is_alive(const char *path) {
    int fd = connect_to(path, 0);
    if (fd < 0) return errno == EAGAIN;
    close(fd);
    return true;
}

/* The one daemon with a socket in the default folder. 0, or the exit code after a complaint. */
static int find_only(char path[PATH_SIZE]) {
    DIR *folder = opendir(control_folder());
    int found = 0;
    if (folder == NULL) return complain(3, "cannot read ", control_folder());
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char at[PATH_SIZE];
        if (!is_socket_name(entry->d_name)) continue;
        int length = snprintf(at, sizeof at, "%s/%s", control_folder(), entry->d_name);
        if (length < 0 || (size_t)length >= sizeof at || !is_alive(at)) continue;
        found++;
        memcpy(path, at, sizeof at);
    }
    closedir(folder);
    if (found == 0) return complain(3, "no weftd answers in ", control_folder());
    if (found > 1) return complain(2, "several weftd run: choose with --control or --port", "");
    return 0;
}

/* What cannot be sent was not wanted: the answer says why. */
static void send_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        data += sent;
        size -= (size_t)sent;
    }
}

/* Print the body after the first line; the first line decides the exit code. */
static int print_answer(int fd) {
    FILE *in = fdopen(fd, "r");
    char *line = NULL;
    size_t capacity = 0;
    int code = 3;
    ssize_t size = in != NULL ? getline(&line, &capacity, in) : -1;
    if (size <= 0) {
        bool late = in != NULL && ferror(in) && errno == EAGAIN;
        complain(3, late ? "the daemon does not answer" : "the daemon closed the connection", "");
    } else if (strcmp(line, "ok\n") == 0) {
        code = 0;
        while ((size = getline(&line, &capacity, in)) > 0) fwrite(line, 1, (size_t)size, stdout);
        if (fflush(stdout) != 0) code = complain(1, "cannot print: ", strerror(errno));
    } else {
        line[strcspn(line, "\n")] = '\0';
        code = complain(1, strncmp(line, "error ", 6) == 0 ? line + 6 : line, "");
        while ((size = getline(&line, &capacity, in)) > 0) fwrite(line, 1, (size_t)size, stderr);
    }
    free(line);
    if (in != NULL) fclose(in);
    return code;
}

/* The words as one line. NULL: no memory. */
static char *join(char **words, int count, size_t *size) {
    size_t length = 0;
    for (int i = 0; i < count; i++) length += strlen(words[i]) + 1;
    char *line = malloc(length + 1), *at = line;
    if (line == NULL) return NULL;
    for (int i = 0; i < count; i++) at += sprintf(at, "%s%c", words[i], i + 1 < count ? ' ' : '\n');
    *size = length;
    return line;
}

/* The daemon has another folder: a file that is named from here goes as a whole path. */
static void make_whole(char **words, int count) {
    static char places[4][PATH_MAX]; /* more files than any request names */
    size_t used = 0;
    if (count < 2 || (strcmp(words[0], "code") != 0 && strcmp(words[0], "release") != 0)) return;
    for (int i = 1; i < count && used < sizeof places / sizeof places[0]; i++) {
        bool is_path = strchr(words[i], '/') != NULL || strstr(words[i], ".so") != NULL ||
                       strstr(words[i], ".y") != NULL;
        if (is_path && realpath(words[i], places[used]) != NULL) words[i] = places[used++];
    }
}

static int ask(const char *path, char **words, int count) {
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        if (strchr(words[i], '\n') != NULL) return complain(2, "a newline in: ", words[i]);
    }
    int fd = connect_to(path, CONNECT_MAX_S);
    if (fd < 0) {
        fprintf(stderr, "weftctl: %s: %s\n", path, strerror(errno));
        return 3;
    }
    char *line = join(words, count, &size);
    if (line == NULL) {
        close(fd);
        return complain(3, "out of memory", "");
    }
    send_all(fd, line, size);
    free(line);
    return print_answer(fd);
}

static bool read_port(const char *text, char path[PATH_SIZE]) {
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || port == 0 || port > 65535) return false;
    control_default_path(path, PATH_SIZE, (uint16_t)port);
    return true;
}

/* The options before the request. -1: go on; else the exit code. */
static int read_options(int argc, char **argv, char path[PATH_SIZE]) {
    static const struct option options[] = {{"control", required_argument, NULL, 'c'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    int at = 1;
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, "+:", options, NULL)) != -1; at = optind) {
        if (code == 'h') return fputs(usage, stdout) < 0;
        if (code == 'v') return puts("weftctl " WEFT_VERSION) < 0;
        if (code == ':') return complain(2, "a value is missing after ", argv[at]);
        if (code == '?') return complain(2, "unknown option ", argv[at]);
        if (code == 'p' && !read_port(optarg, path)) {
            return complain(2, "--port: expected 1 to 65535, not ", optarg);
        }
        if (code != 'c') continue;
        if (optarg[0] == '\0') return complain(2, "--control: expected a path", "");
        if (strlen(optarg) >= PATH_SIZE) return complain(2, "--control: too long: ", optarg);
        memcpy(path, optarg, strlen(optarg) + 1);
    }
    return -1;
}

int main(int argc, char **argv) {
    char path[PATH_SIZE] = "";
    int code = read_options(argc, argv, path);
    if (code >= 0) return code;
    if (optind == argc) {
        fputs(usage, stderr);
        return 2;
    }
    code = path[0] == '\0' ? find_only(path) : 0;
    if (code != 0) return code;
    make_whole(argv + optind, argc - optind);
    return ask(path, argv + optind, argc - optind);
}
