/* Supervisors against a model of them, written from the manual and not from the code: after each
 * random step both have said and done the same. All strategies with ids, restarts, significance,
 * auto_shutdown, intensity, backoff, starts that fail, and requests at run time. */
#include "tests/unit/otp/sup_kit.h"

#include "core/base/rand.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS 3000
#define STEPS 40
#define KIDS_MAX 8

static struct weft_rand dice;

static uint32_t draw(uint32_t bound) { return (uint32_t)weft_rand_below(&dice, bound); }

/* --- the model --- */

enum kid_state { DOWN, RUN, TRY };

struct model_kid {
    struct weft_child_spec spec;
    enum kid_state state;
    weft_time due, started;
    uint64_t timer; /* order of the timers */
    uint32_t failures;
};

static struct {
    struct weft_sup_config config;
    struct model_kid kids[KIDS_MAX];
    uint32_t kids_count;
    weft_time window[64];
    uint32_t window_count, fails;
    uint64_t timers;
    bool dead;
    char log[8192];
} model;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
    size_t at = strlen(model.log);
    if (at > 0) at += (size_t)snprintf(model.log + at, sizeof model.log - at, ", ");
    va_list args;
    va_start(args, format);
    vsnprintf(model.log + at, sizeof model.log - at, format, args);
    va_end(args);
}

static struct model_kid *find(const char *id) {
    for (uint32_t i = 0; i < model.kids_count; i++)
        if (strcmp(model.kids[i].spec.id, id) == 0) return &model.kids[i];
    return NULL;
}

static void forget(struct model_kid *kid) {
    uint32_t index = (uint32_t)(kid - model.kids);
    model.kids_count--;
    memmove(kid, kid + 1, (model.kids_count - index) * sizeof *kid);
}

static bool is_temporary(const struct model_kid *kid) {
    return kid->spec.restart == WEFT_TEMPORARY;
}

static bool start(struct model_kid *kid) {
    kid->state = DOWN;
    if (kid->spec.id[0] == 'x' && model.fails > 0) {
        model.fails--;
        say("fail x");
        return false;
    }
    say("start %s", kid->spec.id);
    kid->state = RUN;
    kid->started = world.now;
    return true;
}

static void ran(struct model_kid *kid) {
    weft_duration time = world.now / WEFT_MS(1) - kid->started / WEFT_MS(1);
    if (time >= model.config.backoff_reset / WEFT_MS(1)) kid->failures = 0;
}

static void stop(struct model_kid *kid) {
    if (kid->state == RUN) {
        if (kid->spec.shutdown != WEFT_BRUTAL_KILL) say("%s terminate shutdown/0", kid->spec.id);
        ran(kid);
    }
    kid->state = DOWN;
}

static void end(void) {
    for (uint32_t i = model.kids_count; i-- > 0;) stop(&model.kids[i]);
    say("parent exit sup shutdown/0");
    model.dead = true;
}

static bool count_restart(void) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model.window_count; i++)
        if (world.now - model.window[i] <= model.config.period)
            model.window[kept++] = model.window[i];
    model.window_count = kept;
    if (kept >= model.config.intensity) return false;
    model.window[model.window_count++] = world.now;
    return true;
}

static bool wait_for(struct model_kid *kid) {
    if (model.config.backoff_first == 0) return false;
    weft_duration delay = model.config.backoff_first;
    for (uint32_t i = 0; i < kid->failures && delay < model.config.backoff_max; i++) delay *= 2;
    if (delay > model.config.backoff_max) delay = model.config.backoff_max;
    kid->failures++;
    kid->state = TRY;
    kid->due = world.now + delay;
    kid->timer = ++model.timers;
    return true;
}

static void restart_now(struct model_kid *kid);

static void start_failed(struct model_kid *kid) {
    kid->state = TRY;
    if (!count_restart()) {
        end();
    } else if (!wait_for(kid)) {
        restart_now(kid);
    }
}

/* The others are stopped; those that are temporary go for good. */
static uint32_t stop_group(uint32_t origin) {
    uint32_t first = model.config.strategy == WEFT_REST_FOR_ONE ? origin + 1 : 0;
    for (uint32_t i = model.kids_count; i-- > first;) {
        if (i == origin) continue;
        bool temporary = is_temporary(&model.kids[i]) && model.kids[i].state == RUN;
        stop(&model.kids[i]);
        if (!temporary) continue;
        forget(&model.kids[i]);
        if (i < origin) origin--;
    }
    return origin;
}

