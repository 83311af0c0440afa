// SPDX-FileCopyrightText: The Pumphouse authors
// SPDX-License-Identifier: Apache-2.0
// @ts-check
// Light or dark as the reader chose, before the first paint: the one script that is not a module.

(() => {
  const root = document.documentElement;
  const words = { "": "as the system", light: "light", dark: "dark" };
  /** @type {Array<"" | "light" | "dark">} */
  const choices = ["", "light", "dark"];

  /** @returns {"" | "light" | "dark"} */
  function stored() {
    try {
      const value = localStorage.getItem("theme");
      return value === "light" || value === "dark" ? value : "";
    } catch {
      return "";
    }
  }

  /** @param {"" | "light" | "dark"} choice */
  function apply(choice) {
    if (choice) root.dataset.theme = choice;
    else delete root.dataset.theme;
  }

  root.classList.add("scripts");
  apply(stored());

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const tell = () => {
      button.textContent = `Colours: ${words[stored()]}`;
    };
    button.hidden = false;
    tell();
    button.addEventListener("click", () => {
      const next = choices[(choices.indexOf(stored()) + 1) % choices.length];
      try {
        if (next) localStorage.setItem("theme", next);
        else localStorage.removeItem("theme");
      } catch {
        // without storage the choice lasts as long as the page
      }
      apply(next);
      tell();
    });
  });

  // Paper is white: charts are drawn anew in the light colours.
  addEventListener("beforeprint", () => apply("light"));
  addEventListener("afterprint", () => apply(stored()));
})();
