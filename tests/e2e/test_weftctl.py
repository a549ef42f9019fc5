"""The control socket and weftctl: every request, every exit code, and clients that misbehave."""
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
import krpc  # noqa: E402
from daemons import BIN, Daemons, run_tests, skip, wait_until  # noqa: E402

WEFTD = os.path.join(BIN, "weftd")
WEFTCTL = os.path.join(BIN, "weftctl")
KEY = "0123456789abcdef0123456789abcdef01234567"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check(got, wanted, what):
    assert got == wanted, f"{what}:\n      {got!r}, expected\n      {wanted!r}"


def weftctl(*args, env=None):
    """(exit code, standard output, standard error)"""
    result = subprocess.run([WEFTCTL, *args], capture_output=True, text=True, timeout=60,
                            check=False, env=env)
    return result.returncode, result.stdout, result.stderr


def connect(daemons, name="a"):
    client = socket.socket(socket.AF_UNIX)
    client.connect(daemons.path(name + ".sock"))  # waits while the queue is full
    client.settimeout(20)
    return client


def read_all(client):
    data = b""
    try:
        while part := client.recv(65536):
            data += part
    except ConnectionResetError:  # it closed with words of ours unread
        pass
    return data


def raw(daemons, request, name="a"):
    with connect(daemons, name) as client:
        client.sendall(request)
        return read_all(client)


def alone(daemons, options=()):
    return daemons.weftd("a", "127.0.0.1", free_port(), [], options)


def descriptors(daemons, name="a"):
    return len(os.listdir(f"/proc/{daemons.processes[name].pid}/fd"))


# --- requests ---

STATUS = ["version", "id", "uptime_s", "port", "contacts4", "contacts6", "candidates", "buckets",
          "lookups", "pending", "keys", "values", "sources", "received", "sent", "answered",
          "malformed", "unsolicited", "rate_limited", "timeouts", "restarts", "lookups_done",
          "mailbox", "processes", "timers", "sockets", "faulted", "memory_bytes"]


def every_request_of_the_help_is_answered():
    with Daemons() as daemons:
        ports = [free_port(), free_port()]
        daemons.weftd("a", "127.0.0.1", ports[0])
        daemons.weftd("b", "127.0.0.1", ports[1])
        check(daemons.ask("a", "dht", "add", f"127.0.0.1:{ports[1]}"), "", "dht add")
        wait_until(lambda: daemons.contacts("a") == 1 and daemons.contacts("b") == 1, 10,
                   "a knows b, and b knows a")
        status = daemons.status("a")
        check(list(status), STATUS, "the lines of status")
        check((status["port"], status["processes"], status["faulted"]), (str(ports[0]), "4", "0"),
              "port, processes, faulted")
        other = daemons.status("b")["id"]
        assert re.fullmatch(rf" *\d+ {other} 127.0.0.1:{ports[1]} +verified failures 0 "
                            r"silent_s \d+\n", daemons.ask("a", "table")), daemons.ask("a", "table")
        tree = daemons.ask("a", "tree").split("\n")
        check([line.split()[0] for line in tree if line], ["root", "dht", "control", "application"],
              "tree")
        check(daemons.ask("a", "dht", "find", KEY), f"{other} 127.0.0.1:{ports[1]}\n", "dht find")

        told = daemons.ask("a", "dht", "put", "two  words").split()
        check((told[0], told[2:]), ("key", ["stored", "1"]), "dht put")
        for name in "ab":
            check(daemons.ask(name, "dht", "get", told[1]), "two  words\n", "dht get")
        check(daemons.ask("a", "dht", "withdraw", told[1]), "", "dht withdraw")
        announced = daemons.ask("a", "dht", "announce", KEY, "4711")
        check(announced, f"key {KEY}\nstored 1\n", "dht announce")
        check(daemons.ask("b", "dht", "peers", KEY), "127.0.0.1:4711\n", "dht peers")
        daemons.ask("a", "dht", "announce", KEY[::-1], "0")
        check(daemons.ask("b", "dht", "peers", KEY[::-1]), f"127.0.0.1:{ports[0]}\n",
              "port 0 is the packet's")
        listed = daemons.ask("a", "help")
        for verb in ("status", "tree", "table", "find", "put", "get", "announce", "peers",
                     "withdraw", "add", "stop"):
            assert verb in listed, verb
        check(daemons.ask("b", "stop"), "", "stop")
        check(daemons.processes["b"].wait(5), 0, "exit code after stop")


