"use strict";
(() => {
  const root = document.documentElement;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const palettes = read("colours");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const said = document.getElementById("said");

  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

  // Colour names become colours; rows of data stay as they are.
  const painted = (part, colours) => {
    if (typeof part === "string") return Object.hasOwn(colours, part) ? colours[part] : part;
    if (Array.isArray(part)) return part.map((item) => painted(item, colours));
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(
      Object.entries(part).map(([key, value]) => [key, key === "datasets" || key === "values" ? value : painted(value, colours)]),
    );
  };

  // The plots that stand in the page now. One that stood there before is drawn again when its figures changed.
  let plots = [];
  const found = () => {
    const known = new Map(plots.map((plot) => [plot.figure, plot]));
    plots = [...document.querySelectorAll("[data-plot]")].map((figure) => {
      const text = document.getElementById(`spec-${figure.dataset.plot}`).textContent;
      const plot = known.get(figure) ?? { figure, place: figure.querySelector(".canvas"), drawn: null, view: null, text: null };
      known.delete(figure);
      if (plot.text !== text) Object.assign(plot, { text, specs: JSON.parse(text), drawn: null });
      return plot;
    });
    for (const gone of known.values()) gone.view?.finalize();
  };
  found();

  const chosen = (plot) => {
    const parts = [...plot.figure.querySelectorAll('button[aria-pressed="true"]')].map((button) => button.dataset.value);
    const names = Object.keys(plot.specs);
    return names.find((name) => parts.every((part) => name.split("-").includes(part))) ?? names[0];
  };

  // Draws a plot unless it stands there already, in these colours. Rows are copied: Vega marks them as its own.
  const draw = async (plot) => {
    const name = chosen(plot);
    const key = `${name} ${dark()}`;
    if (plot.drawn === key) return;
    plot.drawn = key;
    const spec = painted(structuredClone(plot.specs[name]), dark() ? palettes.dark : palettes.light);
    const large = JSON.stringify(spec).length > 200000;
    const options = { actions: false, ast: true, renderer: large ? "canvas" : "svg", tooltip: { theme: "page" } };
    plot.place.style.minHeight = `${plot.place.offsetHeight}px`; // what stands below stays where it is
    plot.view?.finalize();
    plot.view = (await window.vegaEmbed(plot.place, spec, options)).view;
    plot.place.style.minHeight = "";
    plot.place.dataset.drawn = name;
    plot.place.dataset.colours = dark() ? "dark" : "light"; // a browser does not wait for a new drawing: print inverts dark ones
  };

  // One chart at a time, between other work, so that the page answers while they appear.
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 1));
  let last = Promise.resolve();
  const drawAll = () => {
    for (const plot of plots) {
      last = last.then(() => new Promise((done) => idle(done, { timeout: 400 }))).then(() => draw(plot));
    }
    return last;
  };

  const button = document.getElementById("theme");
  const label = () => {
    button.textContent = dark() ? "Light" : "Dark";
  };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    label();
    drawAll();
  });
  system.addEventListener("change", () => {
    label();
    drawAll();
  });

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest('[data-plot] [role="group"] button');
    if (!pressed) return;
    for (const one of pressed.parentElement.children) one.setAttribute("aria-pressed", String(one === pressed));
    draw(plots.find((plot) => plot.figure.contains(pressed)));
  });

  // The clipboard needs a secure page in some browsers; a text field that is selected works in all.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.style.position = "fixed";
      field.style.opacity = "0";
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };
  document.addEventListener("click", async (event) => {
    const pressed = event.target.closest("button.copy");
    if (!pressed) return;
    const what = pressed.dataset.copy;
    const held = what === "previous" ? pressed.previousElementSibling.textContent : read("copies")[what];
    await copy(typeof held === "string" ? held : JSON.stringify(held, null, 2));
    const before = pressed.textContent;
    pressed.textContent = "Copied";
    said.textContent = "Copied";
    setTimeout(() => {
      pressed.textContent = before;
      said.textContent = "";
    }, 1500);
  });

  if (!matchMedia("(min-width: 70rem)").matches) document.querySelector(".menu").open = false;
  label();
  drawAll().then(() => {
    root.dataset.ready = "yes";
  });
  // For a page that changes while it is open: draws what is new in it.
  window.topoutRedraw = () => {
    found();
    return drawAll();
  };
})();
