import { databaseSyncToAsync, moduleUrl, syncToAsync } from 'tideway/worker'
import type * as archive from './archive.ts'
import type * as words from './words.ts'

const archiveModule = moduleUrl<typeof archive>('./archive.js', import.meta.url)

// Functions that wait for the disk, in the threads for databases.
export const saveMessage = databaseSyncToAsync(archiveModule, 'saveMessage')
export const lastMessages = databaseSyncToAsync(archiveModule, 'lastMessages')

// A function that computes, in the threads for computation.
export const countWords = syncToAsync(moduleUrl<typeof words>('./words.js', import.meta.url), 'countWords')
