/**
 * Tools for tests: applications without a server, and with a real one.
 * @module tideway/testing
 */

export { ApplicationCommunicator } from './application-communicator.ts'
export type { CommunicatorOptions } from './communicator-options.ts'
export { expectContiguous, type Contiguity, type Received } from './faults/expect-contiguous.ts'
export type { FaultProcess } from './faults/fault-process.ts'
export { FaultProxy } from './faults/fault-proxy.ts'
export type { Fault, FaultKind } from './faults/fault-schedule.ts'
export { seededRandom } from './faults/seeded-random.ts'
export { withFaults, type FaultOptions, type Faults, type FaultServer } from './faults/with-faults.ts'
export {
  HttpCommunicator,
  type BodyPiece,
  type HttpCommunicatorOptions,
  type ResponseHead,
} from './http-communicator.ts'
export {
  LiveCommunicator,
  type Joined,
  type LiveClass,
  type LiveEvent,
  type LiveJoinOptions,
  type LiveReset,
} from './live-communicator.ts'
export { liveServer, type LiveServer } from './live-server.ts'
export type { ConnectionOptions, ExtraScope } from './scope-option.ts'
export { TestResponse } from './test-response.ts'
export {
  HandshakeRefused,
  WebSocketCommunicator,
  type HandshakeAccepted,
  type ConnectionClose,
  type ConnectResult,
  type WebSocketCommunicatorOptions,
} from './websocket-communicator.ts'
