import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Command, fixture } from './command.ts'

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

describe('tideway serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves a TypeScript file, and ends in order at %s', async (signal) => {
    const command = new Command(['serve', hello, '--port', '0'])
    const url = await command.url()
    expect(new URL(url).hostname).toBe('127.0.0.1')
    expect(await (await fetch(`${url}/path`)).text()).toBe('hello from /path')
    const client = await opened(url)
    const code = new Promise<number>((resolve) => client.once('close', resolve))
    command.process.kill(signal)
    expect(await code).toBe(1012)
    expect(await command.exitCode()).toBe(0)
    expect(command.output.split('\n').slice(1)).toEqual([
      'Stopping: closing connections. Once more to stop at once.',
      'disconnect 1012',
      'layer closed',
      '',
    ])
  })

  it('serves a JavaScript file, and ends at once at the second signal', async () => {
    const stuck = await file(
      'stuck.js',
      "import { defineApplication } from 'tideway'",
      // What an application left running must not keep a process alive that has stopped, nor be waited for for ever.
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

  it('listens on the port of the variable PORT, and on --port before it', async () => {
    const free = await freePort()
    const byVariable = new Command(['serve', hello], { env: { PORT: String(free) } })
    const byOption = new Command(['serve', hello, '-p', '0', '-b', '0.0.0.0'], { env: { PORT: '1' } })
    const empty = new Command(['serve', hello, '--help'], { env: { PORT: '' } })
    expect(await byVariable.url()).toBe(`http://127.0.0.1:${free}`)
    expect(new URL(await byOption.url()).hostname).toBe('0.0.0.0')
    expect(await empty.exitCode()).toBe(0)
    expect(empty.output).toMatch(/default: 8000,\s+env: PORT/)
  })

  it('shows where a file is broken, and exits with 1', async () => {
    const command = new Command(['serve', await file('broken.js', "throw new Error('broken at line one')")])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toContain('Error: broken at line one')
    expect(command.output).toContain('broken.js:1')
  })
})

describe('tideway serve, as it is built', () => {
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

  it('says what is wrong, and exits with 1', async () => {
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
      [[packageFolder], {}, 'tideway: There is no file '],
      [[named], {}, 'has no application as its default export'],
      [[object], {}, 'has no application as its default export'],
      [[plain, '--port', '65536'], {}, 'A port is a number from 0 to 65535.'],
      [[plain, '--port', '80x'], {}, 'A port is a number from 0 to 65535.'],
      [[plain], { PORT: 'none' }, "value 'none' from env 'PORT' is invalid. A port is a number from 0 to 65535."],
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
      [[], {}, "missing required argument 'file'"],
    ]
    const commands = cases.map(([args, env]) => new Command(['serve', ...args], { env, main }))
    for (const [i, command] of commands.entries()) {
      expect(await command.exitCode()).toBe(1)
      expect(command.output).toContain(cases[i]![2])
      expect(command.output).not.toContain('    at ')
    }
  })

  const typed = 'export default async function application(scope: { type: string }): Promise<void> {}'

  // Node strips types itself from 22.18 on.
  it.skipIf('typescript' in process.features)('uses the tsx beside a TypeScript file', async () => {
    const command = new Command(['serve', await file('typed.ts', typed), '--port', '0'], { main })
    await command.url()
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })

  it.skipIf('typescript' in process.features)('says what to install where there is none', async () => {
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
