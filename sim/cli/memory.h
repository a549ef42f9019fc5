/* Memory of a big run: where the simulator touches a little of every node, small pages cost more
 * than the work. */
#ifndef SIM_CLI_MEMORY_H
#define SIM_CLI_MEMORY_H

#include <stdint.h>

/* Make the heap's room at once, in address space alone, and ask the kernel to back it with huge
 * pages. Does nothing where malloc or the kernel knows no such thing. Call once, before the run. */
void cli_memory_prepare(void);

/* The same for the thread that calls it, one of so many that share the memory: malloc gives each
 * thread a heap of its own. Once, after cli_memory_prepare, on each thread but the first. */
void cli_memory_prepare_thread(uint32_t threads);

/* The most bytes this process ever had resident; 0: not known. Other than getrusage(2), which also
 * counts what was there before exec: the program that started this one. */
uint64_t cli_memory_peak(void);

#endif
