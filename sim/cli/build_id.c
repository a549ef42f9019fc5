/* Which build this is. The header is made by build_id.cmake, and only this file reads it. */
#include "sim/cli/cli.h"

#include "weft_build_id.h"

const char *cli_build_id(void) { return "weft " WEFT_VERSION " (" WEFT_COMMIT ")"; }
