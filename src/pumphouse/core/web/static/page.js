// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// What every page starts. Charts are loaded where a page has some.

import { startCopying } from "./copy.js";
import { startLive } from "./live.js";
import { startTables } from "./table.js";
import { startTimes } from "./time.js";

startLive();
startTimes();
startTables();
startCopying();

/** @param {ParentNode} root */
async function drawCharts(root) {
  if (!root.querySelector("[data-chart]")) return;
  const { startCharts } = await import("./chart.js");
  await startCharts(root);
}

void drawCharts(document);
document.addEventListener("pumphouse:replaced", (event) => {
  if (event.target instanceof Element) void drawCharts(event.target);
});
