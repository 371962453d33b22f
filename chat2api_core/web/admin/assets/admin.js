// The page /admin: dashboard, accounts, keys, settings.

import { bars, lines, ranking } from "./charts.js";
import {
  again, ask, confirm, coverageNotice, dialog, field, h, mark, outageNotice, say, start, trying,
} from "./page.js";
import { countdown, duration, number, relative, t } from "./words.js";

let config, days = 30, timer, drawn = 0;

const places = { dashboard, accounts, keys, settings };

async function render(main) {
  clearInterval(timer);
  const turn = ++drawn;
  const place = places[location.hash.slice(1)] ?? dashboard;
  mark("admin");
  config = await ask("admin/api/config");
  const content = await place();
  if (turn === drawn) main.replaceChildren(...notices(), ...content.filter(Boolean));
}

window.addEventListener("hashchange", () => again());

function notices() {
  const found = config.notices.map((text) => h("p", { class: "notice warn" }, text));
  if (config.fault) {
    found.unshift(h("p", { class: "notice bad" }, `${t("The changed settings are not used")}: ${config.fault}`));
  }
  return [outageNotice(config.outage), ...found].filter(Boolean);
}

async function save(section) {
  try {
    await ask("admin/api/config", { method: "PUT", body: { version: config.version, ...section } });
  } catch (error) {
    if (error.status !== 409) throw error;
    say(t("Somebody else saved in between; the page shows their version now."), "bad");
    await again();
    return true;
  }
  say(t("Saved."));
  await again();
  return true;
}

function heading(word, ...actions) {
  return h("div", { class: "row head" }, h("h1", {}, t(word)), h("div", { class: "actions" }, actions));
}

function closed() {
  return config.closed && h("p", { class: "notice" }, h("b", {}, `${t("Read only")}. `), config.closed);
}

// ------------------------------------------------------------------------------ the dashboard

// How those are counted who have no key of ours.
const callers = { token: "their own ChatGPT tokens", anonymous: "without login" };

async function dashboard() {
  const found = await ask(`admin/api/usage?days=${days}`);
  const range = h("div", { class: "choice", role: "group", "aria-label": t("Days") },
    [7, 30, 90].map((count) => h("button", {
      "aria-pressed": String(count === days), onclick: () => { days = count; again(); },
    }, `${count} ${t("days")}`)));
  const total = found.total;
  const tiles = h("div", { class: "tiles" },
    tile("Requests", number(total.requests)),
    tile("Tokens", number(total.input + total.output), `${number(total.input)} + ${number(total.output)}`),
    tile("Errors", number(total.failed), total.requests ? `${(100 * total.failed / total.requests).toFixed(1)} %` : ""),
    tile("Typical time", total.requests ? duration(total.median_ms) : "—", total.requests ? `95 %: ${duration(total.p95_ms)}` : ""));
  if (!total.requests) {
    return [heading("Dashboard", range), coverageNotice(found), tiles, h("p", { class: "notice" }, t("Nothing yet. Figures appear with the first request."))];
  }
  const errors = Object.entries(total.errors).sort((a, b) => b[1] - a[1]);
  return [
    heading("Dashboard", range), coverageNotice(found), tiles,
    h("div", { class: "columns" },
      bars(t("Requests"), found.days, [
        { word: "Succeeded", class: "one", of: (day) => day.requests - day.failed },
        { word: "Failed", class: "bad", of: (day) => day.failed }]),
      bars(t("Tokens"), found.days, [
        { word: "Input", class: "two", of: (day) => day.input },
        { word: "Output", class: "one", of: (day) => day.output }]),
      lines(t("Latency"), found.days, [
        { word: "Median", class: "one", of: (day) => day.median_ms },
        { word: "95 %", class: "two", of: (day) => day.p95_ms }]),
      ranking(t("By model"), found.models),
      ranking(t("By key"), found.keys, (name) => t(callers[name] ?? name)),
      ranking(t("By account"), found.accounts),
      errors.length > 0 && h("section", { class: "card" }, h("h2", {}, t("Errors by code")),
        h("ul", { class: "ranking" }, errors.map(([code, count]) =>
          h("li", { class: "row" }, h("code", {}, code), h("b", {}, number(count))))))),
  ];
}

