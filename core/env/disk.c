/* Locks of files: what both implementations of the disk decide alike. */
#include "core/env/disk.h"

#include "core/base/assert.h"
#include "core/base/error.h"

int weft_disk_lock_step(enum weft_disk_lock *held, enum weft_disk_lock level,
                        enum weft_disk_lock others) {
    WEFT_ASSERT(*held <= WEFT_LOCK_EXCLUSIVE);
    WEFT_ASSERT(others <= WEFT_LOCK_EXCLUSIVE);
    if ((unsigned)level > WEFT_LOCK_EXCLUSIVE || level == WEFT_LOCK_PENDING) return WEFT_ERR_INVAL;
    if (level <= *held) {
        bool gives_some = level == WEFT_LOCK_RESERVED && *held > level;
        if (gives_some) return WEFT_ERR_INVAL;
        *held = level;
        return WEFT_OK;
    }
    if (*held == WEFT_LOCK_NONE && level != WEFT_LOCK_SHARED) return WEFT_ERR_INVAL;
    if (level == WEFT_LOCK_SHARED && others >= WEFT_LOCK_PENDING) return WEFT_ERR_IN_USE;
    if (level > WEFT_LOCK_SHARED && others >= WEFT_LOCK_RESERVED) return WEFT_ERR_IN_USE;
    bool must_wait = level == WEFT_LOCK_EXCLUSIVE && others != WEFT_LOCK_NONE;
    *held = must_wait ? WEFT_LOCK_PENDING : level;
    return must_wait ? WEFT_ERR_IN_USE : WEFT_OK;
}
