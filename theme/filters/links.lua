-- Links between pages are written to the sources (`[texto](02-otra.qmd)`); each format leads to its
-- own kind. Quarto does so by itself in HTML. The parts of a page have names in HTML only.

local ending = FORMAT:match("html") and "html" or FORMAT == "typst" and "pdf" or "ipynb"

function Link(link)
  if link.target:match("^%a[%w+.-]*:") or (quarto and ending == "html") then return nil end
  local page, part = link.target:match("^([^#]*)%.qmd(.*)$")
  if not page or not (part == "" or part:match("^#")) then return nil end
  link.target = page .. "." .. ending .. (ending == "html" and part or "")
  return link
end