def the_key_of_a_put_is_the_sha1_of_its_bencoding():
    import hashlib
    with Daemons() as daemons:
        ports = [free_port(), free_port()]
        daemons.weftd("a", "127.0.0.1", ports[0])
        daemons.weftd("b", "127.0.0.1", ports[1], [f"127.0.0.1:{ports[0]}"])
        wait_until(lambda: daemons.contacts("b") == 1, 10, "b knows a")
        for text in ("x", "Hello World!", "ä ö", "t" * 996, "--help", "12:3"):
            told = daemons.ask("b", "dht", "put", text).split()
            item = krpc.encode(text)
            check(told[1], hashlib.sha1(item).hexdigest(), f"the key of {text[:20]}")
            check(daemons.ask("a", "dht", "get", told[1]), text + "\n", "the text")


REFUSED = [
    (["nonsense"], "INVAL unknown request; 'help' lists them"),
    (["STATUS"], "INVAL unknown request; 'help' lists them"),
    ([""], "INVAL unknown request; 'help' lists them"),
    (["status", "now"], "INVAL more words than this request takes"),
    (["stop", "it"], "INVAL more words than this request takes"),
    (["dht"], "INVAL expected dht find, peers, announce, get, put, withdraw or add"),
    (["dht", "fnd"], "INVAL expected dht find, peers, announce, get, put, withdraw or add"),
    (["dhtfind", KEY], "INVAL unknown request; 'help' lists them"),
    (["dht", "find"], "INVAL expected a key of 40 hexadecimal digits"),
    (["dht", "find", KEY[1:]], "INVAL expected a key of 40 hexadecimal digits"),
    (["dht", "find", KEY + "0"], "INVAL expected a key of 40 hexadecimal digits"),
    (["dht", "get", "g" * 40], "INVAL expected a key of 40 hexadecimal digits"),
    (["dht", "get", KEY, KEY], "INVAL more words than this request takes"),
    (["dht", "peers"], "INVAL expected a key of 40 hexadecimal digits"),
    (["dht", "withdraw", "x"], "INVAL expected a key of 40 hexadecimal digits"),
    (["dht", "announce", KEY],
     "INVAL expected a key and a port from 0 (that of the packet) to 65535"),
    (["dht", "announce", KEY, "65536"],
     "INVAL expected a key and a port from 0 (that of the packet) to 65535"),
    (["dht", "announce", KEY, "-1"],
     "INVAL expected a key and a port from 0 (that of the packet) to 65535"),
    (["dht", "announce", KEY, "-18446744073709551610"],
     "INVAL expected a key and a port from 0 (that of the packet) to 65535"),
    (["dht", "announce", KEY, "+5"],
     "INVAL expected a key and a port from 0 (that of the packet) to 65535"),
    (["dht", "put"], "INVAL expected a text to store"),
    (["dht", "put", "t" * 997], "INVAL the text is too long, at most 996 bytes"),
    (["dht", "put", "a\x01b"], "INVAL control characters; a request is a line of text"),
    (["dht", "add", "127.0.0.1"], "INVAL expected ADDRESS:PORT"),
    (["dht", "add", "localhost:1"], "INVAL expected ADDRESS:PORT"),
    (["dht", "add", "127.0.0.1:0"], "INVAL expected ADDRESS:PORT"),
    (["dht", "add", "[::1]:6881"], "INVAL invalid argument"),
    (["dht", "put", "t" * 5000], "TOO_BIG the request is too long"),
    (["dht", "put", "t" * 100000], "TOO_BIG the request is too long"),
    (["dht", "get", KEY], "NOT_FOUND not found"),
    (["dht", "peers", KEY], "NOT_FOUND not found"),
    (["dht", "find", KEY], "NOT_FOUND not found"),
]


