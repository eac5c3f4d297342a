import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

import Sqlite from 'libsql'

/** The longest wait of a write for other threads and processes, in milliseconds. */
const BUSY_MS = 10_000

let opened: Database | undefined

/** The part of a SQLite library that the chat uses. Its calls are synchronous. */
export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): Statement
}

/** A statement with `?` for its values. */
export interface Statement {
  run(...values: readonly Value[]): { changes: number }
  get(...values: readonly Value[]): unknown
  all(...values: readonly Value[]): unknown[]
}

type Value = string | number | null

/**
 * The database of the chat, opened at the first use: the file of `CHAT_DATABASE`, or
 * `data/chat.db`. Several processes of one machine may share it.
 */
export function database(): Database {
  opened ??= open(process.env.CHAT_DATABASE || fileURLToPath(new URL('../data/chat.db', import.meta.url)))
  return opened
}

function open(file: string): Database {
  mkdirSync(dirname(file), { recursive: true })
  const database = new Sqlite(file, { timeout: BUSY_MS }) as unknown as Database
  // With a write-ahead log a commit does not wait for the disk. A crash of the machine can lose only the last commits.
  database.exec(`
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS accounts (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL,
      folded TEXT NOT NULL UNIQUE,
      password TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS sessions (
      id TEXT PRIMARY KEY,
      account INTEGER,
      data TEXT NOT NULL,
      ends INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS sessions_of_account ON sessions (account);
    CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (ends);
    CREATE TABLE IF NOT EXISTS messages (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      room TEXT NOT NULL,
      previous INTEGER NOT NULL,
      at INTEGER NOT NULL,
      user TEXT NOT NULL,
      message TEXT NOT NULL,
      author TEXT NOT NULL,
      owner TEXT NOT NULL DEFAULT '',
      key TEXT NOT NULL,
      UNIQUE (room, author, key)
    );
    CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, number);
    -- Keeps the last 1,000 messages of a room, and 100,000 in total.
    CREATE TRIGGER IF NOT EXISTS tidy AFTER INSERT ON messages WHEN NEW.number % 50 = 0 BEGIN
      DELETE FROM messages WHERE room = NEW.room AND number <=
        (SELECT number FROM messages WHERE room = NEW.room ORDER BY number DESC LIMIT 1 OFFSET 1000);
      DELETE FROM messages WHERE number <= NEW.number - 100000;
    END;
    CREATE TABLE IF NOT EXISTS rooms (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS rooms_by_time ON rooms (at);
    CREATE TABLE IF NOT EXISTS reports (
      room TEXT PRIMARY KEY,
      at INTEGER NOT NULL,
      words TEXT NOT NULL,
      svg TEXT
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS reports_by_time ON reports (at);
  `)
  upgrade(database)
  return database
}

/** Migrates a file of an earlier version of the chat. */
function upgrade(database: Database): void {
  // One process at a time, because another one may open the same file.
  database.exec('BEGIN IMMEDIATE')
  // Old hashes do not include their cost.
  database.exec(`
    UPDATE accounts SET password = '$scrypt$ln=15,r=8,p=3$' || replace(password, '.', '$')
    WHERE password NOT LIKE '$%'
  `)
  // Old messages have the tab that wrote them, but not the person.
  if (database.prepare("SELECT 1 FROM pragma_table_info('messages') WHERE name = 'owner'").get() === undefined) {
    database.exec("ALTER TABLE messages ADD COLUMN owner TEXT NOT NULL DEFAULT ''")
  }
  database.exec('COMMIT')
}

/** A value that the first process creates and all processes share, such as a secret. */
export function settled(name: string, make: () => string): string {
  database().prepare('INSERT INTO about VALUES (?, ?) ON CONFLICT DO NOTHING').run(name, make())
  return (database().prepare('SELECT value FROM about WHERE name = ?').get(name) as { value: string }).value
}
