/* A team: threads that wait for work and do it together, each under a guard of its own. For a
 * program that is confined later: nothing is started after weft_posix_team_new. */
#ifndef WEFT_POSIX_TEAM_H
#define WEFT_POSIX_TEAM_H

#include <stdint.h>

struct weft_posix_team;

/* `count` threads with the caller's, 2 or more. WEFT_ERR_NOMEM, WEFT_ERR_FULL (threads) */
int weft_posix_team_new(uint32_t count, struct weft_posix_team **out);
void weft_posix_team_free(struct weft_posix_team *team);

/* Call fn(arg, i) for i in 0 .. count - 1, 0 on the caller's thread, the same i always on the same;
 * come back when all have. What they wrote is seen by each other afterwards. They wait for one
 * another busily for some microseconds, and asleep from then on. */
void weft_posix_team_run(struct weft_posix_team *team, void (*fn)(void *arg, uint32_t index),
                         void *arg);

/* On a thread that waits for what another one does meanwhile: a moment, in which that one has the
 * processor if it has none. */
void weft_posix_team_rest(void);

/* As weft_posix_panic_context, for the threads of the team that are not the caller's, from their
 * next work on. */
void weft_posix_team_panic_context(struct weft_posix_team *team, void (*print)(void *ctx, int fd),
                                   void *ctx);

#endif
