"""Chromium without a window, asked through its DevTools protocol over a pair of pipes."""

import fcntl
import json
import os
import select
import shutil
import signal
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
PATIENCE = 60  # seconds


class Browser:
    """One tab; ``requests`` and ``complaints`` are what it fetched, and what it said of pages."""

    def __init__(self, profile):
        (read, self._write), (self._read, write) = os.pipe(), os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (read, write)]
        os.close(read)
        os.close(write)
        actions = [(os.POSIX_SPAWN_DUP2, end, i) for i, end in enumerate(theirs, 3)]
        actions += [(os.POSIX_SPAWN_OPEN, i, os.devnull, os.O_RDWR, 0) for i in (1, 2)]
        words = [CHROMIUM, *QUIET, f"--user-data-dir={profile}", "about:blank"]
        self._pid = os.posix_spawn(CHROMIUM, words, os.environ, file_actions=actions)
        for end in theirs:
            os.close(end)
        self._buffer, self._count, self._session = b"", 0, None
        self.requests, self.complaints, self._loaded = [], [], False
        (tab,) = [each for each in self._targets() if each["type"] == "page"]
        attached = self.ask("Target.attachToTarget", targetId=tab["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def _targets(self):
        return self.ask("Target.getTargets")["targetInfos"]

    def close(self):
        """The browser gone."""
        os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._pid, 0)
        os.close(self._read)
        os.close(self._write)

    def ask(self, method, **parameters):
        """What the browser answers to a command of the protocol."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._count:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path, *, width=1280, dark=False):
        """The page of a file, at a width, in the light or in the dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        self._loaded = False
        self.ask("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()

    def value(self, expression):
        """What an expression in the page gives."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def point(self, x, y):
        """Move the pointer there."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key):
        """Press a key, as a person without a mouse does."""
        for kind in ("keyDown", "keyUp"):
            words = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode={"Enter": 13, "Tab": 9}[key], **words)  # fmt: skip

    def _next(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            left = max(0, end - time.monotonic())
            assert select.select([self._read], [], [], left)[0], "the browser does not answer"
            more = os.read(self._read, 1 << 20)
            assert more, "the browser is gone"
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        self._note(message.get("method"), message.get("params"))
        return message

    def _note(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method in {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}:
            self.complaints.append(json.dumps(parameters))
        elif method == "Page.loadEventFired":
            self._loaded = True
