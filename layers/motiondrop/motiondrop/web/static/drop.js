"use strict";
const base = document.body.dataset.base;
const facts = JSON.parse(document.body.dataset.facts);
const [form, picker, chosen, settings, price, consent, problem, list] = [
  "drop", "files", "chosen", "settings", "price", "consent", "problem", "list",
].map((id) => document.getElementById(id));
const items = []; // what is chosen: {file, kind, seconds, start, end, line, bar, said, done}
let busy = false;

const kindOf = (name) => {
  const extension = name.includes(".") ? name.split(".").pop().toLowerCase() : "";
  return Object.keys(facts.extensions).find((kind) => facts.extensions[kind].includes(extension));
};
const element = (tag, text, parent) => {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  parent?.append(made);
  return made;
};

function choose(files) {
  for (const file of files) {
    const kind = kindOf(file.name);
    const line = element("li", "", chosen);
    const item = { file, kind, line };
    if (kind) preview(item);
    element("div", file.name, line);
    item.said = element("div", "", line);
    item.bar = element("progress", "", line);
    item.bar.max = 100;
    item.bar.value = 0;
    item.bar.hidden = true;
    item.bar.setAttribute("aria-label", "Upload of " + file.name);
    const most = facts.most[kind];
    if (!kind) refuse(item, "This file type is not supported. Export it as JPG or PNG (image) or MP4 (video).");
    else if (!file.size) refuse(item, "This file is empty. Choose another one.");
    else if (file.size > most) refuse(item, "This file is larger than " + most / 1e6 + " MB. Export it again as a smaller file.");
    const drop = element("button", "Remove", line);
    drop.type = "button";
    drop.className = "quiet";
    drop.addEventListener("click", () => leaveOut(item));
    items.push(item);
  }
  picker.value = "";
  show();
}

function leaveOut(item) {
  items.splice(items.indexOf(item), 1);
  item.line.remove();
  show();
}

function refuse(item, why) {
  item.bad = why;
  item.said.textContent = why;
  item.said.className = "bad";
}

function preview(item) {
  const made = element(item.kind === "image" ? "img" : "video", "", item.line);
  made.src = URL.createObjectURL(item.file);
  if (item.kind === "image") {
    made.alt = item.file.name;
    made.addEventListener("load", () => {
      if (Math.min(made.naturalWidth, made.naturalHeight) < facts.side) {
        refuse(item, "This image is " + made.naturalWidth + " x " + made.naturalHeight + " pixels. It needs at least " + facts.side + " pixels on each side.");
        show();
      }
    });
    made.addEventListener("error", () => made.remove()); // a HEIC, perhaps: it is converted all the same
    return;
  }
  made.muted = made.playsInline = made.controls = true;
  made.setAttribute("aria-label", item.file.name);
  made.addEventListener("error", () => made.remove());
  made.addEventListener("loadedmetadata", () => {
    if (!Number.isFinite(made.duration)) return;
    item.seconds = made.duration;
    const [least, most] = facts.seconds;
    if (item.seconds < least) refuse(item, "This video is " + item.seconds.toFixed(1) + " seconds long. It must be at least " + least + " seconds long.");
    if (item.seconds > most + 0.05) askForPart(item, most);
    show();
  });
}

function askForPart(item, most) {
  [item.start, item.end] = [0, most];
  element("div", "This video is longer than " + most + " seconds. Choose the part to use:", item.line);
  for (const [name, value] of [["start", 0], ["end", most]]) {
    const label = element("label", name === "start" ? "Start (seconds) " : "End (seconds) ", item.line);
    const input = element("input", "", label);
    Object.assign(input, { type: "number", min: 0, max: Math.floor(item.seconds), step: 1, value });
    input.addEventListener("input", () => { item[name] = Number(input.value); show(); });
  }
}

const lengthOf = (item) => (item.end === undefined ? item.seconds : item.end - item.start);

function partProblem(item) {
  if (item.end === undefined) return "";
  const length = lengthOf(item);
  const [least, most] = facts.seconds;
  if (item.end > item.seconds) {
    const last = Math.floor(item.seconds);
    return item.file.name + " is only " + item.seconds.toFixed(1).replace(".0", "") + " seconds long. Set the end to " + last + " seconds or less.";
  }
  return length >= least && length <= most && item.start >= 0 ? "" : "For " + item.file.name + ", choose a start and an end that are " + least + " to " + most + " seconds apart.";
}

function show() {
  const good = items.filter((item) => !item.bad && !item.done);
  settings.hidden = !good.length;
  const mode = form.elements.mode.value;
  const pictures = good.filter((item) => item.kind === "image");
  const clips = good.filter((item) => item.kind === "video");
  const seconds = clips.reduce((sum, item) => sum + (lengthOf(item) || 0), 0);
  const known = clips.every((item) => item.seconds !== undefined);
  const total = clips.length === 1 ? seconds * Math.max(1, pictures.length) : seconds;
  if (!clips.length) price.textContent = "Add a video to see the price.";
  else if (known) price.textContent = "About $" + (total * facts.prices[mode]).toFixed(2) + " for " + total.toFixed(1) + " seconds of animation";
  else price.textContent = "The price appears in the list below once the video has been uploaded and checked. If the price is too high, you can cancel the animation there before it is sent to the animation service.";
  document.getElementById("upload").disabled = busy;
}

