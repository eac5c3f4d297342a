import { ChannelFullError } from 'tideway/layer'

import { GapNotes } from '../layer/gap-notes.ts'
import { gapNote } from '../layer/host-gaps.ts'

/** Appends a note to the queue of a process. Resolves with `false` if the queue is full. */
export type EnqueueNote = (queue: string, note: Record<string, unknown>) => Promise<boolean>

/** Sends gap notes through the queues of the processes that missed messages. */
export class GapNoteSender {
  readonly #enqueue: EnqueueNote
  /** The groups whose messages were dropped because a queue was full, by queue. */
  readonly #byQueue = new Map<string, GapNotes>()

  constructor(enqueue: EnqueueNote) {
    this.#enqueue = enqueue
  }

  /**
   * Sends a note to several processes.
   * @throws ChannelFullError if a queue is full
   */
  async sendTo(queues: readonly string[], note: Record<string, unknown>): Promise<void> {
    await Promise.all(queues.map((queue) => this.#send(queue, note)))
  }

  /** Sends a note to the process of a queue that had no room for a message to the group. Retries until that succeeds. */
  queueWasFull(queue: string, group: string): void {
    const notes =
      this.#byQueue.get(queue) ??
      new GapNotes(async (groups) => {
        await this.#send(queue, gapNote(groups))
        if (notes.isEmpty) this.#byQueue.delete(queue)
      })
    this.#byQueue.set(queue, notes)
    notes.add([group])
  }

  close(): void {
    for (const notes of this.#byQueue.values()) notes.close()
  }

  async #send(queue: string, note: Record<string, unknown>): Promise<void> {
    if (!(await this.#enqueue(queue, note))) throw new ChannelFullError(queue)
  }
}
