import { describe, it } from 'vitest'
import { describePresenceStore } from 'tideway/layer/contract'
import { MemoryEventLog } from 'tideway/layer/kit'

describePresenceStore('MemoryEventLog', () => new MemoryEventLog(), {
  runner: { describe, it },
  close: (log) => log.close(),
})
