import type { Message } from '../channel-layer.ts'
import { LocalChannels } from '../local-channels.ts'
import { MemoryEventLog } from '../log/memory-event-log.ts'
import type { SurveyedGroups, SurveyOptions } from '../log/group-survey.ts'
import { frame, kinds, type Hello } from './frame.ts'
import { HubSurveys, type Surveyed } from './hub-surveys.ts'

/** A process of the layer, as its hub sees it. */
export interface HubProcess extends Surveyed {
  /** The groups with members in the process. */
  readonly groups: Set<string>
  /** The groups with followers in the process. */
  readonly watched: Set<string>
  /** Sends the frame, or returns `false` if the queue is full. A frame over the bound is sent alone. */
  sendBounded(bytes: Buffer): boolean
  sendToGroup(group: string, bytes: Buffer): void
  sendEntry(bytes: Buffer): void
  /** Members of the group have missed messages. */
  missed(group: string): void
  /** Entries of logs may be missing. */
  logGap(): void
  destroy(): void
}

/** The engine of one layer in the hub: its processes and their groups, its general channels, its logs. */
export class HubLayer {
  readonly log: MemoryEventLog = new MemoryEventLog()
  readonly surveys: HubSurveys = new HubSurveys()
  /** The general channels. Their messages are the bytes that a process has sent. */
  readonly #jobs: LocalChannels
  readonly #processes = new Map<string, HubProcess>()
  /** The processes with members, by group. */
  readonly #groups = new Map<string, Set<HubProcess>>()
  /** The processes with followers, by group. */
  readonly #watchers = new Map<string, Set<HubProcess>>()
  /** The capacity in the frame that is handled now. */
  #capacity = 0

  constructor({ expiryMs, groupExpiryMs }: Hello) {
    this.#jobs = new LocalChannels({ expiryMs, groupExpiryMs, capacityOf: () => this.#capacity })
    this.log.onGap(() => {
      for (const connection of this.#processes.values()) connection.logGap()
    })
  }

  enter(process: string, connection: HubProcess): void {
    // The process has reconnected, and its old connection has not ended yet.
    this.#processes.get(process)?.destroy()
    this.#processes.set(process, connection)
  }

  leave(process: string, connection: HubProcess): void {
    for (const group of connection.groups) this.unsubscribe(group, connection)
    for (const group of connection.watched) this.unwatch(group, connection)
    if (this.#processes.get(process) === connection) this.#processes.delete(process)
  }

  subscribe(group: string, connection: HubProcess): void {
    connection.groups.add(group)
    addTo(this.#groups, group, connection)
  }

  unsubscribe(group: string, connection: HubProcess): void {
    connection.groups.delete(group)
    removeFrom(this.#groups, group, connection)
  }

  watch(group: string, connection: HubProcess): void {
    connection.watched.add(group)
    if (!addTo(this.#watchers, group, connection)) return
    const sendAll = (bytes: Buffer): void => {
      for (const watcher of this.#watchers.get(group) ?? []) watcher.sendEntry(bytes)
    }
    void this.log.watch(group, {
      onEntry: ({ epoch, offset, body }) => sendAll(frame(kinds.entry, group, `${epoch}:${offset}:${body}`)),
      onVolatile: (body) => sendAll(frame(kinds.volatile, group, body)),
    })
  }

  unwatch(group: string, connection: HubProcess): void {
    connection.watched.delete(group)
    if (removeFrom(this.#watchers, group, connection)) this.log.unwatch(group)
  }

  /** Asks the processes for their figures and the kept groups that they follow. */
  survey(waitMs: number, options?: SurveyOptions): Promise<SurveyedGroups> {
    return this.surveys.run([...this.#processes.values()], waitMs, options)
  }

  /** Sends the frame to the processes with members, except the sender, whose members have the message. */
  groupSend(group: string, bytes: Buffer, sender: HubProcess): void {
    for (const connection of this.#groups.get(group) ?? []) {
      if (connection !== sender) connection.sendToGroup(group, bytes)
    }
  }

  /** A process has dropped messages to these groups. */
  missed(groups: readonly string[], sender: HubProcess): void {
    for (const group of groups) {
      for (const connection of this.#groups.get(group) ?? []) if (connection !== sender) connection.missed(group)
    }
  }

  /** Sends to a channel of a process. Returns `false` if its queue is full. Has no effect without the process. */
  sendToProcess(channel: string, payload: Buffer): boolean {
    const process = /([^.!]+\.[^.!]+)!/.exec(channel)?.[1]
    const connection = process === undefined ? undefined : this.#processes.get(process)
    return connection === undefined || connection.sendBounded(frame(kinds.message, channel, payload))
  }

  /** Queues a message for a general channel. Returns `false` if the channel is full. */
  sendJob(channel: string, payload: Buffer, capacity: number): boolean {
    this.#capacity = capacity
    // A copy, because the payload is a part of what was read at once.
    return this.#jobs.deliver(channel, jobOf(Buffer.from(payload))) !== 'full'
  }

  /** Puts back a message that its process does not want any more. */
  putBack(channel: string, payload: Buffer, capacity: number): void {
    this.#capacity = capacity
    this.#jobs.putBack(channel, jobOf(Buffer.from(payload)))
  }

  /** Resolves with the next message of a general channel. */
  async takeJob(channel: string, capacity: number, signal: AbortSignal): Promise<Buffer> {
    this.#capacity = capacity
    const job = await this.#jobs.receive(channel, signal)
    return job['bytes'] as Buffer
  }

  flush(connection: HubProcess): void {
    for (const group of connection.groups) this.unsubscribe(group, connection)
    this.#jobs.clear()
    this.log.flush()
  }

  close(): void {
    this.#jobs.close(new Error('The hub is closed.'))
    this.log.close()
  }
}

function jobOf(bytes: Buffer): Message {
  return { type: 'job', bytes }
}

/** Returns whether the connection is the first one. */
function addTo(sets: Map<string, Set<HubProcess>>, name: string, connection: HubProcess): boolean {
  const set = sets.get(name)
  if (set === undefined) sets.set(name, new Set([connection]))
  else set.add(connection)
  return set === undefined
}

/** Returns whether the connection was the last one. */
function removeFrom(sets: Map<string, Set<HubProcess>>, name: string, connection: HubProcess): boolean {
  const set = sets.get(name)
  return set?.delete(connection) === true && set.size === 0 && sets.delete(name)
}
