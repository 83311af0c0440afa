// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// Buttons that copy an identifier or a command.

const TOLD_MS = 1500;

/**
 * @param {string} text
 * @returns {Promise<void>}
 */
async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Without encryption browsers offer no clipboard, but copy a selection.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser does not let this page copy");
}

/** @param {HTMLElement} button */
async function press(button) {
  const label = button.firstChild;
  if (!label || button.hasAttribute("data-copied")) return;
  button.setAttribute("data-copied", "");
  const before = label.textContent;
  try {
    await copy(button.dataset.copy ?? "");
    label.textContent = "Copied";
  } catch {
    label.textContent = "Select it";
  }
  setTimeout(() => {
    label.textContent = before;
    button.removeAttribute("data-copied");
  }, TOLD_MS);
}

/** Make every copy button work, also those that come later. */
export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
    if (button instanceof HTMLElement) void press(button);
  });
}
