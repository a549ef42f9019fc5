/* What a process allocates: listed, counted, bounded, and freed with it. */
#include "core/otp/internal.h"

static struct block *block_of(void *ptr) { return (struct block *)ptr - 1; }

/* Checked before the runtime is entered: freeing what is not ours is the caller's fault. */
static struct block *own_block(const struct weft_process *proc, void *ptr) {
    struct block *block = block_of(ptr);
    WEFT_ASSERT(block->owner == proc);
    WEFT_ASSERT(block->link.next->prev == &block->link);
    return block;
}

static bool fits(const struct extra *extra, size_t old_size, size_t size) {
    WEFT_ASSERT(extra->memory >= old_size);
    if (size > SIZE_MAX - sizeof(struct block)) return false;
    size_t rest = extra->memory - old_size, max = extra->memory_max;
    return max == 0 || (rest <= max && size <= max - rest);
}

static void account(struct extra *extra, size_t old_size, size_t size) {
    struct weft_sched *sched = extra->proc->sched;
    WEFT_ASSERT(sched->process_bytes >= old_size);
    extra->memory = extra->memory - old_size + size;
    sched->process_bytes = sched->process_bytes - old_size + size;
}

static struct block *block_at(struct weft_link *link) {
    return WEFT_CONTAINER(link, struct block, link);
}

static void *block_new(struct weft_process *proc, size_t size) {
    struct extra *extra = weft_otp__extra(proc);
    if (extra == NULL) return NULL;
    if (!fits(extra, 0, size)) {
        weft_otp__quota_reached(proc, size);
        return NULL;
    }
    struct block *block = weft_otp__alloc(proc->sched, sizeof *block + size);
    if (block == NULL) return NULL;
    block->owner = proc;
    block->size = size;
    weft_list_push_back(&extra->blocks, &block->link);
    account(extra, 0, size);
    return block + 1;
}

static void block_drop(struct weft_process *proc, struct block *block) {
    weft_list_remove(&block->link);
    weft_otp__free(proc->sched, block, sizeof *block + block->size);
}

/* Without an owner it is nobody's any more, but still there. */
static void block_free(struct weft_process *proc, struct block *block) {
    account(proc->extra, block->size, 0);
    block->owner = NULL;
    if (!(proc->flags & PROC_CHANGING)) block_drop(proc, block);
}

static void *block_replace(struct weft_process *proc, struct block *block, size_t size) {
    void *moved = block_new(proc, size);
    if (moved == NULL) return NULL;
    memcpy(moved, block + 1, block->size < size ? block->size : size);
    block_free(proc, block);
    return moved;
}

static void *block_resize(struct weft_process *proc, struct block *block, size_t size) {
    struct extra *extra = proc->extra;
    size_t old_size = block->size;
    WEFT_ASSERT(extra != NULL);
    if (proc->flags & PROC_CHANGING) return block_replace(proc, block, size);
    if (!fits(extra, old_size, size)) {
        weft_otp__quota_reached(proc, size - old_size);
        return NULL;
    }
    struct weft_link *next = block->link.next;
    struct block *moved =
        weft_otp__resize(proc->sched, block, sizeof *block + old_size, sizeof *block + size);
    if (moved == NULL) return NULL;
    moved->link.prev->next = &moved->link;
    next->prev = &moved->link;
    moved->size = size;
    account(extra, old_size, size);
    return moved + 1;
}

static void *allocate(weft_self *self, size_t size) {
    WEFT_ASSERT(size > 0);
    struct weft_sched *sched = weft_otp__enter(self);
    void *ptr = block_new(self, size);
    weft_otp__leave(sched);
    return ptr;
}

static void release(weft_self *self, struct block *block) {
    struct weft_sched *sched = weft_otp__enter(self);
    block_free(self, block);
    weft_otp__leave(sched);
}

static void *mem_alloc(struct weft_mem *mem, size_t size) {
    return allocate(WEFT_CONTAINER(mem, struct extra, mem)->proc, size);
}