static void restart_group(struct model_kid *kid, bool waits) {
    uint32_t origin = stop_group((uint32_t)(kid - model.kids));
    if (waits && wait_for(&model.kids[origin])) return;
    uint32_t first = model.config.strategy == WEFT_REST_FOR_ONE ? origin : 0;
    for (uint32_t i = first; i < model.kids_count; i++) {
        if (model.kids[i].state == RUN || start(&model.kids[i])) continue;
        start_failed(&model.kids[i]);
        return;
    }
}

static bool is_group(void) { return model.config.strategy != WEFT_ONE_FOR_ONE; }

static void restart_now(struct model_kid *kid) {
    kid->state = DOWN;
    if (is_group()) {
        restart_group(kid, false);
    } else if (!start(kid)) {
        start_failed(kid);
    }
}

static void auto_shutdown(void) {
    if (model.config.auto_shutdown == WEFT_AUTO_ALL_SIGNIFICANT)
        for (uint32_t i = 0; i < model.kids_count; i++)
            if (model.kids[i].spec.significant && model.kids[i].state != DOWN) return;
    if (model.config.auto_shutdown != WEFT_AUTO_NEVER) end();
}

static void death(struct model_kid *kid, bool clean) {
    bool significant = kid->spec.significant;
    ran(kid);
    kid->state = DOWN;
    if (kid->spec.restart == WEFT_PERMANENT || (kid->spec.restart == WEFT_TRANSIENT && !clean)) {
        if (!count_restart()) {
            end();
        } else if (is_group()) {
            restart_group(kid, true);
        } else if (!wait_for(kid) && !start(kid)) {
            start_failed(kid);
        }
        return;
    }
    if (is_temporary(kid)) forget(kid);
    if (significant) auto_shutdown();
}

static struct model_kid *next_due(weft_time until) {
    struct model_kid *first = NULL;
    for (uint32_t i = 0; i < model.kids_count; i++) {
        struct model_kid *kid = &model.kids[i];
        if (kid->state != TRY || kid->due > until) continue;
        if (first == NULL || kid->due < first->due ||
            (kid->due == first->due && kid->timer < first->timer))
            first = kid;
    }
    return first;
}

static void model_pass(weft_time until) {
    weft_time now = world.now;
    struct model_kid *kid;
    while (!model.dead && (kid = next_due(until)) != NULL) {
        world.now = kid->due;
        restart_now(kid);
    }
    world.now = now;
}

static int model_start(const struct weft_child_spec *spec) {
    if (spec->significant &&
        (spec->restart == WEFT_PERMANENT || model.config.auto_shutdown == WEFT_AUTO_NEVER))
        return WEFT_ERR_INVAL;
    if (find(spec->id) != NULL) return WEFT_ERR_EXISTS;
    struct model_kid *kid = &model.kids[model.kids_count++];
    *kid = (struct model_kid){.spec = *spec};
    if (start(kid)) return WEFT_OK;
    model.kids_count--;
    return WEFT_ERR_IO;
}

static int model_terminate(const char *id) {
    struct model_kid *kid = find(id);
    if (kid == NULL) return WEFT_ERR_NOT_FOUND;
    stop(kid);
    if (is_temporary(kid)) forget(kid);
    return WEFT_OK;
}

static int model_restart(const char *id) {
    struct model_kid *kid = find(id);
    if (kid == NULL) return WEFT_ERR_NOT_FOUND;
    if (kid->state != DOWN) return WEFT_ERR_IN_USE;
    return start(kid) ? WEFT_OK : WEFT_ERR_IO;
}

static int model_delete(const char *id) {
    struct model_kid *kid = find(id);
    if (kid == NULL) return WEFT_ERR_NOT_FOUND;
    if (kid->state != DOWN) return WEFT_ERR_IN_USE;
    forget(kid);
    return WEFT_OK;
}

static const char *model_which(void) {
    static const char *const names[] = {"-", "run", "try"};
    static char text[256];
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < model.kids_count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s:%s ", model.kids[i].spec.id,
                               names[model.kids[i].state]);
    return text;
}

/* --- both --- */

static const char *const ids[] = {"a", "b", "c", "d", "e", "x"};

static struct weft_child_spec any_spec(const char *id) {
    struct weft_child_spec spec = kid(id, (enum weft_restart)draw(3), PROBE_TRAP);
    spec.shutdown = draw(4) == 0 ? WEFT_BRUTAL_KILL : WEFT_S(1);
    bool may = spec.restart != WEFT_PERMANENT && model.config.auto_shutdown != WEFT_AUTO_NEVER;
    spec.significant = may && draw(3) == 0;
    return spec;
}

