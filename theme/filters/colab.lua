-- A page with `colab: path/to/its.ipynb` begins with a link that opens that notebook in Colab, if
-- `repository` (in _autoria.yml or _quarto.yml) says on GitHub where the site is published.

function Pandoc(doc)
  local path, repository = doc.meta.colab, doc.meta.repository
  if not (path and repository and FORMAT:match("html")) then return nil end
  local project = pandoc.utils.stringify(repository):gsub("/+$", ""):gsub("%.git$", "")
    :match("^https://github%.com/([%w._-]+/[%w._-]+)$")
  if not project then
    error("repository: expected https://github.com/owner/name, got "
      .. pandoc.utils.stringify(repository))
  end
  local address = "https://colab.research.google.com/github/" .. project .. "/blob/gh-pages/"
    .. pandoc.utils.stringify(path)
  doc.blocks:insert(1, pandoc.Para { pandoc.Link("Abrir este cuaderno en Colab", address) })
  return doc
end
