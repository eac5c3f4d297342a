import { mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AccessLogFile } from '../../src/cli/access-log-file.ts'
import type { AccessEntry } from '../../src/server/observe/access-log/access-entry.ts'
import { eventually } from '../server/serving.ts'

const entry = { type: 'http', time: new Date(0), method: 'GET', path: '/', status: 200 } as unknown as AccessEntry

let folder: string
let file: string
const printed = vi.spyOn(console, 'error')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideway-log-'))
  file = join(folder, 'access.log')
  printed.mockReset().mockImplementation(() => {})
})
afterEach(() => rm(folder, { recursive: true }))

/** Has the name lead to another file, as a disk that has room again. */
async function leadTo(target: string): Promise<void> {
  await symlink(target, `${file}.next`)
  await rename(`${file}.next`, file)
}

const lines = (): unknown[] => printed.mock.calls.map(([line]) => line as unknown)

// Each write to /dev/full fails with ENOSPC, as on a full disk.
describe.skipIf(process.platform !== 'linux')('an access log on a full disk', () => {
  it('reports a full disk once, writes again when there is room, and reports missing lines', async () => {
    await leadTo('/dev/full')
    const log = await AccessLogFile.open(file, 'json', { firstMs: 5, mostMs: 10 })
    const writing = setInterval(() => log.write(entry), 1)
    try {
      await eventually(lines).toHaveLength(1)
      expect(lines()[0]).toMatch(
        /^tideway: The access log cannot be written: ENOSPC.* Lines are dropped until it can be written\.$/,
      )
      await leadTo(join(folder, 'room.log'))
      await eventually(lines).toHaveLength(2)
      expect(lines()[1]).toMatch(/^tideway: The access log is written again, without the dropped lines\./)
      await eventually(() => readFile(file, 'utf8')).toMatch(/^\{.*\}\n/)
    } finally {
      clearInterval(writing)
    }
  })

  it('writes again at once after reopen()', async () => {
    await leadTo('/dev/full')
    const log = await AccessLogFile.open(file, 'json', { firstMs: 1e6, mostMs: 1e6 })
    log.write(entry)
    await eventually(lines).toHaveLength(1)
    await leadTo(join(folder, 'room.log'))
    await log.reopen()
    log.write(entry)
    await eventually(() => readFile(file, 'utf8')).toMatch(/\n$/)
    await eventually(lines).toHaveLength(2)
  })
})
