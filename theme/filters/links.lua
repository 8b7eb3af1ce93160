-- Links between pages are written to the sources (`[texto](02-otra.qmd)`). In HTML and notebooks each
-- leads to its own kind; Quarto does so by itself in HTML. A PDF travels alone: there they lead to the
-- site, if `site` (in _autoria.yml or _quarto.yml) says where it is, and are text otherwise.

local html, typst = FORMAT:match("html") ~= nil, FORMAT == "typst"
local site, folder

local function read(meta)
  site = meta.site and pandoc.utils.stringify(meta.site):gsub("/+$", "")
  if site and not site:match("^https?://[^/]") then
    error("site: expected an address such as https://name.github.io/project, got " .. site)
  end
  local page = quarto
    and pandoc.path.make_relative(quarto.doc.input_file, quarto.project.directory)
    or meta.page and pandoc.utils.stringify(meta.page) or ""
  folder = pandoc.path.directory(page)
end

-- "chapters/soluciones" and "../02-otra" give "chapters/02-otra".
local function joined(target)
  local parts = pandoc.List {}
  for part in (folder .. "/" .. target):gmatch("[^/]+") do
    if part == ".." then parts:remove() elseif part ~= "." then parts:insert(part) end
  end
  return table.concat(parts, "/")
end

local function write(link)
  if link.target:match("^%a[%w+.-]*:") or (quarto and html) then return nil end
  local page, part = link.target:match("^([^#]*)%.qmd(.*)$")
  if not page or not (part == "" or part:match("^#")) then return nil end
  if typst and not site then return link.content end
  if typst then
    link.target = site .. "/" .. joined(page) .. ".html" .. part
  else
    link.target = page .. (html and ".html" .. part or ".ipynb")  -- a notebook's parts have no names
  end
  return link
end

function Pandoc(doc)
  read(doc.meta)
  return doc:walk { Link = write }
end
