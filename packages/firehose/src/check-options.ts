// What the options of a consumer must be, said before it starts.

import { FirehoseError } from './errors.ts'
import type { Follows, Source } from './options.ts'

/** @throws FirehoseError `invalid-option` */
export function checkOptions(options: {
  readonly sources: readonly Source[]
  readonly collections?: readonly string[]
  readonly scope?: 'all' | 'matching' | Follows
  readonly concurrency?: number
}): void {
  const ids = options.sources.map((source) => source.id)
  if (new Set(ids).size !== ids.length) {
    throw new FirehoseError('invalid-option', `sources must have different ids; ids=${ids.join(',')}`)
  }
  for (const source of options.sources) {
    if (source.kind === 'pds' && source.host === null) {
      throw new FirehoseError('invalid-option', `a pds source needs its host; id=${source.id}`)
    }
  }
  for (const pattern of options.collections ?? []) {
    if (!/^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+(\.\*)?$/.test(pattern)) {
      throw new FirehoseError('invalid-option', `not an NSID or a prefix with .*; collection=${pattern}`)
    }
  }
  if (options.scope === 'matching' && options.collections === undefined) {
    throw new FirehoseError('invalid-option', 'the scope matching needs collections')
  }
  if (options.concurrency !== undefined && !(options.concurrency >= 1)) {
    throw new FirehoseError('invalid-option', `concurrency is at least 1; concurrency=${options.concurrency}`)
  }
}
