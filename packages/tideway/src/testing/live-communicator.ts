import { TidewayError } from '../errors/tideway-error.ts'
import type { EventSchemas, OutputOf } from '../live/event-schemas.ts'
import { LIVE_SUBPROTOCOL } from '../live/frames.ts'
import { RequestError, type LiveRequest } from '../live/request.ts'
import type { WebSocketCommunicator } from './websocket-communicator.ts'

/** The types of a `LiveConsumer` class that its client needs. */
export interface LiveClass {
  readonly groups: Readonly<Record<string, { readonly events: EventSchemas }>>
  readonly prototype: object
}

/** One event of a group. */
export type LiveEvent<Events extends EventSchemas> = {
  readonly [Name in keyof Events & string]: {
    readonly name: Name
    readonly data: OutputOf<Events[Name]>
    /** The position of the event, as `epoch:offset`. `undefined` for a volatile event. */
    readonly position: string | undefined
    /** The `id` with which the event was published. */
    readonly id: string | undefined
  }
}[keyof Events & string]

/** The answer to a join. */
export interface Joined {
  /** The next event is the one after this position. */
  readonly position: string
  /** The newest position of the group. */
  readonly top: string
  /** Whether the events continue `since`. */
  readonly recovered: boolean
  /** Why not; `undefined` without `since`. */
  readonly why?: string | undefined
  readonly snapshot?: unknown
}

/** A reset of a joined group. */
export type LiveReset = Pick<Joined, 'position' | 'snapshot'> & { readonly why: string }

/** Where a join begins. */
export interface LiveJoinOptions {
  /** The position up to which the client has received everything. @default none */
  readonly since?: string | undefined
  /** How many of the newest events to send. @default 0 */
  readonly last?: number | undefined
}

/** The names of the groups of a class. */
type FamilyOf<Live extends LiveClass> = keyof Live['groups'] & string

type EventsOf<Live extends LiveClass, Family extends keyof Live['groups']> = Live['groups'][Family]['events']

/** The requests of a class: their names, with the types of their input and output. */
type RequestsOf<Live extends LiveClass> = {
  readonly [
    Name in keyof Live['prototype'] & string as Live['prototype'][Name] extends LiveRequest<unknown, unknown>
      ? Name
      : never
  ]: NonNullable<Live['prototype'][Name] extends { readonly '~types'?: infer Types } ? Types : never>
}
type InputOfRequest<Types> = Types extends { readonly input: infer Input } ? Input : never
type OutputOfRequest<Types> = Types extends { readonly output: infer Output } ? Output : never

/** The calls of a communicator of any scope. */
type Socket = Pick<WebSocketCommunicator, 'connect' | 'sendJsonTo' | 'receiveJsonFrom' | 'disconnect'>

type Frame = Readonly<Record<string, unknown>>

/**
 * A client of a `LiveConsumer` without a network, with the types of its class: joins groups, sends requests and receives events. It
 * keeps no position and does not reconnect: a test says where a join begins.
 *
 * Refusals reject with a `RequestError` that has the code of the server.
 *
 * @example
 * const subprotocols = ['tideway.v1.json']
 * const socket = new WebSocketCommunicator(ChatConsumer.asApplication(), '/ws/chat/', { subprotocols, scope: { user, channelLayers } })
 * const client = new LiveCommunicator<typeof ChatConsumer>(socket)
 * await client.connect()
 * await client.join('room', 'lobby', { last: 10 })
 * await client.request('say', { room: 'lobby', text: 'hello' })
 * expect(await client.nextEvent('room', 'lobby')).toMatchObject({ name: 'said', data: { text: 'hello' } })
 * await client.disconnect()
 */
export class LiveCommunicator<Live extends LiveClass> {
  /** The connection, for frames that this class does not have. */
  readonly communicator: Socket
  /** Frames that no call has taken. */
  readonly #frames: Frame[] = []
  #reading: Promise<void> | undefined
  #requests = 0

  /** @param communicator offers the subprotocol `tideway.v1.json` */
  constructor(communicator: Socket) {
    this.communicator = communicator
  }

  /** Opens the connection, and sends `hello`. @throws TidewayError `ERR_TEST_EXPECTATION` if the handshake is rejected */
  async connect(): Promise<void> {
    const answer = await this.communicator.connect()
    if (!answer.accepted || answer.subprotocol !== LIVE_SUBPROTOCOL) {
      const got = answer.accepted ? `the subprotocol ${answer.subprotocol}` : `${answer.status} ${answer.text}`
      throw new TidewayError(
        'ERR_TEST_EXPECTATION',
        `Expected a connection with the subprotocol ${LIVE_SUBPROTOCOL}, but got ${got}.`,
      )
    }
    this.communicator.sendJsonTo({ t: 'hello', v: 1 })
    await this.#take('hi', ({ t }) => t === 'hi')
  }

