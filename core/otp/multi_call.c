/* Calls to many: a process of its own asks each target, and answers once, when it knows all. */
#include "core/otp/gen_server.h"
#include "core/otp/internal.h"

struct asked {
    weft_ref ref; /* 0: answered, or not asked */
    struct weft_multi_answer answer;
    unsigned char *data;
};

/* I1  `open` counts those whose ref is not 0 */
struct gather {
    struct asked *asked;
    uint32_t count, open;
    struct weft_call caller; /* ref 0: it has not asked yet */
};

static void ask_one(weft_self *self, struct asked *asked, const struct weft_multi *multi,
                    const struct weft_target *target) {
    weft_pid pid = target->name != NULL ? weft_whereis(self, target->name) : target->pid;
    asked->answer.from = pid;
    asked->answer.status = target->name != NULL ? WEFT_ERR_NOT_FOUND : WEFT_ERR_NO_PROC;
    if (weft_pid_is_none(pid)) return;
    asked->answer.status =
        weft_call(self, pid, multi->tag, multi->data, multi->timeout, &asked->ref);
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct gather *gather = weft_state(self);
    struct weft_multi multi;
    weft_ref ref;
    WEFT_ASSERT(arg.size == sizeof multi);
    memcpy(&multi, arg.data, sizeof multi);
    int rv = weft_monitor(self, weft_self_parent(self), &ref);
    if (rv != WEFT_OK) return rv;
    gather->count = (uint32_t)multi.count;
    if (multi.count == 0) return WEFT_OK;
    gather->asked = weft_alloc(self, multi.count * sizeof *gather->asked);
    if (gather->asked == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t i = 0; i < gather->count; i++) {
        ask_one(self, &gather->asked[i], &multi, &multi.targets[i]);
        if (gather->asked[i].ref != 0) gather->open++;
    }
    return WEFT_OK;
}

/* The table, then the bytes of each. What does not fit into a message is TOO_BIG. */
static size_t lay_out(struct gather *gather) {
    uint64_t at = gather->count * sizeof(struct weft_multi_answer);
    for (uint32_t i = 0; i < gather->count; i++) {
        struct weft_multi_answer *answer = &gather->asked[i].answer;
        if (answer->size > WEFT_MESSAGE_MAX - at) {
            answer->status = WEFT_ERR_TOO_BIG;
            answer->size = 0;
        }
        answer->at = at;
        at += answer->size;
    }
    return (size_t)at;
}

static void answer_all(weft_self *self) {
    struct gather *gather = weft_state(self);
    struct weft_reason done = weft_reason(WEFT_REASON_NORMAL, 0);
    size_t size = lay_out(gather), row = sizeof(struct weft_multi_answer);
    unsigned char *all = size > 0 ? weft_alloc(self, size) : NULL;
    for (uint32_t i = 0; all != NULL && i < gather->count; i++) {
        const struct asked *asked = &gather->asked[i];
        memcpy(all + i * row, &asked->answer, row);
        if (asked->answer.size > 0) memcpy(all + asked->answer.at, asked->data, asked->answer.size);
    }
    bool failed = size > 0 && all == NULL;
    weft_reply(self, &gather->caller, failed ? WEFT_ERR_NOMEM : WEFT_OK,
               weft_bytes(all, failed ? 0 : size));
    weft_stop(self, &done);
}

static void keep(weft_self *self, struct asked *asked, const struct weft_msg *reply) {
    asked->ref = 0;
    asked->answer.status = reply->status;
    if (reply->data.size == 0) return;
    asked->data = weft_alloc(self, reply->data.size);
    if (asked->data == NULL) {
        asked->answer.status = WEFT_ERR_NOMEM;
        return;
    }
    asked->answer.size = (uint32_t)reply->data.size;
    memcpy(asked->data, reply->data.data, reply->data.size);
}

static void on_reply(weft_self *self, const struct weft_msg *reply) {
    struct gather *gather = weft_state(self);
    for (uint32_t i = 0; i < gather->count; i++) {
        if (gather->asked[i].ref != reply->ref) continue;
        WEFT_ASSERT(gather->open > 0);
        gather->open--;
        keep(self, &gather->asked[i], reply);
        return;
    }
    WEFT_UNREACHABLE("a reply is to one of the calls");
}

static void on_message(weft_self *self, const struct weft_msg *msg) {
    struct gather *gather = weft_state(self);
    struct weft_reason gone = weft_reason(WEFT_REASON_NORMAL, 0);
    bool of_caller = weft_pid_equal(msg->from, weft_self_parent(self));
    if (msg->kind == WEFT_MSG_DOWN) weft_stop(self, &gone); /* nobody wants to know any more */
    if (msg->kind == WEFT_MSG_CALL && of_caller) gather->caller = weft_call_of(msg);
    if (msg->kind == WEFT_MSG_REPLY) on_reply(self, msg);
    if (gather->open == 0 && gather->caller.ref != 0) answer_all(self);
}

static WEFT_PROCESS(multi_call, .name = "multi_call", .version = 1,
                    .state_size = sizeof(struct gather), .init = on_init, .handle = on_message);

int weft_multi_call(weft_self *self, const struct weft_multi *multi, weft_ref *ref) {
    WEFT_ASSERT(multi != NULL);
    WEFT_ASSERT(ref != NULL);
    WEFT_ASSERT(multi->data.size <= WEFT_MESSAGE_MAX);
    struct weft_multi given = *multi;
    weft_pid helper;
    *ref = 0;
    if (given.count > WEFT_MULTI_MAX) return WEFT_ERR_TOO_BIG;
    given.timeout = weft_otp__timeout(self, given.timeout);
    int rv = weft_spawn(self,
                        &(struct weft_spawn){.behaviour = &multi_call,
                                             .arg = weft_bytes(&given, sizeof given),
                                             .mailbox_max = UINT32_MAX},
                        &helper);
    if (rv != WEFT_OK) return rv;
    rv = weft_call(self, helper, given.tag, weft_bytes(NULL, 0), WEFT_TIME_NEVER, ref);
    if (rv == WEFT_OK) return WEFT_OK;
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, helper, &kill);
    return rv;
}

size_t weft_abcast(weft_self *self, const struct weft_target *targets, size_t count,
                   const struct weft_msg *cast) {
    WEFT_ASSERT(targets != NULL || count == 0);
    WEFT_ASSERT(cast != NULL);
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        weft_pid to =
            targets[i].name != NULL ? weft_whereis(self, targets[i].name) : targets[i].pid;
        if (weft_send(self, to, cast->tag, cast->data) == WEFT_OK) sent++;
    }
    return sent;
}
