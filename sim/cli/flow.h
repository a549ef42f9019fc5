/* The part that models shared bandwidth, loaded when a scenario asks for it. */
#ifndef SIM_CLI_FLOW_H
#define SIM_CLI_FLOW_H

#include "sim/scenario/plan.h"

/* What a plan needs of it: *out is NULL when it needs nothing. A platform that the model refuses is
 * found here, in a child process. False: it was told on stderr why the plan cannot be run. */
bool cli_flow_load(const struct sim_plan *plan, const struct sim_flow_ops **out);

#endif
