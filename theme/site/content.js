// What scrolls sideways can be scrolled from the keyboard and shows on which sides it goes on.
// For the pages of both engines; content.css draws the marks.
(() => {
  const boxes = document.querySelectorAll(
    "main pre, main div.sourceCode, .table-scroll, .equation-body, a.lightbox",
  );
  const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));

  function mark(box) {
    const hidden = box.scrollWidth - box.clientWidth;
    const sides = [];
    if (box.scrollLeft > 1) sides.push("left");
    if (box.scrollLeft < hidden - 1) sides.push("right");
    if (sides.length) box.dataset.more = sides.join(" ");
    else delete box.dataset.more;
    if (box.tagName === "A") return; // has the focus anyway
    if (hidden > 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  for (const box of boxes) {
    box.addEventListener("scroll", () => mark(box), { passive: true });
    resized.observe(box);
    mark(box);
  }
})();
