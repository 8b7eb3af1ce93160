-- A Div `.tarea-NAME` becomes the custom element of theme/widgets/NAME.js around its figure.
--
-- Its data is inline code `{...}{.tarea-data}`, which Python writes. Only HTML gets element, data
-- and scripts; PDF and notebook get the figure that the Div encloses.

local html = FORMAT:match("html") ~= nil
local root = ""
local loaded = {}

local function load(name)
  if loaded[name] then return "" end
  loaded[name] = true
  local address = root .. "widgets/" .. name
  if name:match("%.css$") then return '<link rel="stylesheet" href="' .. address .. '">\n' end
  return '<script defer src="' .. address .. '"></script>\n'
end

-- The data in some blocks, and the blocks without it.
local function take_data(blocks)
  local data = ""
  blocks = blocks:walk {
    Code = function(code)
      if not code.classes:includes("tarea-data") then return nil end
      data = code.text
      return {}
    end,
  }
  return data, blocks:walk {
    Para = function(paragraph) if #paragraph.content == 0 then return {} end end,
  }
end

local function element(div)
  local name
  for _, class in ipairs(div.classes) do name = name or class:match("^tarea%-(.+)$") end
  if not name then return nil end
  local data, content = take_data(div.content)
  local scripts = ""
  for _, file in ipairs { "widgets.css", "operations.js", "piece.js" } do scripts = scripts .. load(file) end
  local needed = data ~= "" and pandoc.json.decode(data).scripts or {}
  for _, file in ipairs(needed) do scripts = scripts .. load(file .. ".js") end
  scripts = scripts .. load(name .. ".js")
  local id = div.identifier ~= "" and ' id="' .. div.identifier .. '"' or ""
  local blocks = pandoc.Blocks { pandoc.RawBlock("html", scripts
    .. "<tarea-" .. name .. id .. '><script type="application/json">' .. data .. "</script>") }
  blocks:extend(content)
  blocks:insert(pandoc.RawBlock("html", "</tarea-" .. name .. ">"))
  return blocks
end

function Pandoc(doc)
  if not html then
    _, doc.blocks = take_data(doc.blocks)
    return doc:walk { Div = function(div)
      if div.classes:find_if(function(class) return class:match("^tarea%-") end) then return div.content end
    end }
  end
  -- The way from the page to the site's root: Quarto tells it, the built-in renderer hands it over.
  if quarto then
    local offset = quarto.project.offset or "."
    root = offset == "." and "" or offset .. "/"
  else
    root = tostring(PANDOC_WRITER_OPTIONS.variables.root or "")
  end
  return doc:walk { Div = element }
end
