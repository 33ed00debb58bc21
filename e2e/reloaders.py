"""Reloaders of others, built from their Go modules, in pods as their authors mean them to run."""

from __future__ import annotations

import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

from e2e.cluster import E2E, LOCAL, find_cache
from e2e.images.archive import write_archive
from e2e.namespace import read_manifest
from sidecar.kube.ports import Json

NATS, OPERATOR = "nats-server-config-reloader", "prometheus-config-reloader"
RELOADERS = (NATS, OPERATOR)
TAG = "bench"
BUILD_TIMEOUT_S = 1800.0
"""The second one takes ten minutes, cold and niced."""
LOW_PRIORITY = ("nice", "-n", "19")
CONFIG_FOLDER, FILE = "/etc/prometheus", "prometheus.yml"
PID_FILE = "/run/surehup/prometheus.pid"
WRITE_PID = f"""
import os, signal, time
while True:
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            name = os.path.basename(os.readlink("/proc/" + entry + "/exe"))
        except OSError:
            continue  # it is not ours, or has ended
        if name == "prometheus":
            with open("{PID_FILE}.new", "w") as file:
                file.write(entry)
            os.rename("{PID_FILE}.new", "{PID_FILE}")
            signal.pause()
    time.sleep(0.1)
"""
"""Prometheus writes no PID file, as NATS does; the sidecar's image has the interpreter for it."""


def build_reloader(name: str) -> Path:
    """An archive of the image localhost/NAME:bench, which holds that one program."""
    program = find_cache() / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    go = shutil.which("go", path=f"{E2E.parent}/.venv/bin") or shutil.which("go")
    go = go or shutil.which("go", path="/usr/local/go/bin")
    assert go is not None, "there is no Go to build reloaders with: .ci/setup go brings one"
    command = [
        *LOW_PRIORITY,
        go,
        "build",
        "-trimpath",
        "-ldflags=-s -w",
        "-o",
        str(program),
        "tool",
    ]
    subprocess.run(
        ["env", "CGO_ENABLED=0", *command],
        cwd=E2E / "peers" / name,
        check=True,
        timeout=BUILD_TIMEOUT_S,
    )
    layer = program.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        tar.add(program, arcname=name)
    archive = find_cache() / "images" / f"{name}.tar"
    config = {"Entrypoint": [f"/{name}"], "User": "65534:65534"}
    write_archive(f"{LOCAL}/{name}:{TAG}", archive, [layer], config, machine=platform.machine())
    layer.unlink()
    return archive


def make_pod(name: str) -> Json:
    """A Prometheus with this reloader instead of ours."""
    pod = read_manifest("prometheus")
    ours = pod["spec"]["initContainers"][0]
    mounts = [one for one in ours["volumeMounts"] if one["name"] != "token"]
    common = {
        "restartPolicy": "Always",
        "securityContext": ours["securityContext"],
        "volumeMounts": mounts,
    }
    reloader = {"name": "reloader", "image": f"{LOCAL}/{name}:{TAG}", **common}
    if name == NATS:
        reloader["args"] = ["-pid", PID_FILE, "-config", f"{CONFIG_FOLDER}/{FILE}"]
        command = ["python3.11", "-c", WRITE_PID]
        writer = {"name": "pid", "image": ours["image"], "command": command, **common}
        sidecars = [writer, reloader]
    else:
        reloader["args"] = [
            "--listen-address=127.0.0.1:9533",
            f"--watched-dir={CONFIG_FOLDER}",
            "--reload-url=http://127.0.0.1:9090/-/reload",
        ]
        pod["spec"]["containers"][0]["args"].append("--web.enable-lifecycle")
        sidecars = [reloader]
    pod["metadata"]["name"] = name
    pod["spec"]["initContainers"] = sidecars
    return pod
