/* Every bound of the core, in one place. The `hostile` build shrinks them so that their error
 * paths run in every test. Policy that a user may want to change is in a config struct instead;
 * these are the outer walls. */
#ifndef WEFT_BASE_LIMITS_H
#define WEFT_BASE_LIMITS_H

#ifdef WEFT_HOSTILE
#define WEFT_LIMIT(normal, hostile) (hostile)
#else
#define WEFT_LIMIT(normal, hostile) (normal)
#endif

/* core/otp */
#define WEFT_PROCS_MAX WEFT_LIMIT(16777216, 64) /* processes of a node */
#define WEFT_MAIL_LARGE 4096                    /* messages over it count by bytes, too */
#define WEFT_MAILBOX_BYTES_MAX WEFT_LIMIT(268435456, 1048576) /* of them, by default */
#define WEFT_MAILBOX_MAX WEFT_LIMIT(65536, 64)     /* messages in a mailbox, by default */
#define WEFT_TIMERS_MAX WEFT_LIMIT(16777216, 64)   /* timers of a node */
#define WEFT_CHILDREN_MAX WEFT_LIMIT(16777216, 16) /* children of a supervisor */
#define WEFT_SUP_REQUESTS_MAX WEFT_LIMIT(4096, 8)  /* requests that wait in a supervisor */
#define WEFT_SUP_STEP_MAX WEFT_LIMIT(1024, 2)      /* children stopped or started a turn */
#define WEFT_CHILDREN_PAGE_MAX WEFT_LIMIT(1024, 3) /* children in one page of an answer */
#define WEFT_TURN_MAX WEFT_LIMIT(32, 1)            /* messages a process handles a turn */
#define WEFT_TURN_REDUCTIONS WEFT_LIMIT(512, 4)    /* ... and calls of the API that end its turn */
#define WEFT_HIGH_TURNS_MAX WEFT_LIMIT(64, 3)      /* of HIGH while others wait */
#define WEFT_NORMAL_TURNS_MAX WEFT_LIMIT(7, 2)     /* of NORMAL while LOW waits */
#define WEFT_RUN_TIME WEFT_US(200)                 /* after which a run of the scheduler ends */
#define WEFT_TURN_TIME WEFT_US(20)                 /* that a turn should not exceed */
#define WEFT_TIMERS_FIRST_MAX 4                 /* who go first in a run when a timer wakes them */
#define WEFT_CLOCK_MESSAGES 64                  /* handled between two looks at the clock */
#define WEFT_SPAWN_DEPTH_MAX WEFT_LIMIT(64, 8)  /* inits that start a process that ... */
#define WEFT_JOBS_MAX WEFT_LIMIT(1024, 3)       /* jobs of a node that wait or run */
#define WEFT_NAME_MAX 64                        /* bytes of a registered name, with the NUL */
#define WEFT_MODULES_MAX WEFT_LIMIT(256, 3)     /* loaded at once */
#define WEFT_VERSIONS_MAX WEFT_LIMIT(65536, 8)  /* of one module, loaded at once */
#define WEFT_BEHAVIOURS_MAX WEFT_LIMIT(1024, 8) /* of one module */
#define WEFT_CODE_SWEEP_MAX WEFT_LIMIT(256, 1)  /* slots looked at in one run, idle processes */
#define WEFT_CODE_SNAPSHOT_MAX WEFT_LIMIT(1048576, 4096) /* bytes kept to undo a code_change */
#define WEFT_CODE_EXTRA_MAX 4096                         /* bytes of an upgrade's extra */
#define WEFT_RELEASE_STEPS_MAX WEFT_LIMIT(64, 3)         /* of one plan */
#define WEFT_STATE_MAX 0xffffff                          /* bytes of a process's state */
#define WEFT_MESSAGE_MAX (16 * 1024 * 1024)              /* bytes of data in one message */
#define WEFT_SCHEDULERS_MAX 64                           /* schedulers of a node: bits of a pid */
#define WEFT_NODES_MAX WEFT_LIMIT(16383, 5)              /* other nodes, and lives of them, known */
#define WEFT_LIVES_MAX WEFT_LIMIT(64, 2) /* of one other node, before an index is used again */
#define WEFT_NODE_NAME_MAX 128           /* bytes of a node's name, with the NUL */
#define WEFT_OUTBOX_MAX WEFT_LIMIT(8388608, 4096) /* bytes that wait to travel to one place */
#define WEFT_RING_SIZE WEFT_LIMIT(262144, 512)    /* bytes on the way between two schedulers */

/* core/otp: behaviours */
#define WEFT_STATEM_EVENTS_MAX WEFT_LIMIT(65536, 16) /* postponed and inserted, of a machine */
#define WEFT_STATEM_TIMEOUTS_MAX WEFT_LIMIT(256, 4)  /* set at once, of a machine */
#define WEFT_STATEM_MODULES_MAX WEFT_LIMIT(8, 2)     /* pushed callback modules of a machine */
#define WEFT_HANDLERS_MAX WEFT_LIMIT(1024, 8)        /* of an event manager */
#define WEFT_EVENT_REQUESTS_MAX WEFT_LIMIT(65536, 8) /* of an event manager, under way */
#define WEFT_PG_GROUPS_MAX WEFT_LIMIT(1048576, 8)    /* groups of a scope */
#define WEFT_PG_SEATS_MAX WEFT_LIMIT(16777216, 16)   /* memberships of a scope */
#define WEFT_PG_PEERS_MAX WEFT_LIMIT(65536, 4)       /* scopes elsewhere that one exchanges with */
#define WEFT_PG_WATCHES_MAX WEFT_LIMIT(65536, 4)     /* who wants to be told of joins and leaves */
#define WEFT_PG_MESSAGE_MAX WEFT_LIMIT(65536, 512)   /* bytes of one message between scopes */

/* core/wire */
#define WEFT_KRPC_SIZE_MAX 1472    /* bytes of a KRPC packet we send: no fragment on Ethernet */
#define WEFT_KRPC_RECEIVE_MAX 2048 /* larger ones are refused unread */
#define WEFT_BENCODE_DEPTH_MAX 8   /* nesting of lists and dictionaries */
#define WEFT_KRPC_TID_MAX 32       /* bytes of a transaction id */
#define WEFT_KRPC_TOKEN_MAX 64     /* bytes of a token */
#define WEFT_ITEM_SIZE_MAX 1000    /* bytes of a stored value (BEP 44) */

/* core/dht */
#define WEFT_DHT_K_MAX 32                        /* contacts in a bucket */
#define WEFT_DHT_ALPHA_MAX 16                    /* parallel queries of a lookup */
#define WEFT_DHT_LOOKUPS_MAX WEFT_LIMIT(256, 2)  /* lookups at once */
#define WEFT_DHT_PENDING_MAX WEFT_LIMIT(1024, 3) /* queries awaiting a reply */
#define WEFT_DHT_KEYS_MAX WEFT_LIMIT(4096, 2)    /* info-hashes and items stored */
#define WEFT_DHT_PEERS_MAX WEFT_LIMIT(512, 2)    /* peers stored of an info-hash */
#define WEFT_DHT_SOURCES_MAX WEFT_LIMIT(1024, 2) /* addresses whose rate is watched */
#define WEFT_DHT_BOOTSTRAP_MAX 64                /* contacts given at start */
#define WEFT_DHT_RESULT_VALUES_MAX 256           /* peers returned of one lookup */

#endif
