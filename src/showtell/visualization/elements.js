// Small pieces that the page is made of. Text is only ever set as text, never as markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function percent(probability) {
  if (probability > 0 && probability < 0.005) return "under 1%";
  if (probability >= 0.995 && probability < 1) return "over 99%";
  return `${Math.round(100 * probability)}%`;
}

export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function say(text) {
  document.getElementById("status").textContent = text;
}
