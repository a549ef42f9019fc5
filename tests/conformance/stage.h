/* A stage for the outcomes of the conformance suite: a scheduler with a clock that is set, a
 * judge that watches, and actors that are told what to do and say what they see, in the words of
 * expected.tsv. otp_vectors.erl says the same words of the same scenes on the BEAM.
 *
 * The judge is the root; it traps exits and says "died WHY" of whom it was told to watch, and
 * "answer ..." of what it asked. An actor says
 *
 *   exit WHY      an exit signal came as a message
 *   down WHY      a monitored process ended
 *   reply STATUS  an answer to a call came (with its text, if it has one)
 *   timer TEXT    a timer went off
 *   TEXT          a message */
#ifndef WEFT_TESTS_CONFORMANCE_STAGE_H
#define WEFT_TESTS_CONFORMANCE_STAGE_H

#include "core/otp/gen_server.h"
#include "core/otp/module.h"
#include "core/otp/sched.h"
#include "core/otp/supervisor.h"

#include <stdbool.h>
#include <stdint.h>

/* One scene: its name in expected.tsv, and what to play, with numbers to choose by. */
struct scene {
    const char *name;
    void (*play)(const struct scene *scene);
    int a, b;
};

struct scenes {
    const struct scene *list;
    size_t count;
};

extern const struct scenes signal_scenes, message_scenes, server_scenes, code_scenes,
    supervisor_scenes;

/* Reasons of the scenes' own, as codes of WEFT_REASON_ERROR. */
enum { WHY_BOOM = 7, WHY_STOP };
struct weft_reason boom(void);

void stage_open(void);
/* Everything ends, and nothing is left. */
void stage_close(void);
struct weft_sched *stage_sched(void);

/* Run until nothing is runnable; let time pass, everything at its time; let time pass and nobody
 * run. */
void settle(void);
void pass(weft_duration duration);
void oversleep(weft_duration duration);

/* What the next load of code finds, whatever its path. */
void stage_module(const struct weft_module_info *info);

/* Add to what the scene says; entries are joined with ", ". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *said(void);
/* Forget what was said so far: how the scene was set. */
void hush(void);

const char *why_text(const struct weft_reason *why);

#define TRAP 1
#define LINKED 2    /* to who starts it */
#define SILENT 4    /* says nothing of its messages */
#define TERMINATE 8 /* says "terminate WHY" */

extern weft_pid judge;

/* An actor started by the judge, or by `parent`. */
weft_pid actor(unsigned options);
weft_pid actor_of(weft_pid parent, unsigned options);

/* The judge says how `pid` ends. */
void watch(weft_pid pid);
bool alive(weft_pid pid);

/* Let `pid` run `fn` as its handler, then settle; or leave the message in its mailbox. */
void in(weft_pid pid, void (*fn)(weft_self *self));
void in_later(weft_pid pid, void (*fn)(weft_self *self));

/* An exit signal from a stranger; from the judge, whose children the actors are. */
void send_exit(weft_pid pid, struct weft_reason why);
void parent_exit(weft_pid pid, struct weft_reason why);

/* Orders. */
void stop_normal(weft_self *self);
void stop_boom(weft_self *self);
void stop_kill(weft_self *self);
void crash(weft_self *self);

/* As actors do: for behaviours of a scene's own. True: it was an order, and has been carried out.
 */
bool obey(weft_self *self, const struct weft_msg *msg);
void tell(const struct weft_msg *msg);

/* The judge's last answer. */
struct answer {
    int status;
    size_t size;
    union {
        weft_pid pid;
        struct weft_child_counts counts;
        struct weft_child_info infos[8];
        char text[1024];
    } as;
};
extern struct answer answer;

#endif
