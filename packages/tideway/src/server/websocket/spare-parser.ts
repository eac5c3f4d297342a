import { FrameParser, type CompressedSink, type FrameSink } from './frame-parser.ts'

/** The parser that no connection uses. One is enough, since chunks are parsed one after another. */
let spare: FrameParser | undefined

/**
 * Returns a parser for the next chunk of a connection. A connection between two messages has none: 10,000 idle connections share one
 * parser instead of keeping 152 of 4,000 bytes of heap each.
 */
export function takeParser(sink: FrameSink, maxMessageBytes: number, compressedSink?: CompressedSink): FrameParser {
  const parser = spare
  if (parser === undefined) return new FrameParser(sink, maxMessageBytes, compressedSink)
  spare = undefined
  parser.serve(sink, maxMessageBytes, compressedSink)
  return parser
}

/** Takes back a parser that is between two messages. Returns any other one, which its connection keeps. */
export function unlessSpare(parser: FrameParser): FrameParser | undefined {
  if (!parser.isBetweenMessages) return parser
  // It keeps its last connection until the next chunk of any connection.
  spare = parser
  return undefined
}
