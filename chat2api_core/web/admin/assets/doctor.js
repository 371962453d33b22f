// The page /doctor: each account, stage by stage.

import { ask, h, outageNotice, start, trying } from "./page.js";
import { duration, t } from "./words.js";

const marks = { ok: "✓", failed: "✕", not_reached: "·", skipped: "–" };

async function render(main) {
  const { accounts, outage } = await ask("admin/api/accounts");
  const cards = accounts.map((one) => card(one));
  const all = h("button", {
    class: "primary",
    onclick: (event) => trying(async () => {
      for (const one of cards) await one.examine();
    }, event.currentTarget),
  }, t("Examine all"));
  main.replaceChildren(
    outageNotice(outage) ?? "",
    h("div", { class: "row head" }, h("h1", {}, t("Doctor")), h("div", { class: "actions" }, accounts.length > 0 && all)),
    h("p", { class: "muted" }, t("One short turn with each account, stage by stage. It counts as a message of the account.")),
    ...(cards.length ? cards.map((one) => one.node) : [h("p", { class: "notice" }, t("No account yet."))]));
}

function card(one) {
  const result = h("div", { role: "status" });
  const examine = async () => {
    result.replaceChildren(h("p", { class: "muted" }, `${t("Examining")} …`));
    const found = await ask(`doctor?format=json&account=${encodeURIComponent(one.id)}`);
    const examination = found.examinations[0];
    state.textContent = t(examination.ok ? "ok" : "failed");
    state.className = `state ${examination.ok ? "good" : "bad"}`;
    const failed = examination.stages.filter((stage) => stage.outcome === "failed" && stage.detail);
    result.replaceChildren(h("ol", { class: "stages" }, examination.stages.map((stage) =>
      h("li", { class: stage.outcome },
        h("span", { class: "sign", "aria-hidden": "true" }, marks[stage.outcome]),
        h("b", {}, t(stage.name)),
        h("span", {}, stage.outcome === "ok" ? duration(stage.ms) : t(stage.outcome)),
        stage.outcome !== "failed" && stage.detail && h("small", {}, stage.detail)))),
    ...failed.map((stage) => h("p", { class: "notice bad" }, h("b", {}, `${t(stage.name)}: `), stage.detail)));
    route.textContent = t(examination.egress);
  };
  const state = h("span", { class: "state off" }, "—");
  const route = h("span", { class: "badge" });
  const button = h("button", { class: "small", onclick: (event) => trying(examine, event.currentTarget) }, t("Examine"));
  const node = h("section", { class: "card", "data-account": one.id },
    h("header", { class: "row" },
      h("h2", {}, one.email || one.id, " ", one.plan && h("span", { class: "badge plan" }, one.plan), " ",
        one.type !== "web" && h("span", { class: "badge" }, t(one.type)), " ", route),
      h("div", { class: "actions" }, state, button)), result);
  return { node, examine };
}

start(render);
