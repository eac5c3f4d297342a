import { resolvesWithin } from '../errors/resolves-within.ts'
import { TidewayError } from '../errors/tideway-error.ts'

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

/** Whether the answer allows the join. It may also be nothing, which is what a method without a `return` answers. */
export function isAllowed(answer: Authorization | undefined): answer is Exclude<Authorization, false> {
  return answer === true || (typeof answer === 'object' && answer !== null)
}

/** The answer of a hook, if it comes in time. @throws TidewayError `ERR_APPLICATION_TIMEOUT` */
export function answeredWithin<Answer>(
  call: string,
  answer: Answer | PromiseLike<Answer>,
  timeoutMs: number,
): Answer | Promise<Answer> {
  const isPromise = typeof (answer as PromiseLike<Answer> | undefined)?.then === 'function'
  return isPromise ? resolved(call, answer as PromiseLike<Answer>, timeoutMs) : (answer as Answer)
}

async function resolved<Answer>(call: string, answer: PromiseLike<Answer>, timeoutMs: number): Promise<Answer> {
  if (await resolvesWithin(answer, timeoutMs, { ref: false })) return answer
  throw new TidewayError('ERR_APPLICATION_TIMEOUT', `${call} has not answered within ${timeoutMs} ms.`)
}
