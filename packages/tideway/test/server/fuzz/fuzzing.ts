import { fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { request as requestTls } from 'node:https'
import { request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { expect, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { KeyPair } from '../tls/certificates.ts'
import type { LeftOver } from './fixture/server.ts'
import { Random } from './random.ts'
import { fromSources } from '../../../../../test/setup/from-sources.ts'

/** Longer in CI than elsewhere, and more with each run, whose seed is new. TIDEWAY_FUZZ_SECONDS changes it. */
export const seconds = Number(process.env['TIDEWAY_FUZZ_SECONDS'] ?? (process.env['CI'] === 'true' ? 25 : 15))
/** A new seed each time. TIDEWAY_FUZZ_SEED repeats one: each connection then sends the same bytes. */
const seed = Number(process.env['TIDEWAY_FUZZ_SEED'] ?? randomInt(2 ** 31))

const CONNECTIONS = 40
/** How much of the heap may have moved: what 2,000 connections would leave if each left two kilobytes. */
const LEEWAY_BYTES = 4_000_000
/** How long a correct client waits, on a machine that is busy with the others. */
const PATIENCE_MS = 30_000
const CHILD = fileURLToPath(new URL('fixture/server.ts', import.meta.url))

/** The fuzzed server: without TLS, or with TLS. */
export interface Target {
  /** @default without TLS */
  readonly pair?: KeyPair
  /** The bytes of a connection. */
  attack(random: Random): Buffer[]
}

/** One connection: sends what the number of the attack says, as slowly and to such an end as it says. */
async function run(port: number, { attack, pair }: Target, number: number): Promise<void> {
  const random = new Random(seed + number)
  const options = { port, host: '127.0.0.1', allowHalfOpen: random.is(0.3) }
  // A few connections do not speak TLS to a TLS server.
  const isTls = pair !== undefined && random.is(0.9)
  const socket = isTls ? connectTls({ ...options, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : connect(options)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  if (random.is(0.9)) socket.resume()
  const all = Buffer.concat(attack(random))
  // Usually in one write, otherwise in pieces of random length, without the last one in some cases.
  const pieces = random.is(0.6) ? 1 : 1 + random.below(8)
  const end = random.is(0.8) ? all.length : random.below(all.length + 1)
  for (let i = 0; i < pieces && !socket.destroyed; i++) {
    socket.write(all.subarray(Math.floor((end * i) / pieces), Math.floor((end * (i + 1)) / pieces)))
    await delay(random.below(pieces > 1 ? 10 : 2))
  }
  await leave(socket, random, closed)
}

async function leave(socket: Socket, random: Random, closed: Promise<void>): Promise<void> {
  const how = random.next()
  if (how < 0.3) socket.end()
  // A TLS socket cannot do it.
  else if (how < 0.5 && !(socket instanceof TLSSocket)) socket.resetAndDestroy()
  else if (how < 0.7) socket.destroy()
  // By then the server has responded, or is waiting for more.
  await Promise.race([closed, delay(random.below(400))])
  socket.destroy()
  await closed
}

/** A correct client is still served. */
async function isServed(port: number, isTls: boolean): Promise<void> {
  const options = { port, host: '127.0.0.1', method: 'POST', rejectUnauthorized: false, agent: false } as const
  const asked = (isTls ? requestTls : request)(options).end('hello')
  const [response] = (await once(asked, 'response', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [IncomingMessage]
  expect((await response.setEncoding('utf8').toArray()).join('')).toBe('hello')
  const socket = new WebSocket(`${isTls ? 'wss' : 'ws'}://127.0.0.1:${port}/`, { rejectUnauthorized: false })
  const echoed = new Promise<void>((resolve, reject) => {
    // Other clients send messages to all clients.
    socket.on('message', (data: Buffer) => data.toString() === 'hello' && resolve())
    socket.on('error', reject).on('close', (code) => reject(new Error(`Closed with ${code}.`)))
    socket.on('open', () => socket.send('hello'))
  })
  await Promise.race([echoed, delay(PATIENCE_MS).then(() => Promise.reject(new Error('There was no echo.')))])
  socket.close()
  await once(socket, 'close')
}

/** Attacks a server for a time, and measures its leftovers. @param warmUp connections before the first measurement */
export async function fuzz(target: Target, forSeconds: number, warmUp: number): Promise<void> {
  const child = fork(CHILD, {
    execArgv: [...fromSources, '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TLS_KEY: target.pair?.keyFile, TLS_CERT: target.pair?.certFile },
  })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const [port] = (await once(child, 'message')) as [number]
  const leftOver = async (): Promise<LeftOver> => {
    child.send('left over?')
    const [answer] = (await once(child, 'message', { signal: AbortSignal.timeout(30_000) })) as [LeftOver]
    return answer
  }
  /** Waits until ending connections have ended. */
  const settled = async (most = { bytes: Infinity, descriptors: Infinity }): Promise<LeftOver> => {
    let now = await leftOver()
    const until = performance.now() + 40_000
    const isOver = ({ sockets, webSockets, bytes, descriptors }: LeftOver): boolean =>
      sockets > 0 || webSockets > 0 || bytes > most.bytes || descriptors > most.descriptors
    while (isOver(now) && performance.now() < until) {
      await delay(500)
      now = await leftOver()
    }
    return now
  }
  let number = 0
  const attackUntil = async (isOver: () => boolean): Promise<void> => {
    const one = async (): Promise<void> => {
      while (!isOver() && !hasEnded()) await run(port, target, number++)
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, one))
  }

  try {
    await attackUntil(() => number >= warmUp)
    await isServed(port, target.pair !== undefined)
    const before = await settled()
    const end = performance.now() + forSeconds * 1000
    const probing = (async () => {
      while (performance.now() < end && !hasEnded()) {
        await isServed(port, target.pair !== undefined)
        await delay(500)
      }
    })()
    await Promise.all([probing, attackUntil(() => performance.now() >= end)])
    await isServed(port, target.pair !== undefined)
    const after = await settled({ bytes: before.bytes + LEEWAY_BYTES, descriptors: before.descriptors })
    process.stdout.write(
      `fuzz: seed ${seed}, ${number} connections, ${((after.bytes - before.bytes) / 1e6).toFixed(2)} MB more\n`,
    )
    // Fewer are no leak: the server opens a descriptor for a moment, now and then, to see whether one is left. That is also why
    // settled() waits for it.
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors)
    expect(after).toMatchObject({
      sockets: 0,
      webSockets: 0,
      requests: 0,
      groups: 0,
      channels: 0,
      errors: [],
    })
    expect(after.bytes).toBeLessThan(before.bytes + LEEWAY_BYTES)
  } catch (error) {
    throw new Error(
      `${hasEnded() ? 'The server has ended. ' : ''}Repeat it with TIDEWAY_FUZZ_SEED=${seed} TIDEWAY_FUZZ_SECONDS=${seconds} (${number} connections were made).`,
      { cause: error },
    )
  }
}
