import { readFileSync } from 'node:fs'
import type { Application, Scope } from 'tideway/asgi'
import { describe, expect, it } from 'vitest'

import { channelScope, httpScope, webSocketScope } from './connections.ts'
import { application, mounted, seen, tenants, withFallback } from './guide-examples.ts'

const guide = readFileSync(new URL('../../../../docs/guides/routing.md', import.meta.url), 'utf8')
const examples = readFileSync(new URL('guide-examples.ts', import.meta.url), 'utf8')

/** Connects, goes at once, and answers with what the examples have seen. */
async function visit<S extends Scope>(application: Application<S>, scope: S): Promise<unknown[]> {
  seen.length = 0
  const events = [{ type: 'websocket.connect' }]
  const receive = () => events.shift() ?? { type: 'websocket.disconnect', code: 1005, reason: '' }
  await (application as Application)(scope, receive, () => {})
  return [...seen]
}

describe('docs/guides/routing.md', () => {
  it('contains only code that this test compiles and runs', () => {
    const blocks = Array.from(guide.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code!.trimEnd())
    expect(blocks).toHaveLength(5)
    const parts = blocks.flatMap((block) => block.split('\n\n'))
    for (const part of parts) expect(examples).toContain(part)
  })

  it('contains routes that call the applications that it names', async () => {
    expect(await visit(application, webSocketScope('/ws/chat/lobby/'))).toEqual(['lobby'])
    expect(await visit(application, webSocketScope('/ws/대화/chat/'))).toEqual(['대화'])
    expect(await visit(application, httpScope('/'))).toEqual([])
    expect(await visit(tenants, webSocketScope('/t/acme/rooms/7/'))).toEqual([{ tenant: 'acme', roomId: 7 }])
    expect(await visit(tenants, webSocketScope('/admin/acme/rooms/7/'))).toEqual([{ tenant: 'acme', roomId: 7 }])
    expect(await visit(mounted, webSocketScope('/files/ada/a/b.txt'))).toEqual([['ada', 'a/b.txt']])
    const user = { id: 1, username: 'ada', isAuthenticated: true }
    await expect(visit(withFallback, { ...webSocketScope('/x/'), user })).rejects.toThrow('There is nothing at /x/.')
    await expect(visit(application, channelScope('unknown'))).rejects.toMatchObject({ code: 'ERR_NO_APPLICATION' })
  })
})
