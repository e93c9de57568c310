"""Secrets, searched for in all that the command line emits: not a piece of one may be found."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import signal
import string
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.e2e.test_pipeline import PYNOMALY, messages, wait_for
from tests.support.commands import run_command
from tests.support.http_receiver import SECRET, Receiver
from tests.support.kafka_settings import free_port
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.postgres_server import PASSWORD, PostgresServer

LONG = "".join(random.Random(4).choices(string.ascii_letters, k=300))
SECRETS = {
    "KAFKA_PASSWORD": "it's \"special\\chars'\" $pelled {oddly}: #hash %40 ähnlich",
    "KEY_PASSPHRASE": LONG,
    "NUMBER_PASSWORD": "735291846027364519",
    "EXPONENT_TOKEN": "8264915735e2",
    "BRACKET_SECRET": "path.of[bracketed.hush",
    "METRICS_PASSWORD": "metrics-page-hush",
    "WEBHOOK_SECRET": SECRET,
    "HOOK_TOKEN": "hK7-qvZ2xw0Lm9-hush",
    "POSTGRES_PASSWORD": PASSWORD,
    "URL_PASSWORD": "hunter2-in-a-url",
    "URL_TOKEN": "T0-B0-tok3n-of-a-path",
    "REFUSED_PASSWORD": "hush-refused-pw-77",
    "OTLP_AUTHORIZATION": "Bearer tR4ces-hush-91",
}
IN_FILES = {"one": "hush-out-of-a-file", "pem": "-----FIRST hush-line-----\nAsecondHushLine9\n"}
PIECE, DIGITS = 8, 10
"""Length of what counts as a piece of a secret; of digits more, for some may stand so by chance."""


def pieces(secret: str) -> set[bytes]:
    """Return what must not be found: all pieces of a secret, plain and encoded."""
    forms = {secret, quote(secret), base64.b64encode(f"prometheus:{secret}".encode()).decode()[16:]}
    if secret[0] in string.digits:
        forms |= {str(float(secret)), str(int(float(secret)))}
    found = set()
    for form in forms:
        size = DIGITS if form.strip(string.digits + ".") == "" else PIECE
        found |= {form[n : n + size] for n in range(max(1, len(form) - size + 1))}
    return {piece.encode() for piece in found} | {secret.encode()}


ALL = {
    name: pieces(secret) for name, secret in (SECRETS | IN_FILES).items() if "\n" not in secret
} | {f"pem {n}": pieces(line) for n, line in enumerate(IN_FILES["pem"].split())}


def leaks(emitted: bytes) -> list[tuple[str, bytes]]:
    """Return the name of each secret of which there is a piece, with the piece."""
    return sorted((name, piece) for name, some in ALL.items() for piece in some if piece in emitted)


def no_leak(*emitted: bytes) -> None:
    for each in emitted:
        assert leaks(each) == [], each.decode(errors="replace")


def files(folder: Path) -> Iterator[bytes]:
    """Yield names and contents of all files below a folder."""
    # A running pipeline removes folders meanwhile, at which `rglob` fails.
    found = [Path(at) / name for at, _, names in os.walk(folder) for name in names]
    assert found
    for path in found:
        yield path.name.encode()
        if path.is_file():
            with suppress(FileNotFoundError):
                yield path.read_bytes()


def environment() -> dict[str, str]:
    return os.environ | SECRETS


def pynomaly(*words: object, folder: Path) -> tuple[int, str]:
    """Run a command to its end and search its output; return exit code and standard error."""
    ended = run_command(*words, folder=folder, environ=environment())
    no_leak(ended.stdout.encode(), ended.stderr.encode())
    return ended.returncode, ended.stderr


KAFKA = """\
name: p
source:
  kafka:
    brokers: 127.0.0.1:1
    topic: t
    settings:
      security.protocol: sasl_plaintext
      sasl.mechanism: PLAIN
      sasl.username: bob
      sasl.password: ${KAFKA_PASSWORD}
      ssl.key.password: ${KEY_PASSPHRASE}
      ssl.key.pem: ${file:pem}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temp]}
sinks:
  anomalies:
    kafka: {topic: o, brokers: "127.0.0.1:1", settings: {sasl.password: "${NUMBER_PASSWORD}"}}
  scores: {kafka: {topic: s, settings: {sasl.password: "${EXPONENT_TOKEN}"}}}
  dead_letters: {kafka: {topic: d, settings: {sasl.password: "${file:one}"}}}
