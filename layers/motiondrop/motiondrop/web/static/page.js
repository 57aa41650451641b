"use strict";
// The reader's own time zone.
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time")) {
  time.title = time.textContent;
  time.textContent = local.format(new Date(time.dateTime));
}
// The whole width or 72 % of the screen's height, whichever is reached first, in the video's own shape.
for (const video of document.querySelectorAll(".stage video[width]")) {
  video.style.width = `min(100%, calc(72vh * ${video.getAttribute("width")} / ${video.getAttribute("height")}))`;
  video.style.maxHeight = "none";
}
// The page's own links never die; what they lead to does, after an hour. A video that stops there asks its link again.
for (const video of document.querySelectorAll("video")) {
  const link = video.getAttribute("src");
  let asked = 0;
  let last = -Infinity;
  let playing = false; // by the time of an error the video itself says that it is paused
  video.addEventListener("play", () => { playing = true; });
  video.addEventListener("pause", () => { playing = false; });
  video.addEventListener("error", () => {
    if (performance.now() - last < 5000) return; // a new address that fails at once will not do better
    last = performance.now();
    const at = video.currentTime;
    const goOn = playing;
    video.addEventListener("loadedmetadata", () => {
      video.currentTime = at;
      if (goOn) video.play().catch(() => {});
    }, { once: true });
    asked += 1;
    video.src = `${link}${link.includes("?") ? "&" : "?"}again=${asked}`;
    video.load();
  });
}
const copy = document.getElementById("copy");
if (copy) {
  const copied = document.getElementById("copied");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      done = select(location.href); // no clipboard here, or it is not allowed
    }
    copied.textContent = done ? "Copied" : "Copy it from the address bar";
    setTimeout(() => { copied.textContent = ""; }, 4000);
  });
}
function select(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  copy.focus();
  return done;
}
// A job that has not ended: look whether it has moved, and show that.
const state = document.body.dataset.open;
if (state) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (fresh.body.dataset.open !== state) return location.reload();
      const [shown, news] = [document, fresh].map((page) => page.querySelector("[role=status]"));
      if (shown.textContent !== news.textContent) shown.replaceChildren(...news.childNodes);
    } catch {
      // Out of reach at the moment: the next look may do better.
    }
  }, 10000);
}
