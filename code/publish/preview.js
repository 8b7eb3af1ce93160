// In a page of the preview: load it again when it is made anew, at the place where the reader was;
// show what keeps it from being made.
(() => {
  const { page, version } = document.currentScript.dataset;
  const key = `preview ${page}`;

  // The place is what is named last above the window's upper edge, and how far above.
  const place = () => {
    const above = [...document.querySelectorAll("main [id]")]
      .map((element) => [element.id, element.getBoundingClientRect().top])
      .filter(([, top]) => top <= 1);
    return { mark: above.at(-1) ?? null, y: window.scrollY };
  };

  const goBack = () => {
    const { mark, y } = JSON.parse(sessionStorage.getItem(key));
    const element = mark && document.getElementById(mark[0]);
    const top = element ? element.getBoundingClientRect().top + window.scrollY - mark[1] : y;
    window.scrollTo({ top, behavior: "instant" });
  };

  if (sessionStorage.getItem(key)) {
    history.scrollRestoration = "manual";
    goBack();
    window.addEventListener("load", () => {
      goBack();
      sessionStorage.removeItem(key);
    });
  }

  const box = document.createElement("pre");
  box.id = "vista-previa";
  box.setAttribute("role", "alert");
  box.style.cssText =
    "position: fixed; inset: auto 0 0 0; margin: 0; padding: .8em 1.2em; z-index: 1000; " +
    "max-height: 40vh; overflow: auto; white-space: pre-wrap; " +
    "font: 15px/1.4 monospace; color: #fff; background: #9b1c1c;";

  const show = ({ error }) => {
    box.textContent = error;
    if (error) document.body.append(box);
    else box.remove();
  };

  const events = new EventSource(`/_preview/events?page=${encodeURIComponent(page)}`);
  events.addEventListener("message", (event) => {
    const told = JSON.parse(event.data);
    document.documentElement.toggleAttribute("data-preview-busy", told.busy);
    if (told.version !== version) {
      events.close();
      sessionStorage.setItem(key, JSON.stringify(place()));
      location.reload();
    } else show(told);
  });
})();
