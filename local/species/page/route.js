// The page of the species demo: a picture in, the route that it took out.

const element = (id) => document.getElementById(id);
let asked = 0;

/** Ask the API by way of the demo, which signs the request as the application. */
async function recognize(picture) {
  const response = await fetch("/recognize", { method: "POST", body: picture, headers: { "Content-Type": picture.type || "application/octet-stream" } });
  const answer = await response.json();
  return { status: response.status, again: response.headers.get("Retry-After"), ...answer };
}

async function show(picture) {
  const number = (asked += 1);
  const image = element("picture");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(picture);
  image.alt = picture.name || "the picture";
  image.hidden = false;
  element("hint").hidden = true;
  element("answer").replaceChildren(text("p", "Asking …", "soft"));
  let parts;
  try {
    parts = told(await recognize(picture));
  } catch {
    parts = [text("p", "The demo does not answer: is it still running?", "note")];
  }
  // Of two pictures dropped one after the other, the last one counts.
  if (number === asked) element("answer").replaceChildren(...parts);
}

function told(answer) {
  if (answer.status !== 200) {
    const again = answer.again ? ` Try again in ${answer.again} seconds.` : "";
    return [text("p", `${answer.message}.${again}`, "note")];
  }
  const names = { species: answer.name, group: `${answer.name}, but which?`, none: "Not sure" };
  const list = document.createElement("ol");
  list.append(...answer.path.map(step));
  const notes = [answer.refused, answer.degraded && `${answer.degraded.model}: ${answer.degraded.reason}`];
  return [text("h2", names[answer.level]), list, ...notes.filter(Boolean).map((note) => text("p", note, "note"))];
}

function step({ model, sure, labels }) {
  const item = document.createElement("li");
  item.className = sure ? "step" : "step unsure";
  const head = document.createElement("h3");
  head.append(text("span", model), text("span", sure ? "sure" : "not sure"));
  const scores = document.createElement("dl");
  for (const { label, score } of labels) {
    const bar = document.createElement("dd");
    bar.className = "bar";
    const filled = document.createElement("i");
    filled.style.width = `${100 * score}%`;
    bar.append(filled);
    scores.append(text("dt", label), bar, text("dd", score.toFixed(2), "score"));
  }
  item.append(head, scores);
  return item;
}

function text(name, words, style = "") {
  const made = document.createElement(name);
  made.textContent = words;
  if (style) made.className = style;
  return made;
}

async function sample(address) {
  const response = await fetch(address);
  const picture = await response.blob();
  await show(new File([picture], address.split("/").pop(), { type: picture.type }));
}

async function offer() {
  const samples = await (await fetch("/samples.json")).json();
  element("samples").replaceChildren(
    ...samples.map((address) => {
      const button = document.createElement("button");
      button.type = "button";
      const image = document.createElement("img");
      image.src = address;
      image.alt = "a picture to try";
      button.append(image);
      button.addEventListener("click", () => sample(address));
      return button;
    }),
  );
}

const drop = element("drop");
element("file").addEventListener("change", (event) => event.target.files[0] && show(event.target.files[0]));
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) show(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => event.clipboardData.files[0] && show(event.clipboardData.files[0]));
offer();
