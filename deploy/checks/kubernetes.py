"""The Kubernetes manifests: built by kustomize, by the schemas of Kubernetes, and by what schemas do not see."""

import tempfile

import yaml

from .common import SECRETS, Wrong, run, version, want

FOLDER = "deploy/kubernetes"
REPLICAS = {"ingest": 2, "projector": 2, "front-writer": 3, "reader": 2}
# Who speaks to Front and Aircall.
OUTSIDE = {"front-writer", "reader"}
MISTAKES = [
    (f"{FOLDER}/kustomization.yaml", "  - projector.yaml\n", ""),
    (f"{FOLDER}/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.0.9"),
    (f"{FOLDER}/every-role.yaml", "periodSeconds: 10", "periodSecond: 10"),
    (f"{FOLDER}/every-role.yaml", "path: /health/live", "path: /health/alive"),
    (f"{FOLDER}/every-pod.yaml", "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 25"),
    (f"{FOLDER}/every-pod.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    (f"{FOLDER}/ingest.yaml", "key: ingest.nk", "key: operator.nk"),
    (f"{FOLDER}/ingest.yaml", "key: front-signing-key", "key: front-api-token"),
    (f"{FOLDER}/front-writer.yaml", "  maxUnavailable: 1\n  selector:\n    matchLabels: { app.kubernetes.io/component: front-writer }",
     "  maxUnavailable: 1\n  selector:\n    matchLabels: { app.kubernetes.io/component: writer }"),
    (f"{FOLDER}/reader.yaml", "key: reader.nk", "key: front-writer.nk"),
    (f"{FOLDER}/network-policies.yaml", "app.kubernetes.io/component: ingest", "app.kubernetes.io/component: receiver"),
    (f"{FOLDER}/network-policies.yaml", "values: [front-writer, reader]", "values: [front-writer]"),
    (f"{FOLDER}/network-policies.yaml", "values: [front-writer, reader]", "values: [front-writer, reader, readers]"),
    (f"{FOLDER}/ingress.yaml", "name: ingest", "name: receiver"),
    ("deploy/nats/values.yaml", "sync_interval: always", "sync_interval: 2m"),
]


def check(root):
    text = run("kubectl", "kustomize", str(root / FOLDER))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as built:
        built.write(text)
        built.flush()
        run("kubernetes-validate", "--strict", built.name)
    by_kind = {}
    for entry in yaml.safe_load_all(text):
        by_kind.setdefault(entry["kind"], []).append(entry)
    roles = by_kind.get("StatefulSet", []) + by_kind.get("Deployment", [])
    found = {role["metadata"]["name"]: role["spec"]["replicas"] for role in roles}
    want(found == REPLICAS, f"there are {found}, not {REPLICAS}")
    for workload in roles + by_kind["Job"]:
        check_pod(workload)
        [container] = workload["spec"]["template"]["spec"]["containers"]
        want(container["image"].endswith(f"/calltrail:{version(root)}"), f"the image is {container['image']}")
    for role in roles:
        check_probes(role)
    check_selectors(by_kind, [role["spec"]["template"]["metadata"]["labels"] for role in roles])
    values = yaml.safe_load((root / "deploy/nats/values.yaml").read_text())["config"]
    synced = values["jetstream"]["merge"]["sync_interval"] == "always"
    want(synced and values["cluster"]["replicas"] == 3, "NATS would not keep three copies, synced")


def check_pod(workload):
    name, pod = workload["metadata"]["name"], workload["spec"]["template"]["spec"]
    [container] = pod["containers"]
    own = container["securityContext"]
    contained = pod["securityContext"]["runAsNonRoot"] and own["readOnlyRootFilesystem"]
    want(contained and own["capabilities"]["drop"] == ["ALL"], f"{name} may write or has rights")
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    wait = pod["terminationGracePeriodSeconds"] - pause
    want(wait >= 30, f"{name} gets {wait} s to stop; it takes up to 25 s")
    volumes = {volume["name"] for volume in pod["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    want(mounts == volumes, f"{name}: {sorted(mounts ^ volumes)}, only mounted or only declared")
    role = container["args"][0]
    key = "operator" if role == "streams" else role
    keys = [item["key"] for volume in pod["volumes"] if "projected" in volume
             for source in volume["projected"]["sources"] for item in source["secret"].get("items", [])]
    whole = [source["secret"]["name"] for volume in pod["volumes"] if "projected" in volume
             for source in volume["projected"]["sources"] if "items" not in source["secret"]]
    want(not whole, f"{name} has all of {whole}, and needs some of it")
    want(set(keys) == SECRETS[role] | {f"{key}.nk"}, f"{name} has {sorted(keys)}, not its own alone")


def check_probes(role):
    [container] = role["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe, path in [("readinessProbe", "/health/ready"), ("livenessProbe", "/health/live")]:
        asked = container[probe]["httpGet"]
        right = asked["path"] == path and ports.get(asked["port"]) == 8081
        want(right, f"{role['metadata']['name']}: the {probe} asks {asked}")


def check_selectors(by_kind, pods):
    """Whatever selects pods finds some, every role has a budget, and what an ingress names is there."""
    def selects(labels):
        return any(labels.items() <= pod.items() for pod in pods)

    for budget in by_kind["PodDisruptionBudget"]:
        labels = budget["spec"]["selector"]["matchLabels"]
        want(selects(labels), f"the disruption budget {budget['metadata']['name']} is for no pod: {labels}")
    want(len(by_kind["PodDisruptionBudget"]) == len(pods), "a role has no disruption budget")
    for service in by_kind["Service"]:
        want(selects(service["spec"]["selector"]), f"the service {service['metadata']['name']} has no pods")
    outside = set()
    for policy in by_kind["NetworkPolicy"]:
        for labels in selected(policy["spec"]["podSelector"]):
            is_nats = labels == {"app.kubernetes.io/name": "nats"}
            want(is_nats or selects(labels), f"the network policy {policy['metadata']['name']} is for no pod: {labels}")
            if any("ipBlock" in to for rule in policy["spec"].get("egress", []) for to in rule["to"]):
                outside.add(labels.get("app.kubernetes.io/component"))
    want(outside == OUTSIDE, f"{sorted(map(str, outside))} may speak to the outside, not {sorted(OUTSIDE)}")
    services = {service["metadata"]["name"] for service in by_kind["Service"]}
    for rule in [rule for ingress in by_kind["Ingress"] for rule in ingress["spec"]["rules"]]:
        for path in rule["http"]["paths"]:
            if (name := path["backend"]["service"]["name"]) not in services:
                raise Wrong(f"the ingress leads to {name}, which is no service")


def selected(selector):
    """The labels that a selector wants: one set for each value of an `In`."""
    sets = [selector.get("matchLabels", {})]
    for wanted in selector.get("matchExpressions", []):
        want(wanted["operator"] == "In", f"the checks do not know the operator {wanted['operator']}")
        sets = [labels | {wanted["key"]: value} for labels in sets for value in wanted["values"]]
    return sets
