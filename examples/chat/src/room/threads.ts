import { databaseSyncToAsync, moduleUrl } from 'tideway/worker'

import type * as archive from './archive.ts'

const module = moduleUrl<typeof archive>('./archive.js', import.meta.url)

// The queries of archive.ts, in threads with a connection each, so that the event loop does not wait for the disk.
export const append = databaseSyncToAsync(module, 'append')
export const before = databaseSyncToAsync(module, 'before')