metrics:
  port: 9464
  basic_auth: {user: prometheus, password: "${METRICS_PASSWORD}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in IN_FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def write(folder: Path, *changes: tuple[str, str], text: str = KAFKA) -> Path:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = folder / "p.yaml"
    file.write_text(text.replace("port: 9464", f"port: {free_port()}"))
    return file


def test_the_search_finds_a_piece_however_it_is_encoded() -> None:
    for name, secret in SECRETS.items():
        assert name in dict(leaks(f"a {secret} b".encode()))
        assert name in dict(leaks(json.dumps(secret).encode()))
        assert name in dict(leaks(repr(secret).encode()))

    assert "METRICS_PASSWORD" in dict(leaks(base64.b64encode(b"prometheus:metrics-page-hush")))
    assert "EXPONENT_TOKEN" in dict(leaks(b"found 826491573500.0"))
    assert "KEY_PASSPHRASE" in dict(leaks(LONG[:40].encode()))
    assert "pem 2" in dict(leaks(b"x ndHushLi x"))
    assert leaks(b"nothing") == []


def test_a_right_file(folder: Path) -> None:
    assert pynomaly("validate", write(folder), folder=folder) == (0, "")


URLS = """\
name: p
source: {stdin: {}}
event: {key: sensor, values: [temp]}
sinks:
  anomalies: {webhook: {url: "ANOMALIES", secret: "${WEBHOOK_SECRET}"}}
  dead_letters: {postgres: {url: "LETTERS"}}
tracing: {endpoint: "TRACES"}
"""
GOOD_URLS = {
    "ANOMALIES": "http://127.0.0.1:1/${URL_TOKEN}",
    "LETTERS": "postgresql://u@127.0.0.1:1/${URL_TOKEN}",
    "TRACES": "http://127.0.0.1:1/v1/${URL_TOKEN}",
}


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("ANOMALIES", "http://u:${URL_PASSWORD}@127.0.0.1:1/x"),
        ("ANOMALIES", "http://127.0.0.1:x/${URL_TOKEN}"),
        ("ANOMALIES", "${URL_TOKEN}"),
        ("LETTERS", "postgresql://u:${URL_PASSWORD}@127.0.0.1:1/x"),
        ("LETTERS", "postgresql://127.0.0.1/x?sslmod=${URL_PASSWORD}"),
        ("LETTERS", "${URL_PASSWORD}"),
        ("TRACES", "http://u:${URL_PASSWORD}@127.0.0.1:1/x"),
    ],
)
def test_a_url_that_is_refused_shows_no_secret(folder: Path, place: str, url: str) -> None:
    changes = [(name, url if name == place else good) for name, good in GOOD_URLS.items()]

    code, output = pynomaly("validate", write(folder, *changes, text=URLS), folder=folder)

    assert code == 2
    assert "found *** (a secret)" in output


def test_urls_that_nobody_answers_show_scheme_and_host_alone(folder: Path) -> None:
    file = write(folder, *GOOD_URLS.items(), text=URLS)

    code, output = pynomaly("validate", "--connect", file, folder=folder)

    assert code == 2
    assert "anomalies: http://127.0.0.1:1: " in output


def test_a_secret_where_it_may_stand_but_should_not(folder: Path) -> None:
    file = write(
        folder,
        ("{kafka: {topic: s, settings: {sasl.password: ", "{file: {path: "),
        ('"${EXPONENT_TOKEN}"}}}', '"out/${EXPONENT_TOKEN}/${KAFKA_PASSWORD}.ndjson"}}'),
    )

    assert pynomaly("validate", file, folder=folder) == (0, "")


