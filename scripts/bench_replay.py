"""Replays generated records with the built command, and prints how fast and in how much memory."""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.dont_write_bytecode = True

from harness import paths, records  # noqa: E402

# Stricter than what the records were decided under: nobody deletes, contributors no longer promote.
CANDIDATE = {
    "auth_service": {"cluster": "auth_service"},
    "mounts": ["/api/mlflow"],
    "scopes": {
        "model:write": ["run:read", "run:write", "registered_model:read", "registered_model:write", "model_version:read"],
        "mlflow:write": ["*:read", "*:write"],
    },
}


def replay(config: Path, file: Path, *more: str) -> tuple[float, int]:
    """Seconds, and the most memory it had, in KiB."""
    began = time.monotonic()
    command = [str(paths.cli()), "replay", "--config", str(config), "--format", "json", *more, str(file)]
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"replay failed with status {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, usage.ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--keys", type=int, nargs="+", default=[2_000, 1_000_000])
    parser.add_argument("--html", type=Path, help="write the last report there")
    options = parser.parse_args()
    print("| records | keys at most | file | seconds | records/s | peak memory |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "candidate.json"
        config.write_text(json.dumps(CANDIDATE))
        for keys in options.keys:
            for count in options.counts:
                file = Path(folder) / "audit.log"
                with file.open("w") as out:
                    records.write(out, count, keys)
                more = ["--html", str(options.html)] if options.html else []
                seconds, memory = min(replay(config, file, *more) for _ in range(3))
                size = file.stat().st_size / 1e6
                print(
                    f"| {count:,} | {keys:,} | {size:.0f} MB | {seconds:.2f} | {count / seconds:,.0f} | {memory / 1024:.1f} MiB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
