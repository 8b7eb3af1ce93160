-- HTML: a picture whose attribute `narrow` names a second drawing shows that on a phone; paper has the
-- first. The widths are those of Bootstrap's smallest step.

local MEDIA = "screen and (max-width: 575.98px)"

-- Quarto gives a figure the attributes of its picture.
function Div(div)
  div.attributes.narrow = nil
  return div
end

function Image(image)
  local narrow = image.attributes.narrow
  if not narrow then return nil end
  image.attributes.narrow = nil
  local source = '<picture><source media="' .. MEDIA .. '" srcset="' .. narrow .. '">'
  return { pandoc.RawInline("html", source), image, pandoc.RawInline("html", "</picture>") }
end
