/** The close codes that tideway itself uses (RFC 6455 §7.4.1 and the IANA WebSocket Close Code registry). */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Never on the wire: the peer's close frame had no code. */
  noStatus: 1005,
  /** Never on the wire: the connection ended without a close frame. */
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
} as const

/**
 * Whether a close frame may carry the code: 1000-1003, 1007-1014 and 3000-4999 (RFC 6455 §7.4.2 and the IANA registry;
 * 1004, 1005, 1006 and 1015 are reserved and never sent).
 */
export function isValidCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  if (code >= 3000) return code <= 4999
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
}
