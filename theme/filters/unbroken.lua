-- "48 × 48", "0,91 ± 0,02" and "96 %" stay on one line: no-break spaces around the sign.

local nbsp = "\u{a0}"
local around = { ["×"] = true, ["±"] = true }

function Inlines(inlines)
  for index = 2, #inlines - 1 do
    local before, space, after = inlines[index - 1], inlines[index], inlines[index + 1]
    local signs = before.t == "Str" and after.t == "Str"
      and (around[before.text] or around[after.text])
    local percent = after.t == "Str" and before.t == "Str"
      and before.text:match("%d$") and after.text:match("^%%")
    if (space.t == "Space" or space.t == "SoftBreak") and (signs or percent) then
      inlines[index] = pandoc.Str(nbsp)
    end
  end
  return inlines
end