def what_is_refused_is_told_with_exit_code_1():
    with Daemons() as daemons:
        alone(daemons)
        for words, line in REFUSED:
            got = weftctl("--control", daemons.path("a.sock"), *words)
            check(got, (1, "", f"weftctl: {line}\n"), [word[:50] for word in words])
        check(daemons.status("a")["faulted"], "0", "faulted")


WRONG_USAGE = [
    (["--nonsense", "status"], "unknown option --nonsense"),
    (["-x", "status"], "unknown option -x"),
    (["--control"], "a value is missing after --control"),
    (["--port"], "a value is missing after --port"),
    (["--control", "", "status"], "--control: expected a path"),
    (["--control", "p" * 600, "status"], "--control: too long: " + "p" * 600),
    (["--port", "0", "status"], "--port: expected 1 to 65535, not 0"),
    (["--port", "65536", "status"], "--port: expected 1 to 65535, not 65536"),
    (["--port=x", "status"], "--port: expected 1 to 65535, not x"),
    (["dht", "put", "two\nlines"], "a newline in: two\nlines"),
]


def wrong_usage_ends_with_2_and_no_daemon_with_3():
    with Daemons() as daemons:
        alone(daemons)
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        for words, line in WRONG_USAGE:
            at = [] if words[0].startswith("-") else ["--control", daemons.path("a.sock")]
            check(weftctl(*at, *words, env=env), (2, "", f"weftctl: {line}\n"), words)
        code, out, err = weftctl(env=env)
        assert code == 2 and out == "" and "weftctl [--control" in err, (code, out, err)
        for words in (["--help"], ["--control", "x", "--help"], ["--version"]):
            code, out, err = weftctl(*words)
            assert code == 0 and out.startswith("weftctl") and err == "", words

        check(weftctl("--control", "/nowhere/x.sock", "status"),
              (3, "", "weftctl: /nowhere/x.sock: No such file or directory\n"), "no such path")
        check(weftctl("--control", "p" * 200, "status"),
              (3, "", f"weftctl: {'p' * 200}: File name too long\n"), "too long for a socket")
        check(weftctl("--port", "1", "status", env=env)[0], 3, "no daemon with that port")
        daemons.processes["a"].kill()
        daemons.processes["a"].wait(5)
        check(weftctl("--control", daemons.path("a.sock"), "status"),
              (3, "", f"weftctl: {daemons.path('a.sock')}: Connection refused\n"), "a dead one")
        check(weftctl("status", env=dict(os.environ, XDG_RUNTIME_DIR="/nowhere"))[0], 3,
              "no default folder")


def the_only_daemon_is_found_and_of_several_one_must_be_chosen():
    with Daemons() as daemons:
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        check(weftctl("status", env=env),
              (3, "", f"weftctl: no weftd answers in {daemons.folder}\n"), "nobody")
        ports = [free_port(), free_port(), free_port()]

        def start(port):
            path = daemons.path(f"weftd-{port}.sock")
            daemons.start(str(port), [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(port)],
                          env=env)
            wait_until(lambda: os.path.exists(path), 5, "its socket")
        start(ports[0])
        daemons.processes[str(ports[0])].kill()  # its socket stays, and is nobody's
        daemons.processes[str(ports[0])].wait(5)
        check(weftctl("status", env=env)[0], 3, "only a dead one")
        start(ports[1])
        code, out, _ = weftctl("status", env=env)
        assert code == 0 and f"port {ports[1]}\n" in out, out
        start(ports[2])
        check(weftctl("status", env=env),
              (2, "", "weftctl: several weftd run: choose with --control or --port\n"), "several")
        code, out, _ = weftctl("--port", str(ports[2]), "status", env=env)
        assert code == 0 and f"port {ports[2]}\n" in out, out


