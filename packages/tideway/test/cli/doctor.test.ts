import { createServer as createHttpsServer } from 'node:https'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../../../redis/test/redis-server.ts'
import { startProgram } from '../../../../test/setup/child-process.ts'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import { freePort } from '../../../../test/setup/free-port.ts'
import { setTraits } from '../../src/asgi/application-traits.ts'
import { defineApplication } from '../../src/application/define-application.ts'
import type { Application } from '../../src/asgi/application.ts'
import type { HttpScope } from '../../src/asgi/scope.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { machineFindings, satisfies } from '../../src/cli/doctor/machine-checks.ts'
import { optionFindings } from '../../src/cli/doctor/option-checks.ts'
import { urlFindings } from '../../src/cli/doctor/url-checks.ts'
import { path } from '../../src/routing/route.ts'
import { urlRouter } from '../../src/routing/url-router.ts'
import { allowedHostsOriginValidator } from '../../src/security/allowed-hosts.ts'
import { attach } from '../../src/server/attach.ts'
import { echo } from '../server/applications.ts'
import { serve } from '../../src/server/serve.ts'
import { closeTasks, defineTasks, diagnoseTasks } from '../../src/worker/define-tasks.ts'
import { CertificateFolder } from '../server/tls/certificates.ts'
import { Command, fixture } from './command.ts'

interface Report {
  readonly problems: number
  readonly warnings: number
  readonly findings: readonly Finding[]
}

/** Runs the command; the level and words of each check. */
async function doctor(
  name: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<{ report: Report; code: number | null }> {
  const command = new Command(['doctor', fixture(`doctor/${name}/application.ts`), '--json', ...args], { env })
  const code = await command.exitCode()
  return { report: JSON.parse(command.output) as Report, code }
}

/** The level of each check: the worst one where there are several. */
function levelsOf(findings: readonly Finding[]): Record<string, string> {
  const order = ['ok', 'warning', 'problem']
  const sorted = findings.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level))
  return Object.fromEntries(sorted.map(({ check, level }) => [check, level]))
}

