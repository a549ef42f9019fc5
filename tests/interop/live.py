"""A live weftd on loopback, for tests that speak KRPC with it by hand."""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import Daemons  # noqa: E402

PORT = 20000 + os.getpid() % 10000  # below the ports the kernel gives to others


class Live:
    """`to` and `to6` are its addresses."""

    def __init__(self, daemons, bind, config):
        self.daemons, self.port = daemons, PORT
        self.to, self.to6 = ("127.0.0.1", PORT), ("::1", PORT)
        options = []
        if config:
            with open(daemons.path("node.yaml"), "w", encoding="utf-8") as file:
                file.write(config)
            options = ["--config", daemons.path("node.yaml")]
        self.process = daemons.weftd("node", bind, PORT, (), options)

    def status(self):
        return self.daemons.status("node")

    def contacts(self):
        return self.daemons.contacts("node")


def with_weftd(bind="127.0.0.1", config=""):
    """A test that is given a Live of its own."""
    def decorate(test):
        def run():
            with Daemons() as daemons:
                test(Live(daemons, bind, config))
        run.__name__ = test.__name__
        return run
    return decorate
