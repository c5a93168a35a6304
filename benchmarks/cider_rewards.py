"""Time CIDEr-D as a reward: a batch of captions of some pictures, against references that are counted once.

    python benchmarks/cider_rewards.py REFERENCES --pictures 64 --captions 5

REFERENCES is any caption file. The captions to score are references of other pictures, so they have a natural length
and are partly right. Seconds are of processor time.
"""

import argparse
import random
import statistics
import sys
import time
from pathlib import Path

from showtell.data.captions.caption_set import read_captions
from showtell.errors import InputError
from showtell.metrics import CiderD, ptb_tokenize


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("references", type=Path, metavar="REFERENCES")
    parser.add_argument("--pictures", type=int, default=64, help="pictures in a batch (default: 64)")
    parser.add_argument("--captions", type=int, default=5, help="captions of each (default: 5)")
    parser.add_argument("--batches", type=int, default=50, help="how many batches (default: 50)")
    args = parser.parse_args()
    texts = read_captions(args.references).captions
    references = {name: [ptb_tokenize(text) for text in of] for name, of in texts.items()}
    began = time.process_time()
    reward = CiderD(references)
    print(f"{len(references)} pictures' references counted in {time.process_time() - began:.2f} s")
    rng = random.Random(0)
    names, seconds = list(references), []
    for _ in range(args.batches):
        pictures = rng.choices(names, k=args.pictures * args.captions)
        captions = [rng.choice(references[rng.choice(pictures)]) for _ in pictures]
        began = time.process_time()
        reward.score_batch(pictures, captions)
        seconds.append(time.process_time() - began)
    print(
        f"{len(pictures)} captions: median {1000 * statistics.median(seconds):.1f} ms "
        f"({1000 * min(seconds):.1f} to {1000 * max(seconds):.1f})"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"error: {error}")
