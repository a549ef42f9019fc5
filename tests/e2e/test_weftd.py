"""weftd from outside: its command line, its file, its signals, its folder, two beside each other."""
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
from daemons import BIN, Daemons, run_tests, skip, wait_until  # noqa: E402

WEFTD = os.path.join(BIN, "weftd")


def free_port():
    """A port nobody has on 127.0.0.1 and ::1, as far as one can know."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def weftd(*args, **kwargs):
    return subprocess.run([WEFTD, *args], capture_output=True, text=True, timeout=20, check=False,
                          **kwargs)


def check(got, wanted, what):
    assert got == wanted, f"{what}:\n      {got!r}, expected\n      {wanted!r}"


def write(path, text):
    mode = "wb" if isinstance(text, bytes) else "w"
    with open(path, mode) as file:
        file.write(text)
    return path


# --- the command line ---

LONG = "p" * 512
WRONG_OPTIONS = [
    (["--config"], "--config: a value is missing; see weftd --help"),
    (["--conf"], "--config: a value is missing; see weftd --help"),
    (["--config", "/nowhere/at.all"], "--config /nowhere/at.all: No such file or directory"),
    (["--config", "/"], "--config /: Is a directory"),
    (["--config", "a", "--config", "b"], "--config b: one file at most, a is given"),
    (["--dht-bind"], "--dht-bind: a value is missing; see weftd --help"),
    (["--dht-bind", "-"], "--dht-bind -: expected an IPv4 or IPv6 address"),
    (["--dht-bind", ""], "--dht-bind : expected an IPv4 or IPv6 address"),
    (["--dht-bind", "localhost"], "--dht-bind localhost: expected an IPv4 or IPv6 address"),
    (["--dht-bind", "127.0.0.1:80"],
     "--dht-bind 127.0.0.1:80: expected an address without a port"),
    (["--dht-bind", "127.0.0.1:0"], "--dht-bind 127.0.0.1:0: expected an address without a port"),
    (["--dht-bind", "[::1]"], "--dht-bind [::1]: expected an address without a port"),
    (["--dht-bind", "127.0.0.1", "--dht-bind", "127.0.0.2"],
     "--dht-bind 127.0.0.2: at most one address of each family"),
    (["--dht-port"], "--dht-port: a value is missing; see weftd --help"),
    (["--dht-port", "0"], "--dht-port 0: expected a port from 1 to 65535"),
    (["--dht-port", "65536"], "--dht-port 65536: expected a port from 1 to 65535"),
    (["--dht-port", "99999999999999999999"],
     "--dht-port 99999999999999999999: expected a port from 1 to 65535"),
    (["--dht-port=-1"], "--dht-port -1: expected a port from 1 to 65535"),
    (["--dht-port", "68x"], "--dht-port 68x: expected a port from 1 to 65535"),
    (["--bootstrap"], "--bootstrap: a value is missing; see weftd --help"),
    (["--bootstrap", "192.0.2.1"], "--bootstrap 192.0.2.1: expected HOST:PORT"),
    (["--bootstrap", "192.0.2.1:0"], "--bootstrap 192.0.2.1:0: expected HOST:PORT"),
    (["--bootstrap", "192.0.2.1:70000"], "--bootstrap 192.0.2.1:70000: expected HOST:PORT"),
    (["--bootstrap", "[::1]"], "--bootstrap [::1]: expected HOST:PORT"),
    (["--bootstrap", ":6881"], "--bootstrap :6881: expected HOST:PORT"),
    (["--bootstrap", "h" * 300 + ":1"], "--bootstrap " + "h" * 300 + ":1: expected HOST:PORT"),
    (["--bootstrap", "no such host:1"], "--bootstrap no such host:1: no such host"),
    (["--bootstrap", "192.0.2.1:1"] * 1 + ["--bootstrap", "192.0.2.1:1"] * 64,
     "--bootstrap 192.0.2.1:1: too many bootstrap nodes"),
    (["--read-only=yes"], "--read-only takes no value; see weftd --help"),
    (["--data"], "--data: a value is missing; see weftd --help"),
    (["--data", ""], "--data : expected a path"),
    (["--data", LONG], f"--data {LONG}: the path is too long"),
    (["--control"], "--control: a value is missing; see weftd --help"),
    (["--control", ""], "--control : expected a path"),
    (["--control", "p" * 108],
     f"--control {'p' * 108}: the path is too long for a socket, at most 107 bytes"),
    (["--no-control=1"], "--no-control takes no value; see weftd --help"),
    (["--log"], "--log: a value is missing; see weftd --help"),
    (["--log", "loud"], "--log loud: expected error, warn, info or debug"),
    (["--help=x"], "--help takes no value; see weftd --help"),
    (["--bootstarp", "x"], "unknown option --bootstarp, did you mean --bootstrap?"),
    (["--dht-prot=1"], "unknown option --dht-prot=1, did you mean --dht-port?"),
    (["--what-is-this"], "unknown option --what-is-this; see weftd --help"),
    (["--" + LONG], f"unknown option --{LONG}; see weftd --help"),
    (["-p", "6881"], "unknown option -p; see weftd --help"),
    (["6881"], "unexpected argument '6881'; see weftd --help"),
    (["--no-control", "--", "x"], "unexpected argument 'x'; see weftd --help"),
]


def each_wrong_option_is_one_line_that_names_it():
    for args, line in WRONG_OPTIONS:
        result = weftd(*args)
        check((result.returncode, result.stderr, result.stdout), (2, f"weftd: {line}\n", ""), args)


def help_names_every_option_and_version_is_told():
    result = weftd("--help")
    check((result.returncode, result.stderr), (0, ""), "--help")
    for name in ("config", "dht-bind", "dht-port", "bootstrap", "read-only", "data", "control",
                 "no-control", "log", "help", "version"):
        assert f"--{name}" in result.stdout, name
    result = weftd("--version", "--config", "/nowhere")
    assert re.fullmatch(r"weftd \d+\.\d+\.\d+\n", result.stdout), result.stdout
    check((result.returncode, result.stderr), (0, ""), "--version")


def the_page_and_the_help_name_the_same_options():
    with open(os.path.join(SOURCE, "docs/weftd.md"), encoding="utf-8") as page:
        told = set(re.findall(r"^\| `--([a-z-]+)", page.read(), re.M))
    helped = set(re.findall(r"^  --([a-z-]+)", weftd("--help").stdout, re.M))
    check(told, helped - {"help", "config"} | {"config"}, "options of docs/weftd.md")


# --- the file ---

# text of the file, and what is told after its name
WRONG_FILES = [
    ("", ["1:1: nothing in it, expected a configuration"]),
    ("# all of it is a comment\n", ["1:1: nothing in it, expected a configuration"]),
    ("dht\n", ["1:1: expected keys and values, such as 'data: ...'"]),
    ("- dht\n", ["1:1: expected keys and values, such as 'data: ...'"]),
    ("dth: {}\n", ["1:1: unknown key 'dth', did you mean 'dht'?"]),
    ("contrl: x\n", ["1:1: unknown key 'contrl', did you mean 'control'?"]),
    ("port: 6881\n", ["1:1: unknown key 'port'; docs/weftd.md lists them"]),
    ("dht: 5\n", ["1:6: expected keys and values, such as 'bind: ...'"]),
    ("dht:\n", ["1:5: expected keys and values, such as 'bind: ...'"]),
    ("dht:\n  prot: 6881\n", ["2:3: unknown key 'prot', did you mean 'port'?"]),
    ("dht:\n  data: x\n", ["2:3: unknown key 'data'; docs/weftd.md lists them"]),
    ("dht:\n  port: 0\n", ["2:9: 'port' is '0': expected a port from 1 to 65535"]),
    ("dht:\n  port: [1]\n", ["2:9: 'port': expected a port"]),
    ("dht:\n  port:\n", ["2:8: 'port': expected a port"]),
    ("dht:\n  port: 1\n  port: 2\n",
     ["3:3: duplicate key 'port', expected it once: line 2 gives it already"]),
    ("dht:\n  bind: [127.0.0.1, here]\n",
     ["2:21: 'bind' is 'here': expected an IPv4 or IPv6 address"]),
    ("dht:\n  bind: [127.0.0.1, 127.0.0.2]\n",
     ["2:21: 'bind' is '127.0.0.2': at most one address of each family"]),
    ("dht:\n  bind: [[127.0.0.1]]\n",
     ["2:10: 'bind': expected an address or a list of addresses"]),
    ("dht:\n  bind: {v4: 127.0.0.1}\n",
     ["2:9: 'bind': expected an address or a list of addresses"]),
    ("dht:\n  bootstrap: 192.0.2.1\n", ["2:14: 'bootstrap' is '192.0.2.1': expected HOST:PORT"]),
    ("dht:\n  bootstrap:\n    - 192.0.2.1:1\n    - 192.0.2.2:x\n",
     ["4:7: 'bootstrap' is '192.0.2.2:x': expected HOST:PORT"]),
    ("dht:\n  id: abc\n", ["2:7: 'id' is 'abc': expected 40 hexadecimal digits"]),
    ("dht:\n  k: 0\n", ["2:6: 'k' is '0', expected a number from 1 to 32"]),
    ("dht:\n  k: 33\n", ["2:6: 'k' is '33', expected a number from 1 to 32"]),
    ("dht:\n  k: eight\n", ["2:6: 'k' is 'eight', expected a number from 1 to 32"]),
    ("dht:\n  k: -1\n", ["2:6: 'k' is '-1', expected a number from 1 to 32"]),
    ("dht:\n  k: 99999999999999999999\n",
     ["2:6: 'k' is '99999999999999999999', expected a number from 1 to 32"]),
    ("dht:\n  k: [8]\n", ["2:6: 'k': expected a number"]),
    ("dht:\n  source_rate: 0\n",
     ["2:16: 'source_rate' is '0', expected a number from 1 to 1000000"]),
    ("dht:\n  read_only: yes\n", ["2:14: 'read_only' is 'yes', expected true or false"]),
    ("dht:\n  read_only: {}\n", ["2:14: 'read_only': expected true or false"]),
    ("dht:\n  query_timeout: 2\n",
     ["2:18: 'query_timeout' is '2', expected a duration from 10ms to 720h"]),
    ("dht:\n  query_timeout: 1ms\n",
     ["2:18: 'query_timeout' is '1ms', expected a duration from 10ms to 720h"]),
    ("dht:\n  save_after: 500ms\n",
     ["2:15: 'save_after' is '500ms', expected a duration from 1s to 720h"]),
    ("dht:\n  save_after: 9000000h\n",
     ["2:15: 'save_after' is '9000000h', expected a duration from 1s to 720h"]),
    ("dht:\n  save_after: []\n",
     ["2:15: 'save_after': expected a duration such as 500ms, 2s, 5min, 1h"]),
    ("log: loud\n", ["1:6: 'log' is 'loud': expected error, warn, info or debug"]),
    ("log: {}\n", ["1:6: 'log': expected error, warn, info or debug"]),
    ("data: ''\n", ["1:7: 'data' is '': expected a path"]),
    ("data: [x]\n", ["1:7: 'data': expected a folder"]),
    (f"control: {'p' * 108}\n",
     [f"1:10: 'control' is '{'p' * 108}': the path is too long for a socket, at most 107 bytes"]),
    ("control: {}\n", ["1:10: 'control': expected a path, or false for none"]),
    ("dht: &x {}\n", ["1:6: anchor '&', expected plain YAML without anchors"]),
    ("log: *x\n", ["1:6: alias '*x', expected plain YAML without aliases"]),
    ("log: !!str info\n", ["1:6: tag '!', expected plain YAML without tags"]),
    ("log: info\n---\nlog: warn\n", ["2:1: a second document, expected one in a file"]),
    ("dht:\n\tport: 1\n", ["2:1: tab, expected spaces to indent with"]),
    (b"log: \xff\n", ["1:6: not UTF-8, expected text"]),
    (b"log: in\0fo\n", ["1:8: NUL byte, expected text"]),
    (b"#" * (1024 * 1024 + 1), ["1:1: 1048577 bytes, expected at most 1048576"]),
    # All mistakes are told, not only the first.
    ("lag: info\ndht:\n  k: 0\n  alhpa: 3\n",
     ["1:1: unknown key 'lag', did you mean 'log'?",
      "3:6: 'k' is '0', expected a number from 1 to 32",
      "4:3: unknown key 'alhpa', did you mean 'alpha'?"]),
]


def each_mistake_in_a_file_is_told_with_its_place():
    with Daemons() as daemons:
        path = daemons.path("w.yaml")
        for text, lines in WRONG_FILES:
            result = weftd("--config", write(path, text))
            told = "".join(f"{path}:{line}\n" for line in lines)
            check((result.returncode, result.stderr, result.stdout), (2, told, ""), text[:60])


VALUES = {"bind": "127.0.0.1", "port": None, "bootstrap": "127.0.0.1:9", "read_only": "true",
          "id": "0123456789abcdef0123456789abcdef01234567", "refuse_martians": "true", "k": "8",
          "alpha": "3"}


def keys_of_the_page():
    with open(os.path.join(SOURCE, "docs/weftd.md"), encoding="utf-8") as page:
        table = page.read().split("| key of `dht` |")[1].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.split("\n")[2:] if row.startswith("|")]
    return [key for row in rows for key in re.findall(r"`(\w+)`", row)]


def each_key_of_the_page_is_taken():
    """One file with all of them starts a daemon; each with nonsense is a mistake that names it."""
    keys = keys_of_the_page()
    assert len(keys) >= 26, keys
    with Daemons() as daemons:
        lines = []
        for key in keys:
            value = VALUES.get(key, "100" if re.search("_(max|rate|burst)$", key) else "20s")
            lines.append(f"  {key}: {value or free_port()}\n")
            wrong = write(daemons.path("w.yaml"), f"dht:\n  {key}: '%'\n")
            result = weftd("--config", wrong)
            assert result.returncode == 2 and f":2:{len(key) + 5}: '{key}' is '%'" in result.stderr, \
                (key, result.stderr)
        text = f"data: {daemons.path('data')}\ncontrol: {daemons.path('all.sock')}\nlog: debug\n"
        path = write(daemons.path("all.yaml"), text + "dht:\n" + "".join(lines))
        process = daemons.start("all", [WEFTD, "--config", path])
        wait_until(lambda: os.path.exists(daemons.path("all.sock")), 5, "it starts")
        check(daemons.status("all")["id"], VALUES["id"], "id")
        check(daemons.stop("all"), 0, "exit code")
        assert os.path.exists(daemons.path("data/dht/table")), "data is not used"
        assert " debug " in daemons.log("all"), "log is not used"
        assert process.returncode == 0


def settled(daemons, name):
    wait_until(lambda: os.path.exists(daemons.path(name + ".sock")) or
               daemons.processes[name].poll() is not None, 5, f"{name} opens its control socket")
    return daemons.status(name)


def options_win_over_the_file_and_lists_replace_its_lists():
    with Daemons() as daemons:
        low, high, other = free_port(), free_port(), free_port()
        path = write(daemons.path("c.yaml"),
                     f"control: {daemons.path('file.sock')}\nlog: debug\n"
                     f"data: {daemons.path('file')}\n"
                     f"dht: {{bind: ['127.0.0.1', '::1'], port: {low}, "
                     f"bootstrap: ['127.0.0.1:{other}']}}\n")
        seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        seen.bind(("127.0.0.1", other))
        seen.settimeout(5)
        daemons.start("file", [WEFTD, "--config", path])
        check(settled(daemons, "file")["port"], str(low), "port of the file")
        seen.recvfrom(2048)  # the file's bootstrap node is asked
        check(daemons.status("file")["sockets"], "2", "sockets of the file's two addresses")
        daemons.stop("file")

        third = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        third.bind(("127.0.0.1", 0))
        third.settimeout(5)
        daemons.start("flag", [WEFTD, "--dht-port", str(high), "--control",
                               daemons.path("flag.sock"), "--config", path, "--log", "error",
                               "--dht-bind", "127.0.0.1", "--data", daemons.path("flag"),
                               "--bootstrap", f"127.0.0.1:{third.getsockname()[1]}"])
        status = settled(daemons, "flag")
        check((status["port"], status["sockets"]), (str(high), "1"), "port and sockets")
        third.recvfrom(2048)
        seen.settimeout(1)
        try:
            while True:
                sender = seen.recvfrom(2048)[1]
                assert sender[1] != high, "the file's bootstrap node is asked although replaced"
        except socket.timeout:
            pass
        daemons.stop("flag")
        check(daemons.log("flag"), "", "the log at --log error")
        assert os.path.exists(daemons.path("flag/dht/table")), "--data does not win"
        seen.close()
        third.close()


def a_control_option_wins_over_control_false_of_the_file():
    with Daemons() as daemons:
        port = free_port()
        path = write(daemons.path("c.yaml"),
                     f"control: false\ndht: {{bind: 127.0.0.1, port: {port}}}\n")
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        default = daemons.path(f"weftd-{port}.sock")
        daemons.start("off", [WEFTD, "--config", path], env=env)
        wait_until(lambda: "DHT node" in daemons.log("off"), 5, "it starts")
        time.sleep(0.2)
        assert not os.path.exists(default), "control: false opens a socket"
        daemons.stop("off")
        daemons.start("on", [WEFTD, "--config", path, "--control", daemons.path("on.sock")],
                      env=env)
        settled(daemons, "on")
        daemons.stop("on")
        write(path, f"control: {daemons.path('no.sock')}\n"
                    f"dht: {{bind: 127.0.0.1, port: {port}}}\n")
        daemons.start("no", [WEFTD, "--config", path, "--no-control"], env=env)
        wait_until(lambda: "DHT node" in daemons.log("no"), 5, "it starts")
        time.sleep(0.2)
        assert not os.path.exists(daemons.path("no.sock")), "--no-control does not win"


# --- signals ---

def a_signal_ends_it_in_order():
    for sign in (signal.SIGTERM, signal.SIGINT):
        with Daemons() as daemons:
            daemons.weftd("a", "127.0.0.1", free_port(), [], ["--data", daemons.path("a")])
            check(daemons.stop("a", sign), 0, f"exit code after {sign}")
            assert os.path.exists(daemons.path("a/dht/table")), "the table was not saved"
            assert not os.path.exists(daemons.path("a.sock")), "the control socket stays"
            log = daemons.log("a")
            assert log.rstrip().endswith("stopped") and "stopping" in log, log


def a_second_signal_ends_it_at_once():
    with Daemons() as daemons:
        process = daemons.weftd("a", "127.0.0.1", free_port())
        process.send_signal(signal.SIGSTOP)  # both are there when it looks
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        # The one with the lower number is read first: the second is the other.
        check(process.wait(5), 128 + signal.SIGTERM, "exit code")
        assert "a second signal: ending at once" in daemons.log("a"), daemons.log("a")
        assert os.path.exists(daemons.path("a.sock")), "it had no time to remove its socket"


def a_log_nobody_reads_does_not_end_it():
    with Daemons() as daemons:
        read, written = os.pipe()
        control = daemons.path("a.sock")
        process = subprocess.Popen([WEFTD, "--dht-bind", "127.0.0.1", "--dht-port",
                                    str(free_port()), "--control", control, "--log", "debug"],
                                   stderr=written)
        daemons.processes["a"] = process
        os.close(read)
        os.close(written)
        settled(daemons, "a")
        daemons.ask("a", "dht", "add", "127.0.0.1:9")
        check(daemons.stop("a"), 0, "exit code")


# --- addresses ---

def two_with_nothing_but_bind_and_port_run_side_by_side():
    with Daemons() as daemons:
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        ports = [free_port(), free_port()]
        for name, port in zip("ab", ports):
            daemons.start(name, [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(port)],
                          env=env)
        for name, port in zip("ab", ports):
            wait_until(lambda: os.path.exists(daemons.path(f"weftd-{port}.sock")), 5, "its socket")
            os.symlink(daemons.path(f"weftd-{port}.sock"), daemons.path(name + ".sock"))
            check(daemons.status(name)["port"], str(port), "port")
        for name in "ab":
            check(daemons.stop(name), 0, "exit code")
            assert "warn" not in daemons.log(name), daemons.log(name)


def the_same_port_on_two_addresses_costs_the_second_its_default_socket():
    with Daemons() as daemons:
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        port = free_port()
        command = [WEFTD, "--dht-port", str(port), "--dht-bind"]
        daemons.start("a", command + ["127.0.0.1"], env=env)
        path = daemons.path(f"weftd-{port}.sock")
        wait_until(lambda: os.path.exists(path), 5, "its socket")
        daemons.start("b", command + ["127.0.0.2"], env=env)
        line = f"no control socket at {path}: another weftd answers there"
        wait_until(lambda: line in daemons.log("b"), 5, "the warning")
        check(daemons.stop("b"), 0, "exit code of the second")
        assert os.path.exists(path), "the second one's end took the first one's socket"


def bootstrap_with_nothing_else_configured_joins():
    with Daemons() as daemons:
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        first, second = free_port(), free_port()
        daemons.weftd("a", "127.0.0.1", first)
        daemons.start("b", [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(second),
                            "--bootstrap", f"localhost:{first}"], env=env)
        wait_until(lambda: "joined the DHT" in daemons.log("b"), 10, "it joins")
        wait_until(lambda: daemons.contacts("a") == 1, 10, "the first knows the second")


def ipv6_is_served():
    if not socket.has_ipv6:
        return
    with Daemons() as daemons:
        ports = [free_port(), free_port()]
        daemons.weftd("a", "::1", ports[0])
        daemons.weftd("b", ["::1", "127.0.0.1"], ports[1], [f"[::1]:{ports[0]}"])
        wait_until(lambda: daemons.status("b")["contacts6"] == "1", 10, "b knows a by IPv6")
        check(daemons.status("b")["contacts4"], "0", "contacts4 of b")
        check(daemons.status("b")["sockets"], "2", "sockets of b")
        assert f"[::1]:{ports[0]}" in daemons.ask("b", "table"), daemons.ask("b", "table")


def a_port_in_use_is_named_in_either_family():
    with Daemons() as daemons:
        for bind in ("127.0.0.1", "::1"):
            port = free_port()
            daemons.weftd("a" + bind[0], bind, port)
            result = weftd("--dht-bind", bind, "--dht-port", str(port), "--no-control")
            check(result.returncode, 1, "exit code")
            last = result.stderr.rstrip().split("\n")[-1]
            assert f"cannot start the node on port {port}: address or name already in use" in last \
                and "child dht" in last, last


def an_address_that_is_not_ours_is_refused():
    result = weftd("--dht-bind", "192.0.2.1", "--dht-port", str(free_port()), "--no-control")
    check(result.returncode, 1, "exit code")
    assert "cannot start the node on port" in result.stderr, result.stderr


# --- its folder ---

def a_data_folder_that_cannot_be_made_is_an_error():
    with Daemons() as daemons:
        file = write(daemons.path("file"), "")
        for path in (file, file + "/below"):
            result = weftd("--data", path, "--no-control", "--dht-port", str(free_port()))
            check(result.returncode, 1, path)
            assert f"--data {path}: " in result.stderr, result.stderr
            check(result.stderr.count("\n"), 1, "lines told")


def a_data_folder_that_cannot_be_written_costs_the_table_only():
    with Daemons() as daemons:
        os.chmod(daemons.folder, 0o755)
        os.mkdir(daemons.path("data"), 0o555)
        who = {"user": 65534} if os.getuid() == 0 else {}
        daemons.start("a", [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(free_port()),
                            "--data", daemons.path("data"), "--no-control"], **who)
        line = "warn  dht: table not saved to dht/table: permission denied"
        wait_until(lambda: line in daemons.log("a"), 5, "the warning")
        check(daemons.stop("a"), 0, "exit code")


def start_with_data(daemons, name, port):
    return daemons.weftd(name, "127.0.0.1", port, [], ["--data", daemons.path("data")])


def a_corrupt_table_is_ignored_told_and_replaced():
    with Daemons() as daemons:
        table, port = daemons.path("data/dht/table"), free_port()
        start_with_data(daemons, "first", port)
        identity = daemons.status("first")["id"]
        daemons.stop("first")
        with open(table, "rb") as file:
            good = file.read()
        start_with_data(daemons, "again", port)
        check(daemons.status("again")["id"], identity, "id from the table")
        daemons.stop("again")
        flipped = bytes([good[-1] ^ 1])
        for number, bad in enumerate((b"", good[:-1], good[:-1] + flipped, good + b"x",
                                      os.urandom(300 * 1024), b"\0" * 64)):
            write(table, bad)
            if os.path.exists(table + ".last"):
                os.remove(table + ".last")
            name = f"bad{number}"
            start_with_data(daemons, name, port)
            fresh = daemons.status(name)["id"]
            assert fresh != identity, f"{name}: the id of a corrupt table"
            daemons.stop(name)
            assert "warn  dht: saved table dht/table ignored: " in daemons.log(name), name
            start_with_data(daemons, name + "-next", port)
            check(daemons.status(name + "-next")["id"], fresh, "the table was not replaced")
            daemons.stop(name + "-next")
            assert "ignored" not in daemons.log(name + "-next"), name


def the_table_before_a_corrupt_one_stands_in_for_it():
    with Daemons() as daemons:
        table, port = daemons.path("data/dht/table"), free_port()
        for name in ("first", "again"):
            start_with_data(daemons, name, port)
            identity = daemons.status(name)["id"]
            daemons.stop(name)
        assert os.path.exists(table + ".last"), "it is not kept"
        write(table, b"nonsense")
        start_with_data(daemons, "bad", port)
        check(daemons.status("bad")["id"], identity, "id from the table before")
        daemons.stop("bad")
        assert "warn  dht: saved table dht/table ignored: " in daemons.log("bad")


def a_folder_where_the_table_should_be_is_told():
    with Daemons() as daemons:
        os.makedirs(daemons.path("data/dht/table/x"))
        start_with_data(daemons, "a", free_port())
        check(daemons.stop("a"), 0, "exit code")
        for line in ("saved table dht/table ignored: ", "table not saved to dht/table: "):
            assert "warn  dht: " + line in daemons.log("a"), daemons.log("a")
        assert not os.path.exists(daemons.path("data/dht/table.new")), "a part of it stays"


def a_full_disk_costs_the_table_only():
    with Daemons() as daemons:
        process = subprocess.Popen(
            [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(free_port()), "--data",
             daemons.path("data"), "--no-control"], stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)))
        daemons.processes["a"] = process
        told = [process.stderr.readline() for _ in range(2)]
        assert any("table not saved to dht/table: no space left" in line for line in told), told
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)
        check(process.returncode, 0, "exit code")
        check(os.listdir(daemons.path("data/dht")), [], "what is left of the table")


if __name__ == "__main__":
    if not os.path.exists(WEFTD):
        skip("weftd is not built")
    sys.exit(run_tests([
        each_wrong_option_is_one_line_that_names_it, help_names_every_option_and_version_is_told,
        the_page_and_the_help_name_the_same_options, each_mistake_in_a_file_is_told_with_its_place,
        each_key_of_the_page_is_taken, options_win_over_the_file_and_lists_replace_its_lists,
        a_control_option_wins_over_control_false_of_the_file, a_signal_ends_it_in_order,
        a_second_signal_ends_it_at_once, a_log_nobody_reads_does_not_end_it,
        two_with_nothing_but_bind_and_port_run_side_by_side,
        the_same_port_on_two_addresses_costs_the_second_its_default_socket,
        bootstrap_with_nothing_else_configured_joins, ipv6_is_served,
        a_port_in_use_is_named_in_either_family, an_address_that_is_not_ours_is_refused,
        a_data_folder_that_cannot_be_made_is_an_error,
        a_data_folder_that_cannot_be_written_costs_the_table_only,
        a_corrupt_table_is_ignored_told_and_replaced, a_folder_where_the_table_should_be_is_told,
        a_full_disk_costs_the_table_only]))