async function post(path, body) {
  const answer = await fetch(base + "/" + path, { method: "POST", body: JSON.stringify(body) });
  const said = await answer.json().catch(() => ({}));
  if (answer.status >= 429) throw new Error("interrupted");
  if (!answer.ok) throw new Error(said.error || "Something went wrong. Try again.");
  return said;
}

const put = (item, upload) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  request.open("PUT", upload.url);
  for (const [name, value] of Object.entries(upload.headers)) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => { item.bar.value = (100 * event.loaded) / event.total; });
  request.addEventListener("load", () => resolve(request.status));
  request.addEventListener("error", () => reject(new Error("interrupted")));
  request.send(item.file);
});

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function send(item, replace = false) {
  item.bar.hidden = false;
  const trim = item.end === undefined ? undefined : item.start + "-" + item.end;
  for (let attempt = 1; ; attempt += 1) {
    let status = 0;
    try {
      const upload = await post("upload", { name: item.file.name, size: item.file.size, mode: form.elements.mode.value, trim, replace });
      status = await put(item, upload);
    } catch (error) {
      if (error.message !== "interrupted" && !(error instanceof TypeError)) return refuse(item, error.message);
    }
    if (status === 200) {
      item.done = true;
      item.said.textContent = "Uploaded";
      item.bar.value = 100;
      return undefined;
    }
    if (status === 412) return askToReplace(item, attempt > 1);
    if (attempt > 30) return refuse(item, "The upload keeps failing. Try again later.");
    item.said.textContent = "The upload was interrupted and is starting again…";
    item.bar.value = 0;
    await pause(Math.min(15, attempt));
  }
}

function askToReplace(item, again) {
  item.said.textContent = again
    ? "This folder now has a file with this name. Look at it in the list below. If it is your new file, the upload worked and you are done. If it is an older file, replace it."
    : "This folder already has a file with this name.";
  const button = element("button", "Replace it", item.line);
  button.type = "button";
  button.className = "quiet";
  button.addEventListener("click", () => { button.remove(); send(item, true).then(refresh); });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const parts = items.map(partProblem).find(Boolean);
  problem.textContent = parts || (consent.checked ? "" : "Please confirm that you have permission to use the likeness of the people in the image and the video.");
  if (problem.textContent || busy) return;
  busy = true;
  show();
  for (const item of items.filter((one) => !one.bad && !one.done)) await send(item);
  busy = false;
  for (const item of items.filter((one) => one.done)) leaveOut(item);
  show();
  refresh();
});
form.addEventListener("change", show);
picker.addEventListener("change", () => choose(picker.files));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.toggle("over", name === "dragover");
    if (name === "drop") choose(event.dataTransfer.files);
  });
}

for (const time of document.querySelectorAll("time")) {
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  time.textContent = local.format(new Date(time.dateTime));
}

// The list: only what has changed is put in place of what was, so that a video goes on playing.
async function refresh() {
  let text;
  try {
    const answer = await fetch(base + "/list");
    if (!answer.ok) return;
    text = await answer.text();
  } catch {
    return; // out of reach at the moment: the next look may do better
  }
  const said = new DOMParser().parseFromString(text, "text/html");
  list.querySelector(".facts").replaceWith(said.querySelector(".facts"));
  const fresh = said.querySelector(".entries");
  const entries = list.querySelector(".entries");
  const old = new Map([...entries.children].map((one) => [one.dataset.id, one]));
  let at = entries.firstElementChild;
  for (const one of [...fresh.children].map(mark)) {
    const before = old.get(one.dataset.id);
    const kept = before?.dataset.as === one.dataset.as ? before : one;
    if (kept === at) {
      at = at.nextElementSibling;
      continue;
    }
    entries.insertBefore(kept, at);
    if (before && before !== kept) {
      if (before === at) at = at.nextElementSibling;
      before.remove();
    }
  }
  while (at) {
    const gone = at;
    at = at.nextElementSibling;
    gone.remove();
  }
}
function mark(one) {
  one.dataset.as = one.outerHTML;
  return one;
}
for (const one of list.querySelector(".entries").children) mark(one);
list.addEventListener("click", async (event) => {
  const link = event.target.dataset?.copy;
  if (link) {
    const copied = event.target.nextElementSibling;
    copied.textContent = await navigator.clipboard.writeText(link).then(() => "Copied", () => link);
    return;
  }
  const name = event.target.dataset?.remove;
  if (!name) return;
  event.target.disabled = true;
  try {
    await post("remove", { name });
  } catch (error) {
    problem.textContent = error.message;
  }
  await pause(1);
  refresh();
});
// Every 15 s while something is on its way, as the provider is asked; every minute while all is over.
let ticks = 0;
setInterval(() => {
  ticks += 1;
  const moving = list.querySelector(".waiting, .working");
  if (!document.hidden && (moving || ticks % 4 === 0)) refresh();
}, 15000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
