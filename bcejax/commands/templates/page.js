"use strict";

/* Light or dark: as the system has it, until the button says otherwise. */
{
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.querySelector(".theme");
  const shown = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");
  const name = () => { button.textContent = shown() === "dark" ? "Light" : "Dark"; };
  try { // a browser may refuse to store anything for a file
    const kept = localStorage.getItem("theme");
    if (kept) root.dataset.theme = kept;
  } catch {}
  button.addEventListener("click", () => {
    root.dataset.theme = shown() === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch {}
    name();
  });
  dark.addEventListener("change", name);
  name();
  button.hidden = false;
}

/* Tables: a header sorts by its column, and the other way round when it is pressed again. */
{
  const raised = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹", missing = "–";
  const number = (text) => Number(
    text
      .replace("×10", "e")
      .replace(/[⁻⁰-⁹¹²³]/g, (sign) => "-0123456789"[raised.indexOf(sign)])
      .replaceAll("−", "-")
      .replace("∞", "Infinity"),
  );
  const compare = (a, b) => {
    const apart = number(a) - number(b);
    return a === b ? 0 : Number.isNaN(apart) ? a.localeCompare(b, "en", { numeric: true }) : apart;
  };
  const sort = (header, table) => {
    const turn = header.ariaSort === "ascending" ? -1 : 1;
    const text = (row) => row.cells[header.cellIndex].textContent.trim();
    const absent = (row) => [missing, "nan"].includes(text(row));
    const rows = [...table.tBodies[0].rows].sort(
      (a, b) => absent(a) - absent(b) || turn * compare(text(a), text(b)),
    );
    table.tBodies[0].append(...rows);
    for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
    header.ariaSort = turn === 1 ? "ascending" : "descending";
  };
  for (const table of document.querySelectorAll("table")) {
    if (table.tBodies[0].rows.length < 2) continue;
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(header, table));
      header.append(button);
    }
  }
}

/* Figures: what the nearest mark stands for. */
{
  const reach = 24; // CSS pixels
  const tip = document.querySelector(".tip"), ring = document.createElement("span");
  ring.className = "ring";
  const hide = () => { tip.hidden = true; ring.remove(); };

  const nearest = (panels, across, down, width, height) => {
    let found = null, least = reach;
    for (const [box, x, y, series] of panels) {
      const [left, top, right, bottom] = box;
      if (across < left || across > right || down < top || down > bottom) continue;
      for (const [label, points] of series) {
        for (const point of points) {
          const far = Math.hypot((point[0] - across) * width, (point[1] - down) * height);
          if (far < least) [found, least] = [{ label, x, y, point }, far];
        }
      }
    }
    return found;
  };

  const tell = ({ label, x, y, point }, stage, at) => {
    const [across, down, left, up, value] = point;
    const lines = [`${x || "x"}: ${left}`, `${y || "y"}: ${up}`];
    if (label) lines.unshift(label);
    if (value !== undefined) lines.push(`value: ${value}`);
    tip.replaceChildren(...lines.map((line) => {
      const row = document.createElement("span");
      row.textContent = line;
      return row;
    }));
    ring.style.left = `${100 * across}%`;
    ring.style.top = `${100 * down}%`;
    stage.append(ring);
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(at.clientX + 14, room))}px`;
    const above = at.clientY - tip.offsetHeight - 14;
    tip.style.top = `${above > 8 ? above : at.clientY + 18}px`;
  };

  for (const data of document.querySelectorAll("figure > script")) {
    const stage = data.parentElement.querySelector(".stage");
    const panels = JSON.parse(data.textContent);
    const point = (event) => {
      const { left, top, width, height } = stage.getBoundingClientRect();
      const [across, down] = [(event.clientX - left) / width, (event.clientY - top) / height];
      const found = nearest(panels, across, down, width, height);
      if (found) tell(found, stage, event); else hide();
    };
    stage.addEventListener("pointermove", point);
    stage.addEventListener("pointerdown", point);
    stage.addEventListener("pointerleave", hide);
  }
  addEventListener("scroll", hide, { passive: true });
}
