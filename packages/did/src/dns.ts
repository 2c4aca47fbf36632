import type { DidResult } from './error.ts'

/** Asks for the TXT records of a name: one text per record, its pieces joined; none is an empty list. */
export type LookupTxt = (
  name: string,
  options?: { readonly signal?: AbortSignal },
) => Promise<DidResult<string[]>>

/** Longest name of the DNS, in characters. */
export const MAX_DNS_NAME = 253
