"""What comes from another site is believed in nothing, and leaves nothing behind where it is refused."""

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest
from django.conf import settings

from galaxies.ml.bundle import BundleError
from galaxies.models import Galaxy, ModelVersion
from galaxies.registry import transfer as bundle_files
from galaxies.registry import versions
from galaxies.registry.transfer import export_bundle, import_bundle

Entries = dict[str, bytes]


@pytest.fixture
def exported(version: ModelVersion, tmp_path: Path) -> Path:
    """The tiny bundle as a zip, and a site that does not know it."""
    file = export_bundle(version, tmp_path / "tiny.zip")
    shutil.rmtree(version.path)
    version.delete()
    return file


@pytest.fixture
def entries(exported: Path) -> Entries:
    with ZipFile(exported) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


@pytest.fixture
def pack(tmp_path: Path) -> Callable[[Entries], Path]:
    def write(entries: Entries) -> Path:
        with ZipFile(tmp_path / "packed.zip", "w", ZIP_DEFLATED) as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return tmp_path / "packed.zip"

    return write


def refused(file: Path, words: str) -> None:
    """Refused in one sentence, with nothing registered and nothing left in the store or beside it."""
    before = set(settings.MODELS_STORE.parent.rglob("*"))
    known = list(ModelVersion.objects.values())
    with pytest.raises(BundleError, match=words) as error:
        import_bundle(file)
    assert len(str(error.value).splitlines()) == 1
    assert ".partial" not in str(error.value)
    after = set(settings.MODELS_STORE.parent.rglob("*")) - {settings.MODELS_STORE}
    assert after == before - {settings.MODELS_STORE}
    assert list(ModelVersion.objects.values()) == known


def folder_of(entries: Entries) -> str:
    return next(iter(entries)).split("/")[0]


def rewritten(entries: Entries, **changes: Any) -> Entries:
    """The same bundle with another manifest."""
    name = f"{folder_of(entries)}/manifest.json"
    return entries | {name: json.dumps(json.loads(entries[name]) | changes).encode()}


def test_what_one_site_exports_another_imports_with_the_same_checksum(version: ModelVersion, tmp_path: Path) -> None:
    (version.path / "not-of-the-bundle.txt").write_text("stays at home")
    first = export_bundle(version, tmp_path / "first.zip")
    second = export_bundle(version, tmp_path / "second.zip")
    assert first.read_bytes() == second.read_bytes()
    checksum, files = version.checksum, json.loads((version.path / "manifest.json").read_text())["files"]
    with ZipFile(first) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert len(names) == len(files) + 1
    shutil.rmtree(version.path)
    version.delete()
    again = import_bundle(first)
    assert (again.checksum, again.is_active) == (checksum, False)
    assert export_bundle(again, tmp_path / "third.zip").read_bytes() == first.read_bytes()
    assert [path.name for path in settings.MODELS_STORE.iterdir()] == [again.version]
    assert stat.S_IMODE(again.path.stat().st_mode) & 0o055 == 0o055  # other users of the machine may serve it
    versions.activate(again)


def test_numbers_travel_with_the_bundle(measured: ModelVersion, metrics: dict[str, Any], tmp_path: Path) -> None:
    file = export_bundle(measured, tmp_path / "measured.zip")
    shutil.rmtree(measured.path)
    measured.delete()
    again = import_bundle(file)
    assert again.metrics
    assert again.metrics["kid"]["value"] == metrics["kid"]["value"]


def test_a_damaged_bundle_is_not_exported(version: ModelVersion, tmp_path: Path) -> None:
    (version.path / "encoder.npz").unlink()
    with pytest.raises(BundleError, match=r"encoder\.npz is missing"):
        export_bundle(version, tmp_path / "out.zip")
    assert not list(tmp_path.glob("*.zip*"))