function tile(word, value, more = "") {
  return h("section", { class: "tile" }, h("h2", {}, t(word)), h("strong", {}, value), h("small", {}, more));
}

// ------------------------------------------------------------------------------- the accounts

async function accounts() {
  const found = await ask("admin/api/accounts");
  const editable = !config.closed;
  const began = Date.now();
  timer = setInterval(() => {
    for (const node of document.querySelectorAll("[data-until]")) {
      const left = Number(node.dataset.until) - found.now - (Date.now() - began) / 1000;
      node.textContent = countdown(left);
    }
  }, 1000);
  const add = editable && h("button", { class: "primary", onclick: () => accountDialog() }, t("Add an account"));
  const askable = found.accounts.filter((one) => ["ready", "resting"].includes(one.state));
  const quotas = askable.length > 0 && h("button", {
    title: t("Asks ChatGPT what each account may still use. No message is sent."),
    onclick: (event) => trying(() => askQuotas(askable, event.currentTarget), event.currentTarget),
  }, t("Ask for quotas"));
  const many = editable && h("a", { class: "button", href: "tokens" }, t("Import many"));
  if (!found.accounts.length) {
    return [heading("Accounts", many, add), closed(), h("div", { class: "card empty" },
      h("p", {}, h("b", {}, t("No account yet."))),
      h("p", { class: "muted" }, t("Add a refresh token, an access token or a session token of your ChatGPT account, or import a file.")))];
  }
  const rows = found.accounts.map((one) => accountRow(one, found.now));
  return [
    heading("Accounts", quotas, many, add), closed(), coverageNotice(found),
    found.accounts.length > 1 && sieve(found.accounts, rows),
    h("div", { class: "card flush" }, h("table", { class: "cards" },
      h("thead", {}, h("tr", {}, ["Account", "State", "Quotas", "Expires", "Last used", "7 days", "Actions"].map((word) => h("th", { scope: "col" }, t(word))))),
      h("tbody", {}, rows))),
  ];
}

async function askQuotas(list, button) {
  const word = button.textContent, failed = [];
  for (const [index, one] of list.entries()) {
    button.textContent = `${index + 1} / ${list.length} …`;
    const found = await ask(`admin/api/accounts/${one.id}/quota`, { method: "POST" });
    if (!found.ok) failed.push(`${one.email || one.id}: ${found.message}`);
  }
  button.textContent = word;
  await again();
  if (failed.length) say(failed.slice(0, 5).join("\n"), "bad");
  else say(t("Done."));
}

// Which accounts are shown: those in a state, and those whose name has these letters.
let wanted = { state: "", text: "" };

function sieve(list, rows) {
  const count = h("span", { class: "muted", role: "status" });
  const states = Object.keys(moods).filter((state) => list.some((one) => one.state === state));
  if (!states.includes(wanted.state)) wanted.state = "";
  const sift = () => {
    const text = wanted.text.trim().toLowerCase();
    let shown = 0;
    list.forEach((one, index) => {
      const names = [one.email, one.id, one.plan, one.account_id, one.type].join(" ").toLowerCase();
      const fits = (!wanted.state || one.state === wanted.state) && names.includes(text);
      rows[index].hidden = !fits;
      shown += fits;
    });
    count.textContent = shown < list.length ? `${number(shown)} / ${number(list.length)}` : "";
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.value === wanted.state));
  };
  const chips = ["", ...states].map((state) => h("button", {
    value: state, onclick: () => { wanted.state = state; sift(); },
  }, `${t(state || "all")} ${number(list.filter((one) => !state || one.state === state).length)}`));
  const search = list.length > 8 && h("input", {
    type: "search", value: wanted.text, placeholder: t("Find an account"), "aria-label": t("Find an account"),
    autocomplete: "off", oninput: (event) => { wanted.text = event.target.value; sift(); },
  });
  if (!search) wanted.text = "";
  sift();
  return h("div", { class: "sieve" }, h("div", { class: "choice", role: "group", "aria-label": t("State") }, chips), search, count);
}

const moods = { ready: "good", resting: "warn", out: "bad", disabled: "off", double: "off" };

function cell(word, ...content) {
  return h("td", { "data-label": t(word) }, h("div", {}, content));
}

