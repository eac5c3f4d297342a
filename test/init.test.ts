import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'

import { installedPackages, type Lockfile } from '../scripts/lockfile.ts'
import { buildPackages, install, pack, root, type Packed } from '../scripts/packed-packages.ts'
import { read } from './architecture/source-files.ts'
import { startProgram, type RunningProgram } from './setup/child-process.ts'
import { describeWith, programPath } from './setup/describe-with.ts'

// What `npx tideway init` writes, from the packed packages, in a folder outside of this workspace.

// Much is built and started here, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 })

const run = promisify(execFile)

/** The reading of version ranges that npm has too. */
const { satisfies } = createRequire(import.meta.url)('semver') as {
  satisfies(version: string, range: string): boolean
}

/** Dependencies of the applications other than the packed packages, as `npm install` would place them. */
const others = [
  'vitest',
  'typescript',
  'tsx',
  'esbuild',
  'express',
  'hono',
  'valibot',
  '@types/node',
  '@types/express',
  'undici-types',
]

let folder: string
let packed: readonly Packed[]

/** Runs a command of the packed tideway. */
async function tideway(...args: readonly string[]): Promise<{ readonly output: string; readonly code: number }> {
  try {
    const { stdout } = await run(process.execPath, [join(folder, 'node_modules/tideway/bin/tideway.js'), ...args], {
      cwd: folder,
    })
    return { output: stdout, code: 0 }
  } catch (error) {
    const { code, stderr } = error as { readonly code: number; readonly stderr: string }
    return { output: stderr, code }
  }
}

/** `npm install`, from the tarballs and from what this workspace has. */
async function npmInstall(application: string): Promise<void> {
  const modules = join(application, 'node_modules')
  await install(packed, modules, others)
  await mkdir(join(modules, '.bin'))
  await symlink('../tideway/bin/tideway.js', join(modules, '.bin/tideway'))
  for (const name of ['tsc', 'vitest', 'tsx', 'esbuild']) {
    await symlink(join(root, 'node_modules/.bin', name), join(modules, '.bin', name))
  }
}

/** `npm run …` in an application; throws with what it printed. */
async function npm(application: string, script: string): Promise<string> {
  try {
    return (await run('npm', ['run', '--silent', script], { cwd: application })).stdout
  } catch (cause) {
    const { stdout, stderr } = cause as { readonly stdout: string; readonly stderr: string }
    throw new Error(`npm run ${script}:\n${stdout}${stderr}`, { cause })
  }
}

