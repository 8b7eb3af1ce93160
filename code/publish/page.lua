-- From executed pages to HTML, Typst or notebook Markdown, with Quarto's numbering and wording.
--
-- One pass collects and numbers everything that can be referred to (sections, figures, tables,
-- equations), the next writes floats, equations and callouts for the format, the last resolves
-- the references. The names of kinds and labels are those that Quarto gives, so that one Typst
-- template serves both engines.

local html, typst = FORMAT:match("html") ~= nil, FORMAT == "typst"
local nbsp = "\u{a0}"

local KINDS = {
  fig = { title = "Figura", position = "bottom" },
  tbl = { title = "Tabla", position = "top" },
  eq = { title = "Ecuación" },
  sec = { title = "Sección" },
}
local CALLOUTS = {
  ["callout-note"] = { "Nota", "#0758e5" }, ["callout-tip"] = { "Tip", "#00a047" },
  ["callout-warning"] = { "Advertencia", "#eb9113" }, ["callout-important"] = { "Importante", "#cc1914" },
}

local numbers = {}   -- label -> number as text
local counters = { fig = 0, tbl = 0, eq = 0 }
local unresolved = {}

local function kind_of(label)
  local kind = label:match("^(%a+)%-")
  return KINDS[kind] and kind or nil
end

local function register(label)
  local kind = kind_of(label)
  counters[kind] = counters[kind] + 1
  numbers[label] = tostring(counters[kind])
  return numbers[label]
end

local function raw(text) return pandoc.RawBlock(FORMAT, text) end
local function raw_inline(text) return pandoc.RawInline(FORMAT, text) end
local function quoted(text) return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"') .. '"' end

-- Sections ---------------------------------------------------------------------------------

local numbered = true      -- `number-sections: false` on a page turns it off
local section_numbers = {}  -- of all headers in reading order; false for one without a number

-- pandoc's own numbering, of the blocks that this format shows; ## is the first level.
local function number_sections(blocks)
  if not numbered then return end
  local options = { number_sections = true, base_level = 1 }
  pandoc.structure.make_sections(blocks, options):walk { Header = function(header)
    table.insert(section_numbers, header.attributes.number or false)
  end }
end

local function number_header(header)
  local number = table.remove(section_numbers, 1)
  if number then
    if header.identifier ~= "" then numbers[header.identifier] = number end
    if html then
      header.attributes["data-number"] = number
      header.content:insert(1, pandoc.Space())
      header.content:insert(1, pandoc.Span(number, { class = "header-section-number" }))
    end
  end
  if typst then header.level = header.level - 1 end
  return header
end

-- Equations --------------------------------------------------------------------------------

local function number_equations(block)
  local result, index = pandoc.Inlines {}, 1
  local content = block.content
  while index <= #content do
    local item, following = content[index], index + 1
    local display = item.t == "Math" and item.mathtype == "DisplayMath"
    if display and content[following] and content[following].t == "Space" then
      following = following + 1
    end
    local mark = display and content[following] and content[following].t == "Str"
      and content[following].text:match("^{#(eq%-[%w-]+)}")
    if mark then
      local number = register(mark)
      if typst then
        result:insert(raw_inline("#math.equation(block: true, numbering: equation-numbering, [ "))
        result:insert(item)
        result:insert(raw_inline(" ])<" .. mark .. ">"))
      elseif html then
        result:insert(pandoc.Span(
          { item, pandoc.Span("(" .. number .. ")", { class = "equation-number" }) },
          { id = mark, class = "equation" }))
      else
        result:insert(pandoc.Math("DisplayMath", item.text .. " \\qquad (" .. number .. ")"))
      end
      local rest = content[following].text:gsub("^{#eq%-[%w-]+}", "")
      if rest ~= "" then result:insert(pandoc.Str(rest)) end
      index = following + 1
    else
      result:insert(item)
      index = index + 1
    end
  end
  block.content = result
  return block
end

-- Floats -----------------------------------------------------------------------------------

local function caption_line(kind, number, caption)
  local line = pandoc.Inlines { pandoc.Str(KINDS[kind].title .. nbsp .. number .. ":"), pandoc.Space() }
  line:extend(caption)
  return line
end

