// Counts and draws words. Both functions block, so `tasks.ts` runs them in threads.

/** A word and its frequency. */
export type WordCount = [word: string, count: number]

/** The minimum time per part. Counting the words of a room takes milliseconds, so this simulates slow work. */
const PIECE_MS = 120
/** The maximum number of words in a picture. */
const DRAWN = 12
const LONGEST_WORD = 28

const LINK = /https?:\/\/\S+/g
/** Short words of these scripts are mostly articles and similar words. */
const SHORT = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]{1,3}$/u
const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' })
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Counts each word in these texts. Skips commands such as `/report`. */
export function countWords(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const text of texts) {
    if (text.trimStart().startsWith('/')) continue
    for (const { segment, isWordLike } of segmenter.segment(text.replace(LINK, ' '))) {
      const word = segment.toLowerCase()
      if (isWordLike === true && !SHORT.test(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
    }
  }
  // Blocks this thread, as real work would do.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIECE_MS)
  return counts
}

/** Returns the most frequent words and a picture of them. `null` instead of a picture if there are no words. */
export function drawWords(counts: ReadonlyMap<string, number>): { words: WordCount[]; svg: string | null } {
  const words = [...counts]
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, DRAWN)
    .map(([word, count]): WordCount => [shortened(word), count])
  return { words, svg: words.length === 0 ? null : drawing(words) }
}

const WIDTH = 360
const ROW = 34

function drawing(words: readonly WordCount[]): string {
  const most = words[0]![1]
  const rows = words.map(([word, count], row) => {
    const y = row * ROW
    const width = Math.max(8, Math.round((WIDTH * count) / most))
    return `<text x="0" y="${y + 14}">${escaped(word)}</text>
<text class="count" x="${WIDTH}" y="${y + 14}">${count}</text>
<rect y="${y + 20}" width="${width}" height="8" rx="4"/>`
  })
  const height = words.length * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>
text { font: 14px system-ui, sans-serif; fill: #17211f }
.count { text-anchor: end; fill: #566663 }
rect { fill: #0d6e6a }
@media (prefers-color-scheme: dark) { text { fill: #e6edeb } .count { fill: #9aaba7 } rect { fill: #6fcfc6 } }
</style>
${rows.join('\n')}
</svg>
`
}

function shortened(word: string): string {
  const characters = Array.from(graphemes.segment(word), ({ segment }) => segment)
  return characters.length > LONGEST_WORD ? `${characters.slice(0, LONGEST_WORD - 1).join('')}…` : word
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
