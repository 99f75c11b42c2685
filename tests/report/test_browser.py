"""The report as a browser shows it: nothing complains, nothing is empty, nothing runs over the edge.

Chromium is steered through a pipe (--remote-debugging-pipe): NUL-ended JSON on its descriptors 3 and 4.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from disc_lite.report import write_report
from tests.report.example import NAMES, make_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT_S = 60
# Replaces itself by the browser, with the two pipes where it looks for them.
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
MEASURE = """(() => {
    const boxes = [...document.querySelectorAll('svg[role=img]')].filter(s => s.checkVisibility()).map(s => s.getBoundingClientRect());
    const inside = e => { for (let p = e.parentElement; p; p = p.parentElement) if (p.matches('.scroll, svg')) return true; return false; };
    const over = [...document.querySelectorAll('body *')].filter(
        e => !inside(e) && e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1);
    return {
        charts: boxes.length, empty: boxes.filter(b => b.width < 20 || b.height < 10).length,
        page: document.documentElement.scrollWidth, view: innerWidth, styled: getComputedStyle(document.body).maxWidth,
        over: over.map(e => e.outerHTML.slice(0, 200)), ink: getComputedStyle(document.body).color,
        texts: [...document.querySelectorAll('svg text')].filter(t => t.getBoundingClientRect().right > innerWidth).length,
    };
})()"""


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, profile: Path) -> None:
        out_read, out_write = os.pipe()
        in_read, in_write = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (out_read, in_write)]
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, high), str(CHROMIUM), *options, f"--user-data-dir={profile}"],
            pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for fd in (out_read, in_write, *high):
            os.close(fd)
        self.write, self.read, self.rest, self.number = out_write, in_read, b"", 0
        self.session: str | None = None
        self.complaints: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read], [], [], WAIT_S)
            found = os.read(self.read, 1 << 16) if ready else b""
            assert found, "the browser says nothing any more"
            self.rest += found
        line, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(json.dumps(message["params"]))
        return message

    def show(self, path: Path, width: int, scheme: str) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while self.evaluate("document.readyState") != "complete":
            time.sleep(0.02)

    def evaluate(self, expression: str) -> Any:
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def photograph(self, target: Path) -> None:
        found = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        target.write_bytes(base64.b64decode(found))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT_S)
        os.close(self.write)
        os.close(self.read)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_the_report(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    browser.complaints.clear()
    browser.show(write_report(make_run(tmp_path / "run")), width, scheme)
    found = browser.evaluate(MEASURE)
    assert found["over"] == []
    assert found["view"] == width and found["page"] <= width
    assert found["charts"] > 2 * len(NAMES) and found["empty"] == 0 and found["texts"] == 0
    assert found["styled"] != "none"  # the policy lets our style through
    assert found["ink"] == ("rgb(28, 30, 33)" if scheme == "light" else "rgb(231, 230, 226)")
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = browser.evaluate(MEASURE)
    assert found["over"] == [] and found["page"] <= width and found["empty"] == 0
    assert browser.complaints == []


def test_the_policy_would_stop_a_script(browser: Browser, tmp_path: Path) -> None:
    page = write_report(make_run(tmp_path / "run"))
    page.write_text(page.read_text() + "<script>document.title = 'ran'</script><img src='http://127.0.0.1:9/x.png'>")
    browser.complaints.clear()
    browser.show(page, 1280, "light")
    assert "ran" not in browser.evaluate("document.title").split()
    assert len([c for c in browser.complaints if "Content Security Policy" in c]) == 2
