// db.ts of docs/guides/heavy-work.md: a test holds the guide equal to it.
import Database from 'libsql' // the interface of better-sqlite3

let db: Database.Database

export function onThreadStart() {
  db = new Database(process.env.DATABASE ?? 'chat.db', { timeout: 5000 })
}

export function onThreadStop() {
  db.close()
}

export function saveMessage(room: string, text: string): number {
  const insert = db.prepare('INSERT INTO messages (room, text) VALUES (?, ?)')
  return Number(insert.run([room, text]).lastInsertRowid)
}

export function createTables(): void {
  db.exec('CREATE TABLE IF NOT EXISTS messages (room TEXT, text TEXT)')
}
