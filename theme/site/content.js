// For the pages of both engines: what scrolls sideways, and the definition of a term where it stands.
// What scrolls sideways can be scrolled from the keyboard and shows on which sides it goes on;
// content.css draws the marks.
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

  // A table that its column cannot hold takes the margin of the page as well.
  for (const box of document.querySelectorAll(".table-scroll")) {
    if (box.scrollWidth > box.clientWidth + 1 && !box.closest(".wide, details, tarea-live, [live]")) box.classList.add("wide");
  }

  for (const box of boxes) {
    box.addEventListener("scroll", () => mark(box), { passive: true });
    resized.observe(box);
    mark(box);
  }
})();

// The menu shows the page one is on; neither the page nor what stands over the menu moves for that.
(() => {
  const menu = document.querySelector("#quarto-sidebar .sidebar-menu-container")
    ?? document.querySelector("nav.sidebar");
  const entry = menu?.querySelector(".sidebar-link.active, [aria-current='page']");
  if (!entry) return;
  const show = () => {
    const low = entry.getBoundingClientRect().bottom - menu.getBoundingClientRect().bottom;
    if (low > 0) menu.scrollTop += low + menu.clientHeight / 3;
  };
  show();
  addEventListener("load", show);  // Quarto's scripts give the menu its height
})();

// Where a page folds nearly all of its code, one button opens and closes it: it reads as an article.
(() => {
  const FROM = 8;  // folds from which on
  const main = document.querySelector("main"), folds = main.querySelectorAll("details.code-fold");
  if (folds.length < FROM) return;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "all-code" });
  const show = (open) => {
    main.classList.toggle("code-open", open);
    for (const fold of folds) fold.open = open;
    button.setAttribute("aria-expanded", open);
    button.textContent = open ? "Ocultar el código" : `Ver el código (${folds.length} celdas)`;
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
  main.classList.add("one-fold");
  show(false);
  (main.querySelector("header.title-block") ?? main.firstElementChild).after(button);
})();

// A term's definition, on hover, focus or the first tap; the link itself leads to the glossary.
(() => {
  const tip = Object.assign(document.createElement("div"), { className: "term-tip", id: "term-tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  let term = null, waiting = null;

  function show(link) {
    clearTimeout(waiting);
    if (term !== link) hide();
    term = link;
    tip.textContent = link.dataset.definition;
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    const word = link.getClientRects()[0], box = tip.getBoundingClientRect();
    const below = word.bottom + box.height + 8 < innerHeight;
    tip.style.top = `${scrollY + (below ? word.bottom + 4 : word.top - box.height - 4)}px`;
    tip.style.left = `${Math.max(8, Math.min(word.left, document.documentElement.clientWidth - box.width - 8))}px`;
  }
  function hide() {
    clearTimeout(waiting);
    term?.removeAttribute("aria-describedby");
    term = null;
    tip.hidden = true;
  }
  const later = (act) => { clearTimeout(waiting); waiting = setTimeout(act, 200); };

  for (const link of document.querySelectorAll("a.term[data-definition]")) {
    link.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") later(() => show(link)); });
    link.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") later(hide); });
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) show(link); });
    link.addEventListener("blur", hide);
    link.addEventListener("click", (event) => {
      if (event.pointerType === "mouse" || !event.pointerType || term === link) return;
      event.preventDefault();  // a second tap follows the link
      show(link);
    });
  }
  tip.addEventListener("pointerenter", () => clearTimeout(waiting));
  tip.addEventListener("pointerleave", () => later(hide));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("pointerdown", (event) => { if (term && event.target !== term && !tip.contains(event.target)) hide(); });
  document.body.append(tip);
})();
