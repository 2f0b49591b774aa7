"""Envoy's memory while very many different keys come by, good and bad."""

import argparse
import json
import signal
import subprocess
import time
from pathlib import Path

from bench.soak.parts import Soaked
from bench.soak.report import Section
from harness.load import READ
from harness.progress import step

WORKERS = 2
THREADS = 2
CONNECTIONS = 48
_SCRIPT = Path(__file__).with_name("load.lua")
_SLOWEST_RATE = 200
"""Requests per second below which the measurement gives up."""


def _finished(soaked: Soaked) -> int:
    return sum(soaked.envoy.stats(r"^http\.mlflow\.downstream_rq_completed$").values())


def measure(wanted: argparse.Namespace, workdir: Path) -> Section:
    section = Section("memory", "Memory over very many keys")
    section.add(
        f"{wanted.keys:,} requests, each with another key, half of them valid and half unknown to the auth "
        f"service, on {CONNECTIONS} connections; {WORKERS} workers, that is {WORKERS + 2} VMs; "
        "`envoy.yaml`'s cache: 10,000 principals and as many refusals a VM, 4,096 shared slots; 256 callouts "
        "in flight a VM, since all come from one address. *RSS* is the resident"
        " memory of the Envoy process; *allocated* what Envoy's own allocator has "
        "given out, without the memory of the VMs."
    )
    rows = []
    longest = 60 + wanted.keys / _SLOWEST_RATE
    plugin = {"auth_service": {"max_in_flight": 256}}
    with Soaked(workdir, concurrency=WORKERS, plugin=plugin) as soaked:

        def note(count: int) -> None:
            rss, allocated = soaked.rss_mib(), soaked.allocated_mib()
            start = rows[0][1] if rows else rss
            rows.append((count, rss, rss - start, allocated))
            step(f"  {count:,} requests: RSS {rss:.1f} MiB, allocated {allocated:.1f} MiB")

        step(f"memory: {wanted.keys:,} keys")
        note(0)
        command = ["wrk", "--threads", str(THREADS), "--connections", str(CONNECTIONS)]
        command += ["--duration", f"{longest:.0f}s", "--timeout", "10s", "--script", str(_SCRIPT)]
        command.append(soaked.envoy.url + READ.target)
        with (workdir / "wrk.out").open("w+") as out:
            wrk = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
            try:
                following = step_size = max(1, wanted.keys // 10)
                while wrk.poll() is None:
                    time.sleep(0.1)
                    count = _finished(soaked)
                    if count >= wanted.keys:
                        # wrk knows only a duration. SIGINT ends it early, with its figures printed.
                        wrk.send_signal(signal.SIGINT)
                        wrk.wait(timeout=10)
                    elif count >= following:
                        note(count)
                        following += step_size
            finally:
                wrk.terminate()
                wrk.wait(timeout=10)
            out.seek(0)
            said = out.read()
        load = json.loads(said.strip().splitlines()[-1])
        time.sleep(1)
        note(_finished(soaked))
        stats = soaked.auth.stats()
        entries = sum(soaked.envoy.stats("mlflow_authz_cache_entries").values())
        statuses = soaked.envoy.stats(r"^http\.mlflow\.downstream_rq_[245]xx$")
    section.add_table(
        ("requests", "RSS MiB", "more than at the start", "allocated MiB"),
        [(f"{count:,}", f"{rss:.1f}", f"{more:.1f}", f"{own:.1f}") for count, rss, more, own in rows],
    )
    answers = ", ".join(f"{count:,} × {name.rpartition('_')[2]}" for name, count in statuses.items())
    section.add(
        f"{load['requests'] / load['seconds']:,.0f} requests/s; connections that failed or timed out: "
        f"{load['errors']}. Answers: {answers}. The auth service was asked {stats['validations']:,} times "
        f"about {stats['distinct_keys']:,} different keys, {stats['most_per_key']} time(s) at most about "
        f"one. Principals in the caches of all VMs at the end: {entries:,}."
    )
    return section
