"""Ends what a harness left behind when it died without cleaning up.

`processes.py` starts this file as a process of its own and holds a pipe to it. The end of the pipe means
that the harness is gone, whatever killed it; the watchdog then ends every process the harness started.
Such a process is known by an environment variable that it and its descendants inherit, or by the session
it was started in (some servers overwrite their environment). Run by path, so: standard library only.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "MLFLOW_AUTHZ_HARNESS"


def living(mark: str, sessions: set[int], variable: str = MARK) -> list[int]:
    """Process ids in whose environment `variable` begins with `mark`, or which are in one of the sessions."""
    wanted = f"{variable}={mark}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            # "pid (command) state ppid pgrp session …": the command may hold anything, so cut after it.
            stat = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # Gone in the meantime, or another user's.
        marked = any(entry.startswith(wanted) for entry in environment)
        if stat[0] not in "ZX" and (marked or int(stat[3]) in sessions):
            found.append(int(process.name))
    return found


def end(mark: str, sessions: set[int], grace: float, variable: str = MARK) -> None:
    """Ends these processes: SIGTERM, and SIGKILL for those left after `grace` seconds."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for pid in living(mark, sessions, variable):
            with suppress(ProcessLookupError):
                os.kill(pid, sent)
        deadline = time.monotonic() + grace
        while living(mark, sessions, variable):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return


def main(mark: str) -> None:
    """Reads `+SESSION` and `-SESSION` lines until the harness is gone, then ends what is left."""
    sessions: set[int] = set()
    for line in sys.stdin:
        (sessions.add if line[0] == "+" else sessions.discard)(int(line[1:]))
    end(mark, sessions, grace=3)


if __name__ == "__main__":
    main(sys.argv[1])
