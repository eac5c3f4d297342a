import type { HeadersInit } from '../asgi/headers.ts'
import type { HttpReceiveEvent } from '../asgi/http-events.ts'
import type { HttpScope } from '../asgi/scope.ts'
import { Consumer, type WithChannelLayers, type WithUrlRoute } from './consumer.ts'

/** The default limit of a request body: 1 MiB. */
const DEFAULT_MAX_BODY_BYTES = 1024 * 1024

/** Status and headers of a response. */
export interface ResponseInit {
  /** @default 200 */
  readonly status?: number | undefined
  readonly headers?: HeadersInit | undefined
}

/**
 * Serves one HTTP request: override `handle`. If it returns before the response is complete, the request stays open for
 * messages of the channel layer until the last piece of the body is sent or the client disconnects. Use it for streams of
 * events and long polling.
 */
export abstract class HttpConsumer<Kwargs extends object = {}, Extra extends object = {}> extends Consumer<
  HttpScope & WithChannelLayers & WithUrlRoute<Kwargs> & Extra
> {
  static override scopeType = 'http' as const

  /** Maximum bytes of a request body. A larger one is answered with 413 without calling `handle`. */
  static maxBodyBytes: number = DEFAULT_MAX_BODY_BYTES

  #body: Uint8Array[] = []
  #bodyBytes = 0
  #complete = false

  /** The request with its whole body. */
  abstract handle(body: Uint8Array): void | Promise<void>

  /** The response is complete, or the client disconnected before. Runs exactly once. */
  disconnect(): void | Promise<void> {}

  /** Sends status and headers. */
  sendHeaders({ status = 200, headers = [] }: ResponseInit = {}): void | Promise<void> {
    return this.sendEvent({ type: 'http.response.start', status, headers })
  }

  /** Sends a piece of the body; the last one has no `moreBody`. */
  sendBody(body: string | Uint8Array, { moreBody = false }: { moreBody?: boolean } = {}): void | Promise<void> {
    const sending = this.sendEvent({ type: 'http.response.body', body, moreBody })
    // Last: if sending throws, the response is still incomplete.
    if (!moreBody) {
      this.#complete = true
      this.takeNoMoreMessages()
    }
    return sending
  }

  /** Sends a whole response. */
  async sendResponse(body: string | Uint8Array, init: ResponseInit = {}): Promise<void> {
    await this.sendHeaders(init)
    await this.sendBody(body)
  }

  protected override handleEvent(event: HttpReceiveEvent): void | PromiseLike<void> {
    if (event.type !== 'http.request' || this.#complete) return undefined
    this.#bodyBytes += event.body.byteLength
    const { maxBodyBytes } = this.constructor as typeof HttpConsumer
    if (this.#bodyBytes > maxBodyBytes) {
      this.#body = []
      return this.#thenStop(this.sendResponse('Content Too Large', { status: 413 }))
    }
    this.#body.push(event.body)
    if (event.moreBody) return undefined
    const body = this.#body.length === 1 ? this.#body[0]! : Buffer.concat(this.#body)
    this.#body = []
    return this.#thenStop(this.handle(body))
  }

  protected override handleEnd(): void | PromiseLike<void> {
    return this.disconnect()
  }

  /** Ends the consumer if the response is complete, or if no message can reach the consumer. */
  async #thenStop(handled: void | Promise<void>): Promise<void> {
    await handled
    if (this.#complete || !this.hasChannel) this.stop()
  }
}
