"""A real Prometheus for the integration tests, scraping what the test itself exports.

The binary is Debian's package ``prometheus``; it is started by hand, never as a service.
"""

import json
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

from pipeline import clock
from servers import children
from servers.certificates import Authority
from servers.missing import Missing
from servers.waiting import until

SCRAPE_S = 1
"""Between two scrapes."""


class Exporter:
    """Exports a text that the test sets."""

    def __init__(self) -> None:
        """Listen on a loopback port, with nothing to tell yet."""
        self.text = ""
        """In the exposition format: ``name{label="value"} 1`` and a newline each."""
        self.broken = False
        """Whether it answers 500: the series go stale and ``up`` is 0."""
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter._answer(self)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        content = b"" if self.broken else self.text.encode()
        request.send_response(500 if self.broken else 200)
        request.send_header("Content-Type", "text/plain; version=0.0.4")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@dataclass
class Prometheus:
    """A server on a loopback port; its data outlives kill and restart, not the folder."""

    folder: Path
    authority: Authority | None = None
    """Signs the certificate with which it serves TLS; None: plain HTTP."""
    port: int = field(default_factory=children.free_port)
    exporter: Exporter = field(default_factory=Exporter)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"http{'' if self.authority is None else 's'}://127.0.0.1:{self.port}"

    def backfill(self, openmetrics: str) -> None:
        """Put samples of the past into the database, before the first start.

        OpenMetrics text: ``name{label="value"} 1 1790000000`` a line, ``# EOF`` at the end.

        Raises:
            Missing: there is no Prometheus.
        """
        text = self.folder / "history.txt"
        text.write_text(openmetrics, encoding="utf-8")
        subprocess.run(
            [_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, self._data],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def start(self) -> None:
        """Start it, again on the same data, and wait until it answers (1 to 3 s).

        Raises:
            Missing: there is no Prometheus.
        """
        config, web = self.folder / "prometheus.yml", self.folder / "web.yml"
        config.write_text(yaml.safe_dump(self._config()), encoding="utf-8")
        web.write_text(yaml.safe_dump(self._web()), encoding="utf-8")
        self.process = children.start(
            [
                _program("prometheus"),
                f"--config.file={config}",
                f"--web.config.file={web}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                f"--storage.tsdb.path={self._data}",
                "--storage.tsdb.retention.time=100y",  # samples of any past stay
                "--log.level=warn",
            ],
            log=self.folder / "prometheus.log",
        )
        self._await_answer(self.process)

    def kill(self) -> None:
        """Kill it (-9)."""
        if self.process is not None:
            children.kill(self.process)

    def close(self) -> None:
        """End it and its exporter for good."""
        self.kill()
        self.exporter.close()

    def export(self, text: str) -> None:
        """Export another text from now on, and wait until it can be asked for."""
        self.exporter.text = text
        self.exporter.broken = False
        self.await_scrape()

    def await_scrape(self) -> None:
        """Wait until a scrape that has begun after this call is in the database."""
        asked = clock.now().timestamp()
        until(
            lambda: any(float(each["value"][1]) > asked for each in self.ask("timestamp(up)")),
            within_s=30,
            what="a scrape",
        )

    def ask(self, promql: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Return what an instant query gives, now or at a time (seconds since 1970)."""
        query = {"query": promql} | ({} if at is None else {"time": str(at)})
        found = json.loads(self._get(f"/api/v1/query?{urlencode(query)}"))
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _config(self) -> dict[str, Any]:
        job = {
            "job_name": "tests",
            "honor_labels": True,  # the test names jobs and instances as it likes
            "static_configs": [{"targets": [f"127.0.0.1:{self.exporter.port}"]}],
        }
        every = f"{SCRAPE_S}s"
        timing = {"scrape_interval": every, "scrape_timeout": every}
        return {"global": timing, "scrape_configs": [job]}

    def _web(self) -> dict[str, Any]:
        if self.authority is None:
            return {}
        pair = self.authority.signed("prometheus")
        files = {"cert_file": str(pair.certificate), "key_file": str(pair.key)}
        return {"tls_server_config": files}

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if self._is_ready():
                return
            time.sleep(0.1)
        text = (self.folder / "prometheus.log").read_text(encoding="utf-8")
        raise RuntimeError(f"Prometheus did not start:\n{text}")

    def _is_ready(self) -> bool:
        try:
            return b"is Ready" in self._get("/-/ready")
        except urllib3.exceptions.HTTPError:
            return False

    def _get(self, path: str) -> bytes:
        trusted = None if self.authority is None else str(self.authority.certificate)
        with urllib3.PoolManager(ca_certs=trusted, retries=False, timeout=10) as pool:
            return pool.request("GET", f"{self.url}{path}").data


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(
            f"the tests against a real Prometheus need {name}:"
            " on Debian, apt-get install --no-install-recommends prometheus"
        )
    return found
