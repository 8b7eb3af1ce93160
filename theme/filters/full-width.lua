-- A Div `.full-width` spans both columns of the report's PDF, at the top of a page or, with
-- `place="bottom"`, at its end; in HTML it is `.wide`, over the page's margin too, as a Div `.wide` is.
-- Typst's figures stay in their column by themselves, in Quarto as in the built-in renderer.
--
-- A Div `.floating` lets a tall figure of a PDF in one column go to the next top or bottom, where the
-- page would else end half empty.

local function floating(div)
  if FORMAT ~= "typst" then return div.content end
  local blocks = pandoc.Blocks {
    pandoc.RawBlock("typst", "#[\n#show figure: set figure(placement: auto)\n") }
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock("typst", "]"))
  return blocks
end

function Div(div)
  if div.classes:includes("floating") then return floating(div) end
  if div.classes:includes("wide") and not FORMAT:match("html") then return div.content end
  if not div.classes:includes("full-width") then return nil end
  if FORMAT:match("html") then return pandoc.Div(div.content, { class = "wide" }) end
  if FORMAT ~= "typst" then return div.content end
  local blocks = pandoc.Blocks {
    pandoc.RawBlock("typst", "#place(" .. (div.attributes.place or "auto")
      .. ', scope: "parent", float: true)[#block(width: 100%)[#set align(top)\n#show figure: set figure(placement: none)\n'),
  }
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock("typst", "]]"))
  return blocks
end
