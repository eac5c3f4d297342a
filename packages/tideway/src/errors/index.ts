export { TidewayError } from './tideway-error.ts'
export { errorCodes, type ErrorCode } from './codes.ts'
