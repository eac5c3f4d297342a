// Import this before the application: its database is a file of this test alone, gone with the process.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'tideway-chat-'))
process.env.CHAT_DATABASE = join(folder, 'chat.db')
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
