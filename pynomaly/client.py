"""A client of the REST API of `pynomaly serve`; extra `client`.

from pynomaly.client import Client

with Client("https://pynomaly.example", token) as client:
    for incident in client.incidents(status="open"):
        client.handle_incident(incident["id"], "acknowledge", revision=incident["revision"])
"""

from __future__ import annotations

from engine.application.remote.client import Client
from engine.application.remote.documents import (
    Comment,
    Control,
    Dataset,
    Incident,
    NewToken,
    Pipeline,
    Run,
    Token,
    User,
)
from engine.application.remote.errors import RemoteError

__all__ = [
    "Client",
    "Comment",
    "Control",
    "Dataset",
    "Incident",
    "NewToken",
    "Pipeline",
    "RemoteError",
    "Run",
    "Token",
    "User",
]