function accountRow(one, now) {
  const mine = config.accounts.find((entry) => entry.id === one.id);
  return h("tr", { "data-account": one.id },
    cell("Account",
      h("b", { class: "name" }, one.email || one.id),
      h("div", { class: "badges" },
        one.plan && h("span", { class: "badge plan" }, one.plan),
        one.type !== "web" && h("span", { class: "badge" }, t(one.type)),
        one.credentials.map((name) => h("span", { class: "badge" }, t(name))),
        one.proxy && h("span", { class: "badge" }, one.proxy)),
      !mine && h("small", { class: "muted" }, t("from the environment"))),
    cell("State", h("span", { class: `state ${moods[one.state]}` }, t(one.state)),
      one.state === "double" ? h("small", {}, `${t("Same account as")} ${one.reason}`)
        : one.state === "out" && h("small", {}, one.reason),
      one.rests.map((rest) => h("small", { title: rest.message },
        `${t(rest.model || "all models")}: ${rest.reason.replaceAll("_", " ")}, ${t("again in")} `,
        h("span", { "data-until": rest.until, class: "count" }, countdown(rest.until - now))))),
    one.quotas.length ? cell("Quotas", one.quotas.map((each) => quota(each, now))) : h("td", { class: "empty" }, "—"),
    cell("Expires", one.expires ? h("span", { title: new Date(one.expires * 1000).toLocaleString() }, relative(one.expires - now)) : "—"),
    cell("Last used", one.last_used ? relative(Math.min(0, one.last_used - now)) : t("never")),
    cell("7 days", h("span", { class: "pair", title: t("successes and failures") },
      h("b", { class: "good" }, number(one.succeeded)), " / ",
      h("b", { class: one.failed ? "failed" : "" }, number(one.failed)))),
    cell("Actions", h("div", { class: "actions" }, accountActions(one, mine))));
}

function quota({ name, used, remaining, minutes, resets_at }, now) {
  const length = minutes % 1440 ? `${number(Math.round(minutes / 6) / 10)} ${t("h")}` : `${minutes / 1440} ${t("d")}`;
  const label = name.startsWith("codex.") ? `Codex ${minutes ? length : ""}` : t(name).replaceAll("_", " ");
  const value = used === null ? t("# left").replace("#", number(remaining)) : `${number(Math.round(used))} %`;
  const spent = used === null ? remaining === 0 : used >= 100;
  const bar = used !== null && h("span", { class: "bar" });
  if (bar) bar.style.setProperty("--part", `${Math.min(used, 100)}%`);
  return h("div", { class: spent ? "quota spent" : "quota" },
    h("span", {}, label), h("b", {}, value), bar,
    resets_at > now && h("small", { class: "muted", title: new Date(resets_at * 1000).toLocaleString() },
      `${t("resets in")} `, h("span", { "data-until": resets_at, class: "count" }, countdown(resets_at - now))));
}

function accountActions(one, mine) {
  const act = (action, word) => h("button", {
    class: "small",
    onclick: (event) => trying(async () => {
      const found = await ask(`admin/api/accounts/${one.id}/${action}`, { method: "POST" });
      const words = found.ok ? [t("Done."), found.message].filter(Boolean).join(" ") : found.message;
      say(`${one.email || one.id}: ${words} (${duration(found.ms)})`, found.ok ? "good" : "bad");
      await again();
    }, event.currentTarget),
  }, t(word));
  const renewable = one.credentials.some((name) => ["refresh_token", "session_token"].includes(name));
  const found = [];
  if (one.state !== "disabled") found.push(act("test", "Test"));
  if (one.state !== "disabled" && renewable) found.push(act("refresh", "Refresh"));
  if (one.rests.length || one.state === "out") found.push(act("reset", "Reset"));
  if (!mine || config.closed) return found;
  const others = (change) => config.accounts.map((entry) => accountEdit(entry, entry.id === mine.id ? change : {}));
  found.push(
    h("button", { class: "small", onclick: (event) => trying(() => save({ accounts: others({ disabled: !mine.disabled }) }), event.currentTarget) }, t(mine.disabled ? "Enable" : "Disable")),
    h("button", { class: "small", onclick: () => accountDialog(mine) }, t("Edit")),
    h("button", {
      class: "small danger",
      onclick: () => confirm(t("Delete this account?"), t("It can be added again with its token only."),
        () => save({ accounts: config.accounts.filter((entry) => entry.id !== mine.id).map((entry) => accountEdit(entry)) })),
    }, t("Delete")));
  return found;
}

