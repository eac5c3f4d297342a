import type { Reader } from './load-report.ts'
import type { Target } from './results.ts'
import type { ServerKey, Variant } from './servers.ts'

/** Arguments of the load: see the head of load/load.c. */
export interface Load {
  readonly mode: 'fanout' | 'echo' | 'connect' | 'groups' | 'storm' | 'http'
  readonly arguments: Readonly<Record<string, string | number>>
}

/** One server and one load: each time in processes of their own. */
export interface Cell {
  readonly name: string
  readonly server: ServerKey
  readonly variant?: Variant
  readonly load: Load
  /** Two processes with Redis between them, the sender on one and all members on the other, whose time is measured. */
  readonly crossesRedis?: boolean
  /** Not bound to a processor. */
  readonly isFree?: boolean
  /**
   * How many files a process has open in this cell of the mode `groups`. Above the limit of the system the connections, groups and
   * sends are divided between several servers, each with a load of its own.
   */
  readonly connections?: number
}

/** A figure that is taken from what the cells of a suite give. */
export interface RowOfSuite {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** Cells that do not belong into this row. */
  readonly without?: readonly string[]
  readonly read: Reader
  readonly targets: readonly Target[]
}

/** Measurements that are made together. */
export interface Suite {
  readonly name: string
  /** How many files a process has open at most, except in cells that state their own number. */
  readonly connections: number
  /** All cells are measured at the same time, so that other work of the machine affects all of them equally. */
  readonly isAtOnce?: boolean
  readonly cells: readonly Cell[]
  readonly rows: readonly RowOfSuite[]
}

/** The units of most rows. */
export const CPU_A_DELIVERY: string = 'µs of CPU a delivery'
export const CPU_A_MESSAGE: string = 'µs of CPU a message'

/** The name of the consumer of the seed, and of the whole stack. */
export const CONSUMER: string = 'tideway'

/** At most so many times what the peer has, or at least, where higher is better; of another row, if one is named. */
export function against(name: string, factor: number, peer: string, row?: string): Target {
  return { name, factor, against: row === undefined ? { name: peer } : { name: peer, row } }
}
