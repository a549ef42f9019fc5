/* The version of the programs; CMake passes the project's. */
#ifndef WEFT_WEFTD_VERSION_H
#define WEFT_WEFTD_VERSION_H

#ifndef WEFT_VERSION
#define WEFT_VERSION "0.1.0"
#endif

#endif
