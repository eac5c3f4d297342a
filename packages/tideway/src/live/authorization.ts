/** The answer of `authorize()`: whether the client may join, or with which limits. */
export type Authorization =
  | boolean
  | {
      /** `false`: the events do not continue the position of the client. It begins with the newest ones and the snapshot. @default true */
      readonly resume?: false | undefined
      /**
       * The most events of the time before the join that the client gets, also if it resumes. Has no effect on a group with
       * values. @default unlimited
       */
      readonly history?: number | undefined
      /** `count`: the client gets the number of people, and not the list. `false`: neither. @default the list */
      readonly presence?: 'count' | false | undefined
    }
