/* What the files of this room share. */
#ifndef WEFT_WIRE_INTERNAL_H
#define WEFT_WIRE_INTERNAL_H

#include "core/base/limits.h"

/* An item stands inside the packet's dictionary and its `a` or `r`. */
#define WEFT_WIRE__ITEM_DEPTH_MAX (WEFT_BENCODE_DEPTH_MAX - 2)

#endif
