// Before anything is drawn: dark where the system is, unless somebody chose.
(function () {
  var root = document.documentElement;
  if (!root.hasAttribute("data-bs-theme") && matchMedia("(prefers-color-scheme: dark)").matches) {
    root.setAttribute("data-bs-theme", "dark");
  }
})();
