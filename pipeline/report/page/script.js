
// One moment of the clip, pointed at in any plot and read in all of them; the arrow keys move it.
(() => {
  const frames = Number(document.querySelector("main").dataset.frames);
  const fps = Number(document.querySelector("main").dataset.fps);
  const areas = [...document.querySelectorAll(".area[data-lines]")].map(ready);
  if (!frames || !areas.length) return;

  function ready(area) {
    const lines = JSON.parse(area.dataset.lines);
    const cursor = document.createElement("div");
    const readout = document.createElement("div");
    cursor.className = "cursor";
    readout.className = "readout";
    cursor.hidden = true;
    readout.textContent = "\u00a0";
    if (area === document.querySelector(".area[data-lines]")) readout.textContent = "Point at a line, or use the arrow keys, to read its numbers.";
    area.append(cursor);
    area.closest(".plot").append(readout);
    const label = area.querySelector("svg").getAttribute("aria-label");
    const set = { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0, "aria-valuemax": frames - 1, "aria-valuenow": 0 };
    Object.entries(set).forEach(([name, value]) => area.setAttribute(name, value));
    area.addEventListener("pointermove", (event) => {
      const box = area.getBoundingClientRect();
      show(Math.floor(((event.clientX - box.left) / box.width) * frames));
    });
    area.addEventListener("keydown", (event) => {
      const now = Number(area.getAttribute("aria-valuenow"));
      const step = event.shiftKey ? 10 : 1;
      const to = { ArrowRight: now + step, ArrowLeft: now - step, ArrowUp: now + step, ArrowDown: now - step,
        PageUp: now + 30, PageDown: now - 30, Home: 0, End: frames - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      show(to);
    });
    area.addEventListener("focus", () => show(Number(area.getAttribute("aria-valuenow"))));
    return { area, lines, cursor, readout, unit: area.dataset.unit };
  }

  function show(wanted) {
    const frame = Math.min(frames - 1, Math.max(0, wanted));
    const when = "Frame " + frame.toLocaleString("en") + (fps ? ", " + (frame / fps).toFixed(2) + " s" : "");
    for (const { area, lines, cursor, readout, unit } of areas) {
      cursor.hidden = false;
      cursor.style.left = (100 * (frame + 0.5)) / frames + "%";
      const values = lines.map(({ name, points }) => name + " " + read(points, frame, unit));
      readout.textContent = when + ": " + values.join(", ");
      area.setAttribute("aria-valuenow", frame);
      area.setAttribute("aria-valuetext", readout.textContent);
    }
  }

  function read(points, frame, unit) {
    let low = 0, high = points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < frame) low = middle + 1; else high = middle;
    }
    const near = [points[low - 1], points[low]].filter(Boolean)
      .sort((a, b) => Math.abs(a[0] - frame) - Math.abs(b[0] - frame))[0];
    const reach = frames / 600;
    return near && Math.abs(near[0] - frame) <= reach ? Number(near[1].toPrecision(3)).toLocaleString("en") + " " + unit : "nothing";
  }
})();
