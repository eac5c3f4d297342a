import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'

import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'

import { cost, mergeReports, perCpuSecond, type LoadReport, type Phase } from '../../bench/src/load-report.ts'
import { divide, dividedWords, inTurn, measureSuite, type Pass } from '../../bench/src/measure.ts'
import { loadProgram } from '../../bench/src/programs.ts'
import { reasonIn, startServer } from '../../bench/src/server-process.ts'
import { scaleOf } from '../../bench/src/cells.ts'
import type { Server } from '../../bench/src/servers.ts'
import type { Suite } from '../../bench/src/suite.ts'
import { describeWith } from '../setup/describe-with.ts'

// Of processor time: on a busy machine it takes several times as long.
const pass: Pass = { runs: 1, seconds: 0.1, maxFiles: 1000, say: () => {} }

const ofTheFloor: Suite = {
  name: 'small',
  connections: 5,
  cells: [
    {
      name: 'floor',
      server: 'floor',
      load: { mode: 'fanout', arguments: { conns: 5, windows: '2,1', settlems: 1, warmms: 10 } },
    },
  ],
  rows: [
    {
      id: 'small',
      title: 'small',
      unit: 'µs',
      better: 'lower',
      read: ({ phases: [phase] }) => (phase === undefined ? undefined : { value: cost(phase), phase }),
      targets: [],
    },
  ],
}

describe('the order of a run', () => {
  it('starts with a different server each time, runs backwards every second time, and includes all servers', () => {
    const items = ['a', 'b', 'c']
    expect(inTurn(items, 0)).toEqual(['a', 'b', 'c'])
    expect(inTurn(items, 1)).toEqual(['a', 'c', 'b'])
    expect(inTurn(items, 2)).toEqual(['c', 'a', 'b'])
    expect(inTurn([], 1)).toEqual([])
    expect(items).toEqual(['a', 'b', 'c'])
  })
})

describe('the result of a phase', () => {
  it('has the cost per message and the messages per second of processor time', () => {
    const phase: Phase = {
      delivered: 2000,
      seconds: 1,
      serverCpuNs: 1e7,
      serverBusy: 0.01,
      loadBusy: 0,
      p50Ms: 0,
      p99Ms: 0,
    }
    expect(cost(phase)).toBe(5)
    expect(perCpuSecond(phase)).toBe(200_000)
  })
})

describe('a cell with more connections than a process may open', () => {
  const cell = scaleOf('floor', 1000, 'floor')

  it('is divided between as few processes as possible, with a line that names the fix', () => {
    const parts = divide(cell, 600)
    expect(parts.map(({ load }) => load.arguments)).toMatchObject([
      { conns: 500, groups: 50, hz: 1000 },
      { conns: 500, groups: 50, hz: 1000 },
    ])
    expect(dividedWords(cell, 600)).toBe(
      'floor: in 2 server processes, because the limit of open files is 600; ulimit -n 1100 allows one process',
    )
  })

  it('stays whole at the limit', () => {
    expect(divide(cell, 1100)).toEqual([cell])
    expect(dividedWords(cell, 1100)).toBeUndefined()
    expect(divide(ofTheFloor.cells[0]!, 1)).toEqual(ofTheFloor.cells)
  })

  it('has the sum of what its processes did, and the mean memory of a connection', () => {
    const phase = { delivered: 10, seconds: 1, serverCpuNs: 1e4, serverBusy: 0.2, loadBusy: 0.1, p50Ms: 1, p99Ms: 2 }
    const report = (connections: number, bytesPerConnection: number): LoadReport => ({
      phases: [{ ...phase, seconds: connections }],
      connections,
      residentBytes: 100,
      bytesPerConnection,
    })
    expect(mergeReports([report(1, 20), report(3, 40)])).toEqual({
      phases: [{ ...phase, servers: 2, delivered: 20, seconds: 3, serverCpuNs: 2e4, serverBusy: 0.4, loadBusy: 0.2 }],
      connections: 4,
      residentBytes: 200,
      bytesPerConnection: 35,
    })
  })
})

