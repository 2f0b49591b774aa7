"""What the long scripts share: progress lines, and an end that leaves nothing running."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

# The wrappers in bash hand on how long they have been running, so that the progress lines count on.
_BEGAN = time.monotonic() - float(os.environ.get("STEP_SECONDS", "0"))


def step(text: str) -> None:
    """One progress line, in the form of scripts/lib.sh."""
    print(f"[{time.monotonic() - _BEGAN:4.0f}s] {text}", file=sys.stderr, flush=True)


def run_to_its_end(main: Callable[[], int]) -> NoReturn:
    """Ends the process with what `main` returns. SIGTERM, SIGHUP and Ctrl-C end it by way of the context managers.

    Ctrl-C too, where whoever started the process has it ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
