/** The kwargs that a path pattern gives: `"chat/:room/<int:page>/"` gives `{ room: string; page: number }`. */
export type PathKwargs<Pattern extends string> = string extends Pattern ? UnknownKwargs : Flat<SegmentsKwargs<Pattern>>

/**
 * The kwargs that a regular expression gives: its named groups, where its text is known. A `RegExp` carries no text in
 * its type, so it is taken to give, as strings, what the application asks for.
 */
export type RegExpKwargs<Pattern extends RegExp | string> = Pattern extends string
  ? string extends Pattern
    ? Record<string, string>
    : Flat<GroupsKwargs<Pattern>>
  : Record<string, string>

/** Of a pattern that is put together at run time: taken to give whatever the application asks for. */
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

/** `(?<=` and `(?<!` look behind; they name nothing. */
type GroupsKwargs<Source extends string> = Source extends `${string}(?<${infer AfterOpening}`
  ? AfterOpening extends `${'=' | '!'}${infer Rest}`
    ? GroupsKwargs<Rest>
    : AfterOpening extends `${infer Name}>${infer Rest}`
      ? Record<Name, string> & GroupsKwargs<Rest>
      : unknown
  : unknown

/** One object type instead of an intersection of many, as an editor shows it. */
export type Flat<T> = { [Name in keyof T]: T[Name] } & {}
