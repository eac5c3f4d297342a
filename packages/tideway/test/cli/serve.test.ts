import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Command, fixture, fixtureSource } from './command.ts'

const hello = fixture('serve/application.ts')
const packageFolder = fileURLToPath(new URL('../..', import.meta.url))

async function opened(url: string): Promise<WebSocket> {
  const client = new WebSocket(url.replace('http', 'ws'))
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
  return client
}

/** Beside the real one, so that what is in it finds the same packages. */
let root: string

beforeAll(async () => {
  const parent = join(packageFolder, 'node_modules', '.cache')
  await mkdir(parent, { recursive: true })
  root = await mkdtemp(join(parent, 'tideway-cli-'))
})
afterAll(() => rm(root, { recursive: true }))

/** Writes an application of a few lines. */
async function file(name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(root, name)
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}

/** Makes a folder with this package.json. */
async function folder(name: string, manifest: object): Promise<string> {
  await mkdir(join(root, name), { recursive: true })
  await writeFile(join(root, name, 'package.json'), JSON.stringify({ type: 'module', ...manifest }))
  return join(root, name)
}

describe('tideway serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves a TypeScript file, and ends in order at %s', async (signal) => {
    const command = new Command(['serve', fixtureSource('serve/application.ts'), '--port', '0'])
    const url = await command.url()
    expect(new URL(url).hostname).toBe('127.0.0.1')
    expect(await (await fetch(`${url}/path`)).text()).toBe('hello from /path')
    const client = await opened(url)
    const code = new Promise<number>((resolve) => client.once('close', resolve))
    command.process.kill(signal)
    expect(await code).toBe(1012)
    expect(await command.exitCode()).toBe(0)
    expect(command.output.split('\n').slice(1)).toEqual([
      'Shutting down gracefully… Press Ctrl+C again to force quit.',
      'disconnect 1012',
      'layer closed',
      '',
    ])
  })

  it('serves a JavaScript file, and ends at once at the second signal', async () => {
    const stuck = await file(
      'stuck.js',
      "import { defineApplication } from 'tideway'",
      // A running timer of the application must not keep a stopped process alive.
      'setInterval(() => {}, 1000)',
      'export default defineApplication({',
      '  async websocket(scope, receive, send) {',
      "    await send({ type: 'websocket.accept' })",
      '    await new Promise(() => {})',
      '  },',
      '})',
    )
    const command = new Command(['serve', stuck, '--port', '0'])
    const client = await opened(await command.url())
    const code = new Promise<number>((resolve) => client.once('close', resolve))
    command.process.kill('SIGINT')
    // Its application goes on, and is waited for.
    expect(await code).toBe(1012)
    command.process.kill('SIGINT')
    expect(await command.exitCode()).toBe(1)
  })

  it('listens on the port of PORT, which --port overrides', async () => {
    const free = await freePort()
    const byVariable = new Command(['serve', hello], { env: { PORT: String(free) } })
    const byOption = new Command(['serve', hello, '-p', '0', '-b', '0.0.0.0'], { env: { PORT: '1' } })
    const empty = new Command(['serve', hello, '--help'], { env: { PORT: '' } })
    expect(await byVariable.url()).toBe(`http://127.0.0.1:${free}`)
    expect(new URL(await byOption.url()).hostname).toBe('0.0.0.0')
    expect(await empty.exitCode()).toBe(0)
    expect(empty.output).toMatch(/default: 8000,\s+env: PORT/)
  })

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['build-machine', '127.0.0.1'],
  ])('with the variable HOST=%s listens on %s', async (HOST, expected) => {
    const command = new Command(['serve', hello], { env: { HOST, PORT: '0' } })
    expect(new URL(await command.url()).hostname).toBe(expected)
  })

  it('prints the position of a syntax error, and exits with 1', async () => {
    const command = new Command(['serve', await file('broken.js', "throw new Error('broken at line one')")])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toContain('Error: broken at line one')
    expect(command.output).toContain('broken.js:1')
  })
})

