/* Flows of the simulated machines: large payloads whose way takes as long as a model of shared
 * bandwidth says (sim/net/flow.h). Private to sim/world.
 *
 * Machine i stands on host i modulo the platform's hosts. What links and faults do to a packet,
 * they do to a flow: its delays come on top, a cut loses it, be it there when it is sent or when it
 * is through. It is lost, too, when either end loses power meanwhile. A stream's bytes stay in
 * order: what is sent behind a flow of the same stream waits for it. */
#ifndef SIM_WORLD_FLOWS_H
#define SIM_WORLD_FLOWS_H

#include "sim/net/flow.h"
#include "sim/world/internal.h"

struct sim_flows;

/* host.flow is open. NULL when out of memory. */
struct sim_flows *sim_flows_new(const struct sim_fabric_config *config);
void sim_flows_free(struct sim_fabric *fabric, struct sim_flows *flows);

/* Whether a parcel, whose fate is known, goes this way: then it arrives by an event of the engine,
 * when it is due. `arrival_last` as in sim_parcel_send_take. `now`: when it leaves. */
bool sim_flows_take(struct sim_fabric *fabric, struct sim_parcel *parcel, struct sim_fate *fate,
                    weft_time now, weft_time *arrival_last);

/* Go on to the next event of the engine, at most to `until`: what arrives before is queued. */
void sim_flows_run(struct sim_fabric *fabric, weft_time until);

/* The machine has lost power. */
void sim_flows_crash(struct sim_flows *flows, uint32_t node);

struct sim_flows_stats sim_flows_stats(const struct sim_flows *flows);

#endif
