// What is left of a sale over time, drawn from the table below it; again whenever that is new.
(function () {
  "use strict";
  var SHANGHAI = 8 * 3600 * 1000; // the axis shows what clocks show there, wherever the browser is
  var COLOURS = {
    light: { left: "#066fd1", even: "#c2410c", ahead: "#2b8a3e", words: "#414a57", lines: "#dfe3e8" },
    dark: { left: "#6cb6ff", even: "#ffa657", ahead: "#7ee787", words: "#c3cbd6", lines: "#3a4452" }
  };
  var chart = null, drawnIn = null;

  function look() {
    return document.documentElement.getAttribute("data-bs-theme") === "dark" ? "dark" : "light";
  }

  function at(text) {
    return Number(text) + SHANGHAI;
  }

  function pointOf(row) {
    return [at(row.dataset.at), Number(row.dataset.left)];
  }

  function line(name, colour, kind, data) {
    return {
      type: "line", name: name, data: data, showSymbol: false, silent: true,
      lineStyle: { color: colour, type: kind, width: 2 }, itemStyle: { color: colour }
    };
  }

  function options(table, colours) {
    var told = table.dataset, stock = Number(told.stock);
    var left = Array.prototype.map.call(table.tBodies[0].rows, pointOf);
    var ahead = table.tFoot ? [left[left.length - 1], pointOf(table.tFoot.rows[0])] : [];
    return {
      animation: false,
      aria: { enabled: false },
      useUTC: true,
      textStyle: { color: colours.words, fontFamily: "inherit" },
      grid: { left: 8, right: 24, top: 16, bottom: 8, containLabel: true },
      xAxis: {
        type: "time", min: at(told.from), max: at(told.to),
        axisLabel: {
          color: colours.words, hideOverlap: true,
          formatter: { year: "{MM}-{dd}", month: "{MM}-{dd}", day: "{MM}-{dd}" }
        },
        axisLine: { lineStyle: { color: colours.lines } },
        splitLine: { show: false }
      },
      yAxis: {
        type: "value", min: 0, max: stock, minInterval: 1,
        axisLabel: { color: colours.words },
        splitLine: { lineStyle: { color: colours.lines } }
      },
      series: [
        line("left", colours.left, "solid", left),
        line("even", colours.even, "dashed", [[at(told.from), stock], [at(told.ends), 0]]),
        line("ahead", colours.ahead, "dotted", ahead)
      ]
    };
  }

  function draw() {
    var place = document.querySelector("[data-burns]");
    var table = place && document.getElementById(place.dataset.burns);
    if (!table) return;
    if (drawnIn !== place) {
      if (chart) chart.dispose();
      chart = echarts.init(place, null, { renderer: "canvas" });
      drawnIn = place;
    }
    chart.setOption(options(table, COLOURS[look()]));
  }

  draw();
  document.addEventListener("refreshed", draw);
  window.addEventListener("resize", function () { if (chart) chart.resize(); });
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
})();
