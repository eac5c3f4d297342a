import type { Redis, RedisOptions } from 'ioredis'
import type { LayerFinding } from 'tideway/layer'

import type { HostAddress } from './host-address.ts'
import type { FullConnectionSettings } from './connection-settings.ts'
import { makeClient } from './redis-client.ts'
import { OLDEST_VERSION } from './redis-version.ts'
import { fatalReason, isForbidden, unreachableReason, type ConnectAttempt } from './redis-errors.ts'

/** The data of a layer in Redis, which is lost if Redis evicts keys. */
export interface Evictable {
  /** A noun phrase for findings: `groups, messages that wait and the logs of kept groups`. */
  readonly what: string
  /** The level of the finding. */
  readonly level: 'warning' | 'problem'
}

/** The largest difference of the clocks that has no visible effect on expiry. */
const CLOCK_TOLERANCE_MS = 1000

/** The default of Redis, in bytes. A lower limit disconnects a busy process, which then has a gap. */
const LEAST_OUTPUT_BUFFER_BYTES = 32 * 1024 * 1024

/** Checks one Redis over a separate connection. Each problem is a finding; none is thrown. */
export async function diagnoseRedis(
  { label, options }: HostAddress,
  evictable: Evictable,
  settings: FullConnectionSettings,
): Promise<LayerFinding[]> {
  const clientOptions: RedisOptions = {
    ...options,
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    connectionName: 'tideway-doctor',
    connectTimeout: settings.connectTimeoutMs,
    commandTimeout: settings.commandTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
    enableReadyCheck: false,
  }
  let needsPassword = true
  const client = makeClient(clientOptions, () => {
    needsPassword = false
  })
  let isAccepted = false
  client.once('connect', () => {
    isAccepted = true
  })
  // The error of the failing call is often less specific.
  let lastError: Error | undefined
  client.on('error', (error: Error) => {
    lastError = error
  })
  try {
    await client.connect()
    await client.ping()
  } catch (error) {
    client.disconnect()
    const attempt = { error: lastError ?? ownError(error), usesTls: options.tls !== undefined, isAccepted }
    return [unreachable(label, attempt)]
  }
  try {
    const reachable: LayerFinding = { check: 'redis-reachable', level: 'ok', found: `Redis at ${label} answers.` }
    const found = await Promise.all([
      needsPassword ? undefined : unneededPassword(label),
      clock(label, client),
      version(label, client),
      eviction(label, client, evictable),
      scripts(label, client),
      replicationInfo(label, client),
      outputBuffer(label, client),
    ])
    return [reachable, ...found.filter((finding) => finding !== undefined)]
  } finally {
    client.disconnect()
  }
}

function unreachable(label: string, attempt: ConnectAttempt): LayerFinding {
  const { error } = attempt
  const detail = error === undefined ? '' : ` (${error.message})`
  const fatal = error === undefined ? undefined : fatalReason(error)
  return {
    check: 'redis-reachable',
    level: 'problem',
    found: `Redis at ${label} ${fatal ?? unreachableReason(attempt) + detail}.`,
    advice: 'Check that it runs, that this machine may connect to it, and that the hosts of the layer name it.',
  }
}

/** Returns `undefined` for the generic error of ioredis, which does not name the cause. */
function ownError(error: unknown): Error | undefined {
  return error instanceof Error && error.message !== 'Connection is closed.' ? error : undefined
}

function unneededPassword(label: string): LayerFinding {
  return {
    check: 'redis-password',
    level: 'warning',
    found: `Redis at ${label} needs no password, but hosts has one for it.`,
    advice: 'Set a password in Redis (requirepass, or an ACL), or check that this is the Redis that is meant.',
  }
}

/** Every layer needs scripts. Some services do not support them, and an ACL may forbid them. */
async function scripts(label: string, client: Redis): Promise<LayerFinding | undefined> {
  try {
    const sha = await client.call('SCRIPT', 'LOAD', 'return 1')
    await client.call('EVALSHA', sha as string, '0')
    return undefined
  } catch (error) {
    if (!isForbidden(error)) throw error
    return {
      check: 'redis-scripts',
      level: 'problem',
      found: `Redis at ${label} does not permit scripts (${(error as Error).message}).`,
      advice: 'Permit SCRIPT, EVALSHA and EVAL to the user of the layer, or use a Redis that has them.',
    }
  }
}

