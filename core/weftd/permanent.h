/* Which code a restart runs: release_handler's make_permanent. `code commit`, and what else may
 * commit (`code purge`, `code upgrade`, `release`), writes beside what else is in the data folder
 * which committed path each configured module is at; the next start loads that one instead.
 * Without a data folder, or a commit, a restart runs what the configuration names. */
#ifndef WEFT_WEFTD_PERMANENT_H
#define WEFT_WEFTD_PERMANENT_H

struct daemon;

/* Before the node starts: put the committed paths in the place of the configured ones. A file that
 * is not there any more, or cannot be read, costs a warning. */
void permanent_read(struct daemon *daemon);

/* The node has started: learn which module each configured path was. */
void permanent_learn(struct daemon *daemon);

/* WEFT_OK, also without a data folder; WEFT_ERR_IO. */
int permanent_write(struct daemon *daemon);

#endif
