import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'
import { read } from '../architecture/source-files.ts'
import { filledIn } from '../deploy/proxy-suite.ts'
import { SITE_NAME, selfSigned } from '../deploy/site.ts'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { Reader, type ReadersServer } from './reader.ts'

// Much is started here, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const programs: RunningProgram[] = []
const clients: WebSocket[] = []
let reader: Reader

async function serve(...args: Parameters<Reader['serve']>): Promise<ReadersServer> {
  const server = await reader.serve(...args)
  programs.push(server)
  return server
}

/** Opens a WebSocket, and collects its messages as `user: message`. */
async function enter(url: string, options: ClientOptions): Promise<{ socket: WebSocket; heard: string[] }> {
  const socket = new WebSocket(url, options)
  clients.push(socket)
  const heard: string[] = []
  socket.on('message', (data: Buffer) => {
    const { message, user } = JSON.parse(data.toString()) as { message: string; user: string }
    heard.push(`${user}: ${message}`)
  })
  await once(socket, 'open')
  return { socket, heard }
}

/** Sends the form of the front page. */
async function logIn(origin: string, name: string, password: string): Promise<{ status: number; cookie: string }> {
  const body = new URLSearchParams({ name, password })
  const { status, headers } = await fetch(`${origin}/login`, { method: 'POST', body, redirect: 'manual' })
  return { status, cookie: headers.get('set-cookie')?.split(';')[0] ?? '' }
}

beforeAll(async () => {
  reader = await Reader.inEmptyFolder()
  for (const part of ['1-first-consumer', '2-groups', '3-tests']) {
    // tutorial.test.ts checks these.
    await reader.read(`docs/tutorial/${part}.md`, true)
  }
  reader.serverCommands.splice(0)
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate()
  await Promise.all(programs.splice(0).map((program) => program.stop()))
})

afterAll(() => reader.remove())