function accountEdit(entry, change = {}) {
  const { id, email, type, account_id, disabled } = entry;
  return { id, email, type, account_id, disabled, ...change };
}

function accountDialog(entry) {
  const blank = entry ? t("leave blank to keep") : "";
  const secret = (name) => h("input", {
    type: "password", autocomplete: "off", spellcheck: "false", name,
    placeholder: entry?.credentials.includes(name) ? `••••••  ${blank}` : "",
  });
  const text = (name, value) => h("input", { type: "text", autocomplete: "off", name, value: value ?? "" });
  const inputs = {
    refresh_token: secret("refresh_token"), access_token: secret("access_token"),
    session_token: secret("session_token"), email: text("email", entry?.email),
    account_id: text("account_id", entry?.account_id),
    proxy: h("input", { type: "text", autocomplete: "off", name: "proxy", placeholder: entry?.proxy ? `${entry.proxy}  (${blank})` : "socks5h://host:1080" }),
    type: h("select", { name: "type" }, ["web", "codex"].map((kind) => h("option", { value: kind, selected: kind === (entry?.type ?? "web") }, t(kind)))),
  };
  const noProxy = h("input", { type: "checkbox", name: "no_proxy" });
  dialog(entry ? t("Edit account") : t("Add an account"), [
    field(t("Refresh token"), inputs.refresh_token), field(t("Access token"), inputs.access_token),
    field(t("Session token"), inputs.session_token), field(t("Note or email"), inputs.email),
    field(t("Workspace (account id)"), inputs.account_id), field(t("Type"), inputs.type),
    field(t("Proxy of this account"), inputs.proxy),
    entry?.proxy && h("label", { class: "check" }, noProxy, t("No proxy of its own")),
  ], {
    onaccept: () => {
      const change = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
      if (noProxy.checked) change.proxy = null;
      const list = config.accounts.map((one) => accountEdit(one, one.id === entry?.id ? change : {}));
      if (!entry) list.push({ ...change, disabled: false });
      return save({ accounts: list });
    },
  });
}

// ----------------------------------------------------------------------------------- the keys

async function keys() {
  const editable = !config.closed;
  const add = editable && h("button", { class: "primary", onclick: () => keyDialog() }, t("Add a key"));
  const all = [...config.keys.map((one) => [one, true]), ...config.elsewhere.keys.map((one) => [one, false])];
  return [
    heading("Keys", add), closed(),
    all.length ? h("div", { class: "card flush" }, h("table", { class: "cards" },
      h("thead", {}, h("tr", {}, ["Name", "Key", "Limits", "Expires", "Actions"].map((word) => h("th", { scope: "col" }, t(word))))),
      h("tbody", {}, all.map(([one, mine]) => keyRow(one, mine)))))
      : h("p", { class: "notice" }, t("No local key yet.")),
  ];
}

function keyRow(one, mine) {
  const limits = [];
  if (one.requests_per_minute) limits.push(`${number(one.requests_per_minute)} ${t("per minute")}`);
  if (one.tokens_per_day) limits.push(`${number(one.tokens_per_day)} ${t("tokens a day")}`);
  if (one.models?.length) limits.push(one.models.join(", "));
  return h("tr", {},
    cell("Name", h("b", { class: "name" }, one.name || "—"), !mine && h("small", { class: "muted" }, t("from the environment"))),
    cell("Key", h("code", {}, one.shown)),
    cell("Limits", limits.length ? limits.map((text) => h("small", {}, text)) : t("none")),
    cell("Expires", one.expires || t("never")),
    cell("Actions", h("div", { class: "actions" }, mine && !config.closed && [
      h("button", { class: "small", onclick: () => keyDialog(one) }, t("Edit")),
      h("button", {
        class: "small danger",
        onclick: () => confirm(t("Delete this key?"), t("Whoever uses it is shut out at once."),
          () => save({ keys: config.keys.filter((entry) => entry.id !== one.id).map((entry) => keyEdit(entry)) })),
      }, t("Delete"))])));
}

