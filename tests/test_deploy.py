"""The cluster files fit Ray's own schema and KubeRay's custom resources, and give commands that showtell knows."""

import re
import shlex

import typer
import yaml

from repository import ROOT
from showtell.cli import app

DEPLOY = ROOT / "deploy"

# Of ray.io/v1, from ray-operator/apis/ray/v1/*_types.go: the fields that may stand there, and those that must.
RAY_JOB = {
    "activeDeadlineSeconds": int,
    "backoffLimit": int,
    "clusterSelector": dict,
    "entrypoint": str,
    "entrypointNumCpus": float,
    "entrypointNumGpus": float,
    "entrypointResources": str,
    "jobId": str,
    "managedBy": str,
    "metadata": dict,
    "rayClusterSpec": dict,
    "runtimeEnvYAML": str,
    "shutdownAfterJobFinishes": bool,
    "submissionMode": str,
    "submitterConfig": dict,
    "submitterPodTemplate": dict,
    "suspend": bool,
    "ttlSecondsAfterFinished": int,
}
RAY_CLUSTER = {
    "autoscalerOptions": dict,
    "enableInTreeAutoscaling": bool,
    "headGroupSpec": dict,
    "headServiceAnnotations": dict,
    "rayVersion": str,
    "suspend": bool,
    "workerGroupSpecs": list,
}
HEAD_GROUP = {"enableIngress": bool, "headService": dict, "rayStartParams": dict, "serviceType": str, "template": dict}
WORKER_GROUP = {
    "groupName": str,
    "maxReplicas": int,
    "minReplicas": int,
    "numOfHosts": int,
    "rayStartParams": dict,
    "replicas": int,
    "scaleStrategy": dict,
    "template": dict,
}


def require(value, fields, needed):
    """`value` has fields of these names and types only, and those that are needed."""
    assert set(needed) <= set(value) <= set(fields), set(value) ^ set(fields)
    for name, one in value.items():
        assert isinstance(one, fields[name]), (name, one)


def require_command(line):
    """A command line of showtell has options that it knows, and `--ray auto`."""
    _, name, *arguments = shlex.split(line)
    command = typer.main.get_command(app).commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {one for one in arguments if one.startswith("-")} <= known
    assert arguments[-2:] == ["--ray", "auto"]


def test_the_file_for_the_cluster_launcher_fits_rays_schema():
    from ray.autoscaler._private.util import prepare_config, validate_config

    text = (DEPLOY / "ray-cluster.yaml").read_text()
    config = yaml.safe_load(text)
    whole = prepare_config(config)
    validate_config(whole)
    assert whole["available_node_types"]["worker"]["min_workers"] == whole["max_workers"] == 8
    mounted = config["docker"]["run_options"][-1].partition(":")[2]
    commented = re.sub(r"\n#\s+", " ", text.replace("\\\n", "\n"))
    (command,) = re.findall(r'"(showtell caption .*?)"', commented)
    require_command(command)
    assert f"-o {mounted}/" in command


def test_the_file_for_kubernetes_has_the_fields_of_kuberays_resources():
    text = (DEPLOY / "kuberay.yaml").read_text()
    volume, account, job = yaml.safe_load_all(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    require(job["spec"], RAY_JOB, {"entrypoint", "rayClusterSpec"})
    require_command(job["spec"]["entrypoint"])
    cluster = job["spec"]["rayClusterSpec"]
    require(cluster, RAY_CLUSTER, {"headGroupSpec", "workerGroupSpecs"})
    assert f"ray:{cluster['rayVersion']}-" in (DEPLOY / "Dockerfile").read_text()
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    require(head, HEAD_GROUP, {"rayStartParams", "template"})
    require(workers, WORKER_GROUP, {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"})
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    for group in (head, workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert {"name", "image", "resources", "volumeMounts"} == set(container)
        assert container["resources"]["requests"] == container["resources"]["limits"]
        (mount,) = container["volumeMounts"]
        assert f"-o {mount['mountPath']}/" in job["spec"]["entrypoint"]
        (disk,) = pod["volumes"]
        assert disk == {"name": mount["name"], "persistentVolumeClaim": {"claimName": volume["metadata"]["name"]}}
        assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert volume["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_compose_file_runs_the_image_with_options_that_serve_knows():
    file = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert set(file) == {"services"}
    (service,) = file["services"].values()
    assert (DEPLOY / service["build"] / "Dockerfile").is_file()
    known = {option for one in typer.main.get_command(app).commands["serve"].params for option in one.opts}
    assert {word for word in service["command"] if word.startswith("--")} <= known
    assert service["read_only"] is True
    assert all(one.startswith("127.0.0.1:") for one in service["ports"])
