import { XrpcClientError } from './error.ts'

const maxNameLength = 256
const maxMessageLength = 10_000

/** The error of an answer that is a refusal, by what its body says; lengths are bounded, so that nobody fills a log. */
export function refusalOf({ status, headers }: Response, text: string, nsid: string): XrpcClientError {
  const { error, message } = (parse(text) ?? {}) as { error?: unknown; message?: unknown }
  const words = textOf(message, maxMessageLength) || `status ${status}; nsid=${nsid}`
  return new XrpcClientError('response', words, { status, headers, error: textOf(error, maxNameLength) })
}

function textOf(value: unknown, maxLength: number): string {
  return typeof value === 'string' ? value.slice(0, maxLength) : ''
}

/** The value of a JSON text; undefined for what is none. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
