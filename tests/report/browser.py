"""A headless Chromium, driven through its DevTools protocol; what a page says, asks and shows."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

try:
    import websocket  # of Debian's python3-websocket
except ImportError:
    websocket = None

CHROMIUM = shutil.which("chromium")


def missing():
    """What keeps a browser from being run, as text; None: nothing."""
    if CHROMIUM is None:
        return "chromium is not installed (apt-get install chromium)"
    if websocket is None:
        return "python3-websocket is not installed (apt-get install python3-websocket)"
    return None


class Browser:
    """One page in a browser of its own: `with Browser() as browser: browser.open(path)`."""

    def __init__(self, width=1280, height=900, dark=False, scale=1):
        self.size = (width, height, scale)
        self.dark = dark
        self.folder = tempfile.TemporaryDirectory(prefix="weft-browser-",
                                                  ignore_cleanup_errors=True)
        self.messages, self.requests, self.answers, self.last = [], [], {}, 0
        # As root there is no sandbox; the page is our own. Nothing is to be fetched or reported.
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", "--disable-default-apps",
             "--remote-debugging-port=0", "--remote-allow-origins=*", "--force-color-profile=srgb",
             "--hide-scrollbars", f"--user-data-dir={self.folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._env())
        try:
            self.socket = websocket.create_connection(self._address(), timeout=60,
                                                      suppress_origin=True)
            self._attach()
        except BaseException:
            self.close()
            raise

    def _env(self):
        return {**os.environ, "HOME": self.folder.name, "XDG_CONFIG_HOME": self.folder.name,
                "XDG_CACHE_HOME": self.folder.name}

    def _address(self):
        path = os.path.join(self.folder.name, "DevToolsActivePort")
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(f"chromium ended with {self.process.returncode}")
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    lines = file.read().split("\n")
                if len(lines) >= 2:
                    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.1)
        raise RuntimeError("chromium does not open its DevTools port")

    def _attach(self):
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        width, height, scale = self.size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=False)
        scheme = "dark" if self.dark else "light"
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def _hear(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            words = " ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"])
            self.messages.append(f"{params['type']}: {words}")
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.messages.append(f"exception in line {details.get('lineNumber')}: " + str(details.get("exception", {}).get(
                "description", details["text"])))
        elif method == "Log.entryAdded":
            self.messages.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def call(self, method, **params):
        self.last += 1
        number, message = self.last, {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._hear(answer)

    def open(self, path):
        """A file, or an http address; returns when its page is ready."""
        url = path if "://" in path else "file://" + os.path.abspath(path)
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, script):
        """What an expression gives, as a Python value."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, script, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(script):
                return
            time.sleep(0.05)
        raise AssertionError(f"the page does not come to: {script}; it says {self.messages}")

    KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowUp": 38, "ArrowDown": 40, "Home": 36,
            "End": 35, "Enter": 13, "Tab": 9, "Escape": 27}

    def key(self, name, shift=False):
        code = self.KEYS.get(name, ord(name[0].upper()))
        down = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        if len(name) == 1:
            down["text"] = name
        if name == "Enter":
            down["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    def type(self, words):
        self.call("Input.insertText", text=words)

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")

    def click(self, selector):
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def screenshot(self, path, selector=None, full=False):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        options = {"format": "png"}
        if selector:
            box = self.run(f"(e => {{ const b = e.getBoundingClientRect(); return {{x: b.x + scrollX,"
                           f" y: b.y + scrollY, width: b.width, height: b.height}}; }})"
                           f"(document.querySelector({json.dumps(selector)}))")
            options.update(clip={**box, "scale": 1}, captureBeyondViewport=True)
        elif full:
            size = self.run("({width: innerWidth, height: document.documentElement.scrollHeight})")
            options.update(clip={"x": 0, "y": 0, **size, "scale": 1}, captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", **options)["data"]))

    def picture(self, path, top, height):
        """The page from `top` on, in its whole width."""
        width = self.size[0]
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", clip=clip,
                         captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def pdf(self, path):
        result = self.call("Page.printToPDF", printBackground=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(result["data"]))

    def close(self):
        if hasattr(self, "socket"):
            self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
