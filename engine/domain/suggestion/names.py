"""What the names of fields say of them."""

from __future__ import annotations

import re

_UNIT = r"([_ ]?(utc|gmt|local|s|ms|us|ns|millis|nanos|seconds))?$"
_TIME = re.compile(
    r"(^|[_.@ -])(ts|time|timestamp|datetime|date|at|zeit|zeitpunkt|datum|epoch|when)" + _UNIT,
    re.IGNORECASE,
)
_TIME_IN_CAPITALS = re.compile(
    r"(?<=[a-z])(Time|Timestamp|TimeStamp|Date|DateTime|At|Ts)(UTC|Utc|Ms|Ns|S)?$"
)
DURATION = re.compile(r"[a-z][_. -]?time([_ ]?(s|ms|us|ns|sec|seconds|millis))?$", re.IGNORECASE)
"""Of times of something, such as request_time: how long it took, if they are small."""
_CHANGED = re.compile(r"(^|_)(last_?)?(updated|changed|seen|modified|reported)$", re.IGNORECASE)
ENTITY = re.compile(
    r"(id|key|name|sensor|device|machine|asset|host|hostname|entity|tag|node|meter|station|"
    r"instance|metric|topic|serial([_ -]?(number|no|nr))?|slave|eui|imei|imsi|mac|ip|addr|address|"
    r"source|channel|variable|signal)$",
    re.IGNORECASE,
)
"""Of entities."""
PROCESS = re.compile(r"(^|_)p?pid$|^tid$", re.IGNORECASE)
"""Of processes and threads: they end in id, and name nothing that lasts."""
THING = re.compile(
    r"(device|sensor|machine|asset|host|node|meter|station|entity|thing|gateway|equipment)"
    r"([_.-]?(id|name|key))?$",
    re.IGNORECASE,
)
"""Of things that send events: a fleet in one moment has another in each."""
LABELS = re.compile(r"^(tags|labels|dimensions|stream|metric|attributes|resource)$", re.IGNORECASE)
"""Of objects of texts that name a series together."""
_COUNTED = re.compile(
    r"(^|[_.@ -])(id|ids|uid|pid|tid|port|seq|sequence|seqno|[sS]equence_?[nN]umber|offset|qos|lsn|"
    r"xid|partition|version|ver|schema|lat|latitude|lon|lng|longitude|f_?cnt|f_?port|code|"
    r"year|month|day|hour|minute|second|type|proto|protocol|mmsi)$"
    r"|(?<=[a-z]) ?(Id|ID|Seq|Sequence|Version|Port|Code|Cnt|Type)$"
)
"""Of numbers that name something, count messages or say where it is: not of values."""
OWN_ID = re.compile(
    r"(^|[_.-])(uu|gu|event_?|message_?|msg_?|trace_?|span_?|request_?|transaction_?|correlation_?|"
    r"flow_?|tx_?|insert_?|invocation_?)id$|^e_?tag$",
    re.IGNORECASE,
)
"""Of ids of a message."""
UNIT = re.compile(r"(?<=[A-Za-z_])units?$|^b?ssid$|^time_?zone(_?abbreviation)?$", re.IGNORECASE)
"""Of units, such as TempUnit, of networks and of time zones: they repeat, and name no entity."""
CURRENCY = re.compile(r"(^|_)currency(_?code)?$|(?<=[a-z])Currency$", re.IGNORECASE)
"""Of what amounts of money are in."""
PASSED_ON = re.compile(
    r"(server|received?|receiv|ingest|process|stored|insert|arriv|gateway|generat|upload|publish|"
    r"enqueued)",
    re.IGNORECASE,
)
"""Of times at which an event was passed on: another time of it is nearer to what happened."""
_AMOUNTS = (
    "bytes?|size|count|total|rows?|length|ms|millis|seconds|duration|latency|elapsed|value|amount|"
    "temperature|temp|humidity|pressure|power|energy|voltage|current|speed|level|usage|percent|"
    "load|charge|runtime|frequency|rate|volume|weight|price|height|distance"
)
_AMOUNT = re.compile(rf"(^|[_.-])({_AMOUNTS})$", re.IGNORECASE)
_AMOUNT_IN_CAPITALS = re.compile(
    rf"(?<=[a-z0-9])({_AMOUNTS.title()}|M[Ss]ec|U[Ss]ec|Secs?|Ms)$|(?<!ip)[mu]?sec$"
)


def is_amount(name: str) -> bool:
    """Return whether a field is an amount by its name: digits in a text are a number, not an id."""
    return any(names.search(name) for names in (_AMOUNT, _AMOUNT_IN_CAPITALS))


def is_counted(name: str) -> bool:
    """Return whether a number names something, counts messages or says where it is, by its name."""
    return _COUNTED.search(name.lower() if name.isupper() else name) is not None


def is_time(name: str) -> bool:
    """Return whether a field is a time by its name."""
    return any(names.search(name) for names in (_TIME, _TIME_IN_CAPITALS, _CHANGED))
