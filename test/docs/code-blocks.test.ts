import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { codeBlocks, outdented, pages, root, type CodeBlock } from './markdown.ts'

const found = await Promise.all((await pages()).map(codeBlocks))
const all: readonly CodeBlock[] = found.flat()
const recipes = (await pages()).filter((page) => page.startsWith('docs/cookbook/'))
const tutorial = all.filter(({ at }) => at.startsWith('docs/tutorial/'))

/** Whether the block, however it is indented, is a run of whole lines of the file. */
function isPartOf(block: string, file: string): boolean {
  const lines = file.split('\n')
  const wanted = outdented(block)
  const count = wanted.split('\n').length
  return lines.some((_, i) => outdented(lines.slice(i, i + count).join('\n')) === wanted)
}

describe('the code in the documentation', () => {
  it.each(all.filter(({ file }) => file !== undefined))('at $at is the file $file', async ({ file, text }) => {
    expect(text).toBe(await readFile(root + file, 'utf8'))
  })

  it.each(all.filter(({ partOf }) => partOf !== undefined))('at $at is a part of $partOf', async ({ partOf, text }) => {
    expect(isPartOf(text, await readFile(root + partOf, 'utf8')), `${text}\nis not in ${partOf}`).toBe(true)
  })

  it('of the tutorial comes from files, except commands and their output', () => {
    const loose = tutorial.filter(
      ({ file, partOf, language }) => (file ?? partOf) === undefined && !['sh', 'text'].includes(language),
    )
    expect(loose).toEqual([])
  })

  it.each(['docs/get-started.md', 'docs/guides/consumers.md', 'docs/from-channels.md', 'docs/from-ws.md', ...recipes])(
    'of %s is all cut from files that are compiled and run',
    (page) => {
      const ofPage = all.filter(({ at, language }) => at.startsWith(`${page}:`) && /^(tsx?|js|python)$/.test(language))
      expect(ofPage.filter(({ file, partOf }) => (file ?? partOf) === undefined)).toEqual([])
      expect(ofPage).not.toEqual([])
    },
  )

  it('of the tutorial is every file of its example', async () => {
    const parts = (await readdir(`${root}examples/tutorial`)).filter((name) => /^\d-/.test(name))
    // What the reader has at the end of a part: the files of that page and of those before it.
    const has = new Map<string, string>()
    for (const part of parts.sort()) {
      for (const { at, file, text } of tutorial) {
        if (at.startsWith(`docs/tutorial/${part}.md`)) has.set(file?.split('/').slice(3).join('/') ?? '', text)
      }
      has.delete('')
      const folder = `${root}examples/tutorial/${part}/`
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => `${parentPath}/${name}`)
      const names = files.map((file) => file.slice(folder.length).replace(/^\//, ''))
      const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
      expect(Object.fromEntries(names.map((name, i) => [name, texts[i]]))).toEqual(Object.fromEntries(has))
    }
  })
})
