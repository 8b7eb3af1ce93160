#!/bin/sh
# Typst 0.15.2 (PyPI: typst) marks its tagged PDF with /MarkInfo <</Marked true/Suspects false>>, as
# PDF 32000-1, table 321 has it, where Suspects is a boolean. Poppler 22.12.0 (Debian: poppler-utils)
# prints "Syntax Error: Suspects object is wrong type (boolean)" for every such file; what it reports
# of the pages is right all the same.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet typst==0.15.2
printf 'One page.\n' > "$folder/page.typ"
"$folder/env/bin/python" -c "import sys, typst; typst.compile(sys.argv[1], output=sys.argv[2])" \
  "$folder/page.typ" "$folder/page.pdf"
grep -a -o 'Suspects [a-z]*' "$folder/page.pdf"
pdfinfo -v 2>&1 | head -1
pdfinfo "$folder/page.pdf" > "$folder/said" 2>&1
grep -E 'Syntax Error|Pages' "$folder/said"
grep -q 'Suspects object is wrong type' "$folder/said"
grep -q '^Pages: *1$' "$folder/said"
echo "as described"
