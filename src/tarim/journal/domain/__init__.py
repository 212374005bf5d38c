"""Values and the format on disk: bytes in, values out; no file is touched here."""
