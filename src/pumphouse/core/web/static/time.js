// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// Times that stay true while the page is open. The words are those of pumphouse.core.web.times and core.duration.

const EVERY_MS = 1000;

/** Seconds by which the server's clock is ahead of this machine's. */
let ahead = 0;

/** @returns {number} the server's time in seconds since the epoch */
export function now() {
  return Date.now() / 1000 + ahead;
}

/** @param {number} serverNow */
export function setServerTime(serverNow) {
  ahead = serverNow - Date.now() / 1000;
}

/**
 * @param {number} at
 * @param {number} from
 * @returns {string}
 */
export function formatAge(at, from) {
  const seconds = from - at;
  const distance = Math.abs(seconds);
  let words;
  if (distance < 5) return "now";
  if (distance < 60) words = `${Math.trunc(distance)} s`;
  else if (distance < 3600) words = `${Math.trunc(distance / 60)} min`;
  else if (distance < 48 * 3600) words = `${Math.trunc(distance / 3600)} h`;
  else if (distance < 14 * 86400) words = `${Math.trunc(distance / 86400)} days`;
  else return new Date(at * 1000).toISOString().slice(0, 10);
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

/**
 * @param {number} seconds
 * @returns {string}
 */
export function formatDuration(seconds) {
  if (seconds > 0 && seconds < 9.95) return `${Math.max(seconds, 0.1).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.trunc(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.trunc(whole / 3600)} h ${two(Math.trunc((whole % 3600) / 60))} min`;
}

/** @param {number} at */
function formatInstant(at) {
  return new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}

/**
 * @param {Element} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Bring every time on the page up to now. */
export function refreshTimes() {
  const at = now();
  for (const element of document.querySelectorAll("time[data-at]")) {
    const when = Number(/** @type {HTMLElement} */ (element).dataset.at);
    setText(element, formatAge(when, at));
    if (!element.hasAttribute("data-local")) {
      element.setAttribute("title", formatInstant(when));
      element.setAttribute("data-local", "");
    }
  }
  if (document.body.hasAttribute("data-offline")) return; // what runs there is not known now
  for (const element of document.querySelectorAll("[data-since]")) {
    const since = Number(/** @type {HTMLElement} */ (element).dataset.since);
    setText(element, formatDuration(Math.round(Math.max(0, at - since))));
  }
  for (const element of document.querySelectorAll("[data-until]")) {
    const until = Number(/** @type {HTMLElement} */ (element).dataset.until);
    setText(element, until > at ? formatDuration(Math.round(until - at)) : "a moment");
  }
}

/** Keep the times of the page true. */
export function startTimes() {
  setServerTime(Number(document.body.dataset.now));
  refreshTimes();
  setInterval(() => {
    if (!document.hidden) refreshTimes();
  }, EVERY_MS);
  document.addEventListener("visibilitychange", refreshTimes);
}
