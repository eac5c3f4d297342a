// Small helpers for the DOM.

/**
 * Returns the element with the attribute. Throws if the page has none.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} attribute such as `data-log`
 * @returns {E}
 */
export function find(attribute) {
  const found = document.querySelector(`[${attribute}]`)
  if (found === null) throw new Error(`The page has no element with ${attribute}.`)
  return /** @type {E} */ (found)
}

/**
 * Focuses a field of a page that was just opened, but not on a touch screen, where a keyboard would cover
 * half of the page at once.
 *
 * @param {HTMLElement} field
 */
export function startIn(field) {
  if (matchMedia('(hover: hover)').matches) field.focus()
}

/**
 * Creates an element. Strings become text, never HTML, so messages cannot inject markup.
 *
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Readonly<Record<string, string>>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function element(name, attributes = {}, ...children) {
  const created = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value)
  created.append(...children)
  return created
}
