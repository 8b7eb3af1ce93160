// Theme and menu buttons, search, copy buttons, and the mark in the page's table of contents.
const root = document.body.dataset.root;
const $ = (selector) => document.querySelector(selector);
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

// Theme --------------------------------------------------------------------------------------

const themeButton = $("button.theme");
const showTheme = () =>
  themeButton.setAttribute("aria-pressed", document.documentElement.dataset.theme === "dark");
themeButton.addEventListener("click", () => {
  const html = document.documentElement;
  html.dataset.theme = html.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", html.dataset.theme); } catch { /* not remembered then */ }
  showTheme();
});
showTheme();

// Menu on small screens ----------------------------------------------------------------------

const menuButton = $("button.menu");
menuButton.addEventListener("click", () => {
  const open = menuButton.getAttribute("aria-expanded") !== "true";
  menuButton.setAttribute("aria-expanded", open);
  $(".sidebar").classList.toggle("open", open);
});

// Search -------------------------------------------------------------------------------------

const input = $("#buscar");
const results = $("#resultados");
const plain = (text) => text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "");

function excerpt(entry, word) {
  const place = Math.max(0, plain(entry.text).indexOf(word));
  const start = Math.max(0, place - 40);
  const line = make("span", { className: "excerpt" });
  line.append(
    (start ? "… " : "") + entry.text.slice(start, place),
    make("mark", { textContent: entry.text.slice(place, place + word.length) }),
    entry.text.slice(place + word.length, place + 80) + " …",
  );
  return line;
}

// The index is a script of its own, which the first touch of the box loads: pages stay light, and a
// file opened from disk may not fetch anything else.
let index = null;
function loadIndex() {
  index ??= new Promise((resolve, reject) => {
    const script = make("script", { src: `${root}site/search-index.js` });
    script.addEventListener("load", () => resolve(window.searchIndex));
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  return index;
}

// Forms of a word without its plural: "conexiones" finds "conexión", "matrices" finds "matriz".
const forms = (word) => [
  word, word.replace(/ces$/, "z"), ...(word.length > 4 ? [word.replace(/es$/, ""), word.replace(/s$/, "")] : []),
];
const KINDS = { term: "definición", piece: "se puede manejar" };

// How well an entry answers: a name before a text, a definition before a piece and a section.
function score(entry, words) {
  const name = plain(`${entry.section} ${entry.words ?? ""} ${entry.kind === "section" ? entry.page : ""}`);
  const text = plain(entry.text);
  const inside = (where) => words.filter((word) => forms(word).some((form) => where.includes(form))).length;
  const named = inside(name);
  if (inside(`${name} ${text}`) < words.length) return 0;
  return 1 + named + (named === words.length ? { term: 100, piece: 50, section: 10 }[entry.kind] : 0);
}

async function search() {
  const words = plain(input.value).split(/[\s-]+/).filter((word) => word.length > 1);
  if (!words.length) { results.replaceChildren(); return; }
  let entries;
  try { entries = await loadIndex(); } catch {
    results.replaceChildren(make("li", { textContent: "No se puede leer el índice del sitio." }));
    return;
  }
  const found = entries
    .map((entry) => ({ entry, score: score(entry, words) }))
    .filter((item) => item.score)
    .sort((a, b) => b.score - a.score)
    .slice(0, 8);
  results.replaceChildren(...found.map(({ entry }) => {
    const link = make("a", { href: root + entry.href });
    link.append(make("strong", { textContent: entry.section || entry.page }));
    if (KINDS[entry.kind]) link.append(make("span", { className: "kind", textContent: KINDS[entry.kind] }));
    if (entry.kind === "term") link.append(make("span", { textContent: entry.text }));
    else if (entry.section) link.append(make("span", { textContent: entry.page }));
    const word = forms(words[0]).find((form) => plain(entry.text).includes(form));
    if (entry.kind === "section" && word) link.append(excerpt(entry, word));
    const item = make("li", {});
    item.append(link);
    return item;
  }));
  if (!found.length) results.append(make("li", { textContent: "No se han encontrado resultados" }));
}

input.addEventListener("focus", () => loadIndex().catch(() => { index = null; }));
input.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  const links = [...results.querySelectorAll("a")];
  const place = links.indexOf(document.activeElement);
  const typing = document.activeElement === input;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    input.focus();
  } else if (event.key === "Escape" && (typing || place >= 0)) {
    input.value = "";
    search();
    input.focus();
  } else if (event.key === "ArrowDown" && (typing || place >= 0) && links.length) {
    event.preventDefault();
    links[Math.min(place + 1, links.length - 1)].focus();
  } else if (event.key === "ArrowUp" && place >= 0) {
    event.preventDefault();
    (links[place - 1] ?? input).focus();
  } else if (event.key === "Enter" && typing && links.length) {
    links[0].click();
  }
});

// Copy buttons -------------------------------------------------------------------------------

for (const block of document.querySelectorAll("div.sourceCode")) {
  const button = make("button", { type: "button", className: "copy", textContent: "Copiar" });
  button.setAttribute("aria-label", "Copiar el código al portapapeles");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    button.textContent = "Copiado";
    setTimeout(() => { button.textContent = "Copiar"; }, 1500);
  });
  block.append(button);
}

// Figures open large -------------------------------------------------------------------------

const large = make("dialog", { className: "large" });
large.setAttribute("aria-label", "Figura ampliada");
large.addEventListener("click", () => large.close());
document.body.append(large);
for (const link of document.querySelectorAll("a.lightbox")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const close = make("button", { type: "button", textContent: "Cerrar" });
    large.replaceChildren(close, make("img", { src: link.href, alt: link.querySelector("img").alt }));
    large.showModal();
  });
}

// Where the reader is ------------------------------------------------------------------------

const marks = new Map(
  [...document.querySelectorAll(".toc a")].map((a) => [decodeURIComponent(a.hash.slice(1)), a]),
);
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of marks.values()) link.removeAttribute("aria-current");
    marks.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "0px 0px -75% 0px" });
for (const id of marks.keys()) {
  const heading = document.getElementById(id);
  if (heading) watcher.observe(heading);
}
