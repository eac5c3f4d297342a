import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../server/serving.ts'
import { Command, fixture } from './command.ts'

const application = fixture('workers/application.ts')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideway-workers-'))
})
afterAll(() => rm(folder, { recursive: true }))

function serving(flags: readonly string[], env: NodeJS.ProcessEnv = {}): Command {
  return new Command(['serve', application, ...flags], { env })
}

/** Which worker answers, by default on a connection of its own. */
async function pidAt(
  target: string | { readonly socketPath: string },
  path = '/',
  agent: Agent | false = false,
): Promise<string> {
  const options = typeof target === 'string' ? { ...addressOf(target), path } : { ...target, path }
  const [response] = (await once(request({ ...options, agent }).end(), 'response')) as [IncomingMessage]
  return (await response.setEncoding('utf8').toArray()).join('')
}

function addressOf(url: string): { readonly host: string; readonly port: string } {
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/[[\]]/g, ''), port }
}

/** Asks until so many workers have answered: who accepts a connection is the kernel's choice. */
async function pidsOf(url: string, workers: number): Promise<string[]> {
  const pids = new Set<string>()
  while (pids.size < workers) {
    const answers = await Promise.all(Array.from({ length: 16 }, () => pidAt(url)))
    for (const pid of answers) pids.add(pid)
  }
  return [...pids]
}

interface Greeted {
  readonly client: WebSocket
  readonly pid: string
  /** The code that it is closed with. */
  readonly closed: Promise<number>
}

async function greeted(url: string): Promise<Greeted> {
  const client = new WebSocket(url.replace('http', 'ws'))
  const closed = once(client, 'close').then(([code]) => code as number)
  const [pid] = (await once(client, 'message')) as [Buffer]
  return { client, pid: pid.toString(), closed }
}

function isAlive(pid: string): boolean {
  try {
    process.kill(Number(pid), 0)
    return true
  } catch {
    return false
  }
}

/** Goes on connecting, by HTTP and by WebSocket, until it is told to end. */
class Knocking {
  /** What was answered, or why not, and how often. */
  readonly outcomes = new Map<string, number>()
  readonly #url: string
  #isOver = false
  readonly #lanes: readonly Promise<void>[]

  constructor(url: string) {
    this.#url = url
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    this.#lanes = [
      this.#knock(() => this.#request(false)),
      this.#knock(() => this.#request(agent)),
      this.#knock(() => this.#handshake()),
    ]
  }

  async end(): Promise<Record<string, number>> {
    this.#isOver = true
    await Promise.all(this.#lanes)
    return Object.fromEntries(this.outcomes)
  }

  async #knock(once: () => Promise<string>): Promise<void> {
    while (!this.#isOver) {
      const outcome = await once().catch((error: unknown) => String(error))
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
      // Often enough, and leaves the workers some time to start.
      await delay(5)
    }
  }

  async #request(agent: Agent | false): Promise<string> {
    await pidAt(this.#url, '/', agent)
    return agent === false ? 'answered' : 'answered over a connection that is kept'
  }

  async #handshake(): Promise<string> {
    const { client } = await greeted(this.#url)
    client.close()
    return 'opened'
  }
}

