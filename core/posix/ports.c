/* Ports that the envs of one node's schedulers share. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A bound socket. */
struct holder {
    struct weft_link link;
    const struct weft_posix *posix;
    struct weft_addr addr;
    int type;
};

struct weft_posix_ports {
    pthread_mutex_t lock;
    struct weft_link holders; /* under the lock */
};

struct weft_posix_ports *weft_posix_ports_new(void) {
    struct weft_posix_ports *ports = calloc(1, sizeof *ports);
    if (ports == NULL) return NULL;
    pthread_mutex_init(&ports->lock, NULL);
    weft_list_init(&ports->holders);
    return ports;
}

void weft_posix_ports_free(struct weft_posix_ports *ports) {
    if (ports == NULL) return;
    WEFT_ASSERT(weft_list_empty(&ports->holders));
    pthread_mutex_destroy(&ports->lock);
    free(ports);
}

/* One that is bound there: of `posix`, if it is. */
static struct holder *find(const struct weft_posix_ports *ports, const struct holder *like) {
    struct holder *found = NULL;
    for (struct weft_link *at = ports->holders.next; at != &ports->holders; at = at->next) {
        struct holder *holder = WEFT_CONTAINER(at, struct holder, link);
        if (holder->type != like->type || !weft_addr_equal(&holder->addr, &like->addr)) continue;
        if (holder->posix == like->posix) return holder;
        found = holder;
    }
    return found;
}

/* Who comes first is bound alone, so that nobody else is let in unseen; who comes after says that
 * it shares, as all who are there have said by then. */
static int bind_shared(struct holder *holder, const struct holder *other, int fd) {
    int on = 1;
    if (other != NULL && other->posix == holder->posix) return WEFT_ERR_IN_USE;
    if (other != NULL) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    int rv = weft_posix__bind_to(fd, holder->type, &holder->addr);
    if (rv == WEFT_OK && other == NULL) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    return rv;
}

int weft_posix__ports_bind(const struct weft_posix *posix, int fd, int type,
                           struct weft_addr *local) {
    struct weft_posix_ports *ports = posix->ports;
    WEFT_ASSERT(ports != NULL);
    struct holder *holder = calloc(1, sizeof *holder);
    if (holder == NULL) return WEFT_ERR_NOMEM;
    *holder = (struct holder){.posix = posix, .addr = *local, .type = type};
    weft_list_init(&holder->link);
    pthread_mutex_lock(&ports->lock);
    int rv = bind_shared(holder, local->port != 0 ? find(ports, holder) : NULL, fd);
    if (rv == WEFT_OK) weft_list_push_back(&ports->holders, &holder->link);
    if (rv == WEFT_OK) *local = holder->addr;
    pthread_mutex_unlock(&ports->lock);
    if (rv != WEFT_OK) free(holder);
    return rv;
}

void weft_posix__ports_close(const struct weft_posix *posix, int fd, int type,
                             const struct weft_addr *local) {
    struct weft_posix_ports *ports = posix->ports;
    struct holder like = {.posix = posix, .addr = *local, .type = type};
    WEFT_ASSERT(ports != NULL);
    pthread_mutex_lock(&ports->lock);
    struct holder *holder = find(ports, &like);
    WEFT_ASSERT(holder != NULL);
    WEFT_ASSERT(holder->posix == posix);
    close(fd);
    weft_list_remove(&holder->link);
    pthread_mutex_unlock(&ports->lock);
    free(holder);
}