  /** Joins a group. @throws RequestError with the code of the server if it refuses */
  async join(family: FamilyOf<Live>, id: string, options: LiveJoinOptions = {}): Promise<Joined> {
    const g = `${family}.${id}`
    this.communicator.sendJsonTo({ t: 'join', g, ...options })
    const frame = await this.#take(`the answer to the join of ${g}`, (frame) => frame['g'] === g && isJoinAnswer(frame))
    if (frame['t'] === 'left') throw errorOf(frame)
    const { at, top, recovered, why, snapshot } = frame as Record<string, never>
    return { position: at!, top: top!, recovered: recovered!, why, snapshot }
  }

  /** Leaves a group. */
  async leave(family: FamilyOf<Live>, id: string): Promise<void> {
    const g = `${family}.${id}`
    this.communicator.sendJsonTo({ t: 'leave', g })
    await this.#take(
      `the answer to the leave of ${g}`,
      (frame) => frame['g'] === g && frame['t'] === 'left' && frame['code'] === undefined,
    )
  }

  /**
   * Sends a request, and waits for the answer.
   * @param options `id`: the same as before, to repeat a request
   * @throws RequestError with the code of the server or of the handler
   */
  async request<Name extends keyof RequestsOf<Live> & string>(
    name: Name,
    ...[input, options]: undefined extends InputOfRequest<RequestsOf<Live>[Name]>
      ? [input?: InputOfRequest<RequestsOf<Live>[Name]>, options?: { readonly id?: string }]
      : [input: InputOfRequest<RequestsOf<Live>[Name]>, options?: { readonly id?: string }]
  ): Promise<OutputOfRequest<RequestsOf<Live>[Name]>> {
    const id = options?.id ?? `test-${process.hrtime.bigint()}-${++this.#requests}`
    this.communicator.sendJsonTo({ t: 'request', id, m: name, d: input })
    const frame = await this.#take(`the answer to ${name}`, (frame) => frame['t'] === 'answer' && frame['id'] === id)
    if (frame['error'] !== undefined) throw errorOf(frame['error'] as Frame)
    return frame['ok'] as OutputOfRequest<RequestsOf<Live>[Name]>
  }

  /** Waits for the next event of a group. */
  async nextEvent<Family extends FamilyOf<Live>>(
    family: Family,
    id: string,
  ): Promise<LiveEvent<EventsOf<Live, Family>>> {
    const g = `${family}.${id}`
    const frame = await this.#take(`an event of ${g}`, (frame) => frame['g'] === g && typeof frame['e'] === 'string')
    const event = { name: frame['e'], data: frame['d'], position: frame['at'], id: frame['id'] }
    return event as LiveEvent<EventsOf<Live, Family>>
  }

  /** Waits for a reset of a joined group. */
  async nextReset(family: FamilyOf<Live>, id: string): Promise<LiveReset> {
    const g = `${family}.${id}`
    const frame = await this.#take(`a reset of ${g}`, (frame) => frame['g'] === g && frame['t'] === 'reset')
    return { position: frame['at'] as string, why: frame['why'] as string, snapshot: frame['snapshot'] }
  }

  /** Waits until the server ends a join. Returns the code. */
  async removed(family: FamilyOf<Live>, id: string): Promise<string> {
    const g = `${family}.${id}`
    const frame = await this.#take(`the end of the join of ${g}`, (frame) => frame['g'] === g && frame['t'] === 'left')
    return frame['code'] as string
  }

  /** Closes the connection, and waits until the consumer has ended. Rejects with the error that it threw. */
  disconnect(code?: number): Promise<void> {
    return this.communicator.disconnect(code)
  }

  /** Calls {@link disconnect}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  /** Takes the first frame that matches out of those that have arrived, or waits for it. */
  async #take(what: string, matches: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const index = this.#frames.findIndex(matches)
      if (index !== -1) return this.#frames.splice(index, 1)[0]!
      try {
        // Calls at the same time share a read, because each may get the frame of another one.
        await (this.#reading ??= this.#read())
      } catch (cause) {
        if (!(cause instanceof TidewayError)) throw cause
        const left = this.#frames
          .map((frame) => JSON.stringify(frame))
          .join(', ')
          .slice(0, 500)
        throw new TidewayError(
          cause.code,
          `${cause.message} Expected ${what}. Frames that no call took: ${left || 'none'}.`,
          { cause },
        )
      }
    }
  }

  async #read(): Promise<void> {
    try {
      this.#frames.push((await this.communicator.receiveJsonFrom()) as Frame)
    } finally {
      this.#reading = undefined
    }
  }
}

function isJoinAnswer({ t, code }: Frame): boolean {
  return t === 'joined' || (t === 'left' && code !== undefined)
}

function errorOf({ code, message }: Frame): RequestError {
  return new RequestError(code as string, message as string)
}
