"""What a PDF says and where, read by PDFium, which takes a thirtieth of the time of pypdf."""

from pathlib import Path

import pypdfium2


def texts(path: Path) -> list[str]:
    """The text of each page, its lines parted by line feeds."""
    with pypdfium2.PdfDocument(path) as document:
        found = [sheet.get_textpage().get_text_bounded() for sheet in document]
    return [text.replace("\r\n", "\n") for text in found]


def heights(path: Path) -> list[list[float]]:
    """How high the lines of each page stand above its lower edge, in points."""
    found = []
    with pypdfium2.PdfDocument(path) as document:
        for sheet in document:
            text = sheet.get_textpage()
            found.append([text.get_rect(place)[1] for place in range(text.count_rects())])
    return found
