/** Counts the words of these texts. Blocks its thread for half a second more, to simulate real work. */
export function countWords(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of texts
    .join(' ')
    .toLowerCase()
    .match(/[\p{L}\d]+/gu) ?? []) {
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  return counts
}
