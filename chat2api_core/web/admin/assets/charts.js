// Small charts out of SVG. Each tells its figures in words, too: in titles and as a table.

import { h } from "./page.js";
import { duration, number, t } from "./words.js";

const WIDTH = 640, HEIGHT = 160, LEFT = 52, BOTTOM = 22, TOP = 10;

function nice(largest) {
  if (largest <= 5) return 5;
  const size = 10 ** Math.floor(Math.log10(largest));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * size).find((top) => top >= largest);
}

function frameOf(top, shown) {
  const parts = [];
  for (const share of [0, 0.5, 1]) {
    const y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
    parts.push(h("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }));
    parts.push(h("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, shown(top * share)));
  }
  return parts;
}

function dayLabels(days, step) {
  const every = Math.max(1, Math.ceil(days.length / 6));
  return days.flatMap((day, index) => (days.length - 1 - index) % every ? [] : [
    h("text", {
      x: LEFT + step * (index + 0.5), y: HEIGHT - 4,
      "text-anchor": index === days.length - 1 ? "end" : "middle",
    }, day.name.slice(5)),
  ]);
}

function drawing(label, ...parts) {
  return h("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart",
  }, ...parts);
}

function table(days, series, shown) {
  return h("details", {}, h("summary", {}, t("Show as a table")),
    h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Day")), series.map((one) => h("th", { scope: "col" }, t(one.word))))),
      h("tbody", {}, [...days].reverse().map((day) => h("tr", {}, h("td", {}, day.name),
        series.map((one) => h("td", { class: "number" }, shown(one.of(day))))))))));
}

function legend(series) {
  return h("p", { class: "legend" },
    series.map((one) => h("span", { class: `key ${one.class}` }, t(one.word))));
}

function card(title, series, days, shown, chart) {
  return h("section", { class: "card" },
    h("header", { class: "row" }, h("h2", {}, title), legend(series)),
    chart, table(days, series, shown));
}

export function bars(title, days, series) {
  const shown = (value) => number(Math.round(value));
  const sums = days.map((day) => series.reduce((sum, one) => sum + one.of(day), 0));
  const top = nice(Math.max(...sums, 1));
  const step = (WIDTH - LEFT) / days.length;
  const scale = (HEIGHT - TOP - BOTTOM) / top;
  const marks = days.map((day, index) => {
    let y = HEIGHT - BOTTOM;
    const said = series.map((one) => `${t(one.word)} ${shown(one.of(day))}`).join(", ");
    return h("g", {}, h("title", {}, `${day.name}: ${said}`),
      h("rect", { x: LEFT + step * index, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM, class: "catch" }),
      series.map((one) => {
        const height = one.of(day) * scale;
        y -= height;
        return h("rect", {
          x: LEFT + step * (index + 0.12), width: step * 0.76, y, height, class: one.class,
          rx: Math.min(2, step * 0.1),
        });
      }));
  });
  return card(title, series, days, shown,
    drawing(title, frameOf(top, shown), marks, dayLabels(days, step)));
}

export function lines(title, days, series) {
  const shown = (value) => duration(Math.round(value));
  const top = nice(Math.max(...days.flatMap((day) => series.map((one) => one.of(day))), 1));
  const step = (WIDTH - LEFT) / days.length;
  const point = (day, index, one) => [
    LEFT + step * (index + 0.5), TOP + (HEIGHT - TOP - BOTTOM) * (1 - one.of(day) / top),
  ];
  const parts = series.map((one) => {
    const known = days.map((day, index) => [day, index]).filter(([day]) => day.requests);
    const path = known.map(([day, index], place) =>
      `${place ? "L" : "M"}${point(day, index, one).map((n) => n.toFixed(1)).join(" ")}`).join("");
    return h("g", {}, h("path", { d: path || "M0 0", class: `line ${one.class}` }),
      known.map(([day, index]) => {
        const [x, y] = point(day, index, one);
        return h("circle", { cx: x, cy: y, r: 3, class: one.class },
          h("title", {}, `${day.name}: ${t(one.word)} ${shown(one.of(day))}`));
      }));
  });
  return card(title, series, days, shown,
    drawing(title, frameOf(top, shown), parts, dayLabels(days, step)));
}

export function ranking(title, entries, word = (name) => name) {
  const most = Math.max(...entries.map((one) => one.requests), 1);
  const rows = entries.slice(0, 12).map((one) => {
    const bar = h("span", { class: "bar" });
    bar.style.setProperty("--part", `${(100 * one.requests) / most}%`);
    return h("li", {},
      h("div", { class: "row" },
        h("span", { class: "name" }, word(one.name) || t("unknown")),
        h("span", { class: "muted" },
          `${number(one.requests)} · ${number(one.input + one.output)} tok · `,
          h("span", { title: `${t("Typical time")} (95 %: ${duration(one.p95_ms)})` }, duration(one.median_ms)),
          one.failed ? h("b", { class: "failed" }, ` · ${number(one.failed)} ${t("failed")}`) : "")),
      bar);
  });
  return h("section", { class: "card" }, h("h2", {}, title),
    rows.length ? h("ul", { class: "ranking" }, rows) : h("p", { class: "muted" }, "—"));
}
