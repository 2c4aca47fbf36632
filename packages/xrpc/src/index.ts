export {
  XrpcError,
  errorBody,
  parseErrorBody,
  statusErrorName,
  type XrpcErrorBody,
  type XrpcErrorOptions,
} from './error.ts'
export {
  decodeFrame,
  decodeFrameHeader,
  encodeErrorFrame,
  encodeFrame,
  fullType,
  shortType,
  type DecodeFrameOptions,
  type Frame,
  type FrameError,
  type FrameHeader,
  type FrameResult,
} from './frame.ts'
export {
  decodeJsonFrame,
  DEFAULT_SUBPROTOCOL,
  encodeJsonErrorFrame,
  encodeJsonFrame,
  isSubprotocol,
  type Subprotocol,
} from './json-frame.ts'
export { headerNames, parseRetryAfter, parseServiceRef, type ServiceRef } from './headers.ts'
export { stringifyJson } from './json.ts'
export { parseJson, type JsonFault } from './parse-json.ts'
export { isExactMime, matchesMime, mimeEssence } from './mime.ts'
export {
  decodeParams,
  encodeParams,
  type DecodeParamsOptions,
  type ParamValue,
  type ParamsError,
} from './params.ts'
