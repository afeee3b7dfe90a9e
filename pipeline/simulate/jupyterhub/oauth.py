"""OpenShift's OAuth server: three replicas behind a service, and the tokens they give.

Signing in asks the OAuth server itself; whether a token still holds is asked of the API.
"""

from dataclasses import dataclass

import simpy

from pipeline.simulate.cluster.model import (
    MIB,
    ApiError,
    ApiRefusedError,
    ApiTimeoutError,
    ContainerSpec,
    PodSpec,
    Probe,
    Runtime,
)
from pipeline.simulate.jupyterhub.scene import OAUTH, Scene, about, klog_line, print_to
from pipeline.simulate.kernel import Steps

NAMESPACE = "openshift-authentication"
LABELS = {"app": "oauth-openshift"}
REPLICAS = 3
KEEP_S = 15.0
TOKEN_S = 86_400.0
PATIENCE_S = 20.0
URL = "https://oauth-openshift.apps.example.com/oauth/token"


_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a sign-in did not succeed, as the hub prints it."""

    error: str
    """The exception at the end of the traceback."""
    told: str = ""
    """What the authenticator prints by itself."""
    ssl: str = ""
    """What Tornado's stream prints."""


@dataclass(slots=True)
class _Replica:
    ip: str
    serving: bool


class OAuth:
    """The servers and the tokens."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._chance = scene.kernel.chance("oauth")
        self.expires_s: dict[str, float] = {}
        """When each user's token expires; the API knows it until then."""
        self._runtimes: dict[str, _Replica] = {}
        self.namespace = NAMESPACE
        self._replica_set = f"oauth-openshift-{self._chance.getrandbits(36):09x}"
        self.pods: list[str] = []
        """Names of the replicas."""
        # What scenarios lay their hands on
        self.stuck: set[str] = set()
        """Pods whose server accepts connections and answers nothing; a restart helps."""
        self.stuck_again = False
        """Whether what makes them stick is still there after a restart."""
        self.failing = False
        """The server ends at once when it starts (a broken configuration)."""
        self.bad_certificate = False
        """It shows a certificate that the hub does not trust."""

    def deploy(self) -> None:
        """Have the replicas run, on three machines."""
        self._scene.cluster.operators.add("authentication", self._degraded)
        for _ in range(REPLICAS):
            self._scene.cluster.place(self._replica())
        self._scene.kernel.start(self._keep())

    def _keep(self) -> Steps:
        """Replace replicas that are gone, as the deployment's controller does."""
        cluster, kernel = self._scene.cluster, self._scene.kernel
        while True:
            yield kernel.wait(KEEP_S)
            self.pods = [name for name in self.pods if self._is_kept(name)]
            for _ in range(REPLICAS - len(self.pods)):
                spec = self._replica()
                try:
                    yield from cluster.api.create_pod(spec, timeout_s=KEEP_S)
                except ApiTimeoutError:
                    continue  # it may be there all the same: the next look will tell
                except (ApiRefusedError, ApiError):
                    self.pods.remove(spec.name)

    def _is_kept(self, name: str) -> bool:
        pod = self._scene.cluster.pod(NAMESPACE, name)
        return pod is not None and not pod.terminating and pod.phase != "Failed"

    def _degraded(self) -> str | None:
        missing = REPLICAS - len(self._scene.cluster.ready_pods(NAMESPACE, LABELS))
        if missing <= 0:
            return None
        return (
            f"OAuthServerDeploymentDegraded: {missing} of {REPLICAS} requested instances are "
            "unavailable for oauth-openshift.openshift-authentication"
        )

    def _replica(self) -> PodSpec:
        suffix = "".join(self._chance.choice(_LETTERS) for _ in range(5))
        name = f"{self._replica_set}-{suffix}"

        def healthy() -> str | None:
            return self._health(name)

        container = ContainerSpec(
            name="oauth-openshift",
            image="quay.io/openshift-release-dev/ocp-v4.0-art-dev:oauth-server",
            program=self._program,
            memory_request=50 * MIB,
            cpu_request=0.01,
            readiness=Probe(healthy),
            liveness=Probe(healthy, initial_s=30.0),
        )
        self.pods.append(name)
        return PodSpec(
            name=name,
            namespace=NAMESPACE,
            containers=(container,),
            labels=LABELS,
            owner=("ReplicaSet", self._replica_set),
        )

    def _health(self, pod: str) -> str | None:
        runtime = self._runtimes.get(pod)
        address = "10.217.0.81:6443" if runtime is None else f"{runtime.ip}:6443"
        if pod in self.stuck:
            return (
                f'Get "https://{address}/healthz": net/http: request canceled '
                "(Client.Timeout exceeded while awaiting headers)"
            )
        if runtime is None or not runtime.serving:
            return (
                f'Get "https://{address}/healthz": dial tcp {address}: connect: connection refused'
            )
        return None

    # ── a server ─────────────────────────────────────────────────────────────────────────────

    def _program(self, runtime: Runtime) -> Steps:
        kernel = self._scene.kernel
        replica = self._runtimes[runtime.pod] = _Replica(runtime.ip, serving=kernel.now == 0)
        runtime.memory_bytes, runtime.cpu_cores = 60 * MIB, 0.01
        if not self.stuck_again:
            self.stuck.discard(runtime.pod)
        try:
            if kernel.now > 0:
                yield kernel.wait(1.5 * runtime.slowness())
                if self.failing:
                    told = "error: failed to load the serving certificate: tls: private key does "
                    print_to(runtime, klog_line(kernel, "F", "cmd.go:49", f"{told}not match"))
                    return 255
                serving = "Serving securely on [::]:6443"
                print_to(runtime, klog_line(kernel, "I", "secure_serving.go:178", serving))
                replica.serving = True
            while True:
                yield kernel.wait(self._chance.expovariate(1 / 600))
                peer = f"10.{self._chance.randrange(128, 132)}.{self._chance.randrange(0, 8)}.1"
                told = (
                    f"http: TLS handshake error from {peer}:{self._chance.randrange(33000, 60000)}"
                )
                print_to(runtime, klog_line(kernel, "I", "log.go:172", f"{told}: EOF"))
        except simpy.Interrupt:
            return 0
        finally:
            self._runtimes.pop(runtime.pod, None)

    # ── what the hub asks ────────────────────────────────────────────────────────────────────

    def exchange(self, name: str) -> Steps:
        """Exchange a code for a token; return a ``Failure`` or None."""
        kernel = self._scene.kernel
        pods = self._scene.cluster.ready_pods(NAMESPACE, LABELS)
        if not pods:
            yield kernel.wait(0.01)
            self._scene.hit(OAUTH)
            return _refused()
        pod = self._chance.choice(pods)
        if pod.name in self.stuck or not self._scene.cluster.reachable(pod.ip or ""):
            yield kernel.wait(PATIENCE_S)
            self._scene.hit(OAUTH)
            return _timed_out()
        yield kernel.wait(about(self._chance, 0.06))
        if self.bad_certificate:
            self._scene.hit(OAUTH)
            return _untrusted(self._chance.randrange(12, 60))
        try:  # the server keeps tokens through the API
            yield from self._scene.cluster.api.review("", timeout_s=PATIENCE_S)
        except (ApiRefusedError, ApiTimeoutError):
            self._scene.hit(OAUTH)
            return _timed_out()
        except ApiError as refusal:
            if refusal.status != 401:  # noqa: PLR2004 - Unauthorized: it was not anybody's
                self._scene.hit(OAUTH)
                return _refused()
        self.grant(name, kernel.now + TOKEN_S)
        return None

    def grant(self, name: str, until_s: float) -> None:
        """Give a user a token."""
        self.expires_s[name] = until_s
        self._scene.cluster.api.tokens[f"sha256~{name}"] = name

    def holds(self, name: str) -> Steps:
        """Return whether a user's token still holds; in doubt it does."""
        token = f"sha256~{name}"
        if self.expires_s.get(name, 0.0) <= self._scene.kernel.now:
            self._scene.cluster.api.tokens.pop(token, None)
        try:
            yield from self._scene.cluster.api.review(token, timeout_s=PATIENCE_S)
        except (ApiRefusedError, ApiTimeoutError):
            return True
        except ApiError as refusal:
            return refusal.status != 401  # noqa: PLR2004 - Unauthorized
        return True


def _timed_out() -> Failure:
    why = f"HTTP 599: Connection timed out after {PATIENCE_S * 1000:.0f} milliseconds"
    return Failure(
        error=f"tornado.simple_httpclient.HTTPTimeoutError: {why}",
        told=f"Error fetching 599 POST {URL}: {why}",
    )


def _refused() -> Failure:
    why = "HTTP 503: Service Unavailable"
    return Failure(
        error=f"tornado.httpclient.HTTPClientError: {why}",
        told=f"Error fetching 503 POST {URL}: {why}",
    )


def _untrusted(descriptor: int) -> Failure:
    why = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
    detail = f"{why}: self signed certificate in certificate chain (_ssl.c:1131)"
    return Failure(
        error=f"ssl.SSLCertVerificationError: {detail}",
        ssl=f"SSL Error on {descriptor} ('172.30.91.14', 443): {detail}",
    )
