import type { LayerFinding } from '../../layer/channel-layer.ts'

/** What `tideway doctor` found: in the program, in its surroundings, or behind the URL. */
export type Finding = LayerFinding

/** Something that is as it should be. */
export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found }
}

/** Something that may go wrong. */
export function warning(check: string, found: string, advice: string): Finding {
  return { check, level: 'warning', found, advice }
}

/** Something that does not work, or is not safe. */
export function problem(check: string, found: string, advice: string): Finding {
  return { check, level: 'problem', found, advice }
}