WRONG_AT_THE_PLACE = [
    ("sasl.password: ${KAFKA_PASSWORD}", 'sasl.password: ["${KAFKA_PASSWORD}"]'),
    ("ssl.key.pem: ${file:pem}", "ssl.key.pem: {x: '${file:pem}'}"),
    ('{sasl.password: "${NUMBER_PASSWORD}"}', '"${NUMBER_PASSWORD}"'),
    ('{sasl.password: "${EXPONENT_TOKEN}"}', '["${EXPONENT_TOKEN}"]'),
    ('password: "${METRICS_PASSWORD}"', 'password: "x${METRICS_PASSWORD}"'),
]
BESIDE = [
    ("      ssl.key.pem", "    passwort: ${KAFKA_PASSWORD}\n      ssl.key.pem"),
    ("brokers: 127.0.0.1:1", "broker: 127.0.0.1:1"),
    ('password: "${METRICS_PASSWORD}"', 'pasword: "${METRICS_PASSWORD}"'),
]
IN_WRONG_PLACES = [
    ("name: p", "name: ${KAFKA_PASSWORD}"),
    ("    topic: t", '    batch: ${NUMBER_PASSWORD}\n    start: "${file:one}"\n    topic: t'),
    ("key: sensor", 'key: "${BRACKET_SECRET}"'),
    ("path: ts, unit: ms", "path: ts, format: '${KEY_PASSPHRASE}%Q'"),
    ("sinks:\n", "combine: '${KEY_PASSPHRASE}'\nsinks:\n  ${KAFKA_PASSWORD}: {stdout: {}}\n"),
    (
        "metrics:\n",
        "state: {directory: d, checkpoint_interval: '${file:pem}', "
        "memory_limit: '${EXPONENT_TOKEN}'}\nmetrics:\n",
    ),
    ("user: prometheus", 'user: "x:${KAFKA_PASSWORD}"'),
    (
        "port: 9464",
        "port: ${NUMBER_PASSWORD}\n  host: ['${KAFKA_PASSWORD}']\n  tls: ${KEY_PASSPHRASE}",
    ),
]
DETECTORS = """\
detectors:
  - zscore: {half_life: '${KAFKA_PASSWORD}'}
  - half_space_trees: {trees: '${KEY_PASSPHRASE}', '${file:one}': 1}
  - '${BRACKET_SECRET}'
  - '${NUMBER_PASSWORD}': {}
  - river.HalfSpaceTrees: {n_trees: '${EXPONENT_TOKEN}', preprocess: '${KAFKA_PASSWORD}'}
  - pyod.ECOD: {window: '${KAFKA_PASSWORD}'}
alert: {budget: '${NUMBER_PASSWORD}', score: {detector: '${KAFKA_PASSWORD}', above: 1}}
sinks:
"""


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (WRONG_AT_THE_PLACE, 6),
        ([BESIDE[0]], 1),
        (BESIDE[1:], 4),
        (IN_WRONG_PLACES, 13),
        ([("sinks:\n", DETECTORS)], 9),
        ([("{kafka: {topic: s", "${KEY_PASSPHRASE} {kafka: {topic: s")], 1),
        ([("sasl.password: ${KAFKA_PASSWORD}", "sasl.password: *hush-out-of-a-file")], 1),
    ],
    ids=["at the place", "indented", "beside", "elsewhere", "detectors", "not YAML", "alias"],
)
def test_a_wrong_file(folder: Path, changes: list[tuple[str, str]], problems: int) -> None:
    for command in ("validate", "run"):
        code, output = pynomaly(command, write(folder, *changes), folder=folder)
        assert (code, len(output.splitlines())) == (2, problems), output
        assert "Traceback" not in output


REFUSED = [
    [("sasl.mechanism: PLAIN", "sasl.mechanism: ${KAFKA_PASSWORD}")],
    [("security.protocol: sasl_plaintext", "security.protocol: ${KEY_PASSPHRASE}")],
    [("sasl.username: bob", 'debug: "${BRACKET_SECRET}"')],
]


@pytest.mark.parametrize("changes", REFUSED)
def test_a_setting_that_the_client_refuses_and_quotes(
    folder: Path, changes: list[tuple[str, str]]
) -> None:
    file = write(folder, ("sinks:\n", "state: {directory: d}\nsinks:\n"), *changes)
    for words in (["validate", file, "--connect"], ["run", file, "--max-restarts", 0]):
        code, output = pynomaly(*words, folder=folder)
        assert code in (1, 2)
        assert "***" in output
    if (folder / "d").exists():
        no_leak(*files(folder / "d"))


