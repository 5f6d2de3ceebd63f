"""The compose file: by the schema of the Compose specification, and by what a schema does not see."""

from collections import Counter

import yaml

from .common import SECRETS, Wrong, run, version, want

COMPOSE = "deploy/compose/compose.yaml"
REPLICAS = {"nats": 3, "ingest": 2, "projector": 2, "front-writer": 3, "reader": 2}
MISTAKES = [
    (COMPOSE, "stop_grace_period: 30s", "stop_grace_time: 30s"),
    (COMPOSE, "stop_grace_period: 30s", "stop_grace_period: 20s"),
    (COMPOSE, "calltrail-simulator:0.1.0", "calltrail-simulator:0.0.9"),
    (COMPOSE, "read_only: true", "read_only: false"),
    (COMPOSE, "[ingest-2:/var/lib/calltrail]", "[ingest-1:/var/lib/calltrail]"),
    (COMPOSE, "{ source: operator, target: nkey }", "{ source: operators, target: nkey }"),
    (COMPOSE, "secrets: [front_api_token, ", "secrets: [front_api_token, aircall_api_token, "),
    (COMPOSE, "0.0.0.0:8083", "0.0.0.0:8082"),
    (COMPOSE, "0.0.0.0:8084", "0.0.0.0:8083"),
    (COMPOSE, "{ source: reader, target: nkey }", "{ source: front-writer, target: nkey }"),
    (COMPOSE, "  reader-2: {}\n", ""),
    (COMPOSE, "  front-writer-3: {}\n", "  front-writer-3: {}\n  front-writer-4: {}\n"),
    (COMPOSE, "file: haproxy.cfg", "file: haproxy.conf"),
    ("deploy/compose/haproxy.cfg", "balance roundrobin", "balance by-turns"),
]


def check(root):
    path = root / COMPOSE
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path))
    run("haproxy", "-c", "-q", "-f", str(path.parent / "haproxy.cfg"))
    compose = yaml.safe_load(path.read_text())
    services = compose["services"]
    for role, replicas in REPLICAS.items():
        found = [name for name in services if name.rstrip("0123456789") == f"{role}-"]
        want(len(found) == replicas, f"there are {len(found)} of {role}, not {replicas}")
    for name, service in services.items():
        check_contained(name, service)
        ours = service["image"].startswith("calltrail")
        want(not ours or service["image"].endswith(f":{version(root)}"), f"{name} is {service['image']}")
    for name, service in services.items():
        check_secrets(name, service)
    check_names(compose, services)
    check_own(services)
    for name, config in compose["configs"].items():
        file = path.parent / config["file"]
        want(file.exists() or file.parent.name == "secrets", f"the config {name} is no file: {file}")


def check_contained(name, service):
    want(service.get("read_only") and service.get("cap_drop") == ["ALL"], f"{name} may write or has rights")
    stays = service.get("restart") == "unless-stopped" and service["image"].startswith("calltrail:")
    if stays:
        wait = int(service["stop_grace_period"].rstrip("s"))
        want(wait >= 30, f"{name} gets {wait} s to stop; it takes up to 25 s")


def check_secrets(name, service):
    role = name.rstrip("0123456789").rstrip("-")
    if role not in SECRETS:
        return
    own = {entry.replace("_", "-") for entry in service["secrets"] if isinstance(entry, str)}
    want(own == SECRETS[role], f"{name} has {sorted(own)}, and needs {sorted(SECRETS[role])}")


def check_names(compose, services):
    """Whatever is named is declared, and the other way round."""
    for kind in ["volumes", "configs", "secrets"]:
        entries = [entry for service in services.values() for entry in service.get(kind, [])]
        names = {entry["source"] if isinstance(entry, dict) else entry.split(":")[0] for entry in entries}
        names = {name for name in names if not name.startswith(".")}
        want(names == set(compose[kind]), f"{kind}: {sorted(names ^ set(compose[kind]))}, only named or only declared")
    for name, service in services.items():
        others = set(service.get("depends_on", {}))
        others |= {service["network_mode"].split(":")[1]} if ":" in service.get("network_mode", "") else set()
        if unknown := others - set(services):
            raise Wrong(f"{name} needs {unknown}, which is no service")


def check_own(services):
    """What two processes must not share: a folder, and a port of the network that they share."""
    volumes = Counter(entry.split(":")[0] for service in services.values() for entry in service.get("volumes", []))
    shared = [name for name, uses in volumes.items() if uses > 1 and not name.startswith(".")]
    want(not shared, f"several processes on one volume: {shared}")
    beside = [service for service in services.values() if service.get("network_mode") == "service:simulator"]
    listeners = {service["environment"]["CALLTRAIL__HTTP__OPERATOR_LISTEN"] for service in beside}
    want(len(listeners) == len(beside), f"{len(beside)} processes beside the simulator share {len(listeners)} listeners")
