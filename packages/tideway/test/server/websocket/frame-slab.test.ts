import { describe, expect, it } from 'vitest'
import { FrameSlab } from '../../../src/server/websocket/frame-slab.ts'
import { FrameNode } from '../../../src/server/websocket/frame-tree.ts'
import { encodeTextFrame, type Frame } from '../../../src/server/websocket/frame.ts'

describe('FrameSlab', () => {
  const lengths = [0, 1, 41, 42, 63, 64, 125, 126, 127, 1023, 1024, 1025, 30_000, 70_000]
  const characters = ['x', 'é', '한', '👍', '\ud800']
  const cases = lengths.flatMap((length) => characters.map((character) => [length, character] as const))

  it.each(cases)('writes the frame of %i times %j as a frame of its own', (length, character) => {
    const text = character.repeat(length)
    const slab = new FrameSlab()
    slab.encode('before')
    const frame = slab.encode(text)
    slab.encode('after')
    expect(frame.bytes.equals(encodeTextFrame(text).bytes)).toBe(true)
    expect(frame.length).toBe(frame.bytes.length)
  })

  it('writes frames one directly after the other, which need no copy', () => {
    const slab = new FrameSlab()
    const frames = ['a', 'é'.repeat(100), 'c'].map((text) => slab.encode(text))
    const { bytes } = pathOf(frames)
    expect(bytes.buffer).toBe(frames[0]!.buffer.buffer)
    expect(bytes.equals(Buffer.concat(frames.map((frame) => frame.bytes)))).toBe(true)
  })

  it('keeps its frames when the slab is full and a new one begins', () => {
    const slab = new FrameSlab()
    const texts = Array.from({ length: 1000 }, (_, number) => `${number}`.repeat(50))
    const frames = texts.map((text) => slab.encode(text))
    expect(new Set(frames.map(({ buffer }) => buffer)).size).toBeGreaterThan(1)
    const expected = Buffer.concat(texts.map((text) => encodeTextFrame(text).bytes))
    expect(pathOf(frames).bytes.equals(expected)).toBe(true)
  })

  it('has frames that are joined by a copy where another frame was between them', () => {
    const slab = new FrameSlab()
    const [first, , third] = ['a', 'b', 'c'].map((text) => slab.encode(text)) as [Frame, Frame, Frame]
    const { bytes } = pathOf([first, third])
    expect(bytes.equals(Buffer.concat([first.bytes, third.bytes]))).toBe(true)
  })

  function pathOf(frames: readonly Frame[]): FrameNode {
    return frames.reduce((node, frame) => node.next(frame), new FrameNode())
  }
})
