"""Objects of Kubernetes: for each machine a pod that stays itself, found by a name, with a disk of its own.

Settings go into a ConfigMap. Keys go into a file of their own, mode 0600, which holds a Secret.
"""

import base64
import json
from pathlib import Path
from typing import Any

from ..platform.services.base import STOP_TIMEOUT_S
from .bundle import Written, key_files, put
from .plan import Plan

ADDRESS = "cryptobot-{}"
"""The name under which a machine's pod is found."""
_USER_ID = 10001
_COPY = (
    "umask 077 && mkdir -p {home}/keys/bus && cp /settings/config.yaml {home}/config.yaml && "
    "cp -rL /keys/. {home}/keys/bus/"
)
_STEPS = """\
CryptoBot on Kubernetes: a pod for each of {names}.

  kubectl apply -f keys.secret.yaml        # secret: keep it out of git, and remove it afterwards
  kubectl apply -f cryptobot.yaml
  kubectl exec -it {first}-0 -- {program} --home {home} secret set database.password     # each pod
  kubectl exec -it {first}-0 -- {program} --home {home} up --plan

The image must hold {program}, sh, mkdir and cp. Changed settings: apply again and delete the pod.
{dashboard}"""
_DASHBOARD = "The dashboard: kubectl port-forward {pod}-0 {port}, then https://localhost:{port}/\n"
_BASE_MIB, _EACH_MIB = 200, 120


def write(plan: Plan, out: Path, image: str) -> list[Written]:
    """OUT/cryptobot.yaml, OUT/keys.secret.yaml (0600) and the steps."""
    units = [one for name in plan.names for one in objects(plan, name, out, image)]
    secrets = [_secret(name, out) for name in plan.names]
    first = ADDRESS.format(plan.names[0])
    dashboard = ""
    if plan.dashboard_machine and plan.settings.dashboard.port:
        pod = ADDRESS.format(plan.dashboard_machine)
        dashboard = _DASHBOARD.format(pod=pod, port=plan.settings.dashboard.port)
    steps = _STEPS.format(
        names=", ".join(plan.names), first=first, program=plan.program, home=plan.home, dashboard=dashboard
    )
    return [
        put(out / "cryptobot.yaml", _yaml(units)),
        put(out / "keys.secret.yaml", _yaml(secrets), secret=True),
        put(out / "INSTALL.txt", steps),
    ]


def objects(plan: Plan, name: str, out: Path, image: str) -> list[dict[str, Any]]:
    """ConfigMap, Service and StatefulSet of one machine."""
    settings = {"config.yaml": plan.config(name)}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(name), "data": settings},
        _service(plan, name),
        _stateful_set(plan, name, out, image),
    ]


def _metadata(name: str, **more: object) -> dict[str, Any]:
    return {"name": ADDRESS.format(name), "labels": _labels(name), **more}


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "cryptobot", "app.kubernetes.io/component": name}


def _service(plan: Plan, name: str) -> dict[str, Any]:
    """Without an address of its own: the name leads to the pod itself, also before it is ready."""
    ports = [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in plan.ports(name)]
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": _labels(name),
        "ports": ports,
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name), "spec": spec}


def _stateful_set(plan: Plan, name: str, out: Path, image: str) -> dict[str, Any]:
    claim = {
        "metadata": {"name": "home"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
    }
    spec = {
        "serviceName": ADDRESS.format(name),
        "replicas": 1,
        "selector": {"matchLabels": _labels(name)},
        "template": {"metadata": {"labels": _labels(name)}, "spec": _pod(plan, name, out, image)},
        "volumeClaimTemplates": [claim],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": _metadata(name), "spec": spec}


def _pod(plan: Plan, name: str, out: Path, image: str) -> dict[str, Any]:
    home = {"name": "home", "mountPath": plan.home}
    scratch = {"name": "scratch", "mountPath": "/tmp"}  # noqa: S108 - a folder of the pod alone
    shut = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    items = [{"key": _key(path), "path": path, "mode": 0o400} for path in key_files(out, name)]
    copied = [
        home,
        {"name": "settings", "mountPath": "/settings", "readOnly": True},
        {"name": "keys", "mountPath": "/keys", "readOnly": True},
    ]
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": STOP_TIMEOUT_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER_ID,
            "runAsGroup": _USER_ID,
            "fsGroup": _USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            {
                "name": "take-settings",
                "image": image,
                "command": ["sh", "-c", _COPY.format(home=plan.home)],
                "securityContext": shut,
                "volumeMounts": copied,
            }
        ],
        "containers": [_container(plan, name, image, [home, scratch], shut)],
        "volumes": [
            {"name": "settings", "configMap": {"name": ADDRESS.format(name)}},
            {"name": "keys", "secret": {"secretName": _secret_name(name), "items": items}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }


def _container(
    plan: Plan, name: str, image: str, mounts: list[dict[str, str]], shut: dict[str, Any]
) -> dict[str, Any]:
    memory = _BASE_MIB + _EACH_MIB * len(plan.machines.hosts[name].services)
    alive = {"exec": {"command": [plan.program, "--home", plan.home, "status", "--json"]}}
    return {
        "name": "cryptobot",
        "image": image,
        "command": [plan.program, "--home", plan.home, "up"],
        "ports": [{"name": f"p{port}", "containerPort": port} for port in plan.ports(name)],
        "resources": {"requests": {"cpu": "250m", "memory": f"{memory}Mi"}},
        "livenessProbe": {**alive, "initialDelaySeconds": 30, "periodSeconds": 30, "timeoutSeconds": 10},
        "securityContext": shut,
        "volumeMounts": mounts,
    }


def _secret_name(name: str) -> str:
    return f"{ADDRESS.format(name)}-keys"


def _secret(name: str, out: Path) -> dict[str, Any]:
    data = {
        _key(path): base64.b64encode(file.read_bytes()).decode()
        for path, file in key_files(out, name).items()
    }
    metadata = {"name": _secret_name(name), "labels": _labels(name)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def _key(path: str) -> str:
    """The key within a Secret, where a path may hold no slash."""
    return path.replace("/", ".")


def _yaml(documents: list[dict[str, Any]]) -> str:
    import yaml

    return "".join(
        "---\n" + yaml.safe_dump(json.loads(json.dumps(one)), sort_keys=False) for one in documents
    )
