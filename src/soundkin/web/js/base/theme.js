// Light or dark, set before anything is painted; loaded as a plain script for that.
(() => {
  const night = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (night.matches ? "dark" : "light");
    dispatchEvent(new Event("themechange"));
  };
  night.addEventListener("change", apply);
  addEventListener("toggletheme", () => {
    localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    apply();
  });
  apply();
})();
