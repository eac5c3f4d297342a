import type { RedisScript } from '../../connection/redis-script.ts'
import { dequeue } from './dequeue.ts'
import { enqueueJob } from './enqueue-job.ts'
import { hold } from './hold.ts'
import { requeueJob } from './requeue-job.ts'

/** The scripts of the pub/sub layer, which each new connection loads. */
export const pubSubScripts: readonly RedisScript[] = [enqueueJob, dequeue, requeueJob, hold]
