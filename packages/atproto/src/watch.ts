import { DEFAULT_POLICY, parseEvent, pdsSource, type Source } from '@avocet/firehose'
import type { Did } from '@avocet/syntax'

import { follow, SOURCE, type FollowOptions, type RecordChange } from './firehose.ts'
import { resolve } from './identity.ts'

/**
 * The changes of one account's records, proved, straight from its PDS. Likewise `firehose`; of the other accounts there nothing is looked up
 * or kept.
 * @throws {AtprotoError} of `@avocet/did` and `@avocet/firehose`
 */
export async function* watch(actor: string, options: FollowOptions = {}): AsyncGenerator<RecordChange, void> {
  const { did, pds } = await resolve(actor, options)
  yield* follow(() => only(did, pdsSource({ url: pds, id: SOURCE })), options, 'all')
}

/** A source of which the events of one account alone come. */
function only(did: Did, source: Source): Source {
  return {
    ...source,
    frames: async function* (options) {
      for await (const frame of source.frames(options)) {
        const parsed = parseEvent(frame, DEFAULT_POLICY)
        // What cannot be read, or is of no account, is for the verifier to judge.
        if (!parsed.ok || !('did' in parsed.value) || parsed.value.did === did) yield frame
      }
    },
  }
}
