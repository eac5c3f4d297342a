import { timingSafeEqual } from 'node:crypto'

/** Whether two strings are equal. The time does not depend on how many bytes agree. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
