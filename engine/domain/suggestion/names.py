"""What the names of fields say of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    r"source|channel|variable|signal|camera|(?<!user)(?<!user[_.-])agent|(?<![a-z])(ioa|casdu))$",
    re.IGNORECASE,
)
"""Of entities."""
PROCESS = re.compile(r"(^|_)p?pid$|^tid$", re.IGNORECASE)
"""Of processes and threads: they end in id, and name nothing that lasts."""
_END = r"([_.-]?((uu|gu)?id|name|key|number|no|nr))?$"
THING = re.compile(
    r"(device|device_?stream|sensor|machine|asset|host|node|meter|station|entity|thing|gateway|"
    r"equipment|camera|(?<!user)(?<!user[_.-])agent)([_.-]?((uu|gu)?id|name|key))?$",
    re.IGNORECASE,
)
"""Of things that send events: a fleet in one moment has another in each."""
_DEVICE = re.compile(
    r"(device|device_?stream|sensor|machine|asset|meter|station|entity|thing|equipment|vehicle|"
    r"vessel|camera|imei|"
    r"d?ev_?eui)" + _END,
    re.IGNORECASE,
)
"""Of what is measured: it stands before what it is connected to."""
_WORKLOAD = re.compile(
    r"(pod|container|application|app|service|job|dag|task|workflow|pipeline|project|repository|repo"
    r"|function|deployment)([_.-]?(id|name|key|full_name))?$",
    re.IGNORECASE,
)
"""Of what runs on a host: it stands before the host."""
_PERSON = re.compile(
    r"^(user|sender|actor|author|owner|committer|assignee|creator|triggered_?by)$"
    r"|(^|[_.-])(user_?(id|name)?|login|email|session_?(id)?)$|(?<=[a-z])(User|UserId|UserName)$",
    re.IGNORECASE,
)
"""Of people and what they do for a while: others come where nothing else is an entity."""
LABELS = re.compile(r"^(tags|labels|dimensions|stream|metric|attributes|resource)$", re.IGNORECASE)
"""Of objects of texts that name a series together."""
METRIC = re.compile(
    r"(^|[_.@ -])(metric|measure|measurement|parameter|param|variable|quantity|signal|property|"
    r"channel|register|obis|observable|observed_?property|characteristic|item|tag|point)([_.-]?(id|name|key))?$"
    r"|(?<=[a-z])(Metric|Measure|Measurement|Parameter|Variable|Quantity|Signal|Property|Channel|"
    r"DataItem)(Id|Name)?$|^dataItem(Id|Name)?$",
    re.IGNORECASE,
)
"""Of what a row has a value of: d1 temperature 21.5 and d1 humidity 50 are two entities."""
STEP = re.compile(r"^(task|step)(_?(id|name|key))?$|^(task|step)(Id|Name|Key)$", re.IGNORECASE)
"""Of parts of a job: each has a course of its own."""
VALUE = re.compile(r"(^|[_.@ -])(value|val|reading|v|amount)$|(?<=[a-z])Value$", re.IGNORECASE)
"""Of the only number of a row that says elsewhere of what it is."""
_PLACE = re.compile(r"^(lat|latitude|lon|lng|long|longitude)$", re.IGNORECASE)
_OF_PLACE = re.compile(
    r"^(alt|altitude|angle|direction|sats?|satellites|num_?sats?|[hpv]dop|accuracy|fix(_?type)?)$",
    re.IGNORECASE,
)
NUMBERED = re.compile(
    r"(^|[_.-])(number|no|nr|num|index|attempt|iid)$|(?<=[a-z])(Number|Nr|Index|Attempt)$",
    re.IGNORECASE,
)
"""Of numbers of runs and builds, if they grow by one."""
CHECK = re.compile(
    r"(check_?sum|crc_?[0-9]*|hash|sha_?[0-9]*|md5|digest|signature|etag|lsn)$", re.IGNORECASE
)
"""Of what is computed of a message: it repeats by chance."""
KIND_OF_CHANGE = re.compile(r"^_*(op|operation|verb|method|action|level|severity|priority)$", re.I)
"""Of what a message says, not of what it is about."""
_COUNTED = re.compile(
    r"(^|[_.@ -])(id|ids|[ae]?uid|login_?uid|e?gid|tty|pid|tid|port|seq|sequence|seqno|"
    r"[sS]equence_?[nN]umber|offset|qos|lsn|xid|partition|version|spec_?version|api_?version|ver|"
    r"schema|lat|latitude|lon|lng|"
    r"longitude|f_?cnt|f_?port|ioa|casdu|code|year|month|day|hour|minute|second|type|proto|protocol|mmsi|"
    r"heading|bearing|course|cog)$"
    r"|(?<=[a-z]) ?(Id|ID|Seq|Sequence|Version|Port|Code|Cnt|Type)$"
)
"""Of numbers that name something, count messages or say where it is: not of values."""
CALENDAR = re.compile(r"(^|[_.@ -])(year|month|day|hour|minute|second)$", re.IGNORECASE)
"""Of parts of a date if they are whole, and of amounts since one began if they are not."""
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


def thing_rank(path: Sequence[object]) -> int:
    """Return how likely a field names what events are about: of a device before its host.

    Below 0 are people, who others come before.
    """
    name, place = str(path[-1]), ".".join(map(str, path[-2:]))
    if any(_PERSON.search(str(step)) for step in path):
        return -1
    if _DEVICE.search(name) or _DEVICE.search(place):
        return 3
    if _WORKLOAD.search(name) or _WORKLOAD.search(place):
        return 2
    return 1 if THING.search(name) or THING.search(place) else 0


def is_place(name: str) -> bool:
    """Return whether a field is a latitude or a longitude by its name."""
    return _PLACE.search(name) is not None


def is_of_place(name: str) -> bool:
    """Return whether a field beside a latitude says more of the place, or how sure it is."""
    return _OF_PLACE.search(name) is not None


def is_amount(name: str) -> bool:
    """Return whether a field is an amount by its name: digits in a text are a number, not an id."""
    return any(names.search(name) for names in (_AMOUNT, _AMOUNT_IN_CAPITALS))


def is_counted(name: str) -> bool:
    """Return whether a number names something, counts messages or says where it is, by its name."""
    is_one_word = name.isupper() or name.istitle()
    return _COUNTED.search(name.lower() if is_one_word else name) is not None


def is_time(name: str) -> bool:
    """Return whether a field is a time by its name."""
    return any(names.search(name) for names in (_TIME, _TIME_IN_CAPITALS, _CHANGED))
