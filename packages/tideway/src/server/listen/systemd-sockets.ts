import type { DescriptorTarget } from './listen-target.ts'

/** The first descriptor that systemd passes (`SD_LISTEN_FDS_START`). */
const FIRST_DESCRIPTOR = 3

/**
 * Returns the sockets that systemd passed to this process (sd_listen_fds(3)). Returns none if `LISTEN_PID` is another process: a child
 * inherits the environment of its parent and must not use its sockets.
 */
export function systemdSockets(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): readonly DescriptorTarget[] {
  const { LISTEN_PID, LISTEN_FDS } = environment
  if (LISTEN_PID !== String(pid) || !/^\d{1,4}$/.test(LISTEN_FDS ?? '')) return []
  return Array.from({ length: Number(LISTEN_FDS) }, (_, i) => ({ fd: FIRST_DESCRIPTOR + i }))
}
