"""What is told after a run, to whom, and that no secret is."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nbbatch.errors import NbbatchError, UsageError
from nbbatch.history import History, Run
from nbbatch.history.runs import Event
from nbbatch.results.failures import group_failures
from nbbatch.schedule.metrics_file import metrics_text, write_metrics
from nbbatch.schedule.news import (
    Kind,
    Message,
    is_told,
    kind_of,
    message_of_no_run,
    message_of_run,
)
from nbbatch.schedule.notify import check_target, send, send_all, shown
from nbbatch.schedule.words import NotifyOn
from tests.unit.schedule.nights import a_point, a_run
from tests.views import failed, ok

HOME = Path("/data/sweeps/nightly")


def nights(*words: str) -> list[Run]:
    """One run a word; each letter is a point: o is ok, f failed."""
    state = {"o": "ok", "f": "failed"}
    return [
        a_run(night, {f"p{place}": a_point(state[letter]) for place, letter in enumerate(word)})
        for night, word in enumerate(words)
    ]


@pytest.mark.parametrize(
    ("runs", "kind"),
    [
        (["oo"], Kind.FINISHED),
        (["of"], Kind.FIRST_FAILURE),
        (["oo", "oo"], Kind.FINISHED),
        (["oo", "of"], Kind.FIRST_FAILURE),
        (["of", "of"], Kind.STILL_FAILING),
        (["of", "fo"], Kind.NEW_FAILURES),
        (["of", "ff"], Kind.NEW_FAILURES),
        (["ff", "of"], Kind.STILL_FAILING),
        (["of", "oo"], Kind.RECOVERED),
        (["of", "oo", "oo"], Kind.FINISHED),
    ],
)
def test_what_the_end_of_a_run_is(runs: list[str], kind: Kind) -> None:
    history = History(HOME, tuple(nights(*runs)))
    assert kind_of(history.runs[-1], history) is kind


def test_a_run_after_one_that_could_not_start_has_recovered() -> None:
    runs = nights("oo", "oo")
    stuck = Event("2026-10-01T18:00:00Z", "not started", "no ticket")
    assert kind_of(runs[1], History(HOME, tuple(runs), (stuck,))) is Kind.RECOVERED
    older = replace(stuck, at="2026-09-30T18:00:00Z")
    assert kind_of(runs[1], History(HOME, tuple(runs), (older,))) is Kind.FINISHED


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (NotifyOn.change, {"failed", "more failures", "recovered", "could not start"}),
        (NotifyOn.failure, {k.value for k in Kind} - {"finished"}),
        (NotifyOn.end, {k.value for k in Kind}),
    ],
)
def test_which_ends_are_told(on: NotifyOn, told: set[str]) -> None:
    assert {kind.value for kind in Kind if is_told(kind, on, first=False)} == told


def test_the_very_first_end_is_a_change() -> None:
    assert is_told(Kind.FINISHED, NotifyOn.change, first=True)
    assert not is_told(Kind.FINISHED, NotifyOn.failure, first=True)


def a_message() -> Message:
    history = History(HOME, tuple(nights("ooo", "off")))
    views = [ok(0, {"x": 1}), failed(1, {"x": 2}), failed(2, {"x": 3})]
    report = HOME / history.runs[1].folder / "report" / "index.html"
    return message_of_run(history.runs[1], history, group_failures(views), report)


def test_one_message_has_the_groups_and_the_links() -> None:
    message = a_message()
    assert message.subject == "nightly failed: 1 of 3 points is ok, 2 not"
    assert message.body == (
        "1 of 3 points is ok, 2 not.\n"
        "\n"
        "2 failed: ValueError: diverged (In [3], line 2)\n"
        "    e.g. p1-0001\n"
        "\n"
        "New failures: p1, p2\n"
        "\n"
        "Report   /data/sweeps/nightly/20261002T060000Z-00000001/report/index.html\n"
        "History  /data/sweeps/nightly/index.html\n"
    )
    assert message.facts["failures"][0]["count"] == 2
    json.dumps(message.facts)


def test_a_thousand_failures_are_one_short_message() -> None:
    names = {f"p{n}": a_point("failed") for n in range(1_000)}
    run = a_run(0, names)
    views = [failed(n, {"x": n}, f"Error{chr(97 + n % 26)}: no", line=n) for n in range(1_000)]
    history = History(HOME, (run,))
    report = HOME / run.folder / "report" / "index.html"
    message = message_of_run(run, history, group_failures(views), report)
    assert len(message.body.splitlines()) < 40 and "more kinds of failure" in message.body


# -------------------------------------------------------------------- where it goes


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict]]]:
    """A server on this machine, and what it was sent."""
    sent: list[dict] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if "broken" in self.path:
                self.send_error(500)
                return
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_json(webhook: tuple[str, list[dict]]) -> None:
    address, sent = webhook
    send(f"{address}/hook?token=hush", a_message())
    assert sent[0]["event"] == "failed" and sent[0]["ok"] is False
    assert sent[0]["counts"] == {"ok": 1, "failed": 2}


def test_a_command_gets_json_on_its_input(tmp_path: Path) -> None:
    program = tmp_path / "tell"
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/told; echo $# > {tmp_path}/words\n")
    program.chmod(0o755)
    send(f"{program} '$(touch {tmp_path}/oops)' b", a_message())
    assert json.loads((tmp_path / "told").read_text())["sweep"] == "nightly"
    assert (tmp_path / "words").read_text() == "2\n" and not (tmp_path / "oops").exists()


@pytest.mark.parametrize("target", ["ana@example.org", "mailto:ana@example.org"])
def test_mail_by_sendmail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    (tmp_path / "sendmail").write_text(f"#!/bin/sh\ncat > {tmp_path}/mail\n")
    (tmp_path / "sendmail").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    evil = replace(a_message(), subject="nightly failed\nBcc: all@example.org")
    send(target, evil)
    mail = (tmp_path / "mail").read_text()
    head, _, body = mail.partition("\n\n")
    assert "To: ana@example.org" in head and "\nBcc" not in head
    assert "2 failed: ValueError: diverged" in body


@pytest.mark.slow  # apprise imports a hundred services
def test_what_apprise_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    sent = []

    def notify(self: object, **words: str) -> bool:
        sent.append((words["title"], words["notify_type"]))
        return True

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    send("slack://TokenA/TokenB/TokenC12345678901234567/", a_message())
    assert sent == [("nightly failed: 1 of 3 points is ok, 2 not", "failure")]
    with pytest.raises(UsageError, match="does not understand") as told:
        check_target("nosuchservice://hush")
    assert "hush" not in str(told.value)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("https://ana:pw@hooks.example.org/T0/B0/hush?key=hush", "https://hooks.example.org/…"),
        ("slack://hush/hush/hush", "slack://…"),
        ("mailtos://ana:hush@example.org", "mailtos://…"),
        ("ana@example.org", "ana@example.org"),
        ("/opt/bin/tell --token hush", "tell"),
    ],
)
def test_no_secret_is_shown(target: str, told: str) -> None:
    assert shown(target) == told


def test_what_goes_wrong_is_told_without_secrets(webhook: tuple[str, list[dict]]) -> None:
    address, sent = webhook
    targets = [
        f"{address}/broken/hush",
        "http://127.0.0.1:9/hush",
        "false hush",
        f"{address}/fine",
    ]
    wrong = send_all(targets, a_message())
    assert len(wrong) == 3 and len(sent) == 1  # one that fails keeps nobody from being told
    assert "hush" not in " ".join(wrong)
    assert wrong[0].startswith("No message could be sent to http://127.0.0.1/…")


def test_targets_are_checked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    check_target("https://example.org/x")
    check_target("cat")
    monkeypatch.setattr("nbbatch.schedule.notify.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs apprise, which is not installed"):
        check_target("slack://hush/hush/hush")
    monkeypatch.setattr("nbbatch.schedule.notify._sendmail", lambda: None)
    with pytest.raises(UsageError, match="no program `sendmail`"):
        check_target("ana@example.org")
    with pytest.raises(NbbatchError):
        send("ana@example.org", a_message())


@pytest.mark.parametrize("target", ["", "  ", "notify-send 'it is over"])
def test_a_target_that_is_no_words(target: str) -> None:
    with pytest.raises(UsageError, match="--notify"):
        check_target(target)


def test_who_answers_no_http_is_told_as_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1 << 16)
                peer.sendall(b"220 mail.example.org ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        (wrong,) = send_all([f"http://127.0.0.1:{server.getsockname()[1]}/"], a_message())
        thread.join()
    assert wrong.startswith("No message could be sent to http://127.0.0.1/…: BadStatusLine")


def test_a_run_that_could_not_start() -> None:
    message = message_of_no_run("nightly", "The Kerberos ticket has expired.\n  kinit", HOME)
    assert message.subject == "nightly could not start: The Kerberos ticket has expired."
    assert message.kind is Kind.NOT_STARTED


# ---------------------------------------------------------------- Prometheus' figures


def test_figures_for_prometheus(tmp_path: Path) -> None:
    history = History(Path('/x/a"b'), tuple(nights("oo", "of")))
    text = metrics_text(history)
    values = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if not line.startswith("#")
    }
    label = 'sweep="a\\"b"'
    assert values[f'nbbatch_sweep_points{{{label},state="failed"}}'] == 1
    assert values[f'nbbatch_sweep_points{{{label},state="lost"}}'] == 0
    assert values[f"nbbatch_sweep_ok{{{label}}}"] == 0
    assert values[f"nbbatch_sweep_runs_total{{{label}}}"] == 2
    assert values[f"nbbatch_sweep_runs_ok_total{{{label}}}"] == 1
    assert values[f"nbbatch_sweep_duration_seconds{{{label}}}"] == 300
    last, good = (
        values[f"nbbatch_sweep_{name}_timestamp_seconds{{{label}}}"]
        for name in ("last_end", "last_success")
    )
    assert last - good == 86400
    for line in text.splitlines():  # every metric has its help and its type, once
        if line.startswith("# TYPE"):
            assert text.count(f"# HELP {line.split()[2]} ") == 1
    named = write_metrics(tmp_path, History(HOME, history.runs))
    assert named == tmp_path / "nbbatch_nightly.prom" and named.read_text().endswith("\n")
    assert [file.name for file in tmp_path.iterdir()] == ["nbbatch_nightly.prom"]
