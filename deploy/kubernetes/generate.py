"""Writes the PrometheusRule out of deploy/prometheus: `python -m deploy.kubernetes.generate`."""

from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
RULES = FOLDER.parent / "prometheus" / "rules"
TARGET = FOLDER / "monitoring" / "prometheusrule.yaml"

HEADER = "# Generated from deploy/prometheus/rules: python -m deploy.kubernetes.generate\n"


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def prometheus_rule() -> str:
    """Return the manifest that holds the rules of all files, in the files' order."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "pynomaly", "labels": {"app.kubernetes.io/name": "pynomaly"}},
        "spec": {"groups": [group for file in files for group in file["groups"]]},
    }
    return HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=100)


if __name__ == "__main__":
    TARGET.write_text(prometheus_rule())
