/** Why a handshake did not become a connection. */
export type RefusalReason =
  /** `maxConnections` (503). */
  | 'tooManyConnections'
  /** `maxConnectionsPerAddress` (429). */
  | 'tooManyOfAddress'
  /** `maxHeaders` (431). */
  | 'tooManyHeaders'
  /** The handshake is invalid (400, 405, 426, 505). */
  | 'badHandshake'
  /** A page of another host sent cookies, and no validator of the application decided (403). */
  | 'foreignOrigin'
  /** The server is closing (503). */
  | 'shuttingDown'
  /** The application closed the connection, sent a denial response, or threw an error with a 4xx status, such as no route. */
  | 'byApplication'
  /** The application threw, or returned without an answer (500). */
  | 'applicationFailed'
  /** The application did not answer within `connectTimeoutMs` (503). */
  | 'applicationTimeout'
  /** The client disconnected before the answer. */
  | 'abandoned'
