/** Elements, icons and dialogs. Whatever people write goes in as text, never as markup. */

const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  redo: "M12 5V1L7 6l5 5V7a6 6 0 1 1-6 6H4a8 8 0 1 0 8-8z",
  more: "M5 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4zm7 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4zm7 0a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  lock: "M17 9V7A5 5 0 0 0 7 7v2H5v12h14V9zm-8 0V7a3 3 0 0 1 6 0v2z",
  undo: "M8 5 3 10l5 5v-3.5h6a3.75 3.75 0 0 1 0 7.5h-4V21h4a5.75 5.75 0 0 0 0-11.5H8z",
  again: "M16 5l5 5-5 5v-3.5h-6a3.75 3.75 0 0 0 0 7.5h4V21h-4a5.75 5.75 0 0 1 0-11.5h6z",
  theme: "M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19zm0 17a7.5 7.5 0 0 1 0-15z",
};

/**
 * An element: h("button", {class: "quiet", onclick: f, "aria-label": "…"}, "text", child).
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, any>} props @param {...any} children nothing comes of null, undefined and false
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with a sign and a name for those who don't see it. */
export function signButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "sign", "aria-label": label, title: label, "data-sign": name, onclick, ...props }, icon(name));
}

/** Another sign or name for it; nothing is touched that is so already, since hundreds are drawn again at every change. */
export function setSign(button, name, label) {
  if (button.dataset.sign !== name) {
    button.replaceChildren(icon(name));
    button.dataset.sign = name;
  }
  if (button.title === label) return;
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** What has the cursor. */
export const focused = () => /** @type {HTMLElement | null} */ (document.activeElement);

/** Set an attribute, if it is another. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** A field with its label: field("Speed", input) . */
export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint ? h("small", {}, hint) : null);
}

/** A modal dialog; resolves to what `close(value)` was given, or undefined. `fill(close)` gives its content. */
export function dialog(root, title, fill) {
  return new Promise((resolve) => {
    let given;
    const id = `d${Math.random().toString(36).slice(2)}`;
    const box = h("dialog", { class: "box", "aria-labelledby": id });
    const close = (value) => {
      given = value;
      box.close();
    };
    box.append(
      h(
        "div",
        { class: "box-head" },
        h("h2", { id }, title),
        h("button", { type: "button", class: "quiet", onclick: () => close(), "aria-label": "Close" }, "Close"),
      ),
      ...[fill(close)].flat(),
    );
    box.addEventListener("close", () => {
      box.remove();
      resolve(given);
    });
    root.append(box);
    box.showModal();
  });
}

/**
 * Ask for a line of text; undefined where it is left. `rule` is what it has to match, `hint` says so in words.
 * @param {HTMLElement} root @param {string} title @param {string} label @param {string} value @param {string} action
 * @param {{rule?: string, hint?: string}} how @returns {Promise<string | undefined>}
 */
export function askText(root, title, label, value, action, { rule, hint } = {}) {
  return dialog(root, title, (close) => {
    const input = h("input", { type: "text", value, required: true, maxlength: 64, autofocus: true, pattern: rule, title: hint });
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          close(input.value.trim());
        },
      },
      field(label, input, hint),
      h("div", { class: "actions" }, h("button", { class: "main" }, action)),
    );
    return form;
  });
}

/** 83.4 -> "1:23". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "about 8 s", "about 2 min". */
export function roughly(seconds) {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  return `about ${Math.round(seconds / 60)} min`;
}

/** Save a file of the server's under a name. */
export function saveAs(url, name) {
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
