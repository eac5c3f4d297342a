/** The options of the inspector. */
export interface InspectorOptions {
  /**
   * Turns on the inspector, the page `/inspector` on the metrics port, and is the token that it asks for: at least 16 characters. It needs
   * `metricsPort`. A worker of `node:cluster` serves it on a free port of its own, and logs the URL.
   * @default false
   */
  readonly inspectorToken?: string | false
}

/** The fewest characters of a token. */
export const SHORTEST_TOKEN = 16
