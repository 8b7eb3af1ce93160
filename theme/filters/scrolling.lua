-- HTML: tables and displayed formulas stand in boxes that scroll on a narrow screen.
--
-- An equation's number leaves the box, so that it is always to be seen. Quarto writes it into the
-- formula, the built-in renderer beside it; both leave here in the built-in renderer's form.

if not FORMAT:match("html") then return {} end

if quarto then
  quarto.doc.add_html_dependency {
    name = "content", version = "1",
    scripts = { { path = "../site/content.js", attribs = { defer = "true" } } },
  }
end

local function numbered(span)
  if not span.identifier:match("^eq%-") then return nil end
  local box = span.content[1]
  local math = box and box.t == "Span" and box.content[1]
  if not (math and math.t == "Math") then return nil end
  local text, number = math.text:match("^(.*)%s*\\qquad(%(%d+%))%s*$")
  if text then
    math.text = text
    box.content = { math }
    span.content = { box, pandoc.Span(number, { class = "equation-number" }) }
  end
  span.classes = { "equation" }
  return span
end

return {
  {
    Math = function(math)
      if math.mathtype ~= "DisplayMath" then return nil end
      return pandoc.Span(math, { class = "equation-body" })
    end,
    Table = function(element)
      local unbroken = element:walk {
        Str = function(str)  -- browsers break a line after a hyphen
          return str.text:match("%w%-%w") and pandoc.Span(str, { class = "whole" }) or nil
        end,
      }
      return pandoc.Div(unbroken, { class = "table-scroll" })
    end,
  },
  { Span = numbered },
}