# --- the place of the socket ---

def the_socket_is_its_owners():
    with Daemons() as daemons:
        old = os.umask(0)
        try:
            alone(daemons)
        finally:
            os.umask(old)
        mode = os.stat(daemons.path("a.sock")).st_mode
        check((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o600), "mode")


def a_stale_socket_is_replaced_and_a_live_one_refused():
    with Daemons() as daemons:
        process = alone(daemons)
        command = [WEFTD, "--dht-bind", "127.0.0.1", "--control", daemons.path("a.sock"),
                   "--dht-port"]
        result = subprocess.run(command + [str(free_port())], capture_output=True, text=True,
                                timeout=10, check=False)
        check(result.returncode, 1, "exit code of the second")
        line = f"--control {daemons.path('a.sock')}: another weftd answers there\n"
        assert result.stderr.endswith(line), result.stderr
        daemons.status("a")
        process.kill()
        process.wait(5)
        assert os.path.exists(daemons.path("a.sock"))
        port = free_port()
        daemons.start("b", command + [str(port)])
        wait_until(lambda: weftctl("--control", daemons.path("a.sock"), "status")[0] == 0, 5,
                   "the stale socket is replaced")
        check(daemons.status("a")["port"], str(port), "port")


def a_live_daemon_whose_queue_is_full_is_alive():
    with Daemons() as daemons:
        process = alone(daemons)
        process.send_signal(signal.SIGSTOP)
        clients = []
        for _ in range(80):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            try:
                client.connect(daemons.path("a.sock"))
            except BlockingIOError:
                client.close()
                break
            clients.append(client)
        assert len(clients) < 80, "the queue is not bounded"
        result = subprocess.run([WEFTD, "--dht-bind", "127.0.0.1", "--control",
                                 daemons.path("a.sock"), "--dht-port", str(free_port())],
                                capture_output=True, text=True, timeout=10, check=False)
        assert result.returncode == 1 and "another weftd answers there" in result.stderr, result
        for client in clients:
            client.close()
        process.send_signal(signal.SIGCONT)
        daemons.status("a")


def what_is_no_socket_is_never_deleted():
    with Daemons() as daemons:
        env = dict(os.environ, XDG_RUNTIME_DIR=daemons.folder)
        port = free_port()
        default = daemons.path(f"weftd-{port}.sock")
        with open(default, "w", encoding="utf-8") as file:
            file.write("mine")
        os.symlink(default, daemons.path("link"))
        datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        datagram.bind(daemons.path("datagram"))
        os.mkdir(daemons.path("folder"))
        command = [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(port)]
        for name, why in ((os.path.basename(default), "a file that is no socket is there"),
                          ("link", "a file that is no socket is there"),
                          ("folder", "a file that is no socket is there"),
                          ("datagram", "permission denied"), ("no/such/folder", "no such folder"),
                          (os.path.basename(default) + "/x", "no such folder")):
            path = daemons.path(name)
            result = subprocess.run(command + ["--control", path], capture_output=True, text=True,
                                    timeout=10, check=False)
            check(result.returncode, 1, path)
            assert result.stderr.endswith(f"--control {path}: {why}\n"), result.stderr
        daemons.start("default", command, env=env)
        line = f"warn  no control socket at {default}: a file that is no socket is there"
        wait_until(lambda: line in daemons.log("default"), 5, "the warning")
        check(daemons.stop("default"), 0, "exit code of the one that goes on")
        with open(default, encoding="utf-8") as file:
            check(file.read(), "mine", "the file in the way")
        assert os.path.islink(daemons.path("link")) and os.path.exists(daemons.path("datagram"))
        datagram.close()


def a_socket_that_took_its_place_is_not_removed_at_the_end():
    with Daemons() as daemons:
        alone(daemons)
        os.unlink(daemons.path("a.sock"))
        other = socket.socket(socket.AF_UNIX)
        other.bind(daemons.path("a.sock"))
        check(daemons.stop("a"), 0, "exit code")
        assert os.path.exists(daemons.path("a.sock")), "somebody else's socket is gone"
        other.close()


