"""Only what belongs to the project is handed in: what git tracks, and what the build made."""

import shutil
import subprocess
import zipfile

import nbformat
import pytest

from publish import submission
from publish.packing import LIST, Belongings
from publish.project import Project, PublishError
from publish.submission import archive

CONFIG = """
project: {type: website, output-dir: _output, render: ["*.qmd"]}
publish:
  submission:
    readme: README.md
    pages: {paginas/: "*.qmd"}
    project: {into: proyecto, files: [LICENSE], folders: [code]}
    light: {without: ["paginas/*.pdf"], note: LIGHT.md}
"""
SOURCES = {
    "_quarto.yml": CONFIG, "README.md": "Léame.\n", "LIGHT.md": "Sin PDF.\n", "LICENSE": "MIT\n",
    "index.qmd": "Hola\n", "code/metrics.py": "x = 1\n", "code/sub/other.py": "y = 1\n",
    ".gitignore": "_output/\n",
}  # fmt: skip


def git(root, *arguments):
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *name, *arguments], cwd=root, check=True, capture_output=True)


def fill(root):
    for name, text in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    page(root, "index")


def page(root, stem):
    (root / "_output").mkdir(exist_ok=True)
    (root / "_output" / f"{stem}.pdf").write_bytes(b"%PDF")
    nbformat.write(nbformat.v4.new_notebook(), root / "_output" / f"{stem}.ipynb")


@pytest.fixture
def root(tmp_path):
    """A checkout with one commit and a site that was made from it."""
    folder = tmp_path / "trabajo"
    fill(folder)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def pack(root, **options):
    """The names in the project's archive, and what was said about it."""
    project = Project(root)
    made = archive(project, project.output, root / "_output" / "entrega.zip", **options)
    with zipfile.ZipFile(made.path) as file:
        names = {name.removeprefix("entrega/") for name in file.namelist()}
    return names, made.told


ALL = {"LEEME.md", "paginas/index.pdf", "paginas/index.ipynb"} | {
    f"proyecto/{name}" for name in ("LICENSE", "code/metrics.py", "code/sub/other.py", LIST)
}


def test_a_clean_checkout_is_packed_whole(root):
    names, told = pack(root)
    assert names == ALL
    assert told == ["Packed: what git tracks, and what the build made", "Nothing was left out"]


@pytest.mark.parametrize(
    "name",
    ["metrics.py~", "metrics (conflicted copy).py", "privado.txt", "best.safetensors", ".secret",
     "sub/nuevo.py", "con espacio y ñ.md"],
)  # fmt: skip
def test_what_git_does_not_track_is_left_out_and_named(root, name):
    (root / "code" / name).write_text("privado")
    names, told = pack(root)
    assert names == ALL
    assert told[1:] == [f"Left out: code/{name} (not tracked by git)", "Left out in all: 1"]


def test_what_is_ignored_is_left_out_too(root):
    (root / ".gitignore").write_text("_output/\n*.ckpt\n")
    (root / "code" / "a.ckpt").write_text("privado")
    names, told = pack(root)
    assert names == ALL
    assert "Left out: code/a.ckpt (not tracked by git)" in told


def test_a_page_that_git_does_not_track_is_no_part_of_the_work(root):
    (root / "borrador.qmd").write_text("Privado\n")
    page(root, "borrador")
    names, told = pack(root)
    assert names == ALL
    assert "Left out: borrador.qmd (not tracked by git)" in told


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("tracked", [True, False])
def test_what_a_link_leads_to_outside_is_left_out(root, tmp_path, kind, tracked):
    outside = tmp_path / "fuera"
    outside.mkdir()
    (outside / "clave.txt").write_text("privado")
    target = outside if kind == "folder" else outside / "clave.txt"
    (root / "code" / "enlace").symlink_to(target)
    if tracked:
        git(root, "add", "-A")
        git(root, "commit", "-qm", "link")
    names, told = pack(root)
    assert names == ALL
    assert "Left out: code/enlace (a link that leads outside the project)" in told


def test_a_folder_that_was_replaced_by_a_link_outside_is_left_out(root, tmp_path):
    (tmp_path / "fuera").mkdir()
    (tmp_path / "fuera" / "other.py").write_text("privado")
    shutil.rmtree(root / "code" / "sub")
    (root / "code" / "sub").symlink_to(tmp_path / "fuera")
    names, told = pack(root)
    assert names == ALL - {"proyecto/code/sub/other.py"}
    assert "Left out: code/sub/other.py (a link that leads outside the project)" in told