describe('tideway serve --workers 2', () => {
  it('listens on all addresses, replaces crashed workers, replaces all at SIGHUP, and stops in order', async () => {
    const socketPath = join(folder, 'workers.sock')
    const plan = join(folder, 'plan')
    await writeFile(plan, '')
    const where = ['--port', '0', '--listen', '[::1]:0', '--unix-socket', socketPath, '--unix-socket-mode', '600']
    const command = serving(['--workers', '2', '--drain-window', '0', ...where], { PLAN: plan })
    const [, url, overIPv6] = await command.says(/Listening on (http:\S+)\nListening on (http:\S+)\nListening on unix:/)

    const pids = await pidsOf(url!, 2)
    expect(pids).toContain(await pidAt(overIPv6!))
    expect(pids).toContain(await pidAt({ socketPath }))
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600)
    expect(pids).not.toContain(String(command.process.pid))

    const crashed = await pidAt(url!, '/exit')
    await command.says(new RegExp(`Worker ${crashed} ended with exit code 7\\. The next worker starts in`))
    const [, fresh] = await command.says(/Worker (\d+) listens\./)
    const now = await pidsOf(url!, 2)
    expect(now).toContain(fresh)
    expect(now).not.toContain(crashed)

    const visitor = await greeted(url!)
    const knocking = new Knocking(url!)
    command.process.kill('SIGHUP')
    await command.says(/All workers were replaced\./)
    const outcomes = await knocking.end()
    expect(Object.keys(outcomes).toSorted()).toEqual(['answered', 'answered over a connection that is kept', 'opened'])
    expect(await visitor.closed).toBe(1012)
    const replaced = await pidsOf(url!, 2)
    expect(replaced.filter((pid) => now.includes(pid))).toEqual([])
    expect(replaced).toContain(await pidAt({ socketPath }))

    await writeFile(plan, 'throw')
    command.process.kill('SIGHUP')
    await command.says(/planned to throw[^]*the restart stops, and the old workers keep running/)
    expect(replaced).toContain(await pidAt(url!))

    const clients = await Promise.all([greeted(url!), greeted(overIPv6!)])
    command.process.kill('SIGTERM')
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([1012, 1012])
    expect(await command.exitCode()).toBe(0)
    for (const pid of replaced) expect(command.output).toContain(`${pid} shutdown`)
    await expect(stat(socketPath)).rejects.toMatchObject({ code: 'ENOENT' })
    // Nine processes, on a machine that may be busy.
  }, 240_000)

  it('prints once why the application does not start, and exits with 1', async () => {
    const plan = join(folder, 'broken')
    await writeFile(plan, 'throw')
    const command = serving(['--workers', '4', '--port', '0'], { PLAN: plan })
    expect(await command.exitCode()).toBe(1)
    expect(command.output.split('Error: planned to throw')).toHaveLength(2)
  })

  it('refuses a layer in memory without a folder for the hub, unless the application needs no groups', async () => {
    const command = serving(['--port', '0'], { WEB_CONCURRENCY: '2', GROUPS: 'yes', TMPDIR: join(folder, 'missing') })
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toMatch(
      /^tideway: WEB_CONCURRENCY is 2, but the channel layer "default" works in one process only: the workers have no hub \(ENOENT/,
    )
  })

  it('listens on sockets of systemd', async () => {
    const parent = createServer().listen(0, '127.0.0.1')
    await once(parent, 'listening')
    const { port } = parent.address() as AddressInfo
    const { ['_handle']: handle } = parent as unknown as { readonly _handle: { readonly fd: number } }
    // systemd names the process in LISTEN_PID, which only a shell in between can do here.
    const command = new Command(['serve', application, '--workers', '2'], {
      descriptors: [handle.fd],
      env: { LISTEN_FDS: '1' },
      before: 'LISTEN_PID=$$',
    })
    parent.close()
    expect(await command.url()).toBe(`http://127.0.0.1:${port}`)
    expect(await pidsOf(`http://127.0.0.1:${port}`, 2)).toHaveLength(2)
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })
})

it('tideway serve --workers 2 recovers after it ran out of descriptors', async () => {
  const command = new Command(['serve', application, '--workers', '2', '--port', '0', '--keep-alive-timeout', '60'], {
    before: 'ulimit -n 250;',
  })
  const url = await command.url()
  const { host, port } = addressOf(url)
  const clients: Socket[] = []
  onTestFinished(() => clients.forEach((client) => client.destroy()))
  // More than both workers together can have, in an order in which they can be taken.
  while (clients.length < 600) {
    const some = Array.from({ length: 20 }, () => connect(Number(port), host).on('error', () => {}))
    clients.push(...some)
    const answers = some.map((client) => {
      client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      return once(client.resume(), 'data').catch(() => {})
    })
    await Promise.race([Promise.all(answers), delay(100)])
  }
  for (const client of clients) client.destroy()
  await eventually(() => pidAt(url).catch(() => '')).toMatch(/^\d+$/)
  expect(await pidsOf(url, 2)).toHaveLength(2)
}, 120_000)

describe('the workers of tideway serve', { timeout: 120_000 }, () => {
  it('close their connections and end if their primary process is killed', async () => {
    const temporary = await mkdtemp(join(folder, 'temporary-'))
    const command = serving(['--workers', '2', '--port', '0'], { TMPDIR: temporary })
    const url = await command.url()
    const [pids, client] = [await pidsOf(url, 2), await greeted(url)]
    expect((await readdir(temporary)).filter((name) => name.includes('serve'))).toHaveLength(1)
    command.process.kill('SIGKILL')
    expect(await client.closed).toBe(1012)
    await eventually(() => pids.filter((pid) => isAlive(pid))).toEqual([])
    await command.says(new RegExp(`${client.pid} disconnect 1012`))
    expect((await readdir(temporary)).filter((name) => name.includes('serve'))).toEqual([])
  })

  it('end at once, with 1, at a second signal', async () => {
    const command = serving(['--workers', '2', '--port', '0'], { STUCK: 'yes' })
    const url = await command.url()
    const [pids, client] = [await pidsOf(url, 2), await greeted(url)]
    command.process.kill('SIGTERM')
    expect(await client.closed).toBe(1012)
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(1)
    await eventually(() => pids.filter((pid) => isAlive(pid))).toEqual([])
  })

  it('end in order at SIGTERM in the middle of a restart', async () => {
    const command = serving(['--workers', '2', '--port', '0'])
    const url = await command.url()
    const client = await greeted(url)
    command.process.kill('SIGHUP')
    await command.says(/Restarting the workers/)
    command.process.kill('SIGTERM')
    expect(await client.closed).toBe(1012)
    expect(await command.exitCode()).toBe(0)
    expect(command.output).not.toContain('All workers were replaced')
  })
})
