/* What the files of the scenario parser share. Room-private.
 *
 * The language is a set of tables: each section (a mapping with known keys) is a list of keys, each
 * with the function that reads its value. Validation, suggestions and the test of the reference
 * (docs/scenarios.md) all come from these tables. */
#ifndef SIM_SCENARIO_INTERNAL_H
#define SIM_SCENARIO_INTERNAL_H

#include "core/base/error.h"
#include "core/config/value.h"
#include "core/config/yaml_tree.h"
#include "sim/scenario/mistakes.h"
#include "sim/scenario/plan.h"

/* What is put where a range or a choice of swarm stands. Others than BY_SEED are for finding
 * mistakes. */
enum sim_swarm_mode {
    SIM_SWARM_BY_SEED = 1,
    SIM_SWARM_BY_FILE, /* by the seed of the file */
    SIM_SWARM_LOWS,    /* the low ends, the first of choices; every fault is on */
    SIM_SWARM_HIGHS,   /* the high ends, the last */
    SIM_SWARM_OPTION,  /* the low ends, the one of choices that `seed` is the number of */
};

struct sim_swarm__draw {
    enum sim_swarm_mode mode;
    uint64_t seed;
    uint32_t options_max; /* of the choices met */
};

/* State of one reading. */
struct sim_plan__reader {
    struct sim_plan *plan;
    struct sim_swarm__draw draw;
    uint32_t swarm_first, swarm_on;    /* entries of `faults` that swarm has put there */
    uint32_t swarm_of[SIM_FAULTS_MAX]; /* which of plan->swarm each is */
    bool no_memory;
    const struct weft_yaml_node *root;
    const struct sim_plan_report *report; /* NULL: none */
    const char *regions_path;             /* as the scenario names it; NULL: none read yet */
    struct sim_plan__within {
        uint32_t fault; /* 1 + whose keys are read; 0: the file's */
        uint32_t line;  /* of what a claim stands in, for one that --set makes */
        char path[40];  /* where in it; "", or with a point at its end */
        const struct sim_plan__link *before; /* what a link is changed from; NULL: it begins */
    } within;
    struct sim_mistakes mistakes;
};

/* --- keys and sections --- */

struct sim_plan__key;

/* A value on its way: what the file says and which key it is for. */
struct sim_plan__value {
    const struct weft_yaml_node *node;
    const struct sim_plan__key *key;
};

struct sim_plan__key {
    const char *name;
    bool required;
    /* Read the value into the struct `into`, which the section's reader chose. Mistakes are told;
     * the field then stays as it was. */
    void (*parse)(struct sim_plan__reader *reader, const struct sim_plan__value *value, void *into);
    size_t offset;       /* of the field in `into` */
    int64_t least, most; /* inclusive, in the field's unit */
};

struct sim_plan__section {
    const char *title; /* as messages and the reference name it */
    const struct sim_plan__key *keys;
    size_t count;
};

/* Each of them, for the test of the reference; NULL beyond the last. */
const struct sim_plan__section *sim_plan__section(size_t index);

const struct sim_plan__section *sim_plan__fault_section(enum sim_fault_kind kind);

/* The last two by enum sim_work_kind, sim_check_kind, from 1. */
extern const struct sim_plan__section sim_plan__lognormal_section, sim_plan__exponential_section,
    sim_plan__pareto_section, sim_plan__weibull_section, sim_plan__delay_section,
    sim_plan__nodes_section, sim_plan__dht_section, sim_plan__join_section, sim_plan__group_section,
    sim_plan__app_section, sim_plan__dist_section, sim_plan__nat_section, sim_plan__clocks_section,
    sim_plan__domains_section, sim_plan__duplicate_section, sim_plan__reorder_section,
    sim_plan__burst_section, sim_plan__corrupt_section, sim_plan__rate_section,
    sim_plan__step_section, sim_plan__flap_section, sim_plan__links_section,
    sim_plan__network_section, sim_plan__work_sections[], sim_plan__check_sections[];
extern const struct sim_plan__section sim_plan__pct_section, sim_plan__bounded_section,
    sim_plan__liveness_section;

/* Read a mapping by its section: each known key, in the table's order; then what is unknown or
 * missing is told. False when `node` is no mapping (told). */
