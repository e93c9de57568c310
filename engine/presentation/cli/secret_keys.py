"""The keys that encrypt secrets of the store: from a file, the environment, or made at first."""

from __future__ import annotations

import os
from pathlib import Path

from engine.application.control.secret_box import SecretBox
from engine.application.key_ring import keys_of, new_key
from engine.domain.errors import FatalError
from engine.presentation.cli.control_store import OWN_KEY_FILE, SECRET_KEY
from engine.presentation.cli.output import current_redactor


def secret_box(directory: Path, file: Path | None) -> SecretBox:
    """Return what encrypts secrets of the store.

    Args:
        directory: of the server, where a key is made unless one is given.
        file: of the option.

    Raises:
        FatalError: a key cannot be read, or is none.
    """
    given = os.environ.get(SECRET_KEY, "")
    if given and file is not None:
        raise FatalError(f"--secret-key-file and {SECRET_KEY} are both given: give one")
    text = given or _read(file or _made(directory / OWN_KEY_FILE))
    current_redactor().learn(text.replace(",", " ").split())
    return SecretBox(keys_of(text))


def _made(file: Path) -> Path:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file
    with os.fdopen(descriptor, "w") as made:
        made.write(new_key() + "\n")
        made.flush()
        os.fsync(made.fileno())
    return file


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise FatalError(f"{file} with the secret key cannot be read: {error}") from None
