"""The compose file's site, as processes of this machine: its configuration, its load balancer, its three nats-servers with the
keys and accounts that Calltrail makes, two ingests, two projectors, three front-writers, two readers and the simulator. One
of each role is killed while the calls come in, and the day is read from Aircall again; in the end Front has every call once.
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .common import Wrong, metrics, run, want
from .nats import Cluster, free_ports

COMPOSE = "deploy/compose"
PROJECT = Path(__file__).resolve().parents[2]
# The day of the simulator: webhooks, repeats included, and what they become in Front.
WEBHOOKS, ACTIVITIES, CONVERSATIONS = 86, 23, 6
DAY_S_MAX = 90
# What the killed writer had begun is in doubt for up to 90 s (its claim lapses after 30 s, and a comment is looked for during
# 60 s more, docs/OPERATIONS.md); the party's other calls follow after that.
SETTLE_S_MAX = 90 + 60
STOP_S_MAX = 25
# Gone while nothing is wrong, where a token is configured, or where the log is on NATS.
NOT_ALWAYS_SERVED = {"calltrail_operator_condition_seconds", "calltrail_webhook_token_trouble", "calltrail_disk_short"}
ROLES = {"ingest": 2, "projector": 2, "front-writer": 3, "reader": 2}
MISTAKES = [
    (f"{COMPOSE}/calltrail.toml", 'backend = "jetstream"', 'backends = "jetstream"'),
    (f"{COMPOSE}/calltrail.toml", "manage = false", "manage = no"),
    (f"{COMPOSE}/haproxy.cfg", "GET /health/ready", "GET /health/well"),
]


def check(root):
    # With the features of the tests, which have built both already.
    run("cargo", "build", "--quiet", "--locked", "-p", "calltrail", "-p", "calltrail-simulator", "-p", "calltrail-tests",
        "--bin", "calltrail", "--bin", "calltrail-simulator", "--test", "calltrail-tests", cwd=PROJECT)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        Site(root, Path(folder), ends).check()


class Site:
    """Ports and folders are this machine's; everything else is what compose mounts."""

    def __init__(self, root, folder, ends):
        self.root, self.folder, self.ends = root, folder, ends
        self.programs = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "debug"
        self.front, self.aircall, self.webhooks, self.operator, self.entry, self.health = free_ports(6)
        self.processes, self.waiting, self.ledger = {}, [], {}

    def check(self):
        calltrail = str(self.programs / "calltrail")
        run(calltrail, "streams", "keys", "--out", str(self.folder / "keys"))
        accounts = run(calltrail, "streams", "permissions", "--keys", str(self.folder / "keys"))
        self.cluster = self.ends.enter_context(
            Cluster(self.root, self.folder / "nats", "three.conf", 3, accounts=accounts))
        self.cluster.leader(of=3)
        self.ends.callback(self.kill_all)
        self.configure()
        run(calltrail, "streams", "apply", env=self.environment("operator"), cwd=self.folder)
        self.start_roles()
        self.start("balancer", ["haproxy", "-f", str(self.folder / "haproxy.cfg")], dict(os.environ))
        self.start("simulator", [str(self.programs / "calltrail-simulator"), "--front", f"127.0.0.1:{self.front}",
                                 "--aircall", f"127.0.0.1:{self.aircall}",
                                 "--webhooks", f"http://127.0.0.1:{self.entry}/webhooks/demo"], dict(os.environ))
        self.until(DAY_S_MAX, "nobody takes webhooks", lambda: "the simulator is up" in self.said("simulator"))
        time.sleep(2)
        for name in ["ingest-1", "projector-1", "front-writer-1", "reader-1"]:
            self.processes.pop(name).kill()
        self.until(DAY_S_MAX, "the day does not end", lambda: "the day is over" in self.said("simulator"))
        # What the killed ingest had answered 200 is on its disk.
        self.start_roles()
        want(f"delivered: {WEBHOOKS}" in self.said("simulator"), self.said("simulator"))
        self.read_again()
        self.until(SETTLE_S_MAX, "Front does not have every call", self.is_settled)
        self.check_front()
        self.check_refusal()
        self.check_metrics()
        self.check_stop()

    def configure(self):
        """The mounted files, with this machine's addresses in place of the network's."""
        toml = (self.root / COMPOSE / "calltrail.toml").read_text()
        for name, port in zip(self.cluster.names, self.cluster.clients):
            toml = toml.replace(f"nats://{name}:4222", f"nats://127.0.0.1:{port}")
        toml = toml.replace("127.0.0.1:9001", f"127.0.0.1:{self.front}")
        toml = toml.replace("127.0.0.1:9002", f"127.0.0.1:{self.aircall}")
        # The values that compose.yaml's first lines put into the files.
        head = (self.root / COMPOSE / "compose.yaml").read_text()
        for value, name in re.findall(r"printf (\S+) >secrets/(\S+)", head):
            (self.folder / name).write_text(value)
        (self.folder / "calltrail.toml").write_text(toml.replace("/run/secrets", str(self.folder)))
        balancer = (self.root / COMPOSE / "haproxy.cfg").read_text()
        balancer = balancer.replace("bind :8080", f"bind 127.0.0.1:{self.entry}").replace("8404", str(self.health))
        balancer = balancer.replace("port 8081", f"port {self.operator}")
        for name, address in self.addresses("ingest"):
            balancer = balancer.replace(f"{name}:8080", f"{address}:{self.webhooks}")
        (self.folder / "haproxy.cfg").write_text(balancer)

    def addresses(self, role):
        """Each process has an address of its own on loopback, as each container has one."""
        first = 10 * (1 + list(ROLES).index(role))
        return [(f"{role}-{number}", f"127.0.0.{first + number}") for number in range(1, ROLES[role] + 1)]

    def environment(self, role):
        # Where compose mounts the key of the role.
        key = self.folder / "keys" / f"{role}.nk"
        return dict(os.environ) | {"CALLTRAIL_CONFIG": str(self.folder / "calltrail.toml"),
                                   "CALLTRAIL__LOG__JETSTREAM__NKEY_SEED__FILE": str(key)}

    def start_roles(self):
        for role in ROLES:
            for name, address in self.addresses(role):
                if name not in self.processes:
                    words = [str(self.programs / "calltrail"), role, "--path", str(self.folder / name),
                             "--listen", f"{address}:{self.webhooks}", "--operator-listen", f"{address}:{self.operator}"]
                    self.start(name, words, self.environment(role))

    def start(self, name, words, environment):
        log = (self.folder / f"{name}.log").open("a")
        self.processes[name] = subprocess.Popen(words, env=environment, cwd=self.folder, stdout=log, stderr=log)

    def read_again(self):
        """The day, whenever its calls are: their times are of today's morning and after."""
        name, today = "reader-2", datetime.now(timezone.utc).date()
        said = run(str(self.programs / "calltrail"), "backfill", "--path", str(self.folder / name), "--format", "json",
                   "--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=2)),
                   env=self.environment("reader"), cwd=self.folder)
        job = json.loads(said)
        want(job["state"] == "done" and job["read"] > 0, f"the day was not read: {said}")

    def said(self, name):
        text = (self.folder / f"{name}.log").read_text()
        return re.sub(r"\x1b\[[0-9;]*m", "", text)

    def kill_all(self):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def until(self, seconds, otherwise, holds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            want(not ended, f"{ended} ended: {[self.said(name)[-2000:] for name in ended]}")
            with contextlib.suppress(OSError):
                if holds():
                    return
            time.sleep(0.5)
        lines = {name: self.said(name).splitlines()[-1:] for name in self.processes}
        raise Wrong(f"{otherwise} within {seconds} s: {self.waiting}\n{json.dumps(lines, indent=1)}")

    def asked(self, url):
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()

    def served(self, role):
        return {name: self.asked(f"http://{address}:{self.operator}/metrics") for name, address in self.addresses(role)}

    def is_settled(self):
        """Nothing waits in a spool, for a decision or for Front."""
        lines = [f"{name}: {line}" for role in ROLES for name, text in self.served(role).items()
                 for line in text.splitlines()
                 if re.match(r"calltrail_(spool_records|calls_waiting|effects_pending)\b", line)]
        self.waiting = [line for line in lines if float(line.split()[-1])] + [f"{len(self.messages())} in Front"]
        return len(lines) >= 2 + 2 * 2 and len(self.waiting) == 1

    def messages(self):
        self.ledger = json.loads(self.asked(f"http://127.0.0.1:{self.front}/_sim/ledger"))
        return [message["external_id"] for row in self.ledger["conversations"] for message in row["messages"]]

    def check_front(self):
        messages = self.messages()
        twice = {each for each in messages if messages.count(each) > 1}
        want(not twice, f"twice in Front: {sorted(twice)}")
        found = (len(messages), len(self.ledger["conversations"]))
        want(found == (ACTIVITIES, CONVERSATIONS), f"{found[0]} activities in {found[1]} conversations")
        refused = [request for request in self.ledger["requests"] if request["status"] == 429]
        want(not refused, f"{len(refused)} requests were too many")

    def check_refusal(self):
        """What has no good token is refused through the load balancer too."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.entry}/webhooks/demo/aircall", data=b"{}",
                                         headers={"content-type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=5)
            raise Wrong("a webhook without a token was taken")
        except urllib.error.HTTPError as answer:
            want(answer.code in (400, 401), f"a webhook without a token was answered {answer.code}")

    def check_metrics(self):
        """What the roles serve is what docs/METRICS.md has."""
        texts = [text for role in ROLES for text in self.served(role).values()]
        served = {name for text in texts for name in re.findall(r"^(calltrail_\w+)", text, re.M)}
        differ = (served ^ metrics(self.root)) - NOT_ALWAYS_SERVED
        want(not differ, f"served or in docs/METRICS.md, and not both: {sorted(differ)}")

    def check_stop(self):
        """Every role leaves in less than the time that the supervisors give it."""
        roles = [self.processes[name] for role in ROLES for name, _ in self.addresses(role)]
        for process in roles:
            process.terminate()
        for process in roles:
            try:
                want(process.wait(timeout=STOP_S_MAX) == 0, f"a role ended with {process.returncode}")
            except subprocess.TimeoutExpired:
                raise Wrong(f"a role does not leave within {STOP_S_MAX} s")