/** Kept groups read the replication id of Redis in a script. Plain groups do not. */
async function replicationInfo(label: string, client: Redis): Promise<LayerFinding | undefined> {
  const lua = "return type(redis.pcall('INFO', 'replication')) == 'string' and 1 or 0"
  const isPermitted = await permitted(client.call('EVAL', lua, '0'))
  if (isPermitted !== 0) return undefined
  return {
    check: 'redis-info',
    level: 'warning',
    found: `Redis at ${label} does not permit INFO in scripts: kept groups reject every call.`,
    advice: 'Permit INFO to the user of the layer, if the application uses kept groups.',
  }
}

/** Redis closes the connection of a subscriber that is slower than its messages for this many bytes. */
async function outputBuffer(label: string, client: Redis): Promise<LayerFinding | undefined> {
  const name = 'client-output-buffer-limit'
  const [, limits] = ((await permitted(client.call('CONFIG', 'GET', name))) ?? []) as string[]
  const bytes = Number(/pubsub (\d+)/.exec(limits ?? '')?.[1] ?? 0)
  if (bytes === 0 || bytes >= LEAST_OUTPUT_BUFFER_BYTES) return undefined
  return {
    check: 'redis-output-buffer',
    level: 'warning',
    found: `Redis at ${label} disconnects a process that is ${bytes} bytes behind with its messages (${name}).`,
    advice: 'Set "client-output-buffer-limit pubsub 32mb 8mb 60", which is the default, or a higher limit.',
  }
}

async function version(label: string, client: Redis): Promise<LayerFinding | undefined> {
  const info = await permitted(client.info('server'))
  const [, text, major] = /redis_version:((\d+)\.\S+)/.exec(info ?? '') ?? []
  if (text === undefined) return undefined
  const isOld = Number(major) < OLDEST_VERSION
  return {
    check: 'redis-version',
    level: isOld ? 'problem' : 'ok',
    found: `Redis at ${label} is version ${text}.`,
    advice: isOld ? `Use version ${OLDEST_VERSION} or later.` : undefined,
  }
}

async function eviction(label: string, client: Redis, { what, level }: Evictable): Promise<LayerFinding | undefined> {
  const info = await permitted(client.info('memory'))
  const policy = /maxmemory_policy:(\S+)/.exec(info ?? '')?.[1]
  const limit = Number(/maxmemory:(\d+)/.exec(info ?? '')?.[1])
  if (policy === undefined) return undefined
  const check = 'redis-eviction'
  if (policy === 'noeviction') {
    return { check, level: 'ok', found: `Redis at ${label} drops no keys when its memory is full (noeviction).` }
  }
  const advice = 'Set "maxmemory-policy noeviction", or give the layer a Redis of its own.'
  if (limit === 0) {
    const found = `Redis at ${label} has the policy ${policy}: with a maxmemory, it drops ${what} when its memory is full.`
    return { check, level: 'warning', found, advice }
  }
  return {
    check,
    level,
    found: `Redis at ${label} drops keys when its memory is full (${policy}), and so ${what}.`,
    advice,
  }
}

async function clock(label: string, client: Redis): Promise<LayerFinding | undefined> {
  const before = Date.now()
  const time = await permitted(client.time())
  if (time === undefined) return undefined
  // The middle of the round trip, which is not part of the difference.
  const here = (before + Date.now()) / 2
  const [seconds, microseconds] = time
  const apartMs = Math.abs(Number(seconds) * 1000 + Number(microseconds) / 1000 - here)
  const isApart = apartMs > CLOCK_TOLERANCE_MS
  return {
    check: 'redis-clock',
    level: isApart ? 'warning' : 'ok',
    found: isApart
      ? `The clock of Redis at ${label} differs from this machine's by ${(apartMs / 1000).toFixed(1)} s: data expires too early or too late.`
      : `The clock of Redis at ${label} agrees with this machine's.`,
    advice: isApart ? 'Synchronize both machines with a time server (chrony, systemd-timesyncd).' : undefined,
  }
}

/** Resolves with `undefined` if the service does not permit the command: then there is no finding. */
async function permitted<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw error
  }
}