static void draw_config(void) {
    static const weft_duration firsts[] = {0, 0, WEFT_MS(10), WEFT_MS(250)};
    memset(&model, 0, sizeof model);
    model.config.strategy = (enum weft_strategy)draw(3);
    model.config.auto_shutdown = (enum weft_auto_shutdown)draw(3);
    model.config.intensity = 1 + draw(8);
    model.config.period = WEFT_MS(1 + draw(2000));
    model.config.backoff_first = firsts[draw(4)];
    model.config.backoff_max = model.config.backoff_first * (1 + draw(10));
    model.config.backoff_reset = WEFT_MS(1 + draw(500));
}

static void open_both(void) {
    static struct weft_child_spec specs[4];
    draw_config();
    uint32_t count = draw(5);
    for (uint32_t i = 0; i < count; i++) {
        specs[i] = any_spec(ids[i]);
        model.kids[i] = (struct model_kid){.spec = specs[i], .state = RUN, .started = WEFT_S(1000)};
    }
    model.kids_count = count;
    struct weft_sup_config config = model.config;
    config.children = specs;
    config.children_count = count;
    sup_open(&config);
}

static void kill_one(struct model_kid *kid) {
    static const struct {
        enum weft_reason_kind kind;
        int32_t code;
        bool clean;
    } ways[] = {{WEFT_REASON_NORMAL, 0, true},
                {WEFT_REASON_SHUTDOWN, 0, true},
                {WEFT_REASON_SHUTDOWN, 5, true},
                {WEFT_REASON_ERROR, 7, false},
                {WEFT_REASON_KILL, 0, false}};
    size_t way = draw(5);
    const char *id = kid->spec.id;
    if (ways[way].kind == WEFT_REASON_KILL) {
        death(kid, false);
        kill_kid(id);
        return;
    }
    struct weft_reason why = weft_reason(ways[way].kind, ways[way].code);
    say("%s terminate %s", id, why_text(&why));
    death(kid, ways[way].clean);
    end_kid(id, ways[way].kind, ways[way].code);
}

static int ask_both(int *expected) {
    const char *id = ids[draw(6)];
    struct weft_child_spec spec = any_spec(id);
    if (draw(8) == 0) spec.significant = true;
    switch (draw(4)) {
    case 0:
        *expected = model_start(&spec);
        return ask_start(&spec);
    case 1:
        *expected = model_terminate(id);
        return ask_terminate(id);
    case 2:
        *expected = model_restart(id);
        return ask_restart(id);
    default:
        *expected = model_delete(id);
        return ask_delete(id);
    }
}

static void step(void) {
    start_failures = model.fails = draw(4) == 0 ? draw(4) : 0;
    uint32_t what = draw(4);
    if (what == 0) {
        weft_duration time = WEFT_MS(draw(400));
        model_pass(world.now + time);
        pass(time);
    } else if (what == 1) {
        int expected, got = ask_both(&expected);
        CHECK_EQ_INT(got, expected);
    } else if (model.kids_count > 0) {
        struct model_kid *kid = &model.kids[draw(model.kids_count)];
        if (kid->state == RUN) kill_one(kid);
    }
}

static bool agree(void) {
    bool same = strcmp(world.log, model.log) == 0;
    CHECK_EQ_TEXT(world.log, model.log);
    CHECK_EQ_UINT(alive(sup), !model.dead);
    if (!model.dead) {
        same = same && strcmp(which_text(), model_which()) == 0;
        CHECK_EQ_TEXT(which_text(), model_which());
    }
    world_log_clear();
    model.log[0] = '\0';
    return same;
}

static bool live(uint64_t seed) {
    weft_rand_init(&dice, seed);
    open_both();
    bool same = true;
    for (int i = 0; i < STEPS && same && !model.dead; i++) {
        step();
        same = agree();
    }
    if (!same) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    world_log_clear();
    world_close();
    return same;
}

static void a_supervisor_does_what_the_manual_says_whatever_happens(void) {
    uint32_t wrong = 0;
    for (uint64_t seed = 1; seed <= SEEDS && wrong < 3; seed++) wrong += !live(seed);
    CHECK_EQ_UINT(wrong, 0);
}

TEST_MAIN("otp/sup_model", TEST(a_supervisor_does_what_the_manual_says_whatever_happens))
