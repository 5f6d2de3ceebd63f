"""The configurations of nats-server: read by the real server, and run: one, and three that choose a leader and lose it."""

import contextlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from .common import Wrong, run, want

FOLDER = "deploy/nats"
# Any account: the real ones are made by `calltrail streams permissions`, and have tests of their own.
ACCOUNTS = 'accounts { any: { jetstream: enabled, users: [{ user: "somebody", password: "something" }] } }\n'
PATIENCE_S = 30
MISTAKES = [
    (f"{FOLDER}/server.conf", "sync_interval: always", "sync_interval: \"2m\""),
    (f"{FOLDER}/server.conf", "max_payload: 1MB", "max_payload: much"),
    (f"{FOLDER}/server.conf", "#   verify: true", "#   verify: perhaps"),
    (f"{FOLDER}/one.conf", 'http: "127.0.0.1:8222"', 'http: "0.0.0.0:8222"'),
    (f"{FOLDER}/one.conf", 'include "server.conf"', 'include "servers.conf"'),
    (f"{FOLDER}/three.conf", 'include "server.conf"', ""),
]


def check(root):
    for name in ["one.conf", "three.conf"]:
        text = (root / FOLDER / name).read_text()
        want(re.search(r'^http: "127\.0\.0\.1:', text, re.M), f"{name}: the monitoring port is open to others")
    with tempfile.TemporaryDirectory() as folder:
        check_tls(root, Path(folder) / "tls")
        with Cluster(root, Path(folder) / "one", "one.conf", 1) as cluster:
            cluster.check_store()
        with Cluster(root, Path(folder) / "three", "three.conf", 3) as cluster:
            cluster.check_store()
            leader = cluster.leader(of=3)
            cluster.stop(leader)
            want(cluster.leader(of=3) != leader, f"{leader} is gone and still leads")


def check_tls(root, folder):
    """The commented TLS sections, taken in and read by the server, with certificates made here."""
    copy(root, folder)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nats-1", "-days", "1",
        "-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt"))
    shutil.copy(folder / "server.crt", folder / "ca.crt")
    for name in ["one.conf", "three.conf", "server.conf"]:
        text = (folder / name).read_text()
        section = re.compile(r"^( *)# tls \{\n(?:\1#.*\n)*?\1# \}\n", re.M)
        text = section.sub(lambda found: re.sub(r"^( *)# ?", r"\1", found[0], flags=re.M), text)
        want(name == "one.conf" or "\ntls {" in text or "\n  tls {" in text, f"{name} has no section on TLS")
        (folder / name).write_text(text.replace("/etc/nats/tls", str(folder)))
    for name in ["one.conf", "three.conf"]:
        run("nats-server", "-t", "-c", str(folder / name), env=environment("nats-1"))


class Cluster:
    """Servers of one configuration on this machine: their ports and stores are the only difference."""

    def __init__(self, root, folder, configuration, size, accounts=ACCOUNTS):
        self.names = [f"nats-{number}" for number in range(1, size + 1)]
        self.monitors = dict(zip(self.names, free_ports(size)))
        self.running = {}
        self.clients = free_ports(size)
        routes = free_ports(size)
        for name, route, client in zip(self.names, routes, self.clients):
            copy(root, folder / name)
            (folder / name / "accounts.conf").write_text(accounts)
            server = folder / name / "server.conf"
            server.write_text(server.read_text().replace("/var/lib/nats", str(folder / name / "store")))
            words = ["nats-server", "-c", str(folder / name / configuration), "-a", "127.0.0.1", "-p", str(client),
                     "-m", str(self.monitors[name])]
            if size > 1:
                words += ["--cluster", f"nats://127.0.0.1:{route}"]
                words += ["--routes", ",".join(f"nats://127.0.0.1:{port}" for port in routes)]
            run(*words, "-t", env=environment(name))
            log = (folder / name / "log").open("w")
            self.running[name] = subprocess.Popen(words, env=environment(name), stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self.running):
            self.stop(name)

    def stop(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def asked(self, name):
        """What the server says of its JetStream, once it answers."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.monitors[name]}/jsz", timeout=2) as answer:
                    return json.load(answer)
            except (urllib.error.URLError, OSError):
                want(self.running[name].poll() is None, f"{name} has ended")
                time.sleep(0.1)
        raise Wrong(f"{name} does not answer within {PATIENCE_S} s")

    def check_store(self):
        for name in self.running:
            said = self.asked(name).get("config", {})
            want(said.get("sync_always"), f"{name} does not sync what it acknowledges")
            want(said.get("max_storage") == 16 << 30, f"{name} may store {said.get('max_storage')} bytes")

    def leader(self, of):
        """The one that all that run name as the leader."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            said = [self.asked(name).get("meta_cluster", {}) for name in self.running]
            leaders = {each.get("leader") for each in said}
            if len(leaders) == 1 and leaders <= set(self.running) and all(each["cluster_size"] == of for each in said):
                return leaders.pop()
            time.sleep(0.1)
        raise Wrong(f"no leader of {of} within {PATIENCE_S} s: {said}")


def copy(root, folder):
    shutil.copytree(root / FOLDER, folder)
    (folder / "accounts.conf").write_text(ACCOUNTS)


def environment(name):
    return {"PATH": os.environ["PATH"], "NATS_NAME": name}


def free_ports(count):
    """Below those that the machine gives to connections, so that none of them takes one before its server does."""
    free = []
    for port in random.sample(range(20_000, 32_000), 50 * count):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            free.append(port)
        if len(free) == count:
            return free
    raise Wrong(f"no {count} ports are free")
