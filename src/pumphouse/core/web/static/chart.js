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
const HEIGHTS = [0.78, 0.58, 0.38, 0.2]; // of the plot, where the names of histograms stand beside their right flank
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
    /** @type {Range | null} */
    this.range = null;
    this.plotPlace = document.createElement("div");
    this.place = /** @type {HTMLElement} */ (figure.querySelector(".chart-place"));
    this.place.append(...this.parts());
    this.draw();
    new ResizeObserver(() => this.resize()).observe(this.plotPlace);
    const redraw = () => this.figure.isConnected && this.draw();
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("popstate", () => this.figure.isConnected && this.show(this.addressRange()));
  }

  /** @returns {any} the series over one rising x, as uPlot takes them */
  join() {
    const tables = this.chart.series.map((series) => [series.x, series.y]);
    return tables.length ? this.uPlot.join(tables) : [[]];
  }

  get isHistogram() {
    return this.chart.series.every((series) => series.shape === "steps");
  }

  /** The range of a log axis of values: a little below the least value, so that it is told from zero, which is drawn
   * on the axis.
   * @param {any} _plot
   * @param {number | null} min
   * @param {number | null} max
   * @returns {[number, number]}
   */
  logRange(_plot, min, max) {
    const low = min && min > 0 ? min : 1;
    const high = max && max > low ? max : low * 10;
    return [10 ** (Math.floor(Math.log10(low)) - 0.25), 10 ** Math.ceil(Math.log10(high * 1.02))];
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
    return Math.max(300, this.plotPlace.clientWidth);
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
    const decades = (/** @type {any} */ plot, /** @type {Array<number | null>} */ splits, /** @type {number} */ at) => {
      const { min, max } = plot.scales[at === 0 ? "x" : "y"];
      if (Math.log10(max / min) < 1.3) return splits;
      return splits.map((value) => (value && Math.abs(Math.log10(value) % 1) < 1e-9 ? value : null));
    };
    const axis = (/** @type {Axis} */ description) => ({
      stroke: quiet,
      grid: { stroke: token("line"), width: 1, ...(description.scale === "log" ? { filter: decades } : {}) },
      ticks: { stroke: token("line"), width: 1, size: 4, ...(description.scale === "log" ? { filter: decades } : {}) },
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
        padding: [12, this.hasLabelsAtLine && !this.isHistogram ? LABEL_ROOM : 28, 0, 0],
        scales: {
          x: { time: this.chart.x.scale === "time", distr: this.chart.x.scale === "log" ? 3 : 1 },
          y: this.chart.y.scale === "log" ? { distr: 3, range: this.logRange } : { distr: 1 },
        },
        axes: [
          { ...axis(this.chart.x), size: 28 },
          { ...axis(this.chart.y), size: 56 },
        ],
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

  /** The names at the lines: beside their ends, or beside the right flank of a histogram.
   * @param {any} plot
   * @param {string} colour
   * @param {string} font
   */
  label(plot, colour, font) {
    if (!this.hasLabelsAtLine) return;
    const ratio = devicePixelRatio;
    const context = plot.ctx;
    context.save();
    context.scale(ratio, ratio);
    context.font = font;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.lineWidth = 4;
    context.strokeStyle = token("ground");
    const right = (plot.bbox.left + plot.bbox.width) / ratio;
    for (const label of this.isHistogram ? this.flanks(plot) : this.ends(plot)) {
      const width = context.measureText(label.name).width + 14;
      const x = this.isHistogram ? Math.min(label.x + 8, right - width) : right + 8;
      context.strokeText(label.name, x + 14, label.y);
      context.fillStyle = label.colour;
      context.fillRect(x, label.y - 4, 8, 8);
      context.fillStyle = colour;
      context.fillText(label.name, x + 14, label.y, LABEL_ROOM - 24);
    }
    context.restore();
  }

  /** One series of each group, with its place among the data.
   * @returns {Array<[Series, string, Array<number | null | undefined>]>}
   */
  named() {
    return this.groups.flatMap((name) => {
      const index = this.chart.series.findIndex((series) => (series.group || series.label) === name);
      return index < 0 ? [] : [[this.chart.series[index], name, this.data[index + 1]]];
    });
  }

  /** Where each line ends, moved apart where the names would meet.
   * @param {any} plot
   */
  ends(plot) {
    const ratio = devicePixelRatio;
    const labels = [];
    for (const [series, name, values] of this.named()) {
      for (let at = values.length - 1; at >= 0; at -= 1) {
        const x = this.data[0][at];
        if (values[at] == null || x > plot.scales.x.max || x < plot.scales.x.min) continue;
        labels.push({ name, colour: this.colour(series), x: 0, y: plot.valToPos(values[at], "y", true) / ratio });
        break;
      }
    }
    labels.sort((one, other) => one.y - other.y);
    const top = plot.bbox.top / ratio;
    const bottom = (plot.bbox.top + plot.bbox.height) / ratio;
    for (const [index, label] of labels.entries()) {
      label.y = Math.max(label.y, index ? labels[index - 1].y + LINE_HEIGHT : top);
    }
    for (let index = labels.length - 1; index >= 0; index -= 1) {
      labels[index].y = Math.min(labels[index].y, index < labels.length - 1 ? labels[index + 1].y - LINE_HEIGHT : bottom);
    }
    return labels;
  }

  /** Where each histogram falls below a height of its own, from the right.
   * @param {any} plot
   */
  flanks(plot) {
    const ratio = devicePixelRatio;
    const { top, height } = plot.bbox;
    return this.named().map(([series, name, values], index) => {
      const y = top + height * (1 - HEIGHTS[index]);
      let at = values.length - 1;
      const isBelow = (/** @type {number} */ place) =>
        values[place] == null || plot.valToPos(Math.max(values[place] ?? 0, plot.scales.y.min), "y", true) > y;
      while (at > 0 && (this.data[0][at] > plot.scales.x.max || isBelow(at))) at -= 1;
      const x = plot.valToPos(this.data[0][Math.min(at + 1, values.length - 1)] ?? 0, "x", true);
      return { name, colour: this.colour(series), x: x / ratio, y: y / ratio };
    });
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
