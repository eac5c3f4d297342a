/** The kwargs of a path pattern: `"chat/:room/<int:page>/"` has `{ room: string; page: number }`. */
export type PathKwargs<Pattern extends string> = string extends Pattern
  ? UnknownKwargs
  : Simplify<SegmentsKwargs<Pattern>>

/**
 * The kwargs of a regular expression: its named groups, if its text is known. The type of a `RegExp` has no text, so the
 * kwargs that the application needs are assumed, as strings.
 */
export type RegExpKwargs<Pattern extends RegExp | string> = Pattern extends string
  ? string extends Pattern
    ? Record<string, string>
    : Simplify<GroupsKwargs<Pattern>>
  : Record<string, string>

/** For a pattern that is built at run time: the kwargs that the application needs are assumed. */
type UnknownKwargs = Record<string, never>

type SegmentsKwargs<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? SegmentKwargs<Segment> & SegmentsKwargs<Rest>
  : SegmentKwargs<Pattern>

type SegmentKwargs<Segment extends string> = Segment extends `:${infer Name}`
  ? Record<Name, string>
  : Segment extends `${string}<${infer Inside}>${infer Rest}`
    ? ParameterKwargs<Inside> & SegmentKwargs<Rest>
    : unknown

type ParameterKwargs<Inside extends string> = Inside extends `${infer Converter}:${infer Name}`
  ? Record<Name, Converter extends 'int' ? number : string>
  : Record<Inside, string>

/** `(?<=` and `(?<!` are look-behinds, not named groups. */
type GroupsKwargs<Source extends string> = Source extends `${string}(?<${infer AfterOpening}`
  ? AfterOpening extends `${'=' | '!'}${infer Rest}`
    ? GroupsKwargs<Rest>
    : AfterOpening extends `${infer Name}>${infer Rest}`
      ? Record<Name, string> & GroupsKwargs<Rest>
      : unknown
  : unknown

/** One object type instead of an intersection, for readable types in editors. */
export type Simplify<T> = { [Name in keyof T]: T[Name] } & {}
