-- A Div `.abstract`, one paragraph, is the summary of its page, with computed numbers as everywhere:
-- HTML and PDF get it in their title, a notebook where it stands.

function Pandoc(doc)
  for place, block in ipairs(doc.blocks) do
    if block.t == "Div" and block.classes:includes("abstract") then
      local text = pandoc.utils.blocks_to_inlines(block.content)
      if FORMAT:match("html") or FORMAT == "typst" then
        doc.meta.abstract = pandoc.MetaInlines(text)
        doc.blocks:remove(place)
      else
        text:insert(1, pandoc.Space())
        text:insert(1, pandoc.Strong "Resumen.")
        doc.blocks[place] = pandoc.Para(text)
      end
      return doc
    end
  end
end
