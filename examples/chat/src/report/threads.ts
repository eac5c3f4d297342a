import { databaseSyncToAsync, moduleUrl, syncToAsync } from 'tideway/worker'

import type * as reports from './reports.ts'
import type * as words from './words.ts'

const wordsModule = moduleUrl<typeof words>('./words.js', import.meta.url)
const reportsModule = moduleUrl<typeof reports>('./reports.js', import.meta.url)

// What computes, in the threads for that.
export const countWords = syncToAsync(wordsModule, 'countWords')
export const drawWords = syncToAsync(wordsModule, 'drawWords')

// What waits for the disk, in those for that.
export const keepReport = databaseSyncToAsync(reportsModule, 'keepReport')
export const lastReport = databaseSyncToAsync(reportsModule, 'lastReport')
export const picture = databaseSyncToAsync(reportsModule, 'picture')
