"""Classes and purposes of fields, tokens, and the vault of raw identifiers.

`FIELDS` says for every field of the envelope what it is and what it may be used for.  `Tokenizer` turns an identifier
into the 64-bit token that everything after intake sees.  `MasterKey` is the one secret; the token key and the vault's
wrapping key are derived from it, and so is the key with which `Signer` signs what has to stay as it was written.
"""

from typing import TYPE_CHECKING

from tarim.base.doors import front_door

if TYPE_CHECKING:
    from tarim.privacy.column_bundles import pack_columns
    from tarim.privacy.customer_reading import CustomerReader
    from tarim.privacy.digests import ColumnDigester, bytes_of
    from tarim.privacy.fields import FIELDS, REFUSED, REGISTER, DataClass, Field, Purpose, Role, require_purpose
    from tarim.privacy.master import ENVIRONMENT_NAME, MasterKey, create_master_key, load_master_key
    from tarim.privacy.reading import SealedReader
    from tarim.privacy.sealing import (
        SEALABLE,
        SEALED_TEXTS,
        SEALED_TOKENS,
        SealedBefore,
        SealKeys,
        pack_bundle,
        pack_fields,
        unpack_bundles,
        unpack_fields,
    )
    from tarim.privacy.signing import SIGNATURE_BYTES, Signer
    from tarim.privacy.tokens import CACHED_PER_SPACE, TEXT_SPACE, Tokenizer
    from tarim.privacy.vault import Vault
    from tarim.privacy.vault_limits import VaultLimits
else:
    __getattr__ = front_door(__name__, __file__)

__all__ = [
    "FIELDS",
    "REFUSED",
    "REGISTER",
    "DataClass",
    "Field",
    "Purpose",
    "Role",
    "require_purpose",
    "ENVIRONMENT_NAME",
    "MasterKey",
    "create_master_key",
    "load_master_key",
    "ColumnDigester",
    "CustomerReader",
    "CACHED_PER_SPACE",
    "TEXT_SPACE",
    "Tokenizer",
    "bytes_of",
    "SIGNATURE_BYTES",
    "Signer",
    "SealedReader",
    "Vault",
    "VaultLimits",
    "SEALABLE",
    "SEALED_TEXTS",
    "SEALED_TOKENS",
    "SealKeys",
    "SealedBefore",
    "pack_bundle",
    "pack_columns",
    "pack_fields",
    "unpack_bundles",
    "unpack_fields",
]