def a_folder_whose_name_is_too_long_costs_the_default_socket():
    with Daemons() as daemons:
        env = dict(os.environ, XDG_RUNTIME_DIR="/" + "d" * 120)
        daemons.start("a", [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(free_port())],
                      env=env)
        wait_until(lambda: "the path is too long for a socket" in daemons.log("a"), 5, "a warning")
        check(daemons.stop("a"), 0, "exit code")


# --- clients that misbehave ---

def a_request_may_come_in_pieces():
    with Daemons() as daemons:
        alone(daemons)
        with connect(daemons) as client:
            for piece in (b"dht f", b"in", b"d ", KEY[:7].encode(), KEY[7:].encode(), b"\r", b"\n"):
                client.sendall(piece)
                time.sleep(0.02)
            check(read_all(client), b"error NOT_FOUND not found\n", "the answer")
        check(raw(daemons, b" \t help \n")[:3], b"ok\n", "spaces around")
        check(raw(daemons, b"help\nstatus\nstop\n")[:20], raw(daemons, b"help\n")[:20],
              "only the first line counts")
        with connect(daemons) as client:  # as nc does when its input has ended
            client.sendall(b"dht get " + KEY.encode() + b"\n")
            client.shutdown(socket.SHUT_WR)
            check(read_all(client), b"error NOT_FOUND not found\n", "after a half close")
        with connect(daemons) as client:  # a line without its end is none
            client.sendall(b"stop")
            client.shutdown(socket.SHUT_WR)
            check(read_all(client), b"", "an incomplete line")
        daemons.status("a")


def junk_is_refused_and_harms_nothing():
    with Daemons() as daemons:
        alone(daemons)
        text = b"error INVAL control characters; a request is a line of text\n"
        for junk in (b"\0\n", b"status\0\n", b"dht put a\0b\n", b"\x01\x02\n", b"stop\x1b[A\n"):
            check(raw(daemons, junk), text, junk)
        check(raw(daemons, b"\n"), b"error INVAL unknown request; 'help' lists them\n", "nothing")
        check(raw(daemons, b"\xff\xfe\n"), b"error INVAL unknown request; 'help' lists them\n",
              "not UTF-8")
        check(raw(daemons, b"x" * 4095), b"error TOO_BIG the request is too long\n", "too long")
        check(raw(daemons, b"x" * 4094 + b"\n"),
              b"error INVAL unknown request; 'help' lists them\n", "as long as it may be")
        before = descriptors(daemons)
        for _ in range(300):
            try:
                raw(daemons, os.urandom(2000) + b"\n")
            except BrokenPipeError:
                pass
        status = daemons.status("a")
        check(status["faulted"], "0", "faulted")
        wait_until(lambda: descriptors(daemons) == before, 5, "no descriptor stays")


def a_thousand_requests_leave_nothing_behind():
    with Daemons() as daemons:
        alone(daemons)
        raw(daemons, b"status\n")
        before, memory = descriptors(daemons), daemons.status("a")["memory_bytes"]
        for _ in range(1000):
            assert raw(daemons, b"status\n").startswith(b"ok\nversion ")
        wait_until(lambda: descriptors(daemons) == before, 5, "no descriptor stays")
        check(daemons.status("a")["memory_bytes"], memory, "memory_bytes")


def silent_clients_do_not_keep_others_out():
    with Daemons() as daemons:
        alone(daemons)
        silent = [connect(daemons) for _ in range(40)]
        start = time.monotonic()
        assert raw(daemons, b"help\n").startswith(b"ok\n")
        took = time.monotonic() - start
        assert took < 5, f"it took {took:.1f} s"
        gone = 0
        for client in silent:
            client.settimeout(0.2)
            try:
                gone += client.recv(1) == b""
            except socket.timeout:
                pass
        # 40 and one more want 32 places: whoever had been silent for long enough gave way.
        assert gone >= 9, f"{gone} of 40 silent clients were dropped"
        for client in silent:
            client.close()
        wait_until(lambda: raw(daemons, b"help\n").startswith(b"ok\n"), 2, "all places are free")


