import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../src/errors/codes.ts'
import { TidewayError } from '../../src/errors/tideway-error.ts'

const root = new URL('../../../../', import.meta.url)

describe('docs/reference/errors.md', () => {
  it('lists the codes of the code, all of them and no other, each with its situation and what to do', async () => {
    const page = await readFile(new URL('docs/reference/errors.md', root), 'utf8')
    const sections = page.split(/^### `/m).slice(1)
    const entries = sections.map((section) => {
      const [, code, situation, advice] = /^(\w+)`\n\n(.+)\n\n(.+)\n/.exec(section) ?? []
      expect(advice?.length).toBeGreaterThan(20)
      return [code!, situation!] as const
    })
    expect(entries).toHaveLength(Object.keys(errorCodes).length)
    expect(Object.fromEntries(entries)).toEqual(errorCodes)
  })
})

describe('the list of codes', () => {
  it('has no code that nothing throws', async () => {
    const folders = ['packages/tideway/src', 'packages/redis/src'].map((folder) => fileURLToPath(new URL(folder, root)))
    const all = (await Promise.all(folders.map(sourceOf))).join('\n')
    expect(Object.keys(errorCodes).filter((code) => !all.includes(`'${code}'`))).toEqual([])
  })
})

describe('TidewayError', () => {
  it('has its code, its message and its cause', () => {
    const cause = new Error('the cause')
    const error = new TidewayError('ERR_NO_ROUTE', 'No route.', { cause })
    expect(error).toBeInstanceOf(Error)
    const { name, code, message } = error
    expect([name, code, message, error.cause]).toEqual(['TidewayError', 'ERR_NO_ROUTE', 'No route.', cause])
  })
})

/** The text of all files in a folder but the list itself. */
async function sourceOf(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true })
  const files = names.filter((name) => name.endsWith('.ts') && name !== join('errors', 'codes.ts'))
  return (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('\n')
}
