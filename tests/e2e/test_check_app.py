#!/usr/bin/env python3
"""weft check-app: what it refuses, what it lets pass, on modules built here."""

import os
import re
import subprocess
import tempfile
import unittest

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
CC = os.environ.get("CC", "cc")

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())


def own_abi():
    """WEFT_ABI, told by a program that the compiler makes of the headers."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "abi")
        text = '#include "core/otp/module.h"\n#include <stdio.h>\nint main(void) { printf("%u", WEFT_ABI); }'
        subprocess.run([CC, "-std=c11", "-w", "-xc", "-", "-I", SOURCE, "-o", program], input=text, text=True,
                       check=True, timeout=60)
        return int(subprocess.run([program], capture_output=True, check=True, timeout=60).stdout)


ABI = own_abi()


def export(abi):
    return f"extern const unsigned weft_module; const unsigned weft_module = {abi}u;\n"


EXPORT = export(ABI)

# An app as it should be: constant tables, text and memory functions, Weft's own.
FIT = EXPORT + """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern void *weft_alloc(void *self, unsigned long size);
extern void weft_not_yet(void) __attribute__((weak));
static int up(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
void (*const table[])(void) = {0};
static const char *const names[] = {"a", "b"};
int handler(void *self, int n) {
    char text[64];
    int *list = weft_alloc(self, 64);
    memcpy(list, text, 64);
    qsort(list, 4, sizeof *list, up);
    if (weft_not_yet) weft_not_yet();
    snprintf(text, sizeof text, "%s %d %ld", names[n], list[0], strtol("7", 0, 10));
    return (int)strlen(text);
}
"""

# What an app calls, what is said of it, and what it is told to use.
IMPORTS = [
    ("time", "long time(long *); long f(void) { return time(0); }", "clock", "weft_now"),
    ("clock_gettime", "int clock_gettime(int, void *); int f(void *t) { return clock_gettime(1, t); }",
     "clock", "weft_now"),
    ("usleep", "int usleep(unsigned); int f(void) { return usleep(1); }", "waits", "weft_timer_start"),
    ("rand", "int rand(void); int f(void) { return rand(); }", "seed", "entropy"),
    ("getrandom", "long getrandom(void *, unsigned long, int); long f(void *p) { return getrandom(p, 8, 0); }",
     "seed", "entropy"),
    ("pthread_create", "int pthread_create(void *, void *, void *, void *); int f(void) "
     "{ return pthread_create(0, 0, 0, 0); }", "threads", "weft_spawn"),
    ("fopen", "void *fopen(const char *, const char *); void *f(void) { return fopen(\"x\", \"r\"); }",
     "files", "disk"),
    ("printf", "int printf(const char *, ...); int f(int x) { return printf(\"%d\", x); }", "files",
     "weft_log"),
    ("socket", "int socket(int, int, int); int f(void) { return socket(1, 1, 0); }", "network",
     "weft_datagram_open"),
    ("malloc", "void *malloc(unsigned long); void *f(void) { return malloc(9); }", "not freed",
     "weft_alloc"),
    ("getenv", "char *getenv(const char *); char *f(void) { return getenv(\"HOME\"); }", "machines", "env"),
    ("abort", "void abort(void); void f(void) { abort(); }", "ends the program", "weft_stop"),
    ("strtok", "char *strtok(char *, const char *); char *f(char *s) { return strtok(s, \" \"); }",
     "between calls", "strtok_r"),
    ("fork", "int fork(void); int f(void) { return fork(); }", "programs", "weft_job"),
    ("_setjmp", "int _setjmp(void *); int f(void *b) { return _setjmp(b); }", "runtime's back", "return"),
    ("somebody_elses", "int somebody_elses(void); int f(void) { return somebody_elses(); }",
     "not known", None),
]


def check(*files):
    return subprocess.run([WEFT, "check-app", *files], capture_output=True, text=True, timeout=60)


class CheckApp(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def build(self, text, *flags, name="app"):
        source = os.path.join(self.folder.name, name + ".c")
        module = os.path.join(self.folder.name, name + ".so")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run([CC, "-shared", "-fPIC", "-O1", "-fno-builtin", "-w", *flags, "-o", module, source],
                       check=True, timeout=60)
        return module

    def refused(self, module, *words):
        result = check(module)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout)
        return result.stdout

    def test_a_pure_module_is_fit(self):
        result = check(self.build(FIT))
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("fit for both worlds", result.stdout)

    def test_a_pure_module_is_fit_when_stripped_and_hardened(self):
        result = check(self.build(FIT, "-s", "-D_FORTIFY_SOURCE=2", "-O2", "-fstack-protector-all"))
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_each_forbidden_import_is_named_with_what_to_use(self):
        for symbol, code, why, instead in IMPORTS:
            with self.subTest(symbol=symbol):
                out = self.refused(self.build(EXPORT + code), f"imports {symbol}:", why)
                if instead is not None:
                    self.assertIn(instead, out)
                self.assertIn("refused: 1 finding\n", out)

    def test_all_findings_are_told_at_once(self):
        code = "".join(re.sub(r"\bf\(", f"f{i}(", code) for i, (_, code, _, _) in enumerate(IMPORTS))
        out = self.refused(self.build(EXPORT + code))
        for symbol, _, _, _ in IMPORTS:
            self.assertIn(f"imports {symbol}:", out)
        self.assertIn(f"refused: {len(IMPORTS)} findings", out)

    def test_writable_data_is_named(self):
        out = self.refused(self.build(EXPORT + "int counter = 3; static int hidden[4];"
                                      "int f(int i) { return counter++ + hidden[i]++; }"),
                           "owns writable data counter", "owns writable data hidden")
        self.assertIn("refused: 2 findings", out)

    def test_writable_data_is_seen_when_stripped(self):
        self.refused(self.build(EXPORT + "static int hidden[40]; int f(int i) { return hidden[i]++; }", "-s"),
                     "owns writable data .bss", "strip")

    def test_thread_data_is_named(self):
        self.refused(self.build(EXPORT + "__thread int mine; int f(void) { return mine++; }"),
                     "owns thread data mine")

    def test_a_constructor_is_told(self):
        self.refused(self.build(EXPORT + "__attribute__((constructor)) static void at_load(void) {"
                                "__asm__ volatile(\"\"); }"), "runs code when it is loaded")

    def test_another_library_is_told(self):
        self.refused(self.build(EXPORT, "-Wl,--no-as-needed", "-lm"), "needs library libm.so")

    def test_a_module_without_its_export_is_refused(self):
        self.refused(self.build("int f(void) { return 1; }"), "does not export weft_module")

    def test_an_import_of_the_export_is_no_export(self):
        self.refused(self.build("extern const int weft_module; int f(void) { return weft_module; }"),
                     "does not export weft_module")

    def numbers(self, abi):
        return f"{abi >> 24}.{abi & 0xffffff:06x}"

    def test_another_abi_is_told_with_both_numbers(self):
        for abi in (ABI + 1, ABI ^ 0x01000000, 0, 0xFFFFFFFF):
            with self.subTest(abi=abi):
                out = self.refused(self.build(export(abi)), f"is built for abi {self.numbers(abi)}",
                                   f"this weft has {self.numbers(ABI)}", "refused: 1 finding\n")
                self.assertIn("headers", out)

    def test_the_abi_is_read_where_relocations_are(self):
        struct = "struct info { unsigned abi; const char *name; }; extern const struct info weft_module;"
        for abi, status in ((ABI, 0), (ABI - 1, 1)):
            module = self.build(struct + f'const struct info weft_module = {{{abi}u, "x"}};')
            result = check(module)
            self.assertEqual(result.returncode, status, result.stdout)

    def test_an_abi_that_is_not_in_the_file_is_another(self):
        self.refused(self.build("extern char weft_module[64]; char weft_module[64];"),
                     "is built for abi 0.000000", "owns writable data weft_module")

    def test_a_function_that_this_weft_lacks_is_named(self):
        self.refused(self.build(EXPORT + "void weft_frobnicate(void); void f(void) { weft_frobnicate(); }"),
                     "imports weft_frobnicate: this weft has no such function", "refused: 1 finding\n")

    def test_another_machine_is_bad_input(self):
        module = self.build(EXPORT)
        with open(module, "r+b") as file:
            file.seek(18)  # e_machine
            file.write(bytes([62 if os.uname().machine == "aarch64" else 183]))
        result = check(module)
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertRegex(result.stderr, "is built for (AArch64|x86-64), this weft for (AArch64|x86-64)")

    def test_several_modules_give_the_worst_status(self):
        good = self.build(FIT, name="good")
        bad = self.build(EXPORT + IMPORTS[0][1], name="bad")
        result = check(good, bad)
        self.assertEqual(result.returncode, 1)
        self.assertIn("good.so: fit", result.stdout)
        self.assertIn("bad.so: refused", result.stdout)

    def test_what_is_no_module_is_bad_input(self):
        text = os.path.join(self.folder.name, "text.so")
        with open(text, "w", encoding="utf-8") as file:
            file.write("hello")
        empty = os.path.join(self.folder.name, "empty.so")
        open(empty, "wb").close()
        for path in (text, empty, self.folder.name, os.path.join(self.folder.name, "absent.so")):
            result = check(path)
            self.assertEqual(result.returncode, 2, path)
            self.assertIn(path, result.stderr)

    def test_a_program_is_no_module(self):
        result = check(WEFT)
        self.assertIn(result.returncode, (1, 2))

    def test_any_cut_of_a_module_is_survived(self):
        with open(self.build(FIT), "rb") as file:
            whole = file.read()
        cut = os.path.join(self.folder.name, "cut.so")
        for size in range(0, len(whole), max(1, len(whole) // 97)):
            with open(cut, "wb") as file:
                file.write(whole[:size])
            self.assertIn(check(cut).returncode, (1, 2), size)

    def test_any_flipped_byte_of_a_module_is_survived(self):
        with open(self.build(FIT), "rb") as file:
            whole = bytearray(file.read())
        bent = os.path.join(self.folder.name, "bent.so")
        for at in range(0, len(whole), max(1, len(whole) // 151)):
            whole[at] ^= 0xFF
            with open(bent, "wb") as file:
                file.write(whole)
            self.assertIn(check(bent).returncode, (0, 1, 2), at)
            whole[at] ^= 0xFF

    def test_no_module_prints_the_usage(self):
        result = check()
        self.assertEqual(result.returncode, 2)
        self.assertIn("usage: weft check-app", result.stderr)


if __name__ == "__main__":
    unittest.main()