static void mem_free(struct weft_mem *mem, void *ptr, size_t size) {
    struct weft_process *self = WEFT_CONTAINER(mem, struct extra, mem)->proc;
    if (ptr == NULL) return;
    struct block *block = own_block(self, ptr);
    WEFT_ASSERT(block->size == size);
    release(self, block);
}

static void *mem_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    struct weft_process *self = WEFT_CONTAINER(mem, struct extra, mem)->proc;
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT((ptr == NULL) == (old_size == 0));
    if (ptr == NULL) return allocate(self, size);
    struct block *block = own_block(self, ptr);
    WEFT_ASSERT(block->size == old_size);
    struct weft_sched *sched = weft_otp__enter(self);
    void *moved = block_resize(self, block, size);
    weft_otp__leave(sched);
    return moved;
}

void weft_otp__memory_init(struct extra *extra) {
    static const struct weft_mem_ops ops = {mem_alloc, mem_resize, mem_free};
    WEFT_ASSERT(extra->memory == 0);
    weft_list_init(&extra->blocks);
    extra->mem = (struct weft_mem){&ops};
}

void weft_otp__memory_free(struct extra *extra) {
    while (!weft_list_empty(&extra->blocks)) block_free(extra->proc, block_at(extra->blocks.next));
    WEFT_ASSERT(extra->memory == 0);
}

/* One that has no memory yet has nothing to mark: all there is at the end is new. */
void weft_otp__memory_begin(struct weft_process *proc, struct weft_link *mark) {
    WEFT_ASSERT(!(proc->flags & PROC_CHANGING));
    weft_list_init(mark);
    if (proc->extra != NULL) weft_list_push_back(&proc->extra->blocks, mark);
    proc->flags |= PROC_CHANGING;
}

void weft_otp__memory_commit(struct weft_process *proc, struct weft_link *mark) {
    WEFT_ASSERT(proc->flags & PROC_CHANGING);
    proc->flags &= ~(uint32_t)PROC_CHANGING;
    weft_list_remove(mark);
    if (proc->extra == NULL) return;
    struct weft_link *blocks = &proc->extra->blocks, *next;
    for (struct weft_link *at = blocks->next; at != blocks; at = next) {
        next = at->next;
        if (block_at(at)->owner == NULL) block_drop(proc, block_at(at));
    }
}

void weft_otp__memory_undo(struct weft_process *proc, struct weft_link *mark) {
    WEFT_ASSERT(proc->flags & PROC_CHANGING);
    proc->flags &= ~(uint32_t)PROC_CHANGING;
    struct extra *extra = proc->extra;
    if (extra == NULL) return;
    struct weft_link *blocks = &extra->blocks, *from = weft_list_empty(mark) ? blocks : mark;
    while (from->next != blocks) {
        struct block *block = block_at(from->next);
        if (block->owner != NULL) account(extra, block->size, 0);
        block_drop(proc, block);
    }
    weft_list_remove(mark);
    for (struct weft_link *at = blocks->next; at != blocks; at = at->next) {
        struct block *block = block_at(at);
        if (block->owner == NULL) account(extra, 0, block->size);
        block->owner = proc;
    }
}

void *weft_alloc(weft_self *self, size_t size) {
    void *ptr = allocate(self, size);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

void weft_free(weft_self *self, void *ptr) {
    if (ptr != NULL) release(self, own_block(self, ptr));
}

static void *none_alloc(struct weft_mem *mem, size_t size) {
    (void)mem;
    WEFT_ASSERT(size > 0);
    return NULL;
}

static void *none_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    WEFT_ASSERT(ptr == NULL);
    WEFT_ASSERT(old_size == 0);
    return none_alloc(mem, size);
}

static void none_free(struct weft_mem *mem, void *ptr, size_t size) {
    (void)mem;
    WEFT_ASSERT(ptr == NULL);
    (void)size;
}

void weft_otp__no_memory_init(struct weft_mem *mem) {
    static const struct weft_mem_ops ops = {none_alloc, none_resize, none_free};
    *mem = (struct weft_mem){&ops};
}

struct weft_mem *weft_self_mem(weft_self *self) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    struct extra *extra = weft_otp__extra(self);
    weft_otp__leave(sched);
    return extra == NULL ? &sched->no_memory : &extra->mem;
}
