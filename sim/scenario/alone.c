/* Whether a plan can run on several threads. */
#include "sim/scenario/plan.h"

/* Whatever a link keeps from packet to packet is in the order of all that go through it. */
static bool keeps(const struct sim_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++) {
        enum sim_element_kind kind = chain->elements[i].kind;
        if (kind == SIM_ELEMENT_RATE || kind == SIM_ELEMENT_HOLD) return true;
    }
    return false;
}

static bool links_keep(const struct sim_plan *plan) {
    for (uint32_t i = 0; i < plan->net.rules_count; i++) {
        if (keeps(&plan->net.rules[i].chain)) return true;
    }
    return false;
}

static bool fault_keeps(const struct sim_fault_spec *fault) {
    if (fault->kind == SIM_FAULT_CLOG || keeps(&fault->chain)) return true; /* held back: a queue */
    for (uint32_t i = 0; i < fault->steps_count; i++) {
        if (keeps(&fault->steps[i].chain)) return true;
    }
    return false;
}

static const char *fault_alone(const struct sim_fault_spec *fault) {
    if (fault->kind == SIM_FAULT_REBIND || fault->kind == SIM_FAULT_MOVE)
        return "its nodes change their addresses";
    if (fault->kind == SIM_FAULT_UPGRADE) return "its nodes load modules";
    /* Which node of several met it first is known in the order of one; so is when. */
    if (fault->kind >= SIM_FAULT_LOST_FSYNC && fault->kind <= SIM_FAULT_DISK_STUCK)
        return "its disks fail";
    return fault_keeps(fault) ? "a fault gives its links queues" : NULL;
}

const char *sim_plan_alone(const struct sim_plan *plan) {
    const char *why = NULL;
    if (sim_net_least(&plan->net) == 0) why = "its links may take no time at all";
    if (links_keep(plan)) why = "its links have queues";
    if (plan->flow.setup.platform != NULL) why = "its network is one of flows";
    if (plan->nats_count > 0) why = "it has NATs";
    for (uint32_t i = 0; i < plan->groups_count; i++) {
        if (plan->apps_of[i].count > 0) why = "its nodes load modules";
    }
    for (uint32_t i = 0; why == NULL && i < plan->faults_count; i++) {
        why = fault_alone(&plan->faults[i]);
    }
    return why;
}
