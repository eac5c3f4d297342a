import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { historyDefaults, keepDefaults, keptGroupsDefaults } from 'tideway/layer'
import { MAX_DELETIONS, MAX_EPOCHS } from 'tideway/layer/kit'
import {
  ANSWER_TTL_MS,
  CLAIM_TTL_MS,
  HEAD_TTL_MS,
  MAX_HISTORY_SIZE,
  MAX_ID_LENGTH,
  MAX_KEY_LENGTH,
  MAX_KEYS,
} from '../../../src/layer/log/kept-groups-options.ts'
import { MAX_ANSWER_CHARACTERS, MAX_ANSWERS } from '../../../src/layer/log/memory-answers.ts'

const page = read('../../../../../docs/spec/logs.md')

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

/** The bounds of the table of limits, by their options or, without an option, by what they limit. */
function limits(): Record<string, string> {
  const table = page.slice(page.indexOf('\n## Limits\n')).split('\n\n')[1]!
  const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')))
  return Object.fromEntries(rows.map(([, what, bound, option]) => [option === '' ? what! : option!, bound!]))
}

describe('docs/spec/logs.md', () => {
  it('shows the test of the log in memory as it is in the code', () => {
    expect(page).toContain(`\`\`\`ts\n${read('memory-event-log.test.ts')}\`\`\``)
  })

  it('names every call of the port, and no other', () => {
    const source = read('../../../src/layer/log/event-log.ts')
    const port = source.slice(source.indexOf('export interface EventLog {'))
    const methods = page.slice(page.indexOf('\n## Methods\n'), page.indexOf('\n## Append\n'))
    const calls = Array.from(methods.matchAll(/^\| `(\w+)\(/gm), ([, name]) => name)
    const declared = Array.from(port.matchAll(/^ {2}(\w+)\(/gm), ([, name]) => name)
    expect(new Set(calls)).toEqual(new Set(declared))
  })

  it('states the bounds of the code', () => {
    const { maxEventBytes, ...others } = keptGroupsDefaults
    for (const [option, bound] of Object.entries(others)) {
      expect(limits()[`keptGroups.${option}`]).toBe(option.endsWith('Ms') ? `${bound} ms` : String(bound))
    }
    expect(limits()).toMatchObject({
      'keptGroups.maxEventBytes': `${maxEventBytes} bytes`,
      'history.size': `${historyDefaults.size}, at most ${MAX_HISTORY_SIZE}`,
      'history.ttlMs': `${historyDefaults.ttlMs} ms`,
      'time to live of the head after the last append or read': `${HEAD_TTL_MS} ms, or 10 times history.ttlMs if that is longer`,
      'an id': `${MAX_ID_LENGTH} characters`,
      'time to live of a claim that is not extended, of an answer': `${CLAIM_TTL_MS} ms, ${ANSWER_TTL_MS} ms`,
      'claims and answers of a process, in memory': `${MAX_ANSWERS}, ${MAX_ANSWER_CHARACTERS} characters`,
      'starts of epochs': String(MAX_EPOCHS),
      'keep.maxKeys': `${keepDefaults.maxKeys}, at most ${MAX_KEYS}`,
      'keep.maxBytes': `${keepDefaults.maxBytes} bytes`,
      'keep.ttlMs': `${keepDefaults.ttlMs} ms`,
      'a key': `${MAX_KEY_LENGTH} characters`,
      'deletions of a group': String(MAX_DELETIONS),
    })
  })
})
