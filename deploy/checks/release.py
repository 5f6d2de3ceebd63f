"""The files of the release archive, as deploy/release-files lists them: none names a file or folder that is not in it.

Sources (`crates/…`, `tests/…` and the like) may be named in words, as what they are, and not as links.
"""

import os
import re
from pathlib import Path

from .common import want

LIST = "deploy/release-files"
MISTAKES = [
    (LIST, "deploy/systemd\n", ""),
    (LIST, "docs\n", "docs/MAPPING.md\n"),
    (LIST, "LICENSE\n", "LICENCE\n"),
    ("docs/METRICS.md", "](../deploy/grafana/dashboard.json)", "](../deploy/grafana/board.json)"),
    ("docs/GUARANTEES.md", "](OPERATIONS.md#", "](../crates/OPERATIONS.md#"),
    ("README.md", "`deploy/nats`", "`deploy/static`"),
]


def check(root):
    shipped = set()
    for name in (root / LIST).read_text().split():
        place = root / name
        want(place.exists(), f"{LIST} names {name}, which is not there")
        shipped |= {file.relative_to(root) for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()}
    known = shipped | {folder for file in shipped for folder in file.parents}
    for file in sorted(shipped):
        text = (root / file).read_text()
        links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if file.suffix == ".md" else []
        named = [Path(os.path.normpath(file.parent / link)) for link in links if "://" not in link and ":" not in link]
        # A sentence may end behind a path.
        named += [Path(path.rstrip(".")) for path in re.findall(r"(?<![\w/.-])(?:docs|deploy)/[\w./@-]+", text)]
        missing = sorted({str(path) for path in named if path not in known})
        want(not missing, f"{file} names {', '.join(missing)}, which the release archive does not have: {LIST}")