function keyEdit({ id, name, expires, models, requests_per_minute, tokens_per_day }) {
  return { id, name, expires, models, requests_per_minute, tokens_per_day };
}

function made() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return `sk-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function keyDialog(entry) {
  const key = h("input", { type: "text", name: "key", autocomplete: "off", spellcheck: "false", required: !entry, placeholder: entry ? `${entry.shown}  (${t("leave blank to keep")})` : "sk-…" });
  const name = h("input", { type: "text", name: "name", value: entry?.name ?? "" });
  const expires = h("input", { type: "date", name: "expires", value: entry?.expires?.slice(0, 10) ?? "" });
  const models = h("input", { type: "text", name: "models", value: entry?.models.join(", ") ?? "", placeholder: t("all") });
  const count = (label, value) => h("input", { type: "number", min: "0", step: "1", name: label, value: value || "", placeholder: t("no limit"), inputmode: "numeric" });
  const minute = count("requests_per_minute", entry?.requests_per_minute);
  const day = count("tokens_per_day", entry?.tokens_per_day);
  dialog(entry ? t("Edit key") : t("Add a key"), [
    field(t("Name"), name),
    h("div", { class: "joined" }, field(t("Key"), key, t("Copy it now: it is not shown again.")),
      h("button", { type: "button", onclick: () => { key.value = made(); key.select(); } }, t("Make one"))),
    field(t("Last day"), expires),
    field(t("Models"), models, t("names, separated by commas; * at the end")),
    field(t("Requests per minute"), minute), field(t("Tokens per day"), day),
  ], {
    onaccept: () => {
      const change = {
        key: key.value.trim(), name: name.value, models: models.value.split(",").map((one) => one.trim()).filter(Boolean),
        expires: expires.value === entry?.expires?.slice(0, 10) ? entry.expires : expires.value,
        requests_per_minute: Number(minute.value), tokens_per_day: Number(day.value),
      };
      const list = config.keys.map((one) => ({ ...keyEdit(one), ...(one.id === entry?.id ? change : {}) }));
      if (!entry) list.push(change);
      return save({ keys: list });
    },
  });
}

// ------------------------------------------------------------------------------- the settings

async function settings() {
  return [
    heading("Settings"), closed(),
    h("div", { class: "columns" },
      texts("Private prefixes", "prefixes", t("prefix + ChatGPT token, as API key"), "Add a prefix", ""),
      texts("Global proxies", "proxies", t("One of them is taken in turn for accounts without their own."), "Add a proxy", "socks5h://user:password@host:1080")),
    h("section", { class: "card" }, h("h2", {}, t("Where this is kept")),
      h("p", {}, h("code", {}, config.where || "—"), config.where && config.platform === "local" && ` (${t("backup")}: .bak)`),
      h("p", { class: "muted" }, `${t("Store")}: ${config.store}`)),
  ];
}

function texts(title, section, words, addition, example) {
  const own = config[section], elsewhere = config.elsewhere[section];
  const put = (list) => save({ [section]: list });
  const rows = own.map((one) => h("li", { class: "row" }, h("code", {}, one.shown),
    !config.closed && h("button", {
      class: "small danger",
      onclick: (event) => trying(() => put(own.filter((entry) => entry.id !== one.id).map(({ id }) => ({ id }))), event.currentTarget),
    }, t("Delete"))));
  const others = elsewhere.map((one) => h("li", { class: "row" }, h("code", {}, one.shown), h("small", { class: "muted" }, t("from the environment"))));
  const add = () => {
    const input = h("input", { type: "text", autocomplete: "off", spellcheck: "false", required: true, placeholder: example });
    dialog(t(addition), field(t(addition), input), {
      accept: t("Add"), onaccept: () => put([...own.map(({ id }) => ({ id })), { value: input.value.trim() }]),
    });
  };
  return h("section", { class: "card" },
    h("header", { class: "row" }, h("h2", {}, t(title)), !config.closed && h("button", { class: "small", onclick: add }, t("Add"))),
    h("p", { class: "muted" }, words),
    rows.length + others.length ? h("ul", { class: "list" }, rows, others) : h("p", {}, t("Nothing here.")));
}

start(render);
