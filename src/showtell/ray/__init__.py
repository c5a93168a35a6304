"""The same work on many machines with Ray. Only this room imports Ray.

Work is cut into pieces, and each piece runs wherever a core is free. The code that does a piece is the code that runs
without Ray. Every machine needs Showtell and the same paths to pictures and results.
"""

from showtell.errors import require

require("ray.data", extra="ray", what="work on many machines")

from showtell.ray.captions import captions_on
from showtell.ray.cluster import cluster
from showtell.ray.embed import embed_on
from showtell.ray.pieces import pieces_on

__all__ = ["captions_on", "cluster", "embed_on", "pieces_on"]
