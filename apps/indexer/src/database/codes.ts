// Words that rows hold as numbers: 0 and 1 take no byte of a row.

/**
 * `unknown`: there is no lexicon for the collection here. `unreadable`: it cannot be a record, and has no content here.
 * `too-costly`: its bytes are kept, and not looked at.
 */
export type Validity = 'valid' | 'unknown' | 'invalid' | 'unreadable' | 'too-costly'

/** How a row came to be known: from a verified commit of the stream, or from a verified export of the whole repo. */
export type Provenance = 'live' | 'car'

/** By the numbers in `records.validity`. */
export const VALIDITIES: readonly Validity[] = ['valid', 'unknown', 'invalid', 'unreadable', 'too-costly']

/** By the numbers in `records.provenance`. */
export const PROVENANCES: readonly Provenance[] = ['live', 'car']
