# Writes ${OUT}, which says which build this is, and only when that changed: a commit costs one small
# file and a link.
set(commit "unknown")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE
                  RESULT_VARIABLE failed ERROR_QUIET)
  if(NOT failed)
    set(commit ${described})
  endif()
endif()
set(text "/* Which build this is. Made by sim/cli/build_id.cmake. */
#include \"sim/cli/cli.h\"

const char *cli_build_id(void) { return \"weft ${VERSION} (${commit})\"; }
")
set(before "")
if(EXISTS ${OUT})
  file(READ ${OUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
