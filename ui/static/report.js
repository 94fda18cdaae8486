// Shows a report inside the page, in a sandboxed frame without scripts, as tall as its content.

/** Create a frame with the report at this URL. */
export async function reportFrame(url, title) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const report = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const each of report.querySelectorAll("script, #files")) each.remove(); // its files are listed around it
  const frame = document.createElement("iframe");
  frame.title = title;
  // No allow-scripts: nothing in it runs. allow-same-origin lets this page measure its height.
  frame.setAttribute("sandbox", "allow-same-origin");
  frame.srcdoc = `<!doctype html>${report.documentElement.outerHTML}`;
  frame.addEventListener("load", () => {
    dress(frame);
    fit(frame);
  });
  return frame;
}

/** Apply this page's light or dark mode, whatever the system prefers. */
function dress(frame) {
  const dark = document.body.classList.contains("dark"), inside = frame.contentDocument;
  if (!inside) return;
  inside.documentElement.style.colorScheme = dark ? "dark" : "light";
  for (const sheet of inside.styleSheets)
    for (const rule of sheet.cssRules)
      if (rule.media?.mediaText.includes("prefers-color-scheme: dark")) rule.media.mediaText = dark ? "all" : "not all";
}

function fit(frame) {
  const inside = frame.contentDocument?.documentElement;
  if (!inside) return;
  const measure = () => (frame.style.height = `${inside.offsetHeight}px`);
  new ResizeObserver(measure).observe(inside);
  inside.addEventListener("toggle", measure, true);
  measure();
}
