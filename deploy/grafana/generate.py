"""Write the dashboards that are committed: `python -m deploy.grafana.generate`."""

import json
from pathlib import Path

from deploy.grafana.anomalies import ANOMALIES
from deploy.grafana.engine_room import ENGINE_ROOM
from deploy.grafana.entity import ENTITY
from deploy.grafana.fleet import FLEET
from deploy.grafana.panels import Dashboard
from deploy.grafana.pipeline import ONE_PIPELINE
from deploy.grafana.server import SERVER

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = (FLEET, ONE_PIPELINE, ANOMALIES, ENTITY, ENGINE_ROOM, SERVER)


def text(dashboard: Dashboard) -> str:
    """Return the file of a dashboard."""
    return json.dumps(dashboard.json(), indent=2, sort_keys=True) + "\n"


def generate(folder: Path) -> None:
    """Write the files of all dashboards into a folder."""
    folder.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (folder / f"{dashboard.uid}.json").write_text(text(dashboard))


if __name__ == "__main__":
    generate(FOLDER)
