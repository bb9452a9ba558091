"""Runs ``scripts/generate_asset.py`` as a process and reads what it left behind."""

import contextlib
import importlib.util
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from assetgen_dagster.settings import PROJECT_ROOT
from assetgen_emulators.gemini import GeminiEmulator

SCRIPT = PROJECT_ROOT / "scripts" / "generate_asset.py"
PROMPT = "An owl on a stump, misty morning"
#: Usage of a picture of PROMPT by the default model.
DRAWN = {"prompt_tokens": 8, "image_tokens": 1120, "text_tokens": 80 + 639}


@dataclass(frozen=True)
class Outcome:
    """What a run of the script left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def done(self) -> dict[str, Any]:
        assert self.code == 0, self.stderr
        return dict(json.loads(self.stdout.splitlines()[-1]))

    @property
    def sentence(self) -> str:
        """The first line of stderr, for a person."""
        return self.stderr.splitlines()[0]

    @property
    def report(self) -> dict[str, Any]:
        """The last line of stderr, after a failure as the interface demands it."""
        assert self.code == 1
        assert "Traceback" not in self.stderr
        assert self.stdout == ""
        sentence, line = self.stderr.splitlines()
        report = dict(json.loads(line))
        what, _, hint = sentence.partition(report["error"]["message"].removesuffix("."))
        assert what == ""
        assert hint == "." or (hint.startswith("; ") and hint.endswith("."))
        return report

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.report["error"])


@dataclass
class Script:
    """Runs the script with its settings."""

    settings: dict[str, str]
    output: Path
    path: Path = SCRIPT
    python: tuple[str, ...] = (sys.executable,)

    def command(self, prompt: str | bytes, references: Sequence[Path] = ()) -> list[str | bytes]:
        option = b"--prompt=" + prompt if isinstance(prompt, bytes) else f"--prompt={prompt}"
        given = [f"--reference-image={path}" for path in references]
        return [*self.python, str(self.path), option, f"--output={self.output}", *given]

    def run(self, prompt: str | bytes = PROMPT, references: Sequence[Path] = (), **settings: str) -> Outcome:
        done = subprocess.run(
            self.command(prompt, references), env=self.settings | settings, capture_output=True, timeout=60, check=False
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def script_for(gemini: GeminiEmulator, folder: Path) -> Script:
    """Returns the script, set up for an emulator that accepts certain keys, drawing into a folder not there yet."""
    key = next(iter(gemini.api_keys or {"any"}))
    return Script({"GEMINI_API_KEY": key, "GOOGLE_GEMINI_BASE_URL": gemini.base_url}, folder / "pictures" / "owl.png")


@contextmanager
def raw_server(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends these bytes to whoever connects; yields its address and the requests it got."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        requests.append(_whole_request(connection))
                        connection.sendall(answer)
            except OSError:
                return  # the test is over

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """A server with a certificate that nobody has signed; yields its address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    pem += builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):  # the client hangs up
                        context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _whole_request(connection: socket.socket) -> bytes:
    # Closing a socket with bytes unread resets it, and the client would meet that instead of the answer.
    request = b""
    while received := connection.recv(1 << 16):
        request += received
        head, blank, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if blank and len(body) >= (int(length[1]) if length else 0):
            break
    return request


def http_answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Returns an HTTP answer as it is on the wire."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return head.encode() + b"\r\n\r\n" + body


def module() -> ModuleType:
    """Returns the script as a module, for its pure functions."""
    spec = importlib.util.spec_from_file_location("generate_asset_script", SCRIPT)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
