import { scaleOf, scaleOfGroups } from '../cells.ts'
import { cost, type LoadReport, type Phase, type Reader } from '../load-report.ts'
import { against, CPU_A_DELIVERY, type RowOfSuite, type Suite } from '../suite.ts'

const CONNECTIONS = [1, 10, 100, 1000, 10_000, 50_000]
const GROUPS = [1, 100, 10_000]

/** With fewer connections, their memory is less than the garbage of a server that has just started. */
const LEAST_FOR_MEMORY = 1000

/** The number of connections in the cells that differ in their groups. */
const BESIDE_GROUPS = 10_100

const number = (value: number): string => value.toLocaleString('en-US')
const withConnections = (count: number): string => `${number(count)} ${count === 1 ? 'connection' : 'connections'}`
const own = (count: number): string => `tideway, ${withConnections(count)}`
const ownGroups = (count: number): string => `tideway, ${number(count)} ${count === 1 ? 'group' : 'groups'}`

function reading(isOf: (connections: number) => boolean, take: (phase: Phase, report: LoadReport) => number): Reader {
  return (report) => {
    const phase = report.phases[0]
    if (phase === undefined || !isOf(report.connections ?? 0)) return undefined
    return { value: take(phase, report), phase }
  }
}

const floorCell = (count: number): string => `C, ${withConnections(count)}`
const floors = CONNECTIONS.map(floorCell)

const isOfConnections = (count: number): boolean => count !== BESIDE_GROUPS
const isOfGroups = (count: number): boolean => count === BESIDE_GROUPS
const kilobytesEach = (_phase: Phase, { bytesPerConnection = 0 }: LoadReport): number => bytesPerConnection / 1000

const lower = (row: Omit<RowOfSuite, 'better'>): RowOfSuite => ({ ...row, better: 'lower' })

/** The cost that does not depend on the number of connections and groups. It is measured by name only: it takes long. */
export const scale: Suite = {
  name: 'scale',
  connections: BESIDE_GROUPS,
  cells: [
    ...CONNECTIONS.flatMap((count) => [
      scaleOf('tideway', count, own(count)),
      scaleOf('floor', count, floorCell(count)),
    ]),
    ...GROUPS.map((count) => scaleOfGroups(count, ownGroups(count))),
  ],
  rows: [
    lower({
      id: 'scale-connections',
      title: 'connections in groups of ten, 2,000 sends a second in all',
      unit: CPU_A_DELIVERY,
      read: reading(isOfConnections, cost),
      targets: [],
    }),
    lower({
      id: 'scale-memory',
      title: 'memory of a connection',
      unit: 'kB resident',
      without: floors,
      read: reading((count) => isOfConnections(count) && count >= LEAST_FOR_MEMORY, kilobytesEach),
      targets: [against(own(50_000), 1.1, own(10_000))],
    }),
    lower({
      id: 'scale-resident',
      title: 'memory of the server with all connections',
      unit: 'MB resident',
      without: floors,
      read: reading(isOfConnections, (_phase, { residentBytes = 0 }) => residentBytes / 1e6),
      targets: [],
    }),
    lower({
      id: 'scale-groups',
      title: '100 connections in groups of ten, beside 10,000 in other groups',
      unit: CPU_A_DELIVERY,
      read: reading(isOfGroups, cost),
      targets: [against(ownGroups(10_000), 1.1, ownGroups(1))],
    }),
    lower({
      id: 'scale-groups-memory',
      title: 'memory of a connection, by the number of groups of 10,000',
      unit: 'kB resident',
      read: reading(isOfGroups, kilobytesEach),
      targets: [],
    }),
  ],
}
