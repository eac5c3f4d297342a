import { describe, expect, it } from 'vitest'
import { drawFlowchart } from '../../docs/.vitepress/diagrams.ts'
import { codeBlocks, pages } from './markdown.ts'

/** How many groups of a class a drawing has. */
function countOf(kind: 'node' | 'edge', svg: string): number {
  return svg.split(`class="${kind}"`).length - 1
}

/** The words of a drawing, in any order. */
function wordsOf(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)</g)]
    .flatMap(([, text]) =>
      text!.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))).split(' '),
    )
    .toSorted()
}

describe('a diagram on the site', () => {
  it('has the nodes, labels and arrows of its source', () => {
    const svg = drawFlowchart(`flowchart LR
      one["the first <b>"] -- "by hand" --> two
      three
      two & three <--> store[("a store")]
      four -. "now and then" .-> store
    `)
    expect([countOf('node', svg), countOf('edge', svg)]).toEqual([5, 4])
    const words = [
      'the',
      'first',
      '&lt;b&gt;',
      'by',
      'hand',
      'two',
      'three',
      'four',
      'a',
      'store',
      'now',
      'and',
      'then',
    ]
    expect(wordsOf(svg)).toEqual(words.toSorted())
    expect(svg.split('stroke-dasharray').length - 1).toBe(1)
    // An arrow at each end of two edges, and at one end of the others.
    expect(svg.split('<polygon').length - 1).toBe(2 * 2 + 2)
  })

  it.each(['graph TD\n', 'flowchart LR\n  one --> two\n  one ==> two\n', 'flowchart LR\n  one{"a choice"}\n'])(
    'is refused, with the line, where it would not be drawn whole: %j',
    (source) => {
      const line = source.trim().split('\n').at(-1)!.trim()
      expect(() => drawFlowchart(source)).toThrow(line)
    },
  )

  it('is each that the pages have', async () => {
    const blocks = await Promise.all([...(await pages()), 'CONTRIBUTING.md'].map((page) => codeBlocks(page)))
    const diagrams = blocks.flat().filter(({ language }) => language === 'mermaid')
    expect(diagrams.length).toBeGreaterThanOrEqual(3)
    for (const { text } of diagrams) {
      const labels = [...text.matchAll(/"([^"]*)"/g)].flatMap(([, label]) => label!.split(' ').filter(Boolean))
      expect(wordsOf(drawFlowchart(text))).toEqual(expect.arrayContaining(labels))
    }
  })
})
