"""`pynomaly schema`: the JSON Schema of a pipeline file."""

from __future__ import annotations

import json

from engine.application.spec.schema import json_schema


def schema() -> None:
    """Print the JSON Schema of a pipeline file, for editors to complete and check it.

    Begin the file with `# yaml-language-server: $schema=pipeline.schema.json`.
    """
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
