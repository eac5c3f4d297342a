import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { packageFolderOf, SourceWatch } from '../../src/cli/reload/source-watch.ts'
import { eventually } from '../server/serving.ts'
import { Command } from './command.ts'

/** Where what is in it finds the same packages as this file. */
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))

async function folderIn(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'tideway-reload-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('tideway serve --reload', () => {
  it('serves the present code, closes WebSockets with 1012, and serves the last good version while the code is broken', async () => {
    const folder = await folderIn(cache)
    // In one step: what is read in between would be no module.
    const write = async (name: string, ...lines: string[]): Promise<void> => {
      const unfinished = join(folder, `${name}.unfinished`)
      await writeFile(unfinished, lines.map((line) => `${line}\n`).join(''))
      await rename(unfinished, join(folder, name))
    }
    await write('package.json', '{ "type": "module" }')
    await write('greeting.ts', "export const greeting: string = 'one'")
    await write(
      'application.ts',
      "import { defineApplication, fetchHandler, originValidator, WebSocketConsumer } from 'tideway'",
      "import { greeting } from './greeting.ts'",
      'export default defineApplication({',
      '  http: fetchHandler(() => new Response(greeting)),',
      "  websocket: originValidator(class extends WebSocketConsumer<{}, {}> {}.asApplication(), ['*']),",
      '})',
    )
    const command = new Command(['serve', join(folder, 'application.ts'), '--port', '0', '--reload'])
    const url = await command.url()
    const text = async (): Promise<string> => (await fetch(url)).text()
    const client = new WebSocket(url.replace('http', 'ws'))
    await once(client, 'open')
    const closed = once(client, 'close')

    await write('greeting.ts', "export const greeting: string = 'two'")
    const [code, reason] = (await closed) as [number, Buffer]
    expect(`${code} ${reason.toString()}`).toBe('1012 server restart, spread=0')
    await command.says(/greeting\.ts changed\./)
    expect(await text()).toBe('two')

    await write('greeting.ts', 'export const greeting: string = (')
    await command.says(/Still serving the previous version\. Waiting for changes…/)
    expect(command.output).toMatch(/greeting\.ts/)
    expect(await text()).toBe('two')

    await write('greeting.ts', "export const greeting: string = 'three'")
    await command.says(/Waiting for changes…\n[^]*Listening on/)
    // A connection that was kept goes to the code before for a moment.
    await expect.poll(text).toBe('three')
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })

  it('waits for a change if the JavaScript file is broken at the start', async () => {
    const folder = await folderIn(cache)
    const file = join(folder, 'application.js')
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
    await writeFile(file, "throw new Error('not yet')\n")
    const command = new Command(['serve', file, '--port', '0', '--reload'])
    await command.says(/Error: not yet[^]*Waiting for changes…/)
    await writeFile(file, 'export default async function application() {}\n')
    await command.url()
    command.process.kill('SIGINT')
    expect(await command.exitCode()).toBe(0)
  })
})

describe('the watch of the sources', () => {
  async function watched(): Promise<{ folder: string; told: string[][] }> {
    const folder = await folderIn(tmpdir())
    for (const name of ['src', 'node_modules', '.git']) await mkdir(join(folder, name))
    const told: string[][] = []
    const sources = await SourceWatch.start(folder, (files) => told.push([...files].toSorted()))
    onTestFinished(() => sources.close())
    return { folder, told }
  }

  it('reports changes at the same time once', async () => {
    const { folder, told } = await watched()
    // In one turn: on a machine that is busy there may be a moment between two.
    for (const name of ['a.ts', 'b.mjs', 'c.tsx']) writeFileSync(join(folder, 'src', name), '')
    await eventually(() => told).toEqual([['src/a.ts', 'src/b.mjs', 'src/c.tsx']])
  })

  it('ignores packages, hidden files and files that are not sources', async () => {
    const { folder, told } = await watched()
    for (const name of ['node_modules/a.js', '.git/a.js', '.a.swp.ts', 'data.json', 'a.db']) {
      await writeFile(join(folder, name), '')
    }
    await writeFile(join(folder, 'last.js'), '')
    await eventually(() => told).toEqual([['last.js']])
  })

  it('reports new folders and removed files', async () => {
    const { folder, told } = await watched()
    await mkdir(join(folder, 'new', 'deep'), { recursive: true })
    await writeFile(join(folder, 'new', 'deep', 'a.ts'), '')
    await eventually(() => told).toEqual([['new/deep/a.ts']])
    told.length = 0
    await rm(join(folder, 'new'), { recursive: true })
    await eventually(() => told).toEqual([['new/deep/a.ts']])
    await mkdir(join(folder, 'new'))
    await writeFile(join(folder, 'new', 'b.ts'), '')
    await eventually(() => told.at(-1)).toEqual(['new/b.ts'])
  })

  it('starts at the folder of the package', async () => {
    const { folder } = await watched()
    await writeFile(join(folder, 'package.json'), '{}')
    expect(packageFolderOf(join(folder, 'src', 'application.ts'))).toBe(folder)
  })

  it('rejects for a folder that cannot be watched', async () => {
    const missing = SourceWatch.start('/no/such/folder', vi.fn())
    await expect(missing).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })
})
