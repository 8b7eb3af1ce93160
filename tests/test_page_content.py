"""What pages may hold: outputs of every kind, pictures of one's own, odd paths, broken sources."""

import base64
import io
import shutil
from pathlib import Path

import nbformat
import pypdf
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from conftest import project_in, write_page
from publish import execute, quarto_freeze
from publish.execution import Execution
from publish.page import PageError, read
from publish.project import Project, PublishError
from test_publish import cell, quiet_build


def html(project, name="index") -> BeautifulSoup:
    text = (project.output / f"{name}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser").main


def pdf(project, name="index") -> pypdf.PdfReader:
    return pypdf.PdfReader(project.output / f"{name}.pdf")


def picture(path: Path, kind: str) -> None:
    Image.new("RGB", (40, 30), "navy").save(path, kind)


# Outputs -----------------------------------------------------------------------------------


SHOWN = {  # code -> what its HTML holds, text of its PDF
    "import pandas as pd\npd.DataFrame({'a': [1, 2]}, index=['x', 'y'])": ("table td", "x"),
    "import pandas as pd\npd.Series([5, 6], name='s').to_frame()": ("table th", "s"),
    "import pandas as pd\npd.DataFrame({'a': [1.5]}).style.format('{:.2f}')": ("table td", "1.50"),
    "from IPython.display import Image\nImage('foto.jpg')": ("img[src$='.jpg']", None),
    "from IPython.display import Image\nImage('foto.png')": ("img[src$='.png']", None),
    "from IPython.display import Image\nImage('foto.gif')": ("img[src$='.gif']", None),
    "from IPython.display import SVG\nSVG(open('foto.svg').read())": ("img[src$='.svg']", None),
    "from IPython.display import Math\nMath('x^2')": ("math", "x"),
    "from IPython.display import Latex\nLatex('$y^2$')": ("math", "y"),
    "from IPython.display import HTML\nHTML('<p>Un <b>dato</b></p>')": ("b, strong", "dato"),
    "from IPython.display import Markdown\nMarkdown('*cursiva*')": ("em", "cursiva"),
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Project:
    """A site with a page for each kind of output, executed and built once."""
    project = project_in(tmp_path_factory.mktemp("shown"))
    project.config["publish"] = {"preload": ["pandas", "IPython.display"]}
    for kind in ("jpeg", "png", "gif"):
        picture(project.root / f"foto.{kind.replace('jpeg', 'jpg')}", kind)
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>'
    (project.root / "foto.svg").write_text(drawing)
    for number, code in enumerate(SHOWN):
        write_page(project.root, cell(code), f"p{number}.qmd", f"Página {number}")
    quiet_build(project, forms=["html", "pdf"])
    return project


def test_outputs_of_every_kind_are_shown(shown):
    for number, (code, (selector, text)) in enumerate(SHOWN.items()):
        page = html(shown, f"p{number}")
        assert page.select(selector), code
        assert " object" not in page.get_text()
        for image in page.find_all("img"):
            assert (shown.output / image["src"]).stat().st_size > 50
        sheet = pdf(shown, f"p{number}").pages[0]
        assert " object" not in sheet.extract_text()
        if text:
            assert text in sheet.extract_text().replace("𝑥", "x").replace("𝑦", "y"), code
        elif "SVG" not in code:
            assert list(sheet.images), code


@pytest.mark.parametrize("code", SHOWN)
def test_quarto_is_handed_the_same_outputs(shown, code, tmp_path):
    page = read(f"p{list(SHOWN).index(code)}.qmd", shown.root)
    execution = Execution(page, shown)
    assert execution.stale is None
    quarto_freeze.write([execution], tmp_path)
    for form in ("html", "typst"):
        text = quarto_freeze.body(execution, form, tmp_path / "f")
        assert "object" not in text.split(":::: ")[-1].replace("object-fit", "")
        assert ".cell-output-display" in text
    if "Image(" in code or "SVG" in code:
        assert list((tmp_path / "_freeze" / page.stem / "figure-html").iterdir())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("from IPython.display import Javascript\nJavascript('1')", "application/javascript"),
        ("from IPython.display import JSON\nJSON({'a': 1})", "application/json"),
        ("from IPython.display import HTML\nHTML('<script>1</script>')", "text/html"),
        ("from IPython.display import IFrame\nIFrame('https://example.org', 9, 9)", "text/html"),
        ("from IPython.display import Latex\nLatex('\\\\section{a}')", "text/latex"),
    ],
)
def test_outputs_that_a_form_cannot_show_stop_with_the_line(small_project, code, kind):
    write_page(small_project.root, "Hola.\n\n" + cell(code, "label: aquí"))
    with pytest.raises(
        PublishError, match=r"index.qmd:9: aquí gives an output that .* cannot show"
    ) as e:
        quiet_build(small_project)
    assert kind in str(e.value)
    write_page(small_project.root, "Hola.\n\n" + cell(code, "output: false"))
    quiet_build(small_project)