/** `npm start` or `npm run dev`, without the npm and the shell between: they do not pass on what ends them. */
async function start(application: string, script: 'start' | 'dev'): Promise<RunningProgram> {
  const { scripts } = JSON.parse(await readFile(join(application, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  if (scripts[`pre${script}`] !== undefined) await npm(application, `pre${script}`)
  return startProgram('sh', ['-c', `exec ${scripts[script]}`], {
    cwd: application,
    ready: /^Listening on (http:\/\/127\.0\.0\.1:\d+)$/m,
    env: { PORT: '0', PATH: `${join(application, 'node_modules/.bin')}:${process.env['PATH']}` },
    startTimeoutMs: 60_000,
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideway-init-'))
  await buildPackages()
  const tarballs = await mkdtemp(join(folder, 'tarballs-'))
  packed = await Promise.all(
    ['packages/tideway', 'packages/redis', 'packages/client'].map((path) => pack(path, tarballs)),
  )
  await install(packed, join(folder, 'node_modules'), [])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each([
  { template: 'express', flags: [] },
  { template: 'hono', flags: ['--redis'] },
])('an application that tideway init --template $template $flags has written', ({ template, flags }) => {
  let application: string
  let written: Awaited<ReturnType<typeof tideway>>

  beforeAll(async () => {
    written = await tideway('init', `my-${template}`, '--template', template, ...flags)
    application = join(folder, `my-${template}`)
    await npmInstall(application)
  })

  it('is named after its folder, and depends on the tideway version that wrote it', async () => {
    expect(written).toMatchObject({ code: 0, output: expect.stringContaining(`cd my-${template}`) as string })
    const manifest = JSON.parse(await readFile(join(application, 'package.json'), 'utf8')) as {
      readonly name: string
      readonly dependencies: Readonly<Record<string, string>>
    }
    const { version } = packed[0]!.manifest
    expect(manifest).toMatchObject({ name: `my-${template}` })
    const layer = flags.includes('--redis') ? 'channelLayerFromEnvironment()' : 'new InMemoryChannelLayer()'
    expect(await readFile(join(application, 'src/application.ts'), 'utf8')).toContain(`default: ${layer}`)
    expect(manifest.dependencies).toMatchObject({ tideway: `^${version}`, '@tideway/client': `^${version}` })
    expect(await readFile(join(application, '.gitignore'), 'utf8')).toContain('node_modules/')
    const entries = await readdir(application, { recursive: true, withFileTypes: true })
    const own = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    for (const { parentPath, name } of own) {
      expect(await readFile(join(parentPath, name), 'utf8'), name).not.toContain('{{')
    }
  })

  it('passes its type check and its tests', async () => {
    await npm(application, 'typecheck')
    expect(await npm(application, 'test')).toMatch(/Tests.*11 passed/)
  })

  it.each(['start', 'dev'] as const)('chats after npm run %s', async (script) => {
    const server = await start(application, script)
    try {
      const url = server.readyMatch![1]!
      expect(await (await fetch(url)).text()).toContain('<title>A room</title>')
      expect(await (await fetch(`${url}/tideway-client.js`)).text()).toContain('reconnecting')
      const visitors = [1, 2].map(() => new WebSocket(`${url.replace('http', 'ws')}/ws/rooms/lobby/`, { origin: url }))
      await Promise.all(visitors.map((socket) => once(socket, 'open')))
      const heard = Promise.all(visitors.map((socket) => once(socket, 'message')))
      visitors[0]!.send(JSON.stringify({ who: 'Ada', text: 'hello' }))
      for (const [data] of (await heard) as [Buffer][]) {
        expect(JSON.parse(data.toString())).toEqual({ who: 'Ada', text: 'hello' })
      }
      for (const socket of visitors) socket.terminate()
    } finally {
      await server.stop()
    }
  })

  describeWith(['headlessChromium'], 'and is opened in a browser', () => {
    it('shows messages of the other tab', async () => {
      const server = await start(application, 'start')
      const browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: ['--no-sandbox'] })
      try {
        const tabs = await Promise.all([1, 2].map(() => browser.newPage()))
        const problems: unknown[] = []
        for (const tab of tabs) {
          tab.on('pageerror', (error) => problems.push(error))
          await tab.goto(server.readyMatch![1]!)
          await tab.getByText('You are in the lobby.').waitFor()
        }
        await tabs[0]!.getByLabel('Name').fill('Ada')
        await tabs[0]!.getByLabel('Message').fill('hello')
        await tabs[0]!.getByRole('button', { name: 'Say' }).click()
        await Promise.all(tabs.map((tab) => tab.getByText('Ada: hello').waitFor()))
        expect(problems).toEqual([])
      } finally {
        await browser.close()
        await server.stop()
      }
    })
  })
})

describe('an application that tideway init --template live has written', () => {
  let application: string

  beforeAll(async () => {
    await tideway('init', 'my-live', '--template', 'live')
    application = join(folder, 'my-live')
    await npmInstall(application)
  })

  it('passes its type check and its tests', async () => {
    await npm(application, 'typecheck')
    expect(await npm(application, 'test')).toMatch(/Tests.*4 passed/)
  })

  describeWith(['headlessChromium'], 'and is opened in a browser', () => {
    it('shows each message once and in order, also after a reload and offline', async () => {
      const server = await start(application, 'start')
      const browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: ['--no-sandbox'] })
      try {
        const problems: unknown[] = []
        const tabs = await Promise.all([1, 2].map(() => browser.newPage()))
        for (const tab of tabs) {
          tab.on('pageerror', (error) => problems.push(error))
          await tab.goto(server.readyMatch![1]!)
          await tab.getByText('You are in the lobby.').waitFor()
        }
        await tabs[0]!.getByLabel('Name').fill('Ada')
        await tabs[0]!.getByLabel('Message').fill('hello')
        await tabs[1]!.getByText('Ada is typing.').waitFor()
        await tabs[0]!.getByRole('button', { name: 'Say' }).click()
        await Promise.all(tabs.map((tab) => tab.getByText('Ada: hello').waitFor()))
        await tabs[1]!.reload()
        await tabs[1]!.getByText('Ada: hello').waitFor()
        await tabs[1]!.context().setOffline(true)
        await tabs[1]!.getByLabel('Name').fill('Kim')
        await tabs[1]!.getByLabel('Message').fill('from the tunnel')
        await tabs[1]!.getByRole('button', { name: 'Say' }).click()
        await tabs[0]!.getByLabel('Message').fill('is it dark?')
        await tabs[0]!.getByRole('button', { name: 'Say' }).click()
        await tabs[0]!.getByText('Ada: is it dark?').waitFor()
        await tabs[1]!.context().setOffline(false)
        for (const tab of tabs) {
          await tab.getByText('Kim: from the tunnel').waitFor()
          // The newest one is first.
          const lines = await tab.getByRole('listitem').allInnerTexts()
          expect(lines).toEqual(['Kim: from the tunnel', 'Ada: is it dark?', 'Ada: hello'])
        }
        expect(problems).toEqual([])
      } finally {
        await browser.close()
        await server.stop()
      }
    })
  })
})

describe('tideway init', () => {
  it('writes nothing into a folder that is not empty', async () => {
    const full = join(folder, 'full')
    await mkdir(full)
    await writeFile(join(full, 'notes.txt'), 'mine')
    const { output, code } = await tideway('init', 'full')
    expect(output).toContain(`tideway: ${full} is not empty (notes.txt)`)
    expect(code).toBe(1)
    expect(await readdir(full)).toEqual(['notes.txt'])
    expect((await tideway('init', 'full/notes.txt')).output).toContain('is a file')
  })

  it('accepts an empty folder, also with a git repository', async () => {
    await mkdir(join(folder, 'Begun Here/.git'), { recursive: true })
    const { output, code } = await tideway('init', 'Begun Here')
    expect(code).toBe(0)
    expect(output).toMatch(
      /^Created begun-here in Begun Here \(\d+ files\)\.\n\n {2}cd "Begun Here"\n {2}npm install\n/,
    )
    const manifest = JSON.parse(await readFile(join(folder, 'Begun Here/package.json'), 'utf8')) as { name: string }
    expect(manifest.name).toBe('begun-here')
    expect(await readdir(join(folder, 'Begun Here/.git'))).toEqual([])
  })

  it('gives no application the name of a required package, or an empty one', async () => {
    expect((await tideway('init', 'express')).output).toMatch(/^Created express-app in express \(\d+ files\)\.$/m)
    const nameless = await tideway('init', '…')
    expect(nameless.output).toContain('use Latin letters or digits')
    expect(nameless.code).toBe(1)
  })

  it('refuses an unknown template', async () => {
    const { output, code } = await tideway('init', 'other', '--template', 'koa')
    expect(output).toContain('Allowed choices are express, hono, live')
    expect(code).toBe(1)
  })
})

describe('the templates', () => {
  it.each(['express', 'hono', 'live'])('of %s want the versions that this workspace tests with', (template) => {
    type Wants = Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>
    const { dependencies, devDependencies } = JSON.parse(
      read(`packages/tideway/templates/${template}/package.json`),
    ) as Wants
    const tested = (JSON.parse(read('package.json')) as Wants).devDependencies
    for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(range, name).toBe(name.includes('tideway') ? '{{version}}' : tested[name])
    }
  })

  it.each(['express', 'hono', 'live'])('of %s install at most 150 packages, all of them for Node 20.19', (template) => {
    const { dependencies, devDependencies } = JSON.parse(
      read(`packages/tideway/templates/${template}/package.json`),
    ) as { readonly dependencies: object; readonly devDependencies: object }
    const lockfile = JSON.parse(read('package-lock.json')) as Lockfile
    const installed = installedPackages(lockfile, [
      '@tideway/redis',
      ...Object.keys({ ...dependencies, ...devDependencies }),
    ])
    expect(installed.size).toBeGreaterThan(50)
    expect(installed.size).toBeLessThanOrEqual(150)
    const engines = [...installed].map(([folder, { engines }]) => [folder, engines?.node ?? '*'] as const)
    expect(engines.filter(([, range]) => !satisfies('20.19.0', range))).toEqual([])
  })
})
