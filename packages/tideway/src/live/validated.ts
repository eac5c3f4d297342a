import { findNonJson } from '../errors/json-value.ts'
import { issueText, type StandardSchema } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/**
 * Returns the output of the schema; a promise only if the schema is async.
 * @param what names the data in errors: `The event "said" of the group "room.lobby"`
 * @throws TidewayError `ERR_BAD_EVENT` if the schema refuses the data, `ERR_BAD_MESSAGE` if JSON cannot represent the output
 */
export function validated(schema: StandardSchema, data: unknown, what: string): unknown {
  const result = schema['~standard'].validate(data)
  const outputOf = (answer: Awaited<typeof result>): unknown => {
    if (answer.issues !== undefined) throw refused('ERR_BAD_EVENT', what, answer.issues.map(issueText).join('; '))
    const problem = findNonJson(answer.value, 'data')
    if (problem !== undefined) throw refused('ERR_BAD_MESSAGE', what, problem)
    return answer.value
  }
  return result instanceof Promise ? result.then(outputOf) : outputOf(result)
}

/** The error of data that cannot be published. */
export function refused(code: 'ERR_BAD_EVENT' | 'ERR_BAD_MESSAGE', what: string, problem: string): TidewayError {
  return new TidewayError(code, `${what} is refused: ${problem}.`)
}
