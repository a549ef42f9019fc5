/* Writing CSV. */
#include "analysis/csv.h"

#include "core/base/assert.h"

#include <csv.h>
#include <math.h>
#include <string.h>

static void put(struct ana_csv_out *out, const char *text, size_t size) {
    if (size > 0 && fwrite(text, 1, size, out->file) != size) out->failed = true;
}

static void begin(struct ana_csv_out *out) {
    if (out->begun) put(out, ",", 1);
    out->begun = true;
}

/* Readers may take spaces around a cell away. */
static bool needs_quotes(struct weft_bytes text) {
    if (text.size == 0) return false;
    if (text.data[0] == ' ' || text.data[text.size - 1] == ' ') return true;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = text.data[i];
        if (c == ',' || c == '"' || c == '\n' || c == '\r' || c == '\t') return true;
    }
    return false;
}

void ana_csv_text(struct ana_csv_out *out, struct weft_bytes text) {
    begin(out);
    if (!needs_quotes(text))
        put(out, (const char *)text.data, text.size);
    else if (csv_fwrite(out->file, text.data, text.size) != 0)
        out->failed = true;
}

void ana_csv_word(struct ana_csv_out *out, const char *text) {
    ana_csv_text(out, weft_bytes_text(text));
}

/* Digits only, so that no locale has a say. */
static size_t digits_of(uint64_t number, char text[20]) {
    size_t size = 0;
    char back[20];
    do {
        back[size++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < size; i++) text[i] = back[size - 1 - i];
    return size;
}

void ana_csv_count(struct ana_csv_out *out, uint64_t number) {
    char text[20];
    begin(out);
    put(out, text, digits_of(number, text));
}

/* scaled / 10^digits, without zeros at its end. */
static void put_fixed(struct ana_csv_out *out, bool minus, uint64_t scaled, unsigned digits) {
    char text[48];
    uint64_t unit = 1;
    size_t size = 0;
    for (unsigned i = 0; i < digits; i++) unit *= 10;
    if (minus && scaled > 0) text[size++] = '-';
    size += digits_of(scaled / unit, text + size);
    uint64_t rest = scaled % unit;
    if (rest > 0) text[size++] = '.';
    while (rest > 0) {
        unit /= 10;
        text[size++] = (char)('0' + rest / unit);
        rest %= unit;
    }
    put(out, text, size);
}

void ana_csv_seconds(struct ana_csv_out *out, int64_t ns) {
    begin(out);
    if (ns == WEFT_TIME_NEVER) return;
    put_fixed(out, ns < 0, ns < 0 ? -(uint64_t)ns : (uint64_t)ns, 9);
}

void ana_csv_number(struct ana_csv_out *out, double number, unsigned digits) {
    static const double units[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    WEFT_ASSERT(digits <= 9);
    begin(out);
    if (!isfinite(number)) return;
    double size = fabs(number);
    while (digits > 0 && size * units[digits] >= 1.8e19) digits--;
    if (size >= 1.8e19) size = 1.8e19;
    put_fixed(out, number < 0, (uint64_t)(size * units[digits] + 0.5), digits);
}

void ana_csv_hex(struct ana_csv_out *out, struct weft_bytes bytes) {
    static const char digits[] = "0123456789abcdef";
    begin(out);
    for (size_t i = 0; i < bytes.size; i++) {
        char text[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
        put(out, text, 2);
    }
}

void ana_csv_empty(struct ana_csv_out *out) { begin(out); }

void ana_csv_end_row(struct ana_csv_out *out) {
    put(out, "\r\n", 2);
    out->begun = false;
}
