#!/usr/bin/env python3
"""Every shipped scenario has one hash: the beginning of each, twice, the second time in one of the
ways that must not matter; all ways come up. The whole is ./dev determinism."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import matrix  # noqa: E402

# Builds are tried whole by test_same_hash.py; here the queue's oracle, and hash tables with
# another order.
WAYS = [*matrix.RUNS, matrix.SECOND, "heap", "tables-7"]
BEGINNING = ["--until", "20s"]


class Matrix(unittest.TestCase):
    def test_the_beginning_of_every_scenario_is_alike(self):
        for index, path in enumerate(matrix.scenarios()):
            way = WAYS[index % len(WAYS)]
            with self.subTest(scenario=os.path.basename(path), way=way):
                self.assertIsNone(matrix.differs(path, way, BEGINNING))


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=0)
