"""What a sidecar watches besides one ConfigMap: two of them, and a Secret with certificates."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from e2e.certificates import Pair, forwarded, issue, read_served
from e2e.metrics import METRICS_PORT, add_up
from e2e.namespace import Namespace, read_manifest
from e2e.prometheus import CONFIG, FILE, configure, find_interval
from e2e.waiting import wait_until
from sidecar.kube.ports import SECRETS, Json, Ref
from sidecar.record.annotations import read_marks

POD = "prometheus"
WEB = "web-config"
WEB_FILE = "nginx.conf"
TLS = "web-tls"
WEB_PORT, TLS_PORT = 8080, 8443
SETTLED_WITHIN_S = 60.0
SERVED_WITHIN_S = 30.0
SETTINGS = "surehup.dev/settings"
NGINX = """\
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server {
    listen %s;
    return 200 "%s";
  }
}
"""
CERTIFIED = f"""{TLS_PORT} ssl;
    ssl_certificate /etc/tls/tls.crt;
    ssl_certificate_key /etc/tls/tls.key"""
PROMETHEUS_BRIDGE = {
    "name": "prometheus",
    "preset": "prometheus",
    "source": {"configMap": CONFIG, "mount": "/etc/prometheus"},
    "target": {"container": "prometheus"},
}
NGINX_BRIDGE = {
    "name": "nginx",
    "preset": "nginx",
    "source": {"configMap": WEB, "mount": "/etc/nginx"},
    "target": {"container": "nginx"},
}
TLS_BRIDGE = {
    **NGINX_BRIDGE,
    "source": {
        "secret": TLS,
        "mount": "/etc/tls",
        "companions": [{"mount": "/etc/nginx"}],
        "steady": "200ms",
    },
    "validate": [{"command": ["nginx", "-t", "-q", "-c", "{file:etc-nginx/nginx.conf}"]}],
}


def _set(pod: Json, *bridges: Mapping[str, Any]) -> None:
    """Let the sidecar be told by a settings file, in an annotation as the charts have it."""
    pod["metadata"]["annotations"] = {SETTINGS: json.dumps({"bridges": bridges})}
    item = {
        "path": "settings.yaml",
        "fieldRef": {"fieldPath": f"metadata.annotations['{SETTINGS}']"},
    }
    pod["spec"]["volumes"].append({"name": "settings", "downwardAPI": {"items": [item]}})
    sidecar = pod["spec"]["initContainers"][0]
    sidecar["args"] = ["run", "--config=/etc/surehup/settings.yaml"]
    sidecar["volumeMounts"].append({"name": "settings", "mountPath": "/etc/surehup"})


def _mount(pod: Json, name: str, path: str, volume: Mapping[str, Any], *containers: Json) -> None:
    pod["spec"]["volumes"].append({"name": name, **volume})
    for container in containers:
        container["volumeMounts"].append({"name": name, "mountPath": path})


def _make_nginx(port: int) -> Json:
    main = read_manifest("prometheus")["spec"]["containers"][0]
    return {
        "name": "nginx",
        "image": main["image"].replace("prometheus", "nginx"),
        "args": ["-g", "daemon off;"],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "securityContext": main["securityContext"],
        "volumeMounts": [],
    }


def _grant(*operations: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Changes of the shipped Role's rule on ConfigMaps."""
    target = {"kind": "Role", "name": "surehup"}
    return [{"target": target, "patch": json.dumps(operations)}]


