import type { LoadChild, ServerChild } from './child.ts'
import { alone, together, type Contender } from './contenders.ts'
import type { LossSettings, ScenarioName } from './results.ts'

/** What a scenario can do while messages are published. */
export interface Stage {
  readonly servers: ServerChild[]
  readonly loads: readonly LoadChild[]
  readonly settings: LossSettings
  /** Waits until this part of the messages under faults has been published. */
  at(part: number): Promise<void>
  startServer(): Promise<ServerChild>
}

/** A fault and the servers that are measured in it. */
export interface Scenario {
  readonly name: ScenarioName
  readonly title: string
  /** What happens, for the page. */
  words(settings: LossSettings): string
  readonly contenders: readonly Contender[]
  /** Server processes. The publisher is in another one if there are several. */
  readonly processes: number
  readonly defaults: LossSettings
  /** Whether the harness cuts all clients again and again. */
  readonly cuts: boolean
  readonly minCutShare: number
  /** Returns what went wrong with the fault. */
  fault(stage: Stage): Promise<string | undefined>
}

const defaults: LossSettings = {
  clients: 1000,
  roomSize: 100,
  messages: 240,
  rate: 2,
  calmSeconds: 20,
  everySeconds: 15,
  awaySeconds: 2,
  shards: 2,
}

function loadWords({ clients, roomSize, messages, rate, calmSeconds }: LossSettings): string {
  const all = clients.toLocaleString('en-US')
  return (
    `${all} clients, each in a room of ${all} and in one of ${roomSize}. Each room gets ${rate} messages per second: ` +
    `${calmSeconds} s of them without a fault, and ${messages} messages after that.`
  )
}

async function tellPorts({ servers, loads }: Stage): Promise<void> {
  const ports = servers.map(({ port }) => port)
  await Promise.all(loads.map((load) => load.order({ do: 'ports', ports })))
}

const jitter: Scenario = {
  name: 'jitter',
  title: 'clients that are cut all the time',
  words: (settings) =>
    `${loadWords(settings)} The bench destroys the TCP connection of each client about every ${settings.everySeconds} s, and ` +
    `connects it again after exactly ${settings.awaySeconds} s.`,
  contenders: alone,
  processes: 1,
  defaults,
  cuts: true,
  minCutShare: 0.95,
  fault: () => Promise.resolve(undefined),
}

const crash: Scenario = {
  name: 'crash',
  title: 'a server that is killed',
  words: (settings) =>
    `${loadWords(settings)} Half of the clients are on each of two servers. In the middle one server is killed with \`kill -9\`, ` +
    'and its clients connect to the other one 0.5 to 1.5 s later.',
  contenders: together,
  processes: 2,
  defaults: { ...defaults, messages: 80, calmSeconds: 10 },
  cuts: false,
  minCutShare: 0.4,
  async fault(stage) {
    await stage.at(0.5)
    const [killed] = stage.servers.splice(0, 1)
    await killed!.stop('SIGKILL')
    await tellPorts(stage)
    return killed!.signal === 'SIGKILL' ? undefined : 'the server had ended before it was killed'
  },
}

/** Seconds between the restarts of two servers. */
const BETWEEN_RESTARTS_MS = 3000

const avalanche: Scenario = {
  name: 'avalanche',
  title: 'a rolling restart',
  words: (settings) =>
    `${loadWords(settings)} Two servers are restarted with \`SIGTERM\`, one after the other. Clients whose connection closes connect ` +
    'to the other server 0.5 to 1.5 s later; clients of tideway open their next connection when the server announces its end.',
  contenders: together,
  processes: 2,
  defaults: { ...defaults, clients: 2000, messages: 80, calmSeconds: 10 },
  cuts: false,
  minCutShare: 0,
  async fault(stage) {
    await stage.at(0.05)
    for (let restarts = 0; restarts < 2; restarts++) {
      const [old] = stage.servers.splice(0, 1)
      await tellPorts(stage)
      await old!.stop('SIGTERM')
      stage.servers.push(await stage.startServer())
      await tellPorts(stage)
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_RESTARTS_MS))
    }
    return undefined
  },
}

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = { jitter, crash, avalanche }
