import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

import { read, root } from './architecture/source-files.ts'
import { startProgram } from './setup/child-process.ts'
import { fromSources } from './setup/from-sources.ts'

describe('the programs in README.md', () => {
  const [short, consumers, application] = [...read('README.md').matchAll(/```ts.*\n([\s\S]*?)```/g)].map(
    ([, code]) => code!,
  )
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
    await writeFile(join(folder, 'short.ts'), short!)
    await writeFile(join(folder, 'chat/consumers.ts'), consumers!)
    await writeFile(join(folder, 'application.ts'), application!)
  })

  afterAll(() => rm(folder, { recursive: true }))

  it('include the consumer of the chat example', () => {
    expect(consumers).toBe(read('examples/chat/src/chat/consumers.ts'))
  })

  it('compile in the strict settings', async () => {
    const tsc = join(root, 'node_modules/.bin/tsc')
    const failure = await promisify(execFile)(tsc, ['-p', folder]).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    expect(failure).toBe('')
  })

  it.each([
    ['short.ts', '/ws/', 'Hello', 'Hello'],
    ['application.ts', '/ws/chat/lobby/', '{"message":"Hello"}', '{"message":"Hello","user":""}'],
  ])('%s on %s answers %s', async (file, path, message, expected) => {
    const args = ['packages/tideway/src/cli/main.ts', 'serve', join(folder, file), '--port=0']
    const server = await startProgram(process.execPath, [...fromSources, ...args], {
      cwd: root,
      ready: /http:\/\/(127\.0\.0\.1:\d+)/,
    })
    try {
      const host = server.readyMatch![1]!
      const client = new WebSocket(`ws://${host}${path}`, { origin: `http://${host}` })
      await once(client, 'open')
      client.send(message)
      const [answer] = (await once(client, 'message')) as [Buffer]
      expect(answer.toString()).toBe(expected)
    } finally {
      await server.stop()
    }
  })
})
