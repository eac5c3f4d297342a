import { describe, expect, it } from 'vitest'
import { inspectionOf } from '../../../src/asgi/inspection.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { InspectedConnections, type InspectedConnection } from '../../../src/server/inspector/inspected-connections.ts'

/** The inspected connections of a server with clients, whose closes it records. */
function crowd(size: number): { readonly inspected: InspectedConnections; readonly closed: number[] } {
  const inspected = new InspectedConnections()
  const closed: number[] = []
  const all = new Set<InspectedConnection>()
  inspected.watch(all)
  for (let i = 0; i < size; i++) {
    const connection = { bufferedBytes: i % 100, shutDown: () => void closed.push(i) }
    const client = { host: `10.0.${i >> 8}.${i & 255}`, port: 1 }
    const scope = { type: 'websocket', rawPath: '/ws/', queryString: '', client } as WebSocketScope
    // The stream of HTTP/2 counts no bytes.
    const socket = i % 2 === 0 ? {} : { bytesRead: i, bytesWritten: 10 * i }
    inspected.connecting(connection, socket, scope)
    const user = { id: i % 1000, username: '', isAuthenticated: true }
    inspectionOf(scope)!.consumer('ChatConsumer', { ...scope, user } as WebSocketScope)
    all.add(connection)
  }
  return { inspected, closed }
}

const query = { search: '', sort: 'id', isDescending: false, offset: 0, limit: 50 } as const

describe('the list of 10,000 connections', () => {
  const { inspected, closed } = crowd(10_000)

  it('has pages of the whole order, without a connection twice', () => {
    const ids = Array.from({ length: 200 }, (_, page) =>
      inspected.list({ ...query, sort: 'bufferedBytes', offset: page * 50 }).rows.map(({ id }) => id),
    ).flat()
    expect(new Set(ids).size).toBe(10_000)
    const { rows } = inspected.list({ ...query, sort: 'bufferedBytes', isDescending: true })
    expect(rows.every(({ bufferedBytes }) => bufferedBytes === 99)).toBe(true)
  })

  it('sorts connections without rates before the others', () => {
    const { rows } = inspected.list({ ...query, sort: 'inPerSecond', offset: 4990, limit: 20 })
    expect(rows.map(({ inPerSecond }) => inPerSecond === null)).toEqual(Array.from({ length: 20 }, (_, i) => i < 10))
  })

  it('finds a part of a user or an address', () => {
    expect(inspected.list({ ...query, search: '10.0.39.' })).toMatchObject({ total: 10_000, matching: 16 })
    expect(inspected.list({ ...query, search: '#10000' }).rows).toMatchObject([{ id: 10_000, user: '999' }])
  })

  it('disconnects all connections of a user', () => {
    expect(inspected.disconnect({ user: '7' }, 1008, '')).toBe(10)
    expect(closed).toEqual(Array.from({ length: 10 }, (_, i) => i * 1000 + 7))
  })
})
