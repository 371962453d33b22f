// The page /tokens: many accounts at once.

import { ask, confirm, h, outageNotice, say, start, trying } from "./page.js";
import { t } from "./words.js";

async function render(main) {
  const [config, errors] = await Promise.all([ask("admin/api/config"), ask("tokens/error")]);
  const text = h("textarea", { rows: "10", spellcheck: "false", autocomplete: "off", name: "text", "aria-label": t("Accounts, one a line"), placeholder: "# one a line\nrt_…\neyJ…,account-id\n{\"refresh_token\": \"…\"}" });
  const files = h("input", { type: "file", multiple: true, accept: ".txt,.json,text/plain,application/json", onchange: () => take(files.files) });
  const found = h("div", { role: "status" });
  const send = async (content) => {
    const done = await ask("tokens/upload", { method: "POST", body: { text: content } });
    const parts = [[done.added, t("added")], [done.known, t("already there")], [done.wrong.length, t("not understood")]];
    found.replaceChildren(h("p", { class: `notice ${done.wrong.length ? "warn" : "good"}` },
      parts.filter(([count], place) => count || !place).map(([count, word]) => `${count} ${word}`).join(", "),
      done.wrong.length ? `: ${done.wrong.slice(0, 10).join(", ")}` : ""));
    return done;
  };
  const take = (list) => trying(async () => {
    let added = 0;
    for (const file of list) added += (await send(await file.text())).added;
    say(`${added} ${t("added")}`);
    files.value = "";
    await count();
  });
  const drop = h("label", {
    class: "drop",
    ondragover: (event) => { event.preventDefault(); drop.classList.add("over"); },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files); },
  }, files, h("span", {}, h("b", {}, t("Choose files")), " ", t("or drop files here")));
  const upload = h("button", {
    class: "primary",
    onclick: (event) => trying(async () => {
      const done = await send(text.value);
      if (!done.wrong.length) text.value = "";
      await count();
    }, event.currentTarget),
  }, t("Upload"));
  const counted = h("strong", { class: "big" });
  const count = async () => {
    counted.textContent = String((await ask("admin/api/config")).accounts.length);
  };
  counted.textContent = String(config.accounts.length);
  const clear = h("button", {
    class: "danger",
    onclick: () => confirm(t("Take out every account that is kept here?"), t("There is no way back but the file's backup."), async () => {
      const done = await ask("tokens/clear", { method: "POST" });
      say(`${done.removed} ${t("removed")}`);
      await count();
      return true;
    }),
  }, t("Clear all"));
  main.replaceChildren(...[
    outageNotice(config.outage),
    h("div", { class: "row head" }, h("h1", {}, t("Import"))),
    config.closed && h("p", { class: "notice" }, h("b", {}, `${t("Read only")}. `), config.closed),
    h("div", { class: "columns wide" },
      h("section", { class: "card" }, h("h2", {}, t("Accounts, one a line")),
        h("p", { class: "muted" }, t("Tokens of any kind, token,account-id, or JSON: auth.json of the Codex CLI, token files of other gateways, lists of objects. # begins a comment.")),
        !config.closed && [text, drop, found, h("div", { class: "actions" }, upload)]),
      h("div", { class: "stack" },
        h("section", { class: "card" }, h("h2", {}, t("Accounts")), h("p", {}, counted, " ", t("accounts")),
          h("p", { class: "muted" }, config.where), !config.closed && h("div", { class: "actions" }, clear)),
        h("section", { class: "card" }, h("h2", {}, t("Accounts that are out")),
          errors.error_tokens.length
            ? h("ul", { class: "list" }, errors.error_tokens.map((one) => h("li", {}, h("b", {}, one.email || one.id), h("small", {}, one.reason))))
            : h("p", { class: "muted" }, t("None. All is well."))))),
  ].filter(Boolean));
}

start(render);
