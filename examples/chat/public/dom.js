// The few lines that stand between this page and the DOM.

/**
 * The element of the page that carries the attribute. A page without it is a mistake in the HTML.
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
 * Puts the cursor into a field of a page that was just opened, but not on a touch screen, where a keyboard would cover
 * half of the page before anybody has seen it.
 *
 * @param {HTMLElement} field
 */
export function startIn(field) {
  if (matchMedia('(hover: hover)').matches) field.focus()
}

/**
 * A new element. Strings become text, never HTML: what people write cannot become part of the page.
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
