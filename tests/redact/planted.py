"""Secrets as they are planted into telemetry, each with the text around it that tells it.

None is real: made for these tests, in the shapes that real ones have. They are put together from
halves, so that nothing that looks for secrets in this repository takes them for some.
"""

from typing import NamedTuple


class Planted(NamedTuple):
    """A secret, and a text with ``{}`` where it stands."""

    secret: str
    around: str


_HEX = "0a1b2c3d4e5f6789" * 2
_OPENSHIFT = "sha256~" + "Ab3_dE6-gH9jK2mN5pQ8sT1vW4yZ7bD0fG3iL6oR9uX"
_JWT = "eyJ" + "hbGciOiJSUzI1NiJ9." + "eyJzdWIiOiJhbGljZSJ9" + ".c2lnbmF0dXJlLXNpZ25hdHVyZQ"
_COOKIE = "2|1:0|10:1577836800|22:jupyterhub-hub-login|20:c2VjcmV0IHNlc3Npb24h|" + _HEX * 2

PLANTED = (
    Planted(_HEX, "token {}"),
    Planted(_HEX, "JUPYTERHUB_API_TOKEN={}"),
    Planted("gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8", "{}"),
    Planted("gh" + "o_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8", "cloning with {}"),
    Planted("gh" + "s_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8", "x-access-token:{}"),
    Planted("github" + "_pat_" + "11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789", "{}"),
    Planted(_OPENSHIFT, "{}"),
    Planted(_JWT, "{}"),
    Planted("hunt3r+Two", "postgresql://jupyterhub:{}@db:5432/hub"),
    Planted("hu/nt3r@Two", "postgresql://jupyterhub:{}@db:5432/hub"),
    Planted("hunt3rTwo", "redis://:{}@cache:6379/0"),
    Planted("hunt3rTwo", "host=db user=jupyterhub password={} dbname=hub"),
    Planted("hunt3r Two", "host=db password='{}' dbname=hub"),
    Planted("hunt3r,Two", "Server=db;Password={};Database=hub"),
    Planted("hunt3rTwo", "PGPASSWORD={}"),
    Planted("hunt3r Two", "ALTER ROLE hub PASSWORD '{}'"),
    Planted("hunt3r Two", '{{"user": "alice", "password": "{}"}}'),
    Planted("hunt3r Two", '{{\\"user\\":\\"alice\\",\\"password\\":\\"{}\\"}}'),
    Planted("hunt3rTwo", "username=alice&password={}&next=/hub"),
    Planted("hunt3rTwo", "Database(user='hub', password=b'{}')"),
    Planted("hunt3rTwo", "oc login --password {} --server=https://api"),
    Planted(_HEX, "Authorization: token {}"),
    Planted("k3yK3yk3yK3y", "Authorization: Bearer {}"),
    Planted("aHViOmh1bnQzclR3bw==", "Authorization: Basic {}"),
    Planted("dTpw", "'authorization': 'Basic {}', 'accept': '*/*'"),
    Planted("k3yK3yk3yK3y", '{{"Authorization":["Bearer {}"]}}'),
    Planted("aHViOmh1bnQzclR3bw==", "asked with Basic {}"),
    Planted("5ccc069c403ebaf9f0171e95", 'Authorization: Digest username="a", response="{}"'),
    Planted("s3ss10n", "Cookie: jupyterhub-session-id={}; theme=dark"),
    Planted("s3ss10n", "Set-Cookie: jupyterhub-hub-login={}; Path=/hub/; HttpOnly"),
    Planted(_COOKIE, 'Cookie: a=b; jupyterhub-hub-login="{}"; c=d'),
    Planted(_COOKIE, "the value {} is not valid"),
    Planted("2|a1b2|c3d4e5f6|1577836800", "_xsrf={}"),
    Planted("s3ss10n", "jupyterhub-session-id={}"),
    Planted("SplxlOBeZQQYbYS6", "GET /hub/oauth_callback?code={}&x=1"),
    Planted("xyzabc", "GET /hub/oauth_callback?x=1&state={} (@10.1.2.3)"),
    Planted("SplxlOBeZQQYbYS6", "next=%2Foauth_callback%3Fcode%3D{}%26x%3D1"),
    Planted("SplxlOBe1QQYbYS6", '{{"code": "{}", "grant_type": "authorization_code"}}'),
    Planted("acc3ss", "?access_token={}"),
    Planted("acc3ss", '{{"access_token":"{}","token_type":"Bearer"}}'),
    Planted("c1ient", "client_id=hub&client_secret={}"),
    Planted("c1ient", '{{"client_id": "hub", "client_secret": "{}"}}'),
    Planted("AKIA" + "IOSFODNN7EXAMPLE", "{}"),
    Planted("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = {}"),
    Planted("xox" + "b-123456789012-AbCdEfGhIjKl", "{}"),
    Planted("T00000000/B00000000/AbCdEfGhIjKl", "https://hooks.slack.com/services/{}"),
    Planted("k3yK3y", "api_key={}"),
    Planted("k3yK3y", "x-api-key: {}"),
    Planted(_HEX, "GET /hub/api/authorizations/token/{}"),
    Planted(_HEX + "0a1b2c3d", "https://{}@github.com/org/repo"),
    Planted("hf" + "_AbCdEfGhIjKlMnOpQrStUvWxYz01234567", "logged in with {}"),
)

_BODY = (
    "MIIEowIBAAKCAQEAx3dF0a8mYb6Qe1Zc9rTnWvUuKkLlSsPpOoIiJjHhGgFfDdRr",
    "x7Qm2Vn5Bt8Ky1Wz4Cx6Dv9Eu3Ft0Gs+HrIqJpKo/LnMmNlOkPjQiRhSgTfUeVdW",
    "c8Xb0Ya1Zb2Ac3Bd4Ce5Df6Eg7Fh8Gi9HjIk==",
)
KEY_SECRETS = _BODY
KEY = "\n".join(
    ("-----BEGIN RSA PRIVATE" + " KEY-----", *_BODY, "-----END RSA PRIVATE" + " KEY-----")
)

ORDINARY = (
    "[I 2026-03-02 10:15:04.120 JupyterHub log:189] 200 GET /hub/api/users/alice (a@b.c) 3.1ms",
    (
        "302 GET /hub/api/oauth2/authorize?client_id=jupyterhub-user-al&response_type=code&state="
        "[secret] -> /user/alice/oauth_callback?code=[secret]&state=[secret] (alice@10.1.2.3) 25ms"
    ),
    'FATAL:  password authentication failed for user "jupyterhub"',
    "connecting to postgresql://jupyterhub:***@db:5432/hub",
    "Pulled image quay.io/hub/img@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b",
    "docker://k8s-hub:3.0@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 checked out 9fceb02d0ae5",
    "pod 9f1c2d3e-1111-2222-3333-444455556666 in jupyterhub-124-x7k2p",
    'MountVolume.SetUp failed for volume "x" : secret "hub-secret" not found',
    "Error: couldn't find key api-token in Secret opf/jupyterhub",
    "references non-existent secret key: api_token",
    "rpc error: code = Unavailable desc = error reading from server: EOF",
    "exit code=137 state=Terminated reason=OOMKilled",
    "GET /hub/api/users?state=inactive&offset=0",
    "Invalid token: expired at 10:15; Unexpected token: < in JSON",
    "client_secret=None password=*** max_tokens=4096 token_url=https://sso/token",
    "bearer token expired; basic auth is off; cookie: none; authorization: denied",
    "http://10.0.0.1:8081/hub/api?mail=a@b.c",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in main\nKeyError: 'a'",
)
