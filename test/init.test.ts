import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'

import { choiceValues, type Choices } from '../packages/tideway/src/cli/init/choices.ts'
import { createApplication } from '../packages/tideway/src/cli/init/create-application.ts'
import { installedPackages, type Lockfile } from '../scripts/lockfile.ts'
import { install, pack, root, type Packed } from '../scripts/packed-packages.ts'
import { read } from './architecture/source-files.ts'
import { startProgram, type RunningProgram } from './setup/child-process.ts'
import { describeWith, programPath } from './setup/describe-with.ts'

// What `npx tideway init` writes, from the packed packages, in a folder outside of this workspace.

// Much is built and started here, on a machine that may be busy.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const run = promisify(execFile)

/** The reading of version ranges that npm has too. */
const { satisfies } = createRequire(import.meta.url)('semver') as {
  satisfies(version: string, range: string): boolean
}

/** Dependencies of the applications other than the packed packages, as `npm install` would place them. */
const others =
  'typescript tsx esbuild valibot undici-types @types/node express @types/express fastify hono koa @types/koa @nestjs/common @nestjs/core @nestjs/platform-express reflect-metadata rxjs react react-dom @types/react @types/react-dom'.split(
    ' ',
  )

const password = 'of the tests'

let folder: string
let packed: readonly Packed[]
let browser: Browser | undefined

/** Opens a tab in each of two browser contexts. */
async function openTabs(): Promise<readonly Page[]> {
  browser ??= await chromium.launch({ executablePath: programPath('headlessChromium'), args: ['--no-sandbox'] })
  return Promise.all([browser.newPage(), browser.newPage()])
}

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
  return startProgram('sh', ['-c', `exec ${scripts[script]}`], {
    cwd: application,
    ready: /^Listening on (http:\/\/127\.0\.0\.1:\d+)$/m,
    env: { PORT: '0', CHAT_PASSWORD: password, PATH: `${join(folder, 'node_modules/.bin')}:${process.env['PATH']}` },
    startTimeoutMs: 60_000,
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideway-init-'))
  const tarballs = await mkdtemp(join(folder, 'tarballs-'))
  packed = await Promise.all(
    ['packages/tideway', 'packages/redis', 'packages/client'].map((path) => pack(path, tarballs)),
  )
  // All applications are below this folder, and find the packages and their commands there.
  const modules = join(folder, 'node_modules')
  await install(packed, modules, others)
  await mkdir(join(modules, '.bin'))
  await symlink('../tideway/bin/tideway.js', join(modules, '.bin/tideway'))
  for (const name of ['tsc', 'esbuild']) {
    await symlink(join(root, 'node_modules/.bin', name), join(modules, '.bin', name))
  }
})

afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Each framework, each client and each login, and the templates. The tests of an application depend on its page and its login. */
const applications = [
  { name: 'my-express', flags: [], is: 'express vanilla guests' },
  { name: 'my-live', flags: ['--template', 'live'], is: 'express live guests' },
  { name: 'my-hono', flags: ['-f', 'hono', '-c', 'none', '-a', 'token', '--redis'], is: 'hono none token' },
  { name: 'my-fastify', flags: ['-f', 'fastify', '-c', 'react', '-a', 'session'], is: 'fastify react session' },
  { name: 'my-koa', flags: ['-f', 'koa', '-c', 'vanilla', '-a', 'token'], is: 'koa vanilla token' },
  { name: 'my-nest', flags: ['-f', 'nestjs', '-c', 'live', '-a', 'session', '--redis'], is: 'nestjs live session' },
  { name: 'my-own', flags: ['-f', 'none', '-c', 'vanilla', '-a', 'session'], is: 'none vanilla session' },
]

