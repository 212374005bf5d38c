"""A mark by which a copied model is known from its answers alone (ML-21, AS-22).

    material      rows to ask: combinations of values that are each ordinary and together are not
    embedding     a secret direction, and the smallest change of the model's own numbers that answers along it
    recognising   how far a suspect's answers lie along the direction, and how likely that is by chance

No row or tree is added that could be found and cut out: the leaf values, weights or points that are there move a little.
The direction comes from a key, which neither the model nor the mark holds.  Close kin: in-place marks of boosted trees
(J. W. Chung, Y. Lao, W. Zhao, Robust Watermarking on Gradient Boosting Decision Trees, AAAI 2026, arXiv:2511.09822) and trigger
sets (Y. Adi et al., Turning Your Weakness Into a Strength, USENIX Security 2018).  What is ours is the test: the direction is
uniform on a sphere and independent of every model that was made without the key, so the chance of a false accusation is a
formula and not an experiment.
"""

from tarim.models.watermark.embedding import STRENGTH, Mark, embed, embed_within, mark_bytes, read_mark
from tarim.models.watermark.recognising import CHANCE_MAX, Recogniser, Verdict, chance_of

__all__ = [
    "CHANCE_MAX",
    "STRENGTH",
    "Mark",
    "Recogniser",
    "Verdict",
    "chance_of",
    "embed",
    "embed_within",
    "mark_bytes",
    "read_mark",
]
