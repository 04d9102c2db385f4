// Light or dark by hand, and everything that is folded away unfolded for printing.
const root = document.documentElement, button = document.getElementById("theme");
const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"))
  === "dark";
const say = () => button.setAttribute("aria-pressed", String(isDark()));
button.hidden = false;
say();
button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  say();
  document.dispatchEvent(new Event("theme"));
});
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const each of opened) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of opened) each.open = false;
});
