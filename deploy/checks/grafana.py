"""The dashboard: every expression by promtool, every metric in the served list, every panel in a place of its own."""

import itertools
import json
import re
import tempfile

from .common import metrics, run, unknown_metrics, want

DASHBOARD = "deploy/grafana/dashboard.json"
MISTAKES = [
    (DASHBOARD, "sum by (answer) (", "sum by (answer (("),
    (DASHBOARD, "calltrail_calls_waiting", "calltrail_calls_that_wait"),
    (DASHBOARD, '"id": 7,', '"id": 6,'),
    (DASHBOARD, '"title": "Calltrail"', '"title": "Calltrail",,'),
]


def check(root):
    try:
        dashboard = json.loads((root / DASHBOARD).read_text())
    except json.JSONDecodeError as error:
        want(False, f"{DASHBOARD}: {error}")
    panels = dashboard["panels"]
    numbers = [panel["id"] for panel in panels]
    want(len(set(numbers)) == len(numbers), "two panels have one id")
    for one, other in itertools.combinations([panel["gridPos"] | {"title": panel["title"]} for panel in panels], 2):
        apart = (one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
                 or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"])
        want(apart, f"{one['title']} lies on {other['title']}")
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    unknown = unknown_metrics(root, expressions + [variable["query"] for variable in dashboard["templating"]["list"]])
    want(not unknown, f"nobody serves {unknown}: docs/METRICS.md has {len(metrics(root))} metrics")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as rules:
        # What Grafana fills in.
        filled = [re.sub(r"\$account", ".*", text.replace("$__rate_interval", "5m")) for text in expressions]
        entries = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(filled)]
        json.dump({"groups": [{"name": "dashboard", "rules": entries}]}, rules)
        rules.flush()
        run("promtool", "check", "rules", rules.name)