def test_two_config_maps_and_two_daemons_in_one_pod(namespace: Namespace) -> None:
    namespace.cluster.provide("surehup", "prometheus", "nginx")
    pod = read_manifest("prometheus")
    nginx = _make_nginx(WEB_PORT)
    pod["spec"]["containers"].append(nginx)
    both = (nginx, pod["spec"]["initContainers"][0])
    _mount(pod, "web", "/etc/nginx", {"configMap": {"name": WEB}}, *both)
    _mount(pod, "scratch", "/tmp", {"emptyDir": {}}, nginx)  # noqa: S108  within the pod
    _set(pod, PROMETHEUS_BRIDGE, NGINX_BRIDGE)
    namespace.put_config(CONFIG, **{FILE: configure(60)})
    namespace.put_config(WEB, **{WEB_FILE: NGINX % (WEB_PORT, "one")})
    names = {"op": "add", "path": "/rules/0/resourceNames/-", "value": WEB}
    namespace.apply(pod, patches=_grant(names))
    namespace.wait_ready(POD)
    namespace.wait_status(CONFIG, "Applied")
    namespace.wait_status(WEB, "Applied")

    namespace.put_config(CONFIG, **{FILE: configure(45)})
    namespace.put_config(WEB, **{WEB_FILE: (NGINX % (WEB_PORT, "two")).replace("return", "retrun")})
    namespace.wait_status(CONFIG, "Applied")
    rejected = namespace.wait_status(WEB, "Rejected")
    assert "retrun" in rejected["message"]
    assert find_interval(namespace, POD) == "45s"
    assert namespace.get_through_proxy(POD, WEB_PORT, "/") == "one"

    namespace.put_config(WEB, **{WEB_FILE: NGINX % (WEB_PORT, "two")})
    namespace.wait_status(WEB, "Applied")
    wait_until(
        "new page",
        lambda: namespace.get_through_proxy(POD, WEB_PORT, "/") == "two",
        within_s=SERVED_WITHIN_S,
        shown=lambda: namespace.get_through_proxy(POD, WEB_PORT, "/"),
    )
    page = namespace.get_through_proxy(POD, METRICS_PORT, "/metrics")
    assert add_up(page, "surehup_signals_total") == 2


def _put_secret(namespace: Namespace, pair: Pair) -> None:
    """Create the Secret or renew it, as cert-manager would: its annotations stay."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": TLS},
        "data": pair,
    }
    namespace.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--filename=-"), stdin=json.dumps(body)
    )


def _settle(namespace: Namespace, status: str, before: Mapping[str, str]) -> Mapping[str, str]:
    """Wait for this status of other content than `before`: no digest of a Secret can be guessed."""
    ref = Ref(SECRETS, namespace.name, TLS)

    def read() -> dict[str, str]:
        content = namespace.read(ref)
        return {} if content is None else read_marks(content)

    def look() -> dict[str, str] | None:
        marks = read()
        other = marks.get("observed") != before.get("observed")
        return marks if other and marks.get("status") == status else None

    return wait_until(f"{status} Secret", look, within_s=SETTLED_WITHIN_S, shown=read)


def test_a_renewed_certificate_is_served_and_a_broken_one_refused(namespace: Namespace) -> None:
    namespace.cluster.provide("surehup", "nginx")
    pod = read_manifest("prometheus")
    nginx = _make_nginx(TLS_PORT)
    pod["spec"]["containers"] = [nginx]
    sidecar = pod["spec"]["initContainers"][0]
    sidecar["volumeMounts"] = [one for one in sidecar["volumeMounts"] if one["name"] != "config"]
    _mount(pod, "web", "/etc/nginx", {"configMap": {"name": WEB}}, nginx, sidecar)
    _mount(pod, "tls", "/etc/tls", {"secret": {"secretName": TLS}}, nginx, sidecar)
    _mount(pod, "scratch", "/tmp", {"emptyDir": {}}, nginx, sidecar)  # noqa: S108  within the pod
    pod["spec"]["volumes"] = [one for one in pod["spec"]["volumes"] if one["name"] != "config"]
    _set(pod, TLS_BRIDGE)
    namespace.put_config(WEB, **{WEB_FILE: NGINX % (CERTIFIED, "here")})
    first = issue(namespace.folder, "one.example")
    _put_secret(namespace, first)
    secrets = {"op": "replace", "path": "/rules/0/resources", "value": ["secrets"]}
    names = {"op": "replace", "path": "/rules/0/resourceNames", "value": [TLS]}
    namespace.apply(pod, patches=_grant(secrets, names))
    namespace.wait_ready(POD)
    applied = _settle(namespace, "Applied", {})
    with forwarded(namespace, POD, TLS_PORT) as port:

        def serves(pair: Pair) -> bool:
            return read_served(port).strip() == base64.b64decode(pair["tls.crt"]).strip()

        assert serves(first)
        renewed = issue(namespace.folder, "two.example")
        _put_secret(namespace, renewed)
        applied = _settle(namespace, "Applied", applied)
        wait_until(
            "renewed certificate",
            lambda: serves(renewed),
            within_s=SERVED_WITHIN_S,
            shown=lambda: read_served(port).decode(),
        )

        mixed = {**renewed, "tls.key": first["tls.key"]}
        _put_secret(namespace, mixed)
        rejected = _settle(namespace, "Rejected", applied)
        assert "key" in rejected["message"]
        assert rejected["active"] == applied["observed"]
        assert serves(renewed)