describe('a suite', () => {
  it('is skipped if it needs more open files than allowed, with a line that names the fix', async () => {
    const outcome = await measureSuite({ ...ofTheFloor, connections: 10_000 }, { ...pass, maxFiles: 1024 })
    const reason = 'it needs 10100 open files a process, and the limit is 1024: raise it with ulimit -n 10100'
    expect(outcome).toEqual({ rows: [], skipped: [{ what: 'small', reason }], hasFailed: false })
  })

  const fake = (more: Partial<Server>): Server => ({
    name: 'floor',
    chat: '/',
    echo: '/',
    command: () => ({ command: process.execPath, args: ['-e', 'throw new Error("not today")'] }),
    version: () => '1',
    ...more,
  })

  it('skips a server that is not installed, and prints the reason in one line', async () => {
    const floor = fake({ missing: () => 'not installed; npm run bench -- peers installs it' })
    const { rows, skipped, hasFailed } = await measureSuite(ofTheFloor, { ...pass, runs: 2, servers: { floor } })
    expect(rows[0]!.figures).toEqual([])
    expect(skipped).toEqual([{ what: 'floor', reason: 'not installed; npm run bench -- peers installs it' }])
    expect(hasFailed).toBe(false)
  })

  it('skips a peer that does not start, and fails if it is tideway', async () => {
    const peer = await measureSuite(ofTheFloor, { ...pass, runs: 2, servers: { floor: fake({}) } })
    expect(peer.skipped).toEqual([{ what: 'floor in small', reason: 'failed: Error: not today' }])
    expect(peer.hasFailed).toBe(false)
    const cells = [{ ...ofTheFloor.cells[0]!, name: 'tideway', server: 'tideway' as const }]
    const own = await measureSuite({ ...ofTheFloor, cells }, { ...pass, servers: { tideway: fake({}) } })
    expect(own.skipped).toEqual([{ what: 'tideway in small', reason: 'failed: Error: not today' }])
    expect(own.hasFailed).toBe(true)
  })

  it('omits peers that were not selected', async () => {
    const { rows, skipped } = await measureSuite(ofTheFloor, { ...pass, peers: ['ws'] })
    expect(rows[0]!.figures).toEqual([])
    expect(skipped).toEqual([])
  })
})

describe('a server that does not start', () => {
  it('is reported with the line that names the error', () => {
    expect(reasonIn('file:1\nimport x\n^^^\nError: no x\n    at a (b)\n')).toBe('Error: no x')
    expect(reasonIn('Traceback:\n  File "a"\nModuleNotFoundError: No module named x\n')).toBe(
      'ModuleNotFoundError: No module named x',
    )
    expect(reasonIn('taskset: failed to execute x\n')).toBe('taskset: failed to execute x')
    expect(reasonIn('')).toBe('it ended without output')
  })

  it('is not awaited after its exit', async () => {
    const command = { command: process.execPath, args: ['-e', 'throw new Error("I do not want to")'] }
    await expect(startServer(command, 'any')).rejects.toThrow('Error: I do not want to')
    await expect(startServer({ command: '/no/such/program', args: [] }, 'any')).rejects.toThrow('ENOENT')
  })
})

