/* weftctl: ask a running weftd. */
#include "core/weftd/control_path.h"
#include "core/weftd/version.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_SIZE 512

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

/* The one socket in the default folder. 0, or the exit code after a complaint. */
static int find_only(char path[PATH_SIZE]) {
    DIR *folder = opendir(control_folder());
    int found = 0;
    if (folder == NULL) return complain(3, "cannot read ", control_folder());
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!is_socket_name(entry->d_name)) continue;
        found++;
        snprintf(path, PATH_SIZE, "%s/%.200s", control_folder(), entry->d_name);
    }
    closedir(folder);
    if (found == 0) return complain(3, "no weftd has a control socket in ", control_folder());
    if (found > 1) return complain(2, "several weftd run: choose with --control or --port", "");
    return 0;
}

static int connect_to(const char *path) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path) return -1;
    memcpy(addr.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Print the body after the first line; the first line decides the exit code. */
static int print_answer(int fd) {
    FILE *in = fdopen(fd, "r");
    char *line = NULL;
    size_t capacity = 0;
    int code = 3;
    ssize_t size = in != NULL ? getline(&line, &capacity, in) : -1;
    if (size <= 0) {
        complain(3, "the daemon closed the connection without an answer", "");
    } else if (strcmp(line, "ok\n") == 0) {
        code = 0;
        while ((size = getline(&line, &capacity, in)) > 0) fwrite(line, 1, (size_t)size, stdout);
    } else {
        line[strcspn(line, "\n")] = '\0';
        code = complain(1, strncmp(line, "error ", 6) == 0 ? line + 6 : line, "");
    }
    free(line);
    if (in != NULL) fclose(in);
    return code;
}

static int ask(const char *path, char **words, int count) {
    int fd = connect_to(path);
    if (fd < 0) {
        fprintf(stderr, "weftctl: %s: %s\n", path, strerror(errno));
        return 3;
    }
    bool sent = true;
    for (int i = 0; i < count; i++) {
        if (strpbrk(words[i], "\n") != NULL) return complain(2, "a newline in: ", words[i]);
        sent = sent && send_all(fd, words[i], strlen(words[i]));
        sent = sent && send_all(fd, i + 1 < count ? " " : "\n", 1);
    }
    if (!sent) return complain(3, "the daemon closed the connection: ", strerror(errno));
    return print_answer(fd);
}

static bool read_port(const char *text, char path[PATH_SIZE]) {
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || port == 0 || port > 65535) return false;
    control_default_path(path, PATH_SIZE, (uint16_t)port);
    return true;
}

int main(int argc, char **argv) {
    char path[PATH_SIZE] = "";
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--help") == 0) return fputs(usage, stdout) < 0;
        if (strcmp(argv[at], "--version") == 0) return puts("weftctl " WEFT_VERSION) < 0;
        bool control = strcmp(argv[at], "--control") == 0, port = strcmp(argv[at], "--port") == 0;
        if (!control && !port) return complain(2, "unknown option ", argv[at]);
        if (at + 1 == argc) return complain(2, "a value is missing after ", argv[at]);
        at++;
        if (control) snprintf(path, sizeof path, "%s", argv[at]);
        if (port && !read_port(argv[at], path)) {
            return complain(2, "--port: expected 1 to 65535, not ", argv[at]);
        }
    }
    if (at == argc) return fputs(usage, stderr), 2;
    int code = path[0] == '\0' ? find_only(path) : 0;
    return code != 0 ? code : ask(path, argv + at, argc - at);
}
