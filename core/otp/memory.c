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

static bool fits(const struct weft_process *proc, size_t old_size, size_t size) {
    WEFT_ASSERT(proc->memory >= old_size);
    if (size > SIZE_MAX - sizeof(struct block)) return false;
    size_t rest = proc->memory - old_size;
    return proc->memory_max == 0 || (rest <= proc->memory_max && size <= proc->memory_max - rest);
}

static void account(struct weft_process *proc, size_t old_size, size_t size) {
    WEFT_ASSERT(proc->sched->process_bytes >= old_size);
    proc->memory = proc->memory - old_size + size;
    proc->sched->process_bytes = proc->sched->process_bytes - old_size + size;
}

static struct block *block_at(struct weft_link *link) {
    return WEFT_CONTAINER(link, struct block, link);
}

static void *block_new(struct weft_process *proc, size_t size) {
    if (!fits(proc, 0, size)) {
        weft_otp__quota_reached(proc, size);
        return NULL;
    }
    struct block *block = weft_otp__alloc(proc->sched, sizeof *block + size);
    if (block == NULL) return NULL;
    block->owner = proc;
    block->size = size;
    weft_list_push_back(&proc->blocks, &block->link);
    account(proc, 0, size);
    return block + 1;
}

static void block_drop(struct weft_process *proc, struct block *block) {
    weft_list_remove(&block->link);
    weft_otp__free(proc->sched, block, sizeof *block + block->size);
}

/* Without an owner it is nobody's any more, but still there. */
static void block_free(struct weft_process *proc, struct block *block) {
    account(proc, block->size, 0);
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
    size_t old_size = block->size;
    if (proc->flags & PROC_CHANGING) return block_replace(proc, block, size);
    if (!fits(proc, old_size, size)) {
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
    account(proc, old_size, size);
    return moved + 1;
}

static void *mem_alloc(struct weft_mem *mem, size_t size) {
    struct weft_process *self = WEFT_CONTAINER(mem, struct weft_process, mem);
    WEFT_ASSERT(size > 0);
    struct weft_sched *sched = weft_otp__enter(self);
    void *ptr = block_new(self, size);
    weft_otp__leave(sched);
    return ptr;
}

static void mem_free(struct weft_mem *mem, void *ptr, size_t size) {
    struct weft_process *self = WEFT_CONTAINER(mem, struct weft_process, mem);
    if (ptr == NULL) return;
    struct block *block = own_block(self, ptr);
    WEFT_ASSERT(block->size == size);
    struct weft_sched *sched = weft_otp__enter(self);
    block_free(self, block);
    weft_otp__leave(sched);
}

static void *mem_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    struct weft_process *self = WEFT_CONTAINER(mem, struct weft_process, mem);
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT((ptr == NULL) == (old_size == 0));
    if (ptr == NULL) return mem_alloc(mem, size);
    struct block *block = own_block(self, ptr);
    WEFT_ASSERT(block->size == old_size);
    struct weft_sched *sched = weft_otp__enter(self);
    void *moved = block_resize(self, block, size);
    weft_otp__leave(sched);
    return moved;
}

void weft_otp__memory_init(struct weft_process *proc, size_t memory_max) {
    WEFT_ASSERT(proc->memory == 0);
    weft_list_init(&proc->blocks);
    proc->memory_max = memory_max;
    proc->mem = (struct weft_mem){mem_alloc, mem_resize, mem_free};
}

void weft_otp__memory_free(struct weft_process *proc) {
    while (!weft_list_empty(&proc->blocks))
        block_free(proc, WEFT_CONTAINER(proc->blocks.next, struct block, link));
    WEFT_ASSERT(proc->memory == 0);
}

void weft_otp__memory_begin(struct weft_process *proc, struct weft_link *mark) {
    WEFT_ASSERT(!(proc->flags & PROC_CHANGING));
    weft_list_push_back(&proc->blocks, mark);
    proc->flags |= PROC_CHANGING;
}

void weft_otp__memory_commit(struct weft_process *proc, struct weft_link *mark) {
    WEFT_ASSERT(proc->flags & PROC_CHANGING);
    proc->flags &= ~(uint32_t)PROC_CHANGING;
    weft_list_remove(mark);
    struct weft_link *next;
    for (struct weft_link *at = proc->blocks.next; at != &proc->blocks; at = next) {
        next = at->next;
        if (block_at(at)->owner == NULL) block_drop(proc, block_at(at));
    }
}

void weft_otp__memory_undo(struct weft_process *proc, struct weft_link *mark) {
    WEFT_ASSERT(proc->flags & PROC_CHANGING);
    proc->flags &= ~(uint32_t)PROC_CHANGING;
    while (mark->next != &proc->blocks) {
        struct block *block = block_at(mark->next);
        if (block->owner != NULL) account(proc, block->size, 0);
        block_drop(proc, block);
    }
    weft_list_remove(mark);
    for (struct weft_link *at = proc->blocks.next; at != &proc->blocks; at = at->next) {
        struct block *block = block_at(at);
        if (block->owner == NULL) account(proc, 0, block->size);
        block->owner = proc;
    }
}

void *weft_alloc(weft_self *self, size_t size) {
    WEFT_ASSERT(size > 0);
    void *ptr = mem_alloc(&self->mem, size);
    if (ptr != NULL) memset(ptr, 0, size);
    return ptr;
}

void weft_free(weft_self *self, void *ptr) {
    if (ptr == NULL) return;
    struct block *block = own_block(self, ptr);
    mem_free(&self->mem, ptr, block->size);
}

struct weft_mem *weft_self_mem(weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return &self->mem;
}
