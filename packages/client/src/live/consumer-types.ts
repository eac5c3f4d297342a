/** The part of a Standard Schema that the client uses: its types. */
export interface SchemaTypes {
  readonly '~standard': { readonly types?: { readonly input: unknown; readonly output: unknown } | undefined }
}

/** The schema of an event in a declaration of groups, or of a volatile event. */
export type EventDeclaration = SchemaTypes | { readonly volatile: SchemaTypes }

/** The part of a declaration of groups that the client uses: events, or the schema of values. */
export type GroupDeclaration =
  | {
      readonly events: Readonly<Record<string, EventDeclaration>>
      readonly presence?: SchemaTypes | undefined
    }
  | { readonly state: SchemaTypes }

/** The part of a live consumer's class that the client uses, as types only. */
export interface LiveConsumerClass {
  readonly groups: Readonly<Record<string, GroupDeclaration>>
  readonly prototype: object
}

interface Untyped {
  readonly '~standard': { readonly types?: { readonly input: unknown; readonly output: unknown } }
}

/** A consumer without types: any family, event and request. */
export interface UntypedConsumer {
  readonly groups: Readonly<Record<string, { readonly events: Readonly<Record<string, Untyped>> }>>
  readonly prototype: Readonly<
    Record<string, { readonly '~types'?: { readonly input: unknown; readonly output: unknown } }>
  >
}

/** The names of the declarations of groups. */
export type FamilyName<Consumer extends LiveConsumerClass> = keyof Consumer['groups'] & string

/** The events of a declaration of groups, by name. */
export type EventsOf<
  Consumer extends LiveConsumerClass,
  Family extends FamilyName<Consumer>,
> = Consumer['groups'][Family] extends {
  readonly events: infer Events extends Readonly<Record<string, EventDeclaration>>
}
  ? Events
  : {}

/** The values of a declaration of groups: the output of its schema. */
export type ValueOf<Declared> = Declared extends { readonly state: infer Schema } ? OutputOfSchema<Schema> : never

type OutputOfSchema<Schema> = Schema extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : unknown
  : unknown

/** The data of an event: the output of its schema. */
export type EventData<Declared> = Declared extends { readonly volatile: infer Schema }
  ? OutputOfSchema<Schema>
  : OutputOfSchema<Declared>

/** The public data of a person in groups of a declaration: the output of its schema. */
export type PersonOf<
  Consumer extends LiveConsumerClass,
  Family extends FamilyName<Consumer>,
> = Consumer['groups'][Family] extends { readonly presence: infer Schema extends SchemaTypes }
  ? OutputOfSchema<Schema>
  : unknown

/** The position of an event: only a volatile event has none. */
export type EventPosition<Declared> = Declared extends { readonly volatile: unknown } ? undefined : string

type TypesOf<Member> = Member extends { readonly '~types'?: infer Types } ? NonNullable<Types> : never

/** The names of the requests: the fields of the consumer that `request()` of the server made. */
export type RequestName<Consumer extends LiveConsumerClass> = {
  [Name in keyof Consumer['prototype'] & string]: '~types' extends keyof Consumer['prototype'][Name] ? Name : never
}[keyof Consumer['prototype'] & string]

/** The input of a request, before its schema. */
export type RequestInput<Consumer extends LiveConsumerClass, Name extends keyof Consumer['prototype']> =
  TypesOf<Consumer['prototype'][Name]> extends { readonly input: infer Input } ? Input : never

/** The result of a request. */
export type RequestOutput<Consumer extends LiveConsumerClass, Name extends keyof Consumer['prototype']> =
  TypesOf<Consumer['prototype'][Name]> extends { readonly output: infer Output } ? Output : never
