import { TidewayError } from '../errors/tideway-error.ts'
import { findNonJson } from '../errors/json-value.ts'
import { issueText, type StandardSchema } from '../errors/standard-schema.ts'

/** The largest input of a task, in bytes of JSON. */
export const MAX_INPUT_BYTES: number = 1024 * 1024

/**
 * Returns the output of the schema, or the input itself if there is no schema.
 * @throws TidewayError `ERR_BAD_TASK_INPUT` with all issues
 */
export async function validateInput(
  task: string,
  schema: StandardSchema | undefined,
  input: unknown,
): Promise<unknown> {
  if (schema === undefined) return input
  const result = await schema['~standard'].validate(input)
  if (result.issues === undefined) return result.value
  throw badInput(task, result.issues.map(issueText).join('; '))
}

/**
 * Checks that the input stays the same as JSON.
 * @throws TidewayError `ERR_BAD_TASK_INPUT`
 */
export function requireJson(task: string, input: unknown): void {
  const found = findNonJson(input, 'input')
  if (found !== undefined) throw badInput(task, found)
  const bytes = input === undefined ? 0 : Buffer.byteLength(JSON.stringify(input))
  if (bytes <= MAX_INPUT_BYTES) return
  throw badInput(task, `it takes ${bytes} bytes, over the limit of ${MAX_INPUT_BYTES}: queue a reference to the data`)
}

function badInput(task: string, what: string): TidewayError {
  return new TidewayError('ERR_BAD_TASK_INPUT', `The input of the task ${task} is refused: ${what}.`)
}