describe('tideway doctor', () => {
  it('finds no problem in a sound application, and exits despite open handles', async () => {
    const { report, code } = await doctor('sound')
    expect(levelsOf(report.findings)).toMatchObject({
      node: 'ok',
      packages: 'ok',
      application: 'ok',
      'channel-layer': 'ok',
      origin: 'ok',
    })
    expect(report.problems).toBe(0)
    expect(code).toBe(0)
  })

  it('reports a missing origin check, and a layer that works on one machine only', async () => {
    const { report, code } = await doctor('careless', ['--workers', '4'])
    const { findings, problems, warnings } = report
    expect(levelsOf(findings)).toMatchObject({ origin: 'problem', 'channel-layer': 'warning' })
    expect(code).toBe(1)
    expect(problems).toBe(findings.filter(({ level }) => level === 'problem').length)
    expect(warnings).toBe(findings.filter(({ level }) => level === 'warning').length)
    for (const { level, advice } of findings) expect(advice === undefined).toBe(level === 'ok')
  })

  it('runs the other checks if the application cannot be loaded', async () => {
    const { report, code } = await doctor('broken', ['--proxy-headers', '--trusted-proxies', '0.0.0.0/0'])
    expect(levelsOf(report.findings)).toMatchObject({ application: 'problem', 'proxy-headers': 'problem' })
    expect(report.findings).toContainEqual(
      expect.objectContaining({ found: expect.stringContaining('DATABASE_URL is not set') as string }),
    )
    expect(code).toBe(1)
  })

  it('prints a text report', async () => {
    const command = new Command(['doctor', fixture('doctor/careless/application.ts')])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toMatch(/^PROBLEM {2}origin .*The application has no origin validator/m)
    expect(command.output).toMatch(/^ +Wrap the WebSocket application in allowedHostsOriginValidator/m)
    expect(command.output).toMatch(/^1 problem, 1 warning, \d+ ok$/m)
  })

  it('accepts only whole URLs', async () => {
    const command = new Command(['doctor', fixture('doctor/sound/application.ts'), '--url', 'chat.example.com'])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toContain('such as wss://chat.example.com/ws/rooms/lobby/')
  })

  describeWith(['redis'], 'tideway doctor for an application with a Redis layer', () => {
    it('reports a Redis that drops keys or does not answer', async () => {
      const redis = await RedisServer.start('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
      try {
        const { report, code } = await doctor('redis', ['--workers', '4'], { REDIS_URL: redis.url })
        expect(levelsOf(report.findings)).toMatchObject({
          'redis-reachable': 'ok',
          'redis-version': 'ok',
          'redis-eviction': 'problem',
          'redis-clock': 'ok',
        })
        expect(code).toBe(1)
      } finally {
        await redis.stop()
      }
      const { report } = await doctor('redis', [], { REDIS_URL: redis.url })
      expect(levelsOf(report.findings)).toMatchObject({ 'redis-reachable': 'problem' })
    })
  })

  describeWith(['redis'], 'tideway doctor for an application with tasks', () => {
    const tasksIn = async (redisUrl: string | undefined): Promise<Finding | undefined> => {
      const tasks = defineTasks({ resize: () => {} }, { redis: redisUrl })
      const findings = await diagnoseTasks(tasks)
      await closeTasks(tasks, 0)
      return findings.find(({ check }) => check === 'tasks')
    }

    it('reports tasks without Redis, and a Redis that answers, drops jobs or does not answer', async () => {
      expect(await tasksIn(undefined)).toMatchObject({
        level: 'warning',
        found: 'The tasks have no Redis: unfinished jobs are lost when their process ends.',
      })
      const redis = await RedisServer.start()
      try {
        const { report } = await doctor('tasks', [], { TASKS_REDIS_URL: redis.url })
        expect(report.findings.find(({ check }) => check === 'tasks')).toMatchObject({
          level: 'ok',
          found: expect.stringMatching(/^The Redis of the tasks answers; it is version \d/) as string,
        })
        expect(await redis.keys()).toEqual([])
        await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru')
        expect(await tasksIn(redis.url)).toMatchObject({ level: 'warning' })
        await redis.client.config('SET', 'maxmemory', '100mb')
        expect(await tasksIn(redis.url)).toMatchObject({
          level: 'problem',
          found: 'The Redis of the tasks drops keys, and so waiting jobs, when its memory is full (allkeys-lru).',
        })
      } finally {
        await redis.stop()
      }
      expect(await tasksIn(redis.url)).toMatchObject({
        level: 'problem',
        found: expect.stringContaining('ECONNREFUSED') as string,
      })
    })
  })
})

describe('machine findings', () => {
  const descriptors = async (maxConnections: number | false): Promise<Finding | undefined> => {
    const findings = await machineFindings(fixture('doctor/sound/application.ts'), { maxConnections })
    return findings.find(({ check }) => check === 'descriptors')
  }

  it.runIf(process.platform === 'linux')('report a limit of descriptors below --max-connections', async () => {
    expect(await descriptors(10 ** 12)).toMatchObject({
      level: 'problem',
      advice: expect.stringContaining('LimitNOFILE'),
    })
    expect(await descriptors(1)).toMatchObject({ level: 'ok' })
  })

  it('report a package of an incompatible version', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tideway-doctor-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const packages = async (name: string, version: string): Promise<Finding[]> => {
      await mkdir(join(folder, 'node_modules', name), { recursive: true })
      await writeFile(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ name, version }))
      const findings = await machineFindings(join(folder, 'application.js'), {})
      return findings.filter(({ check }) => check === 'packages')
    }
    expect(await packages('ioredis', '5.4.1')).toEqual([
      expect.objectContaining({
        level: 'ok',
        found: expect.stringMatching(/Optional packages not installed: .*bullmq/),
      }),
    ])
    const [tooOld] = await packages('bullmq', '4.0.0')
    expect(tooOld).toMatchObject({ level: 'problem', found: expect.stringContaining('bullmq 4.0.0 is installed') })
    const [, apart] = await packages('@tideway/redis', '0.0.9')
    expect(apart).toMatchObject({ level: 'problem', found: expect.stringContaining('@tideway/redis is 0.0.9') })
  })

  it.each([
    ['20.19.0', '>=20.19', true],
    ['20.18.9', '>=20.19', false],
    ['24.0.0', '>=20.19', true],
    ['6.7.0', '^6.7.0', true],
    ['6.8.1', '^6.7.0', true],
    ['6.6.9', '^6.7.0', false],
    ['7.0.0', '^6.7.0', false],
    ['5.0.0', '>=5.0.0', true],
    ['16.0.0-rc.1', '^15.1.0', false],
  ])('version %s against %s: %s', (version, range, isIn) => {
    expect(satisfies(version, range)).toBe(isIn)
  })
})

