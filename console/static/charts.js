// Charts of reports, drawn from the table that stands below them: one set of numbers, two looks.
(function () {
  "use strict";
  var COLOURS = { light: ["#066fd1", "#c2410c", "#2b8a3e"], dark: ["#6cb6ff", "#ffa657", "#7ee787"] };
  var MOST_BARS = 40; // more of them say nothing; the table has them all
  var drawn = [];

  function isDark() {
    return document.documentElement.getAttribute("data-bs-theme") === "dark";
  }

  function rowsOf(table, place) {
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    return place.dataset.chart === "bar" ? rows.slice(0, MOST_BARS) : rows;
  }

  function shown(kind, value) {
    if (kind === "money") return "¥" + (value / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2 });
    if (kind === "percent") return value / 100 + "%";
    return value.toLocaleString("zh-CN");
  }

  function options(table, place) {
    var heads = table.tHead.rows[0].cells;
    var rows = rowsOf(table, place);
    var columns = place.dataset.columns.split(",").map(Number);
    var kind = heads[columns[0]].dataset.kind;
    var words = isDark() ? "#c3cbd6" : "#414a57";
    var lines = isDark() ? "#3a4452" : "#dfe3e8";
    var show = function (value) { return shown(kind, value); };
    return {
      animation: false,
      aria: { enabled: false },
      color: COLOURS[isDark() ? "dark" : "light"],
      textStyle: { color: words, fontFamily: "inherit" },
      grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
      xAxis: {
        type: "category",
        data: rows.map(function (row) { return row.cells[0].textContent.trim(); }),
        axisLabel: { color: words, width: 110, overflow: "truncate", hideOverlap: true },
        axisLine: { lineStyle: { color: lines } }
      },
      yAxis: {
        type: "value",
        axisLabel: { color: words, formatter: show },
        splitLine: { lineStyle: { color: lines } }
      },
      series: columns.map(function (column) {
        return {
          type: place.dataset.chart,
          name: heads[column].textContent.trim(),
          data: rows.map(function (row) { return Number(row.cells[column].dataset.value); }),
          barMaxWidth: 40,
          showSymbol: rows.length < 40
        };
      })
    };
  }

  function draw() {
    Array.prototype.forEach.call(document.querySelectorAll("[data-chart]"), function (place) {
      var table = document.getElementById(place.dataset.table);
      if (!table || !table.tBodies[0].rows.length) return;
      var chart = echarts.init(place, null, { renderer: "canvas" });
      chart.setOption(options(table, place));
      drawn.push(chart);
    });
  }

  draw();
  window.addEventListener("resize", function () {
    drawn.forEach(function (chart) { chart.resize(); });
  });
})();
