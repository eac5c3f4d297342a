import { randomUUID } from 'node:crypto'

import { databaseSyncToAsync, moduleUrl } from 'tideway/worker'

import { settled } from '../database.ts'
import type * as history from './history.ts'

const module = moduleUrl<typeof history>('./history.js', import.meta.url)

/** The id of this history. The numbers of messages are valid only within one database. */
export const historyId = settled('history', randomUUID)

// The queries of history.ts, in threads with a connection each, so that the event loop does not wait for the disk.
export const append = databaseSyncToAsync(module, 'append')
export const after = databaseSyncToAsync(module, 'after')
export const before = databaseSyncToAsync(module, 'before')
export const textsOf = databaseSyncToAsync(module, 'textsOf')