# Fences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fence",
    ["``` {python}", "  ```{python}", "- ```{python}", "1. ```{python}", "> ```{python}",
     "~~~{python}", "```{ python }", "~~~~ {python}", "\t```{python}"],
)  # fmt: skip
def test_cells_in_unusual_fences_are_refused(small_project, fence):
    end = "~~~~" if "~" in fence else "```"
    write_page(small_project.root, f"Hola.\n\n{fence}\n1 + 1\n{end}\n")
    with pytest.raises(PageError, match=r"index.qmd:8: .*```\{python\} at the beginning|#\| lines"):
        read("index.qmd", small_project.root)


def test_code_that_only_shows_such_fences_passes(small_project):
    write_page(
        small_project.root, "````markdown\n``` {python}\n1\n```\n````\n\n```python\n1\n```\n"
    )
    quiet_build(small_project)
    assert "``` {python}" in html(small_project).get_text()


# Pictures and files of one's own -----------------------------------------------------------


@pytest.mark.parametrize("name", ["foto.png", "mis fotos/una foto.png", "sub/á_b_c.png"])
def test_a_picture_beside_the_page_is_shown_everywhere_and_can_be_referred_to(small_project, name):
    path = small_project.root / name
    path.parent.mkdir(exist_ok=True)
    picture(path, "png")
    write_page(
        small_project.root,
        f'Ver @fig-foto.\n\n![Una *foto*](<{name}>){{#fig-foto fig-alt="Azul" width=50%}}\n',
    )
    quiet_build(small_project)
    page = html(small_project)
    image = page.find("figure", id="fig-foto").img
    assert image["alt"] == "Azul"
    assert "Figura\u00a01: Una foto" in page.figcaption.get_text()
    assert "Ver Figura\u00a01." in page.get_text()
    assert (small_project.output / name).read_bytes() == path.read_bytes()
    assert len(pdf(small_project).pages[0].images) == 1
    book = nbformat.read(small_project.output / "index.ipynb", as_version=4)
    nbformat.validate(book)
    (attached,) = book.cells[0].attachments.values()
    assert base64.b64decode(attached["image/png"]) == path.read_bytes()
    assert f"](attachment:{next(iter(book.cells[0].attachments))}" in book.cells[0].source
    picture(path, "png")
    Image.new("RGB", (41, 30), "red").save(path)
    assert quiet_build(small_project) == ["index.qmd"]
    assert (small_project.output / name).read_bytes() == path.read_bytes()


def test_a_file_that_is_linked_is_copied(small_project):
    (small_project.root / "datos.csv").write_text("a\n1\n")
    write_page(small_project.root, "Ver [los datos](datos.csv).\n\n![Sin número](f.png)\n")
    picture(small_project.root / "f.png", "png")
    quiet_build(small_project)
    assert (small_project.output / "datos.csv").read_text() == "a\n1\n"
    assert html(small_project).figure.figcaption.get_text(strip=True) == "Sin número"
    write_page(small_project.root, "Ya no.\n")
    quiet_build(small_project)
    assert not (small_project.output / "datos.csv").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("![a](no.png)", "no.png is not there"),
        ("[a](no.csv)", "no.csv is not there"),
        ("[a](no.qmd)", "no.qmd is no page"),
        ("[a](../fuera.csv)", "../fuera.csv is outside"),
    ],
)
def test_files_that_are_missing_are_named_with_their_line(small_project, text, reason):
    write_page(small_project.root, f"Hola.\n\nDos {text}.\n")
    with pytest.raises(PublishError, match=f"index.qmd:8: {reason}"):
        quiet_build(small_project)


# Paths and sources -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["d'Artagnan", "a--b", "_x_", "$x$ y", "a@b", "a...b", "dos  espacios", 'a"b', "a\\b"]
)
def test_a_project_lives_in_any_folder(small_project, tmp_path_factory, name):
    if "\\" in name and Path(name).name != name:
        pytest.skip("a backslash parts folders on this system")
    root = tmp_path_factory.mktemp("x") / name
    shutil.copytree(small_project.root, root, symlinks=True)
    write_page(root, "Según @prince2023.\n\n" + cell("1 + 1"))
    project = Project(root)
    quiet_build(project)
    assert "Prince" in html(project).get_text()
    assert len(pdf(project).pages) == 1


