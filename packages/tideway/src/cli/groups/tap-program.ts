import type { Command } from 'commander'
import { MAX_HISTORY_SIZE } from '../../layer/log/kept-groups-options.ts'
import { formatPosition, parsePosition } from '../../layer/log/position.ts'
import type { Follower } from '../../layer/log/cursor.ts'
import type { LogEntry } from '../../layer/log/event-log.ts'
import { parseNumber } from '../parse.ts'
import { translatable } from '../help/translate-help.ts'
import { groupCommand, groupFooter, withGroups, type GroupAccess, type GroupFlags } from './group-command.ts'
import { lineOf, textOf, volatileLine, type Line } from './lines.ts'
import { groupArgument, namedGroup, type NamedGroup } from './named-group.ts'
import { Recording, replay, type Replayed } from './recording.ts'

const footer = `${groupFooter}
"--record" writes what it prints as lines of JSON, and "--replay" publishes such
a file, each event once within 5 minutes.

Examples:
  tideway tap room.lobby --last 20
  tideway tap room.lobby --last 100 --no-follow --json | jq .data.text
  tideway tap room.lobby --last 1000 --record bug.jsonl
  tideway tap room.test --replay bug.jsonl
`

interface TapFlags extends GroupFlags {
  readonly last: number
  readonly since?: string
  readonly follow: boolean
  readonly record?: string
  readonly replay?: string
}

/** The command `tideway tap`. */
export function tapProgram(): Command {
  return groupCommand('tap')
    .summary('print the events of a kept group')
    .description('Print the events of a kept group, one per line: its newest ones, then those that come.')
    .argument('<group>', groupArgument)
    .option('--last <number>', 'how many of the newest events to print first', parseNumber(0, MAX_HISTORY_SIZE), 0)
    .option('--since <position>', 'first print what follows this position')
    .option('--no-follow', 'end when these are printed')
    .option('--record <file>', 'also write them to a new file')
    .option('--replay <file>', 'publish the events of such a file instead')
    .addHelpText('after', translatable(footer))
    .action(async (given: string, flags: TapFlags) => {
      await withGroups(flags, async (access) => {
        const group = namedGroup(access, given)
        if (flags.replay === undefined) await tap(access, group, flags)
        else {
          const replayed = await replay(access, group, flags.replay)
          console.log(flags.json === true ? JSON.stringify(replayed) : replayText(replayed))
        }
      })
    })
}

/** Resolves at the end of the tap: a signal, a closed standard output, or the newest event with `--no-follow`. */
async function tap({ keptGroups }: GroupAccess, group: NamedGroup, flags: TapFlags): Promise<void> {
  const recording = flags.record === undefined ? undefined : new Recording(flags.record)
  const printed = new Printer(flags.json === true, recording)
  const isState = group.state !== undefined
  const follower: Follower = {
    onEntry: (entry) => printed.entry(entry),
    onVolatile: (body) => {
      const line = volatileLine(body)
      if (line !== undefined) void printed.line(line)
    },
    onReset: ({ why, values = [] }) => {
      console.error(`The log does not continue the position (${why}): events are missing here.`)
      return printed.entries(values)
    },
  }
  const since = flags.since === undefined ? undefined : parsePosition(flags.since)
  const followed = await keptGroups.follow(group.name, follower, { since, last: flags.last, isState })
  const { recovered, why, position, top, values = [], cursor } = followed
  if (!recovered && why !== undefined) console.error(`The log does not continue ${flags.since} (${why}).`)
  await printed.entries(values)
  const ended = printed.until(flags.follow ? undefined : top.offset, position.offset)
  if (flags.follow) console.error(`Following ${group.given} from ${formatPosition(top)}. Press Ctrl+C to end.`)
  cursor.start()
  await ended
  cursor.close()
  await recording?.close()
}

/** Prints lines, and waits while standard output or the file is full: the cursor of the tap pauses. */
class Printer {
  readonly #asJson: boolean
  readonly #recording: Recording | undefined
  #offset = 0
  #last: number | undefined
  #end: (() => void) | undefined

  constructor(asJson: boolean, recording: Recording | undefined) {
    this.#asJson = asJson
    this.#recording = recording
  }

  /** Resolves when the entry at `last` is printed, or at a signal. */
  until(last: number | undefined, offset: number): Promise<void> {
    this.#last = last
    this.#offset = offset
    return new Promise((resolve) => {
      this.#end = resolve
      process.once('SIGINT', resolve).once('SIGTERM', resolve)
      // The reader has ended, such as "head".
      process.stdout.on('error', () => resolve())
      this.#endIfDone()
    })
  }

  async entry(entry: LogEntry): Promise<void> {
    await this.line(lineOf(entry))
    this.#offset = entry.offset
    this.#endIfDone()
  }

  async entries(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) await this.line(lineOf(entry))
  }

  async line(line: Line): Promise<void> {
    await this.#recording?.write(line)
    const text = this.#asJson ? JSON.stringify(line) : textOf(line)
    await new Promise<void>((resolve) => void process.stdout.write(`${text}\n`, () => resolve()))
  }

  #endIfDone(): void {
    if (this.#last !== undefined && this.#offset >= this.#last) this.#end?.()
  }
}

function replayText({ published, duplicates, volatile, values }: Replayed): string {
  const events = `${published} events, ${duplicates} that were published before, ${volatile} volatile events`
  return `Replayed ${events} and ${values} changes of values.`
}