describeWith(['cc'], 'the load', () => {
  const stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()))
  })

  /** A WebSocket server in this process. */
  async function serve(onMessage: (socket: WebSocket, data: Buffer, isBinary: boolean) => void): Promise<number> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    server.on('connection', (socket, { url }) => {
      members.add(socket)
      paths.add(url!)
      socket.on('message', (data: Buffer, isBinary: boolean) => onMessage(socket, data, isBinary))
    })
    stops.push(async () => {
      for (const socket of members) socket.terminate()
      members.clear()
      paths.clear()
      server.close()
      await once(server, 'close')
    })
    return (server.address() as AddressInfo).port
  }
  const members = new Set<WebSocket>()
  const paths = new Set<string>()

  async function load(mode: string, settings: Readonly<Record<string, string | number>>): Promise<LoadReport> {
    // Long enough for an answer to come on a machine that is busy.
    const args = Object.entries({ warmms: 0, settlems: 1, seconds: 0.5, ...settings })
    const { stdout } = await promisify(execFile)(loadProgram(), [
      mode,
      ...args.map(([name, value]) => `${name}=${value}`),
    ])
    return JSON.parse(stdout) as LoadReport
  }

  it('counts what every member of a room receives, for each window', async () => {
    let broadcasts = 0
    const port = await serve((_, data) => {
      broadcasts++
      for (const member of members) member.send(data.toString())
    })
    const { phases, missing } = await load('fanout', { port, conns: 7, windows: '3,1', pids: process.pid })
    expect(missing).toBe(0)
    expect(phases.map(({ window }) => window)).toEqual([3, 1])
    const counted = phases.reduce((sum, { delivered }) => sum + delivered, 0)
    expect(counted).toBeGreaterThanOrEqual(7)
    expect(counted).toBeLessThanOrEqual(7 * broadcasts)
    for (const { serverCpuNs, p50Ms, p99Ms } of phases) {
      expect(serverCpuNs).toBeGreaterThan(0)
      expect(p50Ms).toBeGreaterThan(0)
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms)
    }
  })

  it('reports missing messages', async () => {
    const port = await serve((socket, data) => {
      for (const member of members) if (member !== socket) member.send(data.toString())
    })
    const { missing } = await load('fanout', { port, conns: 3, windows: 1, patience: 1 })
    expect(missing).toBe(1)
  })

  it('sends well-formed messages of the given length, text and binary', async () => {
    const seen = new Map<boolean, Buffer>()
    const port = await serve((socket, data, isBinary) => {
      seen.set(isBinary, data)
      socket.send(data, { binary: isBinary })
    })
    const { phases } = await load('echo', { port, conns: 2, depth: 3, bytes: 200 })
    expect(phases[0]!.delivered).toBeGreaterThan(0)
    expect(seen.get(false)).toHaveLength(200)
    expect(JSON.parse(seen.get(false)!.toString())).toEqual({
      message: expect.stringMatching(/^[0-9a-f]{16}x+$/) as string,
    })
    const binary = await load('echo', { port, conns: 2, depth: 2, bytes: 65_536, binary: 1 })
    expect(binary.phases[0]!.delivered).toBeGreaterThan(0)
    expect(seen.get(true)).toHaveLength(65_536)
  })

  it('counts HTTP responses', async () => {
    let requests = 0
    const server = createServer((_, response) => {
      requests++
      response.end('Hello')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    stops.push(async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    const { port } = server.address() as AddressInfo
    const { phases } = await load('http', { port, conns: 3, depth: 1 })
    expect(phases[0]!.delivered).toBeGreaterThan(0)
    expect(phases[0]!.delivered).toBeLessThanOrEqual(requests)
  })

  it('opens and holds connections, connects in a storm, and counts the accepted ones', async () => {
    const port = await serve((socket, data) => socket.send(data.toString()))
    const { phases } = await load('connect', { port, conns: 40, warm: 10 })
    expect(phases[0]!.delivered).toBe(30)
    const storm = await load('storm', { port, conns: 50, calm: 5, hz: 200 })
    expect(storm.phases[1]).toMatchObject({ accepted: 50, refused: 0 })
  })

  it('sends at a steady rate in groups, beside connections in other groups that only stay open', async () => {
    const port = await serve((socket, data) => socket.send(data.toString()))
    const settings = { conns: 4, groups: 2, path: '/#/', others: 6, othergroups: 3, otherpath: '/other#/', hz: 200 }
    const report = await load('groups', { port, ...settings, pids: process.pid })
    expect(report.connections).toBe(10)
    expect(report.residentBytes).toBeGreaterThan(0)
    expect(report.phases[0]!.delivered).toBeGreaterThan(0)
    expect([...paths].toSorted()).toEqual(['/0/', '/1/', '/other0/', '/other1/', '/other2/'])
  })

  it('reports a server that refuses', async () => {
    const server = createServer().on('upgrade', (_, socket) => {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stops.push(async () => {
      server.close()
      await once(server, 'close')
    })
    const { port } = server.address() as AddressInfo
    await expect(load('echo', { port, conns: 1 })).rejects.toThrow('The server refused a connection')
  })

  it('measures each cell of a suite once per run', async () => {
    const said: string[] = []
    const { rows, skipped } = await measureSuite(ofTheFloor, { ...pass, runs: 2, say: (line) => said.push(line) })
    expect(skipped).toEqual([])
    expect(rows[0]).toMatchObject({ id: 'small', figures: [{ name: 'floor' }] })
    expect(rows[0]!.figures[0]!.values).toHaveLength(2)
    expect(Math.min(...rows[0]!.figures[0]!.values)).toBeGreaterThan(0)
    expect(said).toEqual(['small, run 1 of 2: floor', 'small, run 2 of 2: floor'])
  })

  it('measures the cells of a suite at the same time, and goes on without one that fails', async () => {
    const other = { ...ofTheFloor.cells[0]!, name: 'other' }
    const broken = { ...ofTheFloor.cells[0]!, name: 'broken', load: { mode: 'echo', arguments: { bytes: 1 } } } as const
    const said: string[] = []
    const suite: Suite = { ...ofTheFloor, isAtOnce: true, cells: [broken, ...ofTheFloor.cells, other] }
    const { rows, skipped } = await measureSuite(suite, { ...pass, runs: 2, say: (line) => said.push(line) })
    expect(said).toEqual(['small, run 1 of 2: broken and floor and other', 'small, run 2 of 2: floor and other'])
    expect(skipped).toEqual([{ what: 'broken in small', reason: 'failed: bytes: 64 to 131072.' }])
    expect(rows[0]).toMatchObject({ isAtOnce: true, figures: [{ name: 'floor' }, { name: 'other' }] })
    expect(rows[0]!.figures.map(({ values }) => values.length)).toEqual([2, 2])
  })

  it('keeps a number of messages in flight in groups', async () => {
    let sends = 0
    const port = await serve((_, data) => {
      sends++
      for (const member of members) member.send(data.toString())
    })
    const { phases } = await load('groups', { port, conns: 2, groups: 1, window: 3, path: '/#/', pids: process.pid })
    expect(phases[0]!.delivered).toBeGreaterThan(0)
    expect(phases[0]!.delivered).toBeLessThanOrEqual(2 * sends)
  })

  it('continues after a failed cell, and does not repeat it', async () => {
    const broken = { ...ofTheFloor.cells[0]!, name: 'broken', load: { mode: 'echo', arguments: { bytes: 1 } } } as const
    const said: string[] = []
    const suite: Suite = { ...ofTheFloor, cells: [broken, ...ofTheFloor.cells] }
    const { rows, skipped } = await measureSuite(suite, { ...pass, runs: 2, say: (line) => said.push(line) })
    expect(skipped).toEqual([{ what: 'broken in small', reason: 'failed: bytes: 64 to 131072.' }])
    expect(rows[0]!.figures.map(({ name }) => name)).toEqual(['floor'])
    expect(said.filter((line) => line.endsWith('broken'))).toHaveLength(1)
  })
})