def test_a_passphrase_that_does_not_open_its_key(folder: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key = folder / "key.pem"
    make = ["openssl", "genrsa", "-aes128", "-passout", "pass:another", "-out", str(key), "2048"]
    subprocess.run(make, check=True, capture_output=True)
    file = write(
        folder,
        ("security.protocol: sasl_plaintext", "security.protocol: ssl"),
        ("ssl.key.pem: ${file:pem}", f"ssl.key.location: {key}"),
    )
    code, output = pynomaly("run", file, "--max-restarts", 0, folder=folder)

    assert code in (1, 2)
    assert "ssl.key.location" in output


def test_brokers_that_do_not_answer_when_asked(folder: Path) -> None:
    file = write(
        folder, ('kafka: {topic: o, brokers: "127.0.0.1:1", settings: ', "file: {path: o} #")
    )
    text = file.read_text()
    for role in ("scores", "dead_letters"):
        text = "\n".join(line for line in text.splitlines() if role not in line)
    file.write_text(text)
    code, output = pynomaly("validate", file, "--connect", folder=folder)

    assert code == 2
    assert "Is a broker listening there?" in output


class Running:
    """A pipeline that runs, and all that it emits."""

    def __init__(self, folder: Path, file: Path, processes: int = 1) -> None:
        self.errors, self.output = folder / "stderr", folder / "stdout"
        command = [*PYNOMALY, "run", str(file), "--processes", str(processes)]
        with self.errors.open("wb") as errors, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def give(self, lines: Iterable[bytes]) -> None:
        """Write lines to its standard input, which stays open."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n".join([*lines, b""]))
        self.process.stdin.flush()

    def logged(self, text: str) -> bool:
        return text.encode() in self.errors.read_bytes()

    def family(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def titles(self) -> list[bytes]:
        found = []
        for pid in self.family():
            # It may have ended meanwhile.
            with suppress(OSError):
                found += [
                    Path(f"/proc/{pid}/{name}").read_bytes()
                    for name in ("cmdline", "comm", "status")
                ]
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def page(port: int, password: str) -> bytes:
    """Return status, headers and body of the metrics page; nothing while it does not answer."""
    credentials = base64.b64encode(f"prometheus:{password}".encode()).decode()
    request = Request(f"http://127.0.0.1:{port}/metrics")
    request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urlopen(request, timeout=10) as answer:
            return f"{answer.status}\n{answer.headers}{answer.read().decode()}".encode()
    except HTTPError as error:
        return f"{error.code}\n{error.headers}{error.read().decode()}".encode()
    except OSError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="command lines are read from /proc")
def test_a_run_that_waits_for_its_brokers(folder: Path) -> None:
    port = free_port()
    file = write(
        folder, ("port: 9464", f"port: {port}"), ("sinks:\n", "state: {directory: d}\nsinks:\n")
    )
    with Running(folder, file) as running:
        # Sinks are reached by another process before.
        wait_for(lambda: running.logged("retrying") and b"pynomaly-0\n" in running.titles(), 600)
        titles = running.titles()
        wait_for(lambda: page(port, SECRETS["METRICS_PASSWORD"]))
        shown = page(port, SECRETS["METRICS_PASSWORD"])
        refused = page(port, "another")
        assert running.stop() == 0

    assert b"pynomaly-0\n" in titles
    assert shown.startswith(b"200")
    assert b"pynomaly_pipeline_info" in shown
    assert refused.startswith(b"401")
    emitted = [running.errors.read_bytes(), running.output.read_bytes()]
    no_leak(*titles, shown, refused, *emitted, *files(folder / "d"))


@pytest.mark.skipif(sys.platform != "linux", reason="command lines are read from /proc")
def test_a_run_that_works(folder: Path) -> None:
    port = free_port()
    text = KAFKA[: KAFKA.index("source:")] + "source: stdin\n" + KAFKA[KAFKA.index("event:") :]
    text = (
        text[: text.index("sinks:")] + "sinks: {anomalies: stdout, scores: {file: {path: d/s}}}\n"
    )
    text += "state: {directory: d, checkpoint_interval: 200ms}\n"
    text += "detectors: [{zscore: {half_life: 100}}]\nmetrics:\n"
    text += f'  port: {port}\n  basic_auth: {{user: prometheus, password: "${{file:one}}"}}\n'
    with Running(folder, write(folder, text=text), processes=2) as running:
        running.give(messages())
        wait_for(lambda: b"pynomaly_anomalies_total{" in page(port, IN_FILES["one"]))
        wait_for(lambda: (folder / "d" / "dead_letters.ndjson").exists())
        # Standard input is one partition: the second process has nothing to do, and has ended.
        wait_for(lambda: len(running.family()) == 2)
        shown, titles = page(port, IN_FILES["one"]), running.titles()
        no_leak(*files(folder / "d"))
        assert running.stop() == 0

    assert running.output.stat().st_size > 0
    emitted = [running.errors.read_bytes(), running.output.read_bytes()]
    no_leak(shown, *titles, *emitted, *files(folder / "d"))


CALLS_OUT = """\
name: p
source: stdin
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [temp]}}
detectors: [{{zscore: {{half_life: 100}}}}]
alert: {{budget: 8/day, per: entity}}
sinks:
  anomalies:
    webhook: {{url: "{hook}/${{HOOK_TOKEN}}", secret: "${{WEBHOOK_SECRET}}", rate: 1000, {quick}}}
  dead_letters: {{postgres: {{url: "{store}", password: "${{POSTGRES_PASSWORD}}", {quick}}}}}
