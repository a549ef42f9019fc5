/* peers_found: get_peers of an announced info-hash finds a live announcer.
 *
 * The trace tells how many distinct peers a lookup found, not which. With L announcers alive and D
 * dead ones, 0 found fails; more than D found has a live one among them; in between nothing can be
 * said, and it is not judged.
 *
 * Of a core: announcers of it that did so once the core had to have converged are alive, and all
 * others are dead. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>

struct announcer {
    uint32_t node;
    weft_time since; /* of the first announce of its present life */
    weft_time until; /* nodes begin to forget it then */
};

struct announced {
    struct announcer *list;
    size_t count, capacity;
};

struct peers_found {
    struct sim_check__ctx ctx;
    struct sim_check__map by_hash; /* info-hash to index in `hashes` */
    struct sim_check__map by_both; /* (index, node) to index in the list */
    struct announced *hashes;
    size_t count, capacity;
};

static struct announced *announced_of(struct peers_found *check, const weft_id *hash,
                                      size_t *index) {
    const uint64_t *found = sim_check__map_get(&check->by_hash, sim_check__key_of_id(hash));
    *index = found != NULL ? (size_t)*found : check->count;
    if (found != NULL) return &check->hashes[*index];
    check->hashes =
        sim_check__grow(check->hashes, check->count, &check->capacity, sizeof *check->hashes);
    sim_check__map_put(&check->by_hash, sim_check__key_of_id(hash), check->count);
    check->hashes[check->count] = (struct announced){0};
    return &check->hashes[check->count++];
}

static weft_time until_of(const struct peers_found *check, const struct weft_trace_event *event) {
    weft_duration lifetime = check->ctx.setup.peer_lifetime;
    weft_time began = event->at - (weft_time)event->number[4];
    return lifetime > 0 ? weft_time_add(began, lifetime) : WEFT_TIME_NEVER;
}

static bool is_of_core(const struct peers_found *check, const struct announcer *announcer) {
    const struct sim_check__view *view = check->ctx.view;
    if (view->core == NULL) return true;
    return view->core[announcer->node] &&
           sim_check__view_healed(view, announcer->since, check->ctx.within);
}

static void on_announced(struct peers_found *check, const struct weft_trace_event *event) {
    weft_id hash;
    size_t index;
    bool accepted = event->number[2] == WEFT_OK && event->number[3] > 0;
    if (event->number[1] != WEFT_STORE_PEER || !accepted) return;
    if (!sim_check__id_at(event->bytes, 0, &hash)) return;
    struct announced *announced = announced_of(check, &hash, &index);
    struct sim_check__key both = {.a = index, .b = event->node};
    const uint64_t *known = sim_check__map_get(&check->by_both, both);
    if (known != NULL) {
        struct announcer *announcer = &announced->list[*known];
        bool same_life = announcer->since >= check->ctx.view->nodes[event->node].up_at;
        bool forgotten = announcer->until <= event->at - (weft_time)event->number[4];
        bool of_core = is_of_core(check, announcer); /* else only what is announced now counts */
        announcer->since = same_life && !forgotten && of_core ? announcer->since : event->at;
        announcer->until = until_of(check, event);
        return;
    }
    announced->list = sim_check__grow(announced->list, announced->count, &announced->capacity,
                                      sizeof *announced->list);
    sim_check__map_put(&check->by_both, both, announced->count);
    announced->list[announced->count++] =
        (struct announcer){event->node, event->at, until_of(check, event)};
}

struct counts {
    uint64_t live, other;
};

/* Live: up since it announced, and announced before the lookup began, not so long ago that it may
 * be forgotten. */
static struct counts count_of(const struct peers_found *check, const struct sim_check__op *op,
                              weft_time now) {
    struct counts counts = {0, 0};
    const uint64_t *index = sim_check__map_get(&check->by_hash, sim_check__key_of_id(&op->target));
    if (index == NULL) return counts;
    const struct announced *announced = &check->hashes[*index];
    for (size_t i = 0; i < announced->count; i++) {
        const struct announcer *announcer = &announced->list[i];
        const struct sim_check__node *node = &check->ctx.view->nodes[announcer->node];
        bool live = node->up && node->up_at <= announcer->since && announcer->since <= op->start;
        live = live && announcer->until > now && is_of_core(check, announcer);
        counts.live += live;
        counts.other += !live;
    }
    return counts;
}

static void judge(struct peers_found *check, const struct sim_check__op *op,
                  const struct weft_trace_event *event) {
    char text[SIM_CHECK_SHORT_SIZE];
    sim_check__short(&op->target, text);
    if (op->kind != WEFT_LOOKUP_PEERS || !op->joined) return;
    if (!sim_check__view_healed(check->ctx.view, op->start, check->ctx.within)) return;
    struct counts counts = count_of(check, op, event->at);
    if (counts.live == 0) return;
    if (op->lost && op->start + check->ctx.within > event->at) return;
    if (op->lost) {
        sim_check__failed(&check->ctx, event->at, op->node, "get_peers of %s never ended", text);
    } else if (event->number[3] == 0) {
        sim_check__failed(&check->ctx, event->at, op->node,
                          "get_peers of %s found nobody, %llu live nodes announced it", text,
                          (unsigned long long)counts.live);
    } else if (event->number[3] > counts.other) {
        sim_check__held(&check->ctx);
    }
}

static void lookup(void *state, const struct sim_check__op *op,
                   const struct weft_trace_event *event) {
    judge(state, op, event);
}

static void trace(void *state, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_STORE_DONE) on_announced(state, event);
}

static void deinit(void *state) {
    struct peers_found *check = state;
    for (size_t i = 0; i < check->count; i++) free(check->hashes[i].list);
    free(check->hashes);
    sim_check__map_free(&check->by_hash);
    sim_check__map_free(&check->by_both);
}

const struct sim_check__ops sim_check__peers_found = {
    .mask = SIM_CHECK_MASK_NODES | SIM_CHECK_MASK_CUTS | SIM_CHECK_MASK_LOOKUPS |
            WEFT_TRACE_BIT(WEFT_TRACE_STORE_DONE),
    .within = WEFT_S(30),
    .is_of_core = true,
    .state_size = sizeof(struct peers_found),
    .trace = trace,
    .lookup = lookup,
    .deinit = deinit,
};