describe('flag findings', () => {
  const url = new URL('wss://chat.example.com/ws/')

  it.each([
    ['no proxy is believed, and TLS ends at one', {}, url, 'problem'],
    ['TLS ends here', { tlsKey: 'key.pem', tlsCert: 'cert.pem' }, url, undefined],
    ['there is no proxy and no TLS', {}, undefined, undefined],
    ['a proxy on this machine is believed', { proxyHeaders: true }, url, 'ok'],
    ['every address is trusted', { proxyHeaders: true, trustedProxies: ['0.0.0.0/0'] }, url, 'problem'],
    [
      'a socket is listened on whose proxy is not believed',
      { proxyHeaders: true, listen: [{ path: '/run/a' }] },
      url,
      'problem',
    ],
    [
      'a socket is listened on whose proxy is believed',
      { proxyHeaders: true, trustedProxies: ['unix'], listen: [{ path: '/run/a' }] },
      url,
      'ok',
    ],
    ['other machines connect, and are not believed', { proxyHeaders: true, host: '0.0.0.0' }, url, 'warning'],
    [
      'other machines connect, and are named',
      { proxyHeaders: true, host: '0.0.0.0', trustedProxies: ['10.0.0.0/8'] },
      url,
      'ok',
    ],
  ] as const)('when %s', (_when, options, given, level) => {
    expect(levelsOf(optionFindings(options, given))['proxy-headers']).toBe(level)
  })

  it('report options with which the server would not start', () => {
    expect(levelsOf(optionFindings({ pingIntervalMs: -1 }, undefined))).toEqual({ options: 'problem' })
  })
})

const http: Application<HttpScope> = async (_scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 404 })
  await send({ type: 'http.response.body', body: 'no such page' })
}

const site = defineApplication({ http, websocket: allowedHostsOriginValidator(urlRouter([path('ws/', echo)])) })

