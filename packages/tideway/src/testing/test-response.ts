import { HeaderList, type HeadersInit } from '../asgi/headers.ts'

/** The complete response of an application. */
export class TestResponse {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Buffer
  /** The trailers that the application sent after the body. */
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

  /** Returns the body as JSON. Throws the error of `JSON.parse`. */
  json(): unknown {
    return JSON.parse(this.text)
  }
}