local function write_float(label, content, caption)
  local kind, number = kind_of(label), register(label)
  local blocks = pandoc.Blocks {}
  if typst then
    blocks:insert(raw("#figure(["))
    blocks:extend(content)
    blocks:insert(raw("], caption: figure.caption(position: " .. KINDS[kind].position .. ", ["))
    blocks:insert(pandoc.Plain(caption))
    blocks:insert(raw(']), kind: "quarto-float-' .. kind .. '", supplement: '
      .. quoted(KINDS[kind].title) .. ", numbering: \"1\") <" .. label .. ">"))
  elseif html then
    local line = pandoc.Plain(caption_line(kind, number, caption))
    local class = "float float-" .. kind
    if kind == "fig" then
      return pandoc.Blocks { pandoc.Figure(content, { line }, { id = label, class = class }) }
    end
    -- pandoc puts the caption of a figure below; that of a table stands above it.
    blocks:insert(raw('<figure id="' .. label .. '" class="' .. class .. '"><figcaption>'))
    blocks:insert(line)
    blocks:insert(raw("</figcaption>"))
    blocks:extend(content)
    blocks:insert(raw("</figure>"))
  else
    local line = pandoc.Para { pandoc.Emph(caption_line(kind, number, caption)) }
    if kind == "tbl" then blocks:insert(line) end
    blocks:extend(content)
    if kind ~= "tbl" then blocks:insert(line) end
  end
  return blocks
end

