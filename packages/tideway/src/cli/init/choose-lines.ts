/** `// @if session token+react`, also in the comments of HTML, Markdown and JSX. */
const directive = /^\s*(?:\/\/|<!--|\{\/\*) @(if|unless|end)\b ?([a-z+ -]*?)(?: -->| \*\/\})?$/

/**
 * Returns a template without the lines that are not for these words. A line `@if a b+c` begins lines for `a`, or for `b` and `c`
 * together, `@unless` begins lines for the opposite, and `@end` lines for all.
 */
export function chooseLines(template: string, words: ReadonlySet<string>): string {
  let isChosen = true
  const lines = template.split('\n').filter((line) => {
    const [, keyword, condition = ''] = directive.exec(line) ?? []
    if (keyword === undefined) return isChosen
    const holds = condition.split(' ').some((all) => all.split('+').every((word) => words.has(word)))
    isChosen = keyword === 'end' || holds === (keyword === 'if')
    return false
  })
  return lines.join('\n')
}
