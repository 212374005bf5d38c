"""Classes and purposes of fields, tokens, and the vault of raw identifiers."""

from tarim.privacy.fields import FIELDS, REFUSED, DataClass, Field, Purpose, Role, require_purpose

__all__ = ["FIELDS", "REFUSED", "DataClass", "Field", "Purpose", "Role", "require_purpose"]
