"""What must be true of a commit before it is released: each finding says what is wrong and what to do."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Semantic Versioning 2.0, without build metadata.
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?")
HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


@dataclass(frozen=True)
class Version:
    """A version; a pre-release counts as its release, which is enough to compare steps."""

    major: int
    minor: int
    patch: int

    @classmethod
    def of(cls, text: str) -> "Version | None":
        found = SEMVER.fullmatch(text)
        return cls(int(found[1]), int(found[2]), int(found[3])) if found else None

    def breaks_with(self, older: "Version") -> bool:
        """Does the step from `older` allow breaking changes? Before 1.0 a minor version may break."""
        if self.major != older.major:
            return self.major > older.major
        return self.major == 0 and self.minor > older.minor

    def comes_after(self, older: "Version") -> bool:
        return (self.major, self.minor, self.patch) > (older.major, older.minor, older.patch)


def sections(changelog: str) -> dict[str, tuple[str | None, str]]:
    """Each version's date and text, in the order of the file."""
    found = list(HEADING.finditer(changelog))
    ends = [each.start() for each in found[1:]] + [len(changelog)]
    return {each[1]: (each[2], changelog[each.end() : end].strip()) for each, end in zip(found, ends, strict=True)}


def workspace_version(manifest: str) -> str:
    """`version` of [workspace.package]."""
    table = re.search(r"^\[workspace\.package\]\n(.*?)(?=^\[)", manifest, re.MULTILINE | re.DOTALL)
    version = table and re.search(r'^version = "([^"]+)"', table[1], re.MULTILINE)
    return version[1] if version else ""


def locked_versions(lock: str) -> set[str]:
    """The versions that Cargo.lock has for the packages of this workspace, which have no source."""
    return {
        found[1]
        for package in lock.split("[[package]]")[1:]
        if "\nsource = " not in package and (found := re.search(r'^version = "([^"]+)"', package, re.MULTILINE))
    }


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def latest_released(root: Path, version: str) -> str | None:
    """The newest released version in this commit's history other than `version`."""
    tags = git(root, "tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname").splitlines()
    released = [tag[1:] for tag in tags if SEMVER.fullmatch(tag[1:]) and tag[1:] != version]
    return released[0] if released else None


def findings(root: Path, version: str) -> list[str]:
    """Why `version` must not be released from the commit that is checked out in `root`."""
    wanted = Version.of(version)
    if wanted is None:
        return [f'"{version}" is not a version: write MAJOR.MINOR.PATCH, such as 0.2.0']
    return [
        *_of_manifests(root, version),
        *_of_changelog((root / "CHANGELOG.md").read_text(), version, wanted, latest_released(root, version)),
        *_of_tree(root, version),
    ]


def _of_manifests(root: Path, version: str) -> list[str]:
    found = []
    declared = workspace_version((root / "Cargo.toml").read_text())
    if declared != version:
        found.append(f'Cargo.toml: [workspace.package] has version "{declared}"; write "{version}"')
    if version not in locked_versions((root / "Cargo.lock").read_text()):
        found.append(f"Cargo.lock: no package of the workspace has version {version}; run cargo check")
    return found


def _of_changelog(text: str, version: str, wanted: Version, before: str | None) -> list[str]:
    found = []
    parts = sections(text)
    if parts.get("Unreleased", (None, ""))[1]:
        found.append(f"CHANGELOG.md: [Unreleased] has entries; move them below ## [{version}] - YYYY-MM-DD")
    date, body = parts.get(version, (None, ""))
    if not body:
        found.append(f"CHANGELOG.md: ## [{version}] is missing or empty; write what changes for users")
    elif date is None:
        found.append(f"CHANGELOG.md: ## [{version}] has no date; write ## [{version}] - YYYY-MM-DD")
    older = Version.of(before) if before else None
    if older is None:
        return found
    if not wanted.comes_after(older):
        found.append(f"{version} does not come after {before}, which is released; choose a higher version")
    elif "**Breaking" in body and not wanted.breaks_with(older):
        found.append(
            f"CHANGELOG.md: [{version}] has breaking changes, which a step from {before} may not have; "
            f"release {older.major}.{older.minor + 1}.0 or {older.major + 1}.0.0"
        )
    return found


def _of_tree(root: Path, version: str) -> list[str]:
    found = []
    if git(root, "status", "--porcelain"):
        found.append("the work tree has changes that are not committed; commit them or put them away")
    if git(root, "tag", "--list", f"v{version}"):
        tagged = git(root, "rev-list", "--max-count=1", f"v{version}")
        if tagged != git(root, "rev-parse", "HEAD"):
            found.append(f"the tag v{version} names another commit, {tagged[:12]}; a released version never changes")
    return found
