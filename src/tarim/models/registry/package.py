"""The package of a model: a signed manifest that names by digest everything the model is made of.

    model ◄── manifest ──► card
                 │
                 └──► run record ──► dataset manifest ──► data

Whoever holds the manifest, its signature and the files finds a change of any byte.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import Damaged

PACKAGE_FORMAT: Final = 1
PACKAGE_BYTES_MAX: Final = 64 << 10

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class PackageManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a package says; written as canonical JSON and signed by the house.

    model, card: SHA-256 of the files' bytes.  run: SHA-256 of the run record's bytes, `run_id` names its folder.  dataset:
    digest of the dataset as the run recorded it.  features: version of the feature set.  made_ms: ms since the epoch.
    """

    format: int
    service: str
    name: Text
    model: Digest
    kind: Text
    features: Text
    run_id: Text
    run: Digest
    dataset: Digest
    card: Digest
    operator: Text
    made_ms: int


def read_package(content: bytes) -> PackageManifest:
    """The manifest of such bytes.  Raises Damaged."""
    try:
        manifest = msgspec.json.decode(content[: PACKAGE_BYTES_MAX + 1], type=PackageManifest)
    except msgspec.MsgspecError:
        raise Damaged("the package's manifest cannot be read") from None
    if manifest.format != PACKAGE_FORMAT:
        raise Damaged(f"the package's manifest has format {manifest.format}, this version reads {PACKAGE_FORMAT}")
    return manifest
