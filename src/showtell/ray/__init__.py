"""The same work on many machines, by Ray: only here may it be imported.

Work is cut into pieces that are done wherever a core is free; what a piece is made into, and how, is the code that runs
without Ray. Every machine must see the pictures and the results under the same paths, and have showtell installed.
"""

from showtell.errors import require

require("ray.data", extra="ray", what="work on many machines")

from showtell.ray.captions import captions_on
from showtell.ray.cluster import cluster
from showtell.ray.embed import embed_on
from showtell.ray.pieces import pieces_on

__all__ = ["captions_on", "cluster", "embed_on", "pieces_on"]
