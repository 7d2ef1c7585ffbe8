"""How the live stream does with many browsers: delivery time, CPU and memory of the dashboard.

    python tests/browser/bench_live.py [--clients 200] [--seconds 20]

A value with its time is published fifty times a second; every client gets ten messages a second. The time
from publishing to arrival in the client holds the wait for the next tick (up to 100 ms) and the client's
own work, which shares the machine.
"""

import argparse
import asyncio
import http.cookies
import json
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import connect

# Reading every message in every client would measure the clients: these many do.
SAMPLED = 20
SCRIPT = Path(__file__).parent / "fake_platform.py"


def log_in(url: str, password: str, context: ssl.SSLContext) -> str:
    """The session's cookie."""
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())
    with opener.open(url + "login") as page:
        cookie = page.headers["Set-Cookie"].partition(";")[0]
        token = page.read().decode().split('name="form_token" value="')[1].split('"')[0]
    form = urllib.parse.urlencode({"user": "admin", "password": password, "form_token": token}).encode()
    headers = {"Cookie": cookie, "Origin": url.rstrip("/")}
    request = urllib.request.Request(url + "login", data=form, headers=headers)  # noqa: S310
    try:
        opener.open(request)
    except urllib.error.HTTPError as answer:
        jar = http.cookies.SimpleCookie()
        for line in answer.headers.get_all("Set-Cookie", []):
            jar.load(line)
        return f"__Host-session={jar['__Host-session'].value}"
    raise SystemExit("the login did not answer with a redirect")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Stay."""


async def follow(
    url: str, cookie: str, context: ssl.SSLContext, delays: list[float], counts: list[int], sampled: bool
) -> None:
    """One browser: note how old each value is when it arrives."""
    address = url.replace("https", "wss") + "live?channels=core,money"
    headers = {"Cookie": cookie}
    async with connect(
        address,
        ssl=context,
        additional_headers=headers,
        origin=url.rstrip("/"),
        max_size=None,
        compression=None,
    ) as socket:
        async for text in socket:
            counts[0] += 1
            if sampled:
                now = time.time() * 1000
                items = json.loads(text).get("items", [])
                delays.extend(now - data["ts_ms"] for kind, data in items if kind == "equity")


async def measure(told: dict[str, str], clients: int, seconds: float) -> dict[str, float]:
    """Connect, wait until all are there, measure."""
    context = ssl.create_default_context(cafile=str(Path(told["home"]) / "keys" / "ca.crt"))
    cookie = await asyncio.to_thread(log_in, told["url"], told["password"], context)
    dashboard = _dashboard(told["home"])
    before = dashboard.memory_info().rss
    delays: list[float] = []
    counts = [0]
    tasks = [
        asyncio.create_task(follow(told["url"], cookie, context, delays, counts, number < SAMPLED))
        for number in range(clients)
    ]
    await asyncio.sleep(max(5.0, clients / 40))
    delays.clear()
    counts[0] = 0
    busy, begun = sum(dashboard.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(seconds)
    spent = time.monotonic() - begun
    used = sum(dashboard.cpu_times()[:2]) - busy
    delays.sort()
    alive = sum(not task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "clients": alive,
        "messages_per_client_per_s": round(counts[0] / spent / clients, 2),
        "p50_ms": round(delays[len(delays) // 2], 1),
        "p99_ms": round(delays[len(delays) * 99 // 100], 1),
        "cpu_percent_of_a_core": round(used / spent * 100, 1),
        "rss_mb": round(dashboard.memory_info().rss / 1e6, 1),
        "kb_per_client": round((dashboard.memory_info().rss - before) / clients / 1000, 1),
    }


def _dashboard(home: str) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if home in words and any("cryptobot.dashboard.service" in word for word in words):
            return process
    raise SystemExit("there is no dashboard to measure")


def main() -> None:
    """Print a table of one line and JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(SCRIPT), f"{folder}/home"]
        platform = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert platform.stdin is not None
        assert platform.stdout is not None
        told = json.loads(platform.stdout.readline())
        platform.stdin.write("storm\n")
        platform.stdin.flush()
        platform.stdout.readline()
        try:
            result = asyncio.run(measure(told, options.clients, options.seconds))
        finally:
            platform.communicate("quit\n", timeout=30)
    print("  ".join(f"{name} {value}" for name, value in result.items()), file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
