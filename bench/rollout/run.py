"""Plays the rollout story and prints and writes what was counted; see scripts/rollout.

Exits with status 1 if a request failed, or was decided otherwise than its step says.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from bench.rollout.story import (
    SETTLED,
    WAYS,
    WORKERS,
    StepCount,
    Story,
    callers,
    play,
    stands_at,
    undeserved,
)
from bench.soak.report import load_average, machine, table
from harness import paths
from harness.mlflow_server import MlflowServer
from harness.progress import run_to_its_end, step

REPORT = paths.ROOT / "docs" / "benchmarks" / "rollout.md"

_INTRODUCTION = """# A rollout under load

    scripts/rollout                 a minute or so; writes this page

A real Envoy with `envoy/envoy.yaml`, a real `mlflow server`, and the stand-in auth service. Each step is a
new file in the place of the one that Envoy watches, while requests go on. {people} callers take turns to
read and to write: {kinds}.

The readers' writes, and all that comes without a valid key, are what enforcement refuses. *Allowed*: what
the caller's key is good for. *Would deny*: let through, and recorded with the reason that it is going to be
refused for. *Failed*: connection errors, answers of Envoy's own, 5xx, and any answer that the caller's key
never deserves. *Callers refused*: of those who tried something that enforcement refuses, a second after
the change or later. Callouts after the first step are about keys that are not valid (asked about again
every 5 s) and about those whose 60 s are nearly over.
"""


def by_reason(counted: Counter[str]) -> str:
    total = sum(counted.values())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counted.most_common())
    return f"{total:,} ({reasons})" if total else "0"


def rows(story: Story) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for count in story.counts:
        refused, spared = count.refused_callers, count.let_through_callers
        found.append(
            (
                count.step.title,
                f"{len(count.sent):,}",
                f"{count.allowed:,}",
                by_reason(count.would_deny),
                by_reason(count.denied),
                f"{len(refused)} of {len(refused | spared)}",
                count.callouts,
                f"{count.slowest * 1000:.0f}",
                len(count.failed),
            )
        )
    return found


HEAD = (
    "step",
    "requests",
    "allowed",
    "would deny",
    "denied",
    "callers refused",
    "callouts",
    "slowest ms",
    "failed",
)


def complaints(story: Story) -> list[str]:
    """What is not as the steps say."""
    failed = Counter(
        f"{count.step.title}: {s.caller.kind} {s.operation.name}: {s.verdict}: {s.status} {s.reason}"
        for count in story.counts
        for s in count.failed
    )
    found = [f"{what} ({times} times)" for what, times in failed.most_common(20)]
    for count in story.counts:
        found += [
            f"{count.step.title}: {s.caller.kind}, percent {stands_at(s.caller)}, got {s.status} {s.reason}"
            for s in count.misjudged[:5]
        ]
    let_through = sum(sum(count.would_deny.values()) for count in story.counts)
    if not let_through == story.metrics["would_deny"] == story.shadow_denials:
        found.append(
            f"clients saw {let_through} requests let through that enforcement refuses; the filter counted "
            f"{story.metrics['would_deny']:.0f} as would_deny and {story.shadow_denials:.0f} shadow denials"
        )
    denied = sum(sum(count.denied.values()) for count in story.counts)
    if denied != story.metrics["deny"]:
        found.append(f"clients saw {denied} denials, the filter counted {story.metrics['deny']:.0f}")
    return found


def text(story: Story, way: str, began: str, load_at_begin: float) -> str:
    """The whole page."""
    counts = Counter(caller.kind for caller in callers())
    kinds = (
        f"{counts['reader']} whose keys may read, {counts['writer']} whose keys may do both, "
        f"{counts['invalid']} whose keys are not valid, and {counts['keyless']} without a key"
    )
    requests = sum(len(count.sent) for count in story.counts)
    failed = sum(len(count.failed) for count in story.counts)
    ten = next(count for count in story.counts if count.step.title == "10 %")
    return "\n\n".join(
        [
            _INTRODUCTION.format(people=len(callers()), kinds=kinds).strip(),
            f"{began}; load average {load_at_begin:.1f} at the beginning, {load_average():.1f} at the end. "
            f"{WORKERS} workers; files changed by {way.upper()}.",
            table(HEAD, rows(story)),
            f"{requests:,} requests, 3 changes, **{failed} failed**. From {SETTLED:g} s after each change on, "
            f"every request was decided by the new step: at 10 % the {len(ten.refused_callers)} callers whose "
            "key id's hash is below 10 were refused each time, and nobody else; who has no valid key counts as "
            "the last percent. What the clients saw let through and refused is what the filter counted: "
            f"{story.metrics['would_deny']:,.0f} `would_deny` (and as many `mlflow_authz_shadow_denials`), "
            f"{story.metrics['deny']:,.0f} `deny`.",
        ]
    )


def tell(count: StepCount) -> None:
    """One line about a step."""
    step(
        f"{count.step.title:9} {len(count.sent):6} requests  would deny "
        f"{sum(1 for s in count.sent if s.status == 200 and undeserved(s)):5}  denied "
        f"{sum(count.denied.values()):5}  callers refused {len(count.refused_callers):3}  callouts "
        f"{count.callouts:3}  failed {len(count.failed)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--by", choices=WAYS, default="ecds", help="how the files reach Envoy")
    parser.add_argument("--seconds", type=float, default=15, help="the length of each step")
    parser.add_argument("--print", action="store_true", help="do not touch the report")
    wanted = parser.parse_args()
    began, load_at_begin = machine(paths.wasm_module()), load_average()
    with tempfile.TemporaryDirectory(prefix="mlflow-authz-rollout-") as folder:
        step("starting the MLflow server (some ten seconds)")
        with MlflowServer(Path(folder)) as server:
            step(f"playing {wanted.seconds:g} s of each step")
            story = play(Path(folder), server.address, wanted.by, wanted.seconds, tell)
    page = text(story, wanted.by, began, load_at_begin)
    wrong = complaints(story)
    print(table(HEAD, rows(story)))
    for line in wrong:
        print(f"not as expected: {line}")
    if wrong:
        return 1
    if not wanted.print:
        REPORT.write_text(page + "\n")
        step(f"wrote {REPORT.relative_to(paths.ROOT)}")
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
