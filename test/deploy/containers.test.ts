import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'

import { DEFAULT_EXIT_TIMEOUT_MS } from '../../packages/tideway/src/cli/serve-program.ts'
import { mostToStopMs } from '../../packages/tideway/src/cli/serve-process.ts'
import { filesBelow, read, root } from '../architecture/source-files.ts'
import { startProgram } from '../setup/child-process.ts'
import { freePort } from '../setup/free-port.ts'
import { buildByHand, parseDockerfile } from './dockerfile.ts'

const stages = parseDockerfile(read('deploy/Dockerfile'))
const final = stages.at(-1)!

/** What stands behind an instruction of the last stage. */
function last(name: string): string[] {
  return final.instructions.filter((one) => one.name === name).map(({ rest }) => rest)
}

const command = JSON.parse(last('CMD')[0]!) as string[]
const port = command[command.indexOf('--port') + 1]!
const readinessPath = command[command.indexOf('--readiness-path') + 1]!

describe('deploy/Dockerfile', () => {
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-image-'))
    const ignored = read('deploy/Dockerfile.dockerignore').split('\n')
    await buildByHand(
      stages,
      ignored.filter((line) => line !== '' && !line.startsWith('#')),
      folder,
    )
  }, 120_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('is not run as root, by no shell, and may write to /data only', () => {
    expect(last('USER')).toEqual(['node'])
    expect(command[0]).toBe('node')
    expect(last('STOPSIGNAL')).toEqual(['SIGTERM'])
    expect(last('RUN')).toEqual(['mkdir -p /data && chown node:node /data'])
    expect(last('VOLUME')).toEqual(['/data'])
    expect(last('ENV')).toContain('CHAT_DATABASE=/data/chat.db')
  })

  it('leaves the compiler and what this machine has built outside', () => {
    expect(existsSync(join(folder, 'build/node_modules/typescript'))).toBe(true)
    expect(existsSync(join(folder, 'final/node_modules/typescript'))).toBe(false)
    expect(existsSync(join(folder, 'sources/packages/tideway/dist'))).toBe(false)
    expect(existsSync(join(folder, 'sources/packages/tideway/src/index.ts'))).toBe(true)
  })

  it('builds what answers its own health check, and stops in order at SIGTERM', async () => {
    const free = await freePort()
    expect(last('EXPOSE')).toEqual([port])
    const program = await startProgram(
      process.execPath,
      command.slice(1).map((word) => (word === port ? String(free) : word)),
      {
        cwd: join(folder, 'final'),
        ready: /Listening on/,
        startTimeoutMs: 60_000,
        stopTimeoutMs: 20_000,
        env: { NODE_ENV: 'production', CHAT_DATABASE: join(folder, 'chat.db'), REDIS_URL: undefined },
      },
    )
    try {
      const [node, ...check] = JSON.parse(last('HEALTHCHECK')[0]!.replace(/^.*CMD /, '')) as string[]
      expect([node, check.join(' ')]).toEqual(['node', expect.stringContaining(`:${port}${readinessPath}`)])
      const asked = (to: number): Promise<unknown> =>
        promisify(execFile)(
          process.execPath,
          check.map((word) => word.replace(`:${port}/`, `:${to}/`)),
        )
      await asked(free)
      await expect(asked(await freePort())).rejects.toThrow('Command failed')
      expect((await fetch(`http://127.0.0.1:${free}/client/index.js`)).status).toBe(200)
    } finally {
      expect(await program.stop()).toEqual({ code: 0, signal: null })
    }
  })
})

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly stop_grace_period?: string
  readonly command?: readonly string[]
}

describe('deploy/compose.yaml', () => {
  const { services, volumes } = parse(read('deploy/compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>
    readonly volumes: Readonly<Record<string, unknown>>
  }
  const servers = Object.entries(services).filter(([name]) => /^tideway\d$/.test(name))

  it('builds the image of the Dockerfile from the top of the repository', () => {
    for (const [, { build }] of servers) {
      expect(join(root, 'deploy', build!.context, build!.dockerfile)).toBe(join(root, 'deploy/Dockerfile'))
    }
  })

  it('trusts only the address of the proxy, while the image trusts none', () => {
    const { address } = /"ipv4_address":"(?<address>[\d.]+)"/.exec(JSON.stringify(services['proxy']))!.groups!
    for (const [, { command: words }] of servers) {
      expect(words).toEqual([...command, '--proxy-headers', '--trusted-proxies', address])
    }
    expect(command.filter((word) => word.includes('prox'))).toEqual([])
  })

  it('gives Redis a password, and its clients the same one', () => {
    expect(services['redis']!.command!.join()).toContain('requirepass $$REDIS_PASSWORD')
    for (const name of ['tideway1', 'tideway2', 'worker']) {
      expect(services[name]!.environment!['REDIS_URL']).toMatch(/^redis:\/\/:\$\{REDIS_PASSWORD:\?.*\}@redis:6379$/)
    }
  })

  it('sends the proxy to every process, at the port of the image, by the variables of the Caddyfile', () => {
    const { environment, volumes: mounted } = services['proxy']!
    expect(environment!['TIDEWAY']!.split(' ')).toEqual(servers.map(([name]) => `${name}:${port}`))
    const file = join(dirname('deploy/compose.yaml'), mounted![0]!.split(':')[0]!)
    const variables = [...read(file).matchAll(/\{\$(\w+):/g)].map(([, name]) => name!)
    expect(Object.keys(environment!).toSorted()).toEqual([...new Set(variables)].toSorted())
    expect(read(file)).toContain(`health_uri ${readinessPath}\n`)
  })

  it('sets variables that the chat reads, and no other', () => {
    const sources = filesBelow(['examples/chat/src'], /\.ts$/).map(read).join('\n')
    for (const [, { environment }] of servers) {
      expect(Object.keys(environment!).filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([])
    }
  })

  it('has a stop timeout above that of tideway serve', () => {
    for (const [, { stop_grace_period: grace }] of servers) {
      expect(Number.parseInt(grace!, 10) * 1000).toBeGreaterThan(mostToStopMs({}, DEFAULT_EXIT_TIMEOUT_MS))
    }
  })

  it('names only services and volumes that are there', () => {
    for (const { depends_on: needed = {}, volumes: mounted = [] } of Object.values(services)) {
      expect(Object.keys(services)).toEqual(expect.arrayContaining(Object.keys(needed)))
      const named = mounted.map((one) => one.split(':')[0]!).filter((one) => !one.startsWith('.'))
      expect(Object.keys(volumes)).toEqual(expect.arrayContaining(named))
    }
  })

  it('runs the tasks in a process without connections, from the same image', () => {
    const { command: words, image } = services['worker']!
    expect([image, words![1]]).toEqual([services['tideway1']!.image, command[1]])
    expect(words!.slice(2)).toEqual(['worker', command[3], '--tasks'])
  })
})
