"""What every serving process does at its start: take the address, and say what happens in JSON lines."""

from __future__ import annotations

import json
import logging
import socket
import sys

import structlog

from tarim.base.errors import Unavailable


def log_to_stderr() -> None:
    """JSON lines on standard error: time, level, what happened.  Bodies and identifiers are never logged."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format='{"level": "%(levelname)s", "event": "%(message)s"}')


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one.  Raises Unavailable."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1_024)
    except OSError as error:
        raise Unavailable(f"{host} port {port}: {error.strerror}") from None
    return listener
