"""Real weftd processes for tests: start, ask, stop. Everything started here is ended here, by pid."""
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BIN = os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin"))


class Daemons:
    """A folder and the processes in it. Use as a context manager."""

    def __init__(self, prefix=()):
        self.prefix = list(prefix)  # put before every command: ["ip", "netns", "exec", NAME]
        self.folder = tempfile.mkdtemp(prefix="weft-test-")
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, command, **kwargs):
        """Start a program; what it prints goes to <name>.log."""
        with open(self.path(name + ".log"), "ab") as log:
            process = subprocess.Popen(self.prefix + command, stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, **kwargs)
        self.processes[name] = process
        return process

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def weftd(self, name, bind, port, bootstrap=(), options=()):
        command = [os.path.join(BIN, "weftd"), "--dht-port", str(port),
                   "--control", self.path(name + ".sock")]
        for address in [bind] if isinstance(bind, str) else bind:
            command += ["--dht-bind", address]
        for contact in bootstrap:
            command += ["--bootstrap", contact]
        process = self.start(name, command + list(options))
        wait_until(lambda: os.path.exists(self.path(name + ".sock")) or process.poll() is not None,
                   5, f"{name} opens its control socket")
        if process.poll() is not None:
            raise AssertionError(f"{name} ended with {process.returncode}: {self.log(name)}")
        return process

    def ask(self, name, *words):
        """The answer of weftctl; an AssertionError when it is refused."""
        result = subprocess.run([os.path.join(BIN, "weftctl"), "--control",
                                 self.path(name + ".sock"), *words],
                                capture_output=True, text=True, timeout=60, check=False)
        if result.returncode != 0:
            raise AssertionError(f"{name}: {' '.join(words)}: {result.stderr.strip()}")
        return result.stdout

    def status(self, name):
        return dict(line.split(" ", 1) for line in self.ask(name, "status").splitlines())

    def contacts(self, name):
        status = self.status(name)
        return int(status["contacts4"]) + int(status["contacts6"])

    def stop(self, name, sign=signal.SIGTERM, seconds=10):
        process = self.processes[name]
        process.send_signal(sign)
        return process.wait(seconds)


def wait_until(condition, seconds, what):
    """Poll until the condition holds. Returns the seconds it took."""
    start = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - start
        if time.monotonic() - start > seconds:
            raise AssertionError(f"within {seconds} s: {what}")
        time.sleep(0.05)


def own_network():
    """A network namespace with a loopback of its own: no packet and no port of a test running beside.
    Where the system refuses it, the machine's loopback stays."""
    newnet, siocsifflags, up = 0x40000000, 0x8914, 1
    if ctypes.CDLL(None).unshare(newnet) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sH14x", b"lo", up))


def run_tests(tests):
    """Run functions in order; each prints its line. The program's exit code."""
    own_network()
    passed = failed = 0
    for test in tests:
        name = test.__name__
        try:
            start = time.monotonic()
            test()
            print(f"ok     {name} ({time.monotonic() - start:.1f} s)", flush=True)
            passed += 1
        except Exception as error:  # a test may fail in any way; it is told, not hidden
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)
