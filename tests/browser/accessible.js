// What keeps a page from somebody: text that is too pale, and what a screen reader cannot name. Returns what it found.
// Contrast of every visible text with what lies behind it, by WCAG; below 4.5 (3 for large text) is told.
function parse(color) { return (color.match(/[0-9.]+/g) || [0, 0, 0, 0]).map(Number); }
function light(color) {
  const [r, g, b] = color.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(element) {
  for (; element; element = element.parentElement) {
    const color = parse(getComputedStyle(element).backgroundColor);
    if (color.length < 4 || color[3] > 0.5) return color;
  }
  return [255, 255, 255];
}
const told = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !element.checkVisibility() || element.closest("svg, option, select")) continue;
  const style = getComputedStyle(element);
  const [a, b] = [light(parse(style.color)), light(behind(element))].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < (large ? 3 : 4.5)) told.push(element.tagName + " " + element.className + " " + ratio.toFixed(2) + " " + element.textContent.trim().slice(0, 30));
}

// What a screen reader needs: a name for every control, one h1, a language, headings in order, unique ids.
const name = (e) => (e.getAttribute("aria-label") || e.textContent || e.value || "").trim() || [...(e.labels || [])].map((l) => l.textContent.trim()).join("");
for (const e of document.querySelectorAll("a[href], button")) if (!name(e)) told.push("no name: " + e.outerHTML.slice(0, 80));
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (!e.getAttribute("aria-label") && !(e.labels && e.labels.length)) told.push("no label: " + e.outerHTML.slice(0, 80));
if (document.querySelectorAll("h1").length !== 1) told.push("h1: " + document.querySelectorAll("h1").length);
if (!document.documentElement.lang) told.push("no language");
if (document.querySelectorAll("main").length !== 1) told.push("main");
let last = 1;
for (const e of document.querySelectorAll("h1, h2, h3, h4")) { const level = +e.tagName[1]; if (level > last + 1) told.push("heading " + e.textContent); last = level; }
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) told.push("id twice: " + id);
for (const e of document.querySelectorAll("img:not([alt]), svg:not([aria-label])"))
  if (!e.closest("[aria-hidden=true]")) told.push("picture without words");
return told;
