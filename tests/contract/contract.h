/* The contract of core/env as one suite, run against every implementation.
 *
 * An implementation is a world of two nodes, CONTRACT_A and CONTRACT_B, that can reach each other.
 * Suites call env->... only between pumps, never inside one; time passes, and events arrive, only
 * in pumps. So a discrete-event world needs to do nothing but run its queue there.
 *
 * A program that runs it sets contract_world and lists the claims:
 *
 *     int main(int argc, char **argv) { contract_world = &my_world; return contract_main(...); } */
#ifndef WEFT_TESTS_CONTRACT_CONTRACT_H
#define WEFT_TESTS_CONTRACT_CONTRACT_H

#include "core/base/error.h"
#include "core/env/env.h"
#include "tests/harness/harness.h"

enum { CONTRACT_A = 0, CONTRACT_B = 1, CONTRACT_NODES = 2 };

#define CONTRACT_SIBLING (UINT64_C(1) << 44) /* as core/otp/types.h has it */

struct contract_world {
    const char *name; /* of the suite: "contract/posix" */
    bool has_v6;
    bool is_simulated; /* time passes in pumps only, and exactly */

    /* Two fresh nodes with empty disks. NULL: failed. Every claim opens its own world. */
    void *(*open)(void);
    void (*close)(void *world);

    struct weft_env *(*env)(void *world, int node);

    /* The env of another scheduler of B; its events are B's. Owners there are CONTRACT_SIBLING and
     * up, those of B below. */
    struct weft_env *(*sibling)(void *world);

    /* The address of `node`, port 0. */
    struct weft_addr (*addr)(void *world, int node, enum weft_family family);

    /* Advance until `until(arg)` holds, or `limit` of the world's time has passed. Every event goes
     * to contract_event. `until` is asked first, after every step, and at the end; its last answer
     * is returned. `until` NULL: advance by `limit`, and return false. */
    bool (*pump)(void *world, bool (*until)(void *arg), void *arg, weft_duration limit);

    /* Lose the power of `node` and boot it again on its disk; env(node) gives the new env, and all
     * handles are void. NULL: this world cannot. */
    void (*crash)(void *world, int node);

    /* From now on nothing reaches `socket` of `node`, and its peer hears nothing of it. */
    void (*deafen)(void *world, int node, weft_socket socket);

    /* `node` forgets the stream `socket`, which is closed, and its peer hears nothing of it. False:
     * this world may not. */
    bool (*vanish)(void *world, int node, weft_socket socket);
};

/* What the claims run against; set once by main. */
extern const struct contract_world *contract_world;

int contract_main(int argc, char **argv);

/* --- the world's side --- */

/* `event` was delivered to `node`; copied. */
void contract_event(int node, const struct weft_event *event);

/* `event` was emitted by the env of `node`; copied, with up to 255 of its bytes. */
void contract_trace(int node, const struct weft_trace_event *event);

/* --- the suites' side --- */

#define CONTRACT_LIMIT WEFT_S(20)  /* of a wait for what must happen */
#define CONTRACT_QUIET WEFT_MS(50) /* of a wait for what must not */

struct contract_record {
    struct weft_event event; /* data points to the copy */
    int node;
};

struct contract_traced {
    struct weft_trace_event event; /* bytes point to text */
    int node;
    unsigned char text[256];
};

struct contract {
    void *world;
    struct contract_record *records;
    size_t count, size;
    struct contract_traced *traced;
    size_t traced_count, traced_size;
};

extern struct contract contract;

/* A fresh world, with the records of the last one gone. False: failed, and a check says so. */
bool contract_begin(void);
void contract_end(void);

struct weft_env *contract_env(int node);
struct weft_addr contract_addr(int node, enum weft_family family);

/* Advance by `duration`. */
void contract_pass(weft_duration duration);

/* Advance until `node` has had `count` events of `kind` on `socket`. */
bool contract_wait(int node, weft_socket socket, enum weft_event_kind kind, size_t count);
/* Also for what takes longer than CONTRACT_LIMIT. */
bool contract_wait_for(int node, weft_socket socket, enum weft_event_kind kind,
                       weft_duration limit);

/* Advance until there are more records than `count`. */
bool contract_wait_any(size_t count);

/* The `index`th event of `kind` on `socket` at `node`, or NULL. */
const struct weft_event *contract_find(int node, weft_socket socket, enum weft_event_kind kind,
                                       size_t index);
size_t contract_count(int node, weft_socket socket, enum weft_event_kind kind);

