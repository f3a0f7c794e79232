"use strict";
(() => {
  const bar = document.getElementById("live");
  const state = document.getElementById("live-state");
  const said = document.getElementById("live-said");
  const done = document.getElementById("live-done");
  const stop = document.getElementById("stop");

  // The key to the stop button comes with the address and is kept by this tab alone.
  const KEY = "topout-token";
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  const token = sessionStorage.getItem(KEY);

  // What a node is among its siblings, so that it stays the same one when others come or go.
  const keyOf = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return `#${node.nodeType}`;
    const name = node.id || node.dataset.plot || (node.localName === "details" ? node.firstElementChild?.textContent.replace(/[\d,]+/g, "") : "");
    return `${node.localName} ${name}`;
  };

  // What a reader changed is the reader's: opened parts, pressed buttons, drawn charts.
  const OURS = { details: ["open"], button: ["aria-pressed", "disabled"] };

  const morph = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    const ours = OURS[old.localName] ?? [];
    for (const { name } of [...old.attributes]) if (!ours.includes(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (!ours.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (!old.isEqualNode(fresh)) children(old, fresh);
  };

  const children = (old, fresh) => {
    const waiting = [...old.childNodes];
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const key = keyOf(wanted);
      const index = waiting.findIndex((node) => keyOf(node) === key);
      if (index < 0) {
        old.insertBefore(document.importNode(wanted, true), at);
        continue;
      }
      const [match] = waiting.splice(index, 1);
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      if (!match.classList?.contains("canvas")) morph(match, wanted);
      else if (match.getAttribute("aria-label") !== wanted.getAttribute("aria-label")) match.setAttribute("aria-label", wanted.getAttribute("aria-label"));
    }
    for (const node of waiting) node.remove();
  };

  let version = Number(bar.dataset.version);
  let fetching = false;
  let again = false;
  const refresh = async () => {
    again = true;
    if (fetching) return;
    fetching = true;
    try {
      while (again) {
        again = false;
        await take();
      }
    } finally {
      fetching = false;
    }
  };

  const take = async () => {
    const reply = await fetch("/sections", { cache: "no-store" }).catch(() => null);
    if (!reply?.ok) return;
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    version = Number(reply.headers.get("X-Topout-Version"));
    for (const part of ["header h1", "header .facts", "nav ul", "main"]) {
      const [old, wanted] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && wanted) morph(old, wanted);
      else if (wanted) document.querySelector(part.split(" ")[0]).append(document.importNode(wanted, true));
    }
    await window.topoutRedraw();
    document.documentElement.dataset.shown = String(version);
  };

  const show = (now) => {
    if (bar.dataset.state !== now.state) bar.dataset.state = now.state;
    if (state.textContent !== now.title) state.textContent = now.title;
    said.textContent = now.said;
    done.value = now.done ?? 0;
    document.title = now.document;
    if (now.state !== "running") stop.disabled = false;
    stop.hidden = !token || now.state !== "running";
    if (now.version !== version) refresh();
  };

  stop.addEventListener("click", async () => {
    stop.disabled = true;
    const reply = await fetch("/stop", { method: "POST", headers: { "X-Topout-Token": token } }).catch(() => null);
    if (reply?.ok) {
      bar.dataset.state = "stopping";
      state.textContent = "Stopping";
      stop.hidden = true;
      return;
    }
    said.textContent = reply ? await reply.text() : "Nobody answers: topout watch has ended.";
    stop.disabled = false;
  });

  let run = null;
  const source = new EventSource("/events");
  source.addEventListener("message", (event) => {
    const now = JSON.parse(event.data);
    if (run !== null && run !== now.run) location.reload(); // another run is served at this address now
    run = now.run;
    show(now);
  });
  source.addEventListener("error", () => {
    bar.dataset.state = "away";
    state.textContent = "Not watching";
    said.textContent = "topout watch has ended: this is the last that was seen. The run itself is not touched by that.";
    stop.hidden = true;
  });
})();
