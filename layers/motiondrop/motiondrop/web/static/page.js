"use strict";
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
    video.src = link + "&again=" + asked;
    video.load();
  });
}
// A job that has not ended: look whether it has moved, and show that.
const state = document.body.dataset.open;
if (state) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "application/json" } });
      if (answer.ok && (await answer.json()).state !== state) location.reload();
    } catch {
      // Out of reach at the moment: the next look may do better.
    }
  }, 10000);
}