def one_silent_client_is_not_dropped_at_once():
    with Daemons() as daemons:
        alone(daemons)
        with connect(daemons) as client:
            time.sleep(1.5)
            client.sendall(b"help\n")
            assert read_all(client).startswith(b"ok\n")


def many_at_once_are_all_answered():
    with Daemons() as daemons:
        alone(daemons)
        answers = []

        def one():
            answers.append(raw(daemons, b"status\n")[:3])
        threads = [threading.Thread(target=one) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        check(answers, [b"ok\n"] * 100, "answers")


def with_a_dead_contact(daemons):
    """A daemon whose only contact has just died: what it looks up takes two seconds."""
    port = free_port()
    daemons.weftd("a", "127.0.0.1", port)
    peer = krpc.Node()
    daemons.ask("a", "dht", "add", f"127.0.0.1:{peer.port}")

    def known():
        peer.receive(0.1)
        return daemons.contacts("a") == 1
    wait_until(known, 10, "the contact is known")
    peer.receive(1.0)
    peer.close()


def a_client_that_goes_while_its_lookup_runs_leaves_nothing():
    with Daemons() as daemons:
        with_a_dead_contact(daemons)
        before = descriptors(daemons)
        clients = []
        for i in range(30):
            client = connect(daemons)
            client.sendall(b"dht get %040x\n" % i)
            clients.append(client)
        wait_until(lambda: int(daemons.status("a")["lookups"]) >= 30, 2, "all of them run")
        for client in clients:
            client.close()
        took = wait_until(lambda: descriptors(daemons) == before, 5, "their places are free")
        assert took < 1, "they were noticed only when the lookups ended"
        wait_until(lambda: daemons.status("a")["lookups"] == "0", 20, "the lookups end")
        check(daemons.status("a")["faulted"], "0", "faulted")


def a_stop_answers_who_still_waits():
    with Daemons() as daemons:
        with_a_dead_contact(daemons)
        with connect(daemons) as client:
            client.sendall(b"dht get " + KEY.encode() + b"\n")
            wait_until(lambda: daemons.status("a")["lookups"] == "1", 2, "it runs")
            check(daemons.stop("a"), 0, "exit code")
            check(read_all(client), b"error CLOSED closed\n", "the answer")


def without_descriptors_it_does_not_spin():
    with Daemons() as daemons:
        port = free_port()
        process = daemons.weftd("a", "127.0.0.1", port)
        limit = descriptors(daemons) + 2
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        clients = [connect(daemons) for _ in range(6)]
        time.sleep(0.2)

        def ticks():
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])
        before = ticks()
        time.sleep(1)
        used = ticks() - before
        assert used <= 20, f"{used} of 100 ticks were spent on waiting"
        for client in clients:
            client.close()
        wait_until(lambda: raw(daemons, b"help\n").startswith(b"ok\n"), 5, "it goes on")


# --- answers larger than what the socket takes at once ---

