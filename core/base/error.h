/* Errors: one list, each with its code, its name and what it means in one line.
 *
 * Every fallible function returns an `int`: WEFT_OK (0) or one of these negative values.
 * There is no errno outside core/posix; an environment translates what its system says. */
#ifndef WEFT_BASE_ERROR_H
#define WEFT_BASE_ERROR_H

/* X(code, name, text) */
#define WEFT_ERRORS(X)                                                                             \
    X(-1, NOMEM, "out of memory")                                                                  \
    X(-2, INVAL, "invalid argument")                                                               \
    X(-3, FULL, "a bounded table or queue is full")                                                \
    X(-4, NOT_FOUND, "not found")                                                                  \
    X(-5, EXISTS, "already exists")                                                                \
    X(-6, AGAIN, "not possible now, an event will tell when")                                      \
    X(-7, CLOSED, "closed")                                                                        \
    X(-8, RESET, "connection reset by peer")                                                       \
    X(-9, REFUSED, "connection refused")                                                           \
    X(-10, TIMEOUT, "timed out")                                                                   \
    X(-11, UNREACHABLE, "destination unreachable")                                                 \
    X(-12, TOO_BIG, "larger than the limit")                                                       \
    X(-13, MALFORMED, "malformed input")                                                           \
    X(-14, IO, "input/output error")                                                               \
    X(-15, NO_SPACE, "no space left on the disk")                                                  \
    X(-16, NO_PROC, "no such process")                                                             \
    X(-17, DENIED, "permission denied")                                                            \
    X(-18, UNSUPPORTED, "not supported")                                                           \
    X(-19, IN_USE, "address or name already in use")                                               \
    X(-20, RATE, "rate limit exceeded")                                                            \
    X(-21, FAULT, "a handler faulted")                                                             \
    X(-22, IGNORE, "a process's init chose not to run")                                            \
    X(-23, CORRUPT, "stored data does not match its checksum")                                     \
    X(-24, NOT_STARTED, "an application does not run")                                             \
    X(-25, NO_CONNECTION, "no connection to that node")

enum weft_error {
    WEFT_OK = 0,
#define WEFT_ERROR_ENUM(code, name, text) WEFT_ERR_##name = (code),
    WEFT_ERRORS(WEFT_ERROR_ENUM)
#undef WEFT_ERROR_ENUM
};

/* The text of `error`, never NULL; "unknown error" for a value not in the list. Static storage. */
const char *weft_error_text(int error);

/* The name of `error` as written in the list ("NOMEM"), "OK" for 0, "?" when unknown. */
const char *weft_error_name(int error);

#endif
