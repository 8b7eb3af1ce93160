-- PDF in one column: the last paragraph stays with the literature, which would else stand on a page
-- of its own.

if FORMAT ~= "typst" then return {} end

function Pandoc(doc)
  if doc.meta.columns then return nil end
  local place = #doc.blocks
  local last = doc.blocks[place]
  if last and last.t == "Div" and last.identifier == "refs" then place = place - 1 end
  local paragraph = doc.blocks[place]
  if not paragraph or paragraph.t ~= "Para" then return nil end
  doc.blocks:insert(place + 1, pandoc.RawBlock("typst", "]"))
  doc.blocks:insert(place, pandoc.RawBlock("typst", "#block(sticky: true)["))
  return doc
end
