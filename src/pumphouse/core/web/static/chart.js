// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// Charts with uPlot. Drag to zoom; the browser's Back zooms out; the range stands in the address.
// With the plot focused: arrow keys read the values, Home and End go to the ends, Escape shows the whole range.

/**
 * @typedef {{label: string, unit: string, scale: "linear" | "log" | "time"}} Axis
 * @typedef {{label: string, x: number[], y: Array<number | null>, shape: "line" | "steps" | "points",
 *   group: string}} Series
 * @typedef {{id: string, title: string, x: Axis, y: Axis, series: Series[], note: string}} Chart
 * @typedef {{min: number, max: number}} Range
 */

const COLOURS = 6;
const LABELS_AT_LINE = 4; // look.md: a key only above four
const WIDE = 560;
const LABEL_ROOM = 190;
const LINE_HEIGHT = 15;
const FONT_PX = 12;

/** @type {Promise<any> | null} */
let loading = null;

/** @returns {Promise<any>} uPlot, which is a script and not a module */
function loadPlot() {
  loading ??= new Promise((resolve, reject) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("./vendor/uPlot.min.css", import.meta.url).href;
    const script = document.createElement("script");
    script.src = new URL("./vendor/uPlot.iife.min.js", import.meta.url).href;
    script.addEventListener("load", () => resolve(/** @type {any} */ (window).uPlot));
    script.addEventListener("error", reject);
    document.head.append(style, script);
  });
  return loading;
}

/**
 * Draw the charts below `root`.
 * @param {ParentNode} root
 */
export async function startCharts(root) {
  const uPlot = await loadPlot();
  for (const figure of root.querySelectorAll("[data-chart]:not([data-drawn])")) {
    const data = figure.querySelector('script[type="application/json"]');
    if (!(figure instanceof HTMLElement) || !data) continue;
    figure.dataset.drawn = "";
    new Drawing(uPlot, figure, JSON.parse(data.textContent ?? ""));
  }
}

/** @param {string} name */
function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * Three significant figures, as pumphouse.core.web.numbers.
 * @param {number} value
 */
function short(value) {
  if (value === 0 || (Number.isInteger(value) && Math.abs(value) < 1000)) return String(value);
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4 || magnitude > 14) return value.toExponential(2);
  const text = Number(value.toPrecision(3)).toFixed(Math.max(0, 2 - magnitude));
  return text.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, "\u202f");
}

class Drawing {
  /**
   * @param {any} uPlot
   * @param {HTMLElement} figure
   * @param {Chart} chart
   */
  constructor(uPlot, figure, chart) {
    this.uPlot = uPlot;
    this.figure = figure;
    this.chart = chart;
    this.groups = [...new Set(chart.series.map((series) => series.group || series.label))];
    this.data = this.join();
    /** @type {any} */
    this.plot = null;
    this.place = /** @type {HTMLElement} */ (figure.querySelector(".chart-place"));
    this.place.append(...this.parts());
    this.draw();
    new ResizeObserver(() => this.resize()).observe(this.plotPlace);
    const redraw = () => this.draw();
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("popstate", () => this.show(this.addressRange()));
  }

  /** @returns {any} the series over one rising x, as uPlot takes them; zeros have no place on a log axis */
  join() {
    const isLog = this.chart.y.scale === "log";
    const tables = this.chart.series.map((series) => [
      series.x,
      series.y.map((value) => (isLog && value !== null && value <= 0 ? null : value)),
    ]);
    return tables.length ? this.uPlot.join(tables) : [[]];
  }

  /** @returns {HTMLElement[]} */
  parts() {
    const tools = document.createElement("div");
    tools.className = "chart-tools";
    this.whole = this.button("Whole range", () => this.zoom(null));
    tools.append(
      this.whole,
      this.button("PNG", () => this.savePicture()),
      this.button("CSV", () => this.save("csv", "text/csv", this.csv())),
      this.button("JSON", () => this.save("json", "application/json", JSON.stringify(this.chart))),
    );
    this.read = document.createElement("p");
    this.read.className = "chart-read";
    this.plotPlace = document.createElement("div");
    this.plotPlace.className = "chart-plot";
    this.plotPlace.tabIndex = 0;
    this.plotPlace.setAttribute("role", "group");
    this.plotPlace.setAttribute(
      "aria-label",
      `${this.chart.title}. Arrow keys read the values, Escape shows the whole range. A table follows.`,
    );
    this.plotPlace.addEventListener("keydown", (event) => this.press(event));
    this.plotPlace.addEventListener("focus", () => this.read?.setAttribute("aria-live", "polite"));
    this.plotPlace.addEventListener("blur", () => this.read?.removeAttribute("aria-live"));
    this.key = document.createElement("ul");
    this.key.className = "chart-key";
    return [tools, this.key, this.plotPlace, this.read];
  }

  /**
   * @param {string} words
   * @param {() => void} act
   */
  button(words, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = words;
    button.addEventListener("click", act);
    return button;
  }

