"""What the checks share."""

import re
import shutil
import subprocess
from pathlib import Path


# What each role needs besides its own key (`Role::needs`), as docs/SECURITY.md says.
SECRETS = {
    "ingest": {"aircall-webhook-token", "front-signing-key"},
    "projector": set(),
    "front-writer": {"front-api-token"},
    "reader": {"aircall-api-id", "aircall-api-token"},
    "streams": set(),
}


class Wrong(Exception):
    """What is wrong, for people."""


def want(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def run(*words, quiet=False, **options):
    """What the program printed. With `quiet`, a program that says anything has found something."""
    want(shutil.which(words[0]), f"there is no {words[0]} here: .ci/tools installs it")
    ran = subprocess.run(words, capture_output=True, text=True, timeout=300, **options)
    said = ran.stdout + ran.stderr
    want(ran.returncode == 0, f"{' '.join(map(str, words))}\n{said}")
    want(not (quiet and said.strip()), said)
    return ran.stdout


def version(root: Path):
    """That of the workspace."""
    return re.search(r'^version = "(.*)"', (root / "Cargo.toml").read_text(), re.M)[1]


def metrics(root: Path):
    """The names of docs/METRICS.md, which a test compares with what is served."""
    return set(re.findall(r"^\| `(calltrail_\w+)`", (root / "docs/METRICS.md").read_text(), re.M))


def unknown_metrics(root: Path, expressions):
    """What the expressions name and nobody serves."""
    named = {name for text in expressions for name in re.findall(r"\bcalltrail_\w+", text)}
    return sorted(named - metrics(root))
