"""The cores that a process may use: those of its affinity, less what the quota of a container takes away."""

import os

import pytest

from showtell.onnx_graphs.session import available_cores, quota_in_cores


def machine(root, cgroup, files):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1 = "4:memory:/a\n3:cpu,cpuacct:/docker/a\n"


@pytest.mark.parametrize(
    ("cgroup", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/pod/box\n", {"pod/cpu.max": "200000 100000", "pod/box/cpu.max": "max 100000"}, 2),
        ("0::/pod/box\n", {"pod/cpu.max": "200000 100000", "pod/box/cpu.max": "50000 100000"}, 0.5),
        ("0::/of/the/host\n", {"cpu.max": "300000 100000"}, 3),  # where the path is that outside of the container
        ("0::/\n", {}, None),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "250000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 2.5),
        (V1, {"cpu/docker/a/cpu.cfs_quota_us": "100000\n", "cpu/docker/a/cpu.cfs_period_us": "100000\n"}, 1),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        (V1, {"cpu/cpu.cfs_quota_us": "100", "cpu/cpu.cfs_period_us": "0"}, None),
    ],
)
def test_the_quota_of_control_groups_is_read(tmp_path, cgroup, files, cores):
    assert quota_in_cores(machine(tmp_path, cgroup, files)) == cores


def test_a_machine_without_control_groups_has_no_quota(tmp_path):
    assert quota_in_cores(tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (1.5, 2), (0.2, 1), (4, 4), (64, 8)])
def test_cores_are_the_least_of_affinity_and_quota(monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr("showtell.onnx_graphs.session.quota_in_cores", lambda: quota)
    assert available_cores() == cores
