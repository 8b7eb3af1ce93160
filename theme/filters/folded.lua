-- Code that a page folds away on the screen is left out of its PDF, where nothing can be opened.

function CodeBlock(block)
  if FORMAT == "typst" and block.attributes["code-fold"] == "true" then return {} end
end
