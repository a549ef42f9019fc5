"""Reading outcomes, and comparing them."""
import os
import subprocess

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.environ.get("WEFT_BUILD", os.path.join(SOURCE, "build"))
FOLDER = os.path.join(SOURCE, "tests/conformance")
NO_SCENE = "-"


def lines(text):
    """The fields of each line that says something."""
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return lines(file.read())


def outcomes(rows):
    found = {}
    for name, outcome in rows:
        assert name not in found, f"{name} is there twice"
        found[name] = outcome
    return found


def expected():
    return outcomes(read("expected.tsv"))


def differences():
    """What is allowed to differ: name to outcome here."""
    rows = read("differences.tsv")
    assert all(len(row) == 3 and row[2] for row in rows), "each difference needs its reason"
    return outcomes([row[:2] for row in rows])


def ours():
    program = os.path.join(BUILD, "tests/conformance")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=True)
    return outcomes(lines(done.stdout))


def complaints(otp, weft, allowed):
    """What is not as it should be, one line each."""
    for name in sorted(set(otp) | set(weft) | set(allowed)):
        theirs, here, other = otp.get(name), weft.get(name, NO_SCENE), allowed.get(name)
        if theirs is None:
            yield f"{name}: OTP has no such outcome"
        elif other is None and here != theirs:
            yield f"{name}: OTP says '{theirs}', we say '{here}'"
        elif other is not None and here != other:
            yield f"{name}: the difference should be '{other}', we say '{here}'"
        elif other is not None and here == theirs:
            yield f"{name}: is called a difference, and is none"


def report(title, found):
    found = list(found)
    for line in found:
        print(line)
    print(f"{'FAILED' if found else 'ok'}: {title}")
    return 1 if found else 0
