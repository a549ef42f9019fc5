/* Memory of a big run: where the simulator touches a little of every node, small pages cost more
 * than the work. */
#ifndef SIM_CLI_MEMORY_H
#define SIM_CLI_MEMORY_H

/* Make the heap's room at once, in address space alone, and ask the kernel to back it with huge
 * pages. Does nothing where malloc or the kernel knows no such thing. Call once, before the run. */
void cli_memory_prepare(void);

#endif
