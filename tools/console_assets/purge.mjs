// Writes Tabler's rules for the classes that a template or script of the console names to stdout.
import { PurgeCSS } from "purgecss";

const [found] = await new PurgeCSS().purge({
  css: ["node_modules/@tabler/core/dist/css/tabler.min.css"],
  content: ["../../console/templates/**/*.html", "../../console/static/console.js", "../../console/static/charts.js", "../../console/static/burn_down.js"],
  safelist: {
    standard: [/^bg-(green|orange|red|blue|secondary)-lt$/, /^text-(red|green|orange)$/, "show", "active", "disabled", "is-invalid"],
    greedy: [/data-bs-theme/],
  },
  variables: false,
  keyframes: true,
});
process.stdout.write(found.css);
