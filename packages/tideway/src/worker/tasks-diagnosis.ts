import { TidewayError } from '../errors/tideway-error.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'
import type { BullMq } from './redis-task-worker.ts'

const check = 'tasks'

/** The oldest major version that BullMQ supports. */
const OLDEST_REDIS = 5

/** Reads INFO from Redis, over a separate connection. */
export async function infoOf({ RedisConnection }: BullMq, options: Record<string, unknown>): Promise<string> {
  // One command without retries. BullMQ's own version check would write to the console.
  const once = { ...options, maxRetriesPerRequest: 0, retryStrategy: () => null }
  const connection = new RedisConnection(once, { blocking: false, skipVersionCheck: true })
  const failed = new Promise<never>((_resolve, reject) => connection.on('error', reject))
  try {
    return await Promise.race([connection.client.then((client) => client.info()), failed])
  } finally {
    void connection.close(true).catch(() => {})
  }
}

/** The finding for tasks without Redis. */
export const withoutRedis: LayerFinding = Object.freeze<LayerFinding>({
  check,
  level: 'warning',
  found: 'The tasks have no Redis: unfinished jobs are lost when their process ends.',
  advice: 'Give defineTasks a "redis", unless this is intended.',
})

/** The findings for the Redis of the tasks, from its INFO. */
export function redisFindings(info: string): LayerFinding[] {
  const [, version, major] = /^redis_version:((\d+)\S*)/m.exec(info) ?? []
  if (major !== undefined && Number(major) < OLDEST_REDIS) {
    const found = `The Redis of the tasks is version ${version}.`
    return [{ check, level: 'problem', found, advice: `Use version ${OLDEST_REDIS} or later.` }]
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  if (policy === undefined || policy === 'noeviction') {
    return [
      { check, level: 'ok', found: `The Redis of the tasks answers${version ? `; it is version ${version}` : ''}.` },
    ]
  }
  const isLimited = Number(/^maxmemory:(\d+)/m.exec(info)?.[1]) > 0
  const advice = 'Set "maxmemory-policy noeviction", or use a separate Redis for the tasks.'
  const found = isLimited
    ? `The Redis of the tasks drops keys, and so waiting jobs, when its memory is full (${policy}).`
    : `The Redis of the tasks has the policy ${policy}: with a maxmemory, it drops waiting jobs when its memory is full.`
  return [{ check, level: isLimited ? 'problem' : 'warning', found, advice }]
}

/** The finding for a Redis that does not answer. */
export function unusableRedis(error: unknown): LayerFinding {
  if (error instanceof TidewayError && error.code === 'ERR_MISSING_PACKAGE') {
    return { check, level: 'problem', found: error.message, advice: 'npm install bullmq ioredis' }
  }
  const reason = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error)
  return {
    check,
    level: 'problem',
    found: `The Redis of the tasks cannot be used: ${reason?.replace(/\.$/, '')}.`,
    advice: 'Check that it runs, that this machine may connect to it, and that "redis" of defineTasks is its address.',
  }
}
