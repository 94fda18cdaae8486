// Reorders the queue by dragging a job's handle, with mouse or touch.

const EDGE_PX = 70, SCROLL_PX = 14;

/** Make the cards of a list draggable; `done(job, before)` is called after a drop (`before` is null for the end). */
export function dragging(element, done) {
  element.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-act=handle]");
    if (!handle || event.button) return;
    const card = handle.closest("[data-job]"), from = event.clientY + scrollY;
    const others = [...card.parentElement.children].filter((each) => each !== card);
    const old = card.nextElementSibling;
    let before = old, moved = false;
    const move = ({ clientY }) => {
      moved ||= Math.abs(clientY + scrollY - from) > 4;
      if (!moved) return;
      card.classList.add("dragged");
      card.style.transform = `translateY(${clientY + scrollY - from}px)`;
      before = others.find((each) => clientY < middle(each)) ?? null;
      mark(others, before);
      if (clientY < EDGE_PX) scrollBy(0, -SCROLL_PX);
      if (clientY > innerHeight - EDGE_PX) scrollBy(0, SCROLL_PX);
    };
    const end = ({ type }) => {
      for (const kind of ["pointermove", "pointerup", "pointercancel"]) handle.removeEventListener(kind, kind === "pointermove" ? move : end);
      card.classList.remove("dragged");
      card.style.transform = "";
      mark(others);
      element.dragged = false;
      if (moved && type === "pointerup" && before !== old) done(card.dataset.job, before?.dataset.job ?? null);
    };
    handle.setPointerCapture(event.pointerId);
    element.dragged = true;
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  });
}

function middle(card) {
  const { top, height } = card.getBoundingClientRect();
  return top + height / 2;
}

function mark(others, before) {
  for (const each of others) {
    each.classList.toggle("drop-before", each === before);
    each.classList.toggle("drop-after", before === null && each === others.at(-1));
  }
}
