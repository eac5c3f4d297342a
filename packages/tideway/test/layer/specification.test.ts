import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { channelLayerDefaults, InMemoryChannelLayer } from 'tideway/layer'
import { DEFAULT_CAPACITY, DEFAULT_MAX_MESSAGE_BYTES, MAX_NAME_LENGTH } from 'tideway/layer/kit'
import { MAX_QUEUES } from '../../src/layer/local-channels.ts'
import { MAX_WAITING_SEND_BYTES, MAX_WAITING_SENDS } from '../../src/layer/turn-queue.ts'

const page = read('../../../../docs/spec/channel-layer.md')

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

/** The cells of the rows of the table under a heading of the page, without their code marks. */
function rowsUnder(heading: string): string[][] {
  const lines = page.slice(page.indexOf(`\n## ${heading}\n`)).split('\n')
  const start = lines.findIndex((line) => line.startsWith('|---'))
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  return lines.slice(start + 1, end).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

describe('docs/spec/channel-layer.md', () => {
  it.each(['broadcast-channel-layer.ts', 'broadcast-channel-layer.test.ts', 'in-memory-contract.test.ts'])(
    'shows %s as it is in the code',
    (file) => {
      const source = read(file)
        .split('\n')
        .filter((line) => !line.includes('oxlint-disable'))
        .join('\n')
      expect(page).toContain(`\`\`\`ts\n${source}\`\`\``)
    },
  )

  it('names every call of the interface, and no other', () => {
    const source = read('../../src/layer/channel-layer.ts')
    const declared = source.slice(source.indexOf('export interface ChannelLayer {')).matchAll(/^ {2}(\w+)\??\(/gm)
    const calls = rowsUnder('Methods').map(([call]) => call!.replace(/\(.*/, ''))
    expect(calls).toEqual(Array.from(declared, ([, name]) => name))
    const layer = new InMemoryChannelLayer()
    const optional = ['ready', 'diagnose', 'pendingCallOf']
    for (const call of calls.filter((name) => !optional.includes(name))) expect(layer).toHaveProperty(call)
  })

  it('states the bounds of the code', () => {
    expect(rowsUnder('Limits').map(([, bound]) => bound)).toEqual([
      `${MAX_NAME_LENGTH} characters`,
      `${DEFAULT_MAX_MESSAGE_BYTES} bytes`,
      '100 levels',
      String(DEFAULT_CAPACITY),
      `${channelLayerDefaults.expiry} seconds`,
      `${channelLayerDefaults.groupExpiry} seconds`,
      String(MAX_QUEUES),
      String(MAX_WAITING_SENDS),
      String(MAX_WAITING_SEND_BYTES),
    ])
  })

  it('names every reason of a dropped message', () => {
    const reasons = Object.keys(new InMemoryChannelLayer().stats().dropped)
    expect(page).toContain(`by reason (${reasons.map((reason) => `\`${reason}\``).join(', ')})`)
  })
})
