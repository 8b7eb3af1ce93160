-- A Div `.answer` stands under each exercise of a page. On the screen it is folded away; a PDF and a
-- notebook, where nothing folds, have all answers at their end, under a heading of their own.

local html = FORMAT:match("html") ~= nil

local function label(number)
  return pandoc.Strong("Respuesta " .. number .. ".")
end

local function folded(div, number)
  local blocks = pandoc.Blocks {
    pandoc.RawBlock("html", '<details class="answer"><summary>Respuesta ' .. number .. "</summary>") }
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock("html", "</details>"))
  return blocks
end

function Pandoc(doc)
  local answers, number = pandoc.Blocks {}, 0
  doc = doc:walk { Div = function(div)
    if not div.classes:includes("answer") then return nil end
    number = number + 1
    if html then return folded(div, number) end
    local first = div.content[1]
    if first and first.t == "Para" then
      first.content:insert(1, pandoc.Space())
      first.content:insert(1, label(number))
    else
      answers:insert(pandoc.Para { label(number) })
    end
    answers:extend(div.content)
    return {}
  end }
  if #answers > 0 then
    doc.blocks:insert(pandoc.Header(2, "Respuestas"))
    doc.blocks:extend(answers)
  end
  return doc
end
