export { type DecodeOptions, type ItemBudget, decode, decodeFirst } from './decode.ts'
export { encode } from './encode.ts'
export { CborError, type CborErrorCode } from './error.ts'