metrics: null
state: {{directory: d, checkpoint_interval: 200ms}}
tracing: {{endpoint: "{traces}", sample: 1, headers: {{authorization: "${{OTLP_AUTHORIZATION}}"}}}}
"""


def test_a_run_that_calls_out(folder: Path) -> None:
    with PostgresServer() as server, Receiver() as hook, OtlpReceiver() as collector:
        quick = f'longest_wait: 50ms, pause: 50ms, timeout: 2s, refused: "{folder}/refused"'
        where = {"hook": hook.url, "store": server.url, "traces": collector.endpoint}
        right = CALLS_OUT.format(**where, quick=quick)
        wrong = ("POSTGRES_PASSWORD", "REFUSED_PASSWORD"), ("directory: d", "directory: r")
        file = write(folder, *wrong, text=right)
        code, output = pynomaly("validate", file, "--connect", folder=folder)
        assert code == 2
        assert "password authentication failed" in output
        # What they say to failures is part of what is searched.
        collector.status = 503
        with Running(folder, file) as running:
            # As many as its pipe takes: nobody reads them while the sink is waited for.
            running.give(messages(500))
            wait_for(lambda: running.logged("password authentication failed"))
            wait_for(lambda: running.logged("spans do not reach"))
        no_leak(running.errors.read_bytes(), *files(folder / "r"))
        hook.answers, collector.status = [500, 0, 400], 200
        with Running(folder, write(folder, text=right)) as running:
            running.give(messages())
            wait_for(lambda: hook.delivered)
            assert running.stop() == 0
        rows = server.query("SELECT id, key, time, record FROM pynomaly_dead_letters")

    assert rows
    assert collector.spans
    assert running.logged("retrying")
    archive = folder / "d.tar.gz"
    for words in (["inspect", file], ["export", file, archive]):
        assert pynomaly("state", *words, folder=folder)[0] == 0
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "archive", filter="data")
    received = [rows, hook.headers, hook.delivered, collector.spans]
    kept = [*files(folder / "d"), *files(folder / "archive"), (folder / "refused").read_bytes()]
    no_leak(running.errors.read_bytes(), running.output.read_bytes(), *kept)
    no_leak(*(repr(each).encode() for each in received))


@pytest.mark.parametrize("processes", [1, 2])
def test_the_traceback_of_a_crash(folder: Path, processes: int) -> None:
    # Its first page cannot be read: an error that nobody foresees.
    (folder / f"{SECRETS['BRACKET_SECRET']}.ndjson").symlink_to("/proc/self/mem")
    text = KAFKA[: KAFKA.index("source:")] + KAFKA[KAFKA.index("event:") : KAFKA.index("sinks:")]
    text += 'source: {file: {path: "./${BRACKET_SECRET}.ndjson", format: ndjson}}\n'
    text += "sinks: {anomalies: stdout}\nmetrics: null\nstate: {directory: d}\n"
    file = write(folder, text=text)
    for form in ("text", "json"):
        words = ["run", file, "--max-restarts", 0, "--log-format", form, "--processes", processes]
        code, output = pynomaly(*words, folder=folder)
        assert code in (1, 2)
        assert "Traceback" in output
    no_leak(*files(folder / "d"))


@pytest.mark.parametrize(
    "words",
    [["--help"], ["run", "--help"], ["validate", "--help"], ["schema"], ["detectors"], ["version"]],
    ids=" ".join,
)
def test_what_needs_no_file(tmp_path: Path, words: Iterable[str]) -> None:
    assert pynomaly(*words, folder=tmp_path)[0] == 0
