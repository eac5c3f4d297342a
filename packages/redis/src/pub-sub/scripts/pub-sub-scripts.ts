import type { RedisScript } from '../../connection/redis-script.ts'
import { append } from '../../log/scripts/append.ts'
import { read } from '../../log/scripts/read.ts'
import { presenceScripts } from '../../presence/scripts/presence-scripts.ts'
import { dequeue } from './dequeue.ts'
import { enqueueJob } from './enqueue-job.ts'
import { hold } from './hold.ts'
import { requeueJob } from './requeue-job.ts'

/** The scripts of the pub/sub layer and of event logs and of presence, which each new connection loads. */
export const pubSubScripts: readonly RedisScript[] = [
  enqueueJob,
  dequeue,
  requeueJob,
  hold,
  append,
  read,
  ...presenceScripts,
]
