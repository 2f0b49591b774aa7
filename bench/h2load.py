"""Sends load with h2load (Debian package nghttp2-client): HTTP/1.1 or HTTP/2, and every answer is waited for."""

import re
import subprocess

from bench.load import Request

_LONGEST_SECONDS = 120


def send(request: Request, url: str, count: int, connections: int, streams: int = 0) -> None:
    """Sends a request without a body `count` times, over HTTP/2 with so many streams a connection, or HTTP/1.1 with 0.

    Raises RuntimeError unless each is answered with a 2xx.
    """
    command = ["h2load", "--threads=1", f"--requests={count}", f"--clients={connections}"]
    command += [f"--max-concurrent-streams={streams}"] if streams else ["--h1"]
    for name, value in request.headers.items():
        command += ["--header", f"{name}: {value}"]
    ended = subprocess.run(
        [*command, url + request.target], capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=True
    )
    succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout", ended.stdout)
    status = re.search(r"^status codes: (\d+) 2xx", ended.stdout, re.MULTILINE)
    if not (succeeded and status and int(succeeded[1]) == int(status[1]) == count):
        raise RuntimeError(f"h2load did not get {count} answers with a 2xx:\n{ended.stdout}{ended.stderr}")