def test_an_export_overwrites_nothing_and_says_where_it_cannot_write(version: ModelVersion, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_text("precious")
    with pytest.raises(BundleError, match="there already"):
        export_bundle(version, tmp_path / "there.zip")
    with pytest.raises(BundleError, match="cannot be written"):
        export_bundle(version, tmp_path / "no-such-folder" / "out.zip")
    for length in (240, 300):  # itself, or with what its half is called, longer than a file system takes
        with pytest.raises(BundleError, match="cannot be written"):
            export_bundle(version, tmp_path / ("a" * length))


def test_importing_again_changes_nothing(exported: Path) -> None:
    first = import_bundle(exported)
    inode = first.path.stat().st_ino
    assert import_bundle(exported).pk == first.pk
    assert first.path.stat().st_ino == inode


def test_importing_again_mends_a_damaged_bundle(exported: Path) -> None:
    version = import_bundle(exported)
    Galaxy.objects.create(model_version=version, cluster=0, seed=1, psi=0.8)
    for name in ("generator.npz", "manifest.json"):
        (version.path / name).write_bytes(b"damaged")
        assert import_bundle(exported).pk == version.pk
        versions.activate(version)
    assert [path.name for path in settings.MODELS_STORE.iterdir()] == [version.version]


@pytest.mark.parametrize("known", [True, False])
def test_another_bundle_of_the_same_name_is_refused(
    exported: Path, entries: Entries, pack: Callable[[Entries], Path], known: bool
) -> None:
    version = import_bundle(exported)
    if not known:
        version.delete()
    refused(pack(rewritten(entries, note="trained again")), "Another model is called")
    assert import_bundle(exported).path.is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt", "tiny/../../outside.txt", "/outside.txt", "tiny//outside.txt", "tiny/./outside.txt",
        "tiny\\..\\outside.txt", "C:/outside.txt", "tiny/\x07.txt", "tiny/ /outside.txt",
    ],
)  # fmt: skip
def test_a_file_that_would_lie_elsewhere_is_refused(
    entries: Entries, pack: Callable[[Entries], Path], name: str
) -> None:
    refused(pack(entries | {name.replace("tiny", folder_of(entries)): b"!"}), "would not lie inside")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_is_refused(exported: Path, entries: Entries, kind: int) -> None:
    link = ZipInfo(f"{folder_of(entries)}/link")
    link.external_attr = (kind | 0o777) << 16
    with ZipFile(exported, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(exported, "link or something else")


@pytest.mark.parametrize("name", ["generator.npz", "GENERATOR.npz"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(exported: Path, entries: Entries, name: str) -> None:
    with ZipFile(exported, "a") as archive:
        archive.writestr(f"{folder_of(entries)}/{name}", b"!")
    refused(exported, "twice")


def test_several_folders_are_refused(entries: Entries, pack: Callable[[Entries], Path]) -> None:
    refused(pack(entries | {"another/file.txt": b"!"}), "several folders")


def test_a_zip_without_a_manifest_is_refused(entries: Entries, pack: Callable[[Entries], Path]) -> None:
    del entries[f"{folder_of(entries)}/manifest.json"]
    refused(pack(entries), r"no manifest\.json")
    refused(pack({}), r"no manifest\.json")
    refused(pack({"manifest.json": b"{}"}), r"no manifest\.json")


def test_a_file_that_the_manifest_does_not_know_is_refused(entries: Entries, pack: Callable[[Entries], Path]) -> None:
    refused(pack(entries | {f"{folder_of(entries)}/stranger.py": b"!"}), r"stranger\.py is not among")


def test_a_damaged_file_is_refused(entries: Entries, pack: Callable[[Entries], Path]) -> None:
    refused(pack(entries | {f"{folder_of(entries)}/clusters.npz": b"!"}), r"packed\.zip/clusters\.npz is damaged")


def test_a_file_that_is_missing_is_refused(entries: Entries, pack: Callable[[Entries], Path]) -> None:
    del entries[f"{folder_of(entries)}/encoder.npz"]
    refused(pack(entries), r"encoder\.npz is missing")


def test_an_encrypted_zip_is_refused(exported: Path) -> None:
    content = bytearray(exported.read_bytes())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1  # the flag in the list of names
    exported.write_bytes(content)
    refused(exported, "encrypted")


def test_another_way_of_packing_is_refused(entries: Entries, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "lzma.zip", "w", ZIP_LZMA) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    refused(tmp_path / "lzma.zip", "unusual way")


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "LARGEST_JSON", "LARGEST_BUNDLE"])
def test_what_unpacks_to_more_than_a_bundle_is_refused(
    exported: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    size = exported.stat().st_size + 1000 if limit == "LARGEST_BUNDLE" else 1000
    monkeypatch.setattr(bundle_files, limit, size)
    refused(exported, "unpacks to more")


def test_a_bomb_that_lies_about_its_size_is_refused(
    entries: Entries, pack: Callable[[Entries], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_files, "LARGEST_FILE", 2**20)
    file = pack(entries | {f"{folder_of(entries)}/bomb.npz": bytes(2**24)})
    content = bytearray(file.read_bytes())
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = content.rfind(mark)
        content[start + at : start + at + 4] = (100).to_bytes(4, "little")
    file.write_bytes(content)
    refused(file, r"unpacks to more|no zip file, or a damaged one")


def test_many_files_are_refused(entries: Entries, pack: Callable[[Entries], Path]) -> None:
    many = {f"{folder_of(entries)}/{i}": b"" for i in range(bundle_files.MOST_FILES)}
    refused(pack(entries | many), "files, more than")


def test_a_long_list_of_names_is_not_even_read(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_files, "LARGEST_DIRECTORY", 100)
    refused(exported, "more than a bundle does")


def test_what_is_no_zip_is_refused(db: None, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "empty.zip").touch()
    for name in ("text.zip", "empty.zip"):
        refused(tmp_path / name, "no zip file")
    refused(tmp_path / "gone.zip", "No such file")
    refused(tmp_path, "Is a directory")


def test_half_a_zip_is_refused(exported: Path) -> None:
    content = exported.read_bytes()
    exported.write_bytes(content[: len(content) // 2])
    refused(exported, "no zip file")
    exported.write_bytes(content[:1000] + content[2000:])
    refused(exported, "damaged")


@pytest.mark.parametrize("name", ["../up", ".hidden", "", "a/b", "x" * 65, "späti", None, 7])
def test_a_version_may_not_be_called_so(entries: Entries, pack: Callable[[Entries], Path], name: object) -> None:
    refused(pack(rewritten(entries, version=name)), "names a version|does not|lacks")


FAMILY = {"id": 0, "name": "Odd", "sentence": "Odd.", "share": 1.0, "exemplars": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 0},
        {"resolution": 10**9},
        {"resolution": "64"},
        {"n_clusters": 1},
        {"n_clusters": True, "families": [FAMILY]},
        {"families": {"0": FAMILY}},
        {"n_clusters": 1, "families": [FAMILY | {"exemplars": ["../../secret_key"]}]},
        {"n_clusters": 1, "families": [FAMILY | {"exemplars": "generator.npz"}]},
        {"n_clusters": 1, "families": [FAMILY | {"share": 0}]},
        {"n_clusters": 1, "families": [FAMILY | {"share": float("nan")}]},
        {"n_clusters": 1, "families": [FAMILY | {"id": 3}]},
        {"n_clusters": 1, "families": [FAMILY | {"name": None}]},
        {"files": []},
        {"files": {"generator.npz": 1}},
        {"files": {"../../manage.py": "0" * 64}},
        {"credit": "null \0 character"},
        {"credit": ["nobody"]},
        {"created": "x" * 41},
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    entries: Entries, pack: Callable[[Entries], Path], changes: dict[str, Any]
) -> None:
    refused(pack(rewritten(entries, **changes)), r"packed\.zip/manifest\.json")


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_a_manifest_that_cannot_be_read_is_refused(
    entries: Entries, pack: Callable[[Entries], Path], content: bytes
) -> None:
    refused(pack(entries | {f"{folder_of(entries)}/manifest.json": content}), r"packed\.zip/manifest\.json")


@pytest.mark.parametrize("content", [b"[]", b"{", b"{}", b'{"kid": 1}', b'{"kid": NaN}', b"[" * 100_000])
def test_numbers_that_no_page_can_draw_are_refused(
    entries: Entries, pack: Callable[[Entries], Path], content: bytes
) -> None:
    refused(pack(entries | {f"{folder_of(entries)}/metrics.json": content}), r"packed\.zip/metrics\.json")


def test_a_full_disk_leaves_nothing(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_files, "_extract", full)
    refused(exported, "No space left")


def test_what_a_system_puts_into_a_zip_is_left_out(
    version: ModelVersion, entries: Entries, pack: Callable[[Entries], Path]
) -> None:
    folder = folder_of(entries)
    litter = [f"__MACOSX/{folder}/._manifest.json", f"{folder}/.DS_Store", f"{folder}/exemplars/Thumbs.db", ".DS_Store"]
    file = pack(dict.fromkeys(litter, b"!") | entries)
    imported = import_bundle(file)
    assert not [path for path in imported.path.rglob("*") if path.name.startswith((".", "Thumbs"))]


def test_files_without_their_folder_are_refused_for_that_reason(
    entries: Entries, pack: Callable[[Entries], Path]
) -> None:
    refused(
        pack({name.partition("/")[2]: content for name, content in entries.items()}),
        "but files without one: pack the folder itself",
    )
