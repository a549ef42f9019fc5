"""The same scenes, live: Erlang's and ours side by side. Skipped where there is no Erlang."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vectors  # noqa: E402  (beside this file)

SKIPPED = 77
TRIES = 3


def erlang(folder, names):
    done = subprocess.run(["erl", "-noshell", "-run", "otp_vectors", "main", *names], cwd=folder,
                          capture_output=True, text=True, timeout=280, check=True)
    return vectors.outcomes(vectors.lines(done.stdout))


def main():
    if not shutil.which("erl") or not shutil.which("erlc"):
        print("no Erlang here: apt-get install erlang-base")
        return SKIPPED
    want, weft, allowed = vectors.expected(), vectors.ours(), vectors.differences()
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(vectors.FOLDER, "otp_vectors.erl")
        subprocess.run(["erlc", "-Werror", "-o", folder, source], check=True)
        live = erlang(folder, [])
        # Erlang's scenes wait for what they set off; on a busy machine it may come later.
        for _ in range(TRIES - 1):
            late = [name for name in want if live.get(name) != want[name]]
            if late:
                print("again:", ", ".join(late))
                live.update(erlang(folder, late))
    wrong = [f"{name}: OTP says '{live.get(name)}' now, '{want[name]}' is written down"
             for name in want if live.get(name) != want[name]]
    failed = vectors.report("this OTP says what is written down", wrong)
    failed |= vectors.report("our outcomes are this OTP's, but for the differences",
                             vectors.complaints(live, weft, allowed))
    return failed


sys.exit(main())