  get width() {
    return Math.max(300, this.plotPlace?.clientWidth ?? 0);
  }

  get hasLabelsAtLine() {
    return this.groups.length <= LABELS_AT_LINE && this.width >= WIDE;
  }

  /** @param {Series} series */
  colour(series) {
    return token(`series-${(this.groups.indexOf(series.group || series.label) % COLOURS) + 1}`);
  }

  draw() {
    const range = this.plot ? this.range : this.addressRange();
    this.plot?.destroy();
    const text = token("text");
    const quiet = token("quiet");
    const font = `${FONT_PX}px ${token("sans")}`;
    const axis = (/** @type {Axis} */ description) => ({
      stroke: quiet,
      grid: { stroke: token("line"), width: 1 },
      ticks: { stroke: token("line"), width: 1, size: 4 },
      font,
      labelFont: font,
      label: description.unit ? `${description.label} (${description.unit})` : description.label,
      labelSize: 20,
      ...(description.scale === "time"
        ? {}
        : {
            values: (/** @type {any} */ _plot, /** @type {Array<number | null>} */ splits) =>
              splits.map((value) => (value === null ? "" : short(value))),
          }),
    });
    this.plot = new this.uPlot(
      {
        width: this.width,
        height: this.width < WIDE ? 260 : 340,
        padding: [12, this.hasLabelsAtLine ? LABEL_ROOM : 16, 0, 0],
        scales: {
          x: { time: this.chart.x.scale === "time", distr: this.chart.x.scale === "log" ? 3 : 1 },
          y: { distr: this.chart.y.scale === "log" ? 3 : 1 },
        },
        axes: [axis(this.chart.x), { ...axis(this.chart.y), size: 62 }],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
        series: [{}, ...this.chart.series.map((series) => this.line(series))],
        hooks: {
          draw: [(/** @type {any} */ plot) => this.label(plot, text, font)],
          setCursor: [(/** @type {any} */ plot) => this.tell(plot.cursor.idx)],
          setSelect: [(/** @type {any} */ plot) => this.take(plot)],
        },
      },
      this.data,
      this.plotPlace,
    );
    this.tellKey();
    this.show(range);
    this.tell(null);
  }

  /** @param {Series} series */
  line(series) {
    const colour = this.colour(series);
    const group = this.groups.indexOf(series.group || series.label);
    return {
      label: series.label,
      stroke: colour,
      width: 1.75,
      dash: group >= COLOURS ? [6, 4] : undefined,
      paths: series.shape === "steps" ? this.uPlot.paths.stepped({ align: 1 }) : series.shape === "points" ? () => null : undefined,
      points: { show: series.shape === "points", size: 6, fill: colour },
      value: (/** @type {any} */ _plot, /** @type {number | null} */ value) => value,
    };
  }

  /** The names beside the lines' ends, moved apart where they would meet.
   * @param {any} plot
   * @param {string} colour
   * @param {string} font
   */
  label(plot, colour, font) {
    if (!this.hasLabelsAtLine) return;
    const ratio = devicePixelRatio;
    const labels = [];
    for (const [index, series] of this.chart.series.entries()) {
      const name = series.group || series.label;
      if (labels.some((label) => label.name === name)) continue;
      const values = this.data[index + 1];
      for (let at = values.length - 1; at >= 0; at -= 1) {
        const x = this.data[0][at];
        if (values[at] == null || x > plot.scales.x.max || x < plot.scales.x.min) continue;
        labels.push({ name, colour: this.colour(series), y: plot.valToPos(values[at], "y", true) / ratio });
        break;
      }
    }
    labels.sort((one, other) => one.y - other.y);
    const bottom = (plot.bbox.top + plot.bbox.height) / ratio;
    for (const [index, label] of labels.entries()) {
      const above = index ? labels[index - 1].y + LINE_HEIGHT : plot.bbox.top / ratio;
      label.y = Math.max(label.y, above);
    }
    for (let index = labels.length - 1; index >= 0; index -= 1) {
      const below = index < labels.length - 1 ? labels[index + 1].y - LINE_HEIGHT : bottom;
      labels[index].y = Math.min(labels[index].y, below);
    }
    const context = plot.ctx;
    context.save();
    context.scale(ratio, ratio);
    context.font = font;
    context.textBaseline = "middle";
    const left = (plot.bbox.left + plot.bbox.width) / ratio + 8;
    for (const label of labels) {
      context.fillStyle = label.colour;
      context.fillRect(left, label.y - 4, 8, 8);
      context.fillStyle = colour;
      context.fillText(label.name, left + 14, label.y, LABEL_ROOM - 24);
    }
    context.restore();
  }

