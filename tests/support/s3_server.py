"""A local S3 server of moto, which a test may stop and start again with the same content."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import fsspec
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

BUCKET = "checkpoints"


class S3Server:
    """S3 on loopback. The objects live in this process, so `stop` and `start` are an outage."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: ThreadedMotoServer | None = None

    def start(self) -> None:
        """Listen."""
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.stop()
            self._server = None


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A started server with a BUCKET, which all servers of this process share; s3:// leads there
    inside."""
    server = S3Server()
    environment = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    with patch.dict(os.environ, environment):
        server.start()
        files = fsspec.filesystem("s3", skip_instance_cache=True)
        if not files.exists(BUCKET):
            files.mkdir(BUCKET)
        try:
            yield server
        finally:
            server.stop()
            fsspec.get_filesystem_class("s3").clear_instance_cache()
