/* Names of the numbers that events carry, as scenarios and documents have them. NULL: a number
 * that this build does not know. */
#ifndef ANALYSIS_NAMES_H
#define ANALYSIS_NAMES_H

#include <stddef.h>
#include <stdint.h>

const char *ana_lookup_name(uint64_t kind); /* of lookup.start and lookup.done: "value" */
const char *ana_store_name(uint64_t kind);  /* of store.done and dht.stored: "peer" */
const char *ana_down_name(uint64_t cause);  /* of node.down: "crashed" */
const char *ana_loss_name(uint64_t cause);  /* of packet.lost: "cut" */
const char *ana_work_name(uint64_t kind);   /* of work.asked and work.done: "put" */
const char *ana_log_name(uint64_t level);   /* of log: "warn" */

#define ANA_NAME_SIZE 24

/* `name`, or the number as text when it is NULL. */
const char *ana_name_or_number(const char *name, uint64_t number, char text[ANA_NAME_SIZE]);

#endif
