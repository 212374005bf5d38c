"""Lists as their publishers write them, read into `NameList`.

    sdn.csv (with alt.csv and add.csv beside it)    OFAC, US Treasury
    *.xml                                           UN Security Council, consolidated list
    own*.csv                                        a list of the bank's own (`own.py`)
    ofac_sdn.parquet (with ..._alt_names, ..._addresses), un_consolidated_list.parquet    the same as tables

The digest of the source's bytes is kept, so that a decision can name the edition it was made on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from tarim.base.errors import InputError, NotFound, TooLarge
from tarim.screening.names.domain import NameList
from tarim.screening.names.sources import ofac, own, un
from tarim.screening.names.sources.parquet import ofac_entries, un_entries

FILE_BYTES_MAX: Final = 256_000_000


def load_list(path: Path) -> NameList:
    """The list in a file, by its name.  Raises NotFound, TooLarge, InputError that names the file."""
    name = path.name.lower()
    try:
        if name == "sdn.csv":
            contents = [_read(path.with_name(part)) for part in (path.name, "alt.csv", "add.csv")]
            return NameList(ofac.SOURCE, _digest(*contents), ofac.entries_of_csv(*contents))
        if name.endswith(".xml"):
            content = _read(path)
            entries, dated = un.entries_of_xml(content)
            return NameList(un.SOURCE, _digest(content), entries, dated)
        if name.startswith("own") and name.endswith(".csv"):
            content = _read(path)
            return NameList(own.SOURCE, _digest(content), own.entries_of_csv(content))
        if name == "ofac_sdn.parquet":
            parts = ("ofac_sdn.parquet", "ofac_sdn_alt_names.parquet", "ofac_sdn_addresses.parquet")
            contents = [_read(path.with_name(part)) for part in parts]
            return NameList(ofac.SOURCE, _digest(*contents), ofac_entries(*contents))
        if name == "un_consolidated_list.parquet":
            content = _read(path)
            return NameList(un.SOURCE, _digest(content), un_entries(content))
    except TooLarge:
        raise
    except InputError as error:
        raise InputError(f"{path.name}: {error.detail}") from None
    if not path.exists():
        raise NotFound(f"there is no file {path}")
    raise InputError(
        f"{path.name}: not a list this program knows; give sdn.csv, an XML file of the UN list, ofac_sdn.parquet, "
        "un_consolidated_list.parquet, or own.csv for a list of the bank's own"
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise TooLarge(f"{path.name} is larger than {FILE_BYTES_MAX} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from None


def _digest(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest() if len(contents) > 1 else content)
    return digest.hexdigest()
