"""What stands around Envoy under load: an auth service that dies and returns, Envoy's memory."""

import os
import signal
from pathlib import Path
from typing import Any

from . import keys
from .auth_service import AuthService
from .envoy import Envoy
from .load import ANY_READER


class LoadAuthService(AuthService):
    """Knows the given keys, and every key with the prefix `ANY_READER` as a reader's."""

    def __init__(self, entries: list[keys.Key], workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._entries = entries
        options = ["--any-key-prefix", ANY_READER, "--any-key-scopes", "model:read"]
        super().__init__(entries, workdir, options=options)

    def kill(self) -> None:
        """Ends it as a crash does."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.stop()

    def start(self) -> None:
        """Starts it again, at the address it had."""
        self._start(self._entries)

    def forget(self) -> None:
        """Counts anew."""
        self._call("DELETE", "/stats")

    def order(self, **wanted: Any) -> None:
        """Orders these faults and no others, until others are ordered."""
        self._call("PUT", "/faults", wanted)


def rss_mib(envoy: Envoy) -> float:
    """Resident memory of Envoy (proc(5), VmRSS)."""
    status = Path(f"/proc/{envoy.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
