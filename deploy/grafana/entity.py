"""One entity: its incidents, and what was strange about each; for users of the PostgreSQL sink."""

from deploy.grafana.panels import Dashboard, entry
from deploy.grafana.store import STORES, StorePanel, rows_of

ENTITIES = """\
SELECT key FROM ${table} WHERE $__timeFilter(time) GROUP BY key ORDER BY max(time) DESC LIMIT 1000
"""
OF_ENTITY = "FROM ${table} WHERE key = ${entity:sqlstring} AND $__timeFilter(time)"
VALUES = "CROSS JOIN LATERAL jsonb_array_elements(record->'values') AS value"
SEVERITIES = "ARRAY['minor', 'major', 'critical']"

INCIDENTS = f"""\
SELECT
  min(time) AS "opened",
  max(time) AS "last anomaly",
  count(*) AS "anomalies",
  ({SEVERITIES})[max(array_position({SEVERITIES}, record->>'severity'))] AS "severity",
  min((record->>'p_value')::float8) AS "smallest p-value",
  mode() WITHIN GROUP (ORDER BY strongest) AS "most anomalous value",
  record->>'incident' AS "incident"
FROM (
  SELECT time, record, (
    SELECT value->>'name' FROM jsonb_array_elements(record->'values') AS value
    ORDER BY (value->>'contribution')::float8 DESC LIMIT 1
  ) AS strongest
  {OF_ENTITY}
) AS anomalies
GROUP BY record->>'incident'
ORDER BY 1 DESC
LIMIT 200
"""

RARITY = f"""\
SELECT time, record->>'severity' AS metric, (record->>'score')::float8 AS score
{OF_ENTITY}
ORDER BY time
"""

DEVIATIONS = f"""\
SELECT time, value->>'name' AS metric, (value->>'contribution')::float8 AS share
FROM ${{table}} {VALUES}
WHERE key = ${{entity:sqlstring}} AND $__timeFilter(time)
ORDER BY time
"""

EACH = f"""\
SELECT
  time,
  record->>'severity' AS "severity",
  (record->>'p_value')::float8 AS "p-value",
  value->>'name' AS "value",
  (value->>'value')::float8 AS "was",
  (value->>'expected_low')::float8 AS "expected from",
  (value->>'expected_high')::float8 AS "to",
  (value->>'contribution')::float8 AS "share of the deviation",
  record->>'trace_id' AS "trace"
FROM ${{table}} {VALUES}
WHERE key = ${{entity:sqlstring}} AND $__timeFilter(time)
ORDER BY time DESC, 8 DESC
LIMIT 500
"""

OTHERS = """\
SELECT
  key AS "entity",
  count(DISTINCT record->>'incident') AS "incidents",
  count(*) AS "anomalies",
  min((record->>'p_value')::float8) AS "smallest p-value",
  max(time) AS "last anomaly"
FROM ${table} WHERE $__timeFilter(time)
GROUP BY key
ORDER BY 2 DESC, 3 DESC
LIMIT 100
"""

ENTITY = Dashboard(
    "entity",
    "one entity's incidents",
    {
        "One entity": [
            StorePanel("Incidents", INCIDENTS),
            StorePanel(
                "How rare",
                RARITY,
                "timeseries",
                width=12,
                text="A tenth for each power of ten of the p-value: 0.5 is one in 100,000.",
            ),
            StorePanel(
                "What deviated",
                DEVIATIONS,
                "timeseries",
                "percentunit",
                width=12,
                text="Each value's share of the deviation.",
            ),
            StorePanel("Anomalies, value by value", EACH),
        ],
        "All entities": [StorePanel("Most incidents", OTHERS)],
    },
    [rows_of("entity", "Entity", ENTITIES), entry("table", "Table", "pynomaly_anomalies")],
    STORES,
)
