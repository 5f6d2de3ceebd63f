"""The alerts: by promtool, with a test of each; and what they name is served and written about."""

import yaml

from .common import metrics, run, unknown_metrics, want

ALERTS = "deploy/prometheus/alerts.yaml"
TESTS = "deploy/prometheus/alerts.test.yaml"
MISTAKES = [
    (ALERTS, "expr: calltrail_ready == 0", "expr: calltrail_ready = 0"),
    (ALERTS, "expr: calltrail_ready == 0", "expr: calltrail_ready == 1"),
    (ALERTS, "calltrail_spool_oldest_seconds", "calltrail_spool_age_seconds"),
    (ALERTS, "min by (account) (calltrail_webhook_good) == 0", "min by (account) (calltrail_webhook_good) == 1"),
    (ALERTS, "calltrail_calls_missed_total[1h])) > 0", "calltrail_calls_missed_total[1h])) > 3"),
    (ALERTS, "alert: CalltrailBacklog", "alert: CalltrailQueue"),
    ("docs/OPERATIONS.md", "### Alert: CalltrailBacklog", "### The backlog"),
    ("docs/METRICS.md", "| `calltrail_ready`", "| `calltrail_is_ready`"),
]


def check(root):
    run("promtool", "check", "rules", str(root / ALERTS))
    rules = yaml.safe_load((root / ALERTS).read_text())["groups"][0]["rules"]
    unknown = unknown_metrics(root, [rule["expr"] for rule in rules])
    want(not unknown, f"nobody serves {unknown}: docs/METRICS.md has {len(metrics(root))} metrics")
    tested = (root / TESTS).read_text()
    pages = (root / "docs/OPERATIONS.md").read_text().splitlines()
    for rule in rules:
        name, notes = rule["alert"], rule["annotations"]
        want(f'alertname="{name}"' in tested, f"{name} has no test in {TESTS}")
        want(notes["runbook"] == f"docs/OPERATIONS.md#alert-{name.lower()}", f"{name}: {notes['runbook']}")
        want(f"### Alert: {name}" in pages, f"docs/OPERATIONS.md has no section `### Alert: {name}`")
        want(rule["labels"]["severity"] in ["critical", "warning"], f"{name} has no severity that is known")
        want(notes["summary"] and notes["description"], f"{name} says nothing")
    run("promtool", "test", "rules", str(root / TESTS))
