"""Replays generated records with the built command, and prints how fast and in how much memory."""

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from harness import paths, records

# Stricter than what the records were decided under: nobody deletes, contributors no longer promote.
CANDIDATE = {
    "auth_service": {"cluster": "auth_service"},
    "mounts": ["/api/mlflow"],
    "scopes": {
        "model:write": [
            "run:read",
            "run:write",
            "registered_model:read",
            "registered_model:write",
            "model_version:read",
        ],
        "mlflow:write": ["*:read", "*:write"],
    },
}


def replay(config: Path, file: Path, *more: str) -> tuple[float, float, int]:
    """Seconds of CPU time, seconds of the clock, and the most memory it had, in KiB."""
    began = time.monotonic()
    command = [str(paths.cli()), "replay", "--config", str(config), "--format", "json", *more, str(file)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory = 0
    while True:
        # Not ru_maxrss: that counts this process, from between fork and exec.
        text = Path(f"/proc/{child.pid}/status").read_text()
        if peak := re.search(r"VmHWM:\s+(\d+)", text):
            memory = max(memory, int(peak[1]))
        done, status, usage = os.wait4(child.pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"replay failed with status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--keys", type=int, nargs="+", default=[2_000, 1_000_000])
    parser.add_argument("--html", type=Path, help="write the last report there")
    options = parser.parse_args()
    print("| records | keys at most | file | CPU seconds | records a CPU second | clock | peak memory |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "candidate.json"
        config.write_text(json.dumps(CANDIDATE))
        for keys in options.keys:
            for count in options.counts:
                file = Path(folder) / "audit.log"
                with file.open("w") as out:
                    records.write(out, count, keys)
                more = ["--html", str(options.html)] if options.html else []
                runs = [replay(config, file, *more) for _ in range(3)]
                cpu, clock, memory = min(runs)[0], min(run[1] for run in runs), max(run[2] for run in runs)
                size = file.stat().st_size / 1e6
                print(
                    f"| {count:,} | {keys:,} | {size:.0f} MB | {cpu:.2f} | {count / cpu:,.0f} "
                    f"| {clock:.2f} s | {memory / 1024:.1f} MiB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
