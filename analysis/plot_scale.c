/* Scales: units that keep the numbers beside an axis short. */
#include "analysis/plot_internal.h"

struct ana__scale ana__scale_time(double seconds) {
    if (seconds > 4 * 86400.0) return (struct ana__scale){86400, "days"};
    if (seconds > 4 * 3600.0) return (struct ana__scale){3600, "h"};
    if (seconds > 1200) return (struct ana__scale){60, "min"};
    if (seconds > 2) return (struct ana__scale){1, "s"};
    return (struct ana__scale){1e-3, "ms"};
}

struct ana__scale ana__scale_bytes(double bytes) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    struct ana__scale scale = {1, units[0]};
    for (unsigned i = 1; i < 5 && bytes / scale.by >= 2048; i++) {
        scale = (struct ana__scale){scale.by * 1024, units[i]};
    }
    return scale;
}

struct ana__scale ana__scale_count(double count) {
    if (count >= 1e10) return (struct ana__scale){1e9, ", billions"};
    if (count >= 1e7) return (struct ana__scale){1e6, ", millions"};
    if (count >= 1e4) return (struct ana__scale){1e3, ", thousands"};
    return (struct ana__scale){1, ""};
}
