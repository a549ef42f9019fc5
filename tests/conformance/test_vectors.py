"""Our outcomes of the conformance scenes are those of a real OTP, but for the differences listed."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vectors  # noqa: E402  (beside this file)

COUNT = 120


def the_comparison_can_fail():
    """Planted outcomes that must be complained about, each once."""
    planted = [({"a": "x"}, {"a": "y"}, {}), ({"a": "x"}, {}, {}), ({}, {"a": "x"}, {}),
               ({"a": "x"}, {"a": "y"}, {"a": "z"}), ({"a": "x"}, {"a": "x"}, {"a": "x"}),
               ({}, {}, {"a": "x"})]
    for case in planted:
        if len(list(vectors.complaints(*case))) != 1:
            yield f"not complained about: {case}"
    if list(vectors.complaints({"a": "x", "b": "y"}, {"a": "x", "b": "z"}, {"b": "z"})):
        yield "complained about what is right"


def documented(allowed):
    """Every difference is explained to readers too, by its name."""
    with open(os.path.join(vectors.SOURCE, "docs/otp.md"), encoding="utf-8") as file:
        page = file.read()
    for name in allowed:
        if f"`{name}`" not in page:
            yield f"docs/otp.md does not explain the difference {name}"


def checklist():
    """The tests that docs/otp-checklist.md names are there, and so are the scenes."""
    with open(os.path.join(vectors.SOURCE, "docs/otp-checklist.md"), encoding="utf-8") as file:
        page = file.read()
    claims = ""
    tests = os.path.join(vectors.SOURCE, "tests")
    files = {}
    for base, _, names in os.walk(tests):
        for name in names:
            files.setdefault(name.rsplit(".", 1)[0], []).append(os.path.join(base, name))
    for name in sorted(set(re.findall(r"\btest_\w+", page))):
        if name not in files:
            yield f"docs/otp-checklist.md names {name}, which is not there"
            continue
        for path in files[name]:
            with open(path, encoding="utf-8") as file:
                claims += file.read()
    for claim in re.findall(r'"([a-z]\w+)"', page):
        if claim not in claims:
            yield f"docs/otp-checklist.md names the claim {claim}, which no test there makes"
    for scene in re.findall(r"\b(?:exit|link|unlink|monitor|demonitor|alias|send|register|order"
                            r"|receive|timer|gs|sys|sup)\.[\w.*]*[\w*]", page):
        pattern = re.escape(scene).replace(r"\*", ".*") + "$"
        if not any(re.match(pattern, name) for name in vectors.expected()):
            yield f"docs/otp-checklist.md names the scene {scene}, which is not there"


def main():
    otp, weft, allowed = vectors.expected(), vectors.ours(), vectors.differences()
    failed = vectors.report("the comparison can fail", the_comparison_can_fail())
    failed |= vectors.report("there are as many outcomes as were observed",
                             [] if len(otp) == COUNT else [f"{len(otp)} outcomes, not {COUNT}"])
    failed |= vectors.report("each of them has its scene here",
                             [name for name in otp if name not in weft])
    failed |= vectors.report(f"{len(weft)} scenes end as OTP's, or as the differences say",
                             vectors.complaints(otp, weft, allowed))
    failed |= vectors.report("each difference is explained in docs/otp.md", documented(allowed))
    failed |= vectors.report("what docs/otp-checklist.md names is there", checklist())
    return failed


sys.exit(main())
