"""The machine that a report was measured on."""

from pathlib import Path


def cpu() -> str:
    """Its model, as the kernel names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
