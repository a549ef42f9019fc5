#!/bin/bash
# What `cmake --install` puts somewhere is enough to build and run a program on core/otp and
# core/posix, with nothing but the flags of pkg-config; and the tree may be moved.
set -eu
build=${WEFT_BUILD:-$PWD/build}
command -v pkg-config >/dev/null || { echo "skipped: no pkg-config"; exit 77; }
[ -f "$build/libweft.a" ] || { echo "skipped: $build/libweft.a is not built"; exit 77; }
# A program without the sanitizer cannot be linked against objects with it.
grep -q '^WEFT_SANITIZE:STRING=..*' "$build/CMakeCache.txt" && { echo "skipped: sanitizer"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0
ok() { passed=$((passed + 1)); echo "ok     $1"; }

cmake --install "$build" --prefix "$folder/first" >/dev/null
for file in bin/weft bin/weftd bin/weftctl share/weft/scenarios include/weft/core/otp/process.h; do
    [ -e "$folder/first/$file" ] || { echo "FAILED $file is not installed"; exit 1; }
done
ok "programs, headers and scenarios are installed"

private=$(find "$folder/first/include" -name '*internal.h' -o -name control.h)
[ -z "$private" ] || { echo "FAILED private headers are installed: $private"; exit 1; }
ok "private headers are not"

mv "$folder/first" "$folder/moved"
PKG_CONFIG_PATH=$(dirname "$(find "$folder/moved" -name weft.pc)")
export PKG_CONFIG_PATH

cat >"$folder/hello.c" <<'C'
#include <core/otp/gen_server.h>
#include <core/otp/sched.h>
#include <core/posix/guard.h>
#include <core/posix/posix.h>
#include <stdio.h>

static int greet(weft_self *self, struct weft_bytes arg) {
    printf("%.*s from %s\n", (int)arg.size, (const char *)arg.data,
           weft_pid_is_none(weft_self_pid(self)) ? "nobody" : "a process");
    struct weft_reason done = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_stop(self, &done);
    return WEFT_OK;
}

static WEFT_GEN_SERVER(greeter, .name = "greeter", .version = 1, .init = greet);

int main(void) {
    struct weft_posix *posix;
    struct weft_sched *sched;
    struct weft_reason why;
    weft_pid root;
    struct weft_spawn spawn = {.behaviour = &greeter, .arg = weft_bytes_text("hello")};
    weft_posix_guard_install();
    if (weft_posix_new(&(struct weft_posix_config){.folder = NULL}, &posix) != WEFT_OK) return 1;
    if (weft_sched_new(weft_posix_env(posix), NULL, &sched) != WEFT_OK) return 1;
    int rv = weft_sched_start(sched, &spawn, &root, &why);
    while (weft_sched_run(sched, 100)) {}
    bool clean = weft_sched_ended(sched, &why) && weft_reason_is_clean(&why);
    weft_sched_free(sched);
    weft_posix_free(posix);
    return rv == WEFT_OK && clean ? 0 : 1;
}
C

for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    # shellcheck disable=SC2046  # the flags are words
    $compiler -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags weft) \
        "$folder/hello.c" -o "$folder/hello" $(pkg-config --libs weft)
    said=$("$folder/hello")
    [ "$said" = "hello from a process" ] || { echo "FAILED it said: $said"; exit 1; }
    ok "a program compiles, links and runs with $compiler and the flags of pkg-config"
done

cat >"$folder/folded.c" <<'C'
#include "tests/unit/posix/folded.h"

#include <core/posix/guard.h>
#include <stdio.h>

static volatile int depth;
static int missed;

static void faults(const char *name, void (*fn)(void *arg), int is_access) {
    struct weft_fault fault;
    int seven = 7;
    enum weft_fault_kind kind = is_access ? WEFT_FAULT_SEGV : WEFT_FAULT_FPE;
    if (!weft_posix_guard.run(NULL, fn, &seven, &depth, &fault) && fault.kind == kind) return;
    printf("%s does not end by fault %d\n", name, (int)kind);
    missed++;
}

int main(void) {
    weft_posix_guard_install();
#define FAULTS(fn, is_access) faults(#fn, fn, is_access);
    FOLDED(FAULTS)
    return missed;
}
C

for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    for level in -O0 -O3; do
        # shellcheck disable=SC2046
        $compiler -std=c11 $level $(pkg-config --cflags weft) -I"$WEFT_SOURCE" -w \
            "$folder/folded.c" -o "$folder/folded" $(pkg-config --libs weft)
        "$folder/folded" || { echo "FAILED with $compiler $level"; exit 1; }
    done
    ok "mistakes that $compiler sees through are faults with the flags of pkg-config"
done

# Each header stands on its own.
while IFS= read -r header; do
    printf '#include <%s>\nint one;\n' "$header" >"$folder/one.c"
    # shellcheck disable=SC2046
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags weft) \
        "$folder/one.c" || { echo "FAILED $header does not stand on its own"; exit 1; }
done < <(cd "$folder/moved/include/weft" && find core -name '*.h' | sort)
ok "each installed header compiles on its own"

version=$(pkg-config --modversion weft)
[ "$("$folder/moved/bin/weftd" --version)" = "weftd $version" ] || {
    echo "FAILED pkg-config says $version, weftd $("$folder/moved/bin/weftd" --version)"
    exit 1
}
ok "pkg-config and weftd tell the same version"
echo "$passed passed, 0 failed"
