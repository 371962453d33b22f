// What all pages share: making elements, asking the gateway, logging in, the frame, dialogs.

import { choose, language, number, t } from "./words.js";

export function h(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect", "line", "path", "text", "title", "g", "circle"].includes(tag);
  const node = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The paths are relative to the page, so a prefix in front of all routes needs no mention.
export async function ask(path, { method = "GET", body } = {}) {
  const headers = { "x-chat2api-page": "1", accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers, credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, t("The page could not reach the gateway."));
  }
  const text = await response.text();
  let document = {};
  try { document = JSON.parse(text); } catch { /* an error page of something in between */ }
  if (!response.ok) {
    if (response.status === 401 && !path.endsWith("login")) await start();
    throw new Refused(response.status, document.error?.message ?? `HTTP ${response.status}`);
  }
  return document;
}

// ---------------------------------------------------------------------------------- messages

const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

export function say(text, kind = "good") {
  const toast = h("div", { class: `toast ${kind}` }, text);
  (document.querySelector("dialog[open]") ?? document.body).append(toasts);
  toasts.append(toast);
  setTimeout(() => toast.remove(), kind === "good" ? 4000 : 9000);
}

export async function trying(work, button) {
  button?.setAttribute("aria-busy", "true");
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status !== 401) say(error.message, "bad");
    return undefined;
  } finally {
    button?.removeAttribute("aria-busy");
    if (button) button.disabled = false;
  }
}

// ----------------------------------------------------------------------------------- dialogs

export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint && h("small", {}, hint));
}

export function dialog(title, content, { accept = t("Save"), danger = false, onaccept } = {}) {
  const okay = h("button", { class: danger ? "danger" : "primary", type: "submit" }, accept);
  const box = h("dialog", { "aria-labelledby": "dialog-title" },
    h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        if (await trying(onaccept, okay)) box.close();
      },
    },
      h("h2", { id: "dialog-title" }, title),
      h("div", { class: "fields" }, content),
      h("footer", {},
        h("button", { type: "button", onclick: () => box.close() }, t("Cancel")), okay)));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

export function confirm(title, words, onaccept) {
  dialog(title, h("p", {}, words), { accept: t("Delete"), danger: true, onaccept });
}

// ----------------------------------------------------------------------------------- notices

// What is not as it should be with the store, for the head of a page.
export function outageNotice(outage) {
  if (!outage) return null;
  const parts = [];
  if (outage.since) {
    const since = new Date(outage.since * 1000).toLocaleTimeString(language);
    const words = t("The store (%) has not answered since #.").replace("%", outage.store).replace("#", since);
    parts.push(h("b", {}, `${words} `), `${t("States and figures here are what this process alone knows.")} `);
    if (outage.counters) parts.push(`${t("# counters wait until it is back.").replace("#", number(outage.counters))} `);
    if (outage.error) parts.push(h("small", { class: "muted" }, outage.error));
  }
  if (outage.tokens) {
    parts.push(h("b", {}, t("Do not stop this process: renewed tokens of # accounts are not saved yet.").replace("#", number(outage.tokens))));
  }
  return h("p", { class: "notice bad", role: "alert" }, parts);
}

export function coverageNotice({ coverage, outage }) {
  return coverage === "this_process" && !outage?.since
    ? h("p", { class: "notice warn" }, t("These figures are of this process since its start only: there is no store that lasts."))
    : null;
}

// -------------------------------------------------------------------------------- the frame

let show = () => {};
let links = [];

const main = h("main", { id: "main", tabindex: "-1" });

function frame(open) {
  const here = location.pathname.split("/").pop();
  const entries = [
    ["admin#dashboard", "Dashboard"], ["admin#accounts", "Accounts"], ["admin#keys", "Keys"],
    ["admin#settings", "Settings"], ["tokens", "Import"], ["doctor", "Doctor"],
  ];
  links = entries.map(([href, word]) => h("a", { href, "data-place": href }, t(word)));
  const other = language === "en" ? "zh" : "en";
  const header = h("header", { class: "top" },
    h("a", { class: "skip", href: "#main" }, "↓"),
    h("a", { class: "brand", href: "admin" },
      h("img", { src: "admin/assets/icon.svg", alt: "", width: "28", height: "28" }), "chat2api"),
    open && h("nav", { "aria-label": "chat2api" }, links),
    h("div", { class: "tools" },
      h("button", {
        class: "quiet", lang: other, onclick: () => { choose(other); start(); },
      }, other === "zh" ? "中文" : "English"),
      open && h("button", {
        class: "quiet",
        onclick: async () => { await ask("admin/logout", { method: "POST" }); start(); },
      }, t("Log out"))));
  document.documentElement.lang = language;
  document.body.replaceChildren(header, main, toasts);
  mark(here);
}

export function mark(place = location.pathname.split("/").pop()) {
  const wanted = place === "admin" ? `admin${location.hash || "#dashboard"}` : place;
  for (const link of links) {
    const current = link.dataset.place === wanted;
    link.toggleAttribute("aria-current", false);
    if (!current) continue;
    link.setAttribute("aria-current", "page");
    link.scrollIntoView({ block: "nearest", inline: "center" });
    document.title = `${link.textContent} · chat2api`;
  }
}

function gate(session) {
  if (session.closed) {
    return h("section", { class: "card narrow" }, h("h1", {}, "chat2api"),
      h("p", {}, t("These pages are closed. Set ADMIN_KEY (or a local API key) and come back.")));
  }
  const key = h("input", {
    type: "password", autocomplete: "current-password", required: true, name: "key",
    autofocus: true, spellcheck: "false",
  });
  const button = h("button", { class: "primary", type: "submit" }, t("Log in"));
  const trouble = h("p", { class: "trouble", role: "alert" });
  return h("section", { class: "card narrow" },
    h("h1", {}, t("Log in")),
    session.by_local_key
      ? h("p", { class: "notice warn" }, t("No ADMIN_KEY is set, so a local API key opens these pages. Whoever may chat may change everything here: set ADMIN_KEY."))
      : h("p", { class: "muted" }, t("The admin key opens these pages.")),
    h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        trouble.textContent = "";
        button.disabled = true;
        try {
          await ask("admin/login", { method: "POST", body: { key: key.value } });
          await start();
        } catch (error) {
          trouble.textContent = error.message;
          key.select();
        } finally {
          button.disabled = false;
        }
      },
    }, field(session.by_local_key ? t("Local API key") : t("Admin key"), key), trouble, button));
}

export async function start(render) {
  show = render ?? show;
  let session;
  try {
    session = await ask("admin/api/session");
  } catch (error) {
    frame(false);
    main.replaceChildren(h("p", { class: "notice bad" }, error.message));
    return;
  }
  frame(session.open);
  if (!session.open) {
    main.replaceChildren(gate(session));
    main.querySelector("input")?.focus();
    return;
  }
  main.replaceChildren(h("p", { class: "muted", role: "status" }, `${t("Loading")} …`));
  await drawing();
}

// Draw the page; where that fails, say so in its place.
async function drawing() {
  try {
    await show(main);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) return; // the way in is shown already
    main.replaceChildren(h("p", { class: "notice bad", role: "alert" }, error.message),
      h("div", { class: "actions" }, h("button", { onclick: (event) => trying(drawing, event.currentTarget) }, t("Reload"))));
  }
}

export const again = drawing;
