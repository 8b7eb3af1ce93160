-- The glossary, from theme/glossary.json: a Div `.glossary` becomes its entries, and on every other
-- HTML page the first use of each term is a link to its entry, which carries the definition for
-- content.js to show. `glossary` in _quarto.yml says where the page with the entries is.

local function stringify(value) return value and pandoc.utils.stringify(value) or nil end

local function entries()
  local file = quarto and pandoc.path.join { quarto.project.directory, "theme", "glossary.json" }
    or pandoc.path.join { pandoc.path.directory(PANDOC_SCRIPT_FILE), "..", "glossary.json" }
  local handle = assert(io.open(file), "theme/glossary.json is missing")
  local content = handle:read("a")
  handle:close()
  return pandoc.json.decode(content, false)
end

-- The page of the glossary ------------------------------------------------------------------

local function write_entries()
  local blocks = pandoc.Blocks {}
  for _, entry in ipairs(entries()) do
    local line = pandoc.Inlines { pandoc.Span(pandoc.Strong(entry.term), { id = entry.id }) }
    if entry.english then
      line:extend { pandoc.Space(), pandoc.Str("("), pandoc.Emph(entry.english), pandoc.Str(")") }
    end
    line:extend { pandoc.Str("."), pandoc.Space() }
    line:extend(pandoc.utils.blocks_to_inlines(pandoc.read(entry.definition, "markdown").blocks))
    blocks:insert(pandoc.Para(line))
  end
  return blocks
end

-- Links at first use ------------------------------------------------------------------------

local OPENING, CLOSING = "^[¿¡«“\"(%[]*", "[.,;:»”\"?!)%]…]*$"
local address, forms

-- The words of all forms, longest first, so that "red densa" is found before a shorter form.
local function read_forms()
  local found = {}
  for _, entry in ipairs(entries()) do
    local definition = pandoc.write(pandoc.read(entry.definition, "markdown"), "plain",
      pandoc.WriterOptions { wrap_text = "none" }):gsub("%s+$", ""):gsub("[_*]", "")
    for _, form in ipairs(entry.forms) do
      local words = {}
      for word in form:gmatch("%S+") do table.insert(words, word) end
      -- A form with a capital is a name: "Dice" is one, "dice" is a verb.
      local exact = pandoc.text.lower(form) ~= form
      table.insert(found, { words = words, id = entry.id, exact = exact, definition = definition })
    end
  end
  table.sort(found, function(a, b)
    if #a.words ~= #b.words then return #a.words > #b.words end
    return table.concat(a.words, " ") < table.concat(b.words, " ")
  end)
  return found
end

-- Where a form ends that starts at an inline, with what stands before and after it in its words.
local function match(inlines, start, form)
  local words, before, after = form.words, "", ""
  for number, word in ipairs(words) do
    local place = start + 2 * (number - 1)
    local item, gap = inlines[place], inlines[place - 1]
    if not item or item.t ~= "Str" then return nil end
    if number > 1 and not (gap.t == "Space" or gap.t == "SoftBreak") then return nil end
    local text = item.text
    if number == 1 then
      local stripped = text:gsub(OPENING, "")
      before, text = text:sub(1, #text - #stripped), stripped
    end
    if number == #words then
      local stripped = text:gsub(CLOSING, "")
      after, text = text:sub(#stripped + 1), stripped
    end
    if (form.exact and text or pandoc.text.lower(text)) ~= word then return nil end
  end
  return start + 2 * (#words - 1), before, after
end

local function link_inlines(inlines)
  local result, place = pandoc.Inlines {}, 1
  while place <= #inlines do
    local item, last = inlines[place], nil
    if item.t == "Str" then
      for _, form in ipairs(forms) do
        local before, after
        last, before, after = match(inlines, place, form)
        if last then
          local content = pandoc.Inlines { table.unpack(inlines, place, last) }
          local first = content[1].text:sub(#before + 1)
          content[1] = pandoc.Str(#content == 1 and first:sub(1, #first - #after) or first)
          if #content > 1 then
            content[#content] = pandoc.Str(content[#content].text:sub(1, -1 - #after))
          end
          if before ~= "" then result:insert(pandoc.Str(before)) end
          result:insert(pandoc.Link(content, address .. "#" .. form.id, "",
            { class = "term", ["data-definition"] = form.definition }))
          if after ~= "" then result:insert(pandoc.Str(after)) end
          local id = form.id
          forms = pandoc.List(forms):filter(function(other) return other.id ~= id end)
          break
        end
      end
    elseif item.t == "Strong" or item.t == "Emph" or item.t == "Quoted" then
      item.content = link_inlines(item.content)
    end
    if not last then
      result:insert(item)
      last = place
    end
    place = last + 1
  end
  return result
end

-- Prose only: neither headings, captions and tables nor what a cell shows.
local function link_blocks(blocks)
  for _, block in ipairs(blocks) do
    if block.t == "Para" or block.t == "Plain" then
      block.content = link_inlines(block.content)
    elseif block.t == "BulletList" or block.t == "OrderedList" then
      for index, item in ipairs(block.content) do block.content[index] = link_blocks(item) end
    elseif block.t == "BlockQuote" then
      block.content = link_blocks(block.content)
    elseif block.t == "Div" and not (block.classes:includes("doors") or block.classes:includes("pieces")
        or block.classes:includes("cell") or block.classes:includes("cell-float")
        or block.identifier:match("^fig%-") or block.identifier:match("^tbl%-")) then
      block.content = link_blocks(block.content)
    end
  end
  return blocks
end

function Pandoc(doc)
  local is_glossary = false
  doc = doc:walk { Div = function(div)
    if not div.classes:includes("glossary") then return nil end
    is_glossary = true
    return write_entries()
  end }
  local page = stringify(doc.meta.glossary)
  if page and FORMAT:match("html") and not is_glossary then
    local root = quarto and quarto.project.offset or stringify(doc.meta.offset) or "."
    address = root .. "/" .. page
    forms = read_forms()
    doc.blocks = link_blocks(doc.blocks)
  end
  return doc
end
