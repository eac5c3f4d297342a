import Sqlite from 'libsql'
import { expect, it } from 'vitest'

import './temporary-database.ts'
import { database } from '../../examples/chat/src/database.ts'
import { accountOf } from '../../examples/chat/src/people/accounts.ts'
import { before } from '../../examples/chat/src/room/archive.ts'

it('opens a file of an earlier version, with its accounts and messages', async () => {
  const earlier = new Sqlite(process.env.CHAT_DATABASE!)
  earlier.exec(`
    CREATE TABLE accounts (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL,
      folded TEXT NOT NULL UNIQUE,
      password TEXT NOT NULL
    );
    INSERT INTO accounts (name, folded, password) VALUES
      ('Anna', 'anna', 'c2FsdHNhbHRzYWx0c2FsdA==.VjlxsxAgR6D2tenHbDt+BFHXoCVbV2+WFkL3f83AFDc=');
    CREATE TABLE messages (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      room TEXT NOT NULL,
      previous INTEGER NOT NULL,
      at INTEGER NOT NULL,
      user TEXT NOT NULL,
      message TEXT NOT NULL,
      author TEXT NOT NULL,
      key TEXT NOT NULL,
      UNIQUE (room, author, key)
    );
    INSERT INTO messages (room, previous, at, user, message, author, key) VALUES ('lobby', 0, 1, 'Anna', 'Hello', 'a', 'k');
  `)
  earlier.close()
  expect(await accountOf('anna', 'correct horse battery')).toEqual({ id: 1, name: 'Anna' })
  expect(before('lobby', 10, 10)).toEqual([
    { number: 1, previous: 0, at: 1, user: 'Anna', message: 'Hello', author: 'a', owner: '', key: 'k' },
  ])
  const [{ password }] = database().prepare('SELECT password FROM accounts').all() as [{ password: string }]
  expect(password).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$c2Fsd/)
})
