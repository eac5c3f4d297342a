import { TidewayError } from '../errors/tideway-error.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'
import type { BullMq } from './redis-task-worker.ts'

const check = 'tasks'

/** The oldest that BullMQ works with. */
const OLDEST_REDIS = 5

/** What Redis says of itself, over a connection of its own. */
export async function infoOf({ RedisConnection }: BullMq, options: Record<string, unknown>): Promise<string> {
  // One question, to a Redis that is there or is not. What BullMQ finds wrong it would say on the console.
  const once = { ...options, maxRetriesPerRequest: 0, retryStrategy: () => null }
  const connection = new RedisConnection(once, { blocking: false, skipVersionCheck: true })
  const failed = new Promise<never>((_resolve, reject) => connection.on('error', reject))
  try {
    return await Promise.race([connection.client.then((client) => client.info()), failed])
  } finally {
    void connection.close(true).catch(() => {})
  }
}

/** What is found of tasks that have no Redis. */
export const withoutRedis: LayerFinding = Object.freeze<LayerFinding>({
  check,
  level: 'warning',
  found: 'The tasks have no Redis: those that wait or run are lost with their process.',
  advice: 'Give defineTasks a "redis", unless that is meant.',
})

/** What is found of the Redis of the tasks, by what it says of itself (INFO). */
export function redisFindings(info: string): LayerFinding[] {
  const [, version, major] = /^redis_version:((\d+)\S*)/m.exec(info) ?? []
  if (major !== undefined && Number(major) < OLDEST_REDIS) {
    const found = `The Redis of the tasks is version ${version}.`
    return [{ check, level: 'problem', found, advice: `Take one of version ${OLDEST_REDIS} or later.` }]
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  if (policy === undefined || policy === 'noeviction') {
    return [
      { check, level: 'ok', found: `The Redis of the tasks answers${version ? `; it is version ${version}` : ''}.` },
    ]
  }
  const isLimited = Number(/^maxmemory:(\d+)/m.exec(info)?.[1]) > 0
  const advice = 'Set "maxmemory-policy noeviction", or give the tasks a Redis of their own.'
  const found = isLimited
    ? `The Redis of the tasks drops keys when its memory is full (${policy}), and so jobs that wait.`
    : `The Redis of the tasks has the policy ${policy}: once it is given a maxmemory, it drops jobs that wait when that is full.`
  return [{ check, level: isLimited ? 'problem' : 'warning', found, advice }]
}

/** What is found of a Redis that cannot be asked. */
export function unusableRedis(error: unknown): LayerFinding {
  if (error instanceof TidewayError && error.code === 'ERR_MISSING_PACKAGE') {
    return { check, level: 'problem', found: error.message, advice: 'npm install bullmq ioredis' }
  }
  const reason = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error)
  return {
    check,
    level: 'problem',
    found: `The Redis of the tasks cannot be used: ${reason?.replace(/\.$/, '')}.`,
    advice: 'See that it runs, that this machine may connect to it, and that the "redis" of defineTasks names it.',
  }
}
