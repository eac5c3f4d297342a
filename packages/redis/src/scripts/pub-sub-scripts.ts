import type { RedisScript } from '../redis-script.ts'
import { dequeue } from './dequeue.ts'
import { enqueueJob } from './enqueue-job.ts'
import { hold } from './hold.ts'
import { requeueJob } from './requeue-job.ts'

/** The scripts of the pub/sub layer, to be loaded when a connection is made. */
export const pubSubScripts: readonly RedisScript[] = [enqueueJob, dequeue, requeueJob, hold]
