"""Expressions of PromQL about all pipelines, held to one."""

from __future__ import annotations

import json
import re

SELECTOR = re.compile(r"\b(?P<name>up|(?:pipeline:)?pynomaly_[a-z0-9_:]+)(?P<braces>\{[^}]*\})?")


def of_pipeline(expression: str, pipeline: str) -> str:
    """Return an expression in which every selector of ours is held to a pipeline.

    `up` gets it from the label that /targets gives to the pages of a pipeline.
    """
    matcher = f"pipeline={json.dumps(pipeline, ensure_ascii=False)}"

    def held(found: re.Match[str]) -> str:
        given = (found["braces"] or "{}")[1:-1].strip(", ")
        matchers = [matcher] if found["name"] == "up" or not given else [given, matcher]
        return f"{found['name']}{{{','.join(matchers)}}}"

    return SELECTOR.sub(held, expression)