/* A byte of the endless text that tests send: no short period, so a slip shows. */
unsigned char contract_byte(uint64_t index);
void contract_fill(unsigned char *data, uint64_t from, size_t size);

/* Two connected streams: `a` opened by A, `b` accepted by B. False: a check says why. */
struct contract_pair {
    weft_socket listener, a, b;
};
bool contract_connect(struct contract_pair *pair, enum weft_family family);

/* Read at `node` until `size` bytes came (true) or the stream ended or failed (false, *rv). */
bool contract_read_all(int node, weft_socket socket, unsigned char *data, size_t size);

/* Advance until reading at `node` gives something else than AGAIN; its value. */
int64_t contract_read_next(int node, weft_socket socket, void *data, size_t size);

/* Every claim: a function of its name. */
#define CONTRACT_CLAIMS(X)                                                                         \
    /* suite_clock.c */                                                                            \
    X(monotonic_time_never_goes_back)                                                              \
    X(a_pump_lets_time_pass)                                                                       \
    X(wall_time_runs_along)                                                                        \
    /* suite_entropy.c */                                                                          \
    X(entropy_differs_between_calls)                                                               \
    X(entropy_differs_between_nodes)                                                               \
    X(entropy_fills_every_size)                                                                    \
    X(entropy_of_nothing_touches_nothing)                                                          \
    /* suite_datagram.c */                                                                         \
    X(a_datagram_arrives_whole_with_its_sender)                                                    \
    X(a_datagram_arrives_over_ipv6)                                                                \
    X(an_empty_datagram_arrives)                                                                   \
    X(the_largest_datagram_arrives)                                                                \
    X(a_datagram_above_the_limit_is_too_big)                                                       \
    X(datagrams_of_one_run_arrive_in_order_and_separate)                                           \
    X(datagrams_of_many_sizes_stay_apart)                                                          \
    X(a_datagram_to_a_closed_port_disturbs_nobody)                                                 \
    X(a_datagram_to_the_wrong_family_is_invalid)                                                   \
    X(a_datagram_to_port_0_is_invalid)                                                             \
    X(a_datagram_on_a_closed_socket_is_invalid)                                                    \
    X(a_bound_port_is_in_use)                                                                      \
    X(port_0_gives_a_port_and_names_tells_it)                                                      \
    X(a_foreign_address_cannot_be_bound)                                                           \
    X(both_families_share_a_port_number)                                                           \
    X(a_closed_datagram_socket_gets_no_event)                                                      \
    X(a_new_owner_is_in_later_datagrams)                                                           \
    X(a_closed_port_can_be_bound_again)                                                            \
    X(socket_numbers_are_not_reused)                                                               \
    /* suite_stream.c, suite_flow.c */                                                             \
    X(a_connection_is_told_on_both_sides)                                                          \
    X(a_connection_is_made_over_ipv6)                                                              \
    X(connecting_to_nobody_is_refused)                                                             \
    X(connecting_to_port_0_is_invalid)                                                             \
    X(a_listener_needs_a_backlog)                                                                  \
    X(a_listening_port_is_in_use)                                                                  \
    X(a_stream_is_closed_to_bytes_before_it_is_connected)                                          \
    X(reading_nothing_says_again_and_readable_follows)                                             \
    X(readable_is_told_once)                                                                       \
    X(a_megabyte_passes_through_back_pressure_unchanged)                                           \
    X(both_directions_carry_bytes_at_once)                                                         \
    X(writable_comes_after_again_only)                                                             \
    X(finishing_leaves_the_other_direction_open)                                                   \
    X(the_accepting_side_can_finish_first)                                                         \
    X(writing_after_finish_is_closed)                                                              \
    X(the_end_is_read_again_and_again)                                                             \
    X(close_delivers_what_was_written)                                                             \
    X(abort_is_seen_as_reset)                                                                      \
    X(close_with_unread_bytes_is_seen_as_reset)                                                    \
    X(failed_is_told_once)                                                                         \
    X(a_closed_stream_gets_no_event)                                                               \
    X(a_closed_listener_accepts_nobody)                                                            \
    X(an_accepted_stream_has_the_listeners_owner)                                                  \
    X(a_new_owner_is_in_later_events)                                                              \
    X(a_new_owner_is_told_what_waits)                                                              \
    X(a_new_owner_is_told_of_the_end)                                                              \
    X(a_new_owner_is_told_of_a_failure)                                                            \
    X(a_new_owner_is_not_told_of_what_was_read)                                                    \
    /* suite_share.c */                                                                            \
    X(streams_spread_over_the_schedulers_of_a_node)                                                \
    X(datagrams_spread_and_those_of_a_peer_stay_together)                                          \
    X(a_scheduler_has_a_port_once)                                                                 \
    X(streams_go_to_the_listener_that_is_left)                                                     \
    X(names_of_a_stream_are_each_others)                                                           \
    X(many_streams_do_not_mix)                                                                     \
    X(calls_on_no_socket_are_harmless)                                                             \
    /* suite_silence.c */                                                                          \
    X(connecting_into_silence_times_out)                                                           \
    X(a_half_open_stream_is_reset_when_it_is_used)                                                 \
    X(keep_alive_leaves_a_living_peer_alone)                                                       \
    X(keep_alive_finds_a_silent_peer)                                                              \
    X(keep_alive_finds_a_half_open_stream)                                                         \
    X(with_keep_alive_bytes_nobody_acknowledges_time_out_early)                                    \
    X(keep_alive_needs_a_connected_stream_and_a_duration)                                          \
    X(datagrams_to_the_deaf_disturb_nobody)                                                        \
    /* suite_disk.c */                                                                             \
    X(bytes_written_are_read_back)                                                                 \
    X(a_read_is_short_only_at_the_end)                                                             \
    X(a_gap_reads_as_zeros)                                                                        \
    X(truncate_cuts_and_grows_with_zeros)                                                          \
    X(a_missing_file_is_not_found)                                                                 \
    X(paths_that_are_not_names_are_invalid)                                                        \
    X(modes_that_mean_nothing_are_invalid)                                                         \
    X(a_file_opened_for_reading_is_not_written)                                                    \
    X(folders_are_made_as_needed)                                                                  \
    X(truncate_on_open_starts_empty)                                                               \
    X(rename_replaces)                                                                             \
    X(rename_of_nothing_is_not_found)                                                              \
    X(a_renamed_open_file_goes_on_working)                                                         \
    X(a_removed_open_file_goes_on_working)                                                         \
    X(remove_of_nothing_is_not_found)                                                              \
    X(two_handles_see_the_same_bytes)                                                              \
    X(the_disks_of_two_nodes_are_two)                                                              \
    X(a_closed_handle_is_refused)                                                                  \
    X(sync_of_file_and_folder_succeeds)                                                            \
    X(synced_bytes_survive_a_crash)                                                                \
    X(access_tells_of_files_only)                                                                  \
    X(readers_share_a_file_and_one_writer_excludes_them)                                           \
    X(locks_go_with_their_handle_and_stop_nobody_who_does_not_ask)                                 \
    X(locks_that_skip_a_step_are_invalid)                                                          \
    X(folders_are_not_renamed_nor_replaced)                                                        \
    X(every_disk_promises_the_same)                                                                \
    /* suite_loader.c */                                                                           \
    X(a_module_gives_its_symbols)                                                                  \
    X(a_changed_module_loads_beside_the_old)                                                       \
    X(a_missing_module_is_not_found)                                                               \
    X(a_file_that_is_no_module_is_malformed)                                                       \
    /* suite_guard.c */                                                                            \
    X(a_function_without_fault_returns)                                                            \
    X(an_assert_ends_the_function_with_its_text)                                                   \
    X(a_bad_access_ends_the_function)                                                              \
    X(a_division_by_zero_ends_the_function)                                                        \
    X(an_illegal_instruction_ends_the_function)                                                    \
    X(a_stack_overflow_ends_the_function)                                                          \
    X(guards_nest)                                                                                 \
    X(a_guard_works_a_thousand_times)                                                              \
    X(a_fault_in_the_runtime_is_a_panic)                                                           \
    X(a_fault_outside_a_guard_is_a_panic)                                                          \
    /* suite_job.c */                                                                              \
    X(a_job_answers_with_its_result)                                                               \
    X(a_job_answers_with_its_error)                                                                \
    X(a_job_that_faults_says_how)                                                                  \
    X(a_cancelled_job_is_not_told)                                                                 \
    X(jobs_are_bounded_and_each_answers_once)                                                      \
    X(jobs_left_at_the_end_are_forgotten)                                                          \
    /* suite_trace.c */                                                                            \
    X(a_wanted_event_reaches_the_sink)                                                             \
    X(an_unwanted_event_is_not_built)                                                              \
    X(a_log_is_cut_at_its_limit)

#define CONTRACT_DECLARE(claim) void claim(void);
CONTRACT_CLAIMS(CONTRACT_DECLARE)
#undef CONTRACT_DECLARE

#endif
