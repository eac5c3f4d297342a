import { databaseSyncToAsync, moduleUrl, syncToAsync } from 'tideway/worker'

import type * as reports from './reports.ts'
import type * as words from './words.ts'

const wordsModule = moduleUrl<typeof words>('./words.js', import.meta.url)
const reportsModule = moduleUrl<typeof reports>('./reports.js', import.meta.url)

// CPU-bound functions, in the threads for computation.
export const countWords = syncToAsync(wordsModule, 'countWords')
export const drawWords = syncToAsync(wordsModule, 'drawWords')

// Functions that wait for the disk, in the threads for databases.
export const keepReport = databaseSyncToAsync(reportsModule, 'keepReport')
export const lastReport = databaseSyncToAsync(reportsModule, 'lastReport')
export const textsOf = databaseSyncToAsync(reportsModule, 'textsOf')
export const picture = databaseSyncToAsync(reportsModule, 'picture')
