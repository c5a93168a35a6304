"""One cluster of two nodes on this machine, which all tests of this folder share."""

import os

import pytest


@pytest.fixture(scope="session")
def cluster():
    """Two nodes of one core each, and a connection to them."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[test]'")
    os.environ |= {"RAY_AUTH_MODE": "disabled", "no_proxy": "*"}
    from ray.cluster_utils import Cluster

    import ray

    if ray.is_initialized():
        ray.shutdown()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()
