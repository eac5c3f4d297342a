import Database from 'libsql'

/** One file for everything. A write waits up to 10 s for those of other threads and processes. */
export const database = new Database(process.env.DATABASE ?? 'chat.db', { timeout: 10_000 })
