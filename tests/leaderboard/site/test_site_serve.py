"""`cxrbench serve`: on this machine alone, with a page that is up to date, until Ctrl-C."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import webbrowser

import pytest
from made import many

COMMAND = [sys.executable, "-c", "from cxrbench.cli.main import run; run()", "serve"]
# Tests themselves may not reach any host, not even this one.
ASK = """
import http.client, json, sys
port, requests = int(sys.argv[1]), json.loads(sys.argv[2])
answers = []
for path, host in requests:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest("GET", path, skip_host=True)
    asked.putheader("Host", host.format(port=port))
    asked.endheaders()
    answer = asked.getresponse()
    text = answer.read().decode("utf-8", "replace")
    answers.append([answer.status, text, dict(answer.getheaders())])
print(json.dumps(answers))
"""


@pytest.fixture
def out(tmp_path):
    """A folder of pages with records beside them, not yet made."""
    records = tmp_path / "pages" / "records"
    records.mkdir(parents=True)
    for number, each in enumerate(many()):
        (records / f"{number}.json").write_text(each.model_dump_json())
    return tmp_path / "pages"


@pytest.fixture
def stopped(monkeypatch):
    """Servers end at once, as by Ctrl-C; which addresses browsers were to open."""

    def end(_: object) -> None:
        raise KeyboardInterrupt

    opened: list[str] = []
    monkeypatch.setattr(http.server.ThreadingHTTPServer, "serve_forever", end)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    return opened


def test_it_answers_here_alone_until_ctrl_c(out, tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "--out", str(out), "--port", "0", "--no-browser"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell lets what runs in its background ignore Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        (port,) = re.findall(r"http://127\.0\.0\.1:(\d+)/", line)
        (tmp_path / "secret.txt").write_text("secret")
        (out / "site" / "folder").mkdir()
        (out / "figures").mkdir()
        (out / "figures" / "roc.svg").write_text("<svg/>")
        own, other = "127.0.0.1:{port}", "rebound.example:{port}"
        requests = [("/site/", own), ("/site/index.html", "localhost:{port}"),
                    ("/figures/roc.svg", own), ("/", own), ("/site/", other),
                    ("/records/0.json", own), ("/site/../records/0.json", own),
                    ("/%2e%2e/secret.txt", own), ("/figures/", own),
                    ("/site/folder/", own), ("/site/", "127.0.0.1"),
                    ("/site/", "localhost"), ("/site/", "rebound.example")]  # fmt: skip
        asked = subprocess.run(
            [sys.executable, "-c", ASK, port, json.dumps(requests)],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        answers = json.loads(asked.stdout)
        text = (out / "site" / "index.html").read_text(encoding="utf-8")
        assert [status for status, *_ in answers] == [
            200, 200, 200, 302, 403, *[404] * 5, 200, 200, 403,
        ]  # fmt: skip
        assert answers[0][1] == answers[1][1] == text
        assert answers[0][2]["Cache-Control"] == "no-store"
        assert answers[2][1] == "<svg/>"
        assert answers[3][2]["Location"] == "/site/"
        assert not any("secret" in body or "run_id" in body for _, body, _ in answers[3:10])
    finally:
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_it_makes_the_page_first_and_opens_it(cli, out, stopped):
    page = out / "site" / "index.html"
    done = cli("serve", "--out", out, "--port", 0)
    assert done.code == 0, done.err
    assert "ended" in done.err
    (address,) = stopped
    assert address in done.out
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    fresh = page.read_bytes()
    page.write_text("out of date")
    cli("serve", "--out", out, "--port", 0, "--no-browser")
    assert page.read_bytes() == fresh
    assert len(stopped) == 1, "--no-browser opens none"
    before = page.stat().st_mtime_ns
    cli("serve", "--out", out, "--port", 0, "--no-browser")
    assert page.stat().st_mtime_ns == before, "what is up to date is not written again"


def test_what_is_not_ranked_is_shown_where_asked_for(cli, out, stopped):
    page = out / "site" / "index.html"
    cli("serve", "--out", out, "--port", 0)
    assert "heat-unranked" not in page.read_text(encoding="utf-8")
    cli("serve", "--out", out, "--port", 0, "--include", "unranked")
    assert "heat-unranked" in page.read_text(encoding="utf-8")


def test_a_port_that_is_taken_is_told(cli, out, stopped):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = cli("serve", "--out", out, "--port", other.getsockname()[1])
    assert done.code == 2
    assert "cannot serve on port" in done.err
    assert "--port 0" in done.err
    assert stopped == []
