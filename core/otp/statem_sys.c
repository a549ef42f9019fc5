/* gen_statem as sys sees it: its state's number, and its data. */
#include "core/otp/statem_internal.h"
#include "core/otp/sys.h"

_Static_assert(sizeof(struct weft_sys_statem) % 16 == 0, "the data behind it is aligned");

size_t weft_otp__statem_seen_size(const weft_self *self) {
    return sizeof(struct weft_sys_statem) + weft_otp__machine(self)->data_size;
}

void weft_otp__statem_see(const weft_self *self, void *out) {
    const struct machine *machine = weft_otp__machine(self);
    struct weft_sys_statem head = {.state = machine->state, .data_size = machine->data_size};
    memcpy(out, &head, sizeof head);
    if (machine->data_size > 0)
        memcpy((unsigned char *)out + sizeof head, machine->data, machine->data_size);
}

static int take(weft_self *self, const void *seen) {
    struct machine *machine = weft_otp__machine(self);
    struct weft_sys_statem head;
    memcpy(&head, seen, sizeof head);
    if (head.state >= weft_otp__statem_callbacks(self)->states_count) return WEFT_ERR_INVAL;
    if (head.data_size != machine->data_size || head.zero != 0) return WEFT_ERR_INVAL;
    machine->state = head.state;
    if (head.data_size > 0)
        memcpy(machine->data, (const unsigned char *)seen + sizeof head, head.data_size);
    return WEFT_OK;
}

/* What a change that faulted has left is the machine's, and used the next time. */
int weft_otp__statem_replace(weft_self *self, int (*change)(void *ctx, void *state, size_t size),
                             void *ctx) {
    struct machine *machine = weft_otp__machine(self);
    size_t size = weft_otp__statem_seen_size(self);
    WEFT_ASSERT(change != NULL);
    if (machine->handling) return WEFT_ERR_IN_USE;
    if (machine->seen != NULL) weft_free(self, machine->seen); /* code may have changed its size */
    machine->seen = weft_alloc(self, size);
    if (machine->seen == NULL) return WEFT_ERR_NOMEM;
    weft_otp__statem_see(self, machine->seen);
    int rv = change(ctx, machine->seen, size);
    if (rv == WEFT_OK) rv = take(self, machine->seen);
    weft_free(self, machine->seen);
    machine->seen = NULL;
    return rv;
}