def test_a_page_lives_under_any_name(small_project):
    names = ["una_x_página.qmd", "dos palabras.qmd", "c'est.qmd"]
    for name in names:
        write_page(small_project.root, "Hola.\n", name, name)
    config = small_project.root / "_quarto.yml"
    listed = ", ".join(f'"{name}"' for name in ["index.qmd", *names])
    config.write_text(config.read_text().replace("contents: [index.qmd]", f"contents: [{listed}]"))
    project = Project(small_project.root)
    quiet_build(project)
    soup = BeautifulSoup((project.output / "index.html").read_text(), "html.parser")
    from urllib.parse import unquote

    found = [unquote(link["href"]) for link in soup.select("nav.sidebar a")]
    assert found == ["index.html", *(name.replace(".qmd", ".html") for name in names)]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_byte_order_mark_and_other_line_ends_are_read(small_project, ends):
    path = small_project.root / "index.qmd"
    text = path.read_text().replace("\n", ends)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    quiet_build(small_project)
    assert "Hola" in html(small_project).get_text()


@pytest.mark.parametrize("name", ["index.qmd", "_quarto.yml", "otra.qmd"])
def test_what_is_not_utf8_is_named_with_its_line(small_project, name):
    write_page(small_project.root, "Hola.\n", "otra.qmd", "Otra")
    path = small_project.root / name
    path.write_bytes(path.read_bytes() + "\n# Señal\n".encode("latin-1"))
    line = path.read_bytes().count(b"\n")
    with pytest.raises(PublishError, match=rf"{name}:{line}: not UTF-8 \(byte 0xf1\); save"):
        quiet_build(Project(small_project.root))


@pytest.mark.parametrize("label", ["3", "1.5", "true", "[a]", "2026-01-01"])
def test_a_label_that_is_no_name_is_refused(small_project, label):
    write_page(small_project.root, cell("1", f"label: {label}"))
    with pytest.raises(PageError, match=r"index.qmd:7: label: .* is no name"):
        read("index.qmd", small_project.root)


@pytest.mark.parametrize("body", ["a `{python} 1\n", "a `{python} x y z"])
def test_inline_code_without_an_end_is_refused(small_project, body):
    write_page(small_project.root, "Hola.\n\n" + body)
    with pytest.raises(PageError, match=r"index\.qmd:8: inline code is not closed"):
        read("index.qmd", small_project.root)


@pytest.mark.install
def test_code_that_never_ends_is_stopped(small_project, monkeypatch):
    monkeypatch.setattr(execute, "TIMEOUT", 2)
    write_page(small_project.root, "a\nb `{python} __import__('time').sleep(999)`\n")
    with pytest.raises(
        PublishError, match=r"index.qmd:7: inline code .* more than 2 s: __import__"
    ):
        quiet_build(small_project)
    write_page(
        small_project.root,
        "Hola.\n\n" + cell("import time\nwhile True: time.sleep(1)", "label: eterna"),
    )
    with pytest.raises(PublishError, match=r"index\.qmd:9: cell eterna ran for more than 2 s"):
        quiet_build(small_project)
    write_page(small_project.root, "a `{python} __import__('os')._exit(3)`\n")
    with pytest.raises(PublishError, match=r"index\.qmd:6: inline code ended the Python process"):
        quiet_build(small_project)


def test_a_page_alone_says_what_is_there_and_what_is_not(small_project):
    write_page(small_project.root, "Otra.\n", "otra.qmd", "Otra")
    from publish.build import build

    said = []
    assert build(small_project, ["otra.qmd"], jobs=1, report=said.append) == ["otra.qmd"]
    assert said[-1].startswith("  Not published: index.qmd was never made; otra.qmd is in ")
    assert not small_project.output.exists()


def test_a_buffer_is_no_path(small_project):
    code = "import io\nfrom IPython.display import Image\nfrom PIL import Image as P\n"
    code += "b = io.BytesIO(); P.new('RGB', (4, 4)).save(b, 'jpeg'); Image(b.getvalue())"
    write_page(small_project.root, cell(code))
    quiet_build(small_project)
    source = small_project.output / html(small_project).img["src"]
    assert Image.open(io.BytesIO(source.read_bytes())).format == "JPEG"
