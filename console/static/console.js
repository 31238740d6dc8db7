// The console's own behaviour: menus, dialogs, the palette, countdowns, live pieces. No framework.
(function () {
  "use strict";
  var skew = 0;

  function all(selector, root) {
    return Array.prototype.slice.call((root || document).querySelectorAll(selector));
  }

  // --- Dialogs and the menu of small screens
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-opens],[data-closes],[data-toggles]");
    if (!button) return;
    if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
    if (button.dataset.closes) document.getElementById(button.dataset.closes).close();
    if (button.dataset.toggles) {
      var shown = document.getElementById(button.dataset.toggles).classList.toggle("show");
      button.setAttribute("aria-expanded", String(shown));
    }
  });

  // --- Parts of a form that belong to one choice, and the preview of what is typed
  function choose() {
    all("[data-shows]").forEach(function (input) {
      all('[data-part="' + input.dataset.shows + '"]').forEach(function (part) {
        part.hidden = !input.checked;
      });
    });
  }
  document.addEventListener("change", choose);
  document.addEventListener("input", function (event) {
    all('[data-mirrors="' + event.target.name + '"]').forEach(function (mirror) {
      mirror.textContent = event.target.value.replace("T", " ");
    });
  });

  // --- On a phone a row of a table is a card: each cell is told its column's name
  function nameCells(root) {
    all("table.card-table", root).forEach(function (table) {
      var names = all("thead th", table).map(function (head) { return head.textContent.trim(); });
      all("tbody tr", table).forEach(function (row) {
        all("td", row).forEach(function (cell, index) {
          if (names[index] && !cell.hasAttribute("colspan")) cell.dataset.name = names[index];
        });
      });
    });
  }

  // --- Saved views: lists are narrowed without loading the page anew, and the bar above follows
  function narrowed(query) {
    var pairs = Array.from(new URLSearchParams(query)).filter(function (pair) {
      return pair[1] && pair[0] !== "cursor";
    });
    pairs.sort(function (a, b) { return a[0] + "=" + a[1] < b[0] + "=" + b[1] ? -1 : 1; });
    return new URLSearchParams(pairs).toString();
  }
  function markViews() {
    var bar = document.getElementById("views");
    if (!bar) return;
    var now = narrowed(location.search), views = all("[data-query]", bar), isSaved = false;
    views.forEach(function (view) {
      var isHere = narrowed(view.dataset.query) === now;
      isSaved = isSaved || isHere;
      view.classList.toggle("active", isHere);
      if (isHere) view.setAttribute("aria-current", "true"); else view.removeAttribute("aria-current");
    });
    all("[data-saves]", bar).forEach(function (button) { button.hidden = isSaved; });
    bar.hidden = views.length < 2 && !now;
    document.querySelector("#save-view [name=query]").value = now;
  }

  // --- Rows that are chosen for one action on all of them
  function countPicked() {
    var form = document.getElementById("many");
    if (!form) return;
    var picked = all('input[name="pick"]').filter(function (box) { return box.checked; }).length;
    form.querySelector("[data-picked]").textContent = picked;
    all("button", form).forEach(function (button) { button.disabled = !picked; });
  }
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-picks-all]")) {
      all('input[name="pick"]').forEach(function (box) { box.checked = event.target.checked; });
    }
    countPicked();
  });

  // --- What is offered for a moment goes by itself
  function fade() {
    all("[data-fades]").forEach(function (place) {
      if (Date.now() + skew > Number(place.dataset.fades)) place.remove();
    });
  }

  // --- Countdowns by the server's clock: computed anew each time, so sleeping does not matter
  function two(number) {
    return (number < 10 ? "0" : "") + number;
  }
  function tick() {
    var now = Date.now() + skew;
    all("[data-until]").forEach(function (place) {
      var left = Math.max(0, Math.floor((Number(place.dataset.until) - now) / 1000));
      var days = Math.floor(left / 86400);
      var rest = two(Math.floor(left / 3600) % 24) + ":" + two(Math.floor(left / 60) % 60) + ":" + two(left % 60);
      place.textContent = (days ? days + "d " : "") + rest;
    });
  }

  // --- A live piece is exchanged: charts stay, and so do focus, what is unfolded and scrolled
  function exchange(place, text) {
    var charts = all("[data-keeps]", place), unfolded = all("details[open][id]", place);
    var scrolled = all("[data-scrolls][id]", place).map(function (one) { return [one.id, one.scrollTop]; });
    var held = place.contains(document.activeElement) ? document.activeElement.id : "";
    place.innerHTML = text;
    charts.forEach(function (old) {
      var fresh = place.querySelector('[data-keeps="' + old.dataset.keeps + '"]');
      if (fresh) fresh.replaceWith(old);
    });
    unfolded.forEach(function (old) {
      var fresh = document.getElementById(old.id);
      if (fresh) fresh.open = true;
    });
    scrolled.forEach(function (one) {
      var fresh = document.getElementById(one[0]);
      if (fresh) fresh.scrollTop = one[1];
    });
    if (held && document.getElementById(held)) document.getElementById(held).focus({ preventScroll: true });
    tick();
    nameCells(place);
    place.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
  }

  // --- Live pieces: asked for again with jitter while the page is seen; 304 costs nothing
  function follow(place) {
    var every = Number(place.dataset.every), note = document.createElement("div");
    note.className = "alert alert-warning";
    note.setAttribute("role", "alert");
    note.textContent = document.body.dataset.stale;
    function say(isStale) {
      place.classList.toggle("stale", isStale);
      if (isStale) place.before(note); else note.remove();
    }
    function again(factor) {
      setTimeout(ask, every * factor * (0.8 + 0.4 * Math.random()));
    }
    function ask() {
      if (!place.isConnected) return;
      if (document.hidden) return again(1);
      fetch(place.dataset.live, { headers: { "X-Live": "1" }, credentials: "same-origin" })
        .then(function (answer) {
          var elsewhere = answer.headers.get("HX-Redirect");
          if (elsewhere) { location.assign(elsewhere); return null; }
          if (!answer.ok) throw new Error(String(answer.status));
          return answer.text();
        })
        .then(function (text) {
          if (text === null) return;
          say(false);
          if (text !== place.shown) { place.shown = text; exchange(place, text); }
          again(1);
        })
        .catch(function () { say(true); again(4); });
    }
    again(1);
  }

  // --- The palette
  var palette, words, found, chosen = 0, asked = 0, drawn = 0, goes = false;
  function draw(things) {
    found.textContent = "";
    chosen = 0;
    things.forEach(function (thing, index) {
      var item = document.createElement("li");
      item.className = "list-group-item";
      item.id = "palette-" + index;
      item.setAttribute("role", "option");
      item.dataset.place = thing.place;
      item.textContent = thing.name;
      found.appendChild(item);
    });
    mark();
  }
  function mark() {
    all("li", found).forEach(function (item, index) {
      item.classList.toggle("active", index === chosen);
      item.setAttribute("aria-selected", String(index === chosen));
    });
    words.setAttribute("aria-activedescendant", found.children.length ? "palette-" + chosen : "");
  }
  function look() {
    var mine = ++asked;
    goes = false;
    fetch(words.dataset.place + "?q=" + encodeURIComponent(words.value), { headers: { "X-Live": "1" } })
      .then(function (answer) { return answer.ok ? answer.json() : { found: [] }; })
      .then(function (told) {
        if (mine !== asked) return;
        drawn = mine;
        draw(told.found);
        if (goes) go(found.children[0]);
      });
  }
  function go(item) {
    if (item) location.assign(item.dataset.place);
  }
  function preparePalette() {
    palette = document.getElementById("palette");
    if (!palette) return;
    words = document.getElementById("palette-words");
    found = document.getElementById("palette-found");
    words.addEventListener("input", look);
    found.addEventListener("click", function (event) { go(event.target.closest("li")); });
    words.addEventListener("keydown", function (event) {
      var step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        var count = found.children.length || 1;
        chosen = (chosen + step + count) % count;
        mark();
        event.preventDefault();
      } else if (event.key === "Enter") {
        // What is listed may still be the answer to fewer letters.
        if (drawn === asked) go(found.children[chosen]); else goes = true;
        event.preventDefault();
      }
    });
  }
  // A link that names a key is pressed by it.
  function press(key) {
    var link = all("[data-key]").filter(function (one) { return one.dataset.key === key; })[0];
    if (link) link.click();
    return Boolean(link);
  }
  document.addEventListener("keydown", function (event) {
    var typing = event.target.closest("input,textarea,select");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
      event.preventDefault();
      if (!palette.open) { words.value = ""; palette.showModal(); look(); }
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]") && press(event.key)) {
      event.preventDefault();
    } else if (event.key === "/" && !typing) {
      event.preventDefault();
      document.getElementById("search").focus();
    }
  });

  // Deferred, so the page is there.
  if (document.body.dataset.now) skew = Number(document.body.dataset.now) - Date.now();
  preparePalette();
  choose();
  tick();
  setInterval(tick, 1000);
  all("[data-live]").forEach(follow);
  nameCells(document);
  markViews();
  countPicked();
  setInterval(fade, 500);
  document.addEventListener("htmx:afterSwap", function () { tick(); nameCells(document); countPicked(); });
  ["htmx:afterSettle", "htmx:pushedIntoHistory", "htmx:historyRestore"].forEach(function (name) {
    document.addEventListener(name, markViews);
  });
})();
