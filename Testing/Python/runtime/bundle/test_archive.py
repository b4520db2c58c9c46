"""The container: what another zip program sees, and what is refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

import pytest

from kdseg.bundle.archive import pack, unpack
from kdseg.errors import BundleIntegrityError

LIMITS = {"a.txt": 100, "b.txt": 100}
MEMBERS = {"b.txt": b"second", "a.txt": b"first"}


def make_zip(*entries, comment=b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
        archive.comment = comment
    return file.getvalue()


def entry(name: str, *, mode: int = stat.S_IFREG | 0o644, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr, info.compress_type = 3, mode << 16, compression
    return info


def refusal(data: bytes, limits=LIMITS) -> str:
    with pytest.raises(BundleIntegrityError) as caught:
        unpack(data, limits, "x.kdseg.zip")
    assert caught.value.path == "x.kdseg.zip"
    return str(caught.value)


def test_another_zip_program_reads_the_canonical_form() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(MEMBERS))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "b.txt"]
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}


def test_the_canonical_form_byte_by_byte() -> None:
    common = bytes.fromhex("1400 0000 0000 0000 2100") + struct.pack("<IIIHH", zlib.crc32(b"x"), 1, 1, 1, 0)
    local = b"PK\x03\x04" + common + b"a" + b"x"
    central = b"PK\x01\x02" + b"\x14\x03" + common + bytes(6) + struct.pack("<II", 0o100644 << 16, 0) + b"a"
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    assert pack({"a": b"x"}) == local + central + end


def test_members_come_back() -> None:
    assert unpack(pack(MEMBERS), LIMITS, "x") == MEMBERS


def test_the_order_of_the_members_changes_nothing() -> None:
    assert pack(MEMBERS) == pack(dict(reversed(list(MEMBERS.items()))))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../a.txt", "parent folder"),
        ("/a.txt", "absolute path"),
        ("C:a.txt", "absolute path"),
        ("..\\a.txt", "backslash"),
        ("folder/a.txt", "folder in its path"),
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(name: str, message: str) -> None:
    # ZipInfo cleans names on some systems, so the name is put into the finished bytes.
    data = make_zip((entry("#" * len(name)), b"first"), (entry("b.txt"), b"second")).replace(b"#" * len(name), name.encode())
    assert message in refusal(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_doubled_member_is_refused() -> None:
    data = make_zip((entry("a.txt"), b"first"), (entry("a.txt"), b"again"), (entry("b.txt"), b"second"))
    assert "more than once" in refusal(data)


def test_a_member_that_does_not_belong_there_is_refused() -> None:
    assert "do not belong there" in refusal(pack({**MEMBERS, "c.txt": b"third"}))


def test_a_missing_member_is_named() -> None:
    assert "no b.txt" in refusal(pack({"a.txt": b"first"}))


def test_a_symbolic_link_is_refused() -> None:
    data = make_zip((entry("a.txt", mode=stat.S_IFLNK | 0o777), b"b.txt"), (entry("b.txt"), b"second"))
    assert "symbolic link" in refusal(data)


def test_a_zip_bomb_is_refused_by_its_method_without_unpacking_it() -> None:
    bomb = make_zip((entry("a.txt", compression=zipfile.ZIP_DEFLATED), bytes(50_000_000)), (entry("b.txt"), b"second"))
    assert len(bomb) < 100_000
    message = refusal(bomb, {"a.txt": 100_000_000, "b.txt": 100})
    assert "compressed" in message
    assert "50000000" in message


def test_a_member_above_its_limit_is_refused() -> None:
    assert "a.txt is too large" in refusal(pack({"a.txt": bytes(101), "b.txt": b""}))


def test_a_file_above_all_limits_is_refused_before_it_is_parsed() -> None:
    assert "too large" in refusal(bytes(200_000))


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(pack(MEMBERS))
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    assert "encrypted" in refusal(bytes(data))


def test_a_comment_is_refused() -> None:
    data = make_zip((entry("a.txt"), b"first"), (entry("b.txt"), b"second"), comment=b"hello")
    assert "Bytes between the members" in refusal(data)


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 10, pack(MEMBERS)[:-1], pack(MEMBERS)[10:]])
def test_what_is_no_intact_zip_is_refused(data: bytes) -> None:
    refusal(data)


@pytest.mark.parametrize("data", [b"x" + pack(MEMBERS), pack(MEMBERS) + b"x"])
def test_bytes_before_and_after_are_refused(data: bytes) -> None:
    refusal(data)


def test_every_single_byte_matters() -> None:
    data = pack(MEMBERS)
    for position in range(len(data)):
        for value in (0xFF, 0x01):
            changed = bytearray(data)
            changed[position] ^= value
            refusal(bytes(changed))