// In this order, because each part continues in the folder of the previous one.
describe('The tutorial, in the folder of part 3', () => {
  it('has accounts after part 4, whose log-out closes their connections', async () => {
    await reader.read('docs/tutorial/4-users.md')
    expect(reader.serverCommands.splice(0)).toEqual(['npx tideway serve application.ts'])
    const { origin, webSocketOrigin } = await serve()

    const { status, cookie } = await logIn(origin, 'anna', 'a long password')
    expect(status).toBe(303)
    expect(await logIn(origin, 'ANNA', 'another password')).toEqual({ status: 403, cookie: '' })
    expect(await (await fetch(`${origin}/me`, { headers: { cookie } })).json()).toEqual({ name: 'anna' })
    expect(await (await fetch(`${origin}/me`)).json()).toEqual({ name: '' })

    const { socket, heard } = await enter(`${webSocketOrigin}/ws/chat/lobby/`, { origin, headers: { cookie } })
    socket.send(JSON.stringify({ message: 'hello' }))
    await expect.poll(() => heard).toEqual(['anna: hello'])
    const closed = once(socket, 'close')
    await fetch(`${origin}/logout`, { method: 'POST', redirect: 'manual', headers: { cookie } })
    expect((await closed)[0]).toBe(4401)
  })

  it('keeps its messages, and counts their words, after part 5', async () => {
    await reader.read('docs/tutorial/5-heavy-work.md')
    expect(reader.serverCommands.splice(0)).toEqual([
      'npx tideway serve application.ts',
      'REDIS_URL=redis://localhost:6379 npx tideway serve application.ts',
      'REDIS_URL=redis://localhost:6379 npx tideway worker application.ts --tasks',
    ])
    const before = await serve()
    const anna = await enter(`${before.webSocketOrigin}/ws/chat/library/`, { origin: before.origin })
    anna.socket.send(JSON.stringify({ message: 'a book' }))
    await expect.poll(() => anna.heard).toEqual([': a book'])
    await before.stop()

    const after = await serve()
    const jun = await enter(`${after.webSocketOrigin}/ws/chat/library/`, { origin: after.origin })
    await expect.poll(() => jun.heard).toEqual([': a book'])
    jun.socket.send(JSON.stringify({ message: '/report' }))
    await expect.poll(() => jun.heard, { timeout: 30_000 }).toContain('report: a (1), book (1)')
  })

  it('compiles and passes its tests after part 6', async () => {
    await reader.read('docs/tutorial/6-bad-network.md')
    expect(reader.serverCommands.splice(0)).toEqual(['npx tideway serve application.ts'])
  })

  describeWith(['headlessChromium'], 'with two tabs', () => {
    let browser: Browser

    beforeAll(async () => {
      const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
      browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args })
    })

    afterAll(() => browser.close())

    it('sends a message once that was written while the server was stopped', async () => {
      const port = await freePort()
      const server = await serve({}, { port })
      const [anna, jun] = await Promise.all([browser.newPage(), browser.newPage()])
      const problems: unknown[] = []
      for (const tab of [anna, jun]) {
        tab.on('pageerror', (error) => problems.push(error))
        await tab.goto(`${server.origin}/chat/garden/`)
      }
      await anna.getByLabel('Message').fill('before')
      await anna.keyboard.press('Enter')
      await jun.getByText('guest: before').waitFor()

      await server.stop()
      await anna.getByRole('status').getByText(/./).waitFor()
      await anna.getByLabel('Message').fill('in between')
      await anna.keyboard.press('Enter')
      await anna.getByText('…: in between').waitFor()

      await serve({}, { port })
      for (const tab of [anna, jun]) {
        await tab.getByText('guest: in between').waitFor({ timeout: 60_000 })
        expect(await tab.locator('li').allTextContents()).toEqual(['guest: before', 'guest: in between'])
      }
      expect(problems).toEqual([])
    })
  })

  it('builds in part 7, and does not start in production without a secret', async () => {
    await reader.read('docs/tutorial/7-deploy.md')
    expect(reader.serverCommands.splice(0)).toEqual([
      'NODE_ENV=production SESSION_SECRET=only-for-a-try-on-this-machine-32 npx tideway serve dist/application.js --workers 2',
      'npx tideway doctor dist/application.js',
    ])
    await expect(serve({ NODE_ENV: 'production' }, { file: 'dist/application.js' })).rejects.toThrow(
      'Set SESSION_SECRET to a random text.',
    )
  })

  describeWith(['nginx', 'openssl', 'curl'], 'behind nginx with TLS', () => {
    it('serves its pages and WebSockets, with secure cookies, to its own origin only', async () => {
      const folder = join(reader.folder, 'nginx')
      await mkdir(folder)
      const { certificate, key } = await selfSigned(folder)
      const [port, tlsPort, plainPort] = [await freePort(), await freePort(), await freePort()]
      const allowed = `https://${SITE_NAME}`
      const env = { NODE_ENV: 'production', SESSION_SECRET: 'x'.repeat(32), ALLOWED_ORIGIN: allowed }
      const flags = ['--proxy-headers', '--readiness-path=/readyz']
      const server = await serve(env, { file: 'dist/application.js', port, flags })
      expect(await (await fetch(`${server.origin}/readyz`)).text()).toBe('ready\n')

      const site = filledIn(read('examples/tutorial/7-deploy/deploy/chat.conf'), {
        'listen 443': `listen 127.0.0.1:${tlsPort}`,
        'listen 80': `listen 127.0.0.1:${plainPort}`,
        '/etc/letsencrypt/live/chat.example.com/fullchain.pem': certificate,
        '/etc/letsencrypt/live/chat.example.com/privkey.pem': key,
        '127.0.0.1:8000': `127.0.0.1:${port}`,
      })
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (kind) => `${kind}_temp_path ${folder}/${kind};`,
      )
      await writeFile(
        join(folder, 'nginx.conf'),
        `pid ${folder}/pid; events {} http { access_log off; ${paths.join(' ')} ${site} }`,
      )
      const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
      programs.push(await startProgram(programPath('nginx'), args, { ready: tlsPort }))

      const curl = async (...args: readonly string[]): Promise<string> => {
        const connect = ['--connect-to', `${SITE_NAME}:443:127.0.0.1:${tlsPort}`, '--cacert', certificate]
        return (await promisify(execFile)(programPath('curl'), ['-sS', ...connect, ...args])).stdout
      }
      expect(await curl(`${allowed}/chat/lobby/`)).toContain('/client/live/index.js')
      expect(await curl(`${allowed}/client/live/index.js`)).toContain('connectLive')
      const form = ['-d', 'name=anna&password=a long password', '-D', '-', `${allowed}/login`]
      expect(await curl(...form)).toMatch(/^set-cookie: tideway\.session=.*; Secure/im)

      const url = `wss://127.0.0.1:${tlsPort}/ws/chat/`
      const headers = { Host: SITE_NAME }
      const own = new WebSocket(url, 'tideway.v1.json', { origin: allowed, headers, rejectUnauthorized: false })
      clients.push(own)
      await once(own, 'open')
      const other = new WebSocket(url, 'tideway.v1.json', {
        origin: 'https://example.org',
        headers,
        rejectUnauthorized: false,
      })
      const [error] = (await once(other, 'error')) as [Error]
      expect(error.message).toContain('403')
    })
  })

  describeWith(['systemd'], 'its unit', () => {
    it('is understood by systemd', async () => {
      const unit = filledIn(read('examples/tutorial/7-deploy/deploy/chat.service'), {
        '/usr/bin/node': process.execPath,
      })
      const file = join(reader.folder, 'chat.service')
      await writeFile(file, unit)
      const { stderr } = await promisify(execFile)(programPath('systemd'), ['verify', '--man=no', file])
      expect(stderr).not.toContain('chat.service')
    })
  })
})