  tellKey() {
    this.key?.replaceChildren();
    if (this.hasLabelsAtLine) return;
    for (const name of this.groups) {
      const series = this.chart.series.find((item) => (item.group || item.label) === name);
      if (!series) continue;
      const item = document.createElement("li");
      const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      swatch.setAttribute("class", "sign");
      swatch.setAttribute("viewBox", "0 0 8 8");
      swatch.setAttribute("aria-hidden", "true");
      const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      square.setAttribute("width", "8");
      square.setAttribute("height", "8");
      square.setAttribute("fill", this.colour(series));
      swatch.append(square);
      item.append(swatch, name);
      this.key?.append(item);
    }
  }

  /** The exact values at one place.
   * @param {number | null | undefined} index
   */
  tell(index) {
    if (!this.read) return;
    if (index === null || index === undefined || !this.data[0].length) {
      this.read.textContent = "Point at the chart to read exact values; drag to zoom.";
      return;
    }
    const { x, y, series } = this.chart;
    const at = this.data[0][index];
    const place = x.scale === "time" ? new Date(at * 1000).toLocaleString() : `${at} ${x.unit}`;
    const unit = y.unit ? ` ${y.unit}` : "";
    this.read.replaceChildren(Object.assign(document.createElement("b"), { textContent: `${x.label} ${place}` }));
    const values = series.map((item, number) => {
      const value = this.data[number + 1][index];
      return value == null ? null : `${item.label} ${value}${unit}`;
    });
    this.read.append(`: ${values.filter(Boolean).join(", ") || "no value"}`);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const last = this.data[0].length - 1;
    const now = this.plot.cursor.idx ?? -1;
    /** @type {Record<string, number>} */
    const places = { ArrowRight: Math.min(now + 1, last), ArrowLeft: Math.max(now - 1, 0), Home: 0, End: last };
    if (event.key === "Escape") this.zoom(null);
    else if (event.key in places && last >= 0) {
      const index = places[event.key];
      const left = this.plot.valToPos(this.data[0][index], "x");
      this.plot.setCursor({ left, top: this.plot.over.clientHeight / 2 });
      this.tell(index);
      event.preventDefault();
    }
  }

  /** @param {any} plot */
  take(plot) {
    const { left, width } = plot.select;
    if (width < 5) return;
    const range = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.zoom(range);
  }

  /** @param {Range | null} range */
  zoom(range) {
    const address = new URL(location.href);
    const name = `${this.chart.id}.range`;
    if (range) address.searchParams.set(name, `${Number(range.min.toPrecision(6))}..${Number(range.max.toPrecision(6))}`);
    else address.searchParams.delete(name);
    if (address.href !== location.href) history.pushState(null, "", address);
    this.show(range);
  }

  /** @param {Range | null} range */
  show(range) {
    this.range = range;
    const places = this.data[0];
    if (this.whole) this.whole.disabled = range === null;
    if (!places.length) return;
    this.plot.setScale("x", range ?? { min: places[0], max: places[places.length - 1] });
  }

  /** @returns {Range | null} */
  addressRange() {
    const text = new URL(location.href).searchParams.get(`${this.chart.id}.range`) ?? "";
    const [min, max] = text.split("..").map(Number);
    return Number.isFinite(min) && Number.isFinite(max) && min < max ? { min, max } : null;
  }

  resize() {
    if (this.width === this.plot.width) return;
    this.draw();
  }

  /** @returns {string} */
  csv() {
    const quote = (/** @type {string} */ text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const named = (/** @type {string} */ label, /** @type {string} */ unit) => quote(unit ? `${label} (${unit})` : label);
    const { x, y, series } = this.chart;
    const lines = [[named(x.label, x.unit), ...series.map((item) => named(item.label, y.unit))].join(",")];
    const exact = this.uPlot.join(series.map((item) => [item.x, item.y]));
    for (const [index, place] of exact[0].entries()) {
      lines.push([place, ...series.map((_, number) => exact[number + 1][index] ?? "")].join(","));
    }
    return `${lines.join("\n")}\n`;
  }

  savePicture() {
    const source = this.plot.ctx.canvas;
    const ratio = devicePixelRatio;
    const head = (this.chart.note ? 48 : 28) * ratio;
    const canvas = document.createElement("canvas");
    canvas.width = source.width;
    canvas.height = source.height + head;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.fillStyle = token("ground");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, head);
    context.fillStyle = token("text");
    context.font = `600 ${14 * ratio}px ${token("sans")}`;
    context.fillText(this.chart.title, 8 * ratio, 20 * ratio);
    context.fillStyle = token("quiet");
    context.font = `${FONT_PX * ratio}px ${token("sans")}`;
    context.fillText(this.chart.note, 8 * ratio, 40 * ratio);
    canvas.toBlob((blob) => blob && this.saveBlob("png", blob));
  }

  /**
   * @param {string} ending
   * @param {string} type
   * @param {string} text
   */
  save(ending, type, text) {
    this.saveBlob(ending, new Blob([text], { type }));
  }

  /**
   * @param {string} ending
   * @param {Blob} blob
   */
  saveBlob(ending, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${this.chart.id}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}
