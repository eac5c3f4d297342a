/** Maximum edits between two names that count as a typing mistake. */
const MAX_EDITS = 2

/** Returns the name that differs from the wanted one by a typing mistake: an extra, missing or wrong letter, or its case. */
export function nearName(wanted: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let fewest = MAX_EDITS + 1
  for (const name of names) {
    const edits = name.toLowerCase() === wanted.toLowerCase() ? 1 : editsBetween(wanted, name)
    if (edits >= fewest) continue
    fewest = edits
    nearest = name
  }
  return nearest
}

/** The Levenshtein distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
