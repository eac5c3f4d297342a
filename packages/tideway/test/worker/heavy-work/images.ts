// images.ts of docs/guides/heavy-work.md: a test holds the guide equal to it.
import { transfer } from 'tideway/worker'

export function invert(pixels: Uint8Array<ArrayBuffer>) {
  for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - pixels[i]!
  return transfer(pixels, [pixels.buffer])
}
