"""From a repository, a marketplace, a folder or a file to the library: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.errors import (
    ArchiveError,
    ConsentError,
    DependencyError,
    FetchError,
    IntegrityError,
    LibraryError,
)
from expert_studio.core.experts import archive, install_record, keys, signing, updates
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import acquire, install_all
from expert_studio.core.experts.install import Installation
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.experts.source import parse_source
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.settings import Folders
from tests.expert_factory import expert_file, expert_folder, installed_expert
from tests.git_repositories import (
    GitFolder,
    expert_repository,
    marketplace_repository,
    write_marketplace,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="git+file paths are spelt otherwise there")


@pytest.fixture
def library(studio_home: Path) -> Library:
    return Library(Folders.default().library)


def accepting(*consents: str) -> Acceptance:
    return Acceptance(TrustStore.of(Folders.default()), consents=frozenset(consents))


def listed(repository: GitFolder, name: str, *versions: str, **more: Any) -> dict[str, Any]:
    found = [{"version": v, "ref": f"v{v}"} for v in versions]
    return {"name": name, "repository": repository.source, "versions": found} | more


def had(text: str, library: Library, acceptance: Acceptance) -> tuple[Installation, ...]:
    markets = Marketplaces(Folders.default())
    with acquire(parse_source(text), Folders.default(), library, markets, acceptance) as got:
        assert library.experts() == () or got.experts is not None
        return install_all(got, library, acceptance)


def test_from_a_repository_with_its_origin_noted(tmp_path: Path, library: Library) -> None:
    repository = expert_repository(tmp_path / "repo", versions=("1.0.0", "1.1.0"))
    with pytest.raises(ConsentError):
        had(f"{repository.source}#v1.0.0", library, accepting())
    assert library.experts() == ()
    done = had(f"{repository.source}#v1.0.0", library, accepting("unsigned"))
    assert [(d.expert.name, d.expert.version) for d in done] == [("json-parser", "1.0.0")]
    noted = install_record.origin(done[0].expert.folder)
    commit = repository.git("rev-parse", "v1.0.0")
    assert (noted["source"], noted["ref"], noted["commit"]) == (
        *(repository.source, "v1.0.0"),
        commit,
    )
    assert not list((Folders.default().data / "incoming").iterdir())


def test_dependencies_come_from_the_marketplace(tmp_path: Path, library: Library) -> None:
    english = expert_repository(tmp_path / "english", "english-basic", load_order=3)
    cypher = expert_repository(
        *(tmp_path / "cypher", "neo4j-cypher", ("1.0.0", "1.1.0")),
        requires=["english-basic@>=1.0.0"],
        load_order=6,
    )
    classifier = expert_repository(
        *(tmp_path / "classifier", "document-classifier"),
        requires=["neo4j-cypher@>=1.1.0", "english-basic"],
        load_order=9,
    )
    market = marketplace_repository(
        tmp_path / "market",
        [
            listed(english, "english-basic", "1.0.0"),
            listed(cypher, "neo4j-cypher", "1.0.0", "1.1.0"),  # says nothing of what it needs
        ],
    )
    markets = Marketplaces(Folders.default())
    with pytest.raises(DependencyError, match="neo4j-cypher"):
        had(classifier.source, library, accepting("unsigned"))
    assert library.experts() == ()
    markets.add("main", market.source)
    done = had(classifier.source, library, accepting("unsigned"))
    assert [(d.expert.name, d.expert.version) for d in done] == [
        ("english-basic", "1.0.0"),
        ("neo4j-cypher", "1.1.0"),
        ("document-classifier", "1.0.0"),
    ]
    assert install_record.origin(done[0].expert.folder)["market"] == "main"


def test_what_is_installed_is_kept_where_it_will_do(tmp_path: Path, library: Library) -> None:
    installed_expert(library, "english-basic", version="1.0.0", load_order=3)
    english = expert_repository(
        tmp_path / "english", "english-basic", ("1.0.0", "1.5.0"), load_order=3
    )
    market = marketplace_repository(
        tmp_path / "market", [listed(english, "english-basic", "1.0.0", "1.5.0")]
    )
    markets = Marketplaces(Folders.default())
    markets.add("main", market.source)
    any_ = expert_repository(tmp_path / "a", "needs-any", requires=["english-basic"], load_order=6)
    new = expert_repository(
        tmp_path / "n", "needs-new", requires=["english-basic@>=1.2.0"], load_order=6
    )
    source, folders = parse_source(any_.source), Folders.default()
    with acquire(source, folders, library, markets, accepting()) as got:
        assert [e.manifest.name for e in got.experts] == ["needs-any"]
        assert got.present == ("english-basic 1.0.0",)
        assert got.consents == ("unsigned",)
    done = had(new.source, library, accepting("unsigned"))
    assert [(d.expert.name, d.expert.version) for d in done] == [
        ("english-basic", "1.5.0"),
        ("needs-new", "1.0.0"),
    ]


def test_by_name_with_a_spec_and_what_the_index_says_of_the_key(
    tmp_path: Path, library: Library
) -> None:
    repository = GitFolder(tmp_path / "repo")
    key = keys.generate(tmp_path / "key.pem", "Studio Nord")
    package = expert_file(tmp_path / "made", version="1.0.0")
    signing.sign(package, key)
    repository.commit({"dist/json-parser.v1.0.0.expert": package.read_bytes()}, "v1.0.0")
    entry = listed(repository, "json-parser", "1.0.0", publisher="Studio Nord")
    other = "ed25519:" + "ab" * 32
    market = marketplace_repository(tmp_path / "market", [entry | {"public_key": other}])
    markets = Marketplaces(Folders.default())
    markets.add("main", market.source)
    with pytest.raises(IntegrityError, match="signs it"):
        had("json-parser", library, accepting("unsigned", "unknown-key"))
    write_marketplace(market, [entry | {"public_key": key.public}])
    markets.update()
    with pytest.raises(DependencyError, match="There is no json-parser"):
        had("json-parser@>=2.0.0", library, accepting())
    with pytest.raises(ConsentError):
        had("json-parser", library, accepting())
    TrustStore.of(Folders.default()).add(key.public, "Studio Nord")
    (done,) = had("json-parser@>=1.0.0", library, accepting())
    assert done.expert.version == "1.0.0"


def test_an_index_that_leads_elsewhere(tmp_path: Path, library: Library) -> None:
    repository = expert_repository(tmp_path / "repo", "other-expert")
    market = marketplace_repository(tmp_path / "m", [listed(repository, "json-parser", "1.0.0")])
    Marketplaces(Folders.default()).add("main", market.source)
    with pytest.raises(IntegrityError, match="another expert"):
        had("json-parser", library, accepting("unsigned"))
    assert library.experts() == ()


def test_a_recipe_alone_is_no_expert_yet(tmp_path: Path, library: Library) -> None:
    repository = expert_repository(tmp_path / "repo")
    repository.git("rm", "--quiet", "adapter_model.safetensors")
    repository.record()
    with pytest.raises(ArchiveError, match="no weights"):
        had(repository.source, library, accepting("unsigned"))


def test_from_a_file_and_a_folder(tmp_path: Path, library: Library) -> None:
    file = expert_file(tmp_path)
    (done,) = had(str(file), library, accepting("unsigned"))
    assert done.expert.name == "json-parser"
    loose = expert_folder(tmp_path / "loose", "english-basic", load_order=3)
    (done,) = had(loose.as_uri(), library, accepting("unsigned"))
    assert done.expert.name == "english-basic"


def test_an_update_by_tag_shows_what_changes(tmp_path: Path, library: Library) -> None:
    repository = expert_repository(tmp_path / "repo", versions=("1.0.0",))
    had(repository.source, library, accepting("unsigned"))
    folders, markets = Folders.default(), Marketplaces(Folders.default())
    assert updates.newest("json-parser", folders, library, markets) is None
    more = {"capabilities": ["format:json", "task:repair"], "license": "MIT"}
    expert_folder(
        repository.folder, version="1.2.0", seed=9, requires=["english-basic@>=1.0.0"], **more
    )
    repository.record("v1.2.0")
    repository.git("tag", "v2.0.0-rc.1")
    repository.git("tag", "not-a-version")
    offer = updates.newest("json-parser", folders, library, markets)
    assert offer is not None
    assert (offer.installed, offer.version, offer.source.ref) == ("1.0.0", "1.2.0", "v1.2.0")
    english = expert_file(tmp_path / "e", "english-basic", load_order=3)
    had(str(english), library, accepting("unsigned"))
    with acquire(offer.source, folders, library, markets, accepting("unsigned")) as got:
        shown = got.experts[-1].preview
        assert (shown.before, shown.after, shown.direction) == ("1.0.0", "1.2.0", "upgrade")
        changed = {c.field: (c.before, c.after, c.level) for c in shown.changes}
        assert changed["needs"] == ("", "english-basic@>=1.0.0", "notice")
        assert changed["capabilities"] == ("format:json", "format:json, task:repair", "notice")
        assert changed["license"] == ("Apache-2.0", "MIT", "warning")
        files = {f.path: f.state for f in shown.files}
        assert files["adapter_model.safetensors"] == "changed"
        assert files["tests/test_cases.json"] == "same"
        install_all(got, library, accepting("unsigned"))
    assert library.find("json-parser").version == "1.2.0"
    assert [e.version for e in library.versions("json-parser")] == ["1.2.0", "1.0.0"]
    library.activate("json-parser", "1.0.0", pinned=True)
    assert library.pinned("json-parser") == "1.0.0"
    with pytest.raises(LibraryError, match=r"You pinned it to 1\.0\.0"):
        updates.newest("json-parser", folders, library, markets)
    assert library.unpin("json-parser").version == "1.2.0"


def test_an_update_that_would_break_another_says_so(tmp_path: Path, library: Library) -> None:
    installed_expert(library, "english-basic", load_order=3)
    installed_expert(library, "cypher", requires=["english-basic@<2.0.0"], load_order=6)
    package = expert_file(tmp_path, "english-basic", version="2.0.0", load_order=3)
    folders = Folders.default()
    with acquire(
        *(parse_source(str(package)), folders, library, Marketplaces(folders), accepting())
    ) as got:
        assert got.experts[0].preview.breaks == ("cypher 1.0.0 needs english-basic@<2.0.0.",)


def test_offers_of_the_marketplace_need_no_network(tmp_path: Path, library: Library) -> None:
    repository = expert_repository(tmp_path / "repo", versions=("1.0.0", "1.1.0"))
    had(f"{repository.source}#v1.0.0", library, accepting("unsigned"))
    market = marketplace_repository(
        tmp_path / "m", [listed(repository, "json-parser", "1.0.0", "1.1.0")]
    )
    markets = Marketplaces(Folders.default())
    markets.add("main", market.source)
    shutil.rmtree(market.folder)
    (offer,) = updates.offers(library, markets)
    assert (offer.name, offer.installed, offer.version) == ("json-parser", "1.0.0", "1.1.0")
    library.activate("json-parser", "1.0.0", pinned=True)
    assert updates.offers(library, markets) == ()


def test_what_a_crash_left_is_swept(tmp_path: Path, library: Library) -> None:
    incoming = Folders.default().data / "incoming"
    (incoming / "old").mkdir(parents=True)
    (incoming / "old.lock").touch()
    had(str(expert_file(tmp_path)), library, accepting("unsigned"))
    assert list(incoming.iterdir()) == []


def test_an_unsound_package_changes_nothing(tmp_path: Path, library: Library) -> None:
    bad = tmp_path / "bad.expert"
    bad.write_bytes(b"nothing")
    with pytest.raises(ArchiveError):
        had(str(bad), library, accepting("unsigned"))
    repository = GitFolder(tmp_path / "repo")
    repository.commit({"bad.expert": b"nothing"})
    with pytest.raises((ArchiveError, FetchError)):
        had(repository.source, library, accepting("unsigned"))
    assert library.experts() == ()
    assert archive.SUFFIX == ".expert"
