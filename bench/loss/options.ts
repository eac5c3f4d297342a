import { parseArgs } from 'node:util'
import { UsageError } from '../src/usage-error.ts'
import { alone, together } from './contenders.ts'
import type { LossSettings, ScenarioName } from './results.ts'
import { scenarios } from './scenarios.ts'

/** The command of the bench of loss. */
export interface LossTask {
  readonly scenarios: readonly ScenarioName[]
  /** Instead of the defaults of the scenarios. */
  readonly settings: Partial<LossSettings>
  readonly servers: readonly string[] | undefined
  readonly out: string | undefined
}

export const SCENARIOS: readonly string[] = Object.keys(scenarios)

const options = {
  clients: { type: 'string' },
  'room-size': { type: 'string' },
  messages: { type: 'string' },
  rate: { type: 'string' },
  calm: { type: 'string' },
  every: { type: 'string' },
  away: { type: 'string' },
  shards: { type: 'string' },
  servers: { type: 'string' },
  out: { type: 'string' },
} as const

/** The setting of each flag, and whether it must be whole. */
const flags: readonly (readonly [keyof typeof options, keyof LossSettings, boolean])[] = [
  ['clients', 'clients', true],
  ['room-size', 'roomSize', true],
  ['messages', 'messages', true],
  ['rate', 'rate', false],
  ['calm', 'calmSeconds', false],
  ['every', 'everySeconds', false],
  ['away', 'awaySeconds', false],
  ['shards', 'shards', true],
]

export const lossHelp = `npm run bench -- jitter [crash] [avalanche]
                                      what clients lose: when they are cut all the time, when one of two servers is
                                      killed, and in a rolling restart. --clients N --room-size N --messages N --rate N
                                      --calm S --every S --away S --shards N --servers a,b --out FILE
                                      Servers: ${[...new Set([...alone, ...together].map(({ key }) => key))].join(', ')}`

export function parseLoss(args: readonly string[]): LossTask {
  const { positionals, values } = parse(args)
  const unknown = positionals.find((name) => !SCENARIOS.includes(name))
  if (unknown !== undefined) throw new UsageError(`There is no "${unknown}" beside ${SCENARIOS.join(', ')}.`)
  const settings = flags.flatMap(([flag, name, isWhole]) => {
    const text = values[flag]
    return text === undefined ? [] : [[name, positive(`--${flag}`, text, isWhole)]]
  })
  const known = [...alone, ...together].map(({ key }) => key)
  const servers = values.servers?.split(',')
  const stranger = servers?.find((key) => !known.includes(key))
  if (stranger !== undefined) throw new UsageError(`There is no server "${stranger}": ${known.join(', ')}.`)
  return {
    scenarios: [...new Set(positionals)] as ScenarioName[],
    settings: Object.fromEntries(settings) as Partial<LossSettings>,
    servers,
    out: values.out,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function positive(flag: string, text: string, isWhole: boolean): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && Number.isFinite(value) && (!isWhole || Number.isInteger(value))) return value
  throw new UsageError(`${flag} has to be a ${isWhole ? 'whole ' : ''}number above 0, not "${text}".`)
}
