import type { LayerFinding } from '../../layer/channel-layer.ts'

/** One finding of `tideway doctor`: about the application, its machine, its options or its URL. */
export type Finding = LayerFinding

/** A passed check. */
export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found }
}

/** A possible problem. */
export function warning(check: string, found: string, advice: string): Finding {
  return { check, level: 'warning', found, advice }
}

/** Something that does not work or is unsafe. */
export function problem(check: string, found: string, advice: string): Finding {
  return { check, level: 'problem', found, advice }
}
