import type { DescriptorTarget } from './listen-target.ts'

/** The first descriptor that systemd passes on (`SD_LISTEN_FDS_START`). */
const FIRST_DESCRIPTOR = 3

/**
 * The sockets that systemd started this process with (sd_listen_fds(3)): none unless `LISTEN_PID` names it, as a child
 * that inherits the environment must not take the sockets of its parent.
 */
export function systemdSockets(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): readonly DescriptorTarget[] {
  const { LISTEN_PID, LISTEN_FDS } = environment
  if (LISTEN_PID !== String(pid) || !/^\d{1,4}$/.test(LISTEN_FDS ?? '')) return []
  return Array.from({ length: Number(LISTEN_FDS) }, (_, i) => ({ fd: FIRST_DESCRIPTOR + i }))
}