class Crowd:
    """Nodes that do nothing but be there: they ask once, and answer."""

    def __init__(self, own, depths, count):
        self.nodes, self.stop = [], False
        for depth in range(depths):
            for _ in range(count):
                self.nodes.append(self.node(own, depth))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @staticmethod
    def node(own, depth):
        """A node whose id shares exactly `depth` bits with `own`."""
        bits = 160 - depth
        value = (own >> bits << bits) | (~own & 1 << bits - 1)
        value |= int.from_bytes(os.urandom(20), "big") & ((1 << bits - 1) - 1)
        return krpc.Node(node_id=value.to_bytes(20, "big"))

    def ping(self, port):
        for at, node in enumerate(self.nodes):
            node.send(("127.0.0.1", port), {"t": b"aa", "y": "q", "q": "ping", "a": {"id": node.id}})
            if at % 100 == 99:
                time.sleep(0.05)

    def serve(self):
        import select
        poll, by_fd = select.epoll(), {}
        for node in self.nodes:
            by_fd[node.socket.fileno()] = node
            poll.register(node.socket.fileno(), select.EPOLLIN)
        while not self.stop:
            for fd, _ in poll.poll(0.1):
                node = by_fd[fd]
                data, sender = node.socket.recvfrom(2048)
                try:
                    message, _ = krpc.decode(data)
                except ValueError:  # somebody else's packet, for who had this port before
                    continue
                if message.get(b"y") == b"q":
                    node.send(sender, {"t": message[b"t"], "y": "r",
                                       "r": {"id": node.id, "nodes": b""}})

    def close(self):
        self.stop = True
        self.thread.join()
        for node in self.nodes:
            node.close()


def a_large_table_is_told_whole_however_slowly_it_is_read():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    with Daemons() as daemons:
        port = free_port()
        with open(daemons.path("c.yaml"), "w", encoding="utf-8") as file:
            file.write("dht: {k: 32, source_rate: 1000000, source_burst: 1000000}\n")
        daemons.weftd("a", "127.0.0.1", port, [], ["--config", daemons.path("c.yaml")])
        crowd = Crowd(int(daemons.status("a")["id"], 16), 80, 32)
        try:
            def large():
                crowd.ping(port)
                return len(daemons.ask("a", "table")) > 230000
            wait_until(large, 200, "the table grows large")
            with connect(daemons) as slow:
                slow.sendall(b"table\n")
                time.sleep(0.5)
                daemons.status("a")  # others are served meanwhile
                answer = slow.recv(1000)
                time.sleep(0.1)
                answer += read_all(slow)
            lines = answer.decode().split("\n")
            check((lines[0], lines[-1]), ("ok", ""), "its ends")
            assert len(answer) > 220000, len(answer)
            for line in lines[1:-1]:
                assert re.fullmatch(r" *\d+ [0-9a-f]{40} 127\.0\.0\.1:\d+ +(verified|unproven|cache"
                                    r" *) *failures \d+ silent_s \d+", line), line
            readers = [connect(daemons) for _ in range(32)]  # who ask and never read
            for reader in readers:
                reader.sendall(b"table\n")
            start = time.monotonic()
            assert raw(daemons, b"help\n").startswith(b"ok\n")
            assert time.monotonic() - start < 5, "they keep others out"
            for reader in readers:
                reader.close()
        finally:
            crowd.close()
        check(daemons.stop("a"), 0, "exit code")


if __name__ == "__main__":
    if not os.path.exists(WEFTD):
        skip("weftd is not built")
    sys.exit(run_tests([
        every_request_of_the_help_is_answered, the_key_of_a_put_is_the_sha1_of_its_bencoding,
        what_is_refused_is_told_with_exit_code_1, wrong_usage_ends_with_2_and_no_daemon_with_3,
        the_only_daemon_is_found_and_of_several_one_must_be_chosen, the_socket_is_its_owners,
        a_stale_socket_is_replaced_and_a_live_one_refused,
        a_live_daemon_whose_queue_is_full_is_alive, what_is_no_socket_is_never_deleted,
        a_socket_that_took_its_place_is_not_removed_at_the_end,
        a_folder_whose_name_is_too_long_costs_the_default_socket, a_request_may_come_in_pieces,
        junk_is_refused_and_harms_nothing, a_thousand_requests_leave_nothing_behind,
        silent_clients_do_not_keep_others_out, one_silent_client_is_not_dropped_at_once,
        many_at_once_are_all_answered, a_client_that_goes_while_its_lookup_runs_leaves_nothing,
        a_stop_answers_who_still_waits, without_descriptors_it_does_not_spin,
        a_large_table_is_told_whole_however_slowly_it_is_read]))
