"""The units, by systemd itself. It is not asked to run them: that needs a machine that systemd has started."""

import re
import tempfile
from pathlib import Path

from .common import run, want

FOLDER = "deploy/systemd"
# An instance stands for its template.
UNITS = {"calltrail.service": "calltrail.service", "calltrail@.service": "calltrail@ingest.service",
         "nats-server.service": "nats-server.service"}
# Of 100; a service without any hardening has 96.
EXPOSURE_MAX = 20
MISTAKES = [
    (f"{FOLDER}/calltrail.service", "RestartSec=1", "RestartSeconds=1"),
    (f"{FOLDER}/calltrail@.service", "TimeoutStopSec=30", "TimeoutStopSec=20"),
    (f"{FOLDER}/calltrail@.service", "LoadCredential=", "LoadCredentials="),
    (f"{FOLDER}/calltrail@.service", "ProtectSystem=strict\n", ""),
    (f"{FOLDER}/calltrail.service", "CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_NET_ADMIN\n"),
]


def check(root):
    texts = {unit: (root / FOLDER / unit).read_text() for unit in UNITS}
    with tempfile.TemporaryDirectory() as folder:
        for unit, name in UNITS.items():
            # The programs are not installed on the machine that checks.
            text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", texts[unit], flags=re.M)
            (Path(folder) / unit).write_text(text)
        for unit, name in UNITS.items():
            run("systemd-analyze", "verify", "--man=no", f"{folder}/{name}", quiet=True)
            run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", f"{folder}/{unit}")
    hardening = {unit: text.partition("\nCapabilityBoundingSet=")[2] for unit, text in texts.items()}
    for unit in UNITS:
        want(hardening[unit] == hardening["calltrail.service"], f"{unit} is hardened otherwise than calltrail.service")
        wait = int(re.search(r"^TimeoutStopSec=(\d+)$", texts[unit], re.M)[1])
        want(wait >= 30, f"{unit} gets {wait} s to stop; it takes up to 25 s")
