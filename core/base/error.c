/* The error list as texts. */
#include "core/base/error.h"

const char *weft_error_text(int error) {
    switch (error) {
    case WEFT_OK:
        return "ok";
#define WEFT_ERROR_TEXT(code, name, text)                                                          \
    case WEFT_ERR_##name:                                                                          \
        return text;
        WEFT_ERRORS(WEFT_ERROR_TEXT)
#undef WEFT_ERROR_TEXT
    default:
        return "unknown error";
    }
}

const char *weft_error_name(int error) {
    switch (error) {
    case WEFT_OK:
        return "OK";
#define WEFT_ERROR_NAME(code, name, text)                                                          \
    case WEFT_ERR_##name:                                                                          \
        return #name;
        WEFT_ERRORS(WEFT_ERROR_NAME)
#undef WEFT_ERROR_NAME
    default:
        return "?";
    }
}
