import { describe, it } from 'vitest'
import { describeEventLog } from 'tideway/layer/contract'
import { MemoryEventLog } from 'tideway/layer/kit'

describeEventLog('MemoryEventLog', () => new MemoryEventLog(), {
  runner: { describe, it },
  close: (log) => log.close(),
})
