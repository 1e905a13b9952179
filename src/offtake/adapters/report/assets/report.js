"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const name = document.getElementById("theme-name");
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  const say = () => {
    name.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Use the light theme" : "Use the dark theme");
    button.setAttribute("aria-pressed", String(Boolean(root.dataset.theme)));
  };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
  const contents = document.querySelector(".contents details");
  if (window.matchMedia("(max-width: 1099px)").matches) contents.open = false;
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
  const watcher = new IntersectionObserver((seen) => {
    for (const one of seen) {
      if (!one.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(one.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const id of links.keys()) watcher.observe(document.getElementById(id));
  const parts = [...links.keys()].map((id) => document.getElementById(id));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    const at = parts.findLastIndex((part) => part.getBoundingClientRect().top < 80);
    const next = parts[Math.max(0, Math.min(parts.length - 1, at + (event.key === "j" ? 1 : -1)))];
    next.scrollIntoView();
  });
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details[open].contents")];
  });
})();
