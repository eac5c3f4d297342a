/** The HTTP options of a server. */
export interface HttpOptions {
  /** How long the application may take to start its response, before the server answers 503; `false`: no limit. @default false */
  readonly httpTimeoutMs?: number | false
}

/** The defaults of {@link HttpOptions}. */
export const httpDefaults: Readonly<Required<HttpOptions>> = Object.freeze({
  httpTimeoutMs: false,
})
