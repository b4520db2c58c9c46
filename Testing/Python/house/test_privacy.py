"""What docs/slicer.md promises: nothing of what runs on the workstation can open a network connection by itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

NETWORK = {
    "socket",
    "ssl",
    "urllib",
    "http",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "xmlrpc",
    "websockets",
    "socketserver",
}
NETWORK_CLASSES = {
    "QNetworkAccessManager",
    "QTcpSocket",
    "QUdpSocket",
    "QSslSocket",
    "QLocalSocket",
    "QWebSocket",
    "QDesktopServices",
}


def ways_out(source: str) -> set[str]:
    """Return the network modules that a module imports anywhere, and the network classes of Qt that it names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names} & NETWORK
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module.partition(".")[0]} & NETWORK
        elif isinstance(node, ast.Attribute):
            found |= {node.attr} & NETWORK_CLASSES
    return found


def test_no_file_of_the_workstation_reaches_for_the_network(project_files: list[Path], repository: Path) -> None:
    files = [path for path in project_files if path.parts[0] == "KDSegmentator" and path.suffix == ".py"]
    assert len(files) > 50
    found = {path.as_posix(): ways_out((repository / path).read_text(encoding="utf-8")) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import urllib.request",
        "def f():\n    from http.client import HTTPSConnection",
        "import qt\nqt.QTcpSocket()",
        "import socket as s",
    ],
)
def test_ways_out_are_recognised(source: str) -> None:
    assert ways_out(source)
