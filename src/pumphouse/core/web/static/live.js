// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// One WebSocket a page. The page says what it shows (body data-live), the server sends what changed, and it is put in
// its place. What needs more than a new word (data-region) is taken from a fresh copy of the page.

import { formatDuration, refreshTimes, setServerTime } from "./time.js";

/**
 * @typedef {{id: number, state: string, kind: string, revision: number, progress: number, progress_text: string,
 *   updated_at: number, summary: string}} Run
 * @typedef {{seq: number, at: number, level: string, text: string}} LogLine
 * @typedef {{type: "run", run: Run, left_s: number | null}
 *   | {type: "steps", run_id: number, steps: Array<[string, string]>}
 *   | {type: "log", run_id: number, lines: LogLine[]}
 *   | {type: "event", event: {id: number, name: string, at: number, actor: string, data: object}}
 *   | {type: "trouble", what: string}} Message
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const REFRESH_MS = 1000;
const MARKED_MS = 1000;
const LINES_KEPT = 1000;
const SIGNED_OUT = 4403;
const NARROW_SPACE = "\u202f";

const body = document.body;
let waitMs = FIRST_WAIT_MS;
let renderedAt = Number(body.dataset.now);
/** @type {WebSocket | null} */
let socket = null;
/** @type {Map<number, string>} */
const states = new Map();
/** @type {Set<number>} */
const newRuns = new Set();
/** @type {Map<string, string>} the regions as the server sent them last */
const regions = new Map();
let lastRefreshMs = 0;
let refreshTimer = 0;
let saidAt = "";

/** Begin, where the page has something live. Other modules get each message as the event "pumphouse:live". */
export function startLive() {
  if (!body.dataset.live) return;
  for (const region of document.querySelectorAll("[data-region]")) regions.set(region.id, plainHtml(region));
  connect();
  addEventListener("pagehide", () => socket?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });
}

function connect() {
  const address = new URL("/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const opening = new WebSocket(address);
  socket = opening;
  opening.addEventListener("open", () => {
    const isAgain = waitMs > FIRST_WAIT_MS || body.hasAttribute("data-offline");
    waitMs = FIRST_WAIT_MS;
    opening.send(JSON.stringify({ watch: topics() }));
    tellStatus("live", "Live");
    if (isAgain) scheduleRefresh();
  });
  opening.addEventListener("message", (event) => {
    saidAt = new Date().toLocaleTimeString();
    take(JSON.parse(event.data));
  });
  opening.addEventListener("close", (event) => {
    if (socket !== opening) return;
    if (event.code === SIGNED_OUT) {
      tellStatus("offline", "You have been signed out");
      return;
    }
    tellOffline("Offline");
    setTimeout(connect, waitMs * (0.75 + Math.random() / 2));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  });
}

/** @returns {string[]} */
function topics() {
  return (body.dataset.live ?? "").split(" ").map((topic) => {
    const list = topic.startsWith("log:") ? logList(Number(topic.slice(4))) : null;
    return list ? `${topic}:${list.dataset.after}` : topic;
  });
}

/**
 * @param {"live" | "offline"} state
 * @param {string} words
 */
function tellStatus(state, words) {
  const status = document.getElementById("live-status");
  if (status && status.textContent !== words) {
    status.dataset.state = state;
    status.textContent = words;
  }
  body.toggleAttribute("data-offline", state === "offline");
}

/** @param {string} why */
function tellOffline(why) {
  tellStatus("offline", `${why}: the state of ${saidAt || "when the page was loaded"}`);
}

/** @param {Message} message */
function take(message) {
  if (message.type === "run") showRun(message.run, message.left_s);
  else if (message.type === "steps") noteSteps(message.run_id, message.steps);
  else if (message.type === "log") showLines(message.run_id, message.lines);
  else if (message.type === "trouble") {
    if (message.what) tellOffline(`The site cannot look: ${message.what}`);
    else tellStatus("live", "Live");
  }
  document.dispatchEvent(new CustomEvent("pumphouse:live", { detail: message }));
}

/**
 * @param {Run} run
 * @param {number | null} leftS
 */
function showRun(run, leftS) {
  for (const place of document.querySelectorAll(`[data-run="${run.id}"]`)) {
    if (!(place instanceof HTMLElement) || Number(place.dataset.revision) > run.revision) continue;
    place.dataset.revision = String(run.revision);
    for (const field of place.querySelectorAll("[data-field]")) showField(field, run, leftS);
  }
  const before = states.get(run.id) ?? (run.updated_at < renderedAt ? run.state : undefined);
  states.set(run.id, run.state);
  if (before === run.state) return;
  const isShown = document.getElementById(`run-${run.id}`) !== null;
  if (body.hasAttribute("data-refresh") || isShown) scheduleRefresh();
  if (before === undefined && !isShown) noteNewRun(run);
}

/**
 * @param {Element} field
 * @param {Run} run
 * @param {number | null} leftS
 */
function showField(field, run, leftS) {
  const name = /** @type {HTMLElement} */ (field).dataset.field;
  if (name === "progress" && field instanceof HTMLProgressElement) {
    field.value = run.progress;
    return;
  }
  let text = field.textContent ?? "";
  if (name === "percent") text = `${Math.round(run.progress * 100)}${NARROW_SPACE}%`;
  else if (name === "progress_text") text = run.progress_text;
  else if (name === "left") text = leftS === null || run.state !== "running" ? "" : `${formatDuration(leftS)} left`;
  if (field.textContent !== text) field.textContent = text;
}

/** @param {Run} run */
function noteNewRun(run) {
  const place = document.querySelector("[data-fresh]");
  const address = new URL(location.href);
  if (!place || address.search) return;
  newRuns.add(run.id);
  const link = document.createElement("a");
  link.href = address.pathname;
  link.textContent = newRuns.size === 1 ? "1 new run: show" : `${newRuns.size} new runs: show`;
  place.replaceChildren(link);
}

/**
 * @param {number} runId
 * @param {Array<[string, string]>} steps
 */
function noteSteps(runId, steps) {
  const place = document.querySelector(`[data-steps-of="${runId}"]`);
  const told = steps.map(([name, state]) => `${name}=${state};`).join("");
  if (place instanceof HTMLElement && place.dataset.steps !== told) scheduleRefresh();
}

/**
 * @param {number} runId
 * @returns {HTMLElement | null}
 */
function logList(runId) {
  return document.querySelector(`[data-log="${runId}"]`);
}

/**
 * @param {number} runId
 * @param {LogLine[]} lines
 */
function showLines(runId, lines) {
  const list = logList(runId);
  if (!list) return;
  const after = Number(list.dataset.after);
  const fresh = lines.filter((line) => line.seq > after);
  if (!fresh.length) return;
  if (fresh[0].seq > after + 1) list.append(logItem(fresh[0].at, "quiet", `${fresh[0].seq - after - 1} lines are not shown here`));
  list.append(...fresh.map((line) => logItem(line.at, line.level, line.text)));
  list.dataset.after = String(fresh[fresh.length - 1].seq);
  const isAtEnd = Math.abs(list.parentElement?.scrollTop ?? 0) < 40; // the box is turned upside down: its end is 0
  while (isAtEnd && list.childElementCount > LINES_KEPT) list.firstElementChild?.remove();
}

/**
 * @param {number} at
 * @param {string} level
 * @param {string} text
 * @returns {HTMLLIElement}
 */
function logItem(at, level, text) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const words = document.createElement("span");
  const iso = new Date(at * 1000).toISOString();
  item.className = level;
  time.dateTime = iso;
  time.title = `${iso.slice(0, 19).replace("T", " ")} UTC`;
  time.textContent = iso.slice(11, 19);
  if (!["info", "debug", "quiet"].includes(level)) {
    const tag = document.createElement("b");
    tag.className = "level";
    tag.textContent = level;
    words.append(tag, " ");
  }
  words.append(text);
  item.append(time, " ", words);
  return item;
}

