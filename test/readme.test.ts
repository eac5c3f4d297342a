import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

import { filesBelow, read, root } from './architecture/source-files.ts'
import { startProgram } from './setup/child-process.ts'

describe('the program in README.md', () => {
  const [consumers, application] = [...read('README.md').matchAll(/```ts.*\n([\s\S]*?)```/g)].map(([, code]) => code!)
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-readme-'))
    const compilerOptions = { rootDir: '/', noEmit: true, composite: false, incremental: false }
    const rest = { allowImportingTsExtensions: true, isolatedDeclarations: false, declarationMap: false }
    const tsconfig = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: { ...compilerOptions, ...rest, declaration: false },
    }
    await mkdir(join(folder, 'chat'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    await writeFile(join(folder, 'chat/consumers.ts'), consumers!)
    await writeFile(join(folder, 'application.ts'), application!)
  })

  afterAll(() => rm(folder, { recursive: true }))

  it('begins with the consumer of the example', () => {
    expect(consumers).toBe(read('examples/chat/src/chat/consumers.ts'))
  })

  it('compiles in the strict settings', async () => {
    const tsc = join(root, 'node_modules/.bin/tsc')
    const failure = await promisify(execFile)(tsc, ['-p', folder]).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    expect(failure).toBe('')
  })

  it('chats', async () => {
    const args = ['packages/tideway/src/cli/main.ts', 'serve', join(folder, 'application.ts'), '--port=0']
    const server = await startProgram(process.execPath, ['--conditions=@tideway/source', '--import=tsx', ...args], {
      cwd: root,
      ready: /http:\/\/(127\.0\.0\.1:\d+)/,
    })
    try {
      const host = server.readyMatch![1]!
      const client = new WebSocket(`ws://${host}/ws/chat/lobby/`, { origin: `http://${host}` })
      await once(client, 'open')
      client.send(JSON.stringify({ message: 'Hello' }))
      const [answer] = (await once(client, 'message')) as [Buffer]
      expect(JSON.parse(answer.toString())).toEqual({ message: 'Hello', user: '' })
    } finally {
      await server.stop()
    }
  })
})

describe('the pages', () => {
  const pages = [...filesBelow(['docs', 'examples', 'packages', 'bench'], /\.md$/)]
  const all = [...pages, 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']

  it.each(all)('%s links to what is there', (page) => {
    const text = read(page).replaceAll(/```[\s\S]*?```/g, '')
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
    const broken = links.filter((target) => !/^(https?|mailto):/.test(target) && !leadsSomewhere(page, target))
    expect(broken).toEqual([])
  })

  it.each(['docs/ko/', 'docs/'])('of %s are all on the list of its README.md', (folder) => {
    const list = read(`${folder}README.md`)
    const listed = pages.filter((page) => page.startsWith(folder) && page !== `${folder}README.md`)
    const unlisted = listed.filter((page) => !list.includes(`(${page.replace(folder, '')})`))
    expect(unlisted.filter((page) => folder === 'docs/ko/' || !page.startsWith('docs/ko/'))).toEqual([])
  })
})

/** Whether a link of a page leads to a file, and to a heading in it where it names one. */
function leadsSomewhere(page: string, target: string): boolean {
  const [path, anchor] = target.split('#')
  const file = path === '' ? page : join(dirname(page), path!)
  if (!existsSync(join(root, file))) return false
  if (anchor === undefined) return true
  const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slugOf(heading!))
  return headings.includes(anchor)
}

/** The anchor that GitHub gives a heading. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')
}
