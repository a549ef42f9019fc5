/* Memory of a big run: where the simulator touches a little of every node, small pages cost more
 * than the work. */
#ifndef SIM_CLI_MEMORY_H
#define SIM_CLI_MEMORY_H

/* Let the heap grow in large pieces and ask the kernel to back the first with huge pages. Does
 * nothing where malloc or the kernel knows no such thing. Call once, before the run. */
void cli_memory_prepare(void);

#endif
