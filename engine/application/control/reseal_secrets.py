"""Encrypts the secrets of the store with the newest key."""

from __future__ import annotations

from dataclasses import replace

from engine.application.control.caller import SYSTEM
from engine.application.control.recording import record
from engine.application.control.secret_box import SecretBox
from engine.application.control_ports import Store


def reseal_secrets(store: Store, box: SecretBox, now: int) -> int:
    """Encrypt secrets of older keys again; return their number.

    Raises:
        FatalError: no key decrypts a secret.
    """
    with store.reading() as work:
        stored = work.secrets.all("")
    opened = {one.name: box.open(one.name, one.sealed) for one in stored}
    if all(box.is_current(one.sealed) for one in stored):
        return 0
    with store.writing() as work:
        older = [
            one
            for one in work.secrets.all("")
            if one.name in opened and not box.is_current(one.sealed)
        ]
        for one in older:
            sealed = box.seal(one.name, box.open(one.name, one.sealed))
            work.secrets.put(replace(one, sealed=sealed))
        record(work, SYSTEM, now, "secrets.reseal", "store", None, {"secrets": len(older)})
    return len(older)