bool sim_plan__read_section(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                            const struct sim_plan__section *section, void *into);

/* Fields: uint32_t, weft_duration, uint32_t (ppm), bool. */
void sim_plan__read_count(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into);
void sim_plan__read_duration(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into);
void sim_plan__read_percent(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into);
void sim_plan__read_flag(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into);
/* Bytes, such as 64KB: uint32_t. */
void sim_plan__read_size(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into);

/* --- telling mistakes --- */

void sim_plan__mistake(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                       const char *format, ...) __attribute__((format(printf, 3, 4)));

/* In another file than the scenario. */
void sim_plan__mistake_in(struct sim_plan__reader *reader, const char *file,
                          const struct weft_yaml_place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "'NAME' is a list, expected WHAT", for a value of the wrong kind or a text that does not fit. */
void sim_plan__unfit(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                     const char *expected);

/* The node's kind is `kind`; else it is told with what was expected. */
bool sim_plan__is(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                  enum weft_yaml_kind kind, const char *expected);

#define SIM_PLAN__SHOWN_MAX 48
#define SIM_PLAN__WORDS_MAX 40
#define SIM_PLAN__HINT_MAX 480

/* A text of the scenario, short enough to quote. */
struct sim_plan__shown {
    char text[SIM_PLAN__SHOWN_MAX];
};
struct sim_plan__shown sim_plan__show(const char *text);

/* "did you mean 'loss'?", or "expected one of: a, b, c" when nothing is near. */
struct sim_plan__hint {
    char text[SIM_PLAN__HINT_MAX];
};
struct sim_plan__hint sim_plan__hint(const char *word, const char *const *words, size_t count);

/* Index of the word among `words`; -1, told, when it is none. */
int sim_plan__choose_word(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          const char *const *words, size_t count);

/* --- parts of the language --- */

/* plan_dist.c: into the plan; one group's, over what all have; what only the whole shows. */
void sim_plan__read_dist(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into);
void sim_plan__read_dist_config(struct sim_plan__reader *reader,
                                const struct sim_plan__value *value, struct sim_dist *dist);
void sim_plan__check_dist(struct sim_plan__reader *reader);

/* plan_nat.c: a group's; what only the whole shows. */
void sim_plan__read_nat(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        struct sim_nat_range *range);
void sim_plan__check_nats(struct sim_plan__reader *reader);

/* A delay: struct sim_delay at the key's offset. `least`: its least (median); `most`: these bits */
#define SIM_PLAN__NO_REGIONS 0
#define SIM_PLAN__REGIONS 1 /* a matrix of regions is allowed */
#define SIM_PLAN__PAIRS 2   /* so is one for each pair of nodes */
void sim_plan__read_delay(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into);

/* plan_flow.c: a model of shared bandwidth; keys of the network section. */
struct sim_plan__flow {
    bool simgrid;
    const char *platform, *model;
    uint32_t least;
};
void sim_plan__read_engine(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into);
void sim_plan__read_platform(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into);
void sim_plan__read_model(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into);
/* All of them are read: into the plan. */
void sim_plan__take_flow(struct sim_plan__reader *reader, const struct weft_yaml_node *network,
                         const struct sim_plan__flow *flow);

/* The matrix of `value`, a path beside the scenario, into the plan's net; how nodes are spread over
 * its regions; the region that is named, told, and false, when there is none. */
void sim_plan__read_regions(struct sim_plan__reader *reader, const struct sim_plan__value *value);
void sim_plan__read_region_shares(struct sim_plan__reader *reader,
                                  const struct weft_yaml_node *shares);
bool sim_plan__region_index(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                            uint32_t *index);

/* The regions of groups, when the matrix is known. */
void sim_plan__check_regions(struct sim_plan__reader *reader);

/* regions.c: a whole CSV file beside the scenario; false, told, when it cannot be read. free() it.
 */
#define SIM_PLAN__FILE_SIZE 1024 /* of a path to a file */
bool sim_plan__read_beside(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                           size_t most, char path[SIM_PLAN__FILE_SIZE], struct weft_bytes *text);

/* The samples of `value`, a path beside the scenario, into the plan. NULL: told. */
const struct sim_samples *sim_plan__read_samples(struct sim_plan__reader *reader,
                                                 const struct sim_plan__value *value);

/* The text of a matrix into `regions`, which is all zero; mistakes name `file`. */
void sim_plan__parse_regions(struct sim_plan__reader *reader, const char *file,
                             struct weft_bytes text, struct sim_regions *regions);

/* plan_link.c. What a link does before it becomes a chain, in the chain's order; a part that is
 * absent has `has` false. */
enum sim_plan__part {
    SIM_PLAN__PART_MTU = 0,
    SIM_PLAN__PART_RATE,
    SIM_PLAN__PART_DELAY,
    SIM_PLAN__PART_JITTER,
    SIM_PLAN__PART_LOSS,
    SIM_PLAN__PART_BURST,
    SIM_PLAN__PART_DUPLICATE,
    SIM_PLAN__PART_CORRUPT,
    SIM_PLAN__PART_REORDER,
    SIM_PLAN__PARTS
};
_Static_assert((int)SIM_PLAN__PARTS == SIM_LINK_PARTS, "so many claims a link can make");

struct sim_plan__link {
    bool has[SIM_PLAN__PARTS];
    struct sim_element parts[SIM_PLAN__PARTS];
};

#define SIM_PLAN__LINK_WORDS                                                                       \
    "delay, delay_jitter, loss, burst, duplicate, reorder, corrupt, rate or mtu"

typedef void sim_plan__read(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into);

/* Keys that read into a struct that has a struct sim_plan__link at `at`. */
sim_plan__read sim_plan__read_link_delay, sim_plan__read_link_jitter, sim_plan__read_link_loss,
    sim_plan__read_link_burst, sim_plan__read_link_duplicate, sim_plan__read_link_reorder,
    sim_plan__read_link_corrupt, sim_plan__read_link_rate, sim_plan__read_link_mtu;

#define SIM_PLAN__LINK_KEYS(at, regions)                                                           \
    {"delay", false, sim_plan__read_link_delay, at, 0, (regions) | SIM_PLAN__PAIRS},               \
        {"delay_jitter", false, sim_plan__read_link_jitter, at, 0, SIM_PLAN__NO_REGIONS},          \
        {"loss", false, sim_plan__read_link_loss, at, 0, 0},                                       \
        {"burst", false, sim_plan__read_link_burst, at, 0, 0},                                     \
        {"duplicate", false, sim_plan__read_link_duplicate, at, 0, 0},                             \
        {"reorder", false, sim_plan__read_link_reorder, at, 0, 0},                                 \
        {"corrupt", false, sim_plan__read_link_corrupt, at, 0, 0},                                 \
        {"rate", false, sim_plan__read_link_rate, at, 0, 0}, {                                     \
        "mtu", false, sim_plan__read_link_mtu, at, 0, 0                                            \
    }

/* plan_claims.c: what a key says is a claim from now on; the path of its name ends in `key`. The
 * number is for an element of a chain; 0: out of memory. */
uint32_t sim_plan__claim(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                         enum sim_claim_kind kind, const char *key);
/* For a part of the link that is read: 0, too, when it is no claim. */
uint32_t sim_plan__claim_part(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                              enum sim_plan__part part, const struct sim_element *element);

/* Whether it has a chance of 0. */
bool sim_plan__is_idle(const struct sim_element *element);

/* Whether it has any part. */
bool sim_plan__link_says(const struct sim_plan__link *link);

/* What it does not say is as in `base`. */
void sim_plan__inherit(struct sim_plan__link *link, const struct sim_plan__link *base);

void sim_plan__chain_of(const struct sim_plan__link *link, struct sim_chain *chain);

/* A set of nodes: struct sim_set at the key's offset. */
void sim_plan__read_set(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into);

/* The group that is named; told, and false, when there is none. */
bool sim_plan__group_index(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                           uint32_t *index);

/* Sections of the whole file; `into` is the plan. */
void sim_plan__read_swarm(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                          void *into);
void sim_plan__read_schedule(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into);
void sim_plan__read_dht(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                        void *into);
void sim_plan__read_join(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into);
void sim_plan__read_groups(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into);
void sim_plan__read_apps(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                         void *into);
void sim_plan__read_apps_of(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            struct sim_apps *apps);
/* The path of a module that is there, as long as the plan; NULL, told. */
const char *sim_plan__module_path(struct sim_plan__reader *reader,
                                  const struct sim_plan__value *value);
void sim_plan__read_domains(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into);
void sim_plan__read_clocks(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into);
void sim_plan__read_network(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                            void *into);
void sim_plan__read_workload(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into);
void sim_plan__read_faults(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into);
void sim_plan__read_checks(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                           void *into);

/* plan_liveness.c: into the plan; what only the whole shows. */
void sim_plan__read_liveness(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                             void *into);
void sim_plan__check_liveness(struct sim_plan__reader *reader);

/* One dht or join mapping, over what `dht` or `join` holds already. `save_table` NULL: a group's,
 * which has no such key. */
void sim_plan__read_dht_config(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                               struct weft_dht_config *dht, bool *save_table);
void sim_plan__read_join_config(struct sim_plan__reader *reader,
                                const struct sim_plan__value *value, struct sim_join *join);

/* The population is known: make all of it the group "rest". */
void sim_plan__set_population(struct sim_plan *plan, uint32_t population);

/* Everything has been read: do the seeds serve, and is there time to join? */
void sim_plan__check_join(struct sim_plan__reader *reader);

/* Whether a workload of the kind was read. */
bool sim_plan__has_work(const struct sim_plan *plan, enum sim_work_kind kind);

/* When the last node has come up for the first time. */
weft_time sim_plan__joined_at(const struct sim_plan *plan);

/* An entry of a list is a mapping with one key, its kind: "- crash: {...}". The index of the kind
 * in `names`, or -1, told. *options: its value; NULL when the entry is a word alone, which only
 * `word_alone` allows. */
struct sim_plan__choice {
    const char *what; /* "fault" */
    const char *const *names;
    size_t count;
    bool word_alone;
};
int sim_plan__choose(struct sim_plan__reader *reader, const struct weft_yaml_node *entry,
                     const struct sim_plan__choice *choice, struct sim_plan__value *options);

/* A list of 1 to `most` entries; told, and false, when it is not. */
bool sim_plan__is_list(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                       uint32_t most, const char *expected);

/* --- paths into the tree --- */

#define SIM_PLAN__PATH_PARTS 12u
#define SIM_PLAN__PATH_SIZE 1024u

struct sim_plan__path {
    char text[SIM_PLAN__PATH_SIZE]; /* the keys, NUL between them */
    const char *parts[SIM_PLAN__PATH_PARTS];
    uint32_t count;
};

/* The `size` bytes of "faults.0.crash.at" as its parts. False: it is no path. */
bool sim_plan__path(const char *text, size_t size, struct sim_plan__path *path);

/* Where the path leads: what is not there is put in. NULL: told, at `place`. */
struct weft_yaml_node **sim_plan__slot(struct sim_plan__reader *reader,
                                       struct weft_yaml_node **root,
                                       const struct sim_plan__path *path,
                                       const struct weft_yaml_place *place);

/* --- --set --- */

/* Put an override into the tree, or tell why not. */
void sim_plan__override(struct sim_plan__reader *reader, struct weft_yaml_node *root,
                        const char *set);

/* Tell libyaml's mistakes. `ctx` is the reader. */
void sim_plan__yaml_mistake(void *ctx, const struct weft_yaml_place *place, const char *format,
                            va_list args) __attribute__((format(printf, 3, 0)));

/* A copy to free(); NULL when out of memory, which the reader then knows. */
char *sim_plan__copy(struct sim_plan__reader *reader, const char *text);

/* Where the file `name` that a scenario names is: beside the scenario, unless its path begins at
 * the root. False: too long. */
bool sim_plan__beside(const char *scenario, const char *name, char path[SIM_PLAN__FILE_SIZE]);

/* A copy that lives as long as the plan. NULL: out of memory, or of room for it. */
const char *sim_plan__keep(struct sim_plan__reader *reader, const char *text);

/* A whole file of at most `most` bytes; free() it. WEFT_ERR_NOT_FOUND, WEFT_ERR_IO,
 * WEFT_ERR_TOO_BIG, WEFT_ERR_NOMEM. */
int sim_plan__read_file(const char *path, size_t most, struct weft_bytes *out);

#endif