def test_a_link_to_a_file_of_the_project_is_packed_and_one_to_another_is_not(root):
    (root / "privado.txt").write_text("privado")
    (root / "code" / "bien.py").symlink_to("metrics.py")
    (root / "code" / "mal.py").symlink_to("../privado.txt")
    (root / "code" / "roto.py").symlink_to("nada.py")
    git(root, "add", "code")
    names, told = pack(root)
    assert names == ALL | {"proyecto/code/bien.py"}
    assert "Left out: code/mal.py (a link to what is left out: not tracked by git)" in told
    assert "Left out: code/roto.py (a link that leads nowhere)" in told


def test_a_tracked_file_that_was_deleted_is_named(root):
    (root / "code" / "metrics.py").unlink()
    names, told = pack(root)
    assert names == ALL - {"proyecto/code/metrics.py"}
    (line,) = [line for line in told if "metrics.py" in line]
    assert line.startswith("Left out: code/metrics.py (tracked by git, but deleted here")


def test_a_changed_file_is_packed_as_it_is_and_said(root):
    (root / "code" / "metrics.py").write_text("x = 2\n")
    (root / "index.qmd").write_text("Otra\n")
    names, told = pack(root)
    assert names == ALL
    for name in ("code/metrics.py", "index.qmd"):
        assert f"Changed since the last commit, packed as it is: {name}" in told
    with zipfile.ZipFile(root / "_output" / "entrega.zip") as file:
        assert file.read("entrega/proyecto/code/metrics.py") == b"x = 2\n"


def test_a_file_that_the_configuration_names_must_be_there(root):
    (root / "LICENSE").unlink()
    with pytest.raises(PublishError, match="names LICENSE, which is missing"):
        pack(root)


def test_without_git_copies_and_hidden_files_are_left_out_and_the_assumption_is_said(tmp_path):
    fill(tmp_path)
    for name in ("metrics.py~", "metrics (conflicted copy).py", ".secret"):
        (tmp_path / "code" / name).write_text("privado")
    names, told = pack(tmp_path)
    assert names == ALL
    assert "no git checkout" in told[0]
    assert "assumed" in told[0]
    assert told[-1] == "Left out in all: 3"


def test_an_unpacked_archive_is_packed_by_its_own_list(root, tmp_path):
    pack(root)
    copy = tmp_path / "copia"
    fill(copy)
    with zipfile.ZipFile(root / "_output" / "entrega.zip") as file:
        listed = file.read(f"entrega/proyecto/{LIST}").decode()
    assert listed.splitlines() == ["LICENSE", "code/metrics.py", "code/sub/other.py"]
    (copy / LIST).write_text(listed + "index.qmd\n")
    (copy / "code" / "nuevo.py").write_text("privado")
    names, told = pack(copy)
    assert names == ALL
    assert told[:2] == [
        f"This folder is no git checkout: packed is what its {LIST} names",
        f"Left out: code/nuevo.py (not in {LIST})",
    ]


def test_a_folder_inside_of_another_repository_is_no_checkout(tmp_path):
    git(tmp_path, "init", "-q")
    fill(tmp_path / "trabajo")
    assert Belongings(tmp_path / "trabajo").tracked is None


def test_where_git_cannot_read_the_checkout_nothing_is_packed(root):
    (root / ".git" / "HEAD").write_text("cut")
    with pytest.raises(PublishError, match="git cannot tell which files belong to the project"):
        pack(root)
    assert not (root / "_output" / "entrega.zip").exists()
    assert Belongings(root, strict=False).tracked is None


def test_the_light_form_says_what_it_leaves_out_and_how_large_it_is(root):
    names, told = pack(root, light=True)
    assert names == ALL - {"paginas/index.pdf"}
    assert "Light form, without paginas/*.pdf: 1 fewer" in told
    with zipfile.ZipFile(root / "_output" / "entrega.zip") as file:
        assert file.read("entrega/LEEME.md").decode() == "Léame.\n\nSin PDF.\n"


def test_a_size_is_told_against_what_platforms_take(tmp_path):
    path = tmp_path / "entrega.zip"
    path.write_bytes(bytes(12_000_000))
    assert submission.size(path, light=False) == "12.0 MB, of 20 MB that many platforms take"
    assert submission.size(path, light=True).endswith(
        "of 10 MB that many platforms take: TOO LARGE"
    )
    path.write_bytes(bytes(20_000_001))
    assert "TOO LARGE; `make entrega LIGHT=1` packs less" in submission.size(path, light=False)
