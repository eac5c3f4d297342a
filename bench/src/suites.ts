import type { Suite } from './suite.ts'
import { crowd, deflate, fanout, manyGroups, redis } from './suites/broadcasts.ts'
import { handshakes, idling, storming } from './suites/connections.ts'
import { binary, echo, features, http } from './suites/exchanges.ts'
import { workers, workersConnecting, workersCost } from './suites/processes.ts'
import { scale } from './suites/scale.ts'

/** In the order in which `all` measures them. */
export const suites: readonly Suite[] = [
  fanout,
  crowd,
  echo,
  handshakes,
  idling,
  redis,
  workers,
  workersCost,
  workersConnecting,
  storming,
  manyGroups,
  binary,
  http,
  deflate,
  features,
]

/** The suites that are measured by name only, behind those of `all`. */
export const suitesByName: readonly Suite[] = [...suites, scale]
