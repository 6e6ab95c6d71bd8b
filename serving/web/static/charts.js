// Charts from plain JSON: colours of the theme, Chinese numbers, and a click that leads further.

const LIBRARY = document.querySelector("script[data-echarts]").dataset.echarts;
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
const whole = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 2 });
// What a chart may name as its formatter, JSON having no functions.
const FORMATTERS = {
  $integer: (value) => whole.format(numeric(value)),
  $decimal: (value) => fine.format(numeric(value)),
  $percent: (value) => `${fine.format(numeric(value) * 100)}%`,
  $day: (value) => String(value).slice(5),
};

let library;

function numeric(value) {
  return Number(value !== null && typeof value === "object" ? (value.value ?? 0) : value);
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Put the named formatters in, wherever one stands. */
function resolved(options) {
  if (Array.isArray(options)) return options.map(resolved);
  if (options === null || typeof options !== "object") return options;
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, /[fF]ormatter$/.test(key) && FORMATTERS[value] ? FORMATTERS[value] : resolved(value)]),
  );
}

/** Colours of urgencies and states: "$red" in the options is the theme's red. */
function coloured(options) {
  if (Array.isArray(options)) return options.map(coloured);
  if (typeof options === "string") return /^\$(red|orange|amber|green|blue|grey|accent|ink|line|chart-\d)$/.test(options) ? token(options.slice(1)) : options;
  if (options === null || typeof options !== "object") return options;
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, coloured(value)]));
}

function themed() {
  const ink = token("ink-2");
  const line = token("line");
  const font = getComputedStyle(document.body).fontFamily;
  const axis = {
    axisLine: { lineStyle: { color: token("line-strong") } },
    axisTick: { show: false },
    axisLabel: { color: ink, fontFamily: font },
    nameTextStyle: { color: ink, fontFamily: font },
    splitLine: { lineStyle: { color: line } },
  };
  return {
    color: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => token(`chart-${n}`)),
    backgroundColor: "transparent",
    textStyle: { fontFamily: font, color: ink },
    legend: { textStyle: { color: ink }, pageTextStyle: { color: ink }, icon: "roundRect", itemWidth: 12, itemHeight: 8 },
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: { ...axis, axisLine: { show: false } },
    timeAxis: axis,
    logAxis: axis,
    line: { symbolSize: 5, smooth: false, lineStyle: { width: 2 } },
    bar: { barMaxWidth: 40 },
    visualMap: { textStyle: { color: ink } },
    tooltip: {
      // Drawn, not built of elements: those would carry inline styles, which the page forbids.
      renderMode: "richText",
      confine: true,
      backgroundColor: token("surface"),
      borderColor: token("line-strong"),
      textStyle: { color: token("ink"), fontFamily: font, fontSize: 12 },
    },
  };
}

// Its top is where a legend stands.
const GRID = { left: 8, right: 16, top: 36, bottom: 8, containLabel: true };

async function draw(figure) {
  library ??= import(LIBRARY);
  const { init, getInstanceByDom } = await library;
  const place = figure.querySelector("[data-chart]");
  const options = coloured(resolved(JSON.parse(figure.querySelector("[data-chart-options]").textContent)));
  getInstanceByDom(place)?.dispose();
  const chart = init(place, themed());
  // Their tooltips are drawn too.
  chart.setOption({ grid: options.legend ? GRID : { ...GRID, top: 12 }, animation: !STILL.matches, ...options });
  chart.on("click", (event) => {
    const href = event.data?.href;
    // Only our own pages: the options may hold names that people typed.
    if (typeof href === "string" && href.startsWith("/") && !href.startsWith("//")) window.location.assign(document.body.dataset.root + href);
  });
  new ResizeObserver(() => chart.isDisposed() || chart.resize()).observe(place);
}

function drawAll(root) {
  for (const place of root.querySelectorAll("[data-chart]")) draw(place.closest("figure"));
}

drawAll(document);
document.addEventListener("suda:theme", () => drawAll(document));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
document.addEventListener("htmx:afterSwap", (event) => drawAll(event.detail.target));