describe('the built tideway serve', () => {
  let main: string

  beforeAll(async () => {
    main = join(root, 'dist', 'cli', 'main.mjs')
    await cp(join(packageFolder, 'package.json'), join(root, 'package.json'))
    await build({
      entryPoints: [join(packageFolder, 'src/cli/main.ts')],
      outfile: main,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'error',
    })
  })

  it('prints the problem, and exits with 1', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => {
      taken.listen(0, '127.0.0.1', resolve)
    })
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as AddressInfo
    const plain = await file('plain.js', 'export default async function application() {}')
    const named = await file('named.js', 'export const application = () => {}')
    const object = await file('object.js', 'export default { websocket: undefined }')
    const cases: readonly [args: readonly string[], env: NodeJS.ProcessEnv, message: string][] = [
      [['missing.ts'], {}, 'tideway: There is no file '],
      [[packageFolder], {}, `tideway: ${packageFolder.replace(/\/$/, '')} has no application.ts, application.js, src/`],
      [[await folder('misnamed', { tideway: 'gone.js' })], {}, 'names gone.js, which is not a file.'],
      [[named], {}, 'has no application as its default export'],
      [[object], {}, 'has no application as its default export'],
      [[plain, '--port', '65536'], {}, 'Must be a port number from 0 to 65535.'],
      [[plain, '--port', '80x'], {}, 'Must be a port number from 0 to 65535.'],
      [[plain], { PORT: 'none' }, "value 'none' from env 'PORT' is invalid. Must be a port number from 0 to 65535."],
      [
        [plain, '--port', String(port)],
        {},
        `tideway: Cannot listen on 127.0.0.1, port ${port}. Another program listens`,
      ],
      [
        [plain, '--host', '203.0.113.1'],
        {},
        'tideway: Cannot listen on 203.0.113.1, port 8000. This machine has no such',
      ],
      [
        [await file('express.js', "import express from 'express'", 'export default express()')],
        {},
        'exports no application',
      ],
    ]
    const commands = cases.map(([args, env]) => new Command(['serve', ...args], { env, main }))
    for (const [i, command] of commands.entries()) {
      expect(await command.exitCode()).toBe(1)
      expect(command.output).toContain(cases[i]![2])
      expect(command.output).not.toContain('    at ')
    }
  })

  it('prints the file, the line and a caret for a syntax error, also in a file that is imported, and no stack', async () => {
    const broken = await file('syntax.js', 'export const people = {', '  anna: 1 +,', '}')
    const inside = await file('inside.js', "import './syntax.js'")
    const required = await file('requires.js', "import './syntax.cjs'")
    await file('syntax.cjs', 'module.exports = {', '  anna: 1 +,', '}')
    for (const given of [broken, inside, required]) {
      const command = new Command(['serve', given], { main })
      expect(await command.exitCode()).toBe(1)
      expect(command.output).toMatch(
        /syntax\.c?js:2\n {2}anna: 1 \+,\n {11}\^\n\n\[?SyntaxError: Unexpected token ','\]?\n/,
      )
      expect(command.output).not.toContain('    at ')
    }
  })

  it('finds the application of a folder: the file that package.json names, else one of the usual names', async () => {
    const application = 'export default async function application() {}'
    const named = await folder('named', { tideway: 'server/main.js' })
    const usual = await folder('usual', {})
    for (const [path, name] of [
      [named, 'server'],
      [usual, 'dist'],
    ] as const)
      await mkdir(join(path, name))
    await writeFile(join(named, 'server', 'main.js'), application)
    await writeFile(join(usual, 'dist', 'application.js'), application)
    const byArgument = new Command(['serve', named, '--port', '0'], { main })
    const byCurrentFolder = new Command(['serve', '--port', '0'], { main, cwd: usual })
    for (const command of [byArgument, byCurrentFolder]) expect(await command.url()).toContain('http://')
  })

  const typed = 'export default async function application(scope: { type: string }): Promise<void> {}'

  // Node strips types itself from 22.18 on.
  it.skipIf('typescript' in process.features)(
    'prints the place of a syntax error in TypeScript without a stack',
    async () => {
      await file('inner.ts', 'export const count: number = ;')
      const command = new Command(['serve', await file('outer.ts', "import './inner.ts'")], { main })
      expect(await command.exitCode()).toBe(1)
      expect(command.output).toMatch(
        /inner\.ts:1:30\nexport const count: number = ;\n {29}\^\n\nSyntaxError: Unexpected ";"\n$/,
      )
    },
  )

  it.skipIf('typescript' in process.features)('says that a package is not made of ES modules', async () => {
    const untyped = join(await folder('untyped', { type: undefined }), 'application.ts')
    await writeFile(untyped, 'export default async function application() {}')
    const command = new Command(['serve', untyped], { main })
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toBe(
      `tideway: ${untyped} is an ES module, and its package.json does not say so: run "npm pkg set type=module".\n`,
    )
  })

  it.skipIf('typescript' in process.features)('uses the tsx beside a TypeScript file', async () => {
    const command = new Command(['serve', await file('typed.ts', typed), '--port', '0'], { main })
    await command.url()
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })

  it.skipIf('typescript' in process.features)('names the package to install if there is no tsx', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'tideway-cli-'))
    onTestFinished(() => rm(elsewhere, { recursive: true }))
    const alone = join(elsewhere, 'application.ts')
    await writeFile(alone, typed)
    const command = new Command(['serve', alone, '--port', '0'], { main })
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toMatch(/^tideway: .* is TypeScript, which this Node .* "npm install --save-dev tsx"/)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
