// The form LAISSER UN COMMENTAIRE without a page load: ask Vigie, then tell the author what becomes of the comment.
// Plain JavaScript, no library. Words and markup stand in the page, in its <template> elements.

const FIELDS = ["name", "comment", "email", "url"];
const form = document.getElementById("comment-form");
const result = document.getElementById("result");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.ariaBusy === "true") return; // a second click must not send the comment twice
  const comment = { article: { ...form.dataset } };
  for (const name of FIELDS) comment[name] = form.elements[name].value;

  form.ariaBusy = "true";
  const { ok, answer } = await ask(comment);
  form.ariaBusy = "false";

  result.replaceChildren(ok ? panel(comment, answer) : "");
  showMessages(ok ? {} : answer);
  if (ok) result.scrollIntoView();
});

// Your own server may stand between the page and Vigie: it then sends the same body and passes the same answer on.
async function ask(comment) {
  try {
    const response = await fetch("/v1/comments", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(comment),
      signal: AbortSignal.timeout(5000),
    });
    return { ok: response.ok, answer: await response.json() };
  } catch {
    return { ok: false, answer: { detail: copyOf("unreachable").textContent.trim() } };
  }
}

// A problem says in `detail` what is wrong, and in `errors` which messages belong beside which field.
function showMessages({ detail = "", errors = {} }) {
  document.getElementById("form-message").textContent = detail;
  for (const name of FIELDS) {
    const messages = errors[name] ?? [];
    document.getElementById(`${name}-message`).textContent = messages.join(" ");
    form.elements[name].setAttribute("aria-invalid", messages.length > 0);
  }
  form.querySelector("[aria-invalid=true]")?.focus();
}

// `decision` is accept, hold or reject; the page has a template for each.
function panel(comment, judgement) {
  const shown = copyOf(judgement.decision);
  shown.querySelector(".author").textContent = comment.name;
  shown.querySelector(".text").append(...marked(comment.comment, judgement.reasons));
  shown.querySelector(".reasons").append(...judgement.reasons.map(ground));
  shown.querySelector(".model").textContent = judgement.model;
  shown.querySelector(".policy").textContent = judgement.policy;
  shown.querySelector(".answer").textContent = JSON.stringify(judgement, null, 2);
  return shown;
}

// A reason of the model has a score and the threshold that it reached; a reason of a rule has neither.
function ground({ message, decision, score, threshold }) {
  const shown = copyOf(score === null ? "reason-of-rule" : "reason-of-model");
  shown.querySelector(".message").textContent = message;
  shown.querySelector(".reason").classList.add(decision);
  if (score !== null) {
    const twoDigits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
    shown.querySelector(".score").textContent = score.toLocaleString("fr", twoDigits);
    shown.querySelector(".threshold").textContent = threshold.toLocaleString("fr", twoDigits);
    shown.querySelector(".bar-score").setAttribute("width", 100 * score);
    shown.querySelector(".bar-threshold").setAttribute("x", 100 * threshold);
  }
  return shown;
}

// Spans count Unicode code points and JavaScript counts UTF-16 units ("😀".length is 2): hence Array.from.
function marked(text, reasons) {
  const signs = Array.from(text);
  const pieces = [];
  let place = 0;
  for (const { begin, end } of reasons.flatMap((reason) => reason.spans).sort((a, b) => a.begin - b.begin)) {
    if (end <= place) continue;
    const mark = document.createElement("mark");
    mark.textContent = signs.slice(Math.max(place, begin), end).join("");
    pieces.push(signs.slice(place, begin).join(""), mark);
    place = end;
  }
  return [...pieces, signs.slice(place).join("")];
}

function copyOf(id) {
  return document.getElementById(id).content.cloneNode(true);
}
