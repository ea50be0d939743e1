"""Downloads: only the text we know is kept. The server is a thread of this process; nothing leaves the machine."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.errors import InputError, SurroundingsError
from engine.training.download import download, public_text

CONTENT = b"To be, or not to be\n" * 5000


@pytest.fixture
def text():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/text" else 404)
            self.end_headers()
            if self.path == "/text":
                self.wfile.write(CONTENT)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    known = replace(
        public_text("text:tinyshakespeare"),
        url=f"http://127.0.0.1:{server.server_port}/text",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_text_is_fetched_once_with_progress(text, tmp_path):
    seen = []
    assert download(text, tmp_path / "t.txt", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "t.txt").read_bytes() == CONTENT and seen[-1] == (len(CONTENT), len(CONTENT))
    assert not download(replace(text, url="http://127.0.0.1:1/"), tmp_path / "t.txt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "what came is not the text we know"),
        ({"size": 10}, "what came is not the text we know"),
        ({"url": "http://127.0.0.1:1/"}, "cannot be fetched: .*; is there a network?"),
    ],
)
def test_anything_else_is_not_kept(text, tmp_path, change, message):
    (tmp_path / "t.txt").write_text("old")
    with pytest.raises(SurroundingsError, match=message):
        download(replace(text, **change), tmp_path / "t.txt")
    assert (tmp_path / "t.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_page_that_is_not_there(text, tmp_path):
    with pytest.raises(SurroundingsError, match="cannot be fetched: Not Found"):
        download(replace(text, url=text.url + "s"), tmp_path / "t.txt")
    assert not (tmp_path / "t.txt").exists()


def test_other_names_are_refused():
    with pytest.raises(InputError, match="expected one of text:tinyshakespeare"):
        public_text("text:hamlet")
