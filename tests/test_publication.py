"""What a reader keeps in ``_output/`` stays; what a build made there is replaced."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

import make
from conftest import write_page
from publish import publication
from publish.build import build
from publish.files import inventory
from publish.project import PublishError
from publish.publication import HalfPublished
from test_publish import quiet_build
from test_quarto_freeze import script

ANSWERS = '{"cells": ["my answers"]}'


@pytest.fixture
def project(tmp_path):
    """As much of a project as publishing needs, with a site of two files."""
    made = SimpleNamespace(
        root=tmp_path, output=tmp_path / "_output", cache=tmp_path / ".build", settings=None
    )
    write_site(made, "v1")
    return made


def write_site(project, text):
    site = project.cache / "site" / "chapters"
    site.mkdir(parents=True, exist_ok=True)
    (site / "a.html").write_text(text)
    (site / "a.ipynb").write_text(json.dumps({"cells": [], "text": text}))


def publish(project) -> list[str]:
    return publication.publish(project, project.cache / "site")


@pytest.mark.parametrize("changed_page", [False, True])
def test_a_reader_s_files_stay_and_are_named(project, changed_page):
    assert publish(project) == []
    own = {"chapters/a.ipynb": ANSWERS, "notas.md": "mine", "entrega.zip": "zip"}
    for name, text in own.items():
        (project.output / name).write_text(text)
    if changed_page:
        write_site(project, "v2")
    for _ in range(2):  # not only the first time
        told = publish(project)
        assert {name: (project.output / name).read_text() for name in own} == own
        page = (project.output / "chapters" / "a.html").read_text()
        assert page == ("v2" if changed_page else "v1")
        assert told == [
            "  Kept as you changed it: _output/chapters/a.ipynb; the build's own is "
            ".build/site/chapters/a.ipynb",
            "  Rename or remove what you changed, and the next build puts its own there",
            "  Kept in _output/, not of the site: entrega.zip, notas.md",
        ]
    (project.output / "chapters" / "a.ipynb").rename(project.output / "mine.ipynb")
    publish(project)
    assert inventory(project.cache / "site").items() <= inventory(project.output).items()
    assert (project.output / "mine.ipynb").read_text() == ANSWERS


def test_a_file_that_is_put_back_as_a_build_left_it_is_replaced_again(project):
    publish(project)
    notebook = project.output / "chapters" / "a.ipynb"
    before = notebook.read_text()
    notebook.write_text(ANSWERS)
    write_site(project, "v2")
    publish(project)
    notebook.write_text(before)
    assert publish(project) == []
    assert "v2" in notebook.read_text()


@pytest.mark.parametrize("edited", [False, True])
def test_what_the_site_has_no_more_goes_unless_it_was_changed(project, edited):
    publish(project)
    page = project.output / "chapters" / "a.html"
    if edited:
        page.write_text("mine")
    shutil.rmtree(project.cache / "site")
    (project.cache / "site").mkdir()
    told = publish(project)
    assert page.exists() == edited
    assert (project.output / "chapters").exists() == edited
    expected = "  Kept as you changed it: _output/chapters/a.html, which the site has no more"
    assert told[:1] == ([expected] if edited else [])


@pytest.mark.parametrize("linked", ["_output", "_output/chapters", "_output/chapters/a.html"])
def test_links_are_written_through(project, tmp_path, linked):
    served = tmp_path / "served"
    if linked.endswith(".html"):
        served.write_text("")
    else:
        served.mkdir()
    link = tmp_path / linked
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(served)
    if linked.endswith(".html"):
        assert publish(project)[0].startswith("  Kept as you changed it: _output/chapters/a.html")
        served.unlink()  # the link leads nowhere, and says where the page is wanted
    for text in ("v1", "v2"):
        write_site(project, text)
        assert publish(project) == []
        assert link.is_symlink()
        assert inventory(project.output / "chapters") == inventory(
            project.cache / "site" / "chapters"
        )
        assert sorted(p.name for p in tmp_path.iterdir()) == [".build", "_output", "served"]


def test_the_folder_itself_stays_as_a_mount_must(project):
    publish(project)
    before = project.output.stat().st_ino
    write_site(project, "v2")
    publish(project)
    assert project.output.stat().st_ino == before


def test_a_build_that_is_stopped_halfway_finds_its_files_to_be_its_own(project, monkeypatch):
    publish(project)
    write_site(project, "v2")
    whole = publication.write_atomically

    def stopped(path, content):
        if path.suffix == ".html":
            raise KeyboardInterrupt
        whole(path, content)

    monkeypatch.setattr(publication, "write_atomically", stopped)
    with pytest.raises(KeyboardInterrupt):
        publish(project)
    monkeypatch.undo()
    write_site(project, "v3")
    assert publish(project) == []
    assert inventory(project.output) == inventory(project.cache / "site")


def test_where_nothing_can_be_written_one_sentence_says_so(project):
    project.output.write_text("a file")
    with pytest.raises(HalfPublished, match=r"^_output/chapters/a.ipynb cannot be written \("):
        publish(project)
    assert project.output.read_text() == "a file"


@pytest.mark.parametrize("mark", ["", "[]", '{"chapters/a.html": 3}', '{"site": "x"}'])
def test_without_a_record_nothing_is_taken_for_the_build_s_own(project, mark):
    publish(project)
    (project.cache / "published.json").write_text(mark)
    write_site(project, "v2")
    told = publish(project)
    assert (project.output / "chapters" / "a.html").read_text() == "v1"
    assert [line.partition(";")[0] for line in told[:2]] == [
        "  Kept as you changed it: _output/chapters/a.html",
        "  Kept as you changed it: _output/chapters/a.ipynb",
    ]


def test_the_record_of_an_earlier_version_is_understood(project):
    publish(project)
    old = inventory(project.output)
    (project.cache / "published.json").write_text(json.dumps(old))
    write_site(project, "v2")
    assert publish(project) == []
    assert (project.output / "chapters" / "a.html").read_text() == "v2"


def test_what_was_changed_is_packed_as_the_build_made_it(project):
    publish(project)
    assert publication.intact(project) == (project.output, [])
    (project.output / "chapters" / "a.ipynb").write_text(ANSWERS)
    assert publication.intact(project) == (project.cache / "site", ["chapters/a.ipynb"])
    write_site(project, "v2")  # made, and not published
    with pytest.raises(PublishError, match=r"_output/chapters/a.ipynb is not as the build left it"):
        publication.intact(project)


def test_a_build_says_what_it_kept(small_project):
    quiet_build(small_project, forms=["html"])
    (small_project.output / "index.html").write_text("mine")
    said = []
    assert build(small_project, jobs=1, report=said.append, forms=["html"]) == []
    assert said[0].startswith("  Kept as you changed it: _output/index.html; the build's own is ")
    assert (small_project.output / "index.html").read_text() == "mine"


def test_what_quarto_made_by_itself_is_replaced_and_what_was_there_is_not(small_project):
    quiet_build(small_project)
    output = small_project.output
    (output / "notas.html").write_text("mine")
    write_page(small_project.root, "Otro texto.\n")
    assert script("pre_render.py", small_project.root).returncode == 0
    (output / "index.html").write_text("Quarto's")
    (output / "search.json").write_text("Quarto's")
    done = script(
        "post_render.py", small_project.root, QUARTO_PROJECT_OUTPUT_FILES="_output/index.html",
        QUARTO_PROJECT_OUTPUT_DIR=str(output),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert quiet_build(small_project) == ["index.qmd"]
    assert "Otro texto." in (output / "index.html").read_text()
    assert not (output / "search.json").exists()
    assert (output / "notas.html").read_text() == "mine"


# make clean -------------------------------------------------------------------------------------


def test_make_clean_removes_what_was_built_and_keeps_the_rest(project, monkeypatch, capsys):
    publish(project)
    (project.output / "chapters" / "a.ipynb").write_text(ANSWERS)
    (project.output / "notas.md").write_text("mine")
    monkeypatch.setattr(make, "ROOT", project.root)
    assert make.main(["clean"]) == 0
    assert sorted(inventory(project.output)) == ["chapters/a.ipynb", "notas.md"]
    assert not project.cache.exists()
    assert capsys.readouterr().out == (
        "Kept in _output/, not as a build left it: chapters/a.ipynb, notas.md\n"
    )
    (project.output / "chapters" / "a.ipynb").unlink()
    (project.output / "notas.md").unlink()
    assert make.main(["clean"]) == 0
    assert not project.output.exists()


def test_make_clean_empties_what_a_link_leads_to_and_keeps_the_link(project, monkeypatch, capsys):
    (project.root / "served").mkdir()
    project.output.symlink_to(project.root / "served")
    publish(project)
    monkeypatch.setattr(make, "ROOT", project.root)
    assert make.main(["clean"]) == 0
    assert project.output.is_symlink()
    assert list((project.root / "served").iterdir()) == []
    assert capsys.readouterr().out == ""


def test_make_clean_works_without_an_environment(project):
    publish(project)
    shutil.copyfile(make.__file__, project.root / "make.py")
    done = subprocess.run([sys.executable, "-S", "-I", project.root / "make.py", "clean"])
    assert done.returncode == 0
    assert not project.output.exists()
