import { database } from './database.ts'

export interface Message {
  key: string
  user: string
  text: string
}

database.exec('CREATE TABLE IF NOT EXISTS messages (key TEXT PRIMARY KEY, room TEXT NOT NULL, user TEXT, text TEXT)')
database.exec('CREATE INDEX IF NOT EXISTS messages_of_rooms ON messages (room)')
const insert = database.prepare('INSERT OR IGNORE INTO messages (key, room, user, text) VALUES (?, ?, ?, ?)')
const newest = database.prepare('SELECT key, user, text FROM messages WHERE room = ? ORDER BY rowid DESC LIMIT ?')

/** Saves a message once: a second one with the same key has no effect. */
export function saveMessage(room: string, { key, user, text }: Message): void {
  insert.run([key, room, user, text])
}

/** The newest messages of a room, the oldest of them first. */
export function lastMessages(room: string, count: number): Message[] {
  return (newest.all([room, count]) as Message[]).toReversed()
}
