"""A real kube-apiserver on a real etcd for the integration tests; only kubelets are stand-ins.

RBAC is on, so the tests run under the roles that are shipped. Everything listens on loopback, on
ports chosen at start, and ends with the test run.
"""

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pipeline.clock import now
from servers import children
from servers.api_client import ApiClient, Refused
from servers.certificates import Authority, Pair, signing_key
from servers.cluster import Cluster
from servers.control_plane_binary import binary

ISSUER = "https://kubernetes.default.svc"
_ADMIN = "the-administrators-token"
_SHORTEST_TOKEN_S = 600
"""The TokenRequest API gives none that is shorter."""


@dataclass
class ControlPlane:
    """An API server and its etcd; the data outlives kill and restart, not the folder."""

    folder: Path
    port: int = field(default_factory=children.free_port)
    etcd_port: int = field(default_factory=children.free_port)
    etcd_peer_port: int = field(default_factory=children.free_port)
    api: subprocess.Popen[bytes] | None = None
    etcd: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> str:
        """Where clients connect."""
        return f"https://127.0.0.1:{self.port}"

    @cached_property
    def authority(self) -> Authority:
        """Who signs for this cluster: its ``certificate`` is what clients and kubelets trust."""
        return Authority(self.folder)

    @cached_property
    def admin(self) -> Cluster:
        """A client that may do everything."""
        return Cluster(self.server, self.authority.certificate, _ADMIN)

    def client(self, token: str) -> ApiClient:
        """Return a client that may do what its token may; close it after use."""
        return ApiClient(self.server, self.authority.certificate, token)

    def start(self) -> None:
        """Start both and wait until they answer (3 to 10 s).

        Raises:
            Missing: the binary has not been built.
        """
        program = binary()
        self._write_files()
        self.etcd = children.start(
            [program, "etcd", *self._etcd_flags()],
            log=self.folder / "etcd.log",
            stdin=subprocess.PIPE,
        )
        self._await("etcd", self.etcd, self._etcd_answers)
        self.restart_api()

    def stop(self) -> None:
        """End both for good."""
        self.admin.close()
        for process in (self.api, self.etcd):
            if process is not None:
                children.kill(process)

    def kill_api(self) -> None:
        """Kill the API server (-9): open watches and logs break off in the middle."""
        if self.api is not None:
            children.kill(self.api)
        self.admin.close()  # its connections are dead, and would only be found so when used

    def stop_api(self) -> None:
        """Ask the API server to end (SIGTERM), as an upgrade does: watches end cleanly."""
        if self.api is not None:
            children.stop(self.api, within_s=60)
        self.admin.close()

    def restart_api(self) -> None:
        """Start the API server, again on the same port and data, and wait until it is ready."""
        self.api = children.start(
            [binary(), "apiserver", *self._api_flags()],
            log=self.folder / "apiserver.log",
            stdin=subprocess.PIPE,
        )
        self._await("apiserver", self.api, self._api_answers)

    def compact(self) -> int:
        """Make etcd forget all history up to now; return the revision that remains.

        An events watch or list from an older resourceVersion then gives 410. Pods are still served
        from the API server's cache: they give 410 only after :meth:`restart_api`.
        """
        revision = int(self._etcd("/v3/maintenance/status", {})["header"]["revision"])
        self._etcd("/v3/kv/compaction", {"revision": revision, "physical": True})
        return revision

    def token_for(self, namespace: str, service_account: str, seconds: int = 3600) -> str:
        """Return a token of a service account that is good for so long.

        The API gives none under ten minutes; shorter ones, also such as expired ``-seconds`` ago,
        are signed here with the server's own key. The server grants 60 s beyond the end and
        remembers its own verdict for 10 s.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}"
        if seconds < _SHORTEST_TOKEN_S:
            account = self.admin.ask("GET", path)["metadata"]
            return self._signed(account, timedelta(seconds=seconds))
        wanted = {"spec": {"expirationSeconds": seconds}}
        return str(self.admin.ask("POST", f"{path}/token", wanted)["status"]["token"])

    def kubeconfig(self, token: str, *, name: str = "kubeconfig") -> Path:
        """Write a kubeconfig with a token into the folder (JSON is YAML) and return its path."""
        path = self.folder / name
        cluster = {"server": self.server, "certificate-authority": str(self.authority.certificate)}
        text = json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "tests", "cluster": cluster}],
                "users": [{"name": "tests", "user": {"token": token}}],
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
                "current-context": "tests",
            }
        )
        path.write_text(text, encoding="utf-8")
        return path

    def kubelet_pair(self) -> Pair:
        """Return a certificate with which a kubelet's stand-in serves."""
        return self.authority.signed("kubelet")

    def _write_files(self) -> None:
        self._pair = self.authority.signed("kube-apiserver")
        self._account_key: rsa.RSAPrivateKey = signing_key(self.folder / "accounts.key")
        tokens = f'{_ADMIN},administrator,1,"system:masters"\n'
        (self.folder / "tokens.csv").write_text(tokens, encoding="utf-8")

    def _etcd_flags(self) -> list[str]:
        client = f"http://127.0.0.1:{self.etcd_port}"
        peer = f"http://127.0.0.1:{self.etcd_peer_port}"
        return [
            "--name=tests",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=tests={peer}",
            "--unsafe-no-fsync=true",
            "--log-level=warn",
            "--watch-progress-notify-interval=1s",
        ]

    def _api_flags(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--etcd-compaction-interval=0",  # only compact() does it
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={self._pair.certificate}",
            f"--tls-private-key-file={self._pair.key}",
            f"--client-ca-file={self.authority.certificate}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self.folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--authorization-mode=RBAC",
            f"--kubelet-client-certificate={self._pair.certificate}",
            f"--kubelet-client-key={self._pair.key}",
            f"--kubelet-certificate-authority={self.authority.certificate}",
            "--kubelet-preferred-address-types=InternalIP",
            "--shutdown-watch-termination-grace-period=2s",
        ]

    def _await(
        self, what: str, process: subprocess.Popen[bytes], answers: Callable[[], bool]
    ) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            if answers():
                return
            time.sleep(0.1)
        text = (self.folder / f"{what}.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{what} did not start:\n{text[-4000:]}")

    def _api_answers(self) -> bool:
        try:
            return self.admin.text("/readyz") == "ok"
        except Refused:
            return False

    def _etcd_answers(self) -> bool:
        try:
            self._etcd("/v3/maintenance/status", {})
        except OSError:
            return False
        return True

    def _etcd(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask etcd through its JSON gateway."""
        url = f"http://127.0.0.1:{self.etcd_port}{path}"
        with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def _signed(self, account: dict[str, Any], life: timedelta) -> str:
        """Return a token as the server itself signs it (JWT, RS256)."""
        namespace, name = account["namespace"], account["name"]
        begin = int((now() + min(life, timedelta())).timestamp()) - 60
        claims = {
            "iss": ISSUER,
            "aud": [ISSUER],
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "iat": begin,
            "nbf": begin,
            "exp": int((now() + life).timestamp()),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": account["uid"]},
            },
        }
        signed = b".".join(
            _base64(json.dumps(part).encode()) for part in ({"alg": "RS256"}, claims)
        )
        signature = self._account_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64(signature)).decode()


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
