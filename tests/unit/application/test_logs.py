import json
import logging
import sys

from engine.application.logs import JsonLines, set_up_logs


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("pynomaly.x", logging.WARNING, "f", 1, message, (), info)


def test_a_line_is_json_with_who_and_what() -> None:
    line = json.loads(JsonLines("plant", "0").format(record("hot")))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "pynomaly.x",
        "message": "hot",
        "pipeline": "plant",
        "process": "0",
    }


def test_an_exception_stays_on_its_line() -> None:
    text = JsonLines("plant", "0").format(record("bad", ValueError("why")))
    assert "\n" not in text
    assert "ValueError: why" in json.loads(text)["exception"]


def test_text_is_for_terminals_and_json_for_the_rest(capsys, monkeypatch) -> None:
    before = logging.root.handlers[:], logging.root.level
    try:
        set_up_logs("auto", "plant", "1")
        logging.getLogger("pynomaly.t").info("one")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        set_up_logs("auto", "plant", "1")
        logging.getLogger("pynomaly.t").info("two")
    finally:
        logging.root.handlers[:], level = before
        logging.root.setLevel(level)
    first, second = capsys.readouterr().err.splitlines()
    assert json.loads(first)["message"] == "one"
    assert second.endswith("plant[1] two")
