/* Values: what one scalar of a scenario says. Exact integers; nothing is rounded. */
#ifndef WEFT_CONFIG_VALUE_H
#define WEFT_CONFIG_VALUE_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stdint.h>

/* What a scenario may say: ten years, far from every overflow. */
#define WEFT_DURATION_MAX (WEFT_HOUR(87600))
#define WEFT_PPM_ALL 1000000u

/* Each: true and *out, or false with *out untouched when `text` is not of the form. */

/* "1000": decimal digits only. */
bool weft_value_count(const char *text, uint64_t *out);

/* "12.5" as thousandths (`digits` 3: 12500): digits, at most `digits` of them after a point. */
bool weft_value_decimal(const char *text, unsigned digits, uint64_t *out);

/* "500ms", "1.5s", "5min", "1h", also "ns" and "us". Whole nanoseconds.
 */
bool weft_value_duration(const char *text, weft_duration *out);

/* "5%", "0.1%", "100%": parts per million, 0 to WEFT_PPM_ALL. Four digits after the point. */
bool weft_value_percent(const char *text, uint32_t *ppm);

/* "true" or "false". */
bool weft_value_bool(const char *text, bool *out);

/* "7" or "5-10" with 5 <= 10. */
bool weft_value_range(const char *text, uint32_t *first, uint32_t *last);

#define WEFT_VALUE_TEXT_MAX 48

/* As a scenario would write it: "2s", "1500ms", "2.5%", "0.0001%". Returns `out`. */
const char *weft_value_show_duration(weft_duration duration, char out[WEFT_VALUE_TEXT_MAX]);
const char *weft_value_show_percent(uint64_t ppm, char out[WEFT_VALUE_TEXT_MAX]);

#endif
