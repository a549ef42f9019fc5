/* A run as lines. */
#include "sim/cli/trail.h"

#include "analysis/trace_file.h"

#include <inttypes.h>
#include <stdlib.h>

#define BYTES_SHOWN 48u
#define TRACE_MAX 1024

bool trail_open(struct trail *trail, uint32_t nodes) {
    trail->nodes = nodes;
    trail->digests = calloc((size_t)nodes + 1, sizeof *trail->digests);
    trail->moved = calloc((size_t)nodes + 1, sizeof *trail->moved);
    trail->mark = trail->every;
    trail->at = -1; /* no head has been written */
    return trail->digests != NULL && trail->moved != NULL;
}

void trail_close(struct trail *trail) {
    free(trail->digests);
    free(trail->moved);
}

/* --- marks --- */

static void put_digest(FILE *out, struct sim_hash digest) {
    char text[SIM_HASH_TEXT_SIZE];
    sim_hash_text(digest, text);
    fprintf(out, "%s\n", text);
}

static void put_mark(struct trail *trail, weft_time at) {
    fprintf(trail->out, "mark %" PRId64 " %" PRIu64 "\n", at, trail->count);
    for (uint32_t i = 0; i <= trail->nodes; i++) {
        if (!trail->moved[i]) continue;
        trail->moved[i] = false;
        fprintf(trail->out, "%" PRIu32 " ", i < trail->nodes ? i : SIM_SCENARIO);
        put_digest(trail->out, trail->digests[i]);
    }
}

static struct sim_hash sum(const struct trail *trail) {
    struct sim_hash all = {0, 0};
    for (uint32_t i = 0; i <= trail->nodes; i++) {
        all = sim_hash_add(all, sim_hash_fold(trail->digests[i], i, 0));
    }
    return all;
}

/* --- what is done, folded --- */

static struct sim_hash fold_event(struct sim_hash digest, const struct sim_deed *deed) {
    const struct sim_event *event = deed->event;
    digest = sim_hash_fold(digest, (uint64_t)event->at, event->arg);
    digest = sim_hash_fold(digest, event->kind, event->entity);
    return sim_hash_fold(digest, deed->cause.source, deed->cause.number);
}

static void fold(struct trail *trail, const struct sim_deed *deed) {
    uint32_t index = deed->actor == SIM_SCENARIO ? trail->nodes : deed->actor;
    struct sim_hash digest =
        sim_hash_fold(trail->digests[index], deed->kind, deed->bytes == NULL ? deed->word : 0);
    if (deed->event != NULL) digest = fold_event(digest, deed);
    if (deed->bytes != NULL) digest = sim_hash_fold_bytes(digest, deed->bytes, deed->size);
    trail->digests[index] = digest;
    trail->moved[index] = true;
}

/* --- what is done, told --- */

static void put_entity(FILE *out, uint32_t entity) {
    if (entity == SIM_SCENARIO)
        fputs("the scenario", out);
    else
        fprintf(out, "node %" PRIu32, entity);
}

static void put_time(FILE *out, weft_time at) {
    fprintf(out, "%" PRId64 ".%09" PRId64 " s", at / WEFT_S(1), at % WEFT_S(1));
}

static void put_event(FILE *out, const struct sim_event *event) {
    put_entity(out, event->entity);
    fprintf(out, ": %s, arg 0x%" PRIx64, sim_world_event_name(event->kind), event->arg);
}

static void put_head(struct trail *trail, const struct sim_deed *deed) {
    FILE *out = trail->out;
    trail->entity = deed->actor;
    trail->at = deed->now;
    fprintf(out, "event %" PRIu64 " at ", trail->count);
    put_time(out, deed->now);
    fputs(", ", out);
    if (deed->kind != SIM_DEED_EVENT) {
        put_entity(out, deed->actor);
        fputs(trail->count == 0 ? ": before the first\n" : ": by itself, after it\n", out);
        return;
    }
    put_event(out, deed->event);
    fputs(", scheduled by ", out);
    put_entity(out, deed->cause.source);
    fprintf(out, " as its number %" PRIu64 "\n", deed->cause.number);
}

static void put_bytes(FILE *out, const struct sim_deed *deed) {
    if (deed->bytes == NULL && deed->kind == SIM_DEED_FOLDS) {
        fprintf(out, "0x%016" PRIx64 "\n", deed->word);
        return;
    }
    const unsigned char *bytes = deed->bytes;
    fprintf(out, "%zu bytes", deed->size);
    for (size_t i = 0; i < deed->size && i < BYTES_SHOWN; i++)
        fprintf(out, "%s%02x", i == 0 ? ": " : "", bytes[i]);
    if (deed->size > BYTES_SHOWN) fputs(" ...", out);
    fputs(", digest ", out);
    put_digest(out, sim_hash_fold_bytes((struct sim_hash){0, 0}, bytes, deed->size));
}

static void put_deed(FILE *out, const struct sim_deed *deed) {
    if (deed->kind == SIM_DEED_FOLDS || deed->kind == SIM_DEED_SENDS) {
        fputs(deed->kind == SIM_DEED_FOLDS ? "  folds " : "  sends ", out);
        put_bytes(out, deed);
        return;
    }
    fputs(deed->kind == SIM_DEED_SCHEDULES ? "  schedules for " : "  takes back for ", out);
    put_event(out, deed->event);
    fputs(", at ", out);
    put_time(out, deed->event->at);
    fputc('\n', out);
}

static bool is_told(const struct trail *trail, weft_time now) {
    return trail->events && now >= trail->from && now <= trail->to;
}

/* Before anything of `now` is folded in. */
static void begin(struct trail *trail, weft_time now) {
    for (; trail->every > 0 && now >= trail->mark; trail->mark += trail->every)
        put_mark(trail, trail->mark);
    if (trail->told || !trail->events || now < trail->from) return;
    trail->told = true;
    fputs("from ", trail->out);
    put_digest(trail->out, sum(trail));
}

void trail_tell(void *ctx, const struct sim_deed *deed) {
    struct trail *trail = ctx;
    bool is_event = deed->kind == SIM_DEED_EVENT;
    begin(trail, deed->now);
    trail->count += is_event;
    fold(trail, deed);
    if (!is_told(trail, deed->now)) return;
    if (is_event || deed->actor != trail->entity || deed->now != trail->at) put_head(trail, deed);
    if (!is_event) put_deed(trail->out, deed);
}

void trail_trace(void *ctx, const struct weft_trace_event *event) {
    struct trail *trail = ctx;
    char line[TRACE_MAX];
    if (!is_told(trail, event->at)) return;
    struct ana_trace_record record = {.event = *event,
                                      .name = weft_trace_kind_name(event->kind),
                                      .fields = weft_trace_kind_fields(event->kind)};
    ana_trace_format(&record, line, sizeof line);
    fprintf(trail->out, "  ~ %s\n", line);
}

void trail_end(struct trail *trail, const struct sim_run_report *report) {
    char text[SIM_HASH_TEXT_SIZE];
    if (trail->every > 0) put_mark(trail, report->ended_at + 1);
    sim_hash_text(report->hash, text);
    fprintf(trail->out, "end %" PRIu64 " %s\n", report->events, text);
}