/** Take fresh regions soon, at most once in REFRESH_MS. */
function scheduleRefresh() {
  if (refreshTimer) return;
  refreshTimer = window.setTimeout(() => void refresh(), Math.max(0, lastRefreshMs + REFRESH_MS - Date.now()));
}

async function refresh() {
  lastRefreshMs = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    renderedAt = Number(page.body.dataset.now);
    setServerTime(renderedAt);
    document.title = page.title;
    for (const fresh of page.querySelectorAll("[data-region]")) replaceRegion(fresh);
    refreshTimes();
  } catch {
    // offline: the next connection asks again
  } finally {
    refreshTimer = 0;
  }
}

/**
 * What is compared: a region without what differs in every copy of the page or is kept fresh in place.
 * @param {Element} region
 * @returns {string}
 */
function plainHtml(region) {
  const copy = /** @type {Element} */ (region.cloneNode(true));
  for (const input of copy.querySelectorAll("input[name=csrf]")) input.remove();
  for (const kept of copy.querySelectorAll("time, [data-since], [data-until], [data-field]")) {
    kept.textContent = "";
    for (const name of ["value", "title", "data-until", "data-local"]) kept.removeAttribute(name);
  }
  for (const counted of [copy, ...copy.querySelectorAll("[data-revision]")]) counted.removeAttribute("data-revision");
  return copy.outerHTML;
}

/** @param {Element} fresh */
function replaceRegion(fresh) {
  const old = document.getElementById(fresh.id);
  const html = plainHtml(fresh);
  if (!old || regions.get(fresh.id) === html) return;
  regions.set(fresh.id, html);
  const focused = [...old.querySelectorAll("a, button, input, select, summary")].indexOf(
    /** @type {Element} */ (document.activeElement),
  );
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const next = document.importNode(fresh, true);
  for (const [index, details] of [...next.querySelectorAll("details")].entries()) {
    details.open = open[index] ?? details.open;
  }
  old.replaceWith(next);
  if (focused >= 0) {
    const again = next.querySelectorAll("a, button, input, select, summary")[focused];
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }
  next.classList.add("changed");
  setTimeout(() => next.classList.remove("changed"), MARKED_MS);
  next.dispatchEvent(new CustomEvent("pumphouse:replaced", { bubbles: true }));
}
