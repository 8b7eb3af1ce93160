-- PDF: every formula has an alternative text, its LaTeX source, for those who hear the page.
--
-- A reader of tagged PDFs would otherwise meet loose letters. An equation with a number, which
-- either engine writes as raw Typst around the formula, gets it as a whole.

if FORMAT ~= "typst" then return {} end

local function quoted(text)
  local plain = text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  return '"' .. plain:gsub("\\", "\\\\"):gsub('"', '\\"') .. '"'
end

local function formula(math)
  local written = pandoc.write(pandoc.Pandoc { pandoc.Plain { math } }, "typst"):gsub("%s+$", "")
  if not written:match("^%$") then return math end  -- no TeX that pandoc can read
  local block = math.mathtype == "DisplayMath" and "block: true, " or ""
  -- The semicolon ends the expression: a bracket may follow.
  return pandoc.RawInline("typst",
    "#math.equation(" .. block .. "alt: " .. quoted(math.text) .. ", " .. written .. ".body);")
end

local function numbered(before)
  return before and before.t == "RawInline" and before.format == "typst"
    and before.text:match("^#math%.equation%(.*%[ *$")
end

local function with_alternatives(inlines)
  for index, item in ipairs(inlines) do
    local before = inlines[index - 1]
    if item.t == "Math" and numbered(before) then
      before.text = before.text:gsub("^#math%.equation%(", function(start)
        return start .. "alt: " .. quoted(item.text) .. ", "
      end)
    elseif item.t == "Math" then
      inlines[index] = formula(item)
    end
  end
  return inlines
end

return { { Inlines = with_alternatives } }
