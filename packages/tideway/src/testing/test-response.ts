import { HeaderList, type HeadersInit } from '../asgi/headers.ts'

/** A whole response of an application. */
export class TestResponse {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Buffer
  /** What the application sent behind the body. */
  readonly trailers: HeaderList

  constructor(status: number, headers: HeadersInit, body: Buffer, trailers: HeadersInit = []) {
    this.status = status
    this.headers = HeaderList.from(headers)
    this.body = body
    this.trailers = HeaderList.from(trailers)
  }

  /** The body as UTF-8. */
  get text(): string {
    return this.body.toString()
  }

  /** The body as JSON. Throws what `JSON.parse` throws. */
  json(): unknown {
    return JSON.parse(this.text)
  }
}
