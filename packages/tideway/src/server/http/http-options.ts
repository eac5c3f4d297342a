/** Options of a server's HTTP side. */
export interface HttpOptions {
  /** How long the application may take to begin its response; then 503 is answered. `false`: for ever. @default false */
  readonly httpTimeoutMs?: number | false
}

/** The defaults of {@link HttpOptions}. */
export const httpDefaults: Readonly<Required<HttpOptions>> = Object.freeze({
  httpTimeoutMs: false,
})