local function float_div(div)
  if not (div.identifier:match("^fig%-") or div.identifier:match("^tbl%-")) then return nil end
  local content, caption = div.content, nil
  local last = content[#content]
  if last and last.t == "Div" and last.classes:includes("cell-caption") then
    caption = pandoc.utils.blocks_to_inlines(last.content)
    content:remove(#content)
  elseif last and last.t == "Para" then  -- written by hand: the last paragraph is the caption
    caption = last.content
    content:remove(#content)
  end
  return write_float(div.identifier, content, caption or pandoc.Inlines {})
end

local function float_table(element)
  if not element.identifier:match("^tbl%-") then return nil end
  local label, caption = element.identifier, pandoc.utils.blocks_to_inlines(element.caption.long)
  element.identifier, element.caption = "", pandoc.Caption()
  return write_float(label, pandoc.Blocks { element }, caption)
end

-- A picture of one's own: ![Caption](photo.png){#fig-photo}
local function own_figure(figure)
  local caption = pandoc.utils.blocks_to_inlines(figure.caption.long)
  if figure.identifier:match("^fig%-") then
    return write_float(figure.identifier, figure.content, caption)
  end
  if html or typst then return figure end
  figure.content:insert(pandoc.Para { pandoc.Emph(caption) })
  return figure.content
end

-- Images and code --------------------------------------------------------------------------

local function is_local(target)
  return not (target:match("^%a[%w+.-]*:") or target:match("^[/#]"))
end

local function decoded(target)
  return (target:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

local function write_image(image)
  local alt = image.attributes["fig-alt"] or image.attributes["alt"]
    or pandoc.utils.stringify(image.caption)
  image.attributes["fig-alt"] = nil
  image.attributes["alt"] = html and alt or nil
  if html and image.classes:includes("nolightbox") then return image end
  if html then return pandoc.Link({ image }, image.src, "Ampliar", { class = "lightbox" }) end
  if not typst then
    if is_local(image.src) then  -- a notebook carries its pictures with it
      image.src = "attachment:" .. image.src:gsub("[^%w.-]", "-")
    end
    image.caption, image.attr = { pandoc.Str(alt) }, pandoc.Attr()  -- sizes would make it HTML
    return image
  end
  local size = ""
  for _, side in ipairs { "width", "height" } do
    local value = image.attributes[side]
    local pixels = value and value:match("^(%d+)$") or value and value:match("^(%d+)px$")
    if pixels then value = tonumber(pixels) / 96 .. "in" end
    if value then size = size .. ", " .. side .. ": " .. value end
  end
  local source = quoted(decoded(image.src))
  return raw_inline("#image(" .. source .. ", alt: " .. quoted(alt) .. size .. ")")
end

-- HTML comes from outputs only. Its tables are tables in every format.
local function write_html(block)
  local has_table = block.text:lower():match("<table")
  if block.format ~= "html" or (html and not has_table) then return nil end
  return pandoc.read(block.text, "html").blocks
end

local function write_code(block)
  local fold = block.attributes["code-fold"]
  local summary = block.attributes["code-summary"] or "Código"
  block.attributes["code-fold"], block.attributes["code-summary"] = nil, nil
  if not (html and fold) then return block end
  local open = fold == "show" and " open" or ""
  return {
    raw('<details class="code-fold"' .. open .. "><summary>"),
    pandoc.Plain(pandoc.Str(summary)), raw("</summary>"), block, raw("</details>"),
  }
end

-- Divs -------------------------------------------------------------------------------------

local function write_callout(div)
  for class, style in pairs(CALLOUTS) do
    if div.classes:includes(class) then
      local title = pandoc.read(div.attributes["title"] or style[1], "markdown").blocks[1].content
      if html then
        local escaped = { ["&"] = "&amp;", ['"'] = "&quot;", ["<"] = "&lt;" }
        local name = pandoc.utils.stringify(title):gsub('[&"<]', escaped)
        local blocks = pandoc.Blocks {
          raw('<div class="callout ' .. class .. '" role="note" aria-label="' .. name
            .. '"><p class="callout-title">'),
          pandoc.Plain(title), raw("</p>"),
        }
        blocks:extend(div.content)
        blocks:insert(raw("</div>"))
        return blocks
      elseif typst then
        local blocks = pandoc.Blocks { raw('#callout(icon_color: rgb("' .. style[2] .. '"), title: [') }
        blocks:insert(pandoc.Plain(title))
        blocks:insert(raw("], body: ["))
        blocks:extend(div.content)
        blocks:insert(raw("])"))
        return blocks
      end
      local quote = pandoc.Blocks { pandoc.Para { pandoc.Strong(title) } }
      quote:extend(div.content)
      return pandoc.BlockQuote(quote)
    end
  end
end

local function visible(div)
  if not div.classes:includes("content-visible") then return nil end
  local wanted = div.attributes["when-format"]
  local shown = (wanted == "html" and html) or (wanted == "typst" and typst)
  return shown and div.content or {}
end

-- Everything in reading order: a label's number is its place on the page.
local function collect(blocks)
  local result = pandoc.Blocks {}
  for _, block in ipairs(blocks) do
    local kept
    if block.t == "Figure" then
      kept = own_figure(block)
    elseif block.t == "Header" then
      kept = number_header(block)
    elseif block.t == "Para" or block.t == "Plain" then
      kept = number_equations(block)
    elseif block.t == "Table" then
      kept = float_table(block) or block
    elseif block.t == "CodeBlock" then
      kept = write_code(block)
    elseif block.t == "Div" then
      block.content = collect(block.content)
      kept = float_div(block) or write_callout(block) or block
    elseif block.t == "BlockQuote" then
      block.content = collect(block.content)
      kept = block
    elseif block.t == "BulletList" or block.t == "OrderedList" then
      for index, item in ipairs(block.content) do block.content[index] = collect(item) end
      kept = block
    else
      kept = block
    end
    if pandoc.utils.type(kept) == "Blocks" or pandoc.utils.type(kept) == "List"
      or (type(kept) == "table" and kept.t == nil) then
      for _, item in ipairs(kept) do result:insert(item) end
    else
      result:insert(kept)
    end
  end
  return result
end

-- References -------------------------------------------------------------------------------

local function resolve(cite)
  local result = pandoc.Inlines {}
  for index, item in ipairs(cite.citations) do
    local kind = kind_of(item.id)
    if not kind then return nil end  -- a citation of the literature
    if index > 1 then result:extend { pandoc.Str(","), pandoc.Space() } end
    local number = numbers[item.id]
    local prefix = #item.prefix > 0 and pandoc.utils.stringify(item.prefix)
      or item.mode ~= "SuppressAuthor" and KINDS[kind].title or nil
    if not number then
      table.insert(unresolved, item.id)
      number = "?"
    end
    local text = (prefix and prefix .. nbsp or "") .. number
    if typst then
      result:insert(raw_inline("#ref(<" .. item.id .. ">, supplement: [" .. (prefix or "") .. "])"))
    elseif html then
      result:insert(pandoc.Link(text, "#" .. item.id, "", { class = "quarto-xref" }))
    else
      result:insert(pandoc.Str(text))
    end
  end
  return result
end

function Pandoc(doc)
  numbered = doc.meta["section-numbering"] ~= nil
  doc = doc:walk { Div = visible, RawBlock = write_html }
  number_sections(doc.blocks)
  doc.blocks = collect(doc.blocks)
  doc = doc:walk { Cite = resolve, Image = write_image }
  if #unresolved > 0 then
    error("unresolved reference @" .. table.concat(unresolved, ", @"))
  end
  -- Quarto's website shows the literature as a section of its own, without a number.
  doc = pandoc.utils.citeproc(doc)
  local tidy = { Header = function(header)
    if header.identifier == "bibliography" then header.level = 2 end
    return header
  end }
  if not (html or typst) then  -- a notebook has no anchors to jump to
    tidy.Div = function(div) return div.content end
    tidy.Span = function(span) return span.content end
    tidy.Note = function(note)  -- Jupyter knows no footnotes
      local text = pandoc.utils.blocks_to_inlines(note.content)
      text:insert(1, pandoc.Str("("))
      text:insert(1, pandoc.Space())
      text:insert(pandoc.Str(")"))
      return text
    end
    tidy.Link = function(link) return link.target:match("^#") and link.content or nil end
  end
  return doc:walk(tidy)
end