describe('URL findings', () => {
  async function find(application: Application, pathname = '/ws/'): Promise<Record<string, string>> {
    const server = await serve(application, { port: 0, logger: { debug() {}, info() {}, warn() {}, error() {} } })
    onTestFinished(() => server.close(1))
    return levelsOf(await urlFindings(new URL(pathname, server.webSocketUrl)))
  }

  it('report no problem of a sound server', async () => {
    expect(await find(site)).toEqual({ handshake: 'ok', origin: 'ok', clock: 'ok' })
  })

  it('report a server that any page may connect to', async () => {
    expect(await find(setTraits(defineApplication({ http, websocket: echo }), { checksOrigin: true }))).toMatchObject({
      origin: 'problem',
    })
  })

  it('report a server that refuses its own pages', async () => {
    const closed = defineApplication({
      http,
      websocket: allowedHostsOriginValidator(urlRouter([path('ws/', echo)]), { allowedHosts: ['example.com'] }),
    })
    expect(await find(closed)).toEqual({ origin: 'problem', clock: 'ok' })
  })

  it('report a path without a route', async () => {
    expect(await find(site, '/wss/')).toEqual({ handshake: 'problem', clock: 'ok' })
  })

  it('report a server that does not answer', async () => {
    expect(levelsOf(await urlFindings(new URL(`ws://127.0.0.1:${await freePort()}/`)))).toEqual({ url: 'problem' })
  })

  it('report a wrong clock', async () => {
    const late: Application<HttpScope> = async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200, headers: { date: 'Tue, 15 Nov 1994 08:12:31 GMT' } })
      await send({ type: 'http.response.body', body: '' })
    }
    expect(await find(defineApplication({ http: late, websocket: site }))).toMatchObject({ clock: 'warning' })
  })

  describeWith(['openssl'], 'URL findings over TLS', () => {
    it('report a cookie without Secure, and a self-signed certificate', async () => {
      const certificates = new CertificateFolder()
      onTestFinished(() => certificates.remove())
      const { key, cert, certFile } = certificates.pair()
      const server = createHttpsServer({ key, cert }, (_request, response) => {
        response.setHeader('Set-Cookie', ['safe=1; Secure; Path=/', 'sid=1; HttpOnly']).end()
      })
      const attachment = attach(server, site)
      onTestFinished(async () => {
        await attachment.close(1)
        server.closeAllConnections()
        server.close()
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const url = `wss://localhost:${(server.address() as AddressInfo).port}/ws/`
      expect(levelsOf(await urlFindings(new URL(url)))).toEqual({ url: 'problem' })
      const { report } = await doctor('sound', ['--url', url], { NODE_EXTRA_CA_CERTS: certFile })
      expect(levelsOf(report.findings)).toMatchObject({
        handshake: 'ok',
        cookies: 'problem',
        'proxy-headers': 'problem',
      })
      const { found } = report.findings.find(({ check }) => check === 'cookies')!
      expect(found).toMatch(/^sid is set without Secure/)
    })
  })

  describeWith(['nginx'], 'URL findings behind nginx', () => {
    /** What stands in the `location` of a site of nginx, and what is found through it. */
    async function through(location: (port: number) => string): Promise<readonly Finding[]> {
      const server = await serve(site, { port: 0, logger: { debug() {}, info() {}, warn() {}, error() {} } })
      onTestFinished(() => server.close(1))
      const folder = await mkdtemp(join(tmpdir(), 'tideway-doctor-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      const port = await freePort()
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`)
      const { port: upstream } = new URL(server.url)
      const config = `pid nginx.pid;
        events {}
        http {
          access_log off;
          ${temporary.join(' ')}
          server { listen 127.0.0.1:${port}; location / { ${location(Number(upstream))} } }
        }`
      await writeFile(join(folder, 'nginx.conf'), config)
      const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;']
      const nginx = await startProgram(programPath('nginx'), args, { ready: port })
      onTestFinished(async () => void (await nginx.stop()))
      return urlFindings(new URL(`ws://127.0.0.1:${port}/ws/`))
    }

    const upgrade =
      'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;'

    it('report no problem if nginx passes on all headers', async () => {
      const found = await through(
        (port) => `proxy_pass http://127.0.0.1:${port}; ${upgrade} proxy_set_header Host $http_host;`,
      )
      expect(levelsOf(found)).toEqual({ handshake: 'ok', origin: 'ok', clock: 'ok' })
    })

    it('report a lost Upgrade header', async () => {
      const found = await through((port) => `proxy_pass http://127.0.0.1:${port}; proxy_set_header Host $http_host;`)
      expect(levelsOf(found)).toEqual({ 'upgrade-header': 'problem', clock: 'ok' })
      expect(found[0]!.advice).toContain('proxy_set_header Upgrade $http_upgrade')
    })

    it('report a lost Host header, with which the pages of the site are refused', async () => {
      const found = await through((port) => `proxy_pass http://127.0.0.1:${port}; ${upgrade}`)
      expect(levelsOf(found)).toEqual({ origin: 'problem', clock: 'ok' })
      expect(found[0]!.advice).toContain('proxy_set_header Host')
    })

    it('report a server that nginx does not reach', async () => {
      const unusedPort = await freePort()
      const found = await through(() => `proxy_pass http://127.0.0.1:${unusedPort}; ${upgrade}`)
      expect(found[0]).toMatchObject({ check: 'handshake', level: 'problem', found: expect.stringContaining('502') })
    })

    it('report a redirect', async () => {
      const found = await through(() => 'return 301 https://chat.example.com$request_uri;')
      expect(found[0]).toMatchObject({
        check: 'handshake',
        level: 'problem',
        found: expect.stringContaining('redirected to https://chat.example.com/ws/'),
      })
    })
  })
})
