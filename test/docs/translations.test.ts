import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { codeBlocks, pages, root } from './markdown.ts'

const KOREAN = 'docs/ko/'
const inDocs = (await pages())
  .filter((page) => page.startsWith(KOREAN))
  .map((korean) => ({ korean, english: korean.replace(KOREAN, 'docs/') }))
  // Its list of pages is its own.
  .filter(({ korean }) => korean !== `${KOREAN}README.md`)
const readmes = ['', 'examples/chat/'].map((folder) => ({
  korean: `${folder}README.ko.md`,
  english: `${folder}README.md`,
}))
const translated = [...inDocs, ...readmes]

/** The pages that a user needs. */
const needed = (await pages()).filter((page) =>
  /^docs\/((tutorial|guides|cookbook)\/|(index|get-started|concepts|faq|glossary|from-[^/]+)\.md)/.test(page),
)

/** The levels of the headings of a page, in order: `['#', '##', '##']`. */
async function outline(page: string): Promise<string[]> {
  const text = (await readFile(root + page, 'utf8')).replaceAll(/^```[\s\S]*?^```$/gm, '')
  return [...text.matchAll(/^(#+) /gm)].map(([, level]) => level!)
}

describe('the Korean page', () => {
  it('is there for every page that a user needs', () => {
    const missing = needed.filter((page) => !translated.some(({ english }) => english === page))
    expect(missing).toEqual([])
    expect(needed.length).toBeGreaterThan(50)
  })

  it.each(translated)('$korean has the code of $english, block by block', async ({ korean, english }) => {
    const withoutPlace = async (page: string): Promise<object[]> =>
      (await codeBlocks(page)).map(({ language, file, partOf, text }) => ({ language, file, partOf, text }))
    expect(await withoutPlace(korean)).toEqual(await withoutPlace(english))
  })

  it.each(translated)('$korean has the sections of $english', async ({ korean, english }) => {
    expect(await outline(korean)).toEqual(await outline(english))
  })

  it.each(translated)('$korean links to Korean pages where there are any', async ({ korean }) => {
    const text = await readFile(root + korean, 'utf8')
    const targets = [...text.matchAll(/\]\(([^)#\s]+\.md)[^)]*\)/g)].map(([, target]) => target!)
    const at = new URL(korean, 'file:///')
    const english = targets
      .map((target) => new URL(target, at).pathname.slice(1))
      .filter((path) => path.startsWith('docs/') && !path.startsWith(KOREAN) && path !== 'docs/README.md')
      .filter((path) => existsSync(root + path.replace('docs/', KOREAN)))
    expect(english).toEqual([])
  })
})
