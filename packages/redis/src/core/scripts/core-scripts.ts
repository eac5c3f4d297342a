import type { RedisScript } from '../../connection/redis-script.ts'
import { dropExpired } from './drop-expired.ts'
import { enqueue } from './enqueue.ts'
import { groupAdd } from './group-add.ts'
import { groupMembers } from './group-members.ts'
import { heartbeat } from './heartbeat.ts'
import { leave } from './leave.ts'
import { processNames } from './process-names.ts'
import { register } from './register.ts'
import { requeue } from './requeue.ts'
import { unregister } from './unregister.ts'

/** The scripts of the core layer, which each new connection loads. */
export const coreScripts: readonly RedisScript[] = [
  dropExpired,
  enqueue,
  groupAdd,
  groupMembers,
  heartbeat,
  leave,
  processNames,
  register,
  requeue,
  unregister,
]
