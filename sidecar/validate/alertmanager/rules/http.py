"""HTTP clients: authentication, TLS, proxies, headers, as Alertmanager's library judges them."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.headers import canonical_header
from sidecar.validate.alertmanager.models.http import (
    Authorization,
    BasicAuth,
    HttpConfig,
    OAuth2,
    TlsConfig,
)
from sidecar.validate.alertmanager.rules.needs import forbid_both, require_one
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

ANCHOR = "http_config-shared"
SECRET_NEEDED_BEFORE = (0, 28)
PAIRS_CHECKED_SINCE = (0, 26)
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TLS_VERSIONS = frozenset(("TLS10", "TLS11", "TLS12", "TLS13"))

BEARER_TWICE = define(
    "E720", "a bearer token is given twice", fix="Keep the token or its file.", anchor=ANCHOR
)
TWO_KINDS = define(
    "E721",
    "two kinds of authentication are set",
    fix="Keep one of basic_auth, authorization, oauth2 and bearer_token.",
    anchor=ANCHOR,
)
BASIC_TWICE = define(
    "E722",
    "user or password of basic_auth is given twice",
    fix="Keep the value, its file or its reference.",
    anchor=ANCHOR,
)
CREDENTIALS_TWICE = define(
    "E723",
    "credentials are given twice",
    fix="Keep the value, its file or its reference.",
    anchor=ANCHOR,
)
BASIC_TYPE = define(
    "E724",
    "the type of an authorization is Basic",
    fix="Use basic_auth instead.",
    anchor=ANCHOR,
)
NO_CLIENT_ID = define("E725", "oauth2 has no client_id", fix="Set it.", anchor="oauth2-shared")
NO_CLIENT_SECRET = define(
    "E726",
    "oauth2 has no client secret",
    why="Alertmanager before 0.28 refuses the file; later ones let the token request fail.",
    fix="Set client_secret or client_secret_file.",
    anchor="oauth2-shared",
)
NO_TOKEN_URL = define("E727", "oauth2 has no token_url", fix="Set it.", anchor="oauth2-shared")
CLIENT_SECRET_TWICE = define(
    "E728",
    "the secret of oauth2 is given twice",
    fix="Keep the value, its file or its reference.",
    anchor="oauth2-shared",
)
TLS_VERSION = define(
    "E729",
    "a TLS version is unknown",
    fix="Write TLS10, TLS11, TLS12 or TLS13.",
    anchor="tls_config-shared",
)
TLS_HALF = define(
    "E730",
    "half of a client certificate is missing",
    why="Alertmanager since 0.26 refuses the file; 0.25 fails as soon as it builds the client.",
    fix="Set certificate and key, or neither.",
    anchor="tls_config-shared",
)
TLS_TWICE = define(
    "E731",
    "a certificate or key is given twice",
    fix="Keep the value, its file or its reference.",
    anchor="tls_config-shared",
)
PROXY = define(
    "E732",
    "the proxy settings contradict each other",
    fix="Keep proxy_url (with no_proxy and proxy_connect_header) or proxy_from_environment.",
    anchor=ANCHOR,
)
RESERVED_HEADER = define(
    "E733",
    "a header is set that the client sets itself",
    fix="Remove it; credentials belong into authorization or basic_auth.",
    anchor=ANCHOR,
)
SIGNATURE = define(
    "E734",
    "the signature_algorithm of oauth2 is unknown",
    fix="Write RS256, RS384 or RS512.",
    anchor="oauth2-shared",
)
LATE_TLS_HALF = define(
    "W735",
    "half of a client certificate is missing, which 0.25 only notices later",
    why="amtool accepts the file, but the first connection fails.",
    fix="Set certificate and key, or neither.",
    anchor="tls_config-shared",
)

_RESERVED = frozenset(
    (
        *("Authorization", "Host", "Content-Encoding", "Content-Length", "Content-Type"),
        *("User-Agent", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization"),
        *("Www-Authenticate", "Accept-Encoding", "X-Prometheus-Remote-Write-Version"),
        *("X-Prometheus-Remote-Read-Version", "X-Prometheus-Scrape-Timeout-Seconds"),
        *("X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"),
    )
)


@checks(HttpConfig)
def check_kinds(http: HttpConfig, path: Path, _: World) -> Iterator[Fault]:
    """One kind of authentication."""
    bearer = ("bearer_token", "bearer_token_file")
    yield from forbid_both(BEARER_TWICE, http, path, bearer)
    kinds = [
        name
        for name in ("basic_auth", "authorization", "oauth2")
        if getattr(http, name) is not None
    ]
    kinds += [name for name in bearer if http.has(name)][:1]
    if len(kinds) > 1:
        message = f"{' and '.join(kinds)} are set together: only one may be"
        yield Fault(TWO_KINDS, (*path, kinds[1]), message)
    for name in http.http_headers:
        if canonical_header(name) in _RESERVED:
            message = f"the header {canonical_header(name)} cannot be set here"
            yield Fault(RESERVED_HEADER, (*path, "http_headers", name), message)


@checks(BasicAuth)
def check_basic(basic: BasicAuth, path: Path, _: World) -> Iterator[Fault]:
    """User and password once each."""
    for name in ("username", "password"):
        yield from forbid_both(BASIC_TWICE, basic, path, (name, f"{name}_file", f"{name}_ref"))


@checks(Authorization)
def check_authorization(authorization: Authorization, path: Path, _: World) -> Iterator[Fault]:
    """Credentials once, and not those of basic_auth."""
    names = ("credentials", "credentials_file", "credentials_ref")
    yield from forbid_both(CREDENTIALS_TWICE, authorization, path, names)
    if authorization.type.strip().lower() == "basic":
        message = "the type Basic is not taken here: use basic_auth"
        yield Fault(BASIC_TYPE, (*path, "type"), message, at_value=True)


@checks(OAuth2)
def check_oauth2(oauth2: OAuth2, path: Path, world: World) -> Iterator[Fault]:
    """Who asks where, with which secret."""
    yield from require_one(NO_CLIENT_ID, oauth2, path, ("client_id",))
    yield from require_one(NO_TOKEN_URL, oauth2, path, ("token_url",))
    if oauth2.grant_type == JWT_GRANT:
        base = "client_certificate_key"
        names = (base, f"{base}_file", f"{base}_ref")
        yield from forbid_both(CLIENT_SECRET_TWICE, oauth2, path, names)
        if oauth2.signature_algorithm not in {"", "RS256", "RS384", "RS512"}:
            message = "the signature algorithm is unknown"
            yield Fault(SIGNATURE, (*path, "signature_algorithm"), message)
        return
    names = ("client_secret", "client_secret_file", "client_secret_ref")
    yield from forbid_both(CLIENT_SECRET_TWICE, oauth2, path, names)
    if world.target.may_be_before(SECRET_NEEDED_BEFORE):
        yield from require_one(NO_CLIENT_SECRET, oauth2, path, names)


@checks(HttpConfig, OAuth2)
def check_proxy(proxy: HttpConfig | OAuth2, path: Path, _: World) -> Iterator[Fault]:
    """What may stand beside what."""
    url = bool(proxy.proxy_url)
    if proxy.proxy_connect_header and not (proxy.proxy_from_environment or url):
        message = "proxy_connect_header needs proxy_url or proxy_from_environment"
        yield Fault(PROXY, (*path, "proxy_connect_header"), message)
    if proxy.proxy_from_environment and (url or proxy.no_proxy):
        message = "proxy_from_environment excludes proxy_url and no_proxy"
        yield Fault(PROXY, (*path, "proxy_from_environment"), message)
    if proxy.proxy_url is None and proxy.no_proxy:
        yield Fault(PROXY, (*path, "no_proxy"), "no_proxy needs proxy_url")


@checks(TlsConfig)
def check_tls(tls: TlsConfig, path: Path, world: World) -> Iterator[Fault]:
    """Known versions, and whole client certificates."""
    for name in ("min_version", "max_version"):
        version = getattr(tls, name)
        if version is not None and version not in TLS_VERSIONS:
            message = f"there is no TLS version {version!r}"
            yield Fault(TLS_VERSION, (*path, name), message, at_value=True)
    parts = {kind: (kind, f"{kind}_file", f"{kind}_ref") for kind in ("ca", "cert", "key")}
    for names in parts.values():
        yield from forbid_both(TLS_TWICE, tls, path, names)
    cert, key = (any(tls.has(name) for name in parts[kind]) for kind in ("cert", "key"))
    if cert != key:
        rule = TLS_HALF if world.target.may_be_from(PAIRS_CHECKED_SINCE) else LATE_TLS_HALF
        missing = "key_file" if cert else "cert_file"
        yield Fault(rule, path, f"{missing} is missing beside the other half")
