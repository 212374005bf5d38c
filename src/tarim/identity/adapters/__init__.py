"""Identity's tables, secrets, and the OpenID provider."""
