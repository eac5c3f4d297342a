/** Puts a text into a page, between two lines of it. */
export function betweenMarks(page: string, first: string, last: string, text: string): string {
  const begin = page.indexOf(first)
  const end = page.indexOf(last)
  if (begin < 0 || end < begin) throw new Error(`The page has no place for figures: the lines ${first} and ${last}.`)
  return `${page.slice(0, begin + first.length)}\n\n${text}\n\n${page.slice(end)}`
}

export function tableText(
  head: readonly string[],
  align: readonly string[],
  lines: readonly (readonly string[])[],
): string {
  return [head, align, ...lines].map((cells) => `| ${cells.map(cellText).join(' | ')} |`).join('\n')
}

/** A line break or a bar in a text would end a cell. */
export function cellText(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