describe('applications that tideway init has written', () => {
  const written: Awaited<ReturnType<typeof tideway>>[] = []

  beforeAll(async () => {
    for (const { name, flags } of applications) written.push(await tideway('init', name, ...flags))
    // The script dev of NestJS names a file in this folder.
    await symlink(join(folder, 'node_modules'), join(folder, 'my-nest/node_modules'))
    await Promise.all(applications.map(({ name }) => npm(join(folder, name), 'build')))
  })

  it('are named after their folders, and depend on the tideway version that wrote them', async () => {
    const { version } = packed[0]!.manifest
    for (const [i, { name }] of applications.entries()) {
      expect(written[i]).toMatchObject({ code: 0, output: expect.stringContaining(`cd ${name}`) as string })
      const manifest = JSON.parse(await readFile(join(folder, name, 'package.json'), 'utf8')) as object
      expect(manifest).toMatchObject({ name, dependencies: { tideway: `^${version}` } })
      expect(await readFile(join(folder, name, '.gitignore'), 'utf8')).toContain('node_modules/')
    }
  })

  describe.each(applications)('$name: $is', ({ name, is }) => {
    const [, client, login] = is.split(' ')

    if (!['my-fastify', 'my-koa', 'my-own'].includes(name)) {
      it('passes its tests', async () => {
        expect(await npm(join(folder, name), 'test')).toMatch(/^# pass [1-9]\d*\n# fail 0$/m)
      })
    }

    if (name === 'my-nest') {
      it('is found by tideway doctor, which reports no problem', async () => {
        const doctor = [join(folder, 'node_modules/tideway/bin/tideway.js'), 'doctor', '--json']
        const { stdout } = await run(process.execPath, doctor, { cwd: join(folder, name) })
        expect(JSON.parse(stdout)).toMatchObject({ problems: 0 })
      })
    }

    if (client === 'vanilla' || client === 'none') {
      const scripts = name === 'my-express' ? (['start', 'dev'] as const) : (['start'] as const)
      it.each(scripts)('chats with WebSocket clients after npm run %s', async (script) => {
        const server = await start(join(folder, name), script)
        try {
          const url = server.readyMatch![1]!
          const headers = { origin: url, ...(login !== 'guests' && (await logIn(url, 'Ada'))) }
          const visitors = [1, 2].map(() => new WebSocket(`${url.replace('http', 'ws')}/ws/rooms/lobby/`, { headers }))
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
    }

    // The page of my-live has a test of its own, below.
    if (!['my-express', 'my-fastify', 'my-nest'].includes(name)) return
    describeWith(['headlessChromium'], 'in a browser', () => {
      it('shows the messages of the other tab', async () => {
        const server = await start(join(folder, name), name === 'my-nest' ? 'dev' : 'start')
        const tabs = await openTabs()
        try {
          const problems: unknown[] = []
          for (const tab of tabs) {
            tab.on('pageerror', (error) => problems.push(error))
            await tab.goto(server.readyMatch![1]!)
            if (login !== 'guests') await logInOn(tab, 'Ada')
            await tab.getByText('You are in the lobby.').waitFor()
          }
          if (login === 'guests') await tabs[0]!.getByLabel('Name').fill('Ada')
          await tabs[0]!.getByLabel('Message').fill('hello')
          await tabs[0]!.getByRole('button', { name: 'Say' }).click()
          await Promise.all(tabs.map((tab) => tab.getByText('Ada: hello').waitFor()))
          if (login === 'session') {
            await tabs[1]!.reload()
            await tabs[1]!.getByText('You are in the lobby.').waitFor()
          }
          expect(problems).toEqual([])
        } finally {
          for (const tab of tabs) await tab.context().close()
          await server.stop()
        }
      })
    })
  })

  describeWith(['headlessChromium'], 'my-live in a browser', () => {
    it('shows each message once and in order, also after a reload and offline', async () => {
      const server = await start(join(folder, 'my-live'), 'start')
      const tabs = await openTabs()
      try {
        const problems: unknown[] = []
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
        for (const tab of tabs) await tab.context().close()
        await server.stop()
      }
    })
  })
})

/** The headers of a login with the password of the tests. */
async function logIn(url: string, name: string): Promise<Record<string, string>> {
  const response = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  expect(response.ok).toBe(true)
  const [cookie] = response.headers.getSetCookie()
  if (cookie !== undefined) return { cookie: cookie.split(';')[0]! }
  const { token } = (await response.json()) as { readonly token: string }
  return { authorization: `Bearer ${token}` }
}

/** Logs in on the page, the first time with a wrong password. A tab of a browser that has logged in is in the room already. */
async function logInOn(tab: Page, name: string): Promise<void> {
  const button = tab.getByRole('button', { name: 'Log in' })
  await button.or(tab.getByText('You are in the lobby.')).first().waitFor()
  if (!(await button.isVisible())) return
  for (const given of ['wrong', password]) {
    await tab.getByLabel('Name').fill(name)
    await tab.getByLabel('Password').fill(given)
    await button.click()
    if (given === 'wrong') await tab.getByText('The name or the password is wrong.').waitFor()
  }
}

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

  it.each([
    ['--template', 'koa', 'express, hono, live'],
    ['--framework', 'django', choiceValues.framework.join(', ')],
    ['--client', 'vue', choiceValues.client.join(', ')],
    ['--auth', 'oauth', choiceValues.auth.join(', ')],
  ])('refuses %s %s, and names the allowed values', async (flag, value, allowed) => {
    const { output, code } = await tideway('init', 'other', flag, value)
    expect(output).toContain(`Allowed choices are ${allowed}.`)
    expect(code).toBe(1)
  })
})

/** Every combination without Redis. */
const combinations: readonly Choices[] = choiceValues.framework.flatMap((framework) =>
  choiceValues.client.flatMap((client) =>
    choiceValues.auth.map((auth): Choices => ({ framework, client, auth, redis: false })),
  ),
)

type Manifest = Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>

describe('every combination of the choices', () => {
  const nameOf = ({ framework, client, auth }: Choices): string => `${framework}-${client}-${auth}`
  let all: string
  const manifests: Manifest[] = []
  const sources = new Map<string, readonly string[]>()

  beforeAll(async () => {
    all = join(folder, 'all')
    for (const choices of combinations) {
      const application = join(all, nameOf(choices))
      const { files } = await createApplication(application, choices)
      sources.set(nameOf(choices), files)
      await createApplication(join(all, 'redis', nameOf(choices)), { ...choices, redis: true })
      manifests.push(
        JSON.parse(await readFile(join(all, 'redis', nameOf(choices), 'package.json'), 'utf8')) as Manifest,
      )
      // The one source that differs is checked beside the other one.
      const source = 'src/application.ts'
      await copyFile(join(all, 'redis', nameOf(choices), source), join(application, 'src/application-redis.ts'))
    }
  })

  it('has no line of a template, and with Redis differs only where it must', async () => {
    for (const [name, files] of sources) {
      const differing: string[] = []
      for (const file of files) {
        const [text, ofRedis] = await Promise.all(
          [join(all, name), join(all, 'redis', name)].map((from) => readFile(join(from, file), 'utf8')),
        )
        expect(text, file).not.toMatch(/\{\{|@if|@unless|@end/)
        if (text !== ofRedis) differing.push(file)
      }
      expect(differing, name).toEqual(['README.md', 'package.json', 'src/application.ts'])
    }
  })

  // Compiling all applications with the same options together takes a quarter of the time.
  const kinds = [
    { options: 'the usual options', has: { nestjs: false, react: false } },
    { options: 'JSX', has: { nestjs: false, react: true } },
    { options: 'decorators', has: { nestjs: true, react: false } },
    { options: 'decorators and JSX', has: { nestjs: true, react: true } },
  ]
  it.each(kinds)('compiles with $options', async ({ has }) => {
    const kind = combinations.filter(
      ({ framework, client }) => (framework === 'nestjs') === has.nestjs && (client === 'react') === has.react,
    )
    const names = kind.map(nameOf)
    const config = join(all, `tsconfig.${names[0]}.json`)
    const include = names.flatMap((name) => [`${name}/src`, `${name}/test`])
    await writeFile(config, JSON.stringify({ extends: `./${names[0]}/tsconfig.json`, include }))
    await expect(run(join(folder, 'node_modules/.bin/tsc'), ['-p', config])).resolves.toMatchObject({ stdout: '' })
  })

  it('wants the versions that this workspace tests with', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as Manifest
    const { dependencies } = JSON.parse(read('packages/tideway/package.json')) as Manifest
    const tested = { ...dependencies, ...devDependencies }
    const { version } = packed[0]!.manifest
    for (const [name, range] of manifests.flatMap((manifest) =>
      Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }),
    )) {
      expect(range, name).toBe(name.includes('tideway') ? `^${version}` : tested[name])
    }
  })

  it('installs at most 150 packages, all of them for Node 20.19', () => {
    const lockfile = JSON.parse(read('package-lock.json')) as Lockfile
    for (const { dependencies, devDependencies } of manifests) {
      const installed = installedPackages(lockfile, Object.keys({ ...dependencies, ...devDependencies }))
      expect(installed.size).toBeGreaterThan(10)
      expect(installed.size).toBeLessThanOrEqual(150)
      const engines = [...installed].map(([place, { engines }]) => [place, engines?.node ?? '*'] as const)
      expect(engines.filter(([, range]) => !satisfies('20.19.0', range))).toEqual([])
    }
  })
})
